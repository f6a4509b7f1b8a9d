"""Requests that can be read (`services.webhooks.json_body`), whatever endpoint they are for."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute

from services.webhooks.json_body import NotReadable, parsed


class _ReadableRequest(Request):
    async def json(self) -> Any:
        try:
            return parsed(await self.body())
        except NotReadable as error:
            raise HTTPException(400, str(error)) from None  # the framework takes any other for a bug of the body's


class Readable(APIRoute):
    """A route whose body is read as above."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def read(request: Request) -> Response:
            return await handle(_ReadableRequest(request.scope, request.receive))

        return read

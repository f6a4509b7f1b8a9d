"""Requests that can be read (`services.webhooks.json_body`), whatever endpoint they are for."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute
from starlette.datastructures import Headers

from api.problems import Problem
from services.webhooks.json_body import NotReadable, parsed


def _check_media_type(headers: Headers) -> None:
    """Refuse a body that is not said to be JSON. A request without a body needs to say nothing. Raises Problem."""
    if "transfer-encoding" not in headers and not int(headers.get("content-length", 0)):
        return
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise Problem("wrong_media_type", "send the header Content-Type: application/json with a body of JSON")


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
            if request.method == "POST":
                _check_media_type(request.headers)
            return await handle(_ReadableRequest(request.scope, request.receive))

        return read

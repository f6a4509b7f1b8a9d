"""Requests that can be read: JSON of a bounded depth, in text that every system can keep."""

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute

MOST_DEPTH = 20


def parsed(body: bytes) -> Any:
    """The JSON of a body. Raises HTTPException 400, which says in one line what cannot be read."""
    try:
        value = json.loads(body, parse_constant=_not_json)
    except RecursionError:
        raise _too_deep() from None
    except ValueError:  # also for bytes that are no UTF-8, and for numbers of thousands of digits
        raise HTTPException(400, "the body is not JSON in UTF-8") from None
    _check(value)
    return value


def _not_json(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity, which only Python takes for JSON


def _too_deep() -> HTTPException:
    return HTTPException(400, f"the body is nested more than {MOST_DEPTH} deep")


def _check(value: Any) -> None:
    """Walk through all of it without recursion: how deep it is was the sender's choice."""
    left = [(value, 1)]
    while left:
        one, depth = left.pop()
        if isinstance(one, str):
            if "\x00" in one or (not one.isascii() and any("\ud800" <= letter <= "\udfff" for letter in one)):
                raise HTTPException(400, "the body holds a NUL or half a character (a lone surrogate)")
        elif isinstance(one, dict | list):
            if depth > MOST_DEPTH:
                raise _too_deep()
            left += [(part, depth + 1) for part in (one if isinstance(one, list) else [*one, *one.values()])]


class _ReadableRequest(Request):
    async def json(self) -> Any:
        return parsed(await self.body())


class Readable(APIRoute):
    """A route whose body is read as above."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def read(request: Request) -> Response:
            return await handle(_ReadableRequest(request.scope, request.receive))

        return read

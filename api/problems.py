"""How the API says no: problem details (RFC 9457), in one shape for every error, with the request's id.

`type` ends in a code that programs branch on; `detail` is one line for a person.
"""

import logging
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException as StarletteHTTPException

from domain.core.failures import Unavailable
from domain.core.faults import fields_at, in_words
from domain.core.refusal import Refused
from services.security.auth import NotAuthenticated
from services.security.codec import CodecError
from services.webhooks.deliveries import Unreadable, Unverified
from store.database import DatabaseDown

log = logging.getLogger("tierline.api")

MEDIA_TYPE = "application/problem+json"
PREFIX = "urn:tierline:"
_LATER = {"Retry-After": "5"}
"""Seconds after which it is worth trying again, where something is down."""

STATUS = {
    "unreadable": 400,
    "unauthenticated": 401,
    "not_allowed": 403,
    "own_refund": 403,
    "refund_limit": 403,
    "not_found": 404,
    "unknown_command": 404,
    "wrong_method": 405,
    "does_not_fit": 409,
    "closed": 409,
    "conflict": 409,
    "moved_on": 409,
    "wip_limit": 409,
    "too_large": 413,
    "wrong_media_type": 415,
    "missing_fields": 422,
    "template_gap": 422,
    "malformed": 422,
    "rate_limited": 429,
    "bug": 500,
    "unavailable": 503,
}
"""The HTTP status of each code. What is not here is a bug."""

TITLES = {
    "unreadable": "The request cannot be read",
    "unauthenticated": "Who is asking is not proven",
    "not_allowed": "Not allowed",
    "own_refund": "Your own refund",
    "refund_limit": "Above the limit",
    "not_found": "Not found",
    "unknown_command": "There is no such command",
    "wrong_method": "Wrong method",
    "does_not_fit": "Not allowed now",
    "closed": "It is closed",
    "conflict": "This id belongs to another command",
    "moved_on": "The ticket has moved on",
    "wip_limit": "Too many active tickets",
    "too_large": "The request is too large",
    "wrong_media_type": "The body is not said to be JSON",
    "missing_fields": "Something is missing",
    "template_gap": "The template is not finished",
    "malformed": "Some fields are wrong",
    "rate_limited": "Too many requests",
    "bug": "A bug of ours",
    "unavailable": "Not available now",
}


ALWAYS = ("unreadable", "unauthenticated", "not_allowed", "malformed", "rate_limited", "unavailable")
"""How every operation that needs a token can fail."""


class ProblemDetails(BaseModel):
    """What every error looks like (RFC 9457), as `application/problem+json`."""

    type: Annotated[
        str, Field(description="Ends in a code that never changes.", examples=["urn:tierline:does_not_fit"])
    ]
    title: str
    status: int
    detail: Annotated[str, Field(description="One line: what is wrong, and what to do.")]
    instance: Annotated[str, Field(description="The path that was asked for.")]
    request_id: Annotated[str, Field(description="As in X-Request-Id: name it when you ask about it.")]
    missing: Annotated[list[str], Field(description="Every field that is missing, in the order of the gates.")] = []
    allowed_commands: Annotated[list[str], Field(description="The commands that are allowed now.")] = []
    would_fit: Annotated[list[str], Field(deprecated=True, description="The old name of `allowed_commands`.")] = []
    fields: Annotated[dict[str, str], Field(description="Each wrong field, and why.")] = {}
    checks: Annotated[list[dict[str, Any]], Field(description="Of /readyz: everything that was looked at.")] = []
    came: Annotated[list[dict[str, Any]], Field(description="What came since the event that `seen` names.")] = []


class Problem(Exception):
    """A refusal as it goes out. It is on record already, or need not be."""

    def __init__(self, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = {name: value for name, value in more.items() if value}

    @classmethod
    def of(cls, error: Exception) -> "Problem":
        """Return what an expected failure is to whoever asked. Anything else is a bug: its words stay in our log."""
        match error:
            case Problem():
                return error
            case Refused():
                more: dict[str, Any] = {
                    "missing": error.missing,
                    "allowed_commands": error.would_fit,
                    "would_fit": error.would_fit,  # the old name, until 1.0
                    "fields": error.fields,
                    "came": error.came,
                }
                return cls(error.code, error.message, **more)
            case NotAuthenticated():
                return cls("unauthenticated", str(error), headers={"WWW-Authenticate": "Bearer"})
            case Unverified():
                return cls("unauthenticated", str(error), headers={"WWW-Authenticate": "Signature"})
            case Unreadable():
                return cls("unreadable", str(error))
            case DatabaseDown():  # it names our hosts
                return cls("unavailable", "the database does not serve: send it again", headers=_LATER)
            case CodecError():
                return cls("unavailable", str(error), headers=_LATER)
            case Unavailable():
                return cls("unavailable", str(error), headers=_LATER)
            case RequestValidationError():
                return of_validation(error)
            case StarletteHTTPException():
                return _of_http(error)
        return cls("bug", "something of ours is broken: it is in our log under this request's id")

    @property
    def status(self) -> int:
        return STATUS[self.code]

    def response(self, path: str, request_id: str) -> JSONResponse:
        body = {
            "type": PREFIX + self.code,
            "title": TITLES[self.code],
            "status": self.status,
            "detail": " ".join(self.detail.split())[:2000],
            "instance": path,
            "request_id": request_id,
        }
        return JSONResponse(body | self.more, self.status, headers=self.headers, media_type=MEDIA_TYPE)


def of_validation(error: RequestValidationError, body: type[BaseModel] | None = None) -> Problem:
    """Return each wrong field once, by the name that it has in the request. Never repeats the content.

    `body` is what the body should be: for a field that there is not, it names the nearest.
    """
    faults: dict[str, str] = {}
    for fault in error.errors():
        where, *rest = (str(part) for part in fault["loc"])
        if fault["type"] == "json_invalid":
            return Problem("unreadable", "the body is not JSON")
        place = ".".join(part for part in rest if not part.startswith(("function-", "tagged-"))) or where
        known = fields_at(body, rest) if body and where == "body" and rest else ()
        faults.setdefault(place[:100], in_words(fault, known))
    faults = dict(list(faults.items())[:50])
    listed = "; ".join(f"{place}: {message}" for place, message in list(faults.items())[:20])
    return Problem("malformed", listed, fields=faults)


def _of_http(error: StarletteHTTPException) -> Problem:
    """Return what the framework itself refuses."""
    headers = error.headers or {}
    match error.status_code:
        case 404:
            return Problem("not_found", "there is nothing at this address: /docs lists the addresses")
        case 405:
            return Problem(
                "wrong_method",
                "this address does not take this method: the header Allow names those that it takes",
                headers=headers,
            )
        case 413:
            return Problem("too_large", "the body is too large: send less at once")
        case 503:
            return Problem("unavailable", str(error.detail), headers=headers)
        case status if 400 <= status < 500:
            return Problem("unreadable", str(error.detail))
    return Problem("bug", "something of ours is broken: it is in our log under this request's id")


WITH_BODY = (*ALWAYS, "wrong_media_type", "too_large")
"""The same for every operation that takes a body."""


def documented(*codes: str) -> dict[int | str, dict[str, Any]]:
    """Return the responses of an operation that can fail in these ways, or on a bug, for its OpenAPI description."""
    by_status: dict[int, list[str]] = {}
    for code in (*codes, "bug"):
        by_status.setdefault(STATUS[code], []).append(code)
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    return {
        status: {"description": " / ".join(TITLES[code] for code in found), "content": content}
        for status, found in sorted(by_status.items())
    }

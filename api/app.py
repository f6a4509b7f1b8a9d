"""The API as one application: what is where, what stands before it, and how it says no."""

import logging
from importlib.metadata import version
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from api import (
    account_health,
    credits,
    health,
    incidents,
    knowledge,
    lists,
    refunds,
    reply_templates,
    reports,
    tickets,
    webhooks,
)
from api.body_limits import GONE, ClientGone
from api.described import Described, only_known_parameters
from api.docs_page import docs_page
from api.guard import Guard, Record
from api.knowledge import AnyOrigin
from api.parts import Parts
from api.problems import Problem, ProblemDetails, of_validation
from domain.core.failures import Unavailable
from domain.core.refusal import Refused
from services.security.codec import CodecError
from services.webhooks.deliveries import Unreadable, Unverified
from store.database import DatabaseDown

log = logging.getLogger("tierline.api")

EXPECTED = (
    Problem, Refused, Unverified, Unreadable, Unavailable, CodecError, DatabaseDown, RequestValidationError,
    HTTPException,
)  # fmt: skip
"""What an endpoint may fail with. Anything else is a bug."""

DESCRIPTION = """Support escalation as durable workflows: tickets, SLA clocks, tiers, gates.

Every error is a problem detail (RFC 9457) whose `type` ends in a code that never changes, and whose `missing` names
all that is missing, at once. Opening a ticket is idempotent by its source and external id, a command by its
`Idempotency-Key`: whatever was not answered can be sent again."""


def create_app(parts: Parts) -> FastAPI:
    """Return the application. Whoever serves it runs its deliveries beside it, and watches over both."""
    app = FastAPI(
        title="Tierline",
        version=version("tierline"),
        description=DESCRIPTION,
        openapi_url="/api/v1/openapi.json",
        servers=[{"url": "/", "description": "The address at which this description is read"}],
        docs_url=None,  # its pages load scripts from elsewhere: api.docs_page makes one that does not
        redoc_url=None,
        separate_input_output_schemas=False,  # two of one title are one too many for generators of clients
        redirect_slashes=False,  # a redirect would repeat whatever host the request names
        dependencies=[Depends(only_known_parameters)],
    )
    described = Described(app.openapi)
    app.state.parts, app.state.described = parts, described
    modules = (
        tickets, incidents, lists, credits, refunds, reply_templates, reports, knowledge, webhooks, health,
        account_health,
    )  # fmt: skip
    for module in modules:
        app.include_router(module.router)
    record = Record(parts.db, parts.rate)
    _answer_errors(app, record, described)
    app.add_middleware(Guard, db=parts.db, rate=parts.rate, record=record)
    if parts.origin:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=[parts.origin],
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "X-Request-Id"],
            expose_headers=["Location", "Retry-After", "X-Request-Id"],
        )
    app.add_middleware(AnyOrigin)
    _describe_problems(app)
    app.add_api_route("/docs", docs_page(lambda: app.openapi()), methods=["GET"], include_in_schema=False)
    return app


def _answer_errors(app: FastAPI, record: Record, described: Described) -> None:
    async def refuse(request: Request, error: Exception) -> JSONResponse:
        problem = (
            of_validation(error, _body_of(request)) if isinstance(error, RequestValidationError) else Problem.of(error)
        )
        if problem.code == "wrong_method" and (methods := described.methods(request.url.path)):
            problem.headers["Allow"] = ", ".join(methods)
        if error is not problem:  # otherwise it is on record already
            await record.turned_away(request.scope, problem, error)
        return problem.response(request.url.path, request.state.request_id)

    async def confess(request: Request, error: Exception) -> JSONResponse:
        """Answer a request that met a bug: the server logs the bug with its stack, and the caller gets an id to ask
        about."""
        request_id = getattr(request.state, "request_id", "")
        log.error("request %s failed on %s", request_id, type(error).__name__, extra={"request_id": request_id})
        response = Problem.of(error).response(request.url.path, request_id)
        response.headers["X-Request-Id"] = request_id
        return response

    async def note(request: Request, _: Exception) -> Response:
        """Count a request whose client has gone: nobody gets the answer, and it is no bug of ours. Only the metrics
        know it."""
        log.debug("request %s: its client has gone", request.state.request_id)
        return Response(status_code=GONE)

    for kind in EXPECTED:
        app.add_exception_handler(kind, refuse)
    app.add_exception_handler(ClientGone, note)
    app.add_exception_handler(Exception, confess)


def _body_of(request: Request) -> type[BaseModel] | None:
    """Return what the body of a request should have been, as its endpoint declares it; None where it takes none."""
    field = getattr(request.scope.get("route"), "body_field", None)
    kind = field.field_info.annotation if field else None
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _describe_problems(app: FastAPI) -> None:
    """Describe the shape of an error, to which the responses refer."""
    describe = app.openapi

    def described() -> dict[str, Any]:
        schema = describe()
        schemas = schema.setdefault("components", {}).setdefault("schemas", {})
        schemas.setdefault("ProblemDetails", ProblemDetails.model_json_schema())
        return schema

    app.openapi = described  # type: ignore[method-assign]

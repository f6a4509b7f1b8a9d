"""`tierline mcp`: Tierline's tools for AI assistants, on standard input and output, or over HTTP."""

import asyncio
from importlib.metadata import version
from typing import Annotated, Any

import typer
from pydantic import SecretStr

from cli.log import begin_log
from cli.output import exit_on_failure
from domain.core.failures import NotUsable
from workers.settings import Settings, SettingsError, load_settings


def serve_assistants(
    http: Annotated[
        bool, typer.Option("--http", help="Serve HTTP, instead of one assistant by stdin and stdout.")
    ] = False,
    host: Annotated[str, typer.Option(help="The address that --http listens on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Its port.")] = 8090,
) -> None:
    """Offer an AI assistant Tierline's tools by the Model Context Protocol: read, open and add to a ticket.

    TIERLINE_API_URL names the API. On standard input and output, TIERLINE_TOKEN is the assistant's: give it one of role
    bot. Over HTTP each assistant brings its own, as `Authorization: Bearer`, and this process keeps none.
    """
    with exit_on_failure(False):
        begin_log()
        settings = load_settings()
        if settings.api_url is None:
            raise SettingsError("TIERLINE_API_URL is not set: it names the API whose tools are offered")
        try:
            from cli.assistant import assistant_server
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types"):
                raise
            raise NotUsable("the MCP package is not installed: `pip install 'tierline[mcp]'`") from None
        server = assistant_server(version("tierline"), _api_of(settings, by_request=http))
        asyncio.run(_serve_http(server, host, port) if http else _serve_streams(server))


def _api_of(settings: Settings, *, by_request: bool) -> Any:
    """Return what makes the way to the API: with the token of the request, or with our own."""
    from cli.api_backend import ApiBackend

    def api_of(context: Any) -> ApiBackend:
        token = SecretStr(_bearer(context.request.headers.get("authorization"))) if by_request else settings.token
        return ApiBackend(str(settings.api_url), token)

    return api_of


def _bearer(header: str | None) -> str:
    scheme, _, token = (header or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def _serve_streams(server: Any) -> None:
    from mcp.server.stdio import stdio_server

    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


async def _serve_http(server: Any, host: str, port: int) -> None:
    """Serve until told to stop. Each request stands alone, so any number of these processes may share the work."""
    import uvicorn

    app = _TokenNeeded(server.streamable_http_app(json_response=True, stateless_http=True, host=host))
    await uvicorn.Server(uvicorn.Config(app, host=host, port=port, log_level="warning")).serve()


class _TokenNeeded:
    """Let no HTTP request in that brings no token. Whether the token is good is the API's to say, for each call."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        from starlette.responses import PlainTextResponse

        if scope["type"] == "http":
            header = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
            if not _bearer(header):
                refusal = PlainTextResponse("a token is needed", 401, {"WWW-Authenticate": "Bearer"})
                return await refusal(scope, receive, send)
        await self._app(scope, receive, send)

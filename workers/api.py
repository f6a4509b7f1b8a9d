"""The API process: the app of `api/`, wired to what the settings name, and served."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress

import uvicorn
from starlette.applications import Starlette
from temporalio.runtime import Runtime

from api.app import create_app
from api.codec import beside, codec_app
from api.measuring import Measured
from api.parts import Parts
from services.health import say_what_the_clock_is
from services.incidents import IncidentService
from services.tickets import TicketService
from services.webhooks.deliveries import Deliveries
from store.database import DatabaseDown
from store.migrate import check_schema
from workers.bootstrap import database, hooks, load_policy_at_speed, ops_alerts
from workers.connections import Config, Connections, Limits
from workers.metrics import meter_of, metrics_runtime
from workers.processes import ProcessError
from workers.settings import Settings
from workers.temporal import codec, connect

GRACE = 20
"""Seconds that requests under way may take when the process is told to stop."""
KEEP_ALIVE = 75
"""Seconds that an idle connection stays open: longer than proxies keep theirs to us, so that they close first."""
BOUNDS = Limits()


@asynccontextmanager
async def parts(settings: Settings, runtime: Runtime | None = None) -> AsyncIterator[Parts]:
    """What the API works with, for as long as the block lasts. Temporal and PostgreSQL may be away.

    Raises SettingsError, PolicyError, DatabaseDown where no database is named.
    """
    policy = load_policy_at_speed(settings)
    db = database(settings, "api")
    client = await connect(settings, runtime, lazy=True)
    desk = TicketService(client, db, policy, channel="api")
    try:
        yield Parts(
            db=db,
            client=client,
            desk=desk,
            incidents=IncidentService(client, db, policy, channel="api"),
            deliveries=Deliveries(db, hooks(settings, client, db, desk), ops_alerts(policy)),
            policy=policy.version,
            rate=settings.api_rate,
            origin=settings.api_origin,
        )
    finally:
        db.dispose()


@asynccontextmanager
async def serving(settings: Settings, limits: Limits = BOUNDS) -> AsyncIterator[str]:
    """The API, served for as long as the block lasts; what is under way at its end is finished. Yields its address.

    `limits` is what a client may take up. Raises what `parts` raises, SchemaError, ProcessError for a port that is
    taken.
    """
    runtime = metrics_runtime(settings)
    async with parts(settings, runtime) as these:
        with suppress(DatabaseDown):  # it starts without, and says 503
            await asyncio.to_thread(check_schema, these.db)
            await asyncio.to_thread(say_what_the_clock_is, these.db)
        server = _Server(
            Config(
                Measured(_with_codec(these, settings), meter=meter_of(runtime)),
                Connections(limits, settings.api_proxies),
                access_log=False,
                log_config=None,
                server_header=False,
                proxy_headers=True,
                forwarded_allow_ips=settings.api_proxies,
                timeout_graceful_shutdown=GRACE,
                timeout_keep_alive=KEEP_ALIVE,
            )
        )
        with closing(_listening(settings)) as listener:
            task = asyncio.create_task(server.serve([listener]))
            try:
                await server.serves.wait()
                host, port = listener.getsockname()[:2]
                yield f"http://{host}:{port}"
            finally:
                server.should_exit = True
                await task


def _with_codec(these: Parts, settings: Settings) -> Starlette:
    """The API, and beside it the codec endpoint for the Temporal UI."""
    endpoint = codec_app(codec(settings), these.db, origin=settings.codec_origin, rate=settings.api_rate)
    return beside(create_app(these), endpoint)


class _Server(uvicorn.Server):
    """Says when it serves, and leaves the process's signals to whoever started it."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.serves = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.serves.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listening(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.api_host else socket.AF_INET
    # The protocol said, so that asyncio knows it for TCP and sends at once: otherwise each answer waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.api_host, settings.api_port))
    except OSError as error:
        listener.close()
        raise ProcessError(
            f"the API cannot listen at {settings.api_host}:{settings.api_port} ({error.strerror}): "
            "choose another with TIERLINE_API_HOST and TIERLINE_API_PORT"
        ) from None
    return listener

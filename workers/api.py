"""The API process: the app of `api/`, wired to what the settings name, and served."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from typing import NamedTuple

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send
from temporalio.runtime import Runtime

from api.app import create_app
from api.codec import beside, codec_app
from api.measuring import Measured
from api.parts import Parts
from api.tracing import Traced
from services.health import log_the_clock
from services.incidents import IncidentService
from services.policy_trials import Trials
from services.tickets import TicketService
from services.webhooks.deliveries import Deliveries
from store.database import DatabaseDown
from store.migrate import check_schema
from web.app import create_desk, of_the_desk
from web.help_centre import create_help_centre, of_the_help_centre
from workers.bootstrap import database, hooks, load_policy_at_speed, openid, ops_alerts, survey_links
from workers.connections import Config, Connections, Limits
from workers.metrics import meter_of, sdk_runtime
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
    """Connect what the API works with, for as long as the block lasts. Temporal and PostgreSQL may be away.

    Raises SettingsError, PolicyError, DatabaseDown where no database is named.
    """
    policy = load_policy_at_speed(settings)
    db = database(settings, "api")
    client = await connect(settings, runtime, lazy=True)
    service = TicketService(client, db, policy, channel="api")
    trials = Trials(db, [sys.executable, "-m", "tierline"], _environment(settings), settings.policy)
    try:
        yield Parts(
            db=db,
            client=client,
            service=service,
            incidents=IncidentService(client, db, policy, channel="api"),
            deliveries=Deliveries(db, hooks(settings, client, db, service), ops_alerts(policy)),
            policy=policy.version,
            rate=settings.api_rate,
            tracker=policy.jira,
            openid=openid(settings),
            origin=settings.api_origin,
            trials=trials,
            surveys=survey_links(settings, policy),
            effort_question=policy.survey.effort_question,
            framed_by=tuple((settings.desk_frame_ancestors or "").split()),
        )
    finally:
        await trials.close()
        db.dispose()


def _environment(settings: Settings) -> dict[str, str]:
    """Return what a backtest needs to read the database that we read."""
    address = settings.database_url
    return dict(os.environ) | ({"DATABASE_URL": address} if address else {})


class Served(NamedTuple):
    """An API that is served."""

    url: str
    for_ever: Sequence[asyncio.Task[None]]
    """They end when what serves it ends, or what acts on its deliveries: only by a bug, which they raise. Whoever
    serves must watch them; to cancel them ends nothing."""


@asynccontextmanager
async def serving(settings: Settings, limits: Limits = BOUNDS) -> AsyncIterator[Served]:
    """Serve the API, and act on deliveries, for as long as the block lasts; what is under way at its end is finished.

    `limits` is what a client may take up. Raises what `parts` raises, SchemaError, ProcessError for a port that is
    taken.
    """
    runtime = sdk_runtime(settings)
    async with parts(settings, runtime) as these:
        with suppress(DatabaseDown):  # it starts without, and says 503
            await asyncio.to_thread(check_schema, these.db)
            await asyncio.to_thread(log_the_clock, these.db)
        service = create_desk(these)
        server = _Server(
            Config(
                Traced(
                    Measured(
                        _all_of(these, settings, service),
                        meter=meter_of(runtime),
                        log_requests=settings.api_log_requests,
                    )
                ),
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
            working = asyncio.create_task(these.deliveries.run())
            watched = [asyncio.create_task(_end_of(one)) for one in (task, working)]
            try:
                await server.until_served(task)
                host, port = listener.getsockname()[:2]
                yield Served(f"http://{host}:{port}", watched)
            finally:
                service.state.changes.close()  # streams would hold up the end
                server.should_exit = True
                for one in (working, *watched):
                    one.cancel()
                await asyncio.wait([task, working, *watched])
                task.result()


async def _end_of(task: asyncio.Task[None]) -> None:
    await asyncio.shield(task)


def _all_of(these: Parts, settings: Settings, service: Starlette) -> ASGIApp:
    """Return the API, and beside it the desk, the help centre, and the codec endpoint for the Temporal UI."""
    endpoint = codec_app(codec(settings), these.db, origin=settings.codec_origin, rate=settings.api_rate)
    api = beside(create_app(these), endpoint)
    centre = create_help_centre(these, settings.help_style) if settings.help_centre else None

    async def choose(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        if centre is not None and of_the_help_centre(path):
            return await centre(scope, receive, send)
        await (service if of_the_desk(path) else api)(scope, receive, send)

    return choose


class _Server(uvicorn.Server):
    """Says when it serves, and leaves the process's signals to whoever started it."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._serves = asyncio.Event()

    async def until_served(self, task: asyncio.Task[None]) -> None:
        """Wait until requests are taken; raise what `task`, which serves them, may end with before."""
        serves = asyncio.create_task(self._serves.wait())
        try:
            await asyncio.wait([serves, task], return_when=asyncio.FIRST_COMPLETED)
        finally:
            serves.cancel()
        if task.done():
            task.result()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._serves.set()

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

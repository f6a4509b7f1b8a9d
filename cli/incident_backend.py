"""How a command of the terminal gets at incidents: on its own, or through an API where TIERLINE_API_URL names one.

Both ways take the same, give the same, and fail with the same errors.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

from temporalio.client import Client

from cli.api_backend import ApiIncidentBackend
from cli.backend import CHANNEL, named, whoever
from domain.policy.policy import Policy
from services.incidents import DeclareRequest, IncidentReceipt, IncidentService
from services.reading.incident import AskIncidents, Incidents, listed, look_up, timeline, view
from services.tickets import Unavailable
from store.database import Database, DatabaseDown
from workers.bootstrap import database
from workers.rules import load_rules
from workers.settings import Settings, load_settings
from workers.temporal import TemporalError, connect
from workflows.incident.messages import IncidentAnswer

T = TypeVar("T")


class IncidentBackend(Protocol):
    """What a terminal can ask for. Everything raises Refused, and Unavailable or DatabaseDown for now."""

    def listed(self, ask: AskIncidents) -> Incidents: ...

    def show(self, number: int, seq: int = 0) -> dict[str, Any]:
        """What `services.reading.incident.view` makes of it, no older than event `seq`, with its `timeline`."""

    def declare(self, form: dict[str, Any]) -> IncidentReceipt:
        """Declare an incident by hand. `by` and `role` are only there where they were said."""

    def handle(self, number: int, name: str, payload: dict[str, Any]) -> IncidentAnswer:
        """Hand a command to an incident. As in a declaration, `by` and `role` are only there where they were said."""


def incident_reach() -> IncidentBackend:
    """The way that the settings name. Raises SettingsError."""
    settings = load_settings()
    if settings.api_url is None:
        return LocalIncidentBackend(settings)
    return ApiIncidentBackend(settings.api_url, settings.token)


class LocalIncidentBackend:
    """With the database and Temporal themselves: who does it, and in which role, is as claimed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def listed(self, ask: AskIncidents) -> Incidents:
        return self._with_db(lambda db: listed(db, ask))

    def show(self, number: int, seq: int = 0) -> dict[str, Any]:
        def both(db: Database) -> dict[str, Any]:
            seen = asyncio.run(look_up(db, lambda: connected(self._settings), number, seq))
            try:
                entries = timeline(db, number)
            except DatabaseDown:  # its workflow speaks for it
                entries = []
            return view(seen) | {"timeline": entries}

        return self._with_db(both)

    def declare(self, form: dict[str, Any]) -> IncidentReceipt:
        request = DeclareRequest.parse(named(whoever() | form))
        return self._at_the_desk(lambda desk: desk.declare(request))

    def handle(self, number: int, name: str, payload: dict[str, Any]) -> IncidentAnswer:
        return self._at_the_desk(lambda desk: desk.handle(number, name, named(whoever() | payload)))

    def _at_the_desk(self, act: Callable[[IncidentService], Awaitable[T]]) -> T:
        async def there() -> T:
            async with incident_desk(self._settings, load_rules(self._settings)) as (desk, _, _):
                return await act(desk)

        return asyncio.run(there())

    def _with_db(self, act: Callable[[Database], T]) -> T:
        db = database(self._settings, CHANNEL)
        try:
            return act(db)
        finally:
            db.dispose()


@asynccontextmanager
async def incident_desk(settings: Settings, policy: Policy) -> AsyncIterator[tuple[IncidentService, Database, Client]]:
    """The incidents' front door, connected, for as long as the block lasts. Raises TemporalError, DatabaseDown."""
    db = database(settings, CHANNEL)
    try:
        client = await connect(settings)
        yield IncidentService(client, db, policy, channel=CHANNEL), db, client
    finally:
        db.dispose()


async def connected(settings: Settings) -> Client:
    """Temporal. Raises Unavailable."""
    try:
        return await connect(settings)
    except TemporalError as error:
        raise Unavailable(str(error)) from None

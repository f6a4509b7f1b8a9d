"""How a command of the terminal gets at incidents: with the database and Temporal themselves."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from temporalio.client import Client

from cli.reach import CHANNEL, whoever
from domain.policy import Policy
from domain.refusal import Refused
from domain.words import Priority, Role
from frontdoor.desk import Unavailable
from frontdoor.incidents import IncidentDesk
from frontdoor.reading.incident import line, look_up, view
from store import incident_journal
from store.database import Database
from workers.outside import database
from workers.rules import load_rules
from workers.settings import Settings, load_settings
from workers.temporal import TemporalError, connect
from workflows.incident_messages import IncidentAnswer

T = TypeVar("T")


class IncidentReach:
    """What a terminal can ask for. Everything raises Refused, and Unavailable or DatabaseDown for now."""

    def __init__(self) -> None:
        """Raises SettingsError."""
        self._settings = load_settings()

    def listed(self, *, ended: bool, limit: int) -> list[dict[str, Any]]:
        """The incidents, the newest first, each as `frontdoor.reading.incident.line` makes it."""
        db = database(self._settings, CHANNEL)
        try:
            with db.session() as session:
                return [line(incident) for incident in incident_journal.listed(session, over=ended, limit=limit)]
        finally:
            db.dispose()

    def show(self, number: int) -> dict[str, Any]:
        """What `frontdoor.reading.incident.view` makes of it."""
        db = database(self._settings, CHANNEL)
        try:
            return view(asyncio.run(look_up(db, lambda: connected(self._settings), number)))
        finally:
            db.dispose()

    def declare(self, area: str, priority: Priority, said: dict[str, Any]) -> int:
        """Declare an incident by hand: its number. `said` is who does it, as far as that was said."""
        who = whoever() | said
        return self._at_the_desk(lambda desk: desk.declare(area, priority, who["by"], Role(who["role"])))

    def give(self, number: int, name: str, payload: dict[str, Any]) -> IncidentAnswer:
        """Hand a command to an incident."""
        return self._at_the_desk(lambda desk: desk.give(number, name, whoever() | payload))

    def _at_the_desk(self, act: Callable[[IncidentDesk], Awaitable[T]]) -> T:
        async def there() -> T:
            async with incident_desk(self._settings, load_rules(self._settings)) as (desk, _, _):
                return await act(desk)

        return asyncio.run(there())


@asynccontextmanager
async def incident_desk(settings: Settings, policy: Policy) -> AsyncIterator[tuple[IncidentDesk, Database, Client]]:
    """The incidents' front door, connected, for as long as the block lasts. Raises TemporalError, DatabaseDown."""
    db = database(settings, CHANNEL)
    try:
        client = await connect(settings)
        yield IncidentDesk(client, db, policy, channel=CHANNEL), db, client
    finally:
        db.dispose()


async def connected(settings: Settings) -> Client:
    """Temporal. Raises Unavailable."""
    try:
        return await connect(settings)
    except TemporalError as error:
        raise Unavailable(str(error)) from None


def number_of(text: str) -> int:
    """The number in `7` or `incident-7`. Raises Refused (`not_found`): nothing else is an incident's."""
    digits = text.strip().lower().removeprefix("incident-")
    if digits.isascii() and digits.isdecimal() and len(digits) <= 9:
        return int(digits)
    raise Refused("not_found", f"there is no incident {text[:40]!r}: incidents have numbers, as in incident-7")

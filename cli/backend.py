"""How a command of the terminal gets at tickets: on its own, or through an API where TIERLINE_API_URL names one.

Both ways take the same, give the same, and fail with the same errors.
"""

import asyncio
import getpass
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

from temporalio.client import Client

from cli.api_backend import Remote
from domain.core.enums import Plan, Role, Tier
from domain.core.refusal import Refused
from services.intake import sources
from services.intake.request import OpenRequest
from services.reading import lists as queues
from services.reading.explained import explained
from services.reading.lists import Ask, Listed
from services.reading.lookup import Seen, look_up, timeline
from services.reading.ticket import entry_view, view
from services.tickets import Receipt, TicketService, Unavailable
from store.database import Database, DatabaseDown
from store.journal import Entry
from store.queries import Line
from workers.bootstrap import database, front_desk
from workers.settings import Settings, load_settings
from workers.temporal import TemporalError, connect
from workflows.ticket.messages import Answer

Found = TypeVar("Found")

CHANNEL = "cli"


class Reach(Protocol):
    """What a terminal can ask for. Everything raises Refused, and Unavailable or DatabaseDown for now."""

    def open(self, form: dict[str, Any]) -> Receipt:
        """`by` and `role` of the form are only there where they were said."""

    def handle(self, ticket: str, name: str, payload: dict[str, Any]) -> Answer:
        """Hand a command to a ticket. As in a form, `by` and `role` are only there where they were said."""

    def show(self, ticket: str, seq: int = 0) -> dict[str, Any]:
        """What `services.reading.ticket` makes of the ticket, no older than event `seq`, with its `timeline`."""

    def explain(self, ticket: str) -> dict[str, Any]: ...
    def queue(self, ask: Ask) -> Listed: ...
    def next_to_take(self, tier: Tier | None, plans: tuple[Plan, ...], team: str | None = None) -> Line | None: ...


def reach() -> Reach:
    """The way that the settings name. Raises SettingsError."""
    settings = load_settings()
    if settings.api_url is None:
        return Own(settings)
    return Remote(settings.api_url, settings.token)


class Own:
    """With the database and Temporal themselves: who does it, and in which role, is as claimed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def open(self, form: dict[str, Any]) -> Receipt:
        form = named(whoever() | form)
        request = OpenRequest.parse(form | {"source": sources.of_terminal(form.get("source"))})
        return self._at_the_desk(lambda desk: desk.open(request))

    def handle(self, ticket: str, name: str, payload: dict[str, Any]) -> Answer:
        return self._at_the_desk(lambda desk: desk.handle(ticket, name, named(whoever() | payload)))

    def _at_the_desk(self, act: Callable[[TicketService], Coroutine[Any, Any, Found]]) -> Found:
        async def there() -> Found:
            async with front_desk(self._settings, channel=CHANNEL) as desk:
                return await act(desk)

        return asyncio.run(there())

    def show(self, ticket: str, seq: int = 0) -> dict[str, Any]:
        async def ask(db: Database) -> dict[str, Any]:
            seen = await look_up(db, self._connect, ticket, seq)
            entries: Sequence[Entry] = ()
            try:
                entries = await timeline(db, ticket)
            except (DatabaseDown, Refused):  # a workflow speaks for it
                entries = ()
            return view(seen) | {"timeline": [entry_view(entry) for entry in entries]}

        return self._with_db(lambda db: asyncio.run(ask(db)))

    def explain(self, ticket: str) -> dict[str, Any]:
        seen: Seen = self._with_db(lambda db: asyncio.run(look_up(db, self._connect, ticket)))
        return explained(seen.ticket)

    def queue(self, ask: Ask) -> Listed:
        return self._with_db(lambda db: queues.queue(db, ask))

    def next_to_take(self, tier: Tier | None, plans: tuple[Plan, ...], team: str | None = None) -> Line | None:
        return self._with_db(lambda db: queues.next_to_take(db, tier, plans, team))

    async def _connect(self) -> Client:
        try:
            return await connect(self._settings)
        except TemporalError as error:
            raise Unavailable(str(error)) from None

    def _with_db(self, act: Callable[[Database], Found]) -> Found:
        db = database(self._settings, CHANNEL)
        try:
            return act(db)
        finally:
            db.dispose()


def whoever() -> dict[str, Any]:
    """Who it is where nothing is said: whoever sits at the terminal, as an agent."""
    return {"by": _login(), "role": Role.AGENT.value}


def named(payload: dict[str, Any]) -> dict[str, Any]:
    """What was said, by somebody who has a name of their own. Raises Refused for one of Tierline's."""
    sources.check_actor(payload["by"])
    return payload


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in some containers
        return "unknown"

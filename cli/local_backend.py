"""The way that goes to the database and to Temporal itself."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar, cast

from temporalio.client import Client

from cli.backend import Json, me, whoever
from domain.core.enums import Role
from domain.core.failures import Unavailable
from domain.core.refusal import Refused
from domain.policy.policy import Policy
from services import reply_templates, survey
from services.incidents import IncidentService
from services.intake import sources
from services.intake.declaration import DeclareRequest
from services.intake.request import OpenRequest
from services.policy_file.zones import zone_info
from services.reading import demand, kept, lookup
from services.reading import forecast as forecasts
from services.reading import incident as incidents
from services.reading import lists as queues
from services.reading.explained import explained
from services.reading.incident import AskIncidents
from services.reading.lists import Ask, Search
from services.reading.something_else import to_take
from services.reading.ticket import timeline_view, view
from services.reply_templates import Change
from services.tickets import TicketService
from store.database import Database, DatabaseDown
from store.demand import Kind, Order
from store.surveys import Group
from workers.bootstrap import database, load_policy_at_speed, ticket_service
from workers.settings import Settings
from workers.temporal import TemporalError, connect

Found = TypeVar("Found")

CHANNEL = "cli"


class LocalBackend:
    """The database and Temporal themselves: who does it, and in which role, is as claimed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def open(self, form: Json) -> Json:
        form = named(whoever() | form)
        request = OpenRequest.parse(form | {"source": sources.of_terminal(form.get("source"))})
        return self._with_tickets(lambda service: service.open(request)).model_dump(mode="json")

    def declare(self, form: Json) -> Json:
        request = DeclareRequest.parse(named(whoever() | form))
        return self._with_incidents(lambda service: service.declare(request)).model_dump(mode="json")

    def handle(self, noun: str, id: Any, name: str, payload: Json) -> Json:
        payload = named(whoever() | payload)
        if noun == "ticket":
            return self._with_tickets(lambda service: service.handle(id, name, payload)).model_dump(mode="json")
        return self._with_incidents(lambda service: service.handle(id, name, payload)).model_dump(mode="json")

    def show(self, noun: str, id: Any, seq: int = 0) -> Json:
        show = self._show_ticket if noun == "ticket" else self._show_incident
        return self._with_db(lambda db: asyncio.run(show(db, id, seq)))

    async def _show_ticket(self, db: Database, ticket: str, seq: int) -> Json:
        found = await lookup.look_up(db, self._connect, ticket, seq)
        lines: list[Json] = []
        with suppress(DatabaseDown, Refused):  # a workflow speaks for it
            lines = timeline_view(await lookup.timeline(db, ticket))
        return view(found) | {"timeline": lines}

    async def _show_incident(self, db: Database, number: int, seq: int) -> Json:
        found = await incidents.look_up(db, self._connect, number, seq)
        try:
            entries = incidents.timeline(db, number)
        except DatabaseDown:  # its workflow speaks for it
            entries = []
        return incidents.view(found) | {"timeline": entries}

    def explain(self, ticket: str) -> Json:
        found = self._with_db(lambda db: asyncio.run(lookup.look_up(db, self._connect, ticket)))
        return explained(found.ticket)

    def forecast(self, ticket: str, ask: Json) -> Json:
        asked = forecasts.Ask.model_validate(ask)
        found = self._with_db(lambda db: asyncio.run(lookup.look_up(db, self._connect, ticket)))
        return forecasts.forecast(load_policy_at_speed(self._settings), found.ticket, asked)

    def texts(self, ticket: str) -> Json:
        return self._with_db(lambda db: asyncio.run(kept.listed(db, ticket)))

    def text(self, ticket: str, id: str) -> Json:
        return self._with_db(lambda db: asyncio.run(kept.whole(db, ticket, id)))

    def queue(self, ask: Json) -> Json:
        asked = Ask.model_validate(ask)
        return self._with_db(lambda db: queues.queue(db, asked)).model_dump(mode="json")

    def next_to_take(self, ask: Json) -> Json:
        asked = Ask.model_validate(ask)
        if ask.get("something_else"):
            zone = zone_info(load_policy_at_speed(self._settings).report.zone)
            line, why = self._with_db(lambda db: to_take(db, me(), zone, asked.tier, asked.plans, asked.team))
        else:
            line, why = self._with_db(lambda db: queues.next_to_take(db, asked.tier, asked.plans, asked.team)), ""
        return {"ticket": line.model_dump(mode="json") if line else None, "why": why}

    def search(self, ask: Json) -> Json:
        asked = Search.model_validate(ask)
        return self._with_db(lambda db: queues.search(db, asked)).model_dump(mode="json")

    def incidents(self, ask: Json) -> Json:
        asked = AskIncidents.model_validate(ask)
        return self._with_db(lambda db: incidents.listed(db, asked)).model_dump(mode="json")

    def wanted(self, kind: str, by: str, limit: int) -> Json:
        ask = cast(Kind, kind), cast(Order, by), limit
        return self._with_db(lambda db: demand.read(db, *ask)).model_dump(mode="json")

    def satisfaction(self, by: str, days: int) -> Json:
        found = self._with_db(lambda db: survey.scores(db, cast(Group, by), days, db.clock.now()))
        return found.model_dump(mode="json")

    def templates(self) -> Json:
        return self._with_db(reply_templates.listed).model_dump(mode="json")

    def template(self, name: str) -> Json:
        return self._with_db(lambda db: reply_templates.read_template(db, name)).model_dump(mode="json")

    def preview_template(self, name: str, ticket: str | None) -> Json:
        return self._with_db(lambda db: reply_templates.preview(db, name, ticket, me())).model_dump(mode="json")

    def add_template(self, form: Json) -> Json:
        who, fields = _who_and_what(form)
        return self._with_db(lambda db: reply_templates.save(db, reply_templates.make(fields), **who)).model_dump(
            mode="json"
        )

    def edit_template(self, name: str, form: Json) -> Json:
        who, fields = _who_and_what(form)
        change, version = Change.model_validate(fields), fields["version"]
        return self._with_db(lambda db: reply_templates.edit(db, name, change, version=version, **who)).model_dump(
            mode="json"
        )

    def retire_template(self, name: str, form: Json) -> Json:
        who, fields = _who_and_what(form)
        return self._with_db(lambda db: reply_templates.retire(db, name, retired=fields["retired"], **who)).model_dump(
            mode="json"
        )

    def _with_tickets(self, act: Callable[[TicketService], Coroutine[Any, Any, Found]]) -> Found:
        async def there() -> Found:
            async with ticket_service(self._settings, channel=CHANNEL) as service:
                return await act(service)

        return asyncio.run(there())

    def _with_incidents(self, act: Callable[[IncidentService], Coroutine[Any, Any, Found]]) -> Found:
        async def there() -> Found:
            async with incident_service(self._settings, load_policy_at_speed(self._settings)) as (service, _, _):
                return await act(service)

        return asyncio.run(there())

    def _with_db(self, act: Callable[[Database], Found]) -> Found:
        db = database(self._settings, CHANNEL)
        try:
            return act(db)
        finally:
            db.dispose()

    async def _connect(self) -> Client:
        try:
            return await connect(self._settings)
        except TemporalError as error:
            raise Unavailable(str(error)) from None


@asynccontextmanager
async def incident_service(
    settings: Settings, policy: Policy
) -> AsyncIterator[tuple[IncidentService, Database, Client]]:
    """Connect the service of incidents for as long as the block lasts. Raises TemporalError, DatabaseDown."""
    db = database(settings, CHANNEL)
    try:
        client = await connect(settings)
        yield IncidentService(client, db, policy, channel=CHANNEL), db, client
    finally:
        db.dispose()


def _who_and_what(form: Json) -> tuple[Json, Json]:
    """Return who does it, in which role, and what."""
    form = named(whoever() | form)
    return {"by": form.pop("by"), "role": Role(form.pop("role"))}, form


def named(payload: Json) -> Json:
    """Return what was said by somebody who has a name of their own. Raises Refused for one of Tierline's."""
    sources.check_actor(payload["by"])
    return payload

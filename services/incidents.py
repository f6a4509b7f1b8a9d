"""Declare incidents by hand, and hand commands to them. Everything that people ask of an incident passes here."""

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import uuid4

from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.service import RPCError

from activities.support.signalling import start_incident
from domain.core.failures import Unavailable
from domain.core.ids import spoken
from domain.core.refusal import Refused
from domain.core.values import Frozen
from domain.incident import commands as c
from domain.incident.aggregate import INCIDENT
from domain.incident.events import IncidentEvent
from domain.incident.state import workflow_id
from domain.policy.check import spell
from domain.policy.policy import Policy
from domain.ticket.rules.churn import ChurnRule
from services.commands import FirstSent, NoWorkflow, command_ids, first_answer, is_away, record_refusal, send
from services.intake.declaration import DeclareRequest
from services.journal_repair import JournalRepair
from services.policy_file.load import resolve_incident_terms
from store import incidents, journal
from store.database import Database, DatabaseDown
from store.journal import INCIDENTS
from workflows.incident.messages import IncidentAnswer, IncidentCarried, IncidentStart
from workflows.known_ids import KnownIds


class IncidentReceipt(Frozen):
    """What became of a declaration."""

    incident: int
    created: bool
    """False: one was open for the area; it is that one."""


class IncidentService:
    """Declares incidents by hand, and hands commands to them."""

    def __init__(self, client: Client, db: Database, policy: Policy, *, channel: str = "cli") -> None:
        """`channel` is the way in, for the record of refusals: cli, api, page."""
        self._client = client
        self._db = db
        self._policy = policy
        self._channel = channel
        self._first_sent = FirstSent()

    @property
    def areas(self) -> tuple[str, ...]:
        """Return the product areas that have incidents of their own; none: any may have one."""
        return self._policy.incidents.areas

    async def declare(self, request: DeclareRequest, *, drill: str = "") -> IncidentReceipt:
        """Declare an incident by hand, or find the one that is open for the area.

        An area that `incidents.areas` does not have is the service as a whole. One person declares so many at a time
        (G6). `drill` is a mark of its own for each drill: nothing joins it, and it joins nothing. Safe to repeat.
        Raises Refused, Unavailable, DatabaseDown.
        """
        if request.role not in c.STAFF:
            raise Refused("not_allowed", f"declaring an incident is not for the role {request.role}")
        now, area = self._db.clock.now(), self._policy.incidents.place(request.product_area)
        number, created = await asyncio.to_thread(self._allocate, area, request.by, drill, now)
        if not created and await resume_incident(self._client, self._db, number):
            return IncidentReceipt(incident=number, created=False)
        declared = c.Declare(
            number=number,
            product_area=area,
            priority=request.priority,
            terms=resolve_incident_terms(self._policy, area, now),
            drill=bool(drill),
            by=request.by,
            role=request.role,
        )
        await self._start(declared)
        return IncidentReceipt(incident=number, created=created)

    def _allocate(self, area: str, by: str, drill: str, now: datetime) -> tuple[int, bool]:
        """Take a number for the incident. A drill wakes nobody, and is not counted. Raises Refused."""
        rules = self._policy.incidents
        limit = incidents.OpeningLimit(rules.opened_by_one, rules.opened_within)
        try:
            with self._db.begin() as session:
                return incidents.declare(session, area, drill, now, None if drill else by, limit)
        except incidents.TooManyOpened:
            raise Refused(
                "does_not_fit",
                f"{by} has opened {limit.most} incidents within {spell(limit.within)}: join tickets to one of them, "
                "let somebody else declare this one, or raise incidents.opened_by_one in the policy",
            ) from None

    async def _start(self, declared: c.Declare) -> None:
        try:
            # One that was ended from outside before anything of it was on record is begun again.
            reuse = WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY
            started = await start_incident(self._client, IncidentStart(declare=declared), reuse=reuse)
        except (RPCError, RuntimeError) as error:
            if not is_away(error):
                raise
            raise Unavailable("Temporal does not answer: try again") from None
        if not started:
            raise Unavailable(f"{workflow_id(declared.number)} is just ending: try again")

    async def handle(self, number: int, name: str, payload: dict[str, Any]) -> IncidentAnswer:
        """Hand a command to an incident, and say what it did.

        `payload["id"]` makes it idempotent. Raises Refused (audited) or Unavailable.
        """
        identity = str(payload.get("id") or uuid4().hex)
        stamped = payload | {"id": identity, "received": self._db.clock.now().isoformat()}
        try:
            command = c.parse(stamped, name)  # what is malformed is refused here already
            if isinstance(command, c.Join | c.Leave) and command.ticket:
                stamped["ticket"] = _known_form(command.ticket)
            if isinstance(command, c.Join) and command.ticket:
                with suppress(DatabaseDown):  # an incident goes on without it
                    await asyncio.to_thread(self._see_that_it_may_join, number, stamped["ticket"])
            return await self._send(number, name, stamped, identity)
        except Refused as error:
            if error.code == "given_before":
                events = await asyncio.to_thread(_events, self._db, number)
                return first_answer(INCIDENT, IncidentAnswer, events, identity)
            refused = error
        with suppress(DatabaseDown):  # the answer is the same, on record or not
            command_name = f"{workflow_id(number)} {name}"
            await asyncio.to_thread(
                record_refusal, self._db, refused, payload, command=command_name, channel=self._channel
            )
        raise refused

    async def _send(self, number: int, name: str, stamped: dict[str, Any], identity: str) -> IncidentAnswer:
        """Give a command to the workflow of an incident; to one that is resumed, where it is open and none runs.

        One that has ended gives its first answer again. Raises Refused (`closed` where it has ended, `not_found`),
        Unavailable.
        """
        handle = self._client.get_workflow_handle(workflow_id(number))
        try:
            return await send(handle, workflow_id(number), name, stamped, identity, IncidentAnswer, self._first_sent)
        except NoWorkflow:
            resumed = await resume_incident(self._client, self._db, number)
        if not resumed:
            events = await asyncio.to_thread(_events, self._db, number)
            if identity in command_ids(events):
                return first_answer(INCIDENT, IncidentAnswer, events, identity)
            await asyncio.to_thread(self._see_that_it_is_open, number)
            raise Unavailable(f"{workflow_id(number)} has ended, and its journal is behind: try again")
        try:
            return await send(handle, workflow_id(number), name, stamped, identity, IncidentAnswer, self._first_sent)
        except NoWorkflow as error:
            raise Unavailable(str(error)) from None

    def _see_that_it_may_join(self, number: int, ticket: str) -> None:
        """Raise Refused if the ticket is part of another incident: it would report its debt to one, and the other could
        never end."""
        with self._db.session() as session:
            known = journal.load(session, ticket)
        if known is None:
            raise Refused("not_found", f"there is no ticket {ticket}")
        link = known.incident
        if link is not None and link.open and link.number != number:
            other = workflow_id(link.number)
            raise Refused("does_not_fit", f"ticket-{ticket} is part of {other}: let it leave that one first")

    def _see_that_it_is_open(self, number: int) -> None:
        """Raise Refused where the journal knows no such incident, or one that has ended."""
        with self._db.session() as session:
            known = INCIDENTS.load(session, number)
        if known is None:
            raise Refused("not_found", f"there is no {workflow_id(number)}")
        if known.ended:
            raise Refused("closed", f"{workflow_id(number)} is {known.state}: nothing more is asked of it")


async def resume_incident(client: Client, db: Database, number: int) -> bool:
    """See that an incident that is open in the journal has a workflow: one that goes on from there, where none runs.

    What its journal lacks is read from the history of the workflow that has ended, before anything goes on. What fell
    due meanwhile keeps its instant; pages, issues and all other effects keep their keys; and no command that it was
    given is carried out again. Safe to repeat, and in several places at once. Returns False where there is
    nothing to go on with: the journal knows no such incident, it is over, or its workflow has completed. Raises
    Unavailable, DatabaseDown.
    """
    try:
        await JournalRepair(client, db, ChurnRule()).catch_up_ended(workflow_id(number))
        carried = await asyncio.to_thread(_as_carried, db, number)
        if carried is None:
            return False
        reuse = WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY
        return await start_incident(client, IncidentStart(carried=carried), reuse=reuse)
    except (RPCError, RuntimeError) as error:
        if not (is_away(error) or isinstance(error, RPCError)):
            raise
        raise Unavailable(f"Temporal does not start {workflow_id(number)}: it is on record; try again") from None


def _as_carried(db: Database, number: int) -> IncidentCarried | None:
    """Make of an incident's journal what one run hands to the next. None where it is over, or not on record.

    The stored state lacks the texts that tickets, room and tracker still have to get, so its events are folded with
    their texts.
    """
    with db.session() as session:
        known = INCIDENTS.load(session, number)
        if known is None or (known.ended and not known.pending_effects):
            return None
    events = _events(db, number)
    return IncidentCarried(incident=INCIDENT.fold(events), given=KnownIds("", command_ids(events)).packed())


def _events(db: Database, number: int) -> list[IncidentEvent]:
    with db.session() as session:
        return [entry.event for entry in INCIDENTS.timeline(session, number)]


def _known_form(ticket: str) -> str:
    """Return a ticket's id as it stands on record, however it was typed. What can be none is left as it is."""
    try:
        return spoken(ticket)
    except ValueError:
        return ticket

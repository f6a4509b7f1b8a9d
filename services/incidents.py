"""The incidents' front door: everything that is asked of an incident by people goes through here."""

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import Any, Literal
from uuid import uuid4

from pydantic import ConfigDict, ValidationError
from temporalio.client import Client
from temporalio.common import Priority as TaskPriority
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from activities.support.signalling import start_incident
from domain.aggregate.command import malformed
from domain.core.actor import Actor
from domain.core.enums import Priority, Role
from domain.core.ids import spoken
from domain.core.input_types import Name, Short
from domain.core.refusal import Refused
from domain.core.values import Frozen
from domain.documents.markdown import inert
from domain.incident import commands as c
from domain.incident.aggregate import INCIDENT
from domain.incident.state import workflow_id
from domain.policy.check import say
from domain.policy.policy import Policy
from domain.ticket.rules.churn import ChurnRule
from services.intake.opening import PATIENCE as START_PATIENCE
from services.journal_repair import JournalRepair
from services.policy_file.load import resolve_incident_terms
from services.tickets import NoWorkflow, Unavailable, is_away, send
from store import incidents, journal, refusals
from store.database import Database, DatabaseDown
from store.journal import INCIDENTS
from workflows import ports
from workflows.incident.messages import IncidentAnswer, IncidentCarried, IncidentStart
from workflows.incident.workflow import IncidentWorkflow
from workflows.known_ids import KnownIds


class DeclareRequest(Frozen):
    """What declares an incident by hand: its on-call is paged at once. One that is open for the area is the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    product_area: Short = ""
    priority: Literal[Priority.P0, Priority.P1] = Priority.P1
    by: Name = "unknown"
    role: Role = Role.AGENT

    @classmethod
    def parse(cls, payload: Any) -> "DeclareRequest":
        """The request in a loose payload. Raises Refused with every field that is wrong, by name."""
        try:
            return cls.model_validate(payload)
        except ValidationError as error:
            raise malformed(error) from None


class IncidentReceipt(Frozen):
    """What became of a declaration."""

    incident: int
    created: bool
    """False: one was open for the area; it is that one."""


def number_of(text: str) -> int:
    """The number in `7` or `incident-7`. Raises Refused (`not_found`): nothing else is an incident's."""
    digits = text.strip().lower().removeprefix("incident-")
    if digits.isascii() and digits.isdecimal() and len(digits) <= 9:
        return int(digits)
    raise Refused("not_found", f"there is no incident {text[:40]!r}: incidents have numbers, as in incident-7")


class IncidentService:
    """Declares incidents by hand, and hands commands to them."""

    def __init__(self, client: Client, db: Database, policy: Policy, *, channel: str = "cli") -> None:
        """`channel` is the way in, for the record of refusals: cli, api, page."""
        self._client = client
        self._db = db
        self._policy = policy
        self._channel = channel

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
        """A drill wakes nobody, and is not counted. Raises Refused."""
        rules = self._policy.incidents
        limit = incidents.OpeningLimit(rules.opened_by_one, rules.opened_within)
        try:
            with self._db.begin() as session:
                return incidents.declare(session, area, drill, now, None if drill else by, limit)
        except incidents.TooManyOpened:
            raise Refused(
                "does_not_fit",
                f"{by} has opened {limit.most} incidents within {say(limit.within)}: join tickets to one of them, let "
                "somebody else declare this one, or raise incidents.opened_by_one in the policy",
            ) from None

    async def _start(self, declared: c.Declare) -> None:
        try:
            # One that was ended from outside before anything of it was on record is begun again.
            reuse = WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY
            started = await start_incident(self._client, declared, reuse=reuse)
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
                return await asyncio.to_thread(self._first_answer, number, identity)
            refused = error
        with suppress(DatabaseDown):  # the answer is the same, on record or not
            await asyncio.to_thread(self._audit, number, name, payload, refused)
        raise refused

    async def _send(self, number: int, name: str, stamped: dict[str, Any], identity: str) -> IncidentAnswer:
        """Give a command to the workflow of an incident; to one that is resumed, where it is open and none runs.

        Raises Refused (`closed` where it has ended, `not_found`), Unavailable.
        """
        handle = self._client.get_workflow_handle(workflow_id(number))
        try:
            return await send(handle, workflow_id(number), name, stamped, identity, IncidentAnswer)
        except NoWorkflow:
            resumed = await resume_incident(self._client, self._db, number)
        if not resumed:
            await asyncio.to_thread(self._see_that_it_is_open, number)
            raise Unavailable(f"{workflow_id(number)} has ended, and its journal is behind: try again")
        try:
            return await send(handle, workflow_id(number), name, stamped, identity, IncidentAnswer)
        except NoWorkflow as error:
            raise Unavailable(str(error)) from None

    def _first_answer(self, number: int, identity: str) -> IncidentAnswer:
        """The answer that a command got which the workflow knows, and has forgotten the answer of: from the journal."""
        with self._db.session() as session:
            events = [entry.event for entry in INCIDENTS.timeline(session, number)]
        led_to = [event for event in events if event.command_id == identity]
        then = INCIDENT.fold([event for event in events if not led_to or event.seq <= led_to[-1].seq])
        return IncidentAnswer.of(then, led_to)

    def _see_that_it_may_join(self, number: int, ticket: str) -> None:
        """Raises Refused. In two incidents, a ticket would tell its debt to one, and the other could never end."""
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

    def _audit(self, number: int, name: str, payload: dict[str, Any], refused: Refused) -> None:
        role = payload.get("role", Role.AGENT)
        actor = Actor(id=str(payload.get("by", "unknown"))[:100], role=Role(role) if role in list(Role) else Role.AGENT)
        with self._db.begin() as session:
            refusals.refuse(
                session,
                refused,
                at=self._db.clock.now(),
                ticket_id=None,
                command=f"{workflow_id(number)} {name}",
                actor=actor,
                channel=self._channel,
            )


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
        incident = carried.incident
        await client.start_workflow(
            IncidentWorkflow.run,
            IncidentStart(carried=carried),
            id=workflow_id(number),
            task_queue=ports.TICKETS,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
            static_summary=_summary(incident.priority, incident.product_area),
            priority=TaskPriority(priority_key=1),  # G10
            rpc_timeout=START_PATIENCE,
        )
    except WorkflowAlreadyStartedError:
        return False
    except (RPCError, RuntimeError) as error:
        if not (is_away(error) or isinstance(error, RPCError)):
            raise
        raise Unavailable(f"Temporal does not start {workflow_id(number)}: it is on record; try again") from None
    return True


def _as_carried(db: Database, number: int) -> IncidentCarried | None:
    """Make of an incident's journal what one run hands to the next. None where it is over, or not on record.

    The stored state lacks the words that tickets, room and Jira have still to hear, so its events are folded with
    their texts.
    """
    with db.session() as session:
        known = INCIDENTS.load(session, number)
        if known is None or (known.ended and not known.undone):
            return None
        events = [entry.event for entry in INCIDENTS.timeline(session, number)]
    ids = dict.fromkeys(event.command_id for event in events if event.command_id is not None)
    return IncidentCarried(incident=INCIDENT.fold(events), given=KnownIds("", ids).packed())


def _summary(priority: Priority, area: str) -> str:
    return f"{priority} in {inert(area) or 'the service'}"


def _known_form(ticket: str) -> str:
    """A ticket's id as it stands on record, however it was typed. What can be none is left as it is."""
    try:
        return spoken(ticket)
    except ValueError:
        return ticket

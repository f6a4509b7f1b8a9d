"""The tickets that are part of an incident: how they join and leave, what they owe (G6), what they were notified of."""

from collections.abc import Collection, Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field as Bounded

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import Command
from domain.aggregate.event import Changes, Envelope
from domain.aggregate.rule import On, Reason, Rule
from domain.core.actor import SYSTEM
from domain.core.enums import Priority, Role
from domain.core.input_types import Short, Text
from domain.core.values import Frozen, Instant
from domain.incident.rules.basics import effect_of, ends_by_itself, needed, responding
from domain.incident.rules.paging import PageAdopted
from domain.incident.rules.responding import Cancelled, change_severity
from domain.incident.state import (
    Effect,
    FormerMember,
    Incident,
    Member,
    workflow_id,
)

TicketId = Annotated[str, Bounded(pattern=r"^[0-9a-zA-Z-]{1,60}$")]


_FACT = frozenset({Role.SYSTEM, Role.OPS, Role.ADMIN})


class Join(Command):
    """Add a ticket to the incident by hand."""

    do: Literal["join"] = "join"
    ticket: TicketId | None = None


class Leave(Command):
    """Take a ticket out that was joined by mistake. It goes back to its agent, or gets an incident of its own."""

    do: Literal["leave"] = "leave"
    ticket: TicketId | None = None
    own: bool = False
    """It is another problem, as urgent: it opens an incident of its own."""
    reason: Text = ""


class JoinTicket(Command):
    """A ticket reports that it is part of the incident."""

    do: Literal["ticket_joined"] = "ticket_joined"
    who: ClassVar[frozenset[Role]] = _FACT
    ticket: TicketId
    effect_key: Short
    since: Instant
    """When the ticket asked for it."""
    priority: Priority
    owes: Annotated[tuple[Short, ...], Bounded(max_length=50)] = ()
    """G6: the fields of its packages that are missing."""
    jira_key: Short | None = None
    """The bug that engineering has of it already."""
    version: int = 0
    """The ticket's sequence when it said so."""
    page: Short | None = None
    """The key of a page that the ticket sent itself, since no incident could be found or opened for some time."""


class TicketUpdate(Command):
    """A ticket reports that what it owes, its priority or its bug has changed."""

    do: Literal["ticket_changed"] = "ticket_changed"
    who: ClassVar[frozenset[Role]] = _FACT
    number: int
    ticket: TicketId
    priority: Priority
    owes: Annotated[tuple[Short, ...], Bounded(max_length=50)] = ()
    jira_key: Short | None = None
    version: int
    discarded: Annotated[bool, Bounded(exclude_if=lambda it: not it)] = False
    """G13: it was deleted in the helpdesk, or marked as spam there. Left out where it is not, so that a worker from
    before this field can read it."""


class ReportNotified(Command):
    """Tierline itself: tickets were notified of the incident, up to a version."""

    do: Literal["told"] = "told"
    who: ClassVar[frozenset[Role]] = frozenset({Role.SYSTEM})
    tickets: tuple[str, ...]
    version: int
    left: bool = False
    """They were notified that they left."""
    missed: tuple[str, ...] = ()
    """Those of them that could not be notified."""


class TicketJoined(Frozen):
    """A ticket is part of it."""

    type: Literal["ticket_joined"] = "ticket_joined"
    ticket: str
    effect_key: str
    since: Instant
    priority: Priority | None = None
    owes: tuple[str, ...] = ()
    jira_key: str | None = None
    version: int = 0
    by_hand: bool = False
    """A person added it: the ticket did not ask."""


class TicketChanged(Frozen):
    """A ticket said what it owes (G6), its priority, or its bug."""

    type: Literal["ticket_changed"] = "ticket_changed"
    ticket: str
    priority: Priority
    owes: tuple[str, ...] = ()
    jira_key: str | None = None
    version: int


class TicketLeft(Frozen):
    """A ticket was part of it by mistake."""

    type: Literal["ticket_left"] = "ticket_left"
    ticket: str
    own: bool = False


class TicketsNotified(Frozen):
    """Tickets were notified of the incident, up to a version."""

    type: Literal["told"] = "told"
    tickets: tuple[str, ...]
    version: int
    missed: tuple[str, ...] = ()
    """Those of them that could not be notified. Nobody waits for them: `catch_up` is an effect of its own."""


class FormerMemberNotified(Frozen):
    """A ticket that left was notified of that."""

    type: Literal["leaver_told"] = "leaver_told"
    ticket: str
    missed: bool = False
    """It could not be notified; see `TicketsNotified.missed`."""


DISCARDED = "It was deleted in the helpdesk, or marked as spam there."
DRILL = "the incident is a drill: a ticket in it would notify its customer of an outage that there is not"


def _takes_tickets(incident: Incident) -> Reason:
    return DRILL if incident.drill else responding(incident)


def _join(recording: Recording[Incident], command: Join) -> None:
    needed(ticket=command.ticket)
    assert command.ticket is not None
    if recording.state.ticket(command.ticket):
        raise recording.aggregate.not_allowed_now(recording.state, f"ticket-{command.ticket} is part of it already")
    key = f"{workflow_id(recording.state.number)}:join:{recording.state.seq + 1}"
    recording.record(TicketJoined(ticket=command.ticket, effect_key=key, since=recording.at, by_hand=True))


def _leave(recording: Recording[Incident], command: Leave) -> None:
    """Take a ticket out that was joined by mistake. Cancel an incident that is left without any."""
    needed(ticket=command.ticket, reason=command.reason)
    assert command.ticket is not None
    if recording.state.ticket(command.ticket) is None:
        raise recording.aggregate.not_allowed_now(recording.state, f"ticket-{command.ticket} is not part of it")
    recording.record(TicketLeft(ticket=command.ticket, own=command.own), texts={"reason": command.reason})
    if not recording.state.tickets and ends_by_itself(recording.state):
        recording.record(Cancelled(why="empty"), by=SYSTEM)


def _ticket_joins(recording: Recording[Incident], command: JoinTicket) -> None:
    """Record that a ticket joins, once for each of its effects, even if the ticket has left again (G6)."""
    incident = recording.state
    known = [joined.effect_key for joined in incident.tickets] + [
        leaver.effect_key for leaver in incident.former_members
    ]
    if command.effect_key in known:
        return
    if incident.drill:
        raise recording.aggregate.not_allowed_now(incident, f"ticket_joined is not allowed now: {DRILL}")
    if command.page and all(page.dedup_key != command.page for page in incident.pages):
        first = incident.steps_paged == 0 and incident.next_page is not None
        recording.record(PageAdopted(dedup_key=command.page, first=first))
    body = TicketJoined(
        ticket=command.ticket,
        effect_key=command.effect_key,
        since=command.since,
        priority=command.priority,
        owes=command.owes,
        jira_key=command.jira_key,
        version=command.version,
    )
    recording.record(body)
    _round_up(recording, command)


def _ticket_changes(recording: Recording[Incident], command: TicketUpdate) -> None:
    """Record what a ticket owes (G6). Cancel an incident that nobody has yet once all its tickets are lowered."""
    known = recording.state.ticket(command.ticket)
    if known is None or command.version <= known.version:
        return
    if command.discarded:
        return _discard(recording, command)
    body = TicketChanged(
        ticket=command.ticket,
        priority=command.priority,
        owes=command.owes,
        jira_key=command.jira_key,
        version=command.version,
    )
    recording.record(body)
    _round_up(recording, command)
    incident = recording.state
    urgent = any(joined.priority in (None, Priority.P0, Priority.P1) for joined in incident.tickets)
    if not urgent and ends_by_itself(incident) and recording.at <= incident.declared_at + incident.terms.guess:
        recording.record(Cancelled(why="lowered"), by=SYSTEM)


def _discard(recording: Recording[Incident], command: TicketUpdate) -> None:
    """Let a ticket go that was none (G13). Where no other ticket is part of it, no person declared it and no customer
    was written to, the incident was none either: it ends, and its pages are called off, also where somebody has it."""
    recording.record(TicketLeft(ticket=command.ticket), by=SYSTEM, texts={"reason": DISCARDED})
    incident = recording.state
    unheard = incident.state in ("declared", "acknowledged") and not incident.updates_posted
    if not incident.tickets and not incident.by_hand and unheard:
        recording.record(Cancelled(why="empty"), by=SYSTEM)


def _round_up(recording: Recording[Incident], command: JoinTicket | TicketUpdate) -> None:
    """Raise the incident to P0 where one of its tickets is a P0. Only people lower it again."""
    if command.priority is Priority.P0 and recording.state.priority is not Priority.P0 and not recording.state.over:
        change_severity(recording, Priority.P0, f"ticket-{command.ticket} is a P0.", by=SYSTEM)


def _report_notified(recording: Recording[Incident], command: ReportNotified) -> None:
    if command.left:
        for ticket in command.tickets:
            recording.record(FormerMemberNotified(ticket=ticket, missed=ticket in command.missed))
    else:
        recording.record(TicketsNotified(tickets=command.tickets, version=command.version, missed=command.missed))


# -- What follows ----------------------------------------------------------------------------------------------


def _joined(incident: Incident, event: Envelope, body: TicketJoined) -> Changes:
    joined = Member(
        ticket=body.ticket,
        effect_key=body.effect_key,
        at=event.at,
        since=body.since,
        priority=body.priority,
        owes=body.owes,
        issue_key=body.jira_key,
        version=body.version,
        added=body.by_hand,
    )
    others = tuple(other for other in incident.tickets if other.ticket != body.ticket)
    return {"tickets": (*others, joined)}


def _changed(incident: Incident, _event: Envelope, body: TicketChanged) -> Changes:
    update = {"priority": body.priority, "owes": body.owes, "issue_key": body.jira_key, "version": body.version}
    changed = (x.model_copy(update=update) if x.ticket == body.ticket else x for x in incident.tickets)
    return {"tickets": tuple(changed)}


def _left(incident: Incident, _event: Envelope, body: TicketLeft) -> Changes:
    """Move the ticket to the former members. It is notified under a version of its own, and no other ticket is."""
    gone = incident.ticket(body.ticket)
    assert gone is not None
    version = incident.version + 1
    leaver = FormerMember(ticket=body.ticket, effect_key=gone.effect_key, version=version, own=body.own)
    return {
        "tickets": tuple(joined for joined in incident.tickets if joined.ticket != body.ticket),
        "former_members": (*incident.former_members, leaver),
        "version": version,
    }


def _tickets_notified(incident: Incident, _event: Envelope, body: TicketsNotified) -> Changes:
    return with_notified_up_to(incident, set(body.tickets).difference(body.missed), body.version)


def _former_member_notified(incident: Incident, _event: Envelope, body: FormerMemberNotified) -> Changes:
    return {} if body.missed else with_former_members_notified(incident, (body.ticket,))


def with_former_members_notified(incident: Incident, tickets: Collection[str]) -> Changes:
    """Note that tickets which left were notified of that."""
    leavers = (x.model_copy(update={"notified": True}) if x.ticket in tickets else x for x in incident.former_members)
    return {"former_members": tuple(leavers)}


def with_notified_up_to(incident: Incident, tickets: Collection[str], version: int) -> Changes:
    """Note up to which version tickets were notified. Forget the announcements that all tickets have got."""
    changed = tuple(
        x.model_copy(update={"notified_up_to": max(x.notified_up_to, version)}) if x.ticket in tickets else x
        for x in incident.tickets
    )
    least = min((joined.notified_up_to for joined in changed), default=incident.version)
    return {"tickets": changed, "announcements": tuple(news for news in incident.announcements if news.version > least)}


def _effects(before: Incident | None, after: Incident, event: Envelope) -> Iterator[Effect]:
    """Link a ticket's bug to the incident's issue, and notify later the tickets that could not be notified in turn."""
    body = event.body
    known = {joined.issue_key for joined in (before.tickets if before else ())}
    if isinstance(body, TicketJoined | TicketChanged) and body.jira_key and body.jira_key not in known:
        yield effect_of(after, event, "issue_note", links=(body.jira_key,))
    if isinstance(body, TicketsNotified) and body.missed:
        yield effect_of(after, event, "catch_up", tickets=body.missed)
    if isinstance(body, FormerMemberNotified) and body.missed:
        yield effect_of(after, event, "catch_up", tickets=(body.ticket,))


RULE = Rule[Incident](
    commands={
        Join: On(_join, _takes_tickets),
        Leave: On(_leave, responding),
        JoinTicket: On(_ticket_joins),
        TicketUpdate: On(_ticket_changes),
        ReportNotified: On(_report_notified),
    },
    events={
        TicketJoined: _joined,
        TicketChanged: _changed,
        TicketLeft: _left,
        TicketsNotified: _tickets_notified,
        FormerMemberNotified: _former_member_notified,
    },
    effects=_effects,
)

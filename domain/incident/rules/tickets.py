"""The tickets that are part of an incident: how they join and leave, what they owe (G6), what they were told."""

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
    Incident,
    Joined,
    Leaver,
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
    """A ticket says: it is part of this."""

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
    """A ticket says: what it owes, its priority or its bug has changed."""

    do: Literal["ticket_changed"] = "ticket_changed"
    who: ClassVar[frozenset[Role]] = _FACT
    number: int
    ticket: TicketId
    priority: Priority
    owes: Annotated[tuple[Short, ...], Bounded(max_length=50)] = ()
    jira_key: Short | None = None
    version: int


class ReportTold(Command):
    """Tierline itself: tickets were told, up to a version."""

    do: Literal["told"] = "told"
    who: ClassVar[frozenset[Role]] = frozenset({Role.SYSTEM})
    tickets: tuple[str, ...]
    version: int
    left: bool = False
    """They were told that they left."""
    missed: tuple[str, ...] = ()
    """Those of them that could not be told."""


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


class Told(Frozen):
    """Tickets were told, up to a version."""

    type: Literal["told"] = "told"
    tickets: tuple[str, ...]
    version: int
    missed: tuple[str, ...] = ()
    """Those of them that could not be told. Nobody waits for them: that they catch up is an effect of its own."""


class LeaverTold(Frozen):
    """A ticket that left was told so."""

    type: Literal["leaver_told"] = "leaver_told"
    ticket: str
    missed: bool = False
    """It could not be told. As above."""


DRILL = "it is a drill: no ticket is part of one, or its customer would hear of an outage that there is not"


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
    """A wrong join is undone. Without a ticket, and with nobody on it, there is no incident."""
    needed(ticket=command.ticket, reason=command.reason)
    assert command.ticket is not None
    if recording.state.ticket(command.ticket) is None:
        raise recording.aggregate.not_allowed_now(recording.state, f"ticket-{command.ticket} is not part of it")
    recording.record(TicketLeft(ticket=command.ticket, own=command.own), texts={"reason": command.reason})
    if not recording.state.tickets and ends_by_itself(recording.state):
        recording.record(Cancelled(why="empty"), by=SYSTEM)


def _ticket_joins(recording: Recording[Incident], command: JoinTicket) -> None:
    """An effect that was carried out twice, or after the ticket left again, joins once (G6)."""
    incident = recording.state
    known = [joined.effect_key for joined in incident.tickets] + [leaver.effect_key for leaver in incident.leavers]
    if command.effect_key in known:
        return
    if incident.drill:
        raise recording.aggregate.not_allowed_now(incident, f"ticket_joined does not fit: {DRILL}")
    if command.page and all(page.dedup_key != command.page for page in incident.pages):
        first = incident.rung == 0 and incident.next_page is not None
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
    """What it owes (G6). Lowered within the guess window, and nobody has it yet: it was none."""
    known = recording.state.ticket(command.ticket)
    if known is None or command.version <= known.version:
        return
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


def _round_up(recording: Recording[Incident], command: JoinTicket | TicketUpdate) -> None:
    """A P0 among its tickets makes it a P0. People lower it again."""
    if command.priority is Priority.P0 and recording.state.priority is not Priority.P0 and not recording.state.over:
        change_severity(recording, Priority.P0, f"ticket-{command.ticket} is a P0.", by=SYSTEM)


def _told_tickets(recording: Recording[Incident], command: ReportTold) -> None:
    if command.left:
        for ticket in command.tickets:
            recording.record(LeaverTold(ticket=ticket, missed=ticket in command.missed))
    else:
        recording.record(Told(tickets=command.tickets, version=command.version, missed=command.missed))


# -- What follows ----------------------------------------------------------------------------------------------


def _joined(incident: Incident, event: Envelope, body: TicketJoined) -> Changes:
    joined = Joined(
        ticket=body.ticket,
        effect_key=body.effect_key,
        at=event.at,
        since=body.since,
        priority=body.priority,
        owes=body.owes,
        jira_key=body.jira_key,
        version=body.version,
        added=body.by_hand,
    )
    others = tuple(other for other in incident.tickets if other.ticket != body.ticket)
    return {"tickets": (*others, joined)}


def _changed(incident: Incident, _event: Envelope, body: TicketChanged) -> Changes:
    update = {"priority": body.priority, "owes": body.owes, "jira_key": body.jira_key, "version": body.version}
    changed = (x.model_copy(update=update) if x.ticket == body.ticket else x for x in incident.tickets)
    return {"tickets": tuple(changed)}


def _left(incident: Incident, _event: Envelope, body: TicketLeft) -> Changes:
    """It is told under a version of its own; nobody else has anything to hear."""
    gone = incident.ticket(body.ticket)
    assert gone is not None
    version = incident.version + 1
    leaver = Leaver(ticket=body.ticket, effect_key=gone.effect_key, version=version, own=body.own)
    return {
        "tickets": tuple(joined for joined in incident.tickets if joined.ticket != body.ticket),
        "leavers": (*incident.leavers, leaver),
        "version": version,
    }


def _told(incident: Incident, _event: Envelope, body: Told) -> Changes:
    return told_up_to(incident, set(body.tickets).difference(body.missed), body.version)


def _leaver_told(incident: Incident, _event: Envelope, body: LeaverTold) -> Changes:
    return {} if body.missed else leavers_told(incident, (body.ticket,))


def leavers_told(incident: Incident, tickets: Collection[str]) -> Changes:
    """Note that tickets which left were told so."""
    leavers = (x.model_copy(update={"told": True}) if x.ticket in tickets else x for x in incident.leavers)
    return {"leavers": tuple(leavers)}


def told_up_to(incident: Incident, tickets: Collection[str], version: int) -> Changes:
    """Note up to which version tickets were told. News that everybody was told is forgotten."""
    changed = tuple(
        x.model_copy(update={"told": max(x.told, version)}) if x.ticket in tickets else x for x in incident.tickets
    )
    least = min((joined.told for joined in changed), default=incident.version)
    return {"tickets": changed, "news": tuple(news for news in incident.news if news.version > least)}


def _effects(before: Incident | None, after: Incident, event: Envelope) -> Iterator[Effect]:
    """Link a ticket's bug to the incident's issue; and tell later who could not be told in their turn."""
    body = event.body
    known = {joined.jira_key for joined in (before.tickets if before else ())}
    if isinstance(body, TicketJoined | TicketChanged) and body.jira_key and body.jira_key not in known:
        yield effect_of(after, event, "issue_note", links=(body.jira_key,))
    if isinstance(body, Told) and body.missed:
        yield effect_of(after, event, "catch_up", tickets=body.missed)
    if isinstance(body, LeaverTold) and body.missed:
        yield effect_of(after, event, "catch_up", tickets=(body.ticket,))


RULE = Rule[Incident](
    commands={
        Join: On(_join, _takes_tickets),
        Leave: On(_leave, responding),
        JoinTicket: On(_ticket_joins),
        TicketUpdate: On(_ticket_changes),
        ReportTold: On(_told_tickets),
    },
    events={
        TicketJoined: _joined,
        TicketChanged: _changed,
        TicketLeft: _left,
        Told: _told,
        LeaverTold: _leaver_told,
    },
    effects=_effects,
)

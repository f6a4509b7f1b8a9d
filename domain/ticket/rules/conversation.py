"""C14: what is said between support and the customer."""

from typing import ClassVar, Literal

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import ANYBODY
from domain.aggregate.event import Changes, Envelope
from domain.aggregate.rule import On, Rule
from domain.clocks import clock as clockwork
from domain.core.enums import Metric, Role, Status
from domain.core.input_types import Text
from domain.core.values import Frozen
from domain.ticket.rules.basics import needed, not_closed
from domain.ticket.rules.evidence import Evidenced, answer_customer, credited_instant, lapse_in_hindsight
from domain.ticket.rules.resolution import reopen
from domain.ticket.rules.waiting import WaitEnded
from domain.ticket.state import Ticket


class Respond(Evidenced):
    """Write to the customer. The first message of a person meets the first response."""

    do: Literal["respond"] = "respond"
    text: Text = ""


class Responded(Frozen):
    """A person wrote something that the customer can see (C5)."""

    type: Literal["responded"] = "responded"


class Reply(Evidenced):
    """The customer wrote: waiting ends; a resolved ticket reopens."""

    do: Literal["reply"] = "reply"
    who: ClassVar[frozenset[Role]] = ANYBODY
    text: Text = ""


class Replied(Frozen):
    """The customer wrote."""

    type: Literal["replied"] = "replied"


def _respond(recording: Recording[Ticket], command: Respond) -> None:
    """Record a response. The first message of a person that the customer can see meets the first response (C5)."""
    texts = needed(text=command.text)
    occurred = credited_instant(recording, command)
    recording.record(Responded(), occurred=occurred, texts=texts)
    answer_customer(recording, occurred)


def _is_late_evidence(ticket: Ticket, command: Respond) -> bool:
    """Return whether a message was sent before the ticket closed: it is heard after the closing, too (C12)."""
    if command.occurred is None:
        return False
    return ticket.closed_at is not None and command.occurred <= ticket.closed_at


def _reply(recording: Recording[Ticket], command: Reply) -> None:
    """Record a reply of the customer. It ends the waiting (C6), or reopens a resolved ticket (C10)."""
    texts = needed(text=command.text)
    occurred = credited_instant(recording, command)
    recording.record(Replied(), occurred=occurred, texts=texts)
    if recording.state.status is Status.PENDING:
        recording.record(WaitEnded(end=occurred, why="replied"))
    elif recording.state.status is Status.RESOLVED:
        reopen(recording, command, "The customer wrote again.", occurred)
    lapse_in_hindsight(recording, occurred)  # also where nothing resumes, the customer waits since then


def _responded(ticket: Ticket, _event: Envelope, _body: Responded) -> Changes:
    return {"incident": ticket.incident and ticket.incident.model_copy(update={"draft": None})}


def _replied(ticket: Ticket, event: Envelope, _body: Replied) -> Changes:
    """The customer waits for the next response."""
    clocks = clockwork.await_next_response(ticket.clocks, ticket.terms, event.occurred or event.at)
    if clocks == ticket.clocks:
        return {}
    return {"clocks": clocks, "warned": {m: s for m, s in ticket.warned.items() if m is not Metric.NEXT_RESPONSE}}


RULE = Rule[Ticket](
    commands={Respond: On(_respond, not_closed, _is_late_evidence), Reply: On(_reply, not_closed)},
    events={Responded: _responded, Replied: _replied},
)

"""C14: what is said between support and the customer."""

from datetime import datetime
from typing import ClassVar, Literal

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import ANYBODY
from domain.aggregate.event import Changes, Envelope
from domain.aggregate.rule import On, Rule
from domain.clocks import clock as clockwork
from domain.core.enums import Metric, Role, Status
from domain.core.input_types import Short, Text
from domain.core.refusal import Refused
from domain.core.values import Frozen
from domain.ticket.rules.authors import SINCE as MACHINES_NOTE
from domain.ticket.rules.automatic import record_automatic
from domain.ticket.rules.basics import loop_closed, needed, not_closed
from domain.ticket.rules.evidence import Evidenced, answer_customer, credited_instant, lapse_in_hindsight
from domain.ticket.rules.resolution import reopen
from domain.ticket.rules.safe_send import check_seen
from domain.ticket.rules.suspension import WaitEnded
from domain.ticket.rules.templates import Templated, check_message
from domain.ticket.state import Ticket


class Respond(Templated):
    """Write to the customer. The first message of a person meets the first response."""

    do: Literal["respond"] = "respond"
    text: Text = ""


class Responded(Frozen):
    """A person wrote something that the customer can see (C5)."""

    type: Literal["responded"] = "responded"
    template: str | None = None
    """F9: the template that the message was made of."""
    edited: int | None = None
    """F9: how much of it the sender changed, in percent; None: it was not looked at."""


class Reply(Evidenced):
    """The customer wrote: waiting ends; a resolved ticket reopens."""

    do: Literal["reply"] = "reply"
    who: ClassVar[frozenset[Role]] = ANYBODY
    text: Text = ""
    subject: Short = ""
    automatic: bool = False
    """C17: a machine of the customer's wrote it. It is kept and shown, and moves nothing."""
    known_by: Short = ""
    """By what that was seen, such as a header."""
    customer: Short = ""
    """Whose words they are, where one of us writes down what a customer said."""
    unread: Text = ""
    """What a program said with them that could not be read, a line for each field: ours to say."""


class Replied(Frozen):
    """The customer wrote."""

    type: Literal["replied"] = "replied"


def _respond(recording: Recording[Ticket], command: Respond) -> None:
    """Record a response. The first message of a person that the customer can see meets the first response (C5)."""
    check_seen(recording, command)
    texts = needed(text=command.text)
    check_message(command, command.text)
    occurred = credited_instant(recording, command)
    edited = command.edited if command.template else None
    recording.record(Responded(template=command.template or None, edited=edited), occurred=occurred, texts=texts)
    answer_customer(recording, occurred)


def respond_at_opening(recording: Recording[Ticket], message: str) -> None:
    """Record what one of ours wrote to the customer for whom they opened the ticket: the first response (C5)."""
    recording.record(Responded(), texts={"text": message})
    answer_customer(recording, recording.at)


def _is_late_evidence(ticket: Ticket, command: Respond) -> bool:
    """Return whether a message was sent before the ticket closed: it is heard after the closing, too (C12)."""
    if command.occurred is None:
        return False
    return ticket.closed_at is not None and command.occurred <= ticket.closed_at


def _is_automatic(_ticket: Ticket, command: Reply) -> bool:
    """Return whether a machine wrote it: then it is kept on a closed ticket too, and opens no other (C17)."""
    return command.automatic


def _reply(recording: Recording[Ticket], command: Reply) -> None:
    """Record a reply of the customer. It ends the waiting (C6), or reopens a resolved ticket (C10)."""
    if command.role is Role.SYSTEM and recording.state.terms.core_version >= MACHINES_NOTE:
        raise Refused("not_allowed", "a machine is not the customer: leave a note", would_fit=["note"])
    texts = needed(text=command.text) | {"subject": command.subject, "taken_as_unknown": command.unread}
    if command.automatic:
        record_automatic(recording, command.known_by, texts)
        return
    occurred = credited_instant(recording, command)
    if command.customer:
        texts["customer"] = command.customer
    recording.record(Replied(), occurred=occurred, texts=texts)
    if _is_older_than_question(recording.state, occurred):
        pass  # it answers nothing: the waiting goes on
    elif recording.state.status is Status.PENDING:
        recording.record(WaitEnded(end=occurred, why="replied"))
    elif recording.state.status is Status.RESOLVED:
        reopen(recording, command, "The customer wrote again.", occurred)
    lapse_in_hindsight(recording, occurred)  # also where nothing resumes, the customer waits since then


def _is_older_than_question(ticket: Ticket, occurred: datetime) -> bool:
    """Return whether the customer wrote a message before the question that the ticket waits on (C6)."""
    waits = ticket.status is Status.PENDING and ticket.terms.core_version >= 4
    if not (waits and ticket.suspended):
        return False
    wait = ticket.suspensions[-1]
    return occurred < (wait.asked or wait.start)


def _responded(ticket: Ticket, event: Envelope, _body: Responded) -> Changes:
    draft: Changes = {"incident": ticket.incident and ticket.incident.model_copy(update={"draft": None})}
    return draft | loop_closed(ticket, event)


def _replied(ticket: Ticket, event: Envelope, _body: Replied) -> Changes:
    """Start the clock of the next response, for which the customer waits."""
    clocks = clockwork.await_next_response(ticket.clocks, ticket.terms, event.occurred or event.at)
    if clocks == ticket.clocks:
        return {}
    return {"clocks": clocks, "warned": {m: s for m, s in ticket.warned.items() if m is not Metric.NEXT_RESPONSE}}


RULE = Rule[Ticket](
    commands={Respond: On(_respond, not_closed, _is_late_evidence), Reply: On(_reply, not_closed, _is_automatic)},
    events={Responded: _responded, Replied: _replied},
)

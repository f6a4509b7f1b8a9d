"""G18: attention. The customer or a customer success manager asks that a lead looks.

The lead is notified, and a clock of its own runs for one support hour until a lead has looked. The priority does not
change by itself.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import ANYBODY, LEADS, Command
from domain.aggregate.deadline import Deadline
from domain.aggregate.event import Changes, Envelope
from domain.aggregate.rule import Lapse, On, Reason, Rule
from domain.calendars.calendar import BeyondHorizon
from domain.core.enums import Role
from domain.core.input_types import Text
from domain.core.values import Frozen, Instant
from domain.ticket.deadline_kinds import Kind
from domain.ticket.rules.basics import needed, not_closed
from domain.ticket.state import Attention, Ticket


class AskAttention(Command):
    """Ask that a lead looks at the ticket, with the reason. Its priority does not change by itself."""

    do: Literal["attention"] = "attention"
    who: ClassVar[frozenset[Role]] = ANYBODY
    reason: Text = ""


class AttentionAsked(Frozen):
    """The attention of a lead was asked for (G18)."""

    type: Literal["attention_asked"] = "attention_asked"
    due: Instant | None = None


class Attend(Command):
    """Record that you, a lead, have looked at what asked for attention, or at a low score, and what follows."""

    do: Literal["attend"] = "attend"
    who: ClassVar[frozenset[Role]] = LEADS
    text: Text = ""


class AttentionGiven(Frozen):
    """A lead has looked at what asked for attention (G18), or at a low score (F7)."""

    type: Literal["attention_given"] = "attention_given"


class AttentionOverdue(Frozen):
    """No lead has looked in time (G18)."""

    type: Literal["attention_overdue"] = "attention_overdue"
    due: Instant


def _may_ask(ticket: Ticket) -> Reason:
    return not_closed(ticket) or ("a lead is asked already" if ticket.attention else None)


def _ask(recording: Recording[Ticket], command: AskAttention) -> None:
    texts = needed(reason=command.reason)
    terms = recording.state.terms
    try:
        due = terms.calendar.add(recording.at, terms.limits.attention)
    except BeyondHorizon:
        due = None
    recording.record(AttentionAsked(due=due), texts=texts)


def _may_attend(ticket: Ticket) -> Reason:
    if ticket.low_score_since:  # F7: also after closing
        return None
    return not_closed(ticket) or (None if ticket.attention else "nobody has asked for attention")


def _attend(recording: Recording[Ticket], command: Attend) -> None:
    recording.record(AttentionGiven(), texts=needed(text=command.text))


def _deadlines(ticket: Ticket) -> Iterator[Deadline]:
    attention = ticket.attention
    if attention and attention.due and not attention.overdue and not ticket.closed:
        yield Deadline(attention.due, Kind.ATTENTION, "Remind the lead: attention was asked for")


def _overdue(recording: Recording[Ticket], _deadline: Deadline, lapse: Lapse) -> None:
    recording.record_lapse(AttentionOverdue(due=lapse.due), lapse.due)


def _asked(_ticket: Ticket, event: Envelope, body: AttentionAsked) -> Changes:
    return {"attention": Attention(by=event.actor.id, since=event.at, due=body.due)}


RULE = Rule[Ticket](
    commands={AskAttention: On(_ask, _may_ask), Attend: On(_attend, _may_attend)},
    events={
        AttentionAsked: _asked,
        AttentionGiven: lambda *_: {"attention": None, "low_score_since": None},
        AttentionOverdue: lambda ticket, *_: {
            "attention": ticket.attention and ticket.attention.model_copy(update={"overdue": True})
        },
    },
    deadlines=_deadlines,
    lapses={Kind.ATTENTION: _overdue},
    notices={
        AttentionAsked: lambda *_: ("attention_asked", "Attention is asked for"),
        AttentionOverdue: lambda *_: ("attention_overdue", "Nobody has looked: attention was asked for"),
    },
)

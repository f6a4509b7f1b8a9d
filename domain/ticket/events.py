"""What can happen to a ticket: the facts that the journal keeps for ever.

Each event is defined in the rule that it belongs to, see `domain.ticket.rules`. A body's `type` and its fields stand in
journals and histories: they are added to, never renamed.
"""

from typing import Annotated, get_args

from pydantic import Field

from domain.aggregate.event import Envelope
from domain.ticket.rules.attention import AttentionAsked, AttentionGiven, AttentionOverdue
from domain.ticket.rules.authors import Hidden, Noted
from domain.ticket.rules.automatic import AutomaticReply
from domain.ticket.rules.cancellation import CancellationAsked
from domain.ticket.rules.consult import QuestionAnswered, QuestionAsked, QuestionOverdue
from domain.ticket.rules.conversation import Replied, Responded
from domain.ticket.rules.engineering import Answered
from domain.ticket.rules.escalation import DebtOverdue, DebtPaid, Escalated, GuessStood
from domain.ticket.rules.evidence import ClockMet
from domain.ticket.rules.handing_over import Referred, Returned
from domain.ticket.rules.handling import Assigned, Released, Taken
from domain.ticket.rules.identity import IdentityChecked
from domain.ticket.rules.incident_link import IncidentChanged, IncidentLeft, UpdateDrafted
from domain.ticket.rules.opening import MessageRefused, Opened
from domain.ticket.rules.package import Attached, Filled, StepNoted
from domain.ticket.rules.pending_effects import EffectDone, EffectFailed, EffectOverdue, EffectRetried
from domain.ticket.rules.priority import Amended, Prioritised
from domain.ticket.rules.promises import (
    PromiseAtRisk,
    PromiseBroken,
    Promised,
    PromiseKept,
    PromiseOnCourse,
    PromiseReminded,
)
from domain.ticket.rules.refund import RefundApproved, RefundRefused, RefundRequested, RefundWithdrawn
from domain.ticket.rules.resolution import Closed, Reopened, Resolved
from domain.ticket.rules.satisfaction import Rated
from domain.ticket.rules.sla import Lapsed, Waived, Warned
from domain.ticket.rules.suspension import WaitEnded
from domain.ticket.rules.t1_limit import LimitNoted, LimitReached, LimitReminded
from domain.ticket.rules.terms import AccountMatched, TermsAged, TermsReplaced
from domain.ticket.rules.tracker_link import EngineeringSaid, FixShipped, IssueChanged, ToldEngineering
from domain.ticket.rules.waiting import WaitStarted

Body = Annotated[
    Opened | Taken | Responded | Noted | StepNoted | Attached | Filled | WaitStarted | WaitEnded | Replied
    | LimitNoted | LimitReached | LimitReminded | Escalated | Returned | Answered | Referred | Resolved
    | Reopened | Closed | Prioritised | Amended | TermsReplaced | AccountMatched | Warned | Lapsed | ClockMet
    | Waived | DebtPaid | DebtOverdue | GuessStood | EffectDone | EffectFailed | EffectOverdue | EffectRetried
    | IssueChanged | EngineeringSaid | ToldEngineering | FixShipped | IncidentChanged | IncidentLeft | UpdateDrafted
    | TermsAged | Rated | MessageRefused | AutomaticReply | QuestionAsked | QuestionAnswered | QuestionOverdue
    | Promised | PromiseKept | PromiseReminded | PromiseBroken | PromiseAtRisk | PromiseOnCourse
    | AttentionAsked | AttentionGiven | AttentionOverdue | IdentityChecked | Assigned | Released | Hidden
    | RefundRequested | RefundApproved | RefundRefused | RefundWithdrawn | CancellationAsked,
    Field(discriminator="type"),
]  # fmt: skip


EVENT_TYPES = frozenset(kind.model_fields["type"].default for kind in get_args(get_args(Body)[0]))
"""The types of all events that there are."""


class Event(Envelope):
    """One fact of one ticket, in its place."""

    body: Body


__all__ = [
    "EVENT_TYPES", "AccountMatched", "Amended", "Answered", "Assigned", "Attached", "AttentionAsked", "AttentionGiven",
    "AttentionOverdue", "AutomaticReply", "Body", "CancellationAsked", "ClockMet", "Closed", "DebtOverdue", "DebtPaid",
    "EffectDone", "EffectFailed", "EffectOverdue", "EffectRetried", "EngineeringSaid", "Escalated", "Event", "Filled",
    "FixShipped", "GuessStood", "Hidden", "IdentityChecked", "IncidentChanged", "IncidentLeft", "IssueChanged",
    "Lapsed", "LimitNoted", "LimitReached", "LimitReminded", "MessageRefused", "Noted", "Opened", "Prioritised",
    "PromiseAtRisk", "PromiseBroken", "PromiseKept", "PromiseOnCourse", "PromiseReminded", "Promised",
    "QuestionAnswered", "QuestionAsked", "QuestionOverdue", "Rated", "Referred", "RefundApproved", "RefundRefused",
    "RefundRequested", "RefundWithdrawn", "Released", "Reopened", "Replied", "Resolved", "Responded", "Returned",
    "StepNoted", "Taken", "TermsAged", "TermsReplaced", "ToldEngineering", "UpdateDrafted", "WaitEnded", "WaitStarted",
    "Waived", "Warned",
]  # fmt: skip

"""What can happen to a ticket: the facts that the journal keeps for ever.

Each event is defined in the rule that it belongs to, see `domain.ticket.rules`. A body's `type` and its fields stand in
journals and histories: they are added to, never renamed.
"""

from typing import Annotated

from pydantic import Field

from domain.aggregate.event import Envelope
from domain.ticket.rules.conversation import Replied, Responded
from domain.ticket.rules.engineering import Answered
from domain.ticket.rules.escalation import DebtOverdue, DebtPaid, Escalated, GuessStood
from domain.ticket.rules.evidence import ClockMet
from domain.ticket.rules.handing_over import Referred, Returned
from domain.ticket.rules.handling import Noted, Taken
from domain.ticket.rules.incident_link import IncidentChanged, IncidentLeft, UpdateDrafted
from domain.ticket.rules.opening import MessageRefused, Opened
from domain.ticket.rules.package import Attached, Filled, StepNoted
from domain.ticket.rules.pending_effects import EffectDone, EffectFailed, EffectOverdue, EffectRetried
from domain.ticket.rules.priority import Amended, Prioritised
from domain.ticket.rules.resolution import Closed, Rated, Reopened, Resolved
from domain.ticket.rules.sla import Lapsed, Waived, Warned
from domain.ticket.rules.t1_limit import LimitNoted, LimitReached, LimitReminded
from domain.ticket.rules.terms import AccountMatched, TermsAged, TermsReplaced
from domain.ticket.rules.tracker_link import EngineeringSaid, FixShipped, JiraChanged, ToldEngineering
from domain.ticket.rules.waiting import WaitEnded, WaitStarted

Body = Annotated[
    Opened | Taken | Responded | Noted | StepNoted | Attached | Filled | WaitStarted | WaitEnded | Replied
    | LimitNoted | LimitReached | LimitReminded | Escalated | Returned | Answered | Referred | Resolved
    | Reopened | Closed | Prioritised | Amended | TermsReplaced | AccountMatched | Warned | Lapsed | ClockMet
    | Waived | DebtPaid | DebtOverdue | GuessStood | EffectDone | EffectFailed | EffectOverdue | EffectRetried
    | JiraChanged | EngineeringSaid | ToldEngineering | FixShipped | IncidentChanged | IncidentLeft | UpdateDrafted
    | TermsAged | Rated | MessageRefused,
    Field(discriminator="type"),
]  # fmt: skip


class Event(Envelope):
    """One fact of one ticket, in its place."""

    body: Body


__all__ = [
    "AccountMatched", "Amended", "Answered", "Attached", "Body", "ClockMet", "Closed", "DebtOverdue", "DebtPaid",
    "EffectDone", "EffectFailed", "EffectOverdue", "EffectRetried", "EngineeringSaid", "Escalated", "Event", "Filled",
    "FixShipped", "GuessStood", "IncidentChanged", "IncidentLeft", "JiraChanged", "Lapsed", "LimitNoted",
    "LimitReached", "LimitReminded", "MessageRefused", "Noted", "Opened", "Prioritised", "Rated", "Referred",
    "Reopened", "Replied", "Resolved", "Responded", "Returned", "StepNoted", "Taken", "TermsAged", "TermsReplaced",
    "ToldEngineering", "UpdateDrafted", "WaitEnded", "WaitStarted", "Waived", "Warned",
]  # fmt: skip

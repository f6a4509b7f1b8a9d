"""What can be asked of a ticket. One definition serves the Updates, the `advance` Signal, the CLI and the API.

Each command is defined in the rule that it belongs to, see `domain.ticket.rules`. The first line of a command's
docstring is its description wherever people meet it.
"""

from typing import Any

from domain.aggregate import command as any_command
from domain.aggregate.command import ANYBODY, LEADS, RATERS, STAFF, Command, malformed, name_of
from domain.ticket.rules.attention import AskAttention, Attend
from domain.ticket.rules.authors import Hide, Note
from domain.ticket.rules.consult import AnswerQuestion, Ask
from domain.ticket.rules.conversation import Reply, Respond
from domain.ticket.rules.effect_results import ReportDone, ReportFailed, Retry
from domain.ticket.rules.ended_elsewhere import End, Solved
from domain.ticket.rules.evidence import Evidenced
from domain.ticket.rules.handing_over import Escalate, Refer, Return
from domain.ticket.rules.handling import Assign, Release, Take
from domain.ticket.rules.identity import Identify
from domain.ticket.rules.incident_link import IncidentUpdate
from domain.ticket.rules.package import Attach, Fill, Step
from domain.ticket.rules.priority import Amend, Prioritise
from domain.ticket.rules.promises import FollowUp, Keep, Promise
from domain.ticket.rules.refund import ApproveRefund, RefuseRefund, RequestRefund, WithdrawRefund
from domain.ticket.rules.resolution import Close, Reopen, Resolve
from domain.ticket.rules.satisfaction import Rate
from domain.ticket.rules.sla import Waive
from domain.ticket.rules.terms import MatchAccount, ReplaceTerms
from domain.ticket.rules.tracker_link import IssueUpdate, TellEngineering
from domain.ticket.rules.waiting import Wait

UPDATES: tuple[type[Command], ...] = (
    Take, Assign, Release, Respond, Note, Hide, Step, Attach, Fill, Wait, Reply, Escalate, Return, Refer, Resolve,
    Reopen, Close, Solved, End, Prioritise, Amend, TellEngineering, Ask, AnswerQuestion, Promise, FollowUp, Keep,
    AskAttention, Attend, Identify, RequestRefund, ApproveRefund, RefuseRefund, WithdrawRefund, Waive,
    Retry, ReplaceTerms, Rate,
)  # fmt: skip
"""What people send, each an Update of its own name, in the order in which they are listed everywhere."""

FACTS: tuple[type[Command], ...] = (IssueUpdate, IncidentUpdate, MatchAccount)
"""What outside systems report, each a Signal of its own name."""

BY_NAME: dict[str, type[Command]] = {name_of(kind): kind for kind in (*UPDATES, *FACTS)}


def parse(payload: Any, name: str | None = None, *, recorded: bool = False) -> Command:
    """Make the command of a payload, `{"do": "take", "by": "ada"}`; see `domain.aggregate.command.parse`."""
    return any_command.parse(payload, name, BY_NAME, recorded=recorded)


__all__ = [
    "ANYBODY", "BY_NAME", "FACTS", "LEADS", "RATERS", "STAFF", "UPDATES", "Amend", "AnswerQuestion", "ApproveRefund",
    "Ask", "AskAttention", "Assign", "Attach", "Attend", "Close", "Command", "End", "Escalate", "Evidenced", "Fill",
    "FollowUp", "Hide", "Identify", "IncidentUpdate", "IssueUpdate", "Keep", "MatchAccount", "Note", "Prioritise",
    "Promise", "Rate", "Refer", "RefuseRefund", "Release", "Reopen", "ReplaceTerms", "Reply", "ReportDone",
    "ReportFailed", "RequestRefund", "Resolve", "Respond", "Retry", "Return", "Solved", "Step", "Take",
    "TellEngineering", "Wait", "Waive", "WithdrawRefund", "malformed", "parse",
]  # fmt: skip

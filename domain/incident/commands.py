"""What can be asked of an incident, and what others report to it. One definition serves Updates, CLI and API.

Each command is defined in the rule that it belongs to, see `domain.incident.rules`. The first line of a command's
docstring is its description wherever people meet it.
"""

from typing import Any

from domain.aggregate import command as any_command
from domain.aggregate.command import LEADS, STAFF, Command, name_of
from domain.incident.rules.declaring import Declare
from domain.incident.rules.pending_effects import ReportDone, ReportFailed, Retry
from domain.incident.rules.responding import (
    Acknowledge,
    AssignCommunications,
    Cancel,
    ChangeSeverity,
    HandOver,
    Mitigate,
    PageAcknowledged,
    ReportPagerAct,
    Resolve,
)
from domain.incident.rules.review import AddAction, ReviewDone
from domain.incident.rules.tickets import Join, JoinTicket, Leave, ReportNotified, TicketUpdate
from domain.incident.rules.updates import Approve, PostUpdate

UPDATES: tuple[type[Command], ...] = (
    Acknowledge, Mitigate, PostUpdate, Approve, HandOver, AssignCommunications, Join, Leave, ChangeSeverity, Resolve,
    Cancel, AddAction, ReviewDone, Retry,
)  # fmt: skip
"""What people send, each an Update of its own name, in the order in which they are listed everywhere."""

FACTS: tuple[type[Command], ...] = (JoinTicket, TicketUpdate, PageAcknowledged, ReportPagerAct)
"""What tickets and the pager report, each a Signal of its own name."""

BY_NAME: dict[str, type[Command]] = {name_of(kind): kind for kind in (*UPDATES, *FACTS)}


def parse(payload: Any, name: str | None = None, *, recorded: bool = False) -> Command:
    """Make the command of a payload, `{"do": "mitigate", "by": "ron"}`; see `domain.aggregate.command.parse`."""
    return any_command.parse(payload, name, BY_NAME, recorded=recorded)


__all__ = [
    "BY_NAME",
    "FACTS",
    "LEADS",
    "STAFF",
    "UPDATES",
    "Acknowledge",
    "AddAction",
    "Approve",
    "AssignCommunications",
    "Cancel",
    "ChangeSeverity",
    "Command",
    "Declare",
    "HandOver",
    "Join",
    "JoinTicket",
    "Leave",
    "Mitigate",
    "PageAcknowledged",
    "PostUpdate",
    "ReportDone",
    "ReportFailed",
    "ReportNotified",
    "ReportPagerAct",
    "Resolve",
    "Retry",
    "ReviewDone",
    "TicketUpdate",
    "parse",
]  # fmt: skip

"""G13: what ends elsewhere ends here. Merged, deleted, spam or closed in the helpdesk; solved by the customer.

It ends as it ended there, without the record of G9: nobody is left to fill it in. Its clocks stop, and none is met. A
breach that was recorded before stays on record.
"""

from typing import ClassVar, Literal

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import LEADS, RATERS, Command
from domain.aggregate.rule import On, Rule
from domain.core.enums import Metric, Resolution, Role, Status
from domain.core.input_types import Short, Text
from domain.core.text import has_text
from domain.core.values import Instant
from domain.ticket.rules.basics import active, needed, not_closed
from domain.ticket.rules.conversation import Replied
from domain.ticket.rules.evidence import Evidenced, credited_instant, meet
from domain.ticket.rules.resolution import Closed, Resolved, reopened_at
from domain.ticket.rules.suspension import WaitEnded
from domain.ticket.state import Ticket

HOW: dict[str, Literal["merged", "deleted", "spam", "elsewhere"]] = {
    "merged": "merged", "deleted": "deleted", "spam": "spam", "closed": "elsewhere",
}  # fmt: skip


class End(Command):
    """Say that the ticket has ended in the helpdesk: merged, deleted, spam or closed there. It needs no record."""

    do: Literal["end"] = "end"
    who: ClassVar[frozenset[Role]] = LEADS | {Role.INTEGRATION}
    how: Literal["merged", "deleted", "spam", "closed"] | None = None
    into: Short = ""
    """Of a merged one: the ticket whose clocks go on, where that is known."""


class Solved(Evidenced):
    """Say that the customer has solved it. It needs no record, and the Tier 1 limit no longer runs."""

    do: Literal["solved"] = "solved"
    who: ClassVar[frozenset[Role]] = RATERS
    text: Text = ""
    """What the customer wrote with it."""


def _end(recording: Recording[Ticket], command: End) -> None:
    """Close the ticket as it ended there."""
    needed(how=command.how or "")
    assert command.how is not None
    _stop_waiting(recording, recording.at)
    recording.record(Closed(how=HOW[command.how], parent=command.into or None))


def _solved(recording: Recording[Ticket], command: Solved) -> None:
    """Resolve the ticket by the customer's word (C7: the resolution is met). What they wrote reopens nothing."""
    occurred = max(credited_instant(recording, command), reopened_at(recording.state))
    if has_text(command.text):
        recording.record(Replied(), occurred=occurred, texts={"text": command.text})
    if active(recording.state):
        return  # it is resolved already
    occurred = _stop_waiting(recording, occurred)
    meet(recording, Metric.RESOLUTION, occurred)
    body = Resolved(
        resolution=Resolution.SOLVED,
        occurred=occurred,
        over_limit=recording.state.escalation_due,
        by_customer=True,
    )
    recording.record(body, occurred=occurred)


def _stop_waiting(recording: Recording[Ticket], occurred: Instant) -> Instant:
    """End the waiting on the customer, if it waits. Returns the instant, never before the waiting began."""
    if recording.state.status is not Status.PENDING:
        return occurred
    occurred = max(occurred, recording.state.suspensions[-1].start)
    recording.record(WaitEnded(end=occurred, why="resolved"))
    return occurred


RULE = Rule[Ticket](commands={End: On(_end, not_closed), Solved: On(_solved, not_closed)})

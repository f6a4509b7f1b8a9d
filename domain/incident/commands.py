"""What can be asked of an incident, and what others tell it. One definition serves the Updates, the CLI and the API.

The first line of a command's docstring is its description wherever people meet it.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field as Bounded

from domain.core.enums import Priority, Role
from domain.core.input_types import Name, Short, Text
from domain.core.values import Frozen, Instant
from domain.incident import events as e
from domain.incident.terms import IncidentTerms
from domain.ticket.commands import LEADS, STAFF, Command

TicketId = Annotated[str, Bounded(pattern=r"^[0-9a-zA-Z-]{1,60}$")]
_FACT = frozenset({Role.SYSTEM, Role.OPS, Role.ADMIN})


class Declare(Frozen):
    """How an incident begins. It is not paged for before its first ticket has joined, unless it is declared by hand."""

    number: int
    product_area: str = ""
    priority: Priority
    terms: IncidentTerms
    drill: bool = False
    by: Name = "tierline"
    role: Role = Role.SYSTEM


class Acknowledge(Command):
    """Take the incident on: nobody else is paged."""

    do: Literal["acknowledge"] = "acknowledge"
    comment: Text = ""


class Mitigate(Command):
    """Say that the customers' pain is gone, even if the cause is not."""

    do: Literal["mitigate"] = "mitigate"
    comment: Text = ""


class PostUpdate(Command):
    """Post an update: to the room, the Jira issue, and as a draft to the customer of every ticket."""

    do: Literal["update"] = "update"
    status: Text = ""
    """Where we are: the one part that is always needed."""
    impact: Text = ""
    doing: Text = ""
    """What is being done."""
    workaround: Text = ""


class Approve(Command):
    """Let an update go out to the customers of all tickets, in your name."""

    do: Literal["approve"] = "approve"
    update: Annotated[int, Bounded(ge=1, le=10**6)] | None = None
    """Which one; the latest, if not said."""


class HandOver(Command):
    """Hand the incident over to another commander."""

    do: Literal["hand_over"] = "hand_over"
    to: Name | None = None
    comment: Text = ""


class AssignCommunications(Command):
    """Say who writes to the customers."""

    do: Literal["communications"] = "communications"
    to: Name | None = None


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


class ChangeSeverity(Command):
    """Raise or lower the severity, with the reason."""

    do: Literal["severity"] = "severity"
    priority: Literal[Priority.P0, Priority.P1] | None = None
    reason: Text = ""


class Resolve(Command):
    """Say that it is over. Every ticket's packages must be complete by then; a review becomes due."""

    do: Literal["resolve"] = "resolve"
    comment: Text = ""


class Cancel(Command):
    """Say that it was none, with the reason: pages end, and tickets come back to their agents."""

    do: Literal["cancel"] = "cancel"
    reason: Text = ""


class AddAction(Command):
    """Record something that should be done so that it does not come back. It becomes a Jira issue."""

    do: Literal["action"] = "action"
    text: Text = ""
    owner: Name | None = None
    due: Instant | None = None


class ReviewDone(Command):
    """Say that the review was held, and what was learnt. That is the end of the incident."""

    do: Literal["review_done"] = "review_done"
    summary: Text = ""


class Retry(Command):
    """Try again what failed, after what was wrong is corrected; or let go of it."""

    do: Literal["retry"] = "retry"
    let_go: bool = False


class TicketJoined(Command):
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


class TicketNews(Command):
    """A ticket says: what it owes, its priority or its bug has changed."""

    do: Literal["ticket_changed"] = "ticket_changed"
    who: ClassVar[frozenset[Role]] = _FACT
    number: int
    ticket: TicketId
    priority: Priority
    owes: Annotated[tuple[Short, ...], Bounded(max_length=50)] = ()
    jira_key: Short | None = None
    version: int


class PageAcknowledged(Command):
    """The pager says: somebody took the page."""

    do: Literal["page_acknowledged"] = "page_acknowledged"
    who: ClassVar[frozenset[Role]] = _FACT | {Role.INTEGRATION}
    page: Short | None = None
    """The pager's key of the page that was taken, with its rung."""
    occurred: Instant | None = None
    """When, by the pager's clock. It may arrive much later."""


class PagerActed(Command):
    """The pager says: something befell a page by which nobody took it."""

    do: Literal["pager_acted"] = "pager_acted"
    who: ClassVar[frozenset[Role]] = _FACT | {Role.INTEGRATION}
    what: e.PagerAct
    page: Short
    """The pager's key of the page, with its rung."""
    occurred: Instant
    """When, by the pager's clock. It may arrive much later."""


class EffectDone(Command):
    """Tierline itself: an effect was carried out."""

    do: Literal["effect_done"] = "effect_done"
    who: ClassVar[frozenset[Role]] = frozenset({Role.SYSTEM})
    key: Short
    jira_key: Short | None = None
    jira_url: Text | None = None


class EffectFailed(Command):
    """Tierline itself: an effect was refused for good, or not taken in time."""

    do: Literal["effect_failed"] = "effect_failed"
    who: ClassVar[frozenset[Role]] = frozenset({Role.SYSTEM})
    key: Short
    reason: Text


class Told(Command):
    """Tierline itself: tickets were told, up to a version."""

    do: Literal["told"] = "told"
    who: ClassVar[frozenset[Role]] = frozenset({Role.SYSTEM})
    tickets: tuple[str, ...]
    version: int
    left: bool = False
    """They were told that they left."""
    missed: tuple[str, ...] = ()
    """Those of them that could not be told."""


UPDATES: tuple[type[Command], ...] = (
    Acknowledge, Mitigate, PostUpdate, Approve, HandOver, AssignCommunications, Join, Leave, ChangeSeverity, Resolve,
    Cancel, AddAction, ReviewDone, Retry,
)  # fmt: skip
"""What people send, each an Update of its own name."""

FACTS: tuple[type[Command], ...] = (TicketJoined, TicketNews, PageAcknowledged, PagerActed)
"""What tickets and the pager report, each a Signal of its own name."""

BY_NAME: dict[str, type[Command]] = {kind.model_fields["do"].default: kind for kind in (*UPDATES, *FACTS)}

__all__ = [
    "BY_NAME", "FACTS", "LEADS", "STAFF", "UPDATES", "Acknowledge", "AddAction", "Approve", "AssignCommunications",
    "Cancel", "ChangeSeverity", "Command", "Declare", "EffectDone", "EffectFailed", "HandOver", "Join", "Leave",
    "Mitigate", "PageAcknowledged", "PagerActed", "PostUpdate", "Resolve", "Retry", "ReviewDone", "TicketJoined",
    "TicketNews", "Told",
]  # fmt: skip

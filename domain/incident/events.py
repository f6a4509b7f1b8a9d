"""What can happen to an incident: the facts that its journal keeps for ever.

As with tickets, a body's `type` and its fields stand in journals and histories: they are added to, never renamed.
"""

from typing import Annotated, Literal

from pydantic import Field

from domain.core.enums import Priority
from domain.core.values import Frozen, Instant
from domain.incident.terms import IncidentTerms
from domain.ticket.state import Actor


class Declared(Frozen):
    """The incident begins, under these terms."""

    type: Literal["declared"] = "declared"
    number: int
    product_area: str = ""
    priority: Priority
    terms: IncidentTerms
    drill: bool = False


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


class PageAdopted(Frozen):
    """Somebody was paged already, by a ticket that could not find or open an incident: that was the first rung."""

    type: Literal["page_adopted"] = "page_adopted"
    dedup_key: str
    first: bool
    """It stands for the first rung, which was not paged yet."""


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


class Paged(Frozen):
    """A rung of the ladder is paged: nobody had acknowledged by `due`."""

    type: Literal["paged"] = "paged"
    due: Instant
    rung: int
    level: int
    round: int
    audience: str


class Unanswered(Frozen):
    """The whole ladder was paged, and nobody acknowledged."""

    type: Literal["unanswered"] = "unanswered"
    due: Instant


class LadderRestarted(Frozen):
    """A person has everybody paged once more, from the first rung on."""

    type: Literal["ladder_restarted"] = "ladder_restarted"


class Acknowledged(Frozen):
    """Somebody has it: no further page."""

    type: Literal["acknowledged"] = "acknowledged"
    by_pager: bool = False
    """The pager said so, not a command."""
    page: str | None = None
    """Of `by_pager`: the pager's key of the page that was taken."""
    occurred: Instant | None = None
    """Of `by_pager`: when, by the pager's clock."""


PagerAct = Literal["acknowledged", "resolved", "unacknowledged"]
"""What befell a page: a machine acknowledged or resolved it, or its acknowledgement timed out."""


class PagerActed(Frozen):
    """Something befell a page at the pager by which nobody took it."""

    type: Literal["pager_acted"] = "pager_acted"
    what: PagerAct
    page: str
    """The pager's key of the page."""
    occurred: Instant
    """When, by the pager's clock."""
    lapsed: bool = False
    """The acknowledgement that the incident had is over: nobody has it, and the ladder goes on."""


class Mitigated(Frozen):
    """The customers' pain is gone; the cause may not be."""

    type: Literal["mitigated"] = "mitigated"


class UpdatePosted(Frozen):
    """One text for the room, the issue, and every ticket as a draft to its customer."""

    type: Literal["update_posted"] = "update_posted"
    number: int


class UpdateApproved(Frozen):
    """A person lets an update go out to the customers."""

    type: Literal["update_approved"] = "update_approved"
    number: int


class UpdateMissed(Frozen):
    """An update is late: the commander is reminded, from the second time on the manager hears of it."""

    type: Literal["update_missed"] = "update_missed"
    due: Instant
    times: int


class HandedOver(Frozen):
    """Another commander leads."""

    type: Literal["handed_over"] = "handed_over"
    frm: str
    to: str


class CommunicationsAssigned(Frozen):
    """Who writes to customers."""

    type: Literal["communications_assigned"] = "communications_assigned"
    to: str


class SeverityChanged(Frozen):
    """Raised or lowered."""

    type: Literal["severity_changed"] = "severity_changed"
    old: Priority
    new: Priority


class Resolved(Frozen):
    """It is over: pages end, tickets come back to their agents, a review is due."""

    type: Literal["resolved"] = "resolved"
    review_due: Instant


class Cancelled(Frozen):
    """It was none: pages end, tickets come back to their agents."""

    type: Literal["cancelled"] = "cancelled"
    why: Literal["by_hand", "lowered", "empty"] = "by_hand"
    """`lowered`: all its tickets were, within the guess window; `empty`: the last one left."""


class ReviewDue(Frozen):
    """The review is due, or later than due, and not done."""

    type: Literal["review_due"] = "review_due"
    due: Instant


class ActionAdded(Frozen):
    """Something should be done so that it does not come back."""

    type: Literal["action_added"] = "action_added"
    owner: str
    due: Instant | None = None


class Reviewed(Frozen):
    """The review is done: the end."""

    type: Literal["reviewed"] = "reviewed"


class EffectDone(Frozen):
    """The outside world did its part."""

    type: Literal["effect_done"] = "effect_done"
    key: str
    jira_key: str | None = None
    jira_url: str | None = None


class EffectFailed(Frozen):
    """Refused for good, or not taken in time; the reason is for a person."""

    type: Literal["effect_failed"] = "effect_failed"
    key: str


class EffectOverdue(Frozen):
    """F5: outstanding for too long; ops are told."""

    type: Literal["effect_overdue"] = "effect_overdue"
    key: str
    due: Instant


class EffectRetried(Frozen):
    """A person asked for it to be tried again."""

    type: Literal["effect_retried"] = "effect_retried"
    key: str


class EffectDropped(Frozen):
    """A person let go of it."""

    type: Literal["effect_dropped"] = "effect_dropped"
    key: str


class MessageRefused(Frozen):
    """A Signal that could not be read, or did not fit."""

    type: Literal["message_refused"] = "message_refused"
    code: str
    what: str


IncidentBody = Annotated[
    Declared | TicketJoined | PageAdopted | TicketChanged | TicketLeft | Told | LeaverTold | Paged | Unanswered
    | LadderRestarted | Acknowledged | PagerActed | Mitigated | UpdatePosted | UpdateApproved | UpdateMissed
    | HandedOver | CommunicationsAssigned | SeverityChanged | Resolved | Cancelled | ReviewDue | ActionAdded | Reviewed
    | EffectDone | EffectFailed | EffectOverdue | EffectRetried | EffectDropped | MessageRefused,
    Field(discriminator="type"),
]  # fmt: skip


class IncidentEvent(Frozen):
    """One fact of one incident, in its place."""

    seq: int
    at: Instant
    """When it took effect: a deadline's due instant, a command's instant."""
    detected: Instant
    received: Instant | None = None
    actor: Actor
    command_id: str | None = None
    body: IncidentBody
    texts: dict[str, str] = {}
    """Free text by name. Journalled apart from the rest."""

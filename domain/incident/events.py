"""What can happen to an incident: the facts that its journal keeps for ever.

As with tickets, a body's `type` and its fields stand in journals and histories: they are added to, never renamed.
"""

from typing import Annotated

from pydantic import Field

from domain.aggregate.event import Envelope
from domain.incident.rules.declaring import Declared, MessageRefused
from domain.incident.rules.paging import LadderRestarted, PageAdopted, Paged, Unanswered
from domain.incident.rules.pending_effects import EffectDone, EffectDropped, EffectFailed, EffectOverdue, EffectRetried
from domain.incident.rules.responding import (
    Acknowledged,
    Cancelled,
    CommunicationsAssigned,
    HandedOver,
    Mitigated,
    PagerActed,
    Resolved,
    SeverityChanged,
)
from domain.incident.rules.review import ActionAdded, ReviewDue, Reviewed
from domain.incident.rules.tickets import FormerMemberNotified, TicketChanged, TicketJoined, TicketLeft, TicketsNotified
from domain.incident.rules.updates import UpdateApproved, UpdateMissed, UpdatePosted

IncidentBody = Annotated[
    Declared | TicketJoined | PageAdopted | TicketChanged | TicketLeft | TicketsNotified | FormerMemberNotified
    | Paged | Unanswered | LadderRestarted | Acknowledged | PagerActed | Mitigated | UpdatePosted | UpdateApproved
    | UpdateMissed
    | HandedOver | CommunicationsAssigned | SeverityChanged | Resolved | Cancelled | ReviewDue | ActionAdded | Reviewed
    | EffectDone | EffectFailed | EffectOverdue | EffectRetried | EffectDropped | MessageRefused,
    Field(discriminator="type"),
]  # fmt: skip


class IncidentEvent(Envelope):
    """One fact of one incident, in its place."""

    body: IncidentBody


__all__ = [
    "Acknowledged", "ActionAdded", "Cancelled", "CommunicationsAssigned", "Declared", "EffectDone", "EffectDropped",
    "EffectFailed", "EffectOverdue", "EffectRetried", "FormerMemberNotified", "HandedOver", "IncidentBody",
    "IncidentEvent", "LadderRestarted", "MessageRefused", "Mitigated", "PageAdopted", "Paged", "PagerActed", "Resolved",
    "ReviewDue", "Reviewed", "SeverityChanged", "TicketChanged", "TicketJoined", "TicketLeft", "TicketsNotified",
    "Unanswered", "UpdateApproved", "UpdateMissed", "UpdatePosted",
]  # fmt: skip

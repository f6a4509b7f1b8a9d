"""F11: a customer who cancels. The customer success manager hears of it at once, whatever the priority is."""

from typing import Literal

from domain.aggregate.aggregate import Recording
from domain.aggregate.event import Envelope
from domain.aggregate.rule import Notified, Rule
from domain.core.enums import Category
from domain.core.values import Frozen
from domain.ticket.state import Ticket


class CancellationAsked(Frozen):
    """The customer wants to cancel: the ticket came in as a cancellation, or was found to be one (F11)."""

    type: Literal["cancellation_asked"] = "cancellation_asked"


def note_cancellation(recording: Recording[Ticket]) -> None:
    """Record that a ticket is a cancellation, if it is one. To be called when its category was said or corrected."""
    if recording.state.category is Category.CANCELLATION:
        recording.record(CancellationAsked())


def _notify(ticket: Ticket, _event: Envelope, _body: CancellationAsked) -> Notified:
    account = ticket.account
    arr = "unknown" if account.arr is None else f"{account.arr:,.2f}".removesuffix(".00")
    return "cancellation", f"{account.id} wants to cancel: plan {account.plan.value}, ARR {arr}"


RULE = Rule[Ticket](
    events={CancellationAsked: lambda _ticket, _event, _body: {}},
    notices={CancellationAsked: _notify},
)

"""What goes into a ticket's workflow and comes out of it. Add-only: every field stands in histories."""

from collections.abc import Iterable
from typing import Self

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.core.enums import SlaState, Status, Tier, WaitsOn
    from domain.core.values import Frozen
    from domain.ticket.aggregate import TICKET
    from domain.ticket.derived import sla_state
    from domain.ticket.events import Event
    from domain.ticket.state import Ticket
    from workflows.handlers import handles
    from workflows.messages import AnyCarried


class Answer(Frozen):
    """What a command did, and where the ticket stands now."""

    ticket: str
    seq: int
    did: tuple[str, ...]
    """The types of the events that it led to, deadlines that lapsed before it included."""
    status: Status
    tier: Tier
    assignee: str | None = None
    waits_on: WaitsOn
    sla: SlaState

    @classmethod
    def of(cls, ticket: Ticket, events: Iterable[Event]) -> Self:
        """Make the answer to a command that led to `events`, and to `ticket`."""
        return cls(
            ticket=ticket.id,
            seq=ticket.seq,
            did=tuple(event.body.type for event in events),
            status=ticket.status,
            tier=ticket.tier,
            assignee=ticket.assignee,
            waits_on=ticket.waits_on,
            sla=sla_state(ticket),
        )


@handles(TICKET, Answer)
class TicketHandlers:
    """Every command of people as an Update, every fact as a Signal."""


class Carried(AnyCarried[Event, Answer]):
    """All that one run hands to the next."""

    ticket: Ticket


class TicketStart(Frozen):
    """The input: the opening events as the service decided them, or what the previous run carried over."""

    opening: tuple[Event, ...] = ()
    recorded: bool = False
    """The service has journalled the opening already."""
    carried: Carried | None = None


class TicketEnd(Frozen):
    """How the ticket ended."""

    ticket: str
    seq: int
    status: Status
    sla: SlaState

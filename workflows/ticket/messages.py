"""What goes into a ticket's workflow and comes out of it. Add-only: every field stands in histories."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.core.enums import SlaState, Status, Tier, WaitsOn
    from domain.core.values import Frozen
    from domain.ticket.events import Event
    from domain.ticket.state import Ticket


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


class Carried(Frozen):
    """All that one run hands to the next."""

    ticket: Ticket
    unrecorded: tuple[Event, ...] = ()
    answers: dict[str, Answer] = {}
    given: str = ""
    """The ids of all commands, as `workflows.known_ids` packs them."""


class TicketStart(Frozen):
    """The input: the opening events as the front door decided them, or what the previous run carried over."""

    opening: tuple[Event, ...] = ()
    recorded: bool = False
    """The front door has journalled the opening already."""
    carried: Carried | None = None


class TicketEnd(Frozen):
    """How the ticket ended."""

    ticket: str
    seq: int
    status: Status
    sla: SlaState

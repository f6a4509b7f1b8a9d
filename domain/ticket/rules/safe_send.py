"""G14: safe send. A message to the customer that was written before the ticket moved on is held back, once.

A command may carry `seen`, the number of the newest event that its sender saw. What the customer will see is refused as
`moved_on` if meanwhile the customer wrote, somebody else answered, or status, tier or priority changed. The refusal
brings what came; sent again with the new number, the message goes out.
"""

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import STAFF, Command
from domain.aggregate.event import Envelope
from domain.aggregate.rule import Rule
from domain.core.enums import Role
from domain.core.refusal import Refused
from domain.ticket.state import Move, Ticket

KEPT = 20
"""Moves that a ticket remembers. Whoever has not looked for longer than that is shown these."""
COLLEAGUES = STAFF | {Role.CSM, Role.SYSTEM}
_ANSWERS = ("responded", "wait_started", "resolved")
"""Types of events with which somebody of ours writes to the customer."""
_SAYS = {
    "replied": "the customer wrote",
    "answered": "somebody answered",
    "status": "its status changed",
    "tier": "its tier changed",
    "priority": "its priority changed",
}


def check_seen(recording: Recording[Ticket], command: Command) -> None:
    """Hold back what was written before the ticket moved on. What the sender did is no news to the sender.

    Raises Refused (`moved_on`) with all that came.
    """
    if command.seen is None:
        return
    ticket, seen = recording.state, command.seen
    came = [move for move in ticket.moves if move.seq > seen and move.by != command.by]
    if not came:
        return
    listed = ", ".join(f"{_SAYS[move.what]} ({move.seq}, {move.by})" for move in came)
    message = f"since event {seen}: {listed}. Look, and send it again with seen {ticket.seq} if it still fits"
    raise Refused("moved_on", message, came=[move.model_dump(mode="json") for move in came])


def move_of(before: Ticket | None, after: Ticket, event: Envelope) -> Move | None:
    """Return the move that an event is, given the state before and after it; None if it is none."""
    if before is None:
        return None
    kind, by = event.body.type, _event_text(event)
    if kind == "replied":
        return Move(seq=event.seq, what="replied", by=by, at=event.at)
    if kind in _ANSWERS:
        return Move(seq=event.seq, what="answered", by=by, at=event.at)
    if after.status is not before.status:
        return Move(seq=event.seq, what="status", by=by, at=event.at)
    if after.tier is not before.tier:
        return Move(seq=event.seq, what="tier", by=by, at=event.at)
    if after.priority is not before.priority:
        return Move(seq=event.seq, what="priority", by=by, at=event.at)
    return None


def _event_text(event: Envelope) -> str:
    """Return who did it: a colleague's name; of anybody else the role, since state is kept when texts are erased."""
    return event.actor.id if event.actor.role in COLLEAGUES else event.actor.role.value


RULE = Rule[Ticket]()

"""Undo: the command that takes back what an earlier one changed in who holds a ticket, its priority or its category.

What happened stays on record, and what it caused outside stays: who was paged was paged. Only what is still as the
command left it is taken back, so that nobody's later work is lost.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from domain.core.refusal import Refused
from domain.ticket.aggregate import TICKET
from domain.ticket.events import Event
from domain.ticket.state import Ticket
from store import lives
from store.database import Database

UNDOABLE = ("take", "assign", "release", "prioritise", "amend")
"""The commands that can be taken back. What a customer was told cannot, nor what was handed on or closed."""
AMENDED = ("category", "product_area", "language", "tags")
REASON = "Taken back: it was done to many tickets at once."


class Undo(NamedTuple):
    """A command that takes another one back."""

    command: str
    payload: dict[str, Any]


def undo_each(db: Database, commands: Mapping[str, str], me: str) -> dict[str, Undo | Refused]:
    """Return what takes back a command of each ticket, or why nothing can. `commands` are the ids of the commands, by
    ticket; `me` is who takes them back. Raises DatabaseDown."""
    known = {life.ticket: life.events for life in lives.of(db, list(commands))}
    found: dict[str, Undo | Refused] = {}
    for ticket, command_id in commands.items():
        try:
            found[ticket] = undo_of(known.get(ticket, ()), command_id, me)
        except Refused as refused:
            found[ticket] = refused
    return found


def undo_of(events: Sequence[Event], command_id: str, me: str) -> Undo:
    """Return what takes back the command of this id. `events` are all of the ticket's, their texts may be blank.

    Raises Refused (`not_found`, `moved_on`, `does_not_fit`).
    """
    places = [place for place, event in enumerate(events) if event.command_id == command_id]
    if not places or places[0] == 0:
        raise Refused("not_found", "the command is not on record yet, or was not done: try again")
    before, after = TICKET.fold(events[: places[0]]), TICKET.fold(events[: places[-1] + 1])
    now = TICKET.fold(events)
    changed = [name for name in ("assignee", "priority", *AMENDED) if getattr(before, name) != getattr(after, name)]
    if not changed:
        raise Refused("does_not_fit", "the command changed nothing that can be taken back")
    if moved := [name for name in changed if getattr(now, name) != getattr(after, name)]:
        raise Refused("moved_on", f"{_in_words(moved)} was changed again since: nothing is taken back")
    if "assignee" in changed:
        return _held(before, me)
    if "priority" in changed:
        return Undo("prioritise", {"priority": before.priority, "reason": REASON})
    return Undo("amend", {name: getattr(before, name) for name in changed})


def _held(before: Ticket, me: str) -> Undo:
    """Give the ticket back to who held it before, or to the queue."""
    if before.assignee is None:
        return Undo("release", {"over": True, "reason": REASON})
    if before.assignee == me:
        return Undo("take", {"over": True})
    return Undo("assign", {"to": before.assignee, "over": True})


def _in_words(names: Sequence[str]) -> str:
    return ", ".join(names).replace("_", " ").replace("assignee", "who holds it")

"""What makes no sense, although a command may say it: asked before the command goes to its ticket.

A rule of `domain` knows one ticket only. Here is what needs others (a parent that there is), or who somebody is.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from domain.aggregate.command import STAFF
from domain.core.enums import Role
from domain.core.ids import spoken
from domain.core.refusal import Refused
from services.intake import sources
from store import journal
from store.database import Database, DatabaseDown

LONGEST_LINE = 50
"""Tickets of one line of parents that are looked at. A longer one is taken for no circle."""


def check_words(name: str, payload: Mapping[str, Any]) -> None:
    """Raise Refused where one of us would say by mistake that the customer wrote, or names one of Tierline's own."""
    role = payload.get("role", Role.AGENT)
    if name == "reply" and role in STAFF and not str(payload.get("customer") or "").strip():
        message = (
            "reply is what the customer wrote: `respond` writes to the customer; to put the customer's own words on "
            "record, name whose they are as `customer`"
        )
        raise Refused("not_allowed", message, fields={"customer": "whose words they are"})
    if name == "assign" and payload.get("to"):
        sources.check_actor(payload["to"], "to")


def known_parent(db: Database, parent: str, child: str) -> str:
    """Return the id of the ticket that `child` repeats or follows, in its one form.

    Raises Refused (`malformed`) where it is no ticket's id, where there is no such ticket, where it is the child
    itself, and where the child is among those that it repeats in its turn. While the database is away only the id
    itself can be looked at.
    """
    try:
        found = spoken(parent)
    except ValueError as error:
        raise _wrong(str(error)) from None
    if found == child:
        raise _wrong(f"{found} is the ticket itself")
    try:
        with db.session() as session:
            _check_line(session, found, child)
    except DatabaseDown:
        return found
    return found


def _check_line(session: Session, parent: str, child: str) -> None:
    above: str | None = parent
    for _ in range(LONGEST_LINE):
        if above is None:
            return
        if above == child:
            raise _wrong(f"{parent} repeats or follows {child} itself: that would be a circle")
        ticket = journal.load(session, above)
        if ticket is None:
            if above == parent:
                raise _wrong(f"there is no ticket {parent}")
            return
        above = ticket.parent


def _wrong(message: str) -> Refused:
    return Refused("malformed", f"parent: {message}", fields={"parent": message})

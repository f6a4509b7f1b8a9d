"""The package of a hand-off as people read it (G3, G4): each field, what is missing, and where its words came from."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from domain.core.enums import Tier
from domain.ticket.events import Event
from domain.ticket.rules.escalation import ABOVE
from domain.ticket.rules.gates import BUG_REPORT, in_order, missing
from domain.ticket.state import ACTIVE, Ticket
from store.journal import Entry

_HOW = {"attached": "attached", "step_noted": "from a step", "filled": "filled in", "opened": "came with the ticket"}
"""Type of the event that brought a field's words -> how they came."""


class PackageField(NamedTuple):
    """One field of the package."""

    name: str
    """As the gates name it: `bug_report.summary` is a part of a part."""
    text: str
    absent: str | None
    """Why it was declared absent (G3); its text is the reason."""
    how: str
    """How its newest words came; empty for what is missing, or where its event cannot be read."""
    by: str
    at: datetime | None
    seq: int | None
    """The number of the event that brought them."""

    @property
    def filled(self) -> bool:
        return self.seq is not None


def package(ticket: Ticket, texts: Mapping[str, str], entries: Iterable[Entry[Event]]) -> list[PackageField]:
    """Return the fields that are filled, and those that the next tier needs and lacks, in the order of the gates."""
    above = ABOVE.get(ticket.tier)
    lacking = missing(ticket, above) if above and ticket.status in ACTIVE else []
    parts = [f"bug_report.{part}" for part in BUG_REPORT]
    known = [*ticket.terms.gates.t2, "bug_report", *parts, *ticket.terms.gates.t3, *ticket.fields, *lacking]
    names = [name for name in dict.fromkeys(known) if name in ticket.fields or name in lacking]
    by_seq = {entry.event.seq: entry.event for entry in entries}
    return [_field(ticket, texts, by_seq, name) for name in in_order(ticket, names)]


def _field(ticket: Ticket, texts: Mapping[str, str], by_seq: Mapping[int, Event], name: str) -> PackageField:
    field = ticket.fields.get(name)
    if field is None:
        return PackageField(name, "", None, "", "", None, None)
    seq = int(field.refs[-1].partition(".")[0])
    event = by_seq.get(seq)
    return PackageField(
        name,
        "\n".join(texts.get(ref, "") for ref in field.refs),
        field.absent,
        _HOW.get(event.body.type, event.body.type.replace("_", " ")) if event else "",
        event.actor.id if event else "",
        event.at if event else None,
        seq,
    )


def next_tier(ticket: Ticket) -> Tier | None:
    """Return the tier that the ticket can be handed up to; None if there is none."""
    return ABOVE.get(ticket.tier) if ticket.status in ACTIVE else None

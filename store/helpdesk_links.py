"""Links of our tickets to a helpdesk's: how far each was read there, and what was last sent there."""

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.core.values import Frozen
from store.tables.integrations import HelpdeskLinkRow


class Link(Frozen):
    """One ticket of a helpdesk, and ours."""

    system: str
    external_id: str
    ticket_id: str
    last_read: int = 0
    """The helpdesk's number of the last thing that we have acted on."""
    fields: dict[str, Any] = {}
    """The fields as they were last sent there."""


def find(session: Session, system: str, external_id: str) -> Link | None:
    """Return the link of a helpdesk's ticket; None if none of ours speaks for it."""
    mine = (HelpdeskLinkRow.system == system, HelpdeskLinkRow.external_id == external_id)
    return _link(session.scalars(select(HelpdeskLinkRow).where(*mine)).one_or_none())


def of_ticket(session: Session, system: str, ticket_id: str) -> Link | None:
    """Return the link of a ticket of ours; None if it speaks for none, or does no longer."""
    mine = (HelpdeskLinkRow.system == system, HelpdeskLinkRow.ticket_id == ticket_id)
    return _link(session.scalars(select(HelpdeskLinkRow).where(*mine).limit(1)).one_or_none())


def note_read(session: Session, system: str, external_id: str, ticket_id: str, last_read: int) -> None:
    """Note that everything up to `last_read` was acted on, and that `ticket_id` speaks for it. Never goes back."""
    row = {"system": system, "external_id": external_id, "ticket_id": ticket_id, "last_read": last_read}
    statement = insert(HelpdeskLinkRow).values(row)
    later = statement.excluded.heard >= HelpdeskLinkRow.last_read
    changes = {"ticket_id": ticket_id, "heard": last_read}  # by the names of the columns
    session.execute(
        statement.on_conflict_do_update(index_elements=["system", "external_id"], set_=changes, where=later)
    )


def note_fields(session: Session, link: Link, fields: dict[str, Any]) -> None:
    """Record that the fields were sent."""
    mine = (HelpdeskLinkRow.system == link.system, HelpdeskLinkRow.external_id == link.external_id)
    session.execute(update(HelpdeskLinkRow).where(*mine).values(fields=fields))


def _link(row: HelpdeskLinkRow | None) -> Link | None:
    return Link.model_validate({name: getattr(row, name) for name in Link.model_fields}) if row else None

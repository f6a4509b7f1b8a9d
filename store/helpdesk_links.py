"""Which ticket of ours speaks for a ticket of a helpdesk, how far that was heard, and what was last sent there."""

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
    heard: int = 0
    """The helpdesk's number of the last thing that we have acted on."""
    fields: dict[str, Any] = {}
    """The fields as they were last sent there."""


def find(session: Session, system: str, external_id: str) -> Link | None:
    """The link of a helpdesk's ticket; None if none of ours speaks for it."""
    mine = (HelpdeskLinkRow.system == system, HelpdeskLinkRow.external_id == external_id)
    return _link(session.scalars(select(HelpdeskLinkRow).where(*mine)).one_or_none())


def of_ticket(session: Session, system: str, ticket_id: str) -> Link | None:
    """The link of a ticket of ours; None if it speaks for none, or does no longer."""
    mine = (HelpdeskLinkRow.system == system, HelpdeskLinkRow.ticket_id == ticket_id)
    return _link(session.scalars(select(HelpdeskLinkRow).where(*mine).limit(1)).one_or_none())


def hear(session: Session, system: str, external_id: str, ticket_id: str, heard: int) -> None:
    """We have acted on everything up to `heard`, and `ticket_id` speaks for it. Never goes back."""
    row = {"system": system, "external_id": external_id, "ticket_id": ticket_id, "heard": heard}
    statement = insert(HelpdeskLinkRow).values(row)
    later = statement.excluded.heard >= HelpdeskLinkRow.heard
    changes = {"ticket_id": ticket_id, "heard": heard}
    session.execute(
        statement.on_conflict_do_update(index_elements=["system", "external_id"], set_=changes, where=later)
    )


def note_fields(session: Session, link: Link, fields: dict[str, Any]) -> None:
    """The fields were sent."""
    mine = (HelpdeskLinkRow.system == link.system, HelpdeskLinkRow.external_id == link.external_id)
    session.execute(update(HelpdeskLinkRow).where(*mine).values(fields=fields))


def _link(row: HelpdeskLinkRow | None) -> Link | None:
    return Link.model_validate({name: getattr(row, name) for name in Link.model_fields}) if row else None

"""Incidents: at most one is open for an area and fingerprint, and a ticket joins it once for each effect (G6)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import any_, delete, insert, literal, select, update
from sqlalchemy.orm import Session

from store.database import lock
from store.tables.incidents import IncidentRow, IncidentTicketRow


def find_or_allocate(
    session: Session, area: str, fingerprint: str, at: datetime, ticket_id: str, effect_key: str
) -> int:
    """The number of the incident that the ticket joins: the open one of its area and fingerprint, or a new one.

    The same effect gets the same number again, also when that incident has closed since.
    """
    number = join_open(session, area, fingerprint, at, ticket_id, effect_key)
    if number is None:
        opened = insert(IncidentRow).values(area=area, fingerprint=fingerprint, opened_at=at)
        number = session.scalars(opened.returning(IncidentRow.number)).one()
        _join(session, number, at, ticket_id, effect_key)
    return number


def join_open(
    session: Session, area: str, fingerprint: str, at: datetime, ticket_id: str, effect_key: str
) -> int | None:
    """As `find_or_allocate`, but never opens one: None if none is open."""
    # Joining, opening and closing take turns; the unique index is what would catch a mistake here.
    lock(session, "incident", area, fingerprint)
    joined = select(IncidentTicketRow.number).where(IncidentTicketRow.effect_key == effect_key)
    if (before := session.scalars(joined).one_or_none()) is not None:
        return before
    number = find_open(session, area, fingerprint)
    if number is not None:
        _join(session, number, at, ticket_id, effect_key)
    return number


def join_again(
    session: Session,
    ended: int,
    area: str,
    fingerprint: str,
    at: datetime,
    ticket_id: str,
    effect_key: str,
    *,
    only_if_open: bool = False,
) -> int | None:
    """The number of the incident that the ticket is part of, where the workflow of the one it joined has `ended`.

    The same, if that one knew of the ticket: it has told it everything. If it never heard of it (the join was under
    way when it ended, or it was ended from outside), the ticket's problem is still nobody's: it joins, or opens,
    another. None: `only_if_open`, and none is.
    """
    row = session.get(IncidentTicketRow, effect_key, with_for_update=True, populate_existing=True)
    if row is not None and row.number == ended and row.heard:
        return ended
    close(session, ended, at)
    if row is not None and row.number == ended:
        session.execute(delete(IncidentTicketRow).where(IncidentTicketRow.effect_key == effect_key))
    join = join_open if only_if_open else find_or_allocate
    return join(session, area, fingerprint, at, ticket_id, effect_key)


def declare(session: Session, area: str, fingerprint: str, at: datetime) -> tuple[int, bool]:
    """The number of the incident of an area and fingerprint, opened by hand if none is; and whether it was."""
    lock(session, "incident", area, fingerprint)
    number = find_open(session, area, fingerprint)
    if number is not None:
        return number, False
    opened = insert(IncidentRow).values(area=area, fingerprint=fingerprint, opened_at=at)
    return session.scalars(opened.returning(IncidentRow.number)).one(), True


def find_by_page(session: Session, key: str) -> int | None:
    """The number of the open incident that the pager knows under `key`: for a page that a ticket had to send."""
    of_it = (literal(key) == any_(IncidentRow.page_keys), IncidentRow.closed_at.is_(None))
    query = select(IncidentRow.number).where(*of_it)
    return session.scalars(query.order_by(IncidentRow.number.desc()).limit(1)).first()


def find_open(session: Session, area: str, fingerprint: str) -> int | None:
    """The number of the open incident of an area and fingerprint."""
    query = select(IncidentRow.number).where(
        IncidentRow.area == area, IncidentRow.fingerprint == fingerprint, IncidentRow.closed_at.is_(None)
    )
    return session.scalars(query).one_or_none()


def area_of(session: Session, number: int) -> str:
    """The product area of an incident; empty is the service as a whole."""
    return session.scalars(select(IncidentRow.area).where(IncidentRow.number == number)).one_or_none() or ""


def is_known(session: Session, number: int) -> bool:
    """Whether there is an incident of this number, open or over."""
    return session.get(IncidentRow, number) is not None


def is_open(session: Session, number: int) -> bool:
    """Whether there is an incident of this number that is not over."""
    row = session.get(IncidentRow, number)
    return row is not None and row.closed_at is None


def tickets_of(session: Session, number: int) -> Sequence[str]:
    """The tickets of an incident, in the order in which they joined, each once."""
    query = select(IncidentTicketRow.ticket_id).where(IncidentTicketRow.number == number)
    ordered = session.scalars(query.order_by(IncidentTicketRow.joined_at, IncidentTicketRow.effect_key))
    return list(dict.fromkeys(ordered))


def close(session: Session, number: int, at: datetime) -> None:
    """The incident is over: the next ticket of its area opens another. Closing it again changes nothing."""
    place = select(IncidentRow.area, IncidentRow.fingerprint).where(IncidentRow.number == number)
    if row := session.execute(place).one_or_none():
        lock(session, "incident", row.area, row.fingerprint)
    session.execute(
        update(IncidentRow).where(IncidentRow.number == number, IncidentRow.closed_at.is_(None)).values(closed_at=at)
    )


def _join(session: Session, number: int, at: datetime, ticket_id: str, effect_key: str) -> None:
    row = {"effect_key": effect_key, "number": number, "ticket_id": ticket_id, "joined_at": at}
    session.execute(insert(IncidentTicketRow), [row])

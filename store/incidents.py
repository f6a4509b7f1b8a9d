"""Incidents: at most one is open for an area and `separate_key`, and a ticket joins it once for each effect (G6)."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import and_, any_, delete, exists, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from store.database import lock
from store.tables.incidents import IncidentRow, IncidentTicketRow
from store.tables.journal import EventRow, TextRow
from store.tables.tickets import AccountRow, TicketRow

SURPLUS = "surplus"
"""The `separate_key` of the incident, in the area "", of all tickets that may open no incident of their own (G6). No
ticket of a known account joins it by itself: somebody is paged for each of those."""
OF_PEOPLE = ("api", "cli")
"""The sources of tickets that people bring by themselves: there it is the person who is counted, not the source."""


class OpeningLimit(NamedTuple):
    """How many incidents one opener may open within a time (G6)."""

    most: int
    """0: any number."""
    within: timedelta


NO_LIMIT = OpeningLimit(0, timedelta(0))


class TooManyOpened(Exception):
    """Somebody has opened as many incidents as one may."""


def find_or_allocate(
    session: Session,
    area: str,
    separate_key: str,
    at: datetime,
    ticket_id: str,
    effect_key: str,
    *,
    limit: OpeningLimit = NO_LIMIT,
) -> int:
    """Return the number of the incident that the ticket joins: the open one of its area and `separate_key`, or a new
    one.

    The same effect gets the same number again, also when that incident has closed since. Where the ticket's opener has
    opened as many as `limit` allows, the ticket joins the incident of all such tickets (`SURPLUS`) instead.
    """
    number = join_open(session, area, separate_key, at, ticket_id, effect_key)
    if number is not None:
        return number
    # A problem of its own was made one by a person.
    opener = None if separate_key else opener_of(session, ticket_id)
    if not _may_open(session, opener, at, limit):
        area, separate_key, opener = "", SURPLUS, None
        if (number := join_open(session, area, separate_key, at, ticket_id, effect_key)) is not None:
            return number
    number = _open(session, area, separate_key, at, opener)
    _join(session, number, at, ticket_id, effect_key)
    return number


def opener_of(session: Session, ticket_id: str) -> str | None:
    """Return who is counted for the incident that a ticket opens: the person who brought it, or else its source.

    None: nobody is, since its account is known, and a P0 of a known account always has somebody paged; or since the
    ticket is not on record.
    """
    opening = and_(EventRow.ticket_id == TicketRow.id, EventRow.seq == 1, ~EventRow.superseded)
    known = exists().where(AccountRow.id == TicketRow.account)
    query = select(TicketRow.source, EventRow.actor_id).join(EventRow, opening)
    row = session.execute(query.where(TicketRow.id == ticket_id, ~known)).one_or_none()
    if row is None:
        return None
    family = row.source.partition(":")[0].strip()
    return str(row.actor_id if family.casefold() in OF_PEOPLE else family)


def _may_open(session: Session, opener: str | None, at: datetime, limit: OpeningLimit) -> bool:
    """Return whether an opener may open one more incident. Openings by one opener take turns from here on."""
    if opener is None or not limit.most:
        return True
    _take_turn(session, opener)
    mine = (IncidentRow.opened_by == opener, IncidentRow.opened_at > at - limit.within)
    return (session.scalar(select(func.count()).select_from(IncidentRow).where(*mine)) or 0) < limit.most


def _take_turn(session: Session, opener: str) -> None:
    """Take the lock of an opener: behind the lock of an area, and before that of the surplus. In any other order two
    would wait for each other."""
    lock(session, "incidents opened by", opener)


def _open(session: Session, area: str, separate_key: str, at: datetime, opener: str | None) -> int:
    row = {"area": area, "separate_key": separate_key, "opened_at": at, "opened_by": opener}
    return session.scalars(insert(IncidentRow).values(row).returning(IncidentRow.number)).one()


def join_open(
    session: Session, area: str, separate_key: str, at: datetime, ticket_id: str, effect_key: str
) -> int | None:
    """Join an incident as `find_or_allocate` does, but open none: None if none is open."""
    # Joining, opening and closing take turns; the unique index is what would catch a mistake here.
    lock(session, "incident", area, separate_key)
    joined = select(IncidentTicketRow.number).where(IncidentTicketRow.effect_key == effect_key)
    if (before := session.scalars(joined).one_or_none()) is not None:
        return before
    number = find_open(session, area, separate_key)
    if number is not None:
        _join(session, number, at, ticket_id, effect_key)
    return number


def join_again(
    session: Session,
    ended: int,
    area: str,
    separate_key: str,
    at: datetime,
    ticket_id: str,
    effect_key: str,
    *,
    only_if_open: bool = False,
    limit: OpeningLimit = NO_LIMIT,
) -> int | None:
    """Return the number of the incident that the ticket is part of, where the workflow of the one it joined has
    `ended`.

    The same, if that one knew of the ticket: it has told it everything. If it never heard of it (the join was under
    way when it ended, or it was ended from outside), the ticket's problem is still nobody's: it joins, or opens,
    another. None: `only_if_open`, and none is.
    """
    lock(session, "incident", area, separate_key)
    if limit.most and not separate_key and (opener := opener_of(session, ticket_id)):
        _take_turn(session, opener)
    row = session.get(IncidentTicketRow, effect_key, with_for_update=True, populate_existing=True)
    if row is not None and row.number == ended and row.known:
        return ended
    close(session, ended, at)
    if row is not None and row.number == ended:
        session.execute(delete(IncidentTicketRow).where(IncidentTicketRow.effect_key == effect_key))
    if only_if_open:
        return join_open(session, area, separate_key, at, ticket_id, effect_key)
    return find_or_allocate(session, area, separate_key, at, ticket_id, effect_key, limit=limit)


def declare(
    session: Session,
    area: str,
    separate_key: str,
    at: datetime,
    opener: str | None = None,
    limit: OpeningLimit = NO_LIMIT,
) -> tuple[int, bool]:
    """Return the number of the incident of an area and `separate_key`, opened by hand if none is; and whether it was.

    Raises TooManyOpened where none is open, and `opener` has opened as many as `limit` allows.
    """
    lock(session, "incident", area, separate_key)
    number = find_open(session, area, separate_key)
    if number is not None:
        return number, False
    if not _may_open(session, opener, at, limit):
        raise TooManyOpened
    return _open(session, area, separate_key, at, opener), True


def put_back(session: Session, number: int, area: str, at: datetime, *, drill: bool) -> None:
    """Put an incident on record that runs and that the database has lost: one that was restored from an older copy.

    The next incident gets a higher number. Tickets of its area join it, unless it is a drill or another one is open
    there by now. Nothing, where it is on record.
    """
    key = f"drill-{number}" if drill else ""
    lock(session, "incident", area, key)
    if is_known(session, number):
        return
    if key == "" and find_open(session, area, key) is not None:
        key = f"restored-{number}"
    row = {"number": number, "area": area, "separate_key": key, "opened_at": at}
    session.execute(insert(IncidentRow).values(row))
    highest = select(func.max(IncidentRow.number)).scalar_subquery()
    sequence = func.pg_get_serial_sequence("incidents", "number")
    session.execute(select(func.setval(sequence, func.greatest(highest, func.nextval(sequence)))))


def find_by_page(session: Session, key: str) -> int | None:
    """Return the number of the open incident that the pager knows under `key`: for a page that a ticket had to send."""
    of_it = (literal(key) == any_(IncidentRow.page_keys), IncidentRow.closed_at.is_(None))
    query = select(IncidentRow.number).where(*of_it)
    return session.scalars(query.order_by(IncidentRow.number.desc()).limit(1)).first()


def find_open(session: Session, area: str, separate_key: str) -> int | None:
    """Return the number of the open incident of an area and `separate_key`."""
    query = select(IncidentRow.number).where(
        IncidentRow.area == area, IncidentRow.separate_key == separate_key, IncidentRow.closed_at.is_(None)
    )
    return session.scalars(query).one_or_none()


def is_surplus(session: Session, number: int) -> bool:
    """Return whether an incident is that of the tickets which might open none of their own."""
    return (
        session.scalars(select(IncidentRow.separate_key).where(IncidentRow.number == number)).one_or_none() == SURPLUS
    )


def area_of(session: Session, number: int) -> str:
    """Return the product area of an incident; empty is the service as a whole."""
    return session.scalars(select(IncidentRow.area).where(IncidentRow.number == number)).one_or_none() or ""


def is_known(session: Session, number: int) -> bool:
    """Return whether there is an incident of this number, open or over."""
    return session.get(IncidentRow, number) is not None


def find(session: Session, number: int) -> IncidentRow | None:
    """Return an incident that has begun; None where there is none of this number."""
    row = session.get(IncidentRow, number)
    return row if row is not None and row.seq > 0 else None


def is_open(session: Session, number: int) -> bool:
    """Return whether there is an incident of this number that is not over."""
    row = session.get(IncidentRow, number)
    return row is not None and row.closed_at is None


def tickets_of(session: Session, number: int) -> Sequence[str]:
    """Return the tickets of an incident, in the order in which they joined, each once."""
    query = select(IncidentTicketRow.ticket_id).where(IncidentTicketRow.number == number)
    ordered = session.scalars(query.order_by(IncidentTicketRow.joined_at, IncidentTicketRow.effect_key))
    return list(dict.fromkeys(ordered))


def subjects(session: Session, numbers: Collection[int]) -> dict[int, str]:
    """Return what incidents are about: of each, the subject of the first ticket that joined and has one."""
    of_opening = and_(TextRow.ticket_id == IncidentTicketRow.ticket_id, TextRow.seq == 1, TextRow.name == "subject")
    query = select(IncidentTicketRow.number, func.left(TextRow.text, 500)).join(TextRow, of_opening)
    order = (IncidentTicketRow.number, IncidentTicketRow.joined_at, IncidentTicketRow.effect_key, TextRow.epoch.desc())
    chosen = query.where(IncidentTicketRow.number.in_(numbers), TextRow.text != "")
    chosen = chosen.ext(distinct_on(IncidentTicketRow.number))
    return {number: subject for number, subject in session.execute(chosen.order_by(*order))}  # noqa: C416 - rows


def close(session: Session, number: int, at: datetime) -> None:
    """Clear the open mark of an incident: the next ticket of its area opens another. Closing it again changes
    nothing."""
    place = select(IncidentRow.area, IncidentRow.separate_key).where(IncidentRow.number == number)
    if row := session.execute(place).one_or_none():
        lock(session, "incident", row.area, row.separate_key)
    session.execute(
        update(IncidentRow).where(IncidentRow.number == number, IncidentRow.closed_at.is_(None)).values(closed_at=at)
    )


def _join(session: Session, number: int, at: datetime, ticket_id: str, effect_key: str) -> None:
    row = {"effect_key": effect_key, "number": number, "ticket_id": ticket_id, "joined_at": at}
    session.execute(insert(IncidentTicketRow), [row])

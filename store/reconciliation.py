"""What is open in the journal, as a list to compare with Temporal's, and what the latest comparison found."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.core.enums import Status
from domain.core.values import Frozen
from store.tables.incidents import IncidentRow
from store.tables.integrations import InboxRow, ReconciliationRow
from store.tables.tickets import TicketRow

WORKFLOWS = "workflows"
"""The key of the row that says what the latest comparison found."""
COMPARISON = "comparison"
"""The key of the row that says what the latest comparison found, both ways."""
CREDITS = "credits"
"""The key of the row that says when the ledger of credits was last checked (F2)."""
BEGINS_WITHIN = timedelta(minutes=10)
"""After so long, an incident of which nothing is recorded will not begin by itself."""
_ENDED = ("reviewed", "cancelled")
_OPEN = tuple(status.value for status in Status if status is not Status.CLOSED)
_AT_ONCE = 1000
"""Ids of one query."""
Key = TypeVar("Key", str, int)


class OpenTicket(NamedTuple):
    """A ticket that must have a running workflow, with what Temporal's list shows of it as well."""

    id: str
    seq: int
    status: str
    tier: str
    priority: str
    sla_state: str
    waits_on: str


class OnRecord(Enum):
    """What the journal knows of something that runs."""

    OPEN = auto()
    """It is open, or has just changed, or something of it is still to be done."""
    OVER = auto()


class Reconciliation(Frozen):
    """What the latest complete round found."""

    at: datetime
    """When it ended, by the database's clock."""
    age: timedelta
    """How long ago that was."""
    tickets: int
    incidents: int
    not_resumed: int


class Compared(Frozen):
    """What the latest comparison of the journal with Temporal found, both ways."""

    at: datetime
    """When it ended, by the database's clock."""
    tickets: int
    """Open tickets that have no running workflow."""
    incidents: int
    behind: int
    over: int
    not_looked_at: int

    def by_kind(self) -> dict[str, int]:
        """Return how many differ, by how they do."""
        stopped = self.tickets + self.incidents
        return {
            "not_running": stopped, "behind": self.behind, "over": self.over, "not_looked_at": self.not_looked_at
        }  # fmt: skip


def open_tickets(session: Session, quiet: timedelta, intake: str) -> Sequence[OpenTicket]:
    """Return the tickets that must have a running workflow: one query.

    Without those that were written to within `quiet` (somebody has just started them, or they have just ended), and
    without those that the inbox of the source `intake` still has to start.
    """
    to_start = exists().where(
        InboxRow.source == intake, InboxRow.delivery_id == TicketRow.id, InboxRow.handled_at.is_(None)
    )
    query = select(*(getattr(TicketRow, name) for name in OpenTicket._fields)).where(
        TicketRow.status.in_(_OPEN), TicketRow.updated_at <= func.now() - quiet, ~to_start
    )
    return [OpenTicket(*row) for row in session.execute(query.order_by(TicketRow.id))]


class Promised(NamedTuple):
    """An open ticket, with what it was promised."""

    id: str
    terms: str
    """The digest of its terms."""
    account: dict[str, Any]
    """The account as the ticket has it."""


def open_terms(session: Session) -> Sequence[Promised]:
    """Return the tickets that are not closed, each with the digest of its terms: one query."""
    query = select(TicketRow.id, TicketRow.terms, TicketRow.state["account"]).where(TicketRow.status.in_(_OPEN))
    return [Promised(*row) for row in session.execute(query.order_by(TicketRow.id))]


def newest_event(session: Session) -> datetime | None:
    """Return when the newest event of a ticket was recorded; None if there is none."""
    return session.scalars(select(func.max(TicketRow.updated_at))).one()


def open_incidents(session: Session, quiet: timedelta) -> Sequence[int]:
    """Return the numbers of the incidents that must have a running workflow: one query.

    Those that are not over, and those that are and have pending effects, such as ending their pages; also those that
    were put on record `BEGINS_WITHIN` ago and have never begun. Without those that were opened within `quiet`.
    """
    pending = _pending(IncidentRow.state)
    begun = IncidentRow.state.is_not(None) & (IncidentRow.status.not_in(_ENDED) | pending)
    never = (
        IncidentRow.state.is_(None)
        & IncidentRow.closed_at.is_(None)
        & (IncidentRow.opened_at <= func.now() - BEGINS_WITHIN)
    )
    query = select(IncidentRow.number).where(IncidentRow.opened_at <= func.now() - quiet, or_(begun, never))
    return session.scalars(query.order_by(IncidentRow.number)).all()


def tickets_on_record(session: Session, ids: Sequence[str], quiet: timedelta) -> Mapping[str, OnRecord]:
    """Return what the journal knows of these tickets; those of which it knows nothing are left out."""
    over = (TicketRow.status == Status.CLOSED.value) & ~_pending(TicketRow.state)
    columns = (TicketRow.id, over & (TicketRow.updated_at <= func.now() - quiet))
    return _known(session, columns, ids)


def incidents_on_record(session: Session, numbers: Sequence[int], quiet: timedelta) -> Mapping[int, OnRecord]:
    """Return what the journal knows of these incidents; those of which it knows nothing are left out."""
    over = IncidentRow.status.in_(_ENDED) & ~_pending(IncidentRow.state)
    columns = (IncidentRow.number, over & (IncidentRow.updated_at <= func.now() - quiet))
    return _known(session, columns, numbers)


def _known(session: Session, columns: tuple[Any, Any], keys: Sequence[Key]) -> dict[Key, OnRecord]:
    found: dict[Key, OnRecord] = {}
    for some in _in_parts(keys):
        rows = session.execute(select(*columns).where(columns[0].in_(some)))
        found |= {row[0]: OnRecord.OVER if row[1] else OnRecord.OPEN for row in rows}
    return found


def _in_parts(keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
    for place in range(0, len(keys), _AT_ONCE):
        yield keys[place : place + _AT_ONCE]


def _pending(state: Any) -> Any:
    """Return the condition that something is still to be done for a ticket or an incident."""
    return func.jsonb_array_length(func.coalesce(state["undone"], func.jsonb_build_array())) > 0


def begin(session: Session, every: timedelta, what: str = WORKFLOWS) -> bool:
    """Take the next round, by the database's clock. False while the latest one was begun less than `every` ago."""
    row = insert(ReconciliationRow).values(what=what, begun_at=func.now())
    due = ReconciliationRow.begun_at <= func.now() - every
    taken = row.on_conflict_do_update(index_elements=["what"], set_={"begun_at": func.now()}, where=due)
    return session.scalars(taken.returning(ReconciliationRow.what)).one_or_none() is not None


def note(session: Session, *, tickets: int, incidents: int, not_resumed: int) -> None:
    """Record what a round found, that ends now."""
    values = {"ended_at": func.now(), "tickets": tickets, "incidents": incidents, "not_resumed": not_resumed}
    mine = update(ReconciliationRow).where(ReconciliationRow.what == WORKFLOWS).values(**values)
    session.execute(mine, execution_options={"synchronize_session": False})


def latest(session: Session) -> Reconciliation | None:
    """Return what the latest complete round found; None if there was none yet."""
    row = session.execute(
        select(
            ReconciliationRow.ended_at,
            (func.now() - ReconciliationRow.ended_at).label("age"),
            ReconciliationRow.tickets,
            ReconciliationRow.incidents,
            ReconciliationRow.not_resumed,
        ).where(ReconciliationRow.what == WORKFLOWS, ReconciliationRow.ended_at.is_not(None))
    ).one_or_none()
    if row is None:
        return None
    return Reconciliation(
        at=row.ended_at, age=row.age, tickets=row.tickets, incidents=row.incidents, not_resumed=row.not_resumed
    )


def note_comparison(
    session: Session, *, tickets: int, incidents: int, behind: int, over: int, not_looked_at: int
) -> None:
    """Record what a comparison found, that ends now. The latest one stays."""
    counts = {
        "tickets": tickets, "incidents": incidents, "behind": behind, "over": over, "not_looked_at": not_looked_at
    }  # fmt: skip
    values = {"begun_at": func.now(), "ended_at": func.now(), **counts}
    row = insert(ReconciliationRow).values(what=COMPARISON, **values)
    session.execute(row.on_conflict_do_update(index_elements=["what"], set_=values))


def latest_comparison(session: Session) -> Compared | None:
    """Return what the latest comparison found; None if there was none yet."""
    row = ReconciliationRow
    columns = (row.ended_at, row.tickets, row.incidents, row.behind, row.over, row.not_looked_at)
    found = session.execute(select(*columns).where(row.what == COMPARISON)).one_or_none()
    if found is None:
        return None
    at, tickets, incidents, behind, over, not_looked_at = found
    return Compared(
        at=at, tickets=tickets, incidents=incidents, behind=behind, over=over, not_looked_at=not_looked_at
    )  # fmt: skip

"""What is open in the journal, as a list to compare with Temporal's, and what the latest comparison found."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.core.enums import Status
from domain.core.values import Frozen
from store.tables.incidents import IncidentRow
from store.tables.integrations import InboxRow, ReconciliationRow
from store.tables.tickets import TicketRow

WORKFLOWS = "workflows"
"""The key of the one row."""
BEGINS_WITHIN = timedelta(minutes=10)
"""After so long, an incident of which nothing is recorded will not begin by itself."""
_ENDED = ("reviewed", "cancelled")


class Reconciliation(Frozen):
    """What the latest complete round found."""

    at: datetime
    """When it ended, by the database's clock."""
    age: timedelta
    """How long ago that was."""
    tickets: int
    incidents: int
    not_resumed: int


def open_tickets(session: Session, quiet: timedelta, intake: str) -> Sequence[str]:
    """Return the ids of the tickets that must have a running workflow: one query.

    Without those that were written to within `quiet` (somebody has just started them, or they have just ended), and
    without those that the inbox of the source `intake` still has to start.
    """
    to_start = exists().where(
        InboxRow.source == intake, InboxRow.delivery_id == TicketRow.id, InboxRow.handled_at.is_(None)
    )
    query = select(TicketRow.id).where(
        TicketRow.status != Status.CLOSED.value, TicketRow.updated_at <= func.now() - quiet, ~to_start
    )
    return session.scalars(query.order_by(TicketRow.id)).all()


def open_incidents(session: Session, quiet: timedelta) -> Sequence[int]:
    """Return the numbers of the incidents that must have a running workflow: one query.

    Those that are not over, and those that are and have pending effects, such as ending their pages; also those that
    were put on record `BEGINS_WITHIN` ago and have never begun. Without those that were opened within `quiet`.
    """
    pending = func.jsonb_array_length(func.coalesce(IncidentRow.state["undone"], func.jsonb_build_array())) > 0
    begun = IncidentRow.state.is_not(None) & (IncidentRow.status.not_in(_ENDED) | pending)
    never = (
        IncidentRow.state.is_(None)
        & IncidentRow.closed_at.is_(None)
        & (IncidentRow.opened_at <= func.now() - BEGINS_WITHIN)
    )
    query = select(IncidentRow.number).where(IncidentRow.opened_at <= func.now() - quiet, or_(begun, never))
    return session.scalars(query.order_by(IncidentRow.number)).all()


def begin(session: Session, every: timedelta) -> bool:
    """Take the next round, by the database's clock. False while the latest one was begun less than `every` ago."""
    row = insert(ReconciliationRow).values(what=WORKFLOWS, begun_at=func.now())
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
        ).where(ReconciliationRow.ended_at.is_not(None))
    ).one_or_none()
    if row is None:
        return None
    return Reconciliation(
        at=row.ended_at, age=row.age, tickets=row.tickets, incidents=row.incidents, not_resumed=row.not_resumed
    )

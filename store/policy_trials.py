"""Backtests of policies that people started at the desk, and what came of them. The latest are kept."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, defer

from store.tables.base import Json
from store.tables.web import PolicyTrialRow


def keep(session: Session, values: Json, most: int) -> None:
    """Keep a trial in the place of what was kept of it; of all, the `most` latest ones."""
    row = insert(PolicyTrialRow).values(values)
    session.execute(row.on_conflict_do_update(index_elements=["id"], set_=values))
    latest = select(PolicyTrialRow.id).order_by(PolicyTrialRow.started.desc()).limit(most)
    session.execute(delete(PolicyTrialRow).where(PolicyTrialRow.id.not_in(latest)))


def latest(session: Session) -> Sequence[PolicyTrialRow]:
    """Return the trials, the latest first, without what came of them."""
    query = select(PolicyTrialRow).options(defer(PolicyTrialRow.result, raiseload=True))
    return session.scalars(query.order_by(PolicyTrialRow.started.desc())).all()


def find(session: Session, trial: str) -> PolicyTrialRow | None:
    """Return a trial."""
    return session.get(PolicyTrialRow, trial)

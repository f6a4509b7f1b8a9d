"""Which weeks' reports were posted (F3): a row for each, written with its notices."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from store.tables.reports import WeekPostRow


def is_posted(session: Session, week: str) -> bool:
    """Return whether the report of a week was posted."""
    return session.scalars(select(WeekPostRow.week).where(WeekPostRow.week == week)).first() is not None


def claim(session: Session, week: str, at: datetime, text: str) -> bool:
    """Note that a week's report is posted, in the caller's transaction. Returns False where somebody else has: of two
    at once, the second waits for the first, and then finds it done."""
    row = insert(WeekPostRow).values(week=week, posted_at=at, text=text).on_conflict_do_nothing()
    return session.scalars(row.returning(WeekPostRow.week)).one_or_none() is not None

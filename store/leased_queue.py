"""A queue in a table. Who takes a row holds a lease on it, and then says what became of it.

Who dies in between says nothing: the lease runs out, and the next one takes the row again. So whatever is done with a
row must do no harm when it is done twice.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from store.database import PLAIN
from store.tables.base import LeasedRow

ERROR_LIMIT = 500
"""Characters of an error that are kept."""

Row = TypeVar("Row", bound=LeasedRow)


class LeasedQueue(Generic[Row]):
    """The rows of one table that wait for something to be done, each once in effect."""

    def __init__(
        self,
        table: type[Row],
        *,
        unsettled: ColumnElement[bool],
        done: Callable[[datetime], Mapping[str, Any]],
        lease: str = "not_before",
        error: str = "last_error",
        claimed: Mapping[str, Any] | None = None,
        waiting: Mapping[str, Any] | None = None,
    ) -> None:
        """`unsettled`: which rows are neither done nor given up. `lease` and `error` name columns: the end of a claim,
        and why the last try failed. What else a row says of itself: `done` at an instant, `claimed`, `waiting`."""
        self._table = table
        self._unsettled = unsettled
        self._done = done
        self._lease = lease
        self._error = error
        self._claimed = claimed or {}
        self._waiting = waiting or {}

    def claim(
        self, session: Session, now: datetime, lease: timedelta, limit: int, *which: ColumnElement[bool]
    ) -> Sequence[Row]:
        """Take up to `limit` of the rows `which` are due, oldest first. Nobody else gets them before the lease is over.

        Commit before anything is done with them. Each claim counts as an attempt.
        """
        due = (self._is_past(name, now) for name in {"not_before", self._lease})
        query = select(self._table).where(self._unsettled, *due, *which)
        rows = session.scalars(query.order_by(self._table.id).limit(limit).with_for_update(skip_locked=True)).all()
        for row in rows:
            row.attempts += 1
            for name, value in {**self._claimed, self._lease: now + lease}.items():
                setattr(row, name, value)
        session.flush()
        return rows

    def done(self, session: Session, number: int, at: datetime, *, error: str | None = None, **more: Any) -> None:
        """Note that what a row asks for was done. Whoever says so is right, also after the lease.

        `error` says why it led to nothing, where it did.
        """
        self._settle(session, self._table.id == number, error, **self._done(at), **more)

    def postpone(
        self, session: Session, row: Row, until: datetime, error: str | None, *, tried: bool = True, **more: Any
    ) -> None:
        """Release a claim until an instant. Does nothing where a later claim has taken the row over.

        `tried`: False if it was no attempt, as in quiet hours. `more` are further columns to set.
        """
        attempts = row.attempts if tried else row.attempts - 1
        self._settle(session, self._held(row), error, **self._waiting, not_before=until, attempts=attempts, **more)

    def fail(self, session: Session, row: Row, error: str) -> None:
        """Give a row up. Does nothing where a later claim has taken it over."""
        self._settle(session, self._held(row), error, state="failed")

    def _held(self, row: Row) -> ColumnElement[bool]:
        """Return whether a claim still stands: a later one has counted on."""
        return (self._table.id == row.id) & (self._table.attempts == row.attempts) & self._unsettled

    def _settle(self, session: Session, which: ColumnElement[bool], error: str | None, **values: Any) -> None:
        ended = {"not_before": None, self._lease: None, self._error: error[:ERROR_LIMIT] if error else None}
        session.execute(update(self._table).where(which).values(ended | values), execution_options=PLAIN)

    def _is_past(self, name: str, now: datetime) -> ColumnElement[bool]:
        column: InstrumentedAttribute[datetime | None] = getattr(self._table, name)
        return or_(column.is_(None), column <= now)

"""The one way to PostgreSQL: an engine, its transactions, and one error for "not now"."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, TimeoutError
from sqlalchemy.orm import Session, sessionmaker

from store.host_clock import DatabaseClock, host_now

CONNECT_SECONDS = 5
STATEMENT_SECONDS = 20
"""Less than a journal activity may take, so that the database ends what Temporal is about to repeat."""
WAIT_FOR_CONNECTION_SECONDS = 10
PLAIN = {"synchronize_session": False}
"""Of statements whose rows nobody holds in the session."""
CONNECTIONS = 36
"""How many a process may have at once: one for each thread of the event loop's own pool, which has 32 at most, and some
for threads of their own. A worker needs more: `workers.bootstrap` counts."""
KEPT_OPEN = 10
"""Connections that stay open; those beyond are closed as soon as nobody needs them."""


class DatabaseDown(Exception):
    """PostgreSQL cannot serve now: gone, starting, full, or too slow. One line; the same again later may succeed.

    What was to be committed may have been: everything that writes must bear being repeated.
    """

    @property
    def slow(self) -> bool:
        """Whether it answers, but took too long: no connection was free, or a statement was ended by its time-out."""
        cause = self.__cause__
        return isinstance(cause, TimeoutError) or getattr(getattr(cause, "orig", None), "pgcode", None) == "57014"


class Database:
    """An engine with bounded waits. Threads may share it; processes may not."""

    def __init__(
        self,
        url: str,
        *,
        application: str = "tierline",
        connections: int = CONNECTIONS,
        host_clock: Callable[[], datetime] = host_now,
    ) -> None:
        """`url` as SQLAlchemy takes it; it may hold a password, so it is kept out of reprs and errors.

        `connections` is the most at once: as many as threads use the database, so that none waits for another's.
        """
        parsed = make_url(url)
        if parsed.drivername in ("postgresql", "postgres"):  # for which SQLAlchemy would take psycopg 3
            parsed = parsed.set(drivername="postgresql+psycopg2")
        self._place = f"{parsed.host or parsed.query.get('host') or 'localhost'}/{parsed.database}"
        self.engine: Engine = create_engine(
            parsed,
            pool_size=min(connections, KEPT_OPEN),
            max_overflow=connections - min(connections, KEPT_OPEN),
            pool_timeout=WAIT_FOR_CONNECTION_SECONDS,
            pool_pre_ping=True,
            json_serializer=_dump,
            hide_parameters=True,  # what people wrote must not stand in a log
            connect_args={
                "connect_timeout": CONNECT_SECONDS,
                "application_name": application,
                "options": f"-c statement_timeout={STATEMENT_SECONDS}s -c timezone=UTC",
                # A peer that vanished without a word is noticed within half a minute.
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 4,
            },
        )
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)
        self.clock = DatabaseClock(host_clock)
        """What time it is for everything that is stamped."""

    def __repr__(self) -> str:
        return f"Database({self._place})"

    @contextmanager
    def session(self) -> Iterator[Session]:
        """For reading: whatever happens in it is rolled back. Raises DatabaseDown."""
        with self._one_error(), self._sessions() as session:
            self._see_what_time_it_is(session)
            yield session

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """One transaction, committed at the end of the block, rolled back by any exception. Raises DatabaseDown."""
        with self._one_error(), self._sessions.begin() as session:
            self._see_what_time_it_is(session)
            yield session

    def _see_what_time_it_is(self, session: Session) -> None:
        if self.clock.is_due():
            self.clock.ask(session)

    def dispose(self) -> None:
        """Close all connections that are not in use."""
        self.engine.dispose()

    @contextmanager
    def _one_error(self) -> Iterator[None]:
        try:
            yield
        except (OperationalError, InterfaceError, TimeoutError) as error:
            raise DatabaseDown(f"PostgreSQL at {self._place} cannot serve: {_reason(error)}") from error
        except DBAPIError as error:
            # psycopg2 reports some lost connections as a plain DatabaseError.
            if not error.connection_invalidated:
                raise
            raise DatabaseDown(f"PostgreSQL at {self._place} cannot serve: {_reason(error)}") from error


def lock(session: Session, *parts: str) -> None:
    """Wait until no other transaction holds the lock of this name; it is held until this transaction ends."""
    name = "\x1f".join(parts)
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})


def _reason(error: Exception) -> str:
    """The driver's own first line; it names hosts and ports, never a password."""
    original = getattr(error, "orig", None) or error
    lines = str(original).strip().splitlines()
    return lines[0][:300] if lines else type(original).__name__


def _dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)

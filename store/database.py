"""The one way to PostgreSQL: an engine, its transactions, and one error for "not now"."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from threading import local
from time import monotonic
from typing import Any

import psycopg2
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, InterfaceError, InvalidatePoolError, OperationalError, TimeoutError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from domain.core.failures import NotAvailable
from store.address import read_address
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
IDLE_SECONDS = 0.5
"""After so long without use, a connection is tried before it is used."""
_USED = "tierline_used"
KEPT_OPEN = 10
"""Connections that stay open; those beyond are closed as soon as nobody needs them."""


class DatabaseDown(NotAvailable):
    """PostgreSQL cannot serve now: gone, starting, full, or too slow. One line; the same again later may succeed.

    What was to be committed may have been: everything that writes must bear being repeated.
    """

    @property
    def slow(self) -> bool:
        """Return whether it answers, but took too long: no connection was free, or a statement was ended by its
        time-out."""
        cause = self.__cause__
        return isinstance(cause, TimeoutError) or _code(cause) == "57014"

    @property
    def deadlocked(self) -> bool:
        """Return whether PostgreSQL ended this transaction, since it and another one waited for each other."""
        return _code(self.__cause__) == "40P01"


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
        """`url` in any form that libpq takes; it may hold a password, so it is kept out of reprs and errors.

        `connections` is the most at once: as many as threads use the database, so that none waits for another's.
        Raises AddressError for what is no address.
        """
        address = read_address(url)
        self._place = address.place
        settings = {"statement_timeout": f"{STATEMENT_SECONDS}s", "timezone": "UTC"}
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        # libpq itself reads the address: SQLAlchemy knows only some of its forms.
        arguments = address.parameters | {
            "connect_timeout": str(CONNECT_SECONDS),
            "application_name": application,
            # A peer that vanished without a word is noticed within half a minute.
            "keepalives_idle": "10",
            "keepalives_interval": "5",
            "keepalives_count": "4",
        }
        if not address.pooled:
            arguments["options"] = f"{address.parameters.get('options', '')} {options}".strip()
        self.engine: Engine = create_engine(
            "postgresql+psycopg2://",
            creator=lambda: psycopg2.connect(**arguments),
            pool_size=min(connections, KEPT_OPEN),
            max_overflow=connections - min(connections, KEPT_OPEN),
            pool_timeout=WAIT_FOR_CONNECTION_SECONDS,
            pool_use_lifo=True,
            json_serializer=_dump,
            hide_parameters=True,  # what people wrote must not stand in a log
        )
        _try_idle_connections(self.engine)
        if address.pooled:  # a PgBouncer refuses settings of a connection, and its connections are not ours alone
            event.listen(self.engine, "begin", partial(_set_locally, settings))
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)
        self._needs_transactions = address.pooled
        """The settings of a pooled connection hold within a transaction only."""
        self._shared = local()
        self.clock = DatabaseClock(host_clock)
        """What time it is for everything that is stamped."""

    def __repr__(self) -> str:
        return f"Database({self._place})"

    @contextmanager
    def session(self, *, transaction: bool = False) -> Iterator[Session]:
        """Open a session for reading: whatever happens in it is rolled back, but in a block of `one_session`.
        `transaction`: also there, for what is set for a transaction only. Raises DatabaseDown."""
        shared: Session | None = getattr(self._shared, "session", None)
        if shared is not None and not transaction:
            with self._one_error():
                yield shared
            return
        with self._one_error(), self._sessions() as session:
            self._see_what_time_it_is(session)
            yield session

    @contextmanager
    def questions(self) -> Iterator[Session]:
        """Open a session for questions that need no transaction, since each sees what there is when it is asked: to
        begin one and to end it costs two more round trips. Raises DatabaseDown."""
        with self._one_error(), self._sessions() as session, self._without_transaction(session):
            self._see_what_time_it_is(session)
            yield session

    @contextmanager
    def _without_transaction(self, session: Session) -> Iterator[None]:
        """Let each statement of a session stand for itself. This is told to the driver, which then begins no
        transaction: an isolation level of SQLAlchemy's would cost a round trip when it is taken back."""
        if self._needs_transactions:
            yield
            return
        driver: Any = session.connection().connection.driver_connection
        driver.autocommit = True
        try:
            yield
        finally:
            if not driver.closed:
                driver.autocommit = False

    @contextmanager
    def one_session(self) -> Iterator[None]:
        """Let all that this thread reads in the block share one session without a transaction: a page asks many
        questions, and each session costs more round trips than its questions. Nothing may be written. Raises
        DatabaseDown."""
        with self.questions() as self._shared.session:
            try:
                yield
            finally:
                self._shared.session = None

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """Open a transaction, committed at the end of the block and rolled back by any exception. Raises
        DatabaseDown."""
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


def _try_idle_connections(engine: Engine) -> None:
    """Let a connection that nobody has used for a while be tried before it is used: a round trip, which what was used a
    moment ago does not need. Where it is gone, the others of its age are given up as well, and a new one is made."""

    def put_back(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info[_USED] = monotonic()

    def take(connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
        used = record.info.get(_USED)
        if used is None or monotonic() - used < IDLE_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except psycopg2.Error as error:
            raise InvalidatePoolError from error

    event.listen(engine, "checkin", put_back)
    event.listen(engine, "checkout", take)


def _set_locally(settings: dict[str, str], connection: Connection) -> None:
    for name, value in settings.items():
        connection.exec_driver_sql(f"SET LOCAL {name} = '{value}'")


def lock(session: Session, *parts: str) -> None:
    """Wait until no other transaction holds the lock of this name; it is held until this transaction ends."""
    name = "\x1f".join(parts)
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})


def _code(error: BaseException | None) -> str | None:
    """Return the code that PostgreSQL gave the error (SQLSTATE), if it was PostgreSQL's."""
    return getattr(getattr(error, "orig", None), "pgcode", None)


def _reason(error: Exception) -> str:
    """Return the driver's own first line; it names hosts and ports, never a password."""
    original = getattr(error, "orig", None) or error
    lines = str(original).strip().splitlines()
    return lines[0][:300] if lines else type(original).__name__


def _dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)

"""The time by the database's clock, which all hosts share; between two questions, this host's steady clock counts on.

Whether an answer was in time must not depend on which host took it. A host's own clock counts only until the database
has been asked for the first time.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

ASK_EVERY = 10.0
"""Seconds after which the database's clock is asked again, by whoever asks the database anyway."""
SLOWEST = 1.0
"""Seconds that an answer may take: of a slower one nobody knows well enough when it was true."""
TOLERATED = timedelta(seconds=2)
"""How far the clock of a host may be from the database's."""


def host_now() -> datetime:
    """Return the clock of this host, in UTC."""
    return datetime.now(UTC)


class _Measured(NamedTuple):
    database: datetime
    """What the database's clock said."""
    steady: float
    """When it did, by the steady clock."""
    ahead: timedelta
    """How far the host's clock was ahead of it."""


class DatabaseClock:
    """The database's clock, as this process knows it. Threads may share it."""

    def __init__(self, host: Callable[[], datetime] = host_now, steady: Callable[[], float] = time.monotonic) -> None:
        """`host` is the clock of this host; `steady` counts seconds, and nobody sets it."""
        self._host = host
        self._steady = steady
        self._measured: _Measured | None = None

    def now(self) -> datetime:
        """Return the time by the database's clock, in UTC; by the host's, while the database was never asked."""
        known = self._measured
        if known is None:
            return self._host()
        return known.database + timedelta(seconds=self._steady() - known.steady)

    @property
    def ahead(self) -> timedelta | None:
        """Return how far the host's clock was ahead of the database's when it was last asked. None: it never was."""
        return self._measured.ahead if self._measured else None

    def is_due(self) -> bool:
        """Return whether the database's clock is to be asked again."""
        return self._measured is None or self._steady() - self._measured.steady >= ASK_EVERY

    def ask(self, session: Session) -> None:
        """Ask the database's clock, in the transaction of `session`; one round trip."""
        began, host_began = self._steady(), self._host()
        answered: datetime = session.execute(text("SELECT clock_timestamp()")).scalar_one()
        took = self._steady() - began
        if took <= SLOWEST or self._measured is None:
            middle = timedelta(seconds=took / 2)
            self._measured = _Measured(answered.astimezone(UTC), began + took / 2, host_began + middle - answered)


def fault(ahead: timedelta, host: str) -> str | None:
    """Return what is wrong with the clock of `host`, which is `ahead` of the database's, and what to do; None:
    nothing."""
    if abs(ahead) <= TOLERATED:
        return None
    way = "ahead of" if ahead > timedelta(0) else "behind"
    return (
        f"the clock of {host} is {abs(ahead).total_seconds():.1f} s {way} PostgreSQL's: "
        "see that NTP (chrony, systemd-timesyncd) runs on both hosts"
    )

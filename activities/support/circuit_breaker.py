"""Circuit breaker for a system that rejects our credentials: calls wait, and ops are alerted once."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from temporalio.exceptions import ApplicationError

from activities.support.failures import as_temporal_failures
from activities.support.ops_alerts import OpsAlerts
from integrations.calls import Rejected, Unauthorized
from store import outages
from store.database import Database

SPREAD = timedelta(seconds=60)
"""What waited asks again over this long, and not all at once."""
CATCHING_UP = "What waited is tried again within two minutes"
"""The longest wait: until the next try (`outages.PROBE`), and the spread."""


class CircuitBreaker:
    """Stands before the calls to one system. Unauthorized (401) stops all of them, a lacking permission (403) those
    that need it; one call a minute tries, and when it is let in, so are the others."""

    def __init__(self, db: Database, system: str, ops: OpsAlerts) -> None:
        self._db = db
        self._system = system
        self._ops = ops

    @contextmanager
    def __call__(self, doing: str) -> Iterator[None]:
        """Guard the calls of the block, which are made for `doing`, as in `create issues`. Failures become
        Temporal's."""
        whats = (self._system, f"{self._system}: {doing}")
        with self._db.begin() as session:
            admission = outages.admit(session, whats, datetime.now(UTC))
        if admission.until:
            raise self._paused(admission.until)
        with as_temporal_failures():
            try:
                yield
            except Unauthorized as refusal:
                self._refused(whats[0] if refusal.status == 401 else whats[1], refusal)
                raise
            except Rejected:
                self._let_in(whats, admission)
                raise
        self._let_in(whats, admission)

    def _refused(self, what: str, refusal: Unauthorized) -> None:
        now = datetime.now(UTC)
        with self._db.begin() as session:
            if outages.begin(session, what, now):
                alert = f"{what} stands still: {refusal}. Correct it, and what waits is caught up by itself"
                self._ops.alert(session, f"{_key(what)}:{now:%Y%m%dT%H%M%S%f}:begins", alert)

    def _let_in(self, whats: Sequence[str], admission: outages.Admission) -> None:
        if not admission.probing:
            return
        with self._db.begin() as session:
            for what, since in outages.end(session, whats).items():
                alert = f"{what} goes on: it had stood still since {since:%Y-%m-%d %H:%M:%S} UTC. {CATCHING_UP}"
                self._ops.alert(session, f"{_key(what)}:{since:%Y%m%dT%H%M%S%f}:ends", alert)

    def _paused(self, until: datetime) -> ApplicationError:
        wait = max(until - datetime.now(UTC), timedelta(0)) + random.random() * SPREAD
        message = f"{self._system} rejects our credentials: ops were alerted, and one call a minute tries again"
        return ApplicationError(message, type="Paused", next_retry_delay=wait)


def _key(what: str) -> str:
    return what.replace(" ", "_")

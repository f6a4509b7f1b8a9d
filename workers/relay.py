"""The relay: takes notices from the outbox and hands them to whatever carries them, each once.

Run as many as you like. One that is killed between sending and saying so leaves the row to the next, which sends it
again under the same id; the receiver drops the repeat.
"""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from activities.support.ops_alerts import NAME, OpsAlerts
from integrations.calls import Failure
from integrations.chat.port import Message, NoticeSink
from store import outbox
from store.database import Database, DatabaseDown
from store.tables.integrations import OutboxRow
from workers.retries import pause, tried_for

log = logging.getLogger("tierline.relay")

IDLE = 0.5
"""Seconds between two looks at an empty outbox. A look costs one query on an index of what is waiting."""
DOWN = 2.0
"""Seconds to wait when the database does not serve."""
FIRST_RETRY = timedelta(seconds=1)
LONGEST_RETRY = timedelta(minutes=10)
GIVE_UP_AFTER = timedelta(days=3)
"""How long a notice is tried before it is given up: by then it tells of what is long over. It counts from the first
try, so that after a long outage the first one that fails is not the last."""

Hold = Callable[[str, datetime], datetime | None]
"""(name of the notice, now) -> until when quiet hours hold it, or None to send it now (F5)."""


def _now() -> datetime:
    return datetime.now(UTC)


def _no_quiet_hours(_name: str, _now: datetime) -> datetime | None:
    return None


class Relay:
    """Sends what the outbox holds until it is told to stop."""

    def __init__(
        self,
        database: Database,
        sink: NoticeSink,
        *,
        ops: OpsAlerts | None = None,
        hold: Hold = _no_quiet_hours,
        lease: timedelta = outbox.LEASE,
        idle: float = IDLE,
        now: Callable[[], datetime] = _now,
    ) -> None:
        """`ops` are told of what is given up. `lease` must be longer than the time-outs of `sink` together."""
        self._database = database
        self._sink = sink
        self._ops = ops
        self._hold = hold
        self._lease = lease
        self._idle = idle
        self._now = now

    def run(self, stop: threading.Event) -> None:
        """Send until `stop` is set. An outage of the database, or of the receiver, is waited out."""
        down = False
        while not stop.is_set():
            try:
                wait = 0.0 if self.send_one() else self._idle
                if down:
                    log.info("the database serves again")
                down = False
            except DatabaseDown as error:
                if not down:
                    log.warning("%s; notices wait", error)
                down, wait = True, DOWN
            except Exception:  # a bug does not end the relay: it heals with a new version
                log.exception("notices wait")
                wait = DOWN
            stop.wait(wait)

    def send_one(self) -> bool:
        """Send the next notice that is due. False if none is. Raises DatabaseDown.

        One at a time, so that a receiver that hangs holds up no more than what it was given.
        """
        with self._database.begin() as session:
            rows = outbox.claim(session, 1, self._now(), self._lease)
        if not rows:
            return False
        (row,) = rows
        until = self._hold(row.name, self._now())
        error = None if until else self._send(row)
        with self._database.begin() as session:
            if until:
                outbox.postpone(session, row, until)
            elif error is None:
                outbox.mark_sent(session, row, self._now())
            else:
                self._mark_failed(session, row, error)
        return True

    def _send(self, row: OutboxRow) -> str | None:
        """Hand it over. Returns what went wrong, or None."""
        try:
            message = Message(
                id=row.key,
                audience=row.audience,
                recipient=row.recipient or row.audience,
                title=row.title,
                text=f"{row.title} (ticket {row.ticket_id})" if row.ticket_id else row.title,
                ticket=row.ticket_id,
                at=row.at,
            )
            self._sink.send(message)
        except Failure as failure:
            return str(failure)
        except Exception as error:  # a row that cannot be sent must not stop those behind it
            log.exception("notice %s cannot be sent", row.key)
            return f"{type(error).__name__}: {error}"
        return None

    def _mark_failed(self, session: Session, row: OutboxRow, error: str) -> None:
        """Note when it is tried again; or give it up, and tell ops."""
        if tried_for(row.attempts, FIRST_RETRY, LONGEST_RETRY) <= GIVE_UP_AFTER:
            outbox.mark_failed(session, row, error, self._now() + pause(row.attempts, FIRST_RETRY, LONGEST_RETRY))
            return
        outbox.mark_failed(session, row, error, None)
        said = f"the notice {row.name} to {row.audience} is given up after {row.attempts} tries: {error}"
        log.error("%s (%s)", said, row.key)
        if self._ops and row.name != NAME:  # what ops do not hear, is not told to ops
            self._ops.alert(session, f"notice:{row.id}", said)

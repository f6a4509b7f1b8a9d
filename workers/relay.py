"""The relay: takes notices from the outbox and hands them to whatever carries them, each once.

Run as many as you like. One that is killed between sending and saying so leaves the row to the next, which sends it
again under the same id; the receiver drops the repeat.
"""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from integrations.calls import Failure
from integrations.chat.port import Message, NoticeSink
from store import outbox
from store.database import Database, DatabaseDown
from store.models import OutboxRow

log = logging.getLogger("tierline.relay")

IDLE = 0.5
"""Seconds between two looks at an empty outbox. A look costs one query on an index of what is waiting."""
DOWN = 2.0
"""Seconds to wait when the database does not serve."""
FIRST_RETRY = timedelta(seconds=1)
LONGEST_RETRY = timedelta(minutes=10)
GIVE_UP_AFTER = timedelta(days=3)
"""How old a notice may become before it is given up: by then it tells of what is long over."""

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
        hold: Hold = _no_quiet_hours,
        lease: timedelta = outbox.LEASE,
        idle: float = IDLE,
        now: Callable[[], datetime] = _now,
    ) -> None:
        """`lease` must be longer than the time-outs of `sink` together."""
        self._database = database
        self._sink = sink
        self._hold = hold
        self._lease = lease
        self._idle = idle
        self._now = now

    def run(self, stop: threading.Event) -> None:
        """Send until `stop` is set. An outage of the database, or of the receiver, is waited out."""
        down = False
        while not stop.is_set():
            try:
                pause = 0.0 if self.send_one() else self._idle
                if down:
                    log.info("the database serves again")
                down = False
            except DatabaseDown as error:
                if not down:
                    log.warning("%s; notices wait", error)
                down, pause = True, DOWN
            stop.wait(pause)

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
                outbox.mark_failed(session, row, error, self._next_try(row, error))
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

    def _next_try(self, row: OutboxRow, error: str) -> datetime | None:
        """Twice as long after each failure, up to a bound. None after too long."""
        now = self._now()
        if now - row.created_at > GIVE_UP_AFTER:
            log.error("notice %s is given up after %d attempts: %s", row.key, row.attempts, error)
            return None
        pause = FIRST_RETRY * float(2 ** min(row.attempts - 1, 20))
        return now + min(pause, LONGEST_RETRY)

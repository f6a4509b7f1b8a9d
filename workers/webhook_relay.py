"""The webhook relay: sends to one destination what happens to tickets, in the order of each ticket, each event once.

Run as many as you like for each destination. One that is killed between sending and noting it leaves the event to the
next, which sends it again: sinks are made for that.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from activities.support.ops_alerts import OpsAlerts
from integrations.calls import Failure
from services.retries import BackOff
from services.webhooks.subscribers import Hopeless, Sink
from store import credits, refunds, webhook_outbox
from store.billing import BILLING
from store.database import Database, DatabaseDown
from store.tables.integrations import WebhookRow
from workers.sending import GIVE_UP_AFTER, IDLE, LONGEST_RETRY, send_until_stopped, utc_now

log = logging.getLogger("tierline.webhook_relay")

LEASE = timedelta(seconds=60)
"""How long an event is with whoever took it: longer than all time-outs of a sink together."""
FIRST_RETRY = timedelta(seconds=2)
BUG_TOLD = 10
"""After how many tries ops hear of an event at which code of ours fails."""


class WebhookRelay:
    """Sends events to one sink, until it is told to stop."""

    def __init__(
        self,
        database: Database,
        sink: Sink,
        ops: OpsAlerts | None = None,
        *,
        lease: timedelta = LEASE,
        first_retry: timedelta = FIRST_RETRY,
        idle: float = IDLE,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """`ops` are alerted of what is given up: somebody outside waits for it."""
        self._database = database
        self._sink = sink
        self._ops = ops
        self._lease = lease
        self._back_off = BackOff(first_retry, LONGEST_RETRY)
        self._idle = idle
        self._now = now

    def run(self, stop: threading.Event) -> None:
        """Send until `stop` is set. An outage of the database, or of the other side, is waited out."""
        send_until_stopped(self.send_one, stop, self._idle, log, f"webhooks to {self._sink.destination.name}")

    def send_one(self) -> bool:
        """Send the next event that is due. Returns False if none is. Raises DatabaseDown."""
        with self._database.begin() as session:
            row = webhook_outbox.claim(session, self._sink.destination.name, self._now(), self._lease)
        if row is None:
            return False
        try:
            self._sink.send(row)
        except Hopeless as error:
            self._note_failure(row, str(error), None)
        except Failure as failure:
            self._note_failure(row, str(failure), self._next_try(row, failure))
        except DatabaseDown:
            raise
        except Exception as error:  # a bug: it holds up its ticket and nobody else, until corrected code runs
            log.exception("event %d of ticket %s cannot be sent", row.seq, row.ticket_id)
            name = type(error).__name__
            self._note_failure(row, name, self._next_try(row, Failure(name)), bug=True)
        else:
            with self._database.begin() as session:
                if row.destination == BILLING:
                    ledger = refunds if row.ticket_id.startswith(refunds.PREFIX) else credits
                    ledger.accepted(session, row.ticket_id, row.seq)
                webhook_outbox.QUEUE.done(session, row.id, self._now())
        return True

    def _note_failure(self, row: WebhookRow, error: str, again: datetime | None, *, bug: bool = False) -> None:
        with self._database.begin() as session:
            if again:
                webhook_outbox.QUEUE.postpone(session, row, again, error)
            else:
                webhook_outbox.QUEUE.fail(session, row, error)
            if again is None or (bug and row.attempts >= BUG_TOLD):
                message = f"{row.destination} does not get event {row.seq} of ticket {row.ticket_id}: {error}"
                log.error("%s", message)
                if self._ops:
                    self._ops.alert(session, f"feed:{row.id}", message)

    def _next_try(self, row: WebhookRow, failure: Failure) -> datetime | None:
        """Return when to send again: after twice as long each time, up to a bound, or as the other side asks. None
        after too long."""
        if self._back_off.tried_for(row.attempts) > GIVE_UP_AFTER:
            return None
        wait = self._back_off.pause(row.attempts)
        return self._now() + max(wait, timedelta(seconds=failure.retry_after or 0))


def start_webhook_relays(
    database: Database, sinks: Sequence[Sink], stop: threading.Event, ops: OpsAlerts | None = None
) -> list[threading.Thread]:
    """Register the destinations, and start a feeder for each, in a thread of its own. Raises DatabaseDown."""
    with database.begin() as session:
        webhook_outbox.register(session, [sink.destination for sink in sinks])
    threads = [
        threading.Thread(
            target=WebhookRelay(database, sink, ops).run, args=(stop,), name=f"feed-{sink.destination.name}"
        )
        for sink in sinks
    ]
    for thread in threads:
        thread.start()
    return threads

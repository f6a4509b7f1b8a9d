"""The loop of whoever sends what stands in a queue: the relay of notices, and those of webhooks."""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from store.database import DatabaseDown

IDLE = 0.5
"""Seconds between two looks at an empty queue: one query on an index of what waits."""
DOWN = 2.0
"""Seconds to wait when the database does not serve, or our own code fails."""
LONGEST_RETRY = timedelta(minutes=10)
GIVE_UP_AFTER = timedelta(days=3)
"""How long one thing is tried before it is given up: by then it tells of what is long over, or holds up what comes
after it. It counts from the first try, so that after a long outage the first one that fails is not the last."""


def utc_now() -> datetime:
    return datetime.now(UTC)


def send_until_stopped(
    send_one: Callable[[], bool], stop: threading.Event, idle: float, log: logging.Logger, what: str
) -> None:
    """Call `send_one` until `stop` is set, at once again while it returns True, else after `idle` seconds.

    An outage of the database is waited out, and a bug of ours as well: it heals with a new version. `what` names, for
    the log, what waits meanwhile.
    """
    down = False
    while not stop.is_set():
        try:
            wait = 0.0 if send_one() else idle
            if down:
                log.info("the database serves again")
            down = False
        except DatabaseDown as error:
            if not down:
                log.warning("%s; %s wait", error, what)
            down, wait = True, DOWN
        except Exception:
            log.exception("%s wait", what)
            wait = DOWN
        stop.wait(wait)

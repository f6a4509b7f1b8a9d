"""What a relay does at regular times beside sending: a loop for each, whose rounds are short looks at indexes."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from activities.support.ops_alerts import OpsAlerts
from domain.policy.policy import Policy
from services.credits import CHECKED_EVERY, check_if_due
from services.reports.posting import post
from services.survey import remind
from store.database import Database, DatabaseDown

log = logging.getLogger("tierline.rounds")

WEEK_EVERY = 600.0
"""Seconds between two looks whether the report of a week is to be posted; one that finds nothing reads one row."""
SURVEYS_EVERY = 60.0
"""Seconds between two looks for customers to remind."""


async def in_rounds(work: Callable[[], str | None], every: float, otherwise: str) -> None:
    """Call `work` in a thread, and again `every` seconds later, until cancelled.

    `work` returns a line for the log, or None. Whatever it raises waits for the next round, and the log says what is
    not done meanwhile (`otherwise`): a fault of one round must not end the process, whose notices go out.
    """
    while True:
        try:
            if line := await asyncio.to_thread(work):
                log.info("%s", line)
        except DatabaseDown as error:
            log.warning("%s: %s", otherwise, error)
        except Exception:
            log.exception("%s", otherwise)
        await asyncio.sleep(every)  # the pace of the rounds, not a wait for anything


async def keep_posting(db: Database, policy: Policy) -> None:
    """Post the report of each week when it is over, once (F3)."""

    def work() -> str | None:
        week = post(db, policy, datetime.now(UTC))
        return f"the report of {week} is posted" if week else None

    await in_rounds(work, WEEK_EVERY, "no report of a week is posted")


async def keep_reminding(db: Database, policy: Policy) -> None:
    """Remind customers who have not answered a survey, each once (F7)."""

    def work() -> str | None:
        reminded = remind(db, policy, datetime.now(UTC))
        return f"{reminded} customers are reminded of their survey" if reminded else None

    await in_rounds(work, SURVEYS_EVERY, "nobody is reminded of a survey")


async def keep_checking_credits(db: Database, ops: OpsAlerts, every: timedelta = CHECKED_EVERY) -> None:
    """Compare the ledger of credits with the breaches that stand: once within `every`, of all processes together. Ops
    are alerted of what differs (F2)."""

    def work() -> None:
        check_if_due(db, ops, every)

    await in_rounds(work, every.total_seconds() / 24, "the ledger of credits is not checked")

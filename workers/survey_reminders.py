"""F7: reminds customers who have not answered a survey, each once, for ever."""

import asyncio
import logging
from datetime import UTC, datetime

from domain.policy.policy import Policy
from services.survey import remind
from store.database import Database, DatabaseDown

log = logging.getLogger("tierline.surveys")

EVERY = 60.0
"""Seconds between two looks, each a few looks at indexes."""


async def keep_reminding(db: Database, policy: Policy, every: float = EVERY) -> None:
    """Write the reminders that are due, until cancelled. An outage is waited out."""
    while True:
        try:
            if reminded := await asyncio.to_thread(remind, db, policy, datetime.now(UTC)):
                log.info("%d customers are reminded of their survey", reminded)
        except DatabaseDown as error:
            log.warning("nobody is reminded of a survey: %s", error)
        except Exception:  # a bug must not end the relay: notices go out, and it heals with a new version
            log.exception("nobody is reminded of a survey")
        await asyncio.sleep(every)  # the pace of the look, not a wait for anything

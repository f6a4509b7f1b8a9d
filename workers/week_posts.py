"""F3: posts the report of each week when it is over, once."""

import asyncio
import logging
from datetime import UTC, datetime

from domain.policy.policy import Policy
from services.reports.posting import post
from store.database import Database, DatabaseDown

log = logging.getLogger("tierline.week")

EVERY = 600.0
"""Seconds between two looks; one that finds nothing to do reads one row."""


async def keep_posting(db: Database, policy: Policy, every: float = EVERY) -> None:
    """Post what is to be posted, until cancelled. An outage is waited out."""
    while True:
        try:
            if week := await asyncio.to_thread(post, db, policy, datetime.now(UTC)):
                log.info("the report of %s is posted", week)
        except DatabaseDown as error:
            log.warning("no report of a week is posted: %s", error)
        except Exception:  # a bug must not end the relay: notices go out, and it heals with a new version
            log.exception("no report of a week is posted")
        await asyncio.sleep(every)  # the pace of the look, not a wait for anything

"""Sees that no ticket on record stays without its workflow."""

import asyncio
import logging

from temporalio.service import RPCError

from frontdoor.desk import Desk
from store.database import DatabaseDown

log = logging.getLogger("tierline.starter")

EVERY = 10.0
"""Seconds between two looks, each one query on an index of what waits, which is empty nearly always."""


async def keep_starting(desk: Desk, every: float = EVERY) -> None:
    """Start what is overdue, for ever. What does not answer is asked again at the next look."""
    while True:
        try:
            if started := await desk.start_overdue():
                log.warning("%d tickets were on record without a workflow: started", started)
        except (DatabaseDown, RPCError) as error:
            log.warning("tickets that wait for their workflow could not be looked for: %s", error)
        await asyncio.sleep(every)  # the pace of the look, not a wait for anything

"""Sees that no ticket on record stays without its workflow, nor without the terms of its account."""

import asyncio
import logging

from temporalio.service import RPCError

from services.intake.enrichment import Matching
from services.tickets import TicketService
from store.database import DatabaseDown

log = logging.getLogger("tierline.starter")

EVERY = 1.0
"""Seconds between two looks, each one query on an index of what waits, which is empty nearly always."""


async def keep_matching(matching: Matching, every: float = 5.0) -> None:
    """Give tickets of accounts that became known their terms, for ever."""
    while True:
        try:
            if told := await matching.work():
                log.info("%d tickets were given the terms of their accounts", told)
        except (DatabaseDown, RPCError, RuntimeError) as error:
            log.warning("tickets of unknown accounts could not be looked for: %s", error)
        await asyncio.sleep(every)  # the pace of the look, not a wait for anything


async def keep_starting(desk: TicketService, every: float = EVERY) -> None:
    """Start what is overdue, for ever. What does not answer is asked again at the next look."""
    while True:
        try:
            if started := await desk.start_overdue():
                log.warning("%d tickets were on record without a workflow: started", started)
                continue  # there may be more
        except (DatabaseDown, RPCError) as error:
            log.warning("tickets that wait for their workflow could not be looked for: %s", error)
        await asyncio.sleep(every)  # the pace of the look, not a wait for anything

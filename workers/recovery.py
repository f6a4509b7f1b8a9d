"""Sees that no ticket or incident on record stays without its workflow, nor a ticket without its account's terms."""

import asyncio
import logging
from datetime import timedelta

from temporalio.service import RPCError

from services.commands import is_away
from services.intake.enrichment import Matching
from services.reconciliation import EVERY as RECONCILED_EVERY
from services.reconciliation import Reconciler
from services.tickets import TicketService
from store.database import DatabaseDown

log = logging.getLogger("tierline.recovery")

EVERY = 1.0
"""Seconds between two looks, each one query on an index of what waits, which is empty nearly always."""


async def keep_matching(matching: Matching, every: float = 5.0) -> None:
    """Give tickets of accounts that became known their terms, for ever."""
    while True:
        try:
            if matched := await matching.work():
                log.info("%d tickets were given the terms of their accounts", matched)
        except (DatabaseDown, RPCError, RuntimeError) as error:
            log.warning("tickets of unknown accounts could not be looked for: %s", error)
        await asyncio.sleep(every)  # the pace of the look, not a wait for anything


async def keep_starting(service: TicketService, every: float = EVERY) -> None:
    """Start what is overdue, for ever. What does not answer is asked again at the next look."""
    while True:
        try:
            if started := await service.start_overdue():
                log.warning("%d tickets were on record without a workflow: started", started)
                continue  # there may be more
        except (DatabaseDown, RPCError) as error:
            log.warning("tickets that wait for their workflow could not be looked for: %s", error)
        await asyncio.sleep(every)  # the pace of the look, not a wait for anything


async def keep_reconciling(reconciler: Reconciler, every: timedelta = RECONCILED_EVERY) -> None:
    """Resume what is open and has no running workflow, for ever: a round within `every`, of all processes together.

    A process looks four times as often whether a round is due, so that one that is gone leaves no long gap.
    """
    while True:
        try:
            found = await reconciler.reconcile_if_due(every)
            if found and any(found):
                log.warning(
                    "%d open tickets and %d open incidents had no running workflow; %d of them could not be resumed",
                    *found,
                )
        except (DatabaseDown, RPCError) as error:
            log.warning("open tickets and incidents could not be compared with Temporal's workflows: %s", error)
        except RuntimeError as error:
            if not is_away(error):
                raise
            log.warning("open tickets and incidents could not be compared with Temporal's workflows: %s", error)
        await asyncio.sleep(every.total_seconds() / 4)  # the pace of the look, not a wait for anything

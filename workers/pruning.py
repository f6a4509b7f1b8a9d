"""Drops what is over, for ever: at once when a relay starts, and from then on every ten minutes."""

import asyncio
import logging
import threading
from datetime import UTC, datetime, timedelta

from store.database import Database, DatabaseDown
from store.pruning import Keep, prune
from workers.settings import Settings

log = logging.getLogger("tierline.pruning")

EVERY = 600.0
"""Seconds between two rounds. A round that finds nothing is a few looks at indexes."""


def kept(settings: Settings) -> Keep:
    """Read from the settings how long each kind of row is kept."""
    return Keep(
        deliveries=timedelta(days=settings.keep_deliveries),
        notices=timedelta(days=settings.keep_notices),
        webhooks=timedelta(days=settings.keep_webhooks),
        refusals=timedelta(days=settings.keep_refusals),
        tokens=timedelta(days=settings.keep_expired),
        texts=timedelta(days=settings.keep_texts) if settings.keep_texts else None,
    )


async def keep_pruning(db: Database, keep: Keep, every: float = EVERY) -> None:
    """Drop what is over, until cancelled: then the batch that is under way is the last. An outage is waited out."""
    stop = threading.Event()
    try:
        while True:
            try:
                pruned = await asyncio.to_thread(prune, db, keep, datetime.now(UTC), stopped=stop.is_set)
                if pruned.total:
                    log.info("dropped what is over: %s", pruned.model_dump(exclude_defaults=True))
            except DatabaseDown as error:
                log.warning("nothing is dropped: %s", error)
            except Exception:  # a bug must not end the relay: notices go out, and it heals with a new version
                log.exception("nothing is dropped")
            await asyncio.sleep(every)  # the pace of the rounds, not a wait for anything
    finally:
        stop.set()

"""Drops what is over, for ever: at once when a relay starts, and from then on every ten minutes."""

import threading
from datetime import UTC, datetime, timedelta

from store.database import Database
from store.pruning import Keep, prune
from workers.rounds import in_rounds
from workers.settings import Settings

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
    """Drop what is over, until cancelled: then the batch that is under way is the last."""
    stop = threading.Event()

    def work() -> str | None:
        pruned = prune(db, keep, datetime.now(UTC), stopped=stop.is_set)
        return f"dropped what is over: {pruned.model_dump(exclude_defaults=True)}" if pruned.total else None

    try:
        await in_rounds(work, every, "nothing is dropped")
    finally:
        stop.set()

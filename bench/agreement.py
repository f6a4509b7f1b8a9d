"""Whether the core alone and the real workflow make the same of recorded incidents, event by event (`--log FILE`).

A fixed sample of a log runs through the workflow on virtual time, and through the core; every event is compared with
its instant. Minutes of work, so not a test: `tests/e2e/test_recorded_replay.py` does the same with a few.
"""

import asyncio
import random
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, process_time
from typing import Any

from domain.core.enums import Plan
from integrations.recorded.log import read
from services.backtest import Promises, replay
from services.policy_file.load import load_policy
from tests.support.event_by_event import as_told
from tests.support.timeskipping import virtual_time
from workers.replay import replay_all

SAMPLE = 200
SEED = 200
START = datetime(2035, 6, 4, tzinfo=UTC)
"""The tickets open from this Monday on, so that every run has the same instants."""


def measure(log: Path | None = None, sample: int = SAMPLE) -> dict[str, Any]:
    """Return how many incidents and events were compared, and which incidents differ: none may."""
    if log is None:
        return {"skipped": "name a log of recorded incidents with --log"}
    known = list(read(log))
    chosen = random.Random(SEED).sample(known, min(sample, len(known)))
    promises = Promises(load_policy(), Plan.STANDARD)
    cases = [promises.prepare(one, START) for one in chosen]
    began, worked = monotonic(), process_time()

    async def by_workflow() -> list[Any]:
        async with virtual_time() as clocks:
            return await replay_all(clocks, cases)

    real = asyncio.run(by_workflow())
    took = {"seconds": round(monotonic() - began), "processor_s": round(process_time() - worked)}
    core = [replay(*case) for case in cases]
    differ = [one.external_id for one, other in zip(core, real, strict=True) if as_told(one) != as_told(other)]
    events = sum(len(one.events) for one in core)
    return {
        "incidents": len(cases),
        "events_compared": events,
        "differ": {"incidents": differ, "within": not differ},
        "workflow": took,
    }

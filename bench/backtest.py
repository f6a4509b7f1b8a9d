"""How long a backtest takes, and whether it stays linear and within its memory (`python -m bench backtest`).

The target, on one core: 3,772 recorded incidents in at most 10 seconds, 2 if possible, and as long for each of 100,000.
`--log FILE` measures a log of your own; without it, incidents are made up, always the same. For the larger sizes the
log is repeated under other ids, so that the work for a ticket is the same on average.
"""

import gzip
import random
import resource
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from time import process_time
from typing import Any

from domain.core.enums import Plan
from integrations.recorded.log import Recorded, RecordedEvent, State, read
from services.backtest import Promises, few_collections, replay, summary
from services.policy_comparison import Comparison
from services.policy_file.load import DEFAULT, load_policy

INCIDENTS = 3_772
SIZES = (INCIDENTS, 10_000, 100_000)
TARGET_SECONDS = 10.0
"""Of 3,772 incidents."""
MORE_MB = 100.0
"""So much more memory 100,000 incidents may take than 3,772: mostly their ids, which must not come twice."""
START = datetime(2035, 1, 1, tzinfo=UTC)
STATES = [State.IN_PROGRESS, State.IN_PROGRESS, State.QUEUED, State.WAIT_USER, State.WAIT, State.RESOLVED]


def made_up(incidents: int) -> Iterator[Recorded]:
    """Yield incidents with about as many events as real ones have: a few to forty, over hours to weeks."""
    dice = random.Random(15)
    for number in range(incidents):
        at = datetime(2026, 1, 5, 7, tzinfo=UTC) + timedelta(minutes=7 * number)
        opened, events = at, []
        for _ in range(min(40, 2 + int(dice.expovariate(1 / 15)))):
            tier = dice.choice([1, 1, 1, 2, 2, 3])
            actor, state = f"agent-{dice.randint(1, 80)}", dice.choice(STATES)
            events.append(RecordedEvent(at=at, state=state, tier=tier, team=f"team-{tier}", actor=actor))
            at += timedelta(seconds=int(dice.expovariate(1 / 9_000)))
        events.append(RecordedEvent(at=at, state=State.RESOLVED, tier=1, team="team-1", actor="agent-1"))
        impact = dice.choice(["Low", "Medium", "Medium", "High"])
        facts = {"id": str(number), "opened_at": opened, "product": "PROD", "country": "de", "closed_at": at}
        yield Recorded.model_validate(facts | {"impact": impact, "events": tuple(events)}, strict=False)


def measure(log: Path | None = None, sizes: Sequence[int] = SIZES) -> dict[str, Any]:
    """Return seconds of processor time of one core, from reading a log to the counts, and the memory, for each size."""
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        source = log or _written(Path(folder) / "log.jsonl")
        one_policy(source, 200)  # the calendars are made by then
        first = _kept()
        for size in sizes:
            repeated = _repeated(source, Path(folder) / f"{size}.jsonl.gz", size)
            figures[f"{size:,}"] = _figures(repeated, size)
        figures["memory_grown_mb"] = {"mb": round(_kept() - first, 1), "within": _kept() - first <= MORE_MB}
        figures["two_policies_compared_s"] = round(two_policies(source), 2)
    return figures


def _figures(log: Path, size: int) -> dict[str, Any]:
    """Return what the incidents of one log cost."""
    reading = _reading(log)
    took, events = one_policy(log, size)
    figures = {
        "processor_s": round(took, 2),
        "of_that_reading_s": round(reading, 2),
        "ms_a_ticket": round(took / size * 1e3, 3),
        "events_of_tickets": events,
        "peak_mb": round(_kept()),
    }
    return figures | ({"target_s": TARGET_SECONDS, "within": took <= TARGET_SECONDS} if size == INCIDENTS else {})


def one_policy(log: Path, incidents: int) -> tuple[float, int]:
    """Return the seconds of processor time that so many incidents take, and the events that come of them."""
    promises, events = Promises(load_policy(), Plan.STANDARD), 0
    began = process_time()

    def outcomes() -> Iterator[Any]:
        nonlocal events
        for recorded in islice(read(log), incidents):
            outcome = replay(*promises.prepare(recorded, START))
            events += len(outcome.events)
            yield outcome

    with few_collections():
        summary(outcomes())
    return process_time() - began, events


def two_policies(log: Path) -> float:
    """Return the seconds of processor time of a comparison of two policies over all of the log."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tried.toml"
        file.write_text(DEFAULT.read_text().replace('t1_limit = "15m"', 't1_limit = "20m"', 1))
        policy, tried = (Promises(one, Plan.STANDARD) for one in (load_policy(), load_policy(file)))
    began, comparison = process_time(), Comparison()
    with few_collections():
        for recorded in read(log):
            case = policy.prepare(recorded, START)
            comparison.add(replay(*case), replay(*tried.of(case.script)))
    return process_time() - began


def _reading(log: Path) -> float:
    began = process_time()
    sum(1 for _ in read(log))
    return process_time() - began


def _written(file: Path) -> Path:
    file.write_text("\n".join(one.model_dump_json() for one in made_up(INCIDENTS)))
    return file


def _repeated(log: Path, file: Path, incidents: int) -> Path:
    """Write a log of so many incidents: those of `log`, again and again under other ids."""
    written = 0
    with gzip.open(file, "wb", compresslevel=1) as out:
        while written < incidents:
            for one in islice(read(log), incidents - written):
                renamed = one.model_copy(update={"id": f"{one.id}~{written}"})
                out.write(renamed.model_dump_json().encode() + b"\n")
                written += 1
    return file


def _kept() -> float:
    """Return the most memory that this process has had so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

"""`python -m bench`: what Tierline costs, how fast it is, what it keeps in memory. Figures, no verdict of a test.

Machines are shared and noisy: quote the ratios, which are taken side by side in one run.
"""

import argparse
import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import (
    agreement,
    answers,
    backtest,
    calendar,
    cost,
    desk,
    intake,
    jira,
    memory,
    ops,
    page,
    queries,
    throughput,
    week,
)
from tests.support.timeskipping import virtual_time
from workers.exit import finish


async def _instants() -> dict[str, Any]:
    async with virtual_time() as env:
        return await cost.measure_instants(env)


SECTIONS: dict[str, tuple[str, Callable[[], Any]]] = {
    "cost": ("Temporal actions and events of a ticket", lambda: asyncio.run(cost.measure())),
    "instants": ("what an instant that fires adds, and a ticket of three days", lambda: asyncio.run(_instants())),
    "throughput": ("tickets a second, beside a bare workflow", lambda: asyncio.run(throughput.measure())),
    "queries": ("what the guard against direct queries costs", lambda: asyncio.run(queries.measure())),
    "page": ("from the intake of a P0 to the page accepted, under load", lambda: asyncio.run(page.measure())),
    "intake": ("tickets and commands over HTTP, beside bare starts", lambda: asyncio.run(intake.measure())),
    "memory": ("worker memory for each cached ticket, beside a bare workflow", memory.measure),
    "jira": ("a report, calls for an escalation, 500 that wait for Jira", jira.measure),
    "desk": ("pages and commands of the desk, with 100,000 tickets in the store", lambda: desk.measure(desk.Options())),
    "ops": ("the lists of tierline ops with 10,000 open tickets, and their calls to Temporal", ops.measure),
    "answers": ("searching the knowledge base: judged queries, and 5,000 articles, beside LIKE", answers.measure),
    "week": ("the report of a week, with 100,000 tickets in the store", week.measure),
    "calendar": ("adding support time", calendar.measure),
    "agreement": ("recorded incidents by the core and by the workflow, event by event", agreement.measure),
    "backtest": ("recorded incidents through the core, in processor time", backtest.measure),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", help=f"of {', '.join(SECTIONS)}; all, if none is named")
    default = desk.Options()
    parser.add_argument("--tickets", type=int, default=default.tickets, help="of desk: in the store")
    parser.add_argument("--seconds", type=float, default=default.seconds, help="of desk: of load")
    parser.add_argument("--rate", type=float, default=default.rate, help="of desk: requests a second")
    parser.add_argument("--parts", default=",".join(desk.PARTS), help="of desk: some of these")
    parser.add_argument("--log", type=Path, help="of backtest and agreement: a log of recorded incidents")
    sizes = ",".join(map(str, backtest.SIZES))
    parser.add_argument("--sizes", default=sizes, help="of backtest: how many incidents, one run for each")
    parser.add_argument("--sample", type=int, default=agreement.SAMPLE, help="of agreement: so many of the log")
    parser.add_argument("--home", type=Path, help="of desk: where its store is kept, to be used again")
    given = parser.parse_args()
    chosen = given.sections or list(SECTIONS)
    options = desk.Options(given.tickets, given.seconds, given.rate, tuple(given.parts.split(",")), given.home)
    measures = {name: measure for name, (_, measure) in SECTIONS.items()} | {
        "desk": lambda: desk.measure(options),
        "backtest": lambda: backtest.measure(given.log, [int(size) for size in given.sizes.split(",")]),
        "agreement": lambda: agreement.measure(given.log, given.sample),
    }
    if unknown := [name for name in chosen if name not in SECTIONS]:
        parser.error(f"no section {', '.join(unknown)}: there are {', '.join(SECTIONS)}")
    told: dict[str, Any] = {}
    for name in chosen:
        print(f"{name}: {SECTIONS[name][0]}", flush=True)
        told[name] = measures[name]()
        for key, value in told[name].items():
            print(f"  {key}: {json.dumps(value, default=str)}", flush=True)
    return 0 if all(_within(figures) for figures in told.values()) else 1


def _within(figures: Any) -> bool:
    """Whether every budget that stands in the figures was kept."""
    if not isinstance(figures, dict):
        return True
    return figures.get("within", True) and all(_within(value) for value in figures.values())


if __name__ == "__main__":
    finish(main())

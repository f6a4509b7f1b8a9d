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
    deadlines,
    desk,
    incident,
    intake,
    jira,
    memory,
    ops,
    outage,
    page,
    queries,
    statement,
    store,
    throughput,
    uncached,
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
    "statement": (
        "the statements of accounts with 2,000 and 5,000 tickets in the month, and 100,000 in all",
        lambda: statement.measure(statement.Options()),
    ),
    "calendar": ("adding support time", calendar.measure),
    "incident": (
        "one incident that 2,000 tickets join in 10 minutes, and its commander",
        lambda: asyncio.run(incident.measure(incident.Options())),
    ),
    "deadlines": (
        "2,000 deadlines in the same minute, beside bare timers",
        lambda: asyncio.run(deadlines.measure(deadlines.Options())),
    ),
    "outage": (
        "1,000 deadlines that pass while Temporal is down for 10 minutes",
        lambda: asyncio.run(outage.measure(outage.Options())),
    ),
    "store": (
        "readings of a store with 1,000,000 tickets of 20 events each",
        lambda: asyncio.run(store.measure(store.Options())),
    ),
    "uncached": (
        "10,000 open tickets on one worker: memory, and commands on those that are not cached, beside a bare workflow",
        lambda: uncached.measure(uncached.Options()),
    ),
    "agreement": ("recorded incidents by the core and by the workflow, event by event", agreement.measure),
    "backtest": ("recorded incidents through the core, in processor time", backtest.measure),
}


WHEN_NAMED = ("incident", "deadlines", "outage", "store", "uncached")
"""What takes many minutes, and is measured only where it is named."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument(
        "sections", nargs="*", help=f"of {', '.join(SECTIONS)}; all but {', '.join(WHEN_NAMED)}, if none is named"
    )
    default = desk.Options()
    of_many = (
        "of desk and store: stored; of statement: of both accounts; of incident, deadlines, outage and uncached: open"
    )
    parser.add_argument("--tickets", type=int, help=f"{of_many}. As many as the section says, if not given")
    parser.add_argument("--minutes", type=float, help="of incident: in which they come; of outage: down (10)")
    parser.add_argument(
        "--bound", type=float, help="of incident, deadlines, outage and uncached: minutes, then what is known"
    )
    parser.add_argument("--seconds", type=float, default=default.seconds, help="of desk: of load")
    parser.add_argument("--rate", type=float, default=default.rate, help="of desk: requests a second")
    parser.add_argument("--apis", type=int, default=default.apis, help="of desk: processes that serve pages")
    parser.add_argument("--parts", default=",".join(desk.PARTS), help="of desk: some of these")
    parser.add_argument("--log", type=Path, help="of backtest and agreement: a log of recorded incidents")
    sizes = ",".join(map(str, backtest.SIZES))
    parser.add_argument("--sizes", default=sizes, help="of backtest: how many incidents, one run for each")
    parser.add_argument("--sample", type=int, default=agreement.SAMPLE, help="of agreement: so many of the log")
    parser.add_argument("--home", type=Path, help="of desk and store: where the store is kept, to be used again")
    given = parser.parse_args()
    chosen = given.sections or [name for name in SECTIONS if name not in WHEN_NAMED]
    parts = tuple(given.parts.split(","))
    options = desk.Options(given.tickets or default.tickets, given.seconds, given.rate, parts, given.apis, given.home)
    many = {
        name: value for name in ("tickets", "minutes", "bound", "home") if (value := getattr(given, name)) is not None
    }

    def chosen_of(kind: type[Any]) -> Any:
        """Return the options of a section, of what was given those that it has."""
        return kind(**{name: value for name, value in many.items() if name in kind._fields})

    measures = {name: measure for name, (_, measure) in SECTIONS.items()} | {
        "desk": lambda: desk.measure(options),
        "incident": lambda: asyncio.run(incident.measure(chosen_of(incident.Options))),
        "deadlines": lambda: asyncio.run(deadlines.measure(chosen_of(deadlines.Options))),
        "outage": lambda: asyncio.run(outage.measure(chosen_of(outage.Options))),
        "statement": lambda: statement.measure(chosen_of(statement.Options)),
        "store": lambda: asyncio.run(store.measure(chosen_of(store.Options))),
        "uncached": lambda: uncached.measure(chosen_of(uncached.Options)),
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
    """Return whether every budget that stands in the figures was kept."""
    if not isinstance(figures, dict):
        return True
    return figures.get("within", True) and all(_within(value) for value in figures.values())


if __name__ == "__main__":
    finish(main())

"""`python -m chaos`: kill and confuse Tierline on purpose, and look for anything that was lost or doubled.

Everything runs on this machine, on loopback, in a folder of its own that is removed at the end.
"""

import argparse
import asyncio
import json
import sys
import time

from chaos.checks import Check
from chaos.plan import Plan, draw
from chaos.run import Result, carry_out
from workers.exit import finish

EXAMPLES = """examples:
  python -m chaos                                   a short run: 20 tickets, 10 kills
  python -m chaos --seed 7 --tickets 200 --kills 30
  python -m chaos --seed 7 --plan                   what seed 7 would do, without doing it

exit codes: 0 nothing was lost or doubled, 1 something was (the table says what), 2 wrong arguments
The same seed brings the same plan. How processes interleave is not the seed's: run a seed that failed a few times.
"""
MOST_TICKETS, MOST_KILLS = 2000, 300
SHOWN = 5
"""Differences that the table names of each check. The rest are counted."""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m chaos",
        description=(__doc__ or "").splitlines()[0],
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=1, help="draws the plan (1)")
    parser.add_argument("--tickets", type=int, default=20, help=f"how many, 4 to {MOST_TICKETS} (20)")
    parser.add_argument(
        "--kills", type=int, default=10, help=f"of worker, relay, API, Temporal, PostgreSQL: 0 to {MOST_KILLS} (10)"
    )
    parser.add_argument("--plan", action="store_true", help="show what would happen, and do nothing")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    given = parser.parse_args()
    if not 4 <= given.tickets <= MOST_TICKETS:
        parser.error(f"--tickets: 4 to {MOST_TICKETS}")
    if not 0 <= given.kills <= MOST_KILLS:
        parser.error(f"--kills: 0 to {MOST_KILLS}")
    plan = draw(given.seed, given.tickets, given.kills)
    if given.plan:
        show_plan(plan)
        return 0
    began = time.monotonic()
    result = asyncio.run(carry_out(plan, lambda text: print(text, file=sys.stderr, flush=True)))
    seconds = round(time.monotonic() - began)
    print(as_json(plan, result, seconds) if given.json else as_table(plan, result, seconds))
    return 1 if any(check.differences for check in result.checks) else 0


def show_plan(plan: Plan) -> None:
    for way in dict.fromkeys(plan.ways):
        print(f"{plan.ways.count(way):5}  {way}")
    for one in plan.disturbances:
        print(f"after {one.after:4} requests: {one.what}")


def as_json(plan: Plan, result: Result, seconds: int) -> str:
    """Return a result as one JSON object."""
    checks = [{"name": c.name, "looked_at": c.looked_at, "differences": c.differences} for c in result.checks]
    numbers = {"seed": plan.seed, "tickets": result.lived, "kills": plan.kills, "disturbances": result.disturbances}
    return json.dumps(numbers | {"requests": result.requests, "seconds": seconds, "checks": checks})


def as_table(plan: Plan, result: Result, seconds: int) -> str:
    """Return a result as a table for people, with the seed and what differs."""
    lines = [
        f"seed {plan.seed}: {result.lived} tickets, {result.requests} requests answered, {plan.kills} kills and "
        f"{result.disturbances - plan.kills} other disturbances in {seconds} s",
        "",
        f"{'what must hold':56} {'looked at':>9} {'differ':>6}",
    ]
    for check in result.checks:
        lines.append(f"{check.name:56} {check.looked_at:9} {len(check.differences):6}")
        lines += _named(check)
    if any(check.differences for check in result.checks):
        lines += ["", f"Something was lost or doubled. The same plan again: --seed {plan.seed}"]
    return "\n".join(lines)


def _named(check: Check) -> list[str]:
    more = len(check.differences) - SHOWN
    return [f"    {text}" for text in check.differences[:SHOWN]] + ([f"    and {more} more"] if more > 0 else [])


if __name__ == "__main__":
    finish(main())

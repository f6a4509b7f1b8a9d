"""`tierline up` and `tierline demo`: everything on this machine, from one command."""

import asyncio
import json
import shutil
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer
from rich.console import Console

from cli import samples
from cli.quiescence import until_quiescent
from cli.tally import tally
from services.tickets import TicketService
from store.database import Database
from workers.bootstrap import load_policy_at_speed
from workers.local import Local, local
from workers.run_file import read_running
from workers.settings import Settings, load_settings
from workers.temporal import connect
from workers.worker import schedule_sweep, until_told_to_stop
from workflows import ports
from workflows.jira.sweep import JiraSweepWorkflow

SWEEP = timedelta(seconds=2)
"""How often the demo looks at what engineering did."""


def up() -> None:
    """Start Tierline on this machine, with all that it needs, and keep its data.

    What the environment names (DATABASE_URL, TEMPORAL_*, JIRA_*, PAGER_*, NOTICE_*) is used; the rest is embedded.
    """
    settings = load_settings(attach=False)
    report = _reporter(quiet=False)
    with local(settings, report) as running:
        _show_places(running, Console())
        asyncio.run(_serve())


def demo(
    exit_: Annotated[bool, typer.Option("--exit", help="End when the samples have ended.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print one closing line of JSON, and nothing else.")] = False,
) -> None:
    """Start everything afresh and work sample tickets through every path, at demo speed.

    A minute of the policy is a second. Without --exit it stays up afterwards, for you to look around.
    """
    chosen = load_settings(attach=False)
    home = chosen.home / "demo"
    settings = chosen.model_copy(update={"home": home, "speed": samples.SPEED})
    report = _reporter(quiet=json_)
    if not read_running(home):
        shutil.rmtree(home, ignore_errors=True)
    environment = {"TIERLINE_SPEED": str(samples.SPEED), "TIERLINE_JIRA_SWEEP": str(SWEEP.total_seconds())}
    with local(settings, report, extra=environment) as running:
        if not json_:
            _show_places(running, Console())
        told = asyncio.run(_play(settings, running, report))
        print(json.dumps(told) if json_ else _in_words(told))
        sys.stdout.flush()
        if not exit_:
            asyncio.run(_serve())


async def _serve() -> None:
    await until_told_to_stop()


async def _play(settings: Settings, running: Local, report: Callable[[str], None]) -> dict[str, Any]:
    reached = Settings(**{**settings.model_dump(by_alias=True, exclude_none=True), **running.environment})
    client = await connect(reached)
    assert reached.database_url is not None
    db = Database(reached.database_url)
    try:
        await schedule_sweep(client, SWEEP)
        # The samples' clocks are short: they begin when the worker, which has only been started, has done some work.
        await client.execute_workflow(JiraSweepWorkflow.run, id="first-sweep", task_queue=ports.TICKETS)
        desk = TicketService(client, db, load_policy_at_speed(reached), channel="demo")
        began = time.monotonic()
        await samples.play(desk, client, uuid4().hex[:8], report)
        await until_quiescent(client, db)
        told = await tally(client, db, running.pages)
        report(f"the samples have ended ({time.monotonic() - began:.0f} s)")
        return told
    finally:
        db.dispose()


def _reporter(*, quiet: bool) -> Callable[[str], None]:
    """Progress, a line at a time: for people on stdout, beside JSON on stderr."""
    console = Console(stderr=quiet, highlight=False)
    lock = threading.Lock()

    def report(line: str) -> None:
        with lock:
            console.print(line, markup=False)

    return report


def _show_places(running: Local, console: Console) -> None:
    console.print()
    for name, address in running.pages.items():
        console.print(f"  {name:20} {address}", markup=False, highlight=False)
    home = running.environment["TIERLINE_HOME"]
    console.print(f"  {'Logs':20} {home}/logs", markup=False, highlight=False, soft_wrap=True)
    command = "tierline" if shutil.which("tierline") else Path(sys.executable).with_name("tierline")
    console.print(f"\n  In another terminal: TIERLINE_HOME={home} {command} queue", markup=False, soft_wrap=True)
    console.print("  Ctrl-C ends it.\n", markup=False)


def _in_words(told: dict[str, Any]) -> str:
    width = max(len(name) for name in told)
    return "\n".join(f"  {name.replace('_', ' '):{width}}  {_value(value)}" for name, value in told.items())


def _value(value: Any) -> str:
    return ", ".join(f"{count} {name}" for name, count in value.items()) if isinstance(value, dict) else str(value)

"""`tierline up` and `tierline demo`: everything on this machine, from one command."""

import asyncio
import json
import shlex
import shutil
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer
from rich.console import Console

from cli import desk_samples, samples
from cli.backend import login
from cli.jira import what_jira_lacks
from cli.quiescence import until_quiescent
from cli.tally import tally
from cli.token import sign_in_link
from domain.core.enums import Role
from domain.core.failures import Unavailable
from domain.core.refusal import Refused
from services.knowledge.importing import import_folder
from services.policy_file.load import load_policy
from services.tickets import TicketService
from store.database import Database
from workers.bootstrap import load_policy_at_speed
from workers.local import Local, local
from workers.run_file import read_running
from workers.settings import Settings, load_settings
from workers.temporal import connect
from workers.worker import schedule_sweep, until_told_to_stop
from workflows import ports
from workflows.tracker.sweep import IssueSweepWorkflow

ARTICLES = Path(__file__).parents[1] / "examples" / "kb"
"""The articles of the demo, where Tierline runs from its repository."""
SWEEP = timedelta(seconds=2)
"""How often the demo looks at what engineering did."""


def up() -> None:
    """Start Tierline on this machine, with all that it needs, and keep its data.

    What the environment names (DATABASE_URL, TEMPORAL_*, JIRA_*, PAGER_*, NOTICE_*) is used; the rest is embedded.
    """
    settings = load_settings(attach=False)
    report = _reporter(quiet=False)
    with local(settings, report) as running:
        _show_places(running, _with_addresses(settings, running), Console())
        if settings.jira_url:  # a thread of its own: it ends with the process, and nothing waits for a slow Jira
            threading.Thread(target=_report_jira, args=(settings, report), daemon=True).start()
        asyncio.run(_serve())


def _report_jira(settings: Settings, report: Callable[[str], None]) -> None:
    """Say what your Jira would refuse, before the first ticket meets it. The worker's log has it too."""
    for sentence in what_jira_lacks(settings):
        report(f"Jira: {sentence} (`tierline jira check` says when all is well)")


def demo(
    exit_: Annotated[bool, typer.Option("--exit", help="End when the samples have ended.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print one closing line of JSON, and nothing else.")] = False,
) -> None:
    """Start everything afresh and work sample tickets through every path, at demo speed.

    A minute of the policy is a second. Without --exit the desk gets tickets of its own first, one in each state and at
    the policy's real speed, and all stays up afterwards, for you to look around.
    """
    chosen = load_settings(attach=False)
    home = chosen.home / "demo"
    settings = chosen.model_copy(update={"home": home, "speed": samples.SPEED})
    report = _reporter(quiet=json_)
    if not read_running(home):
        shutil.rmtree(home, ignore_errors=True)
    environment = {"TIERLINE_SPEED": str(samples.SPEED), "TIERLINE_JIRA_SWEEP": str(SWEEP.total_seconds())}
    environment["TIERLINE_HELP_CENTRE"] = "true"
    with local(settings, report, extra=environment) as running:
        if not json_:
            _show_places(running, _with_addresses(settings, running), Console())
        if not exit_:
            asyncio.run(_fill_the_desk(settings, running, report))
        try:
            outcome = asyncio.run(_play(settings, running, report))
            print(json.dumps(outcome) if json_ else _in_words(outcome))
        except (RuntimeError, Refused, Unavailable) as error:
            if exit_:
                raise
            report(f"the samples did not get as far as they should, perhaps since you work on them: {error}")
        sys.stdout.flush()
        if not exit_:
            if not json_:
                console = Console()
                console.print()
                _show_desk(running, _with_addresses(settings, running), console)
            asyncio.run(_serve())


async def _serve() -> None:
    await until_told_to_stop()


async def _fill_the_desk(settings: Settings, running: Local, report: Callable[[str], None]) -> None:
    """Open the tickets that people look at on the desk, under the policy's real speed."""
    local_settings = _with_addresses(settings, running)
    client = await connect(local_settings)
    assert local_settings.database_url is not None
    db = Database(local_settings.database_url)
    try:
        if ARTICLES.is_dir():
            done = await asyncio.to_thread(import_folder, db, ARTICLES)
            report(f"the knowledge base has {done.new + done.unchanged} articles and playbooks")
        report("the desk is being filled with tickets in every state: about a minute")
        policy = load_policy(local_settings.policy)
        await desk_samples.fill_the_desk(client, db, policy, login(), uuid4().hex[:8], lambda _line: None)
        report("the desk has its tickets; now others are worked at demo speed")
    except (RuntimeError, Refused, Unavailable) as error:
        report(f"some tickets of the desk did not get as far as they should: {error}")
    finally:
        db.dispose()


async def _play(settings: Settings, running: Local, report: Callable[[str], None]) -> dict[str, Any]:
    local_settings = _with_addresses(settings, running)
    client = await connect(local_settings)
    assert local_settings.database_url is not None
    db = Database(local_settings.database_url)
    try:
        await schedule_sweep(client, SWEEP)
        # The samples' clocks are short: they begin when the worker, which has only been started, has done some work.
        await client.execute_workflow(IssueSweepWorkflow.run, id="first-sweep", task_queue=ports.TICKETS)
        service = TicketService(client, db, load_policy_at_speed(local_settings), channel="demo")
        began = time.monotonic()
        await samples.play(service, client, uuid4().hex[:8], report)
        await until_quiescent(client, db)
        outcome = await tally(client, db, running.pages)
        report(f"the samples have ended ({time.monotonic() - began:.0f} s)")
        return outcome
    finally:
        db.dispose()


def _with_addresses(settings: Settings, running: Local) -> Settings:
    """Return the settings with the addresses of what was started."""
    return Settings(**{**settings.model_dump(by_alias=True, exclude_none=True), **running.environment})


def _reporter(*, quiet: bool) -> Callable[[str], None]:
    """Return what prints progress, a line at a time: on stdout for people, on stderr beside JSON."""
    console = Console(stderr=quiet, highlight=False)
    lock = threading.Lock()

    def report(line: str) -> None:
        with lock:
            console.print(line, markup=False)

    return report


def _show_places(running: Local, local_settings: Settings, console: Console) -> None:
    console.print()
    for name, address in running.pages.items():
        console.print(f"  {name:20} {address}", markup=False, highlight=False)
    _show_desk(running, local_settings, console)
    home = running.environment["TIERLINE_HOME"]
    console.print(f"  {'Logs':20} {home}/logs", markup=False, highlight=False, soft_wrap=True)
    console.print("\n  In another terminal:", markup=False)
    for line in lines_for_another_terminal(running.environment):
        console.print(f"    {line}", markup=False, highlight=False, soft_wrap=True)
    console.print("  Ctrl-C ends it.\n", markup=False)


def lines_for_another_terminal(environment: Mapping[str, str]) -> list[str]:
    """Return what somebody pastes into another terminal, so that `tierline` and Temporal's own `temporal` are found
    there and reach what was started here."""
    programs = Path(sys.executable).parent
    lines = [] if shutil.which("tierline") else [f'export PATH="{programs}:$PATH"']
    for name in ("TIERLINE_HOME", "TEMPORAL_ADDRESS"):
        if name in environment:
            lines.append(f"export {name}={shlex.quote(environment[name])}")
    return [*lines, "tierline queue"]


def _show_desk(running: Local, local_settings: Settings, console: Console) -> None:
    """Show where the desk is, and a link that signs the person at this terminal in, as a lead: once, and within 15
    minutes. Where other machines reach the API, there is no link: somebody else might be who opens it."""
    desk = running.pages["API"].removesuffix("/api/v1") + "/desk"
    console.print(f"  {'Desk':20} {desk}", markup=False, highlight=False)
    if local_settings.help_centre:
        console.print(f"  {'Help centre':20} {desk.removesuffix('/desk')}/help", markup=False, highlight=False)
    if not is_loopback(local_settings.api_host):
        console.print(f"  {'Sign in':20} tierline token sign-in {login()} --role lead", markup=False, highlight=False)
        return
    assert local_settings.database_url is not None
    db = Database(local_settings.database_url)
    try:
        link = sign_in_link(db, desk, login(), Role.LEAD, timedelta(days=7))
    finally:
        db.dispose()
    console.print(f"  {'Sign in, once':20} {link}", markup=False, highlight=False, soft_wrap=True)


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches a server that listens at `host`."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _in_words(outcome: dict[str, Any]) -> str:
    width = max(len(name) for name in outcome)
    return "\n".join(f"  {name.replace('_', ' '):{width}}  {_value(value)}" for name, value in outcome.items())


def _value(value: Any) -> str:
    return ", ".join(f"{count} {name}" for name, count in value.items()) if isinstance(value, dict) else str(value)

"""`tierline health`: whether everything does its part, or one process of ours does, for people and for containers."""

import asyncio
import socket
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import requests
import typer
from temporalio.client import Client

from cli.output import Code, exit_on_failure, print_json, print_line
from services.builds import build_check
from services.health import Check, health, links_check
from store.database import Database, DatabaseDown
from store.gauges import read_gauges
from workers.bootstrap import database
from workers.settings import Settings, load_settings
from workers.temporal import connect

LATE = 300.0
"""Seconds that a notice may wait, when nothing keeps it, before the relay counts as gone."""


class Part(StrEnum):
    """One process, as it stands on this machine."""

    WORKER = "worker"
    RELAY = "relay"
    API = "api"


def show_health(
    part: Annotated[Part | None, typer.Argument(help="Only this process; nothing: everything.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Say whether everything that Tierline needs does its part: exit code 0, or 3 with what does not.

    Of the worker: whether this machine's polls every task queue. Of the relay: whether notices go out. Of the API:
    whether this machine's answers.
    """
    with exit_on_failure(as_json):
        checks = asyncio.run(_look(load_settings(), part))
    well = all(check.ok for check in checks)
    if as_json:
        print_json({"ok": well, "checks": [check.model_dump() for check in checks]})
    else:
        for check in checks:
            print_line(f"{'ok ' if check.ok else 'ILL'} {check.name}: {check.detail}")
    if not well:
        raise typer.Exit(Code.UNAVAILABLE)


async def _look(settings: Settings, part: Part | None) -> list[Check]:
    if part is Part.API:
        return [await asyncio.to_thread(_api, settings)]
    db = database(settings, "health")
    try:
        if part is Part.RELAY:
            return [await asyncio.to_thread(_relay, db)]
        client: Client = await connect(settings, lazy=True)
        checks = await health(db, client, host=socket.gethostname() if part is Part.WORKER else None)
        checks.append(await build_check(client, settings.deployment))
        if part:
            return checks
        links = links_check(settings.ticket_url, settings.incident_url)
        return [*checks, await asyncio.to_thread(_relay, db), links]
    finally:
        db.dispose()


def _relay(db: Database) -> Check:
    try:
        with db.session() as session:
            overdue = read_gauges(session, datetime.now(UTC)).backlogs["notices"].overdue
    except DatabaseDown as error:
        return Check(name="relay", ok=False, detail=str(error))
    if overdue > LATE:
        detail = f"a notice has waited for {overdue:.0f} s: see that `tierline relay` runs"
        return Check(name="relay", ok=False, detail=detail)
    return Check(name="relay", ok=True, detail="notices go out")


def _api(settings: Settings) -> Check:
    address = f"http://127.0.0.1:{settings.api_port}/livez"
    with requests.Session() as session:
        session.trust_env = False  # a company's proxy cannot reach this machine
        try:
            session.get(address, timeout=5).raise_for_status()
        except requests.RequestException as error:
            return Check(name="api", ok=False, detail=f"{address} does not answer ({type(error).__name__})")
    return Check(name="api", ok=True, detail=f"{address} answers")

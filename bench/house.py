"""A whole Tierline on this machine, for what is measured under load: processes of its own, and stand-ins outside."""

import asyncio
import os
import platform
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import psutil
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from bench.installation import Installation
from domain.core.enums import Plan
from domain.ticket.state import Account
from integrations.standins import run as standins
from services.policy_file.load import load_policy
from services.tickets import TicketService
from store import accounts
from store.database import Database


class House(NamedTuple):
    """What a measurement works with."""

    desk: TicketService
    client: Client
    db: Database
    outside: standins.Running
    installation: Installation
    log: Callable[[], str]
    """The worker's last words."""


@asynccontextmanager
async def running(*, accounts_known: int, durable: bool = True, module: str | None = None) -> AsyncIterator[House]:
    """Start PostgreSQL, Temporal, a worker and the stand-ins, and stop them at the end.

    The accounts `known-0` and on are known, so that their P0s page at once. `durable`: what PostgreSQL commits is on
    the disk. `module` is what is run instead of `tierline worker`.
    """
    home = Path(tempfile.mkdtemp(prefix="tl-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        outside = stack.enter_context(standins.running())
        house = await asyncio.to_thread(partial(Installation, home, durable=durable))
        stack.callback(house.stop)
        worker = await asyncio.to_thread(house.work, outside, *([module] if module else []))
        client = await Client.connect(house.temporal.address, data_converter=pydantic_data_converter)
        db = Database(house.postgres.url)
        stack.callback(db.dispose)
        with db.begin() as session:  # a P0 of an account that nobody knows waits for the duty agent
            known = (Account(id=f"known-{number}", plan=Plan.PREMIUM) for number in range(accounts_known))
            accounts.save_accounts(session, known)
        desk = TicketService(client, db, load_policy(), channel="bench")
        yield House(desk, client, db, outside, house, worker.last_words)


def machine() -> str:
    """Return what this machine is, and what it has to do."""
    cores, memory = psutil.cpu_count(), psutil.virtual_memory().total / 2**30
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return (
        f"{platform.system()}, {cores} cores, {memory:.0f} GiB, Python {platform.python_version()}, "
        f"load average {load} (1, 5, 15 minutes)"
    )

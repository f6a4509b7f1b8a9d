"""`tierline health`, as the containers' health checks ask it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from temporalio.client import Client

from domain.aggregate.effect import Notice
from store import outbox
from store.database import Database
from store.tables.integrations import OutboxRow
from tests.support.terminal import command
from tests.support.timeskipping import way_to
from tests.support.waiting import until
from workers.embedded import free_port

pytestmark = pytest.mark.long


async def health(environment: Mapping[str, str], *words: str) -> tuple[int, dict[str, Any]]:
    """The command in this process: its exit code, and what it printed."""
    printed = await command(environment, "health", *words, "--json")
    return printed.code, json.loads(printed.out)


@pytest.mark.parametrize(
    ("part", "ill"),
    [
        ("worker", "queue tickets: no worker polls it: see that `tierline worker` runs"),
        ("api", "does not answer"),
    ],
)
async def test_a_process_that_does_not_run_is_ill(database_url: str, temporal_dev: Client, part: str, ill: str) -> None:
    environment = {"DATABASE_URL": database_url, "TIERLINE_API_PORT": str(free_port())} | way_to(temporal_dev)

    async def said() -> bool:
        code, told = await health(environment, part)
        assert (code, told["ok"]) == (3, False)
        return any(ill in f"{check['name']}: {check['detail']}" for check in told["checks"] if not check["ok"])

    await until(said)  # a Temporal that is busy may not answer in time at first


async def test_a_relay_is_ill_while_a_notice_waits_that_nothing_keeps(database_url: str) -> None:
    db, now = Database(database_url), datetime.now(UTC)
    notice = Notice(
        key="k", name="warning", ticket=None, audience="lead", recipient=None, title="80 % is used up", at=now
    )
    with db.begin() as session:
        outbox.put_or_renew(session, notice)
    assert (await health({"DATABASE_URL": database_url}, "relay"))[0] == 0
    with db.begin() as session:
        session.execute(update(OutboxRow).values(created_at=now - timedelta(minutes=6)))
    code, told = await health({"DATABASE_URL": database_url}, "relay")
    db.dispose()
    assert code == 3
    assert "see that `tierline relay` runs" in told["checks"][0]["detail"]

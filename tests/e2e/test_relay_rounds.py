"""What a started relay does beside sending: each of its rounds has run when what it leaves is in the database."""

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from integrations.standins.run import CHAT_SECRET
from services.policy_file.load import load_policy
from services.reports.week import last_week
from store import journal, surveys, week_posts
from store.database import Database
from store.reconciliation import CREDITS
from store.tables.integrations import OutboxRow, ReconciliationRow
from tests.support.surveys import SURVEYS
from tests.support.ticket_life import RUN, closed, life
from tests.support.waiting import until
from workers.embedded import free_port

pytestmark = pytest.mark.long

DAY = timedelta(days=1)
SECRET = CHAT_SECRET.get_secret_value()


async def test_f2_f3_f7_a_relay_checks_credits_posts_the_week_and_reminds_of_surveys(
    database_url: str, db: Database, tmp_path: Path
) -> None:
    # Given a ticket that was closed five days ago, and whose customer was asked then
    now = datetime.now(UTC)
    one = closed(life(at=now - 5 * DAY))
    with db.begin() as session:
        journal.append(session, one.ticket.id, RUN, one.events)
        session.execute(update(OutboxRow).values(state="sent", sent_at=now - 5 * DAY))

    # When a relay is started
    nowhere = f"127.0.0.1:{free_port()}"
    environment = {
        "PATH": os.defpath, "NO_PROXY": "*", "DATABASE_URL": database_url, "TIERLINE_HOME": str(tmp_path),
        "TEMPORAL_ADDRESS": nowhere, "NOTICE_URL": f"http://{nowhere}/hook", "NOTICE_SECRET": SECRET,
    } | SURVEYS  # fmt: skip
    with (tmp_path / "relay.log").open("w") as log:
        relay = subprocess.Popen([sys.executable, "-m", "cli.main", "relay"], env=environment, stdout=log, stderr=log)
    try:
        # Then the ledger of credits was checked, the last week's report was posted, and the customer is reminded
        def missing() -> set[str]:
            with db.session() as session:
                done = {
                    "credits": session.get(ReconciliationRow, CREDITS) is not None,
                    "week": week_posts.is_posted(session, last_week(now, load_policy()).name),
                    "survey": session.scalars(select(OutboxRow.name).where(OutboxRow.name == surveys.REMINDER)).all(),
                }
            return {name for name, found in done.items() if not found}

        await until(lambda: relay.poll() is not None or not missing(), "the credits, the week and the survey are done")
        assert relay.poll() is None, (tmp_path / "relay.log").read_text()[-2000:]
    finally:
        relay.terminate()
        assert await asyncio.to_thread(relay.wait, 60) == 0

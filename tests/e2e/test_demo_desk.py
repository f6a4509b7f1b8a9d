"""The tickets with which the demo fills the desk: every view has one, and each has a conversation to read."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from cli import samples
from cli.desk_samples import fill_the_desk
from services.policy_file.load import load_policy
from services.reading.lists import queue_view
from store.database import Database
from tests.support.jira_tierline import JiraTierline
from tests.support.waiting import PATIENCE, until

pytestmark = pytest.mark.long

ME = "robin"


def statuses(db: Database) -> dict[str, int]:
    with db.session() as session:
        rows = session.execute(text("SELECT status, count(*) FROM tickets GROUP BY 1")).all()
    return {row[0]: row[1] for row in rows}


def messages(db: Database) -> Counter[str]:
    """How many messages each ticket has."""
    spoken = "SELECT ticket_id FROM ticket_events WHERE type IN ('opened', 'responded', 'replied', 'wait_started')"
    with db.session() as session:
        return Counter(session.scalars(text(spoken)))


async def test_the_demo_has_a_ticket_for_every_view_of_the_desk(
    tierline: JiraTierline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "PATIENCE", PATIENCE)
    db = tierline.db
    await fill_the_desk(tierline.client, db, load_policy(), ME, "run", lambda _line: None)
    in_two_days = datetime.now(UTC) + timedelta(days=2)  # however late it is, what is promised is due by then

    def empty() -> set[str]:
        return {name for name, count in queue_view(db, "all", ME, in_two_days).counts.items() if not count}

    def every_view_has_one() -> bool:
        return not empty()

    def every_status_has_one() -> bool:
        return statuses(db).keys() == {"new", "open", "pending", "resolved", "closed"}

    await until(every_view_has_one, "every view has a ticket")
    await until(every_status_has_one, "every status has a ticket")
    counted = messages(db)
    assert sum(count >= 3 for count in counted.values()) >= 10

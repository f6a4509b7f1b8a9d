"""F10: an issue says who waits for it, in one link that is overwritten once a day at most.

The real client, over real sockets; every exchange is put before the vendor's document (see `conftest.server`).
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from activities.support.circuit_breaker import CircuitBreaker
from activities.tracker import demand
from activities.tracker.demand import NOBODY, IssueDemand
from domain.core.enums import Plan
from domain.policy.tracker import TrackerRow
from domain.ticket.state import Account
from integrations.jira.client import JiraClient
from integrations.standins.common import Exchange
from integrations.standins.run import Control
from integrations.tracker.port import IssueRef
from services.policy_file.load import load_policy
from store import accounts, issue_demand, journal, outages
from store.database import Database
from store.tables.integrations import IssueLinkRow
from store.tables.tickets import TicketRow
from tests.support.ticket_life import MONDAY, RUN, life
from workers.bootstrap import ops_alerts

from .conftest import Drafting

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


class Place:
    """A database with tickets that wait for issues, and those who tell the issues."""

    def __init__(self, db: Database, jira: JiraClient, server: Control, make: Drafting) -> None:
        self.db, self.jira, self._server, self._make = db, jira, server, make
        self._number = 0

    def issue(self) -> IssueRef:
        return self.jira.create(self._make())

    def wait(self, issue: IssueRef, account: str) -> str:
        """A ticket of an account waits for the issue. Returns its id."""
        self._number += 1
        one = life(str(self._number), account=account, at=MONDAY + timedelta(minutes=self._number))
        known = {"key": issue.key, "kind": "bug", "category": "new", "status": "Open", "url": issue.url}
        with self.db.begin() as session:
            journal.append(session, one.ticket.id, RUN, one.events)
            row = session.get_one(TicketRow, one.ticket.id)
            values = {"jira_key": issue.key, "state": row.state | {"jira": known}}
            session.execute(update(TicketRow).where(TicketRow.id == row.id).values(values))
            session.add(
                IssueLinkRow(
                    effect_key=f"ticket-{row.id}:jira_bug:9", owner=f"ticket-{row.id}", seq=9, kind="bug", label="x",
                    phase="linked", attempt=1, lease_until=NOW, first_post_at=NOW, jira_key=issue.key,
                    jira_id=issue.id, category="new",
                )
            )  # fmt: skip
        return one.ticket.id

    def end(self, ticket: str) -> None:
        """The ticket is solved, without the issue."""
        with self.db.begin() as session:
            session.execute(update(TicketRow).where(TicketRow.id == ticket).values(status="resolved"))

    def writer(self, url: str = "https://desk.example.com/{}", **rules: Any) -> IssueDemand:
        """What a worker that has just started has."""
        circuit = CircuitBreaker(self.db, "jira", ops_alerts(load_policy(None)))
        return IssueDemand(self.db, self.jira, circuit, TrackerRow(**rules), url.format)

    def links(self, issue: IssueRef) -> list[str]:
        """What stands on the issue."""
        (found,) = [one for one in self._server.see("issues")["issues"] if one["key"] == issue.key]
        assert {link["relationship"] for link in found["links"]} <= {"waited for by"}
        return [link["title"] for link in found["links"]]


def _die(*_: object) -> None:
    raise SystemExit


@pytest.fixture
def place(database_url: str, jira: JiraClient, server: Control, draft: Drafting) -> Iterator[Place]:
    db = Database(database_url)
    with db.begin() as session:
        for name, plan, arr in (("acme", Plan.ENTERPRISE, 90_000), ("globex", Plan.PREMIUM, 20_000)):
            accounts.save_accounts(session, [Account(id=name, plan=plan, arr=Decimal(arr))])
    yield Place(db, jira, server, draft)
    db.dispose()


def test_f10_an_issue_says_how_many_accounts_wait_on_which_plans_and_what_they_pay(place: Place) -> None:
    issue = place.issue()
    for account in ("acme", "acme", "globex", "initech"):
        place.wait(issue, account)
    assert place.writer().write_due(NOW) == 1
    assert place.links(issue) == ["3 accounts on premium; 110,000 a year, 1 unknown (2026-11-30)"]


def test_f10_an_issue_is_told_once_a_day_at_most_and_only_what_has_changed(
    place: Place, exchanges: list[Exchange]
) -> None:
    issue, writer = place.issue(), place.writer()
    place.wait(issue, "acme")
    writer.write_due(NOW)
    place.wait(issue, "globex")
    sent = len(exchanges)
    assert [place.writer().write_due(NOW + DAY - MINUTE), len(exchanges)] == [0, sent]
    assert place.writer().write_due(NOW + DAY) == 1
    assert place.links(issue) == ["2 accounts on premium; 110,000 a year (2026-12-01)"]
    assert place.writer().write_due(NOW + 3 * DAY) == 0


def test_f10_a_worker_that_died_before_it_could_note_it_leaves_one_link(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue = place.issue()
    place.wait(issue, "acme")
    with monkeypatch.context() as patched:
        patched.setattr(issue_demand, "note", _die)
        with pytest.raises(SystemExit):
            place.writer().write_due(NOW)
    assert len(place.links(issue)) == 1
    assert place.writer().write_due(NOW + MINUTE) == 1
    assert place.links(issue) == ["1 account on premium; 90,000 a year (2026-11-30)"]


def test_f10_an_answer_that_is_lost_leaves_one_link(place: Place, server: Control) -> None:
    issue = place.issue()
    place.wait(issue, "acme")
    server.fault("commit_then_drop", method="POST", path=f"/rest/api/3/issue/{issue.key}/remotelink", times=1)
    writer = place.writer()
    assert [writer.write_due(NOW), writer.write_due(NOW + MINUTE)] == [0, 1]
    assert place.links(issue) == ["1 account on premium; 90,000 a year (2026-11-30)"]


def test_f10_many_changes_come_as_no_burst(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demand, "AT_ONCE", 2)
    for _ in range(5):
        place.wait(place.issue(), "acme")
    writer = place.writer()
    assert [writer.write_due(NOW + minute * MINUTE) for minute in range(4)] == [2, 2, 1, 0]


def test_f10_an_issue_that_is_gone_holds_up_no_other_and_is_asked_again_in_a_day(
    place: Place, exchanges: list[Exchange]
) -> None:
    gone, issue = IssueRef(key="ENG-99999", id="99999", url="https://j/99999"), place.issue()
    for account in ("acme", "globex"):
        place.wait(gone, account)
    place.wait(issue, "acme")
    place.writer().write_due(NOW)
    assert place.links(issue) == ["1 account on premium; 90,000 a year (2026-11-30)"]
    sent = len(exchanges)
    place.writer().write_due(NOW + MINUTE)
    assert len(exchanges) == sent
    place.writer().write_due(NOW + DAY)
    assert len(exchanges) == sent + 1


def test_f10_nothing_is_sent_while_jira_refuses_our_credentials(place: Place, exchanges: list[Exchange]) -> None:
    issue = place.issue()
    place.wait(issue, "acme")
    with place.db.begin() as session:
        outages.begin(session, "jira", datetime.now(UTC))
    sent = len(exchanges)
    assert place.writer().write_due(NOW) == 0
    assert len(exchanges) == sent


def test_f10_an_open_issue_for_which_nobody_waits_any_more_says_so(place: Place) -> None:
    issue = place.issue()
    ticket = place.wait(issue, "acme")
    place.writer().write_due(NOW)
    place.end(ticket)
    assert place.writer().write_due(NOW + DAY) == 1
    assert place.links(issue) == [f"{NOBODY} (2026-12-01)"]
    assert place.writer().write_due(NOW + 2 * DAY) == 0


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"waiting": "off"}, []),
        ({"arr": "none"}, ["2 accounts on premium (2026-11-30)"]),
        ({"arr": "band"}, ["2 accounts on premium; 50,000 to 250,000 a year (2026-11-30)"]),
        (
            {"waiting": "accounts", "arr": "none"},
            ["2 accounts on premium; acme, [e-mail address removed] (2026-11-30)"],
        ),
    ],
)
def test_f10_the_policy_says_what_leaves_and_personal_data_never_does(
    place: Place, rules: dict[str, Any], said: list[str]
) -> None:
    with place.db.begin() as session:
        accounts.save_accounts(session, [Account(id="zoe@example.com", plan=Plan.PREMIUM, arr=Decimal(1))])
    issue = place.issue()
    for account in ("acme", "zoe@example.com"):
        place.wait(issue, account)
    place.writer(**rules).write_due(NOW)
    assert place.links(issue) == said


def test_f10_without_an_address_of_the_desk_there_is_no_link(place: Place) -> None:
    issue = place.issue()
    place.wait(issue, "acme")
    assert place.writer(url="").write_due(NOW) == 0
    assert place.links(issue) == []

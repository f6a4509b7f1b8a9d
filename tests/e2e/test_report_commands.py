"""`tierline report week`, `report compare`, `satisfaction` and `wanted`, on a database whose figures are known."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from cli.output import Code
from domain.core.enums import Category, Plan, Role
from domain.ticket.state import Account
from store import accounts, journal
from store.database import Database
from store.tables.tickets import TicketRow
from tests.support.packages import RECORD, T2_PACKAGE
from tests.support.terminal import Printed, command
from tests.support.ticket_life import MONDAY, RUN, Life, closed, life

pytestmark = pytest.mark.long

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def keep(db: Database) -> Any:
    def kept(*lives: Life) -> None:
        with db.begin() as session:
            for one in lives:
                journal.append(session, one.ticket.id, RUN, one.events)

    return kept


@pytest.fixture
def tierline(database_url: str) -> Any:
    async def called(*words: str) -> str:
        printed: Printed = await command({"DATABASE_URL": database_url}, *words)
        assert (printed.code, printed.err) == (Code.DONE, "")
        return printed.out

    return called


async def test_f3_report_week_prints_what_a_week_came_to(keep: Any, tierline: Any) -> None:
    # Given two tickets of the week, one of them resolved and one handed back, and one of the week before
    ended = life("1").do("take", MINUTE).do("resolve", MINUTE, **RECORD)
    handed = life("2").do("take", MINUTE).do("escalate", MINUTE, fields=T2_PACKAGE)
    keep(ended, handed.do("return", MINUTE, reason="Not ours."), life("3", at=MONDAY - 7 * DAY))

    said = await tierline("report", "week", "--week", "2026-W10")
    told = json.loads(await tierline("report", "week", "--week", "2026-W10", "--json"))

    assert "2026-W10" in said
    assert "Not ours." in said
    assert "ada" not in said
    volume = told["volume"]
    assert (told["week"], volume["opened"]["now"], volume["opened"]["before"]) == ("2026-W10", 2, [0, 0, 0, 1])
    assert (volume["ended"]["now"], volume["backlog"]) == (1, 2)
    assert [(one["reason"], one["now"]) for one in told["bounces"]] == [("Not ours.", 1)]


async def test_f3_report_compare_prints_two_times_side_by_side(keep: Any, tierline: Any, database_url: str) -> None:
    # Given five tickets of one week that were answered in ten minutes, and six of the next in five
    for week, many, minutes in ((0, 5, 10), (1, 6, 5)):
        for n in range(many):
            one = life(f"{week}-{n}", account=f"a{n}", at=MONDAY + week * 7 * DAY + n * MINUTE).do("take", MINUTE)
            keep(one.do("respond", (minutes - 1) * MINUTE, text="We look."))

    said = await tierline("report", "compare", "2026-W10", "2026-W11")
    told = json.loads(await tierline("report", "compare", "2026-W10", "2026-W11", "--json"))
    refused = await command({"DATABASE_URL": database_url}, "report", "compare", "2026-W11", "2026-W10")

    assert "2026-W10: 5 tickets of 5 accounts" in said
    assert "first response, median: 10 min to 5 min (-50 %; of 5 and 6)" in said
    assert "deflected by articles: too few to too few (of 0 and 0)" in said
    figures = {one["name"]: (one["before"], one["after"]) for one in told["figures"]}
    assert figures["tickets a week"] == (5.0, 6.0)
    assert "2026-W10 does not follow 2026-W11" in refused.err


async def test_f7_satisfaction_prints_the_scores_of_each_category(keep: Any, tierline: Any) -> None:
    # Given four tickets that were closed two days ago, three of them rated
    begun = datetime.now(UTC) - 2 * DAY
    for n, (category, csat) in enumerate(
        ((Category.BUG, 5), (Category.BUG, 2), (Category.HOW_TO, 4), (Category.HOW_TO, None))
    ):
        one = closed(life(str(n), category=category, at=begun))
        keep(one if csat is None else one.do("rate", MINUTE, csat=csat, role=Role.CUSTOMER.value, by="acme"))

    said = [line.split() for line in (await tierline("satisfaction", "--by", "category")).splitlines()]
    told = json.loads(await tierline("satisfaction", "--by", "category", "--json"))

    assert ["bug", "2", "2", "50", "%", "1", "3.50", "-"] in said
    assert ["how-to", "2", "1", "100", "%", "0", "4.00", "-"] in said
    assert ["all", "4", "3", "67", "%", "1", "3.67", "-"] in said
    assert {one["name"]: (one["closed"], one["rated"]) for one in told["scores"]} == {"bug": (2, 2), "how-to": (2, 1)}


async def test_f4_f10_wanted_prints_what_customers_wait_for(db: Database, keep: Any, tierline: Any) -> None:
    # Given two requests: one that two accounts wait for, and one that a richer account waits for
    issue = {"kind": "request", "category": "indeterminate", "status": "Open", "url": "https://j/1"}
    for n, (account, arr, key) in enumerate((("a", 10_000, "ENG-1"), ("b", 20_000, "ENG-1"), ("c", 90_000, "ENG-2"))):
        one = life(str(n), account=account)
        keep(one)
        with db.begin() as session:
            accounts.save_accounts(session, [Account(id=account, plan=Plan.PREMIUM, arr=Decimal(arr))])
            row = session.get_one(TicketRow, one.ticket.id)
            state = row.state | {"jira": issue | {"key": key}}
            session.execute(update(TicketRow).where(TicketRow.id == row.id).values(jira_key=key, state=state))

    said = [line.split() for line in (await tierline("wanted")).splitlines()]
    told = json.loads(await tierline("wanted", "--by", "arr", "--json"))

    assert ["ENG-1", "2", "30,000", "-", "2", "premium", "Open"] in said
    assert [(one["key"], one["accounts"]) for one in told["issues"]] == [("ENG-2", 1), ("ENG-1", 2)]
    assert await tierline("wanted", "--kind", "bug") == "no account waits for any\n"


async def test_f3_report_release_names_the_versions_that_are_known(
    db: Database, keep: Any, tierline: Any, database_url: str
) -> None:
    one = life("1")
    keep(one)
    issue = {"key": "ENG-1", "category": "done", "fix_versions": ["4.13"], "version": "2026-03-02T12:00:00Z"}
    with db.begin() as session:
        row = session.get_one(TicketRow, one.ticket.id)
        session.execute(update(TicketRow).values(jira_key="ENG-1", state=row.state | {"jira": issue}))

    said = await tierline("report", "release", "4.13")
    told = json.loads(await tierline("report", "release", "4.13", "--days", "7", "--json"))
    refused = await command({"DATABASE_URL": database_url}, "report", "release", "4.12")

    assert "4.13: shipped on 2026-03-02 (last issue done); fixed: ENG-1\n" in said
    assert "satisfied: before too few to say, after too few to say (of 0 and 0)" in said
    assert (told["issues"], told["areas"]) == (["ENG-1"], ["billing"])
    assert refused.code != Code.DONE
    assert "fixed in '4.12': write one of these, the newest first: 4.13" in refused.err

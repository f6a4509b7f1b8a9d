"""What an account's page counts, on a small known history."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from domain.core.enums import Health, Metric, Plan, Role, Side
from domain.core.refusal import Refused
from domain.ticket import commands as c
from domain.ticket.state import Account
from services.reading import account as reading
from services.reading.account import AccountView, view
from store import account_summary, accounts, journal
from store.account_summary import ClockCount, Contact
from store.database import Database
from store.tables.incidents import IncidentRow
from store.tables.tickets import TicketRow
from tests.support.ticket_life import MONDAY, RUN, Life, life, resolved

LATER = MONDAY + timedelta(days=3)


def keep(database: Database, *lives: Life) -> None:
    with database.begin() as session:
        for one in lives:
            journal.append(session, one.ticket.id, RUN, one.events)


def known(database: Database, *ids: str, csm: str | None = None) -> None:
    with database.begin() as session:
        told = [Account(id=one, plan=Plan.PREMIUM, health=Health.RED, csm=csm) for one in ids]
        accounts.save_accounts(session, told)


def seen(database: Database, account: str = "acme") -> AccountView:
    return view(database, account, LATER)


def test_c1_clocks_are_counted_as_kept_missed_waived_or_running(database: Database) -> None:
    """Four tickets of Premium: one answered and resolved in time, one whose clocks all passed, one of these waived, and
    one that has just opened."""
    kept = resolved(life("1"))
    missed = life("2").wait_until(MONDAY + timedelta(days=2))
    waived = life("3").wait_until(MONDAY + timedelta(days=2))
    waived.tell(c.parse({"do": "waive", "by": "lea", "role": "lead", "metric": "resolution", "reason": "Agreed."}))
    keep(database, kept, missed, waived, life("4", at=MONDAY + timedelta(days=2, hours=1)), life("5", account="other"))
    counts = {(one.metric, one.side): one for one in seen(database).clocks}
    assert counts[Metric.RESOLUTION, Side.CONTRACT] == ClockCount(Metric.RESOLUTION, Side.CONTRACT, 1, 1, 1, 1)
    assert counts[Metric.FIRST_RESPONSE, Side.CONTRACT] == ClockCount(
        Metric.FIRST_RESPONSE, Side.CONTRACT, 1, 2, 0, 1
    )  # the answer that a resolution is
    assert list(counts) == [(metric, side) for metric in (Metric.FIRST_RESPONSE, Metric.RESOLUTION) for side in Side]


def test_c12_a_withdrawn_breach_counts_as_kept(database: Database) -> None:
    one = life("1").wait_until(MONDAY + timedelta(days=1))
    due = next(clock.due for clock in one.ticket.clocks if clock.metric is Metric.FIRST_RESPONSE)
    assert due is not None
    stamped = (due - timedelta(minutes=1)).isoformat()
    one.tell(c.parse({"do": "respond", "by": "lea", "role": "lead", "text": "Called.", "occurred": stamped}))
    keep(database, one)
    first = [clock for clock in seen(database).clocks if clock.metric is Metric.FIRST_RESPONSE]
    assert [(clock.kept, clock.missed) for clock in first] == [(1, 0), (1, 0)]


def test_open_and_ended_tickets_are_apart_and_counted(database: Database) -> None:
    open_one = life("1").wait_until(MONDAY + timedelta(days=2))
    keep(database, open_one, resolved(life("2")), life("3", account="other"))
    found = seen(database)
    assert [line.id for line in found.open] == [open_one.ticket.id]
    assert [line.status for line in found.ended] == ["resolved"]
    assert (found.load.active, found.load.breached) == (1, 1)
    assert (found.facts.opened, found.facts.resolved) == (2, 1)


def test_only_tickets_of_the_last_ninety_days_are_counted(database: Database) -> None:
    old = resolved(life("1", at=MONDAY - timedelta(days=120)))
    keep(database, old)
    found = seen(database)
    assert (found.facts.opened, found.clocks) == (0, [])
    assert [line.id for line in found.ended] == [old.ticket.id]  # it is still the last that ended


def test_of_very_many_tickets_the_newest_are_counted(database: Database) -> None:
    keep(database, life("1"), life("2"), life("3"))
    with database.session() as session:
        facts = account_summary.facts_of(session, "acme", since=MONDAY - timedelta(days=1), most=2)
    assert facts.opened == 2


def test_f4_issues_that_are_open_in_engineering_are_named_once_each(database: Database) -> None:
    lives = [life(str(number)) for number in range(4)]
    keep(database, *lives)
    issue = {"key": "ENG-1", "kind": "bug", "category": "indeterminate", "status": "In Progress", "url": "https://j/1"}
    done = {"key": "ENG-2", "kind": "bug", "category": "done", "status": "Done"}
    with database.begin() as session:
        for one, it in zip(lives, (issue, issue, done), strict=False):
            row = session.get_one(TicketRow, one.ticket.id)
            row.jira_key, row.state = it["key"], row.state | {"jira": it}
        session.get_one(TicketRow, lives[0].ticket.id).status = "resolved"
    (found,) = seen(database).issues
    assert (found.key, found.status, found.tickets, found.active) == ("ENG-1", "In Progress", 2, 1)


def test_g6_incidents_are_named_with_their_tickets_and_drills_are_not(database: Database) -> None:
    first, second, third = life("1"), life("2"), life("3")
    keep(database, first, second, third)
    with database.begin() as session:
        for number, drill in ((1, False), (2, True)):
            session.add(
                IncidentRow(
                    number=number, area="billing", separate_key="drill" if drill else "", opened_at=MONDAY,
                    status="mitigated", priority="P1", drill=drill,
                )
            )  # fmt: skip
        session.flush()
        for one, number in ((first, 1), (second, 1), (third, 2)):
            session.execute(update(TicketRow).where(TicketRow.id == one.ticket.id).values(incident_number=number))
    (found,) = seen(database).incidents
    assert (found.number, found.status, found.tickets) == (1, "mitigated", 2)


def test_contacts_are_the_ids_under_which_customers_wrote(database: Database) -> None:
    first, second = life("1").do("take"), life("2")
    for one in (first, second):
        one.tell(c.Reply(by="u-17", role=Role.CUSTOMER, text="Firefox."), timedelta(minutes=5))
    second.tell(c.Reply(by="u-18", role=Role.CUSTOMER, text="It is urgent."), timedelta(minutes=5))
    second.tell(c.Reply(by="zendesk", role=Role.INTEGRATION, text="From the helpdesk."), timedelta(minutes=5))
    keep(database, first, second)
    at = MONDAY + timedelta(minutes=5)
    assert seen(database).contacts == [Contact("u-18", 1, at + timedelta(minutes=5)), Contact("u-17", 2, at)]


def test_an_account_that_only_tickets_name_says_so_and_an_unknown_one_is_not_found(database: Database) -> None:
    keep(database, life("1"))
    found = seen(database)
    assert found.known_since is None
    assert found.known.known_from == "ticket"
    with pytest.raises(Refused, match="nothing is known of account nobody"):
        seen(database, "nobody")


def test_accounts_of_a_csm_are_in_the_order_of_their_trouble(database: Database) -> None:
    known(database, "calm", "busy", "burning", csm="carla")
    known(database, "of-another", csm="otto")
    keep(
        database,
        life("1", account="busy"),
        life("2", account="burning").wait_until(MONDAY + timedelta(days=2)),
        resolved(life("3", account="calm")),
    )
    found = reading.of_csm(database, "carla").accounts
    assert [(one.id, one.load.active, one.load.breached) for one in found] == [
        ("burning", 1, 1), ("busy", 1, 0), ("calm", 0, 0),
    ]  # fmt: skip


def test_f1_accounts_that_share_a_csm_are_among_those_of_the_team(database: Database) -> None:
    known(database, "mine", csm="carla")
    known(database, "of-another", csm="otto")
    known(database, "shared", "idle")
    with database.begin() as session:
        accounts.save_accounts(session, [Account(id="no-csm-due", plan=Plan.STANDARD)])
    keep(
        database,
        life("1", account="mine"),
        life("2", account="shared").wait_until(MONDAY + timedelta(days=2)),
        life("3", account="no-csm-due"),
    )
    found = reading.of_csm(database, "carla", ["premium"]).accounts
    assert [(one.id, one.csm, one.load.active, one.load.breached) for one in found] == [
        ("shared", None, 1, 1), ("mine", "carla", 1, 0), ("idle", None, 0, 0),
    ]  # fmt: skip
    assert found[0].load.next_deadline == reading.view(database, "shared", LATER).load.next_deadline
    assert [one.id for one in reading.of_csm(database, "carla").accounts] == ["mine"]


def test_f1_of_accounts_that_are_as_calm_ones_own_come_first_and_what_is_cut_off_is_said(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(database, "a-shared", "b-shared")
    known(database, "z-mine", csm="carla")
    assert [one.id for one in reading.of_csm(database, "carla", ["premium"]).accounts] == [
        "z-mine", "a-shared", "b-shared",
    ]  # fmt: skip
    for most, more in ((3, False), (2, True)):
        monkeypatch.setattr(reading, "MOST_OF_A_CSM", most)
        found = reading.of_csm(database, "carla", ["premium"])
        assert (len(found.accounts), found.more) == (most, more)


def test_f11_an_account_that_wants_to_cancel_comes_first_and_says_so(database: Database) -> None:
    known(database, "burning", "leaving", csm="carla")
    keep(
        database,
        life("1", account="burning").wait_until(MONDAY + timedelta(days=2)),
        life("2", account="leaving", category="cancellation"),
        resolved(life("3", account="burning", category="cancellation")),
    )
    found = reading.of_csm(database, "carla").accounts
    assert [(one.id, one.load.cancellations) for one in found] == [("leaving", 1), ("burning", 0)]
    assert seen(database, "leaving").load.cancellations == 1


def test_all_accounts_come_page_by_page(database: Database) -> None:
    known(database, "a", "b", "c")
    first = reading.known_accounts(database, "", 2)
    assert [one.id for one in first.accounts] == ["a", "b"]
    second = reading.known_accounts(database, first.next or "", 2)
    assert ([one.id for one in second.accounts], second.next) == (["c"], None)

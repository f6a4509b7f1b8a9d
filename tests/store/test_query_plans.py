"""A4: no page of the desk and no search reads all tickets, events or incidents, with 100,000 tickets in the store: the
plan of each statement says so."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from sqlalchemy import text
from temporalio.client import Client

from domain.core.enums import Plan, Role, Status
from domain.core.failures import Unavailable
from domain.incident.state import IncidentState
from domain.report.week import week_of
from services import credits, reply_templates, survey
from services.reading import account, board, demand, finding, home, lapses, lists, loop
from services.reading.beside import beside
from services.reading.incident import AskIncidents, listed
from services.reading.lists import Search
from services.reading.lookup import look_up, timeline
from services.reading.something_else import to_take
from services.reports import variety
from services.security.auth import Caller
from services.statement import statement
from store import changes, issue_demand, pending, queries, queue_views, reconciliation, releases, sizes, visits
from store import demand as store_demand
from store import loop as rows
from store.database import Database
from store.demand import Kind, Order
from tests.support.databases import fresh_database
from tests.support.policy import POLICY
from tests.support.query_plans import fill, sent_to

pytestmark = pytest.mark.long

NOW = datetime.now(UTC)
TOMORROW = NOW + timedelta(days=1)


@pytest.fixture(scope="module")
def many(postgres_url: str) -> Iterator[Database]:
    """100,000 tickets, for tests that only read: filling it is worth it once."""
    with fresh_database(postgres_url) as url:
        database = Database(url)
        fill(database)
        yield database
        database.dispose()


async def away() -> Client:
    raise Unavailable("Temporal is away")


def test_a_plan_that_reads_all_tickets_is_seen(many: Database) -> None:
    with sent_to(many) as sent, many.session() as session:
        session.execute(text("SELECT count(*) FROM tickets WHERE category = 'bug'")).all()
        session.execute(text("WITH found AS (SELECT DISTINCT source FROM ticket_events) SELECT * FROM found")).all()
    assert len(sent.read_whole()) == 2


def test_a4_measuring_the_tables_counts_what_came_by_indexes(many: Database) -> None:
    with sent_to(many) as sent, many.session() as session:
        assert sizes.read_sizes(session, NOW, small=0).tables
    others = [plan for plan in sent.read_whole() if "on incidents" not in plan]  # all of those came within the week
    assert others == []


# -- Searching ---------------------------------------------------------------------------------------------------

QUESTIONS: list[tuple[dict[str, Any], str]] = [
    ({}, "ix_tickets_opened"),
    ({"q": "word77"}, "ix_texts_words"),
    ({"q": "e77"}, "ix_tickets_external_id"),
    ({"q": "K-77"}, "ix_tickets_jira_key"),
    ({"account": "a7"}, "ix_tickets_account"),
    ({"assignee": "p7"}, "ix_tickets_assignee"),
    ({"requester": "u77"}, "ix_ticket_events_customer"),
    ({"status": [Status.OPEN]}, "ix_tickets_"),
    ({"priority": "P2"}, "ix_tickets_opened"),
    ({"plan": [Plan.PREMIUM]}, "ix_tickets_opened"),
]


def test_a4_an_index_bears_each_question(many: Database, subtests: pytest.Subtests) -> None:
    for asked, index in QUESTIONS:
        with subtests.test(asked=asked):
            with sent_to(many) as sent:
                lists.search(many, Search.model_validate(asked))
            (plan,) = sent.plans(of="FROM tickets")
            assert index in plan
            assert "Seq Scan" not in plan


@pytest.mark.parametrize(
    "typed", ["word77", "e77", "K-77", "a7", "u77", "c77", "export fails", "incident-7", "7", "wo"]
)
def test_a4_what_is_typed_into_the_search_or_the_palette_is_found_by_indexes(many: Database, typed: str) -> None:
    with sent_to(many) as sent:
        finding.find(many, typed, limit=8)
    assert sent.read_whole() == []


# -- The desk ----------------------------------------------------------------------------------------------------


def test_a4_no_view_of_the_queue_and_no_count_reads_all_tickets(many: Database, subtests: pytest.Subtests) -> None:
    for name in queue_views.conditions("ada", TOMORROW):
        with subtests.test(view=name):
            with sent_to(many) as sent:
                lists.queue_view(many, name, "ada", TOMORROW)
            assert len(sent.plans(of="FROM tickets")) >= 2  # the lines, and the counts
            assert sent.read_whole() == []


def test_a4_taking_the_next_ticket_reads_few(many: Database) -> None:
    with sent_to(many) as sent:
        assert lists.next_to_take(many, None, ()) is not None
    assert sent.read_whole() == []


def test_a4_something_else_and_the_variety_of_a_persons_week_read_few(many: Database) -> None:
    with sent_to(many) as sent:
        assert to_take(many, "p50", UTC).line is not None
        assert variety.of_person(many, POLICY, "p50", datetime.now(UTC)) is None
        variety.of_all(many, POLICY, week_of(datetime.now(UTC).date()), datetime.now(UTC))
    assert len(sent.plans(of="ticket_moments")) == 3
    assert sent.read_whole() == []


async def test_a4_the_page_of_a_ticket_reads_no_other(many: Database) -> None:
    with many.session() as session:
        ticket = session.scalar(text("SELECT id FROM tickets WHERE external_id = 'mail-1'"))
    with sent_to(many) as sent:
        seen = await look_up(many, away, str(ticket))
        await timeline(many, seen.ticket.id)
        beside(many, seen.ticket, {"1.subject": "Export of October fails"})
    assert len(sent.statements) > 5
    assert sent.read_whole() == []
    assert any("ix_texts_words" in plan for plan in sent.plans())


@pytest.mark.parametrize("kind", get_args(Kind))
def test_a4_what_customers_wait_for_is_read_from_the_tickets_that_wait(many: Database, kind: Kind) -> None:
    with sent_to(many) as sent:
        for by in get_args(Order):
            demand.read(many, kind, by)
        with many.session() as session:
            issue_demand.wanted(session)
            store_demand.accounts(session, ["K-7", "K-50"])
    plans = sent.plans(of="waiting")
    assert len(plans) == 4
    assert sent.read_whole() == []
    assert all("ix_tickets_wanted" in plan for plan in plans)


def test_a4_f3_a_release_is_judged_by_the_index_of_fix_versions(many: Database) -> None:
    with sent_to(many) as sent, many.session() as session:
        releases.fixed_in(session, "4.13", 200)
        releases.known_versions(session, of_newest=2_000, limit=10)
    assert "ix_tickets_fix_versions" in sent.plans(of="WITH named")[0]
    assert sent.read_whole() == []


def test_a4_closing_the_loop_reads_the_tickets_of_its_issue_only(many: Database) -> None:
    with many.session() as session:
        ticket = str(session.scalar(text("SELECT id FROM tickets WHERE external_id = 'mail-1'")))
    with sent_to(many) as sent:
        loop.read(many, "")
        with many.session() as session:
            rows.tickets(session, "K-7", loop.MOST)
            assert ticket in rows.progress_of(session, [ticket])
    assert len(sent.statements) >= 3
    assert sent.read_whole() == []


@pytest.mark.parametrize("role", [Role.AGENT, Role.LEAD, Role.CSM])
def test_a4_no_query_of_the_home_page_reads_all_tickets_or_events(many: Database, role: Role) -> None:
    caller = Caller(token_id="t", actor="csm-7" if role is Role.CSM else "p50", role=role)
    with many.begin() as session:
        for visit in (NOW - timedelta(days=3), NOW):
            visits.note_visit(session, caller.actor, visit)
    with sent_to(many) as sent:
        assert home.read(many, caller, NOW, TOMORROW, UTC).since is not None
    assert any("ticket_events" in plan for plan in sent.plans()) == (role is not Role.CSM)  # who holds no ticket
    assert sent.read_whole() == []


def test_a4_the_list_of_accounts_goes_from_one_account_to_the_next(many: Database) -> None:
    with many.session() as session:
        named = set(session.scalars(text("SELECT account FROM tickets UNION SELECT id FROM accounts")))
    with sent_to(many) as sent:
        first = lists.all_accounts(many, "", 7)
        second = lists.all_accounts(many, first.next or "", 7)
    assert [one.id for one in (*first.accounts, *second.accounts)] == sorted(named)[:14]
    assert sent.read_whole() == []
    plans = sent.plans(of="FROM tickets")
    assert len(plans) == 2
    assert all("Recursive Union" in plan for plan in plans), "an index can be read whole as well"


def test_a4_no_query_of_the_board_reads_all_tickets_or_events(many: Database) -> None:
    with sent_to(many) as sent:
        board.read(many, NOW, UTC)
    assert sent.read_whole() == []


def test_a4_the_page_of_satisfaction_reads_the_tickets_closed_in_its_weeks_only(many: Database) -> None:
    with sent_to(many) as sent:
        survey.satisfaction(many, NOW, *survey.GROUPS, lines=50)
    assert len(sent.plans(of="tickets")) >= len(survey.GROUPS)
    assert sent.read_whole() == []


def test_a4_no_query_of_an_accounts_page_reads_all_tickets_or_events(many: Database) -> None:
    with sent_to(many) as sent:
        account.view(many, "a50", NOW)
        account.of_csm(many, "csm-7")
        account.of_csm(many, "csm-7", ["premium"])
        account.known_accounts(many, "", 50)
    assert sent.read_whole() == []


def test_a4_how_the_replies_of_each_template_did_is_counted_from_an_index(many: Database) -> None:
    with sent_to(many) as sent:
        reply_templates.listed(many)
    assert sent.read_whole() == []
    assert any("ix_ticket_events_template" in plan for plan in sent.plans(of="ticket_events"))


ASKED: list[dict[str, Any]] = [
    {}, {"before": 3000}, {"ended": True}, {"area": "API"}, {"priority": "P1"},
    *({"state": state} for state in get_args(IncidentState)),
]  # fmt: skip


def test_a4_no_list_of_incidents_reads_them_all(many: Database, subtests: pytest.Subtests) -> None:
    for asked in ASKED:
        with subtests.test(asked=asked):
            with sent_to(many) as sent:
                listed(many, AskIncidents.model_validate({"limit": 50} | asked))
            assert sent.read_whole() == []


def test_a4_the_incidents_that_ask_for_something_are_read_from_their_index(many: Database) -> None:
    with sent_to(many) as sent:
        listed(many, AskIncidents(limit=50))
    (plan,) = sent.plans(of="FROM incidents")
    assert "ix_incidents_asked" in plan


def test_a4_what_is_breached_or_at_risk_is_read_from_the_open_tickets(many: Database) -> None:
    with sent_to(many) as sent:
        lapses.breached(many, NOW, 50)
        lapses.at_risk(many, NOW, timedelta(hours=1), 50)
    assert len(sent.plans(of="FROM tickets")) == 4  # each list, and each count
    assert len(sent.plans(of="FROM incidents")) == 2
    assert sent.read_whole() == []


def test_a4_what_is_stuck_is_read_from_the_open_tickets(many: Database) -> None:
    since = board.stuck_since(NOW, UTC)
    with sent_to(many) as sent, many.session() as session:
        pending.late_effects(session, 50)
        pending.unanswered(session, 50)
        pending.quiet(session, NOW - 2 * timedelta(days=1), since, 50)
        reconciliation.open_tickets(session, timedelta(minutes=1), "intake")
        reconciliation.tickets_on_record(session, [f"c{n}" for n in range(200)], timedelta(minutes=1))
    assert len(sent.statements) >= 11
    assert sent.read_whole() == []


def test_a4_open_pages_are_followed_without_reading_all_tickets(many: Database) -> None:
    with sent_to(many) as sent, many.session() as session:
        changes.changed_after(session, NOW - timedelta(seconds=15), 2000)
        queries.held(session, "p7", besides="")
    assert len(sent.statements) >= 2
    assert sent.read_whole() == []


def test_f8_a_statement_of_an_account_and_its_exposure_come_by_indexes(many: Database) -> None:
    month = f"{NOW:%Y-%m}"
    with sent_to(many) as sent:
        assert statement(many, POLICY, "a7", month).tickets
        credits.exposure(many, "a7")
        credits.listed(many, account="a7")
    assert sent.read_whole() == []

"""Each view of the queue has the tickets that it says, and not the others; its count says how many."""

from collections.abc import Iterator

import pytest

from services.reading import lists
from store import journal, queue_views
from store.database import Database
from tests.support.databases import fresh_database
from tests.support.packages import RECORD, T2_PACKAGE
from tests.support.ticket_case import Case, at, done, given, in_jira, in_tier, phoned
from web.queue import VIEWS

TONIGHT = at("Tue 00:00")


def cases() -> dict[str, Case]:
    """Tickets by what is special about each; all others of them lack it."""
    made = {
        "new": given(external_id="new"),
        "taken by ada": given(external_id="taken by ada"),
        "package complete": given(external_id="package complete"),
        "warned": given(external_id="warned"),
        "target missed": given(external_id="target missed"),
        "contract missed": given(external_id="contract missed"),
        "attention": given(external_id="attention"),
        "asks the customer": given(external_id="asks the customer"),
        "in tier 2": in_tier("T2", external_id="in tier 2"),
        "issue not made": in_tier("T3", external_id="issue not made"),
        "in engineering": in_jira(external_id="in engineering"),
        "engineering is done": in_jira(external_id="engineering is done"),
        "the customer knows": in_jira(external_id="the customer knows"),
        "pages": given(priority="P0", external_id="pages"),
        "in an incident": given(priority="P0", external_id="in an incident"),
        "asks ada": given(external_id="asks ada"),
        "asks ben": given(external_id="asks ben"),
        "asks a team": given(external_id="asks a team"),
        "asked and answered": given(external_id="asked and answered"),
        "promised today": given(external_id="promised today"),
        "promised tomorrow": given(external_id="promised tomorrow"),
        "promise at risk": in_jira(external_id="promise at risk"),
        "promise on course": in_jira(external_id="promise on course"),
        "follow-up today": phoned(external_id="follow-up today"),
        "resolved": phoned(external_id="resolved"),
    }
    made["taken by ada"].do("take", at="09:01", by="ada")
    made["package complete"].do("fill", at="09:01", fields=T2_PACKAGE)
    made["warned"].wake("11:00")
    made["target missed"].wake("13:00")
    made["contract missed"].wake("17:00")
    made["attention"].do("attention", at="09:01", by="cleo", role="csm", reason="Their renewal is due.")
    made["asks the customer"].do("wait", at="09:01", question="Which browser?")
    for name in ("engineering is done", "the customer knows"):
        made[name].jira("10:00", "done", status="Done", resolution="Fixed")
    made["the customer knows"].do("respond", at="10:02", text="It is fixed in 4.13.")
    done(made["in an incident"], at="09:01", incident=7)
    made["asks ada"].do("ask", at="09:01", by="tom", to="ada", text="A known bug?")
    made["asks ben"].do("ask", at="09:01", by="tom", to="ben", text="A known bug?")
    made["asks a team"].do("ask", at="09:01", by="tom", to="billing", text="Was it sent twice?")
    made["asked and answered"].do("ask", at="09:01", by="tom", to="billing", text="Was it sent twice?")
    made["asked and answered"].do("answer", at="09:02", by="ben", text="Once.")
    made["promised today"].do("promise", at="09:01", by="tom", text="An update.", due=at("16:00"))
    made["promised tomorrow"].do("promise", at="09:01", by="tom", text="An update.", due=at("Tue 10:00"))
    for name, day in (("promise at risk", "2026-11-30"), ("promise on course", "2026-11-27")):
        made[name].do("promise", at="09:20", by="tom", text="Fixed by Friday.", due=at("Fri 17:00"), fix=True)
        made[name].jira("10:00", "new", status="To Do", fix_versions=["4.13"], release_date=day)
    for name in ("follow-up today", "resolved"):
        made[name].do("resolve", at="09:30", **RECORD)
    made["follow-up today"].do("follow_up", at="09:31", by="tom", text="Does it hold?", due=at("16:00"))
    return made


VIEW_HAS = {
    "mine": {"taken by ada"},
    "T2": {"in tier 2", "engineering is done", "the customer knows"},
    "T3": {"issue not made", "in engineering", "pages", "in an incident", "promise at risk", "promise on course"},
    "limit": {"taken by ada"},
    "at-risk": {"warned", "target missed"},
    "breached": {"contract missed"},
    "attention": {"attention"},
    "customer": {"asks the customer"},
    "tracker": {"issue not made", "in engineering", "promise at risk", "promise on course"},
    "incident": {"pages", "in an incident"},
    "asked": {"asks ada"},
    "questions": {"asks ada", "asks ben", "asks a team"},
    "promised": {"promised today", "follow-up today", "promise at risk"},
    "loop": {"engineering is done"},
}
"""View -> the tickets in it."""


@pytest.fixture(scope="module")
def filled(postgres_url: str) -> Iterator[Database]:
    """All of the cases, in one database, for tests that only read."""
    with fresh_database(postgres_url) as url:
        database = Database(url)
        with database.begin() as session:
            for case in cases().values():
                journal.append(session, case.ticket.id, "run", case.events)
        yield database
        database.dispose()


def in_view(database: Database, name: str) -> set[str]:
    """What is special about the tickets of a view, whose count must be right."""
    found = lists.queue_view(database, name, "ada", TONIGHT)
    names = {case.ticket.id: name for name, case in cases().items()}
    assert found.counts[name] == len(found.listed.tickets)
    return {names[line.id] for line in found.listed.tickets}


@pytest.mark.parametrize("name", VIEW_HAS)
def test_a_view_has_the_tickets_that_it_says_and_no_other(filled: Database, name: str) -> None:
    assert in_view(filled, name) == VIEW_HAS[name]


def test_all_has_every_ticket_that_is_active_and_the_tiers_share_them(filled: Database) -> None:
    everything = in_view(filled, "all")
    assert everything == set(cases()) - {"resolved", "follow-up today"}
    assert in_view(filled, "T1") == everything - VIEW_HAS["T2"] - VIEW_HAS["T3"]


def test_unassigned_has_what_nobody_holds(filled: Database) -> None:
    held = {name for name, case in cases().items() if case.ticket.assignee}
    assert {"taken by ada", "in tier 2"} <= held
    assert in_view(filled, "unassigned") == in_view(filled, "all") - held


def test_g3_incomplete_has_what_the_next_tier_could_not_take(filled: Database) -> None:
    found = in_view(filled, "incomplete")
    assert {"new", "in tier 2"} <= found
    assert not {"package complete", "in engineering"} & found


def test_no_view_is_left_out() -> None:
    tested = {*VIEW_HAS, "all", "unassigned", "incomplete", "T1"}
    assert tested == set(queue_views.conditions("ada", TONIGHT)) == {one.name for one in VIEWS}

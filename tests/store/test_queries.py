"""Queue, lists and counts; refusals, inbox and accounts."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text

from domain.core.actor import Actor
from domain.core.enums import Plan, Role, Status, Tier
from domain.core.ids import ticket_id
from domain.core.refusal import Refused
from domain.ticket import commands as c
from domain.ticket.state import Account
from store import accounts, inbox, journal, queries, refusals
from store.database import Database
from store.refusals import Stranger
from store.tables.integrations import TokenRow, TurnedAwayRow
from store.tables.tickets import TicketRow
from tests.support import counts
from tests.support.durations import MINUTE
from tests.support.packages import BOTH_PACKAGES
from tests.support.ticket_life import MONDAY, Life, closed, life, resolved


def record(database: Database, one: Life) -> str:
    with database.begin() as session:
        journal.append(session, one.ticket.id, "run", one.events)
    return one.ticket.id


def in_an_incident(name: str) -> Life:
    one = life(name, priority="P0", plan=Plan.STANDARD)
    key = one.ticket.pending_effects[0].key
    return one.tell(c.ReportDone(by="tierline", role=Role.SYSTEM, key=key, incident=1))


class TestQueue:
    def test_the_order_is_incident_then_breached_then_deadline_then_path(self, database: Database) -> None:
        """G10."""
        late = life("late", plan=Plan.STANDARD, priority="P3")
        breached = life("breached", plan=Plan.PREMIUM, priority="P1").wait_until(MONDAY + timedelta(hours=5))
        soon = life("soon", plan=Plan.ENTERPRISE, priority="P2")
        free = life("free", plan=Plan.FREE, priority="P3")
        incident = in_an_incident("incident")
        order = [record(database, one) for one in (incident, breached, soon, late, free)]

        with database.session() as session:
            assert [line.id for line in queries.queue(session).lines] == order

    def test_of_two_that_are_due_at_once_the_plans_path_decides(self, database: Database) -> None:
        """G10."""
        last, first = sorted(("a", "b"), key=lambda name: ticket_id("api", name))  # the id must not decide
        standard = record(database, life(last, plan=Plan.STANDARD, priority="P1"))
        premium = record(database, life(first, plan=Plan.PREMIUM, priority="P1"))
        with database.session() as session:
            lines = queries.queue(session).lines
        assert lines[0].sla_deadline == lines[1].sla_deadline
        assert [line.id for line in lines] == [premium, standard]

    def test_it_holds_what_is_active_and_what_was_asked_for(self, database: Database) -> None:
        mine = record(database, life("1").do("take"))
        waits = record(database, life("2").do("take").do("wait", question="Which browser?"))
        second = record(database, life("3").do("take").do("fill", fields=BOTH_PACKAGES).do("escalate"))
        record(database, resolved(life("4")))
        record(database, closed(life("5")))

        with database.session() as session:

            def ids(**asked: object) -> set[str]:
                return {line.id for line in queries.queue(session, **asked).lines}  # type: ignore[arg-type]

            assert ids() == {mine, waits, second}
            assert ids(statuses=(Status.NEW, Status.OPEN)) == {mine, second}
            assert ids(tier=Tier.T2) == {second}
            assert ids(assignee="ada") == {mine, waits}
            assert ids(unassigned=True) == {second}
            assert ids(plans=[Plan.FREE]) == set()

    def test_it_is_read_from_its_index(self, database: Database) -> None:
        record(database, life("1"))
        with database.session() as session:
            for way in ("seqscan", "bitmapscan", "sort"):  # of one row, each is as good
                session.execute(text(f"SET LOCAL enable_{way} = off"))
            order = (TicketRow.urgency, TicketRow.sla_deadline, TicketRow.lane, TicketRow.opened_at, TicketRow.id)
            query = select(TicketRow.id).where(TicketRow.status.in_(queries.ACTIVE)).order_by(*order).limit(50)
            sql = query.compile(session.connection(), compile_kwargs={"literal_binds": True})
            plan = "\n".join(session.scalars(text(f"EXPLAIN {sql}")))
        assert "ix_tickets_queue" in plan


def test_counts_say_what_is_there(database: Database) -> None:
    record(database, life("1", priority="P1").wait_until(MONDAY + timedelta(hours=5)))
    record(database, closed(life("2")))

    with database.session() as session:
        assert counts.by_status(session) == {"new": 1, "open": 0, "pending": 0, "resolved": 0, "closed": 1}
        events = counts.events_count(session)
        assert (events["opened"], events["closed"]) == (2, 1)
        assert counts.breaches(session) == 1
        assert counts.breaches(session, "target") == 1
        assert counts.notices(session)["pending"] > 0
        assert counts.jira_issues(session) == 0
        assert [line.status for line in queries.tickets(session, statuses=[Status.CLOSED]).lines] == [Status.CLOSED]
        assert len(queries.tickets(session, account="acme").lines) == 2


def test_a_refusal_is_on_record_by_names_only(database: Database) -> None:
    refused = Refused("missing_fields", "it said: my password is hunter2", missing=["customer_impact"])
    with database.begin() as session:
        refusals.refuse(
            session, refused, at=MONDAY, ticket_id="jane@example.com", command="esc\x00alate" + "x" * 500,
            actor=Actor(id="ada", role=Role.AGENT), channel="cli",
        )  # fmt: skip

    with database.session() as session:
        (row,) = counts.refusals(session)
        assert counts.refusals_count(session) == {"missing_fields": 1}
        assert counts.refusals(session, ticket_id="y") == []
        assert "hunter2" not in str(session.execute(text("SELECT r::text FROM refusals r")).all())
    assert (row.code, row.missing, row.command, row.ticket_id) == (
        "missing_fields", ["customer_impact"], "escalate" + "x" * 92, None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("4K7M 3q9x-tbd2", "4k7m-3q9x-tbd2"), ("incident-7", "incident-7"), ("7", "7"), ("\x00", None), ("u-1877", None)],
)
def test_what_was_typed_as_an_id_is_on_record_only_where_it_is_one(
    database: Database, typed: str, kept: str | None
) -> None:
    with database.begin() as session:
        refusals.refuse(
            session, Refused("not_found", "no"), at=MONDAY, ticket_id=typed, command="take",
            actor=Actor(id="ada", role=Role.AGENT), channel="cli",
        )  # fmt: skip
    with database.session() as session:
        assert [row.ticket_id for row in counts.refusals(session)] == [kept]


def test_strangers_are_counted_by_the_minute_and_tokens_that_are_nobodys_together(database: Database) -> None:
    def stranger(token: str = "", minute: datetime = MONDAY) -> Stranger:
        return Stranger(minute, "api", "", token, "unauthenticated")

    with database.begin() as session:
        session.add(TokenRow(id="a", digest=b"", actor="ada", role="agent", created_at=MONDAY, expires_at=MONDAY))
    later = MONDAY + timedelta(minutes=1)
    for now in (MONDAY, later):
        with database.begin() as session:
            counts = {stranger(): 1, stranger("a"): 2, stranger("b"): 3, stranger("c"): 4, stranger(minute=later): 5}
            refusals.count_strangers(session, counts, now)
    with database.session() as session:
        rows = {(row.minute, row.token): (row.times, row.last_at) for row in session.scalars(select(TurnedAwayRow))}
    assert rows == {(MONDAY, ""): (16, later), (MONDAY, "a"): (4, later), (later, ""): (10, later)}


class TestInbox:
    def test_a_delivery_is_stored_once(self, database: Database) -> None:
        with database.begin() as session:
            assert inbox.keep(session, "jira", "d-1", {"issue": "SUP-1"}, MONDAY) is not None
            assert inbox.keep(session, "jira", "d-1", {"issue": "SUP-1"}, MONDAY) is None
            assert inbox.keep(session, "pager", "d-1", {}, MONDAY) is not None

    def test_each_is_with_one_at_a_time_until_it_is_handled(self, database: Database) -> None:
        with database.begin() as session:
            for name in "ab":
                inbox.keep(session, "jira", name, {"is": name}, MONDAY)
        with database.begin() as session, database.begin() as other:
            first = inbox.claim(session, ["jira"], MONDAY, MINUTE, 1)
            assert [row.delivery_id for row in inbox.claim(other, ["jira"], MONDAY, MINUTE, 2)] == ["b"]
            inbox.QUEUE.done(session, first[0].id, MONDAY)
        with database.begin() as session:
            assert inbox.claim(session, ["jira"], MONDAY, MINUTE, 9) == []
            assert inbox.claim(session, ["pager"], MONDAY + 2 * MINUTE, MINUTE, 9) == []
            late = inbox.claim(session, ["jira"], MONDAY + 2 * MINUTE, MINUTE, 9)
            assert [(row.delivery_id, row.attempts) for row in late] == [("b", 2)]

    def test_what_concerns_the_same_thing_waits_for_the_one_before(self, database: Database) -> None:
        with database.begin() as session:
            for name, about in (("a1", "A"), ("a2", "A"), ("b1", "B")):
                inbox.keep(session, "jira", name, {}, MONDAY, about=about)
        with database.begin() as session:
            claimed = inbox.claim(session, ["jira"], MONDAY, MINUTE, 9)
            assert [row.delivery_id for row in claimed] == ["a1", "b1"]
            inbox.QUEUE.done(session, claimed[1].id, MONDAY)
            inbox.QUEUE.postpone(session, claimed[0], MONDAY + 5 * MINUTE, "RuntimeError")
        with database.begin() as session:
            assert inbox.claim(session, ["jira"], MONDAY + 2 * MINUTE, MINUTE, 9) == []
            assert inbox.waiting(session, ["jira"]) == 2
            (again,) = inbox.claim(session, ["jira"], MONDAY + 5 * MINUTE, MINUTE, 9)
            assert (again.delivery_id, again.attempts, again.error) == ("a1", 2, "RuntimeError")


def test_an_account_is_as_it_was_last_said(database: Database) -> None:
    acme = Account(id="acme", plan=Plan.PREMIUM, arr=Decimal("60000.50"), csm="carol", zone="Europe/Paris")
    with database.begin() as session:
        assert accounts.find_account(session, "acme") is None
        accounts.save_accounts(session, [acme.model_copy(update={"plan": Plan.FREE})])
        accounts.save_accounts(session, [acme])
    with database.session() as session:
        assert accounts.find_account(session, "acme") == acme

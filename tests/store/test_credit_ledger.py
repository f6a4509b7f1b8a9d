"""F2: the ledger has one credit for every contract breach that stands, whatever a ticket lives through."""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from domain.core.enums import Plan, Role
from domain.core.refusal import Refused
from domain.policy.money import CreditsRow
from domain.ticket import commands as c
from services import credits as decisions
from services.policy_file.load import resolve_terms
from store import credits, journal
from store.database import Database
from store.journal import TICKETS
from store.tables.credits import ContractBreachRow, CreditActRow, CreditRow
from tests.support.packages import RECORD
from tests.support.policy import POLICY
from tests.support.ticket_life import MONDAY, Life, life

RULES = CreditsRow()
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def record(database: Database, *lives: Life, run: str = "run") -> None:
    for one in lives:
        with database.begin() as session:
            journal.append(session, one.ticket.id, run, one.events)


def breached(name: str = "1", *, at: datetime = MONDAY, **given: Any) -> Life:
    """A ticket whose first response is missed."""
    one = life(name, at=at, **({"arr": 120_000} | given))
    dues = [k.due for k in one.ticket.clocks if k.metric == "first_response" and k.side == "contract" and k.due]
    return one.wait_until(dues[0])


def joins(one: Life, number: int, state: str = "acknowledged", version: int = 1, **fact: Any) -> Life:
    told = {"number": number, "state": state, "version": version, "added": True} | fact
    return one.tell(c.IncidentUpdate(by=f"incident-{number}", role=Role.SYSTEM, **told), timedelta(minutes=1))


def ledger(database: Database) -> list[CreditRow]:
    with database.session() as session:
        return list(session.scalars(select(CreditRow).order_by(CreditRow.due, CreditRow.id)))


def lines(database: Database) -> list[tuple[str, str, str, str, Decimal | None]]:
    return [(row.metric, row.problem, row.state, row.month, row.amount) for row in ledger(database)]


def acts(database: Database) -> list[tuple[str, str]]:
    with database.session() as session:
        return [(row.state, row.by) for row in session.scalars(select(CreditActRow).order_by(CreditActRow.id))]


def test_f2_a_breach_is_owed_five_percent_of_the_months_fee_on_premium(database: Database) -> None:
    one = breached()
    record(database, one)
    # A twelfth of 120,000 is a month's fee of 10,000
    assert lines(database) == [("first_response", f"ticket:{one.ticket.id}", "proposed", "2026-03", Decimal("500.00"))]
    assert acts(database) == [("proposed", "tierline")]


def test_f2_the_month_is_that_of_the_due_instant_in_the_accounts_zone(database: Database) -> None:
    # A P0 on Enterprise is answered within minutes of the wall clock: due at 00:05 in Berlin is still February in UTC
    one = breached(plan=Plan.ENTERPRISE, priority="P0", at=datetime(2026, 2, 28, 22, 50, tzinfo=UTC))
    due = next(k.breach.due for k in one.ticket.clocks if k.side == "contract" and k.breach)
    assert due.astimezone(UTC) < datetime(2026, 3, 1, tzinfo=UTC)
    record(database, one)
    assert [row.month for row in ledger(database)] == ["2026-03"]


def test_f2_a_waived_breach_voids_its_credit(database: Database) -> None:
    one = breached().do("waive", HOUR, role="lead", metric="first_response", reason="Agreed with the customer.")
    record(database, one)
    assert lines(database) == []
    two = breached("2")
    record(database, two)
    record(database, two.do("waive", HOUR, role="lead", metric="first_response", reason="Agreed."))
    assert [(row.state, row.current, row.ended_by) for row in ledger(database)] == [("voided", False, "tierline")]
    assert acts(database) == [("proposed", "tierline"), ("voided", "tierline")]


def test_f2_late_evidence_withdraws_and_a_new_miss_is_a_new_credit(database: Database) -> None:
    one = (
        life(arr=120_000).do("take", timedelta(minutes=1)).do("respond", timedelta(minutes=1), text="We look into it.")
    )
    due = next(k.due for k in one.ticket.clocks if k.metric == "resolution" and k.side == "contract" and k.due)
    record(database, one.wait_until(due))
    assert [(row.metric, row.state, row.round) for row in ledger(database)] == [("resolution", "proposed", 1)]
    one.do("resolve", HOUR, **RECORD, occurred=due - HOUR, source="phone")
    record(database, one)
    assert [(row.state, row.current) for row in ledger(database)] == [("voided", False)]
    record(database, one.do("reopen", timedelta(minutes=1), reason="It broke again.").wait_until(due + 3 * DAY))
    assert [(row.state, row.round) for row in ledger(database)] == [("voided", 1), ("proposed", 2)]


def test_f2_an_incident_is_one_problem_for_each_account_and_metric(database: Database) -> None:
    first, second, other = breached("1"), breached("2", at=MONDAY + HOUR), breached("3", account="globex")
    for one in (first, second, other):
        joins(one, 7)
    record(database, first, second, other)
    assert lines(database) == [
        ("first_response", "incident:7", "proposed", "2026-03", Decimal("500.00")),
        ("first_response", "incident:7", "proposed", "2026-03", Decimal("500.00")),
    ]
    assert {row.account: row.tickets for row in ledger(database)} == {
        "acme": sorted([first.ticket.id, second.ticket.id]), "globex": [other.ticket.id],
    }  # fmt: skip


def test_f2_a_ticket_that_leaves_the_incident_is_a_problem_of_its_own_again(database: Database) -> None:
    first, second = breached("1"), breached("2")
    record(database, joins(first, 7), joins(second, 7))
    second.tell(
        c.IncidentUpdate(by="incident-7", role=Role.SYSTEM, number=7, state="acknowledged", version=2, left="back"),
        HOUR,
    )
    record(database, second)
    live = [(row.problem, row.tickets) for row in ledger(database) if row.current]
    assert sorted(live) == [("incident:7", [first.ticket.id]), (f"ticket:{second.ticket.id}", [second.ticket.id])]


def test_f2_duplicates_follow_their_ticket_also_into_an_incident(database: Database) -> None:
    original, copy = life("1", arr=120_000), breached("2")
    record(database, original)
    copy.do("take", timedelta(minutes=1))
    copy.do("resolve", timedelta(minutes=1), resolution="duplicate", parent=original.ticket.id, message="As before.")
    record(database, copy)
    assert [row.problem for row in ledger(database) if row.current] == [f"ticket:{original.ticket.id}"]
    record(database, joins(original, 7))  # it has no breach itself, and takes its duplicate with it
    assert [row.problem for row in ledger(database) if row.current] == ["incident:7"]


def test_f2_all_credits_of_a_month_are_at_most_the_whole_fee(database: Database) -> None:
    for name in range(12):
        record(database, breached(str(name), plan=Plan.ENTERPRISE, at=MONDAY + timedelta(minutes=name)))
    rows = ledger(database)
    assert [row.granted for row in rows] == [Decimal(10)] * 10 + [Decimal(0)] * 2
    assert sum(row.amount or Decimal(0) for row in rows) == Decimal("10000.00")


def test_f2_new_terms_leave_what_a_past_breach_is_worth(database: Database) -> None:
    one = breached()
    record(database, one)
    account = one.ticket.account.model_copy(update={"plan": Plan.ENTERPRISE})
    terms = resolve_terms(POLICY, account, one.ticket.as_of)
    told = {"terms": terms, "account": account, "reason": "Upgraded."}
    record(database, one.tell(c.ReplaceTerms(by="lea", role=Role.LEAD, **told), HOUR))
    with database.begin() as session:
        credits.update(session, one.ticket)
    assert [(row.percent, row.amount) for row in ledger(database)] == [(Decimal(5), Decimal("500.00"))]


def test_f2_a_reset_that_rewrites_the_breach_voids_its_credit(database: Database) -> None:
    one = life(arr=120_000)
    other = one.fork().do("respond", timedelta(minutes=1), text="We look into it.")
    record(database, one.wait_until(MONDAY + 5 * HOUR), run="run-1")
    assert [row.state for row in ledger(database)] == ["proposed"]
    record(database, other, run="run-2")
    assert [(row.state, row.current) for row in ledger(database)] == [("voided", False)]


def test_f2_a_rebuild_mends_the_ledger_and_keeps_what_people_decided(database: Database) -> None:
    one, two = breached("1"), breached("2")
    record(database, one, two)
    first, second = ledger(database)
    with database.begin() as session:
        session.execute(update(CreditRow).where(CreditRow.id == first.id).values(state="voided", ended_by="lea"))
        session.execute(delete(ContractBreachRow).where(ContractBreachRow.ticket_id == second.tickets[0]))
    with database.begin() as session:
        assert TICKETS.rebuild(session, second.tickets[0], write=False) == ["contract_breaches", "credits"]
        assert TICKETS.rebuild(session, second.tickets[0]) == ["contract_breaches"]
    with database.begin() as session:
        assert TICKETS.rebuild(session, second.tickets[0]) == []
        assert TICKETS.rebuild(session, first.tickets[0]) == []
    assert [(row.state, row.ended_by) for row in ledger(database)] == [("voided", "lea"), ("proposed", None)]


# -- Random lives --------------------------------------------------------------------------------------------


MOVES_THAT_REGROUP = ("duplicate", "join", "leave", "reopen")
MOVES = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from([*MOVES_THAT_REGROUP * 2, "wait", "waive", "late", "resolve", "reopen", "reterm"]),
        st.integers(0, 3),
        st.integers(1, 200_000),
    ),
    min_size=4,
    max_size=24,
)
"""Which ticket, what happens to it, an incident or another ticket that it is about, and seconds until then."""


def act(lives: Sequence[Life], one: Life, move: str, which: int, seconds: int) -> None:
    after = timedelta(seconds=seconds)
    one.wait_until(one.ticket.as_of + after)
    account = one.ticket.account
    with suppress(Refused):
        one.do("take")
    match move:
        case "waive":
            for metric in ("first_response", "resolution"):
                try:
                    one.do("waive", role="lead", metric=metric, reason="Agreed.")
                except Refused:
                    continue
        case "late":
            one.do("respond", text="We called.", occurred=one.ticket.as_of - timedelta(hours=20), source="phone")
        case "resolve":
            one.do("resolve", **RECORD)
        case "duplicate":
            one.do("resolve", resolution="duplicate", parent=lives[which].ticket.id, message="As before.")
        case "reopen":
            one.do("reopen", reason="It broke again.")
        case "join":
            joins(one, which + 1, version=one.ticket.seq)
        case "leave" if one.ticket.incident:
            number = one.ticket.incident.number
            joins(one, number, version=one.ticket.seq + 100, added=False, left="back")
        case "reterm":
            account = account.model_copy(update={"plan": (Plan.PREMIUM, Plan.ENTERPRISE)[which % 2]})
            terms = resolve_terms(POLICY, account, one.ticket.as_of)
            one.tell(c.ReplaceTerms(by="lea", role=Role.LEAD, terms=terms, account=account, reason="Changed."))


def owed_by_hand(lives: Sequence[Life]) -> dict[tuple[str, str, str], tuple[str, Decimal, frozenset[str]]]:
    """What is owed, reckoned from the events alone: account, metric and problem; month, percent, tickets."""
    standing, own = [], {}
    for one in lives:
        missed: dict[tuple[str, datetime], tuple[str, Decimal]] = {}
        terms: Any = None
        incident, parent, name = None, None, one.ticket.id
        for event in one.events:
            body: Any = event.body
            match body.type:
                case "opened" | "terms_replaced":
                    terms = body.terms
                case "lapsed" if body.side == "contract":
                    month = terms.calendar.local(body.due).strftime("%Y-%m")
                    missed[body.metric, body.due] = month, terms.plan.credit_percent
                case "waived":
                    missed = {key: worth for key, worth in missed.items() if key[0] != body.metric}
                case "clock_met" if "contract" in body.withdrawn:
                    gone = {key for key in missed if key[0] == body.metric and body.occurred <= key[1]}
                    missed = {key: worth for key, worth in missed.items() if key not in gone}
                case "incident_changed":
                    incident = body.number
                case "incident_left":
                    incident = None
                case "resolved":
                    parent = body.parent if body.resolution == "duplicate" else None
                case "reopened":
                    parent = None
        own[name] = f"incident:{incident}" if incident else f"ticket:{parent or name}"
        standing += [(name, metric, due, *worth) for (metric, due), worth in missed.items()]
    found: dict[tuple[str, str, str], list[Any]] = defaultdict(list)
    for name, metric, due, month, percent in standing:
        found["acme", metric, _root(name, own)].append((due, name, month, percent))
    return {
        key: (min(several)[2], min(several)[3], frozenset(one[1] for one in several)) for key, several in found.items()
    }


def _root(name: str, own: dict[str, str]) -> str:
    passed = [name]
    while (key := own[passed[-1]]).startswith("ticket:") and key != f"ticket:{passed[-1]}":
        parent = key.removeprefix("ticket:")
        if parent in passed:
            return f"ticket:{min(passed[passed.index(parent) :])}"
        passed.append(parent)
    return key


def four_tickets(database: Database) -> list[Life]:
    """Four new tickets, in a ledger that is empty: all examples of a property share one database."""
    with database.begin() as session:
        for table in (CreditActRow, CreditRow, ContractBreachRow):
            session.execute(delete(table))
    plans = (Plan.PREMIUM, Plan.ENTERPRISE, Plan.PREMIUM, Plan.ENTERPRISE)
    lives = [life(uuid.uuid4().hex, plan=plan, arr=120_000, priority="P1") for plan in plans]
    record(database, *lives)
    return lives


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MOVES)
def test_f2_the_ledger_always_equals_the_contract_breaches_that_stand(
    database: Database, moves: list[tuple[int, str, int, int]]
) -> None:
    lives = four_tickets(database)
    for number, move, which, seconds in moves:
        with suppress(Refused):
            act(lives, lives[number], move, which, seconds)
        record(database, lives[number])

        current = [row for row in ledger(database) if row.current]
        expected = owed_by_hand(lives)
        assert {(row.account, row.metric, row.problem): (row.month, row.percent, frozenset(row.tickets))
                for row in current} == expected  # fmt: skip
        for month in {worth[0] for worth in expected.values()}:
            total = min(Decimal(100), sum(percent for at, percent, _ in expected.values() if at == month))
            assert sum(row.amount or Decimal(0) for row in current if row.month == month) == 100 * total
    with database.begin() as session:
        assert [TICKETS.rebuild(session, one.ticket.id) for one in lives] == [[]] * 4
    assert all(row.state == "voided" for row in ledger(database) if not row.current)


DECIDED = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from([*MOVES_THAT_REGROUP, "wait", "wait", "wait", "waive", "late", "resolve", "reterm"]),
        st.integers(0, 3),
        st.integers(1, 200_000),
        st.lists(st.sampled_from(("approve", "approve", "apply", "apply", "void")), max_size=3),
        st.integers(0, 7),
    ),
    min_size=4,
    max_size=16,
)
"""As `MOVES`; then what people decide about one of the credits that stand, and about which."""
STEPS = {
    ("", "proposed"), ("proposed", "approved"), ("approved", "applied"), ("applied", "reversed"),
    ("proposed", "voided"), ("approved", "voided"),
    ("approved", "proposed"),  # what was approved is worth something else now
}  # fmt: skip


@dataclass
class Decided:
    """What people have decided, as the test remembers it, by the credit's id."""

    approved: dict[str, Decimal | None] = field(default_factory=dict)
    """The amount that was approved last."""
    billed: dict[str, tuple[str, Decimal | None]] = field(default_factory=dict)
    """Month and amount that billing was given."""
    called_off: set[str] = field(default_factory=set)

    def decide(self, database: Database, what: str, name: str) -> None:
        with suppress(Refused):
            match what:
                case "approve":
                    self.approved[name] = decisions.approve(database, RULES, name, "lea", Role.LEAD).amount
                case "apply":
                    given = decisions.apply(database, RULES, name, "fin", Role.FINANCE)
                    if given.state == "applied":
                        self.billed.setdefault(name, (given.month, given.amount))
                case _:
                    decisions.call_off(database, RULES, name, "lea", Role.LEAD, "Their own outage.")
                    self.called_off.add(name)

    def check(self, row: CreditRow, owed: Mapping[tuple[str, str, str], tuple[str, Decimal, frozenset[str]]]) -> None:
        """One row of the ledger is what was decided about it, and what stands of its breaches."""
        if row.id in self.billed:  # whatever comes after, billing has had this
            assert (row.month, row.amount) == self.billed[row.id]
            assert row.state in ("applied", "reversed")
        else:
            assert row.state in ("proposed", "approved", "voided")
        ended = row.state in ("voided", "reversed")
        assert ended == (row.id in self.called_off or not row.current)
        assert row.ended_by == ("lea" if row.id in self.called_off else "tierline" if ended else None)
        if row.state == "approved":
            assert row.amount == self.approved[row.id]
            assert row.approved_by == "lea"
        if row.current:
            month, percent, tickets = owed[row.account, row.metric, row.problem]
            assert row.state in ("voided", "reversed") or frozenset(row.tickets) == tickets
            if row.state in ("proposed", "approved"):
                assert (row.month, row.percent) == (month, percent)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(DECIDED)
def test_f2_whatever_people_decide_the_ledger_keeps_what_was_approved_and_what_billing_has(
    database: Database, moves: list[tuple[int, str, int, int, list[str], int]]
) -> None:
    lives = four_tickets(database)
    decided = Decided()
    for number, move, which, seconds, wills, chosen in moves:
        with suppress(Refused):
            act(lives, lives[number], move, which, seconds)
        record(database, lives[number])
        standing = sorted(row.id for row in ledger(database) if row.current)
        for will in wills if standing else ():
            decided.decide(database, will, standing[chosen % len(standing)])

        rows, expected = ledger(database), owed_by_hand(lives)
        assert sorted((row.account, row.metric, row.problem) for row in rows if row.current) == sorted(expected)
        for row in rows:
            decided.check(row, expected)
        for month in {row.month for row in rows}:
            given_ = [row for row in rows if row.month == month and row.state in ("proposed", "approved", "applied")]
            assert sum(row.granted for row in given_) <= 100
            assert sum(row.amount or Decimal(0) for row in given_) <= 10_000
    with database.session() as session:
        told: dict[str, list[str]] = defaultdict(list)
        for one in session.scalars(select(CreditActRow).order_by(CreditActRow.id)):
            told[one.credit_id].append(one.state)
    for row in ledger(database):
        states = told.pop(row.id)
        assert states[-1] == row.state
        assert set(pairwise(("", *states))) <= STEPS
    assert not told
    found = decisions.check(database)  # also of the tickets of other examples, whose rows are gone
    assert ({one.ticket.id for one in lives} & set(found.tickets), found.credits) == (set(), [])
    with database.begin() as session:
        assert [TICKETS.rebuild(session, one.ticket.id) for one in lives] == [[]] * 4


@pytest.mark.parametrize("write", [True, False])
def test_f2_a_ledger_that_agrees_is_left_alone(database: Database, write: bool) -> None:
    one = breached()
    record(database, one)
    with database.begin() as session:
        assert credits.update(session, one.ticket, write=write) == []

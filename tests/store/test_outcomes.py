"""F8: what became of a ticket's contract clocks is kept with the journal, and a statement that is made of it has the
sums that are reckoned a second time from the events alone."""

import json
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from domain.clocks.terms import Cell, Terms
from domain.core.enums import Plan, Priority, Role
from domain.core.refusal import Refused
from domain.ticket import commands as c
from domain.ticket.state import Account
from services.policy_file.load import resolve_terms
from services.statement import Statement, month_of, statement
from services.statement_texts import as_json
from store import journal
from store.database import Database
from store.journal import TICKETS
from store.outcomes import written
from store.tables.reports import TicketRecordRow
from tests.support.durations import DAY, HOUR, MINUTE
from tests.support.packages import RECORD
from tests.support.policy import POLICY
from tests.support.ticket_case import contract
from tests.support.ticket_life import COMMANDS, MONDAY, Life, life

KEPT = select(TicketRecordRow.ticket_id, TicketRecordRow.outcomes).order_by(TicketRecordRow.ticket_id)
WAIVED = {"metric": "first_response", "reason": "Agreed.", "role": "lead", "by": "lea"}
MONTHS = [f"2026-{number:02}" for number in range(3, 9)]
NEXT = contract(next_response=Cell(source="plans.premium.next_response", budget=4 * HOUR))
REQUEST_ONLY = contract(resolution=None)


def record(database: Database, one: Life, run: str = "run") -> None:
    with database.begin() as session:
        journal.append(session, one.ticket.id, run, one.events)


def stated(database: Database, account: str = "acme", month: str = MONTHS[0]) -> Statement:
    return statement(database, POLICY, account, month)


def retermed(one: Life, plan: Plan, *changes: Any) -> Life:
    """Give the ticket the terms of a plan, changed."""
    account: Account = one.ticket.account.model_copy(update={"plan": plan})
    terms = resolve_terms(POLICY, account, one.ticket.as_of)
    for change in changes:
        terms = change(terms)
    told = {"terms": terms, "account": account, "reason": "They changed."}
    return one.tell(c.ReplaceTerms(by="lea", role=Role.LEAD, **told), MINUTE)


def counts(found: Statement) -> Counter[tuple[str, str]]:
    listed = Counter((one.metric.value, str(one.outcome)) for one in found.clocks)
    for outcome, total in (("kept", found.kept), ("missed", found.missed), ("waived", found.waived)):
        assert sum(many for (_, other), many in listed.items() if other == outcome) == total
    return listed


def four(database: Database) -> list[Life]:
    """Tickets whose first responses were kept, missed, waived, and are open."""
    late = life("missed").do("take", timedelta(minutes=1)).wait_until(MONDAY + 5 * HOUR)
    waived = life("waived").do("take", timedelta(minutes=1)).wait_until(MONDAY + 5 * HOUR)
    waived.do("waive", HOUR, **WAIVED)
    found = [life("kept").do("respond", HOUR, text="We look."), late, waived, life("open", priority=Priority.P3)]
    for one in found:
        record(database, one)
    return found


# -- A second reckoning ------------------------------------------------------------------------------------------


@dataclass
class Promise:
    """One promise of the contract, as the events tell of it."""

    metric: str
    start: datetime
    due: datetime | None = None
    """When it was missed."""
    miss: str = ""
    met: datetime | None = None
    binds: bool = False
    """It was a promise when it was met."""
    gone: bool = False
    """It was answered, and the customer asked again: nothing changes it any more."""

    def is_met(self, at: datetime, terms: Terms, withdrawn: Iterable[str]) -> None:
        if self.gone or (self.met and self.met <= at) or (self.metric == "next_response" and at < self.start):
            return
        if self.metric == "resolution":
            promised = terms.plan.resolution is not None
        else:
            promised = self.metric == "next_response" or terms.plan.first_response.binding
        if self.metric == "resolution" or self.met is None:
            self.binds = promised or self.miss == "upheld"
        self.met = at
        if "contract" in withdrawn and self.miss == "upheld" and self.due and at <= self.due:
            self.miss = "withdrawn"


def reckoned(one: Life) -> list[tuple[str, str, datetime]]:
    """What became of the promises of a ticket, by nothing but its events: metric, outcome, and when it counts."""
    first, resolution = Promise("first_response", MONDAY), Promise("resolution", MONDAY)
    promises, terms = [first, resolution], None
    for event in one.events:
        body: Any = event.body
        at = event.occurred or event.at
        questions = [one for one in promises if one.metric == "next_response"]
        match body.type:
            case "opened" | "terms_replaced":
                terms = body.terms
            case "replied" if terms.plan.next_response and not any(one.met is None for one in questions):
                answers = [one.met for one in (first, *questions) if one.met and not one.gone]
                if answers and max(answers) <= at:
                    for question in questions:
                        question.gone = question.gone or not question.miss
                    promises.append(Promise("next_response", at))
            case "lapsed" if body.side == "contract":
                missed = [one for one in promises if one.metric == body.metric and one.met is None]
                missed[-1].due, missed[-1].miss = body.due, "upheld"
            case "waived":
                for promise in promises:
                    if promise.metric == body.metric and promise.miss == "upheld":
                        promise.miss = "waived"
            case "clock_met":
                for promise in promises:
                    if promise.metric == body.metric:
                        promise.is_met(body.occurred, terms, body.withdrawn)
            case "reopened":
                resolution.met = None
    found = [
        (one.metric, "missed" if one.miss == "upheld" else "waived", one.due)
        for one in promises if one.due and one.miss != "withdrawn"
    ]  # fmt: skip
    kept = [one for one in promises if one.met and one.binds and one.miss in ("", "withdrawn")]
    return found + [(one.metric, "kept", one.met) for one in kept if one.met]


SHAPES: tuple[tuple[Plan, tuple[Any, ...]], ...] = (
    (Plan.PREMIUM, ()), (Plan.FREE, ()), (Plan.ENTERPRISE, (NEXT,)), (Plan.PREMIUM, (NEXT,)),
    (Plan.PREMIUM, (NEXT, REQUEST_ONLY)), (Plan.STANDARD, ()),
)  # fmt: skip
"""The terms that a ticket may be given."""
OFTEN = ("exchange", "exchange", "solve", "solve", "reterm", "reterm", "reopen", "late", "waive", "wait until")
MOVES = st.lists(
    st.tuples(
        st.sampled_from([*COMMANDS, *OFTEN * 3]),
        st.sampled_from((1, 60, 60, 600, 600, 3_600, 10_000, 30_000, 100_000, 400_000)),
        st.integers(0, len(SHAPES) - 1),
    ),
    min_size=1,
    max_size=14,
)
"""What happens to a ticket, after how many seconds, and which metric or which terms it is about."""


def move(one: Life, act: str, after: timedelta, which: int) -> None:
    one.wait_until(one.ticket.as_of + after)
    match act:
        case "wait until":
            return
        case "solve":
            with suppress(Refused):
                one.do("take", over=True)
            one.do("resolve", **RECORD)
        case "exchange":
            one.do("reply", role="customer", text="And now?").do("respond", MINUTE, text="We look into it.")
        case "late":
            back = (HOUR, 5 * HOUR, 20 * HOUR)[which % 3]
            one.do("respond", text="We called.", occurred=one.ticket.as_of - back, source="phone")
        case "reterm":
            plan, changes = SHAPES[which]
            retermed(one, plan, *changes)
        case "waive":
            metric = ("first_response", "resolution", "next_response")[which % 3]
            one.do("waive", role="lead", by="lea", metric=metric, reason="Agreed.")
        case _:
            one.do(act, **COMMANDS[act])


def lived(account: str, plan: Plan, moves: list[tuple[str, int, int]]) -> Life:
    one = life(account, plan=plan, account=account)
    for act, seconds, which in moves:
        with suppress(Refused):
            move(one, act, timedelta(seconds=seconds), which)
    return one


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(Plan), MOVES, MOVES, st.integers(0, 14))
def test_f8_whatever_a_ticket_lives_through_its_statements_have_what_its_events_say(
    database: Database,
    plan: Plan,
    old: list[tuple[str, int, int]],
    new: list[tuple[str, int, int]],
    common: int,
) -> None:
    """Month by month; also after a reset that rewrote its past; and a rebuild finds nothing to mend."""
    account = uuid4().hex
    first, second = lived(account, plan, old), lived(account, plan, [*old[:common], *new])
    rewrites = list(second.events) != list(first.events)[: len(second.events)]  # else the journal has them already
    for run, one in enumerate((first, second) if rewrites else (first,)):
        for number in range(len(one.events)):  # as they come
            with database.begin() as session:
                journal.append(session, one.ticket.id, f"run-{run}", one.events[number : number + 1])
        expected = reckoned(one)
        for month in MONTHS:
            found = stated(database, account, month)
            inside = [(metric, what) for metric, what, at in expected if found.since <= at < found.until]
            assert counts(found) == Counter(inside)
            assert as_json(month_of(database, POLICY, account, month)) == found.model_dump_json().encode()
        assert all(at < found.until for _, _, at in expected)
        with database.begin() as session:
            row = session.scalars(select(TicketRecordRow).where(TicketRecordRow.ticket_id == one.ticket.id)).one()
            assert row.outcomes is not None
            assert row.outcomes["seq"] == row.seq
            assert all(at.endswith("+00:00") for _, _, *both in row.outcomes["clocks"] for at in both if at)
            assert "record" not in (TICKETS.rebuild(session, one.ticket.id, write=False) or ())


def grows(database: Database, one: Life) -> Counter[tuple[str, str]]:
    record(database, one)
    return counts(stated(database))


def test_f8_what_was_reopened_kept_no_resolution_until_it_is_resolved_again(database: Database) -> None:
    one = life().do("take", MINUTE).do("respond", MINUTE, text="We look.").do("resolve", MINUTE, **RECORD)
    responded, resolution = ("first_response", "kept"), ("resolution", "kept")
    assert grows(database, one) == {responded: 1, resolution: 1}
    one.do("reopen", HOUR, reason="It broke again.")
    assert grows(database, one) == {responded: 1}
    one.do("resolve", HOUR, **RECORD)
    assert grows(database, one) == {responded: 1, resolution: 1}
    one.do("reopen", HOUR, reason="It broke again.").wait_until(MONDAY + 9 * DAY)
    assert grows(database, one) == {responded: 1, ("resolution", "missed"): 1}


def test_f8_a_breach_that_evidence_withdrew_is_none_and_the_promise_was_kept(database: Database) -> None:
    one = life().do("take", MINUTE).wait_until(MONDAY + 5 * HOUR)
    assert grows(database, one) == {("first_response", "missed"): 1}
    one.do("respond", HOUR, text="We called.", occurred=MONDAY + HOUR, source="phone")
    assert grows(database, one) == {("first_response", "kept"): 1}


def test_f8_a_breach_that_was_withdrawn_stays_so_where_the_clock_ran_again_and_was_missed_at_that_instant(
    database: Database,
) -> None:
    one = life(plan=Plan.ENTERPRISE).do("take", MINUTE).do("respond", MINUTE, text="We look.")
    one.wait_until(MONDAY + 8 * HOUR).do("resolve", **RECORD)
    one.do("reopen", reason="It broke again.").wait_until(MONDAY + DAY)
    dues = [event.body.due for event in one.events if event.body.type == "lapsed" and event.body.side == "contract"]
    assert dues == [MONDAY + 8 * HOUR] * 2
    assert grows(database, one) == {("first_response", "kept"): 1, ("resolution", "missed"): 1}
    one.do("resolve", MINUTE, **RECORD)
    assert grows(database, one) == {("first_response", "kept"): 1, ("resolution", "missed"): 1}


def test_f8_terms_that_promise_less_take_nothing_back(database: Database) -> None:
    """What was kept or missed before stays so: also a resolution that the new terms do not promise at all."""
    kept = life("kept").do("take", MINUTE).do("respond", MINUTE, text="We look.").do("resolve", MINUTE, **RECORD)
    late = life("late").do("take", MINUTE).wait_until(MONDAY + 5 * HOUR)
    before = {("first_response", "kept"): 1, ("resolution", "kept"): 1, ("first_response", "missed"): 1}
    record(database, kept)
    assert grows(database, late) == before
    record(database, retermed(kept, Plan.FREE))
    assert grows(database, retermed(late, Plan.FREE)) == before
    assert [one.met_at for one in stated(database).clocks if one.metric == "resolution"] == [MONDAY + 3 * MINUTE]


def test_f8_a_promise_that_was_made_after_it_was_met_keeps_nothing(database: Database) -> None:
    one = retermed(life(), Plan.PREMIUM, REQUEST_ONLY).do("take", MINUTE).do("resolve", MINUTE, **RECORD)
    before = grows(database, one)
    assert not [metric for metric, _ in before if metric == "resolution"]
    assert grows(database, retermed(one, Plan.PREMIUM)) == before


def test_f8_each_question_that_was_answered_in_time_counts(database: Database) -> None:
    one = retermed(life(), Plan.PREMIUM, NEXT).do("take", MINUTE).do("respond", MINUTE, text="We look.")
    for number in range(1, 4):
        one.do("reply", MINUTE, role="customer", text="And now?").do("respond", MINUTE, text="Still looking.")
        assert grows(database, one)["next_response", "kept"] == number
    one.do("reply", MINUTE, role="customer", text="And now?").wait_until(one.ticket.as_of + DAY)
    found = grows(database, one)
    assert (found["next_response", "kept"], found["next_response", "missed"]) == (3, 1)


# -- How it is kept ----------------------------------------------------------------------------------------------


_BEHIND = """UPDATE ticket_records SET {} FROM tickets
             WHERE tickets.id = ticket_id AND external_id <> 'waived'"""


@pytest.mark.parametrize(
    "behind",
    [
        pytest.param("outcomes = NULL", id="from before they were kept"),
        pytest.param("""outcomes = '{"seq": 0, "clocks": []}'""", id="left behind by an older worker"),
    ],
)
def test_f8_a_statement_is_the_same_where_outcomes_are_not_kept_yet_and_a_rebuild_keeps_them(
    database: Database, behind: str
) -> None:
    lives = four(database)
    before = stated(database)
    assert (before.opened, before.kept, before.missed, before.waived) == (4, 1, 1, 1)
    with database.begin() as session:
        rows = session.execute(KEPT).all()
        session.execute(text(_BEHIND.format(behind)))
    assert stated(database) == before
    with database.begin() as session:
        changed = {one.ticket.external_id: TICKETS.rebuild(session, one.ticket.id) for one in lives}
    assert changed == {"waived": []} | {name: ["record"] for name in ("kept", "missed", "open")}
    with database.session() as session:
        assert session.execute(KEPT).all() == rows
    assert stated(database) == before


def test_f8_a_clock_belongs_to_the_month_of_its_instant_to_the_microsecond(database: Database) -> None:
    """March of this account begins on 28 February at 23:00 UTC, and ends on 31 March at 22:00 UTC."""
    record(database, life("kept"))
    instants = (
        "2026-02-28T22:59:59.999999+00:00", "2026-02-28T23:00:00+00:00", "2026-02-28T23:00:00.000001+00:00",
        "2026-03-31T21:59:59+00:00", "2026-03-31T21:59:59.999999+00:00", "2026-03-31T22:00:00+00:00",
    )  # fmt: skip
    elsewhere = "2026-05-05T05:05:05+00:00"  # the other instant of a clock does not say where it belongs
    clocks = [["first_response", "kept", elsewhere, at] for at in instants]
    clocks += [["resolution", "missed", at, elsewhere] for at in instants]
    with database.begin() as session:
        session.execute(
            text("UPDATE ticket_records SET outcomes = jsonb_build_object('seq', seq, 'clocks', (:clocks)::jsonb)"),
            {"clocks": json.dumps(clocks)},
        )
    found = stated(database)
    assert [written(one.met_at) for one in found.clocks if one.outcome == "kept" and one.met_at] == [*instants[1:5]]
    assert [written(one.due) for one in found.clocks if one.outcome == "missed" and one.due] == [*instants[1:5]]
    april = stated(database, month=MONTHS[1])
    assert (april.kept, april.missed) == (1, 1)


def test_f8_a_large_account_is_read_without_its_clocks(database: Database) -> None:
    """To read the clocks of 5,000 tickets takes most of a second."""
    for one in four(database):
        assert one.ticket.clocks
    with database.begin() as session:  # whatever stands there is not looked at
        session.execute(text("UPDATE tickets SET state = jsonb_set(state, '{clocks}', '\"gone\"')"))
    assert (stated(database).kept, stated(database).missed, stated(database).waived) == (1, 1, 1)

"""F2: what credits of a month are granted, and what people decide about one."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.core.enums import Metric, Resolution, Role
from domain.core.refusal import Refused
from domain.credits.breaches import Links, Owed, of_ticket, problem_of
from domain.credits.credit import (
    CENT,
    Basis,
    Credit,
    CreditState,
    applied,
    approved,
    basis_of,
    called_off,
    followed,
    reckoned,
)
from domain.ticket.state import IncidentLink

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LEADS = frozenset({Role.LEAD})
KEY = ("acme", Metric.FIRST_RESPONSE, "ticket:1")


def credit(number: int = 1, **given: Any) -> Credit:
    facts = {
        "id": f"credit-{number}", "account": "acme", "metric": Metric.FIRST_RESPONSE, "problem": f"ticket:{number}",
        "round": 1, "month": "2026-03", "due": NOON + timedelta(minutes=number), "tickets": (str(number),),
        "percent": Decimal(10), "fee": Decimal(999),
    }  # fmt: skip
    return reckoned([Credit.model_validate(facts | given)])[0]


def basis(**given: Any) -> Basis:
    return Basis(month="2026-03", due=NOON, percent=Decimal(10), fee=Decimal(999), tickets=("1",))._replace(**given)


def owed(**given: Any) -> Owed:
    facts = {"ticket": "1", "account": "acme", "metric": "first_response", "problem": "ticket:1", "due": NOON,
             "month": "2026-03", "percent": "10", "fee": "999"}  # fmt: skip
    return Owed.model_validate(facts | given)


@given(
    st.lists(
        st.tuples(st.integers(0, 10_000), st.sampled_from(list(CreditState)), st.integers(0, 10**9)),
        min_size=1, max_size=40,
    )
)  # fmt: skip
def test_f2_a_month_is_never_credited_more_than_its_whole_fee(given_: list[tuple[int, CreditState, int]]) -> None:
    credits = [
        Credit.model_validate(
            credit(number).model_dump() | {"percent": Decimal(hundredths) / 100, "fee": Decimal(cents) / 100}
        )
        for number, (hundredths, _, cents) in enumerate(given_)
    ]
    once = reckoned(credits)
    states = [one.model_copy(update={"state": state}) for one, (_, state, _) in zip(once, given_, strict=True)]
    for found in (once, reckoned(states)):
        open_ones = [one for one in found if one.state in ("proposed", "approved", "applied")]
        assert sum(one.granted for one in open_ones) <= 100
        assert all(one.granted <= one.percent for one in found)
        assert all(one.amount is not None and one.amount == one.amount.quantize(CENT) for one in found)
    wanted = min(Decimal(100), sum(one.percent for one in once))
    assert sum(one.granted for one in once) == wanted


def test_f2_amounts_are_exact_to_the_cent_and_halves_go_to_the_even_one() -> None:
    assert credit(fee=Decimal("0.25")).amount == Decimal("0.02")
    assert credit(fee=Decimal("0.35")).amount == Decimal("0.04")
    assert credit(fee=Decimal(100_000) / 12).amount == Decimal("833.33")
    assert credit(fee=None).amount is None


def test_f2_of_several_breaches_of_one_problem_the_earliest_counts() -> None:
    later = owed(ticket="0", due=NOON + timedelta(days=40), month="2026-04", percent="5")
    assert basis_of([later, owed()]) == basis(tickets=("0", "1"))
    assert basis_of([owed(percent="0"), later]) == (later.month, later.due, Decimal(5), Decimal(999), ("0",))
    assert basis_of([owed(percent="0")]) is None


def test_f2_a_credit_follows_its_breaches_until_a_person_has_approved_it() -> None:
    first = followed(*KEY, None, basis())
    assert first is not None
    assert (first.state, first.round) == ("proposed", 1)
    assert followed(*KEY, first, basis()) == first
    moved = followed(*KEY, first, basis(month="2026-04"))
    assert moved is not None
    assert moved.month == "2026-04"
    ok = approved(credit(), "lea", Role.LEAD, NOON, approvers=LEADS, holders=())
    same = followed(*KEY, ok, basis(tickets=("1", "2"), fee=None))
    assert same is not None
    assert (same.state, same.tickets) == ("approved", ("1", "2"))
    other = followed(*KEY, ok, basis(percent=Decimal(5)))
    assert other is not None
    assert (other.state, other.approved_by) == ("proposed", None)


@pytest.mark.parametrize(
    ("before", "handed", "after"),
    [
        ("proposed", False, "voided"),
        ("approved", False, "voided"),
        ("approved", True, "reversed"),  # billing may have it
        ("applied", True, "reversed"),
    ],
)
def test_f2_without_a_breach_a_credit_is_voided_or_reversed(before: str, handed: bool, after: str) -> None:
    ended = followed(*KEY, credit(state=before, handed=handed), None)
    assert ended is not None
    assert (ended.state, ended.current, ended.ended_by) == (after, False, "tierline")
    assert followed(*KEY, ended, None) == ended
    again = followed(*KEY, ended, basis())
    assert again is not None
    assert (again.state, again.round, again.id != ended.id) == ("proposed", 2, True)


def test_f2_what_a_person_voided_is_not_proposed_again_for_the_same_breaches() -> None:
    gone = called_off(credit(), "lea", Role.LEAD, "Agreed.", approvers=LEADS)
    assert (gone.state, gone.current, gone.ended_by, gone.reason) == ("voided", True, "lea", "Agreed.")
    same = followed(*KEY, gone, basis())
    assert same is not None
    assert (same.state, same.round) == ("voided", 1)
    over = followed(*KEY, gone, None)
    assert over is not None
    assert (over.state, over.current, over.ended_by) == ("voided", False, "lea")


def refusal(act: Any, *args: Any, **given: Any) -> tuple[str, str]:
    with pytest.raises(Refused) as caught:
        act(*args, **given)
    return caught.value.code, caught.value.message


def test_f2_the_approver_is_named_and_held_no_ticket_of_it() -> None:
    one = credit()
    assert refusal(approved, one, "ada", Role.LEAD, NOON, approvers=LEADS, holders=("ada",)) == (
        "not_allowed", "ada held a ticket of this credit: somebody who did not must approve it",
    )  # fmt: skip
    assert refusal(approved, one, "bob", Role.AGENT, NOON, approvers=LEADS, holders=()) == (
        "not_allowed", "the role agent may not approve credits: lead may",
    )  # fmt: skip
    ok = approved(one, "lea", Role.LEAD, NOON, approvers=LEADS, holders=("ada",))
    assert (ok.state, ok.approved_by, ok.approved_at) == ("approved", "lea", NOON)
    assert refusal(approved, ok, "lea", Role.LEAD, NOON, approvers=LEADS, holders=())[0] == "does_not_fit"
    unknown = credit(fee=None)
    assert refusal(approved, unknown, "lea", Role.LEAD, NOON, approvers=LEADS, holders=())[0] == "does_not_fit"


def test_f2_only_what_was_approved_is_applied_and_what_is_applied_is_reversed() -> None:
    assert refusal(applied, credit())[0] == "does_not_fit"
    ok = approved(credit(), "lea", Role.LEAD, NOON, approvers=LEADS, holders=())
    done = applied(ok)
    assert (done.state, done.handed) == ("applied", True)
    back = called_off(done, "lea", Role.LEAD, "Paid in another way.", approvers=LEADS)
    assert back.state == "reversed"
    assert applied(back) == back
    assert refusal(called_off, back, "lea", Role.LEAD, "Again.", approvers=LEADS)[0] == "does_not_fit"
    assert refusal(called_off, done, "lea", Role.LEAD, "  ", approvers=LEADS)[0] == "missing_fields"


def test_f2_an_approval_whose_amount_has_changed_is_proposed_again() -> None:
    first = credit(1, percent=Decimal(60), state="applied", granted=Decimal(60), handed=True)
    second = reckoned([first, credit(2, percent=Decimal(60))])[1]
    assert (second.granted, second.amount) == (Decimal(40), Decimal("399.60"))
    ok = approved(second, "lea", Role.LEAD, NOON, approvers=LEADS, holders=())
    assert reckoned([first, ok])[1] == ok
    gone = first.model_copy(update={"state": CreditState.REVERSED})
    again = reckoned([gone, ok])[1]
    assert (again.state, again.granted, again.approved_by) == ("proposed", Decimal(60), None)


def link(name: str, *, parent: str | None = None, incident: int | None = None, state: str = "declared") -> Links:
    found = IncidentLink(number=incident, state=state) if incident else None
    return Links(name, found, Resolution.DUPLICATE if parent else None, parent)


@pytest.mark.parametrize(
    ("links", "key", "via"),
    [
        ([link("a")], "ticket:a", ()),
        ([link("a", parent="b"), link("b", parent="c"), link("c")], "ticket:c", ("b", "c")),
        ([link("a", parent="b"), link("b", incident=7)], "incident:7", ("b",)),
        ([link("a", incident=7, parent="b"), link("b")], "incident:7", ()),
        ([link("a", incident=7, state="left")], "ticket:a", ()),
        ([link("a", incident=7, state="cancelled")], "ticket:a", ()),
        ([link("a", parent="elsewhere")], "ticket:elsewhere", ("elsewhere",)),
        ([link("b", parent="a"), link("a", parent="b")], "ticket:a", ("a",)),
        ([link("c", parent="b"), link("b", parent="a"), link("a", parent="b")], "ticket:a", ("b", "a")),
    ],
)
def test_f2_a_ticket_its_duplicates_and_its_incident_are_one_problem(
    links: list[Links], key: str, via: tuple[str, ...]
) -> None:
    known = {one.id: one for one in links}
    assert problem_of(links[0], known.get) == (key, via)
    assert of_ticket("a") == "ticket:a"

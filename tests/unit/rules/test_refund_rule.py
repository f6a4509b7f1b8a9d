"""F6: a refund is requested by one person, approved by another within their role's limit, and that is final."""

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from domain.clocks.terms import RefundTerms, Terms
from domain.core.enums import Role
from domain.core.refusal import Refused
from domain.ticket.aggregate import notices
from domain.ticket.rules.refund import MOST
from tests.support.ticket_case import Case, given, replace_terms, terms_of

ASKED: dict[str, Any] = {"amount": "12.5", "currency": "eur", "reason": "charged twice", "text": "Invoice 2041."}


def limits(**of_roles: str) -> Callable[[Terms], Terms]:
    """Terms in which these roles have these limits, in euros."""
    amounts = {Role(role): {"EUR": Decimal(limit)} for role, limit in of_roles.items()}
    refunds = RefundTerms(reasons=("charged_twice", "goodwill"), limits=amounts)
    return lambda terms: terms.model_copy(update={"refunds": refunds})


def billing(**of_roles: str) -> Case:
    """A billing ticket, of which ada requested 12.50 EUR at 09:10."""
    case = given(category="billing", change=limits(**of_roles or {"lead": "200.00", "finance": "5000.00"}))
    case.do("request_refund", at="09:10", **ASKED)
    return case


def stands(case: Case) -> list[tuple[str, str | None]]:
    return [(one.state, one.decided_by) for one in case.ticket.refunds]


def test_f6_what_is_requested_waits_and_another_person_approves_it() -> None:
    case = billing()
    (asked,) = case.bodies("refund_requested")
    assert (asked.refund, asked.amount, asked.currency, asked.reason) == (1, Decimal("12.50"), "EUR", "charged_twice")
    assert f"{asked.amount:f}" == "12.50"
    assert case.of("refund_requested")[0].texts == {"text": "Invoice 2041."}
    case.do("approve_refund", at="09:20", by="lea", role="lead")
    assert stands(case) == [("approved", "lea")]
    assert case.last("refund_approved").asker == "ada"
    assert case.refold() == case.ticket


def test_f6_whoever_requested_it_does_not_approve_it_in_whatever_role_or_spelling() -> None:
    case = billing(lead="200.00", agent="200.00")
    for by, role in (("ada", "lead"), ("Ada", "lead"), ("ada", "agent")):
        for name in ("approve_refund", "refuse_refund"):
            refused = case.refused(name, "09:20", by=by, role=role, **({"text": "No."} if "refuse" in name else {}))
            assert refused.code == "own_refund"
            assert "somebody else decides about it: agent, lead" in refused.message
    assert stands(case) == [("requested", None)]


def test_f6_nobody_without_a_name_requests_or_approves() -> None:
    case = billing()
    for name, fields in (("request_refund", ASKED), ("approve_refund", {})):
        refused = case.refused(name, "09:20", by="unknown", role="lead", **fields)
        assert (refused.code, refused.missing) == ("missing_fields", ["by"])


@pytest.mark.parametrize(
    ("field", "written", "says"),
    [
        ("amount", "0", "more than 0"), ("amount", "-5", "no sign"), ("amount", "1,000.00", "no sign"),
        ("amount", "1e3", "digits"), ("amount", "12.505", "2 digits after the point"),
        ("amount", "99999999999", "digits"),
        ("amount", "1000000000.01", "at most 1000000000"), ("amount", "١٢", "digits"), ("amount", "NaN", "digits"),
        ("currency", "EUX", "ISO 4217"), ("currency", "€", "ISO 4217"), ("currency", "GBP", "only in EUR"),
        ("reason", "because", "no reason of the policy: charged_twice, goodwill"),
    ],
)  # fmt: skip
def test_f6_what_is_no_amount_no_currency_or_no_reason_is_refused_by_name(field: str, written: str, says: str) -> None:
    refused = billing().refused("request_refund", "09:20", **ASKED | {field: written})
    assert (refused.code, list(refused.fields)) == ("malformed", [field])
    assert says in refused.message


def test_f6_an_amount_is_text_and_what_is_left_out_is_named() -> None:
    assert billing().refused("request_refund", "09:20", **ASKED | {"amount": 12.5}).code == "malformed"
    assert billing().refused("request_refund", "09:20").missing == ["amount", "currency", "reason"]


def test_f6_above_every_limit_it_is_not_even_requested_and_the_refusal_says_who_may_what() -> None:
    case = billing()
    refused = case.refused("request_refund", "09:20", **ASKED | {"amount": "4987.51"})
    assert refused.code == "refund_limit"
    assert refused.message == (
        "4,987.51 EUR beside 12.50 EUR on one ticket: nobody may approve that; "
        "finance up to 5,000.00, lead up to 200.00"
    )
    case.do("request_refund", at="09:20", **ASKED | {"amount": "4987.50"})


def test_f6_above_the_limit_of_a_role_another_one_approves_it() -> None:
    case = billing()
    case.do("request_refund", at="09:20", **ASKED | {"amount": "200.01"})
    refused = case.refused("approve_refund", "09:30", by="lea", role="lead", refund=2)
    assert refused.code == "refund_limit"
    assert "the role lead may not approve that; finance up to 5,000.00" in refused.message
    none = case.refused("approve_refund", "09:30", by="abe", role="admin", refund=2)
    assert (none.code, "finance, lead may" in none.message) == ("refund_limit", True)
    case.do("approve_refund", at="09:30", by="fin", role="finance", refund=2)
    assert stands(case) == [("requested", None), ("approved", "fin")]


def test_f6_a_limit_is_for_all_refunds_of_a_ticket_so_nobody_gets_past_it_in_parts() -> None:
    case = billing(lead="20.00", finance="30.00")
    case.do("approve_refund", at="09:15", by="lea", role="lead")
    case.do("request_refund", at="09:20", **ASKED)
    refused = case.refused("approve_refund", "09:30", by="lea", role="lead")
    assert (refused.code, "12.50 EUR beside 12.50 EUR" in refused.message) == ("refund_limit", True)
    case.do("approve_refund", at="09:30", by="fin", role="finance")
    assert case.refused("request_refund", "09:40", **ASKED).code == "refund_limit"


def test_f6_what_is_refused_or_withdrawn_is_over_and_counts_against_no_limit() -> None:
    case = billing(lead="20.00")
    assert case.refused("refuse_refund", "09:20", by="lea", role="lead", text=" ").missing == ["text"]
    case.do("refuse_refund", at="09:20", by="lea", role="lead", text="It was charged once.")
    case.do("request_refund", at="09:30", **ASKED)
    assert "ada requested it" in case.refused("withdraw_refund", "09:40", by="ben").message
    case.do("withdraw_refund", at="09:40")
    case.do("request_refund", at="09:50", **ASKED)
    case.do("withdraw_refund", at="09:55", by="lea", role="lead", refund=3)
    assert stands(case) == [("refused", "lea"), ("withdrawn", "ada"), ("withdrawn", "lea")]
    for number in (None, 1, 2):
        assert (
            "no refund waits" in case.refused("approve_refund", "10:00", by="lea", role="lead", refund=number).message
        )


def test_f6_an_approval_is_final() -> None:
    case = billing()
    case.do("request_refund", at="09:11", **ASKED)
    case.do("approve_refund", at="09:20", by="lea", role="lead", refund=1)
    for name, fields in (("approve_refund", {}), ("refuse_refund", {"text": "No."}), ("withdraw_refund", {})):
        refused = case.refused(name, "09:30", by="lou", role="lead", refund=1, **fields)
        assert "refund 1 does not wait for approval: 2 does" in refused.message


def test_f6_of_several_that_wait_one_must_be_named() -> None:
    case = billing()
    case.do("request_refund", at="09:11", **ASKED)
    refused = case.refused("approve_refund", "09:20", by="lea", role="lead")
    assert (refused.missing, "1, 2 wait" in refused.message) == (["refund"], True)


def test_f6_refunds_are_for_billing_tickets_also_when_they_are_approved() -> None:
    case = given(category="bug", change=limits(lead="200.00"))
    assert "about bug: refunds are for billing" in case.refused("request_refund", "09:10", **ASKED).message
    case = billing()
    case.do("amend", at="09:15", category="bug")
    assert "about bug" in case.refused("approve_refund", "09:20", by="lea", role="lead").message
    case.do("amend", at="09:25", category="billing")
    case.do("approve_refund", at="09:30", by="lea", role="lead")


def test_f6_a_ticket_from_before_has_no_limits_until_it_is_given_the_terms_of_today() -> None:
    case = given(category="billing", change=lambda terms: terms.model_copy(update={"refunds": RefundTerms()}))
    assert "ask a lead for replace_terms" in case.refused("request_refund", "09:10", **ASKED).message
    replace_terms(case, "09:15", terms_of("standard"))
    case.do("request_refund", at="09:20", **ASKED)
    case.do("approve_refund", at="09:30", by="lea", role="lead")


@pytest.mark.parametrize("how", ["quiet", "merged", "closed", "deleted", "spam"])
def test_f6_a_refund_that_waits_outlives_the_closing_of_its_ticket_unless_that_never_was_one(how: str) -> None:
    case = billing()
    if how == "quiet":
        case.do("resolve", at="09:30", resolution="solved", what_was_done="Looked.", message="You get it back.")
        case.wake("Fri 12:00")
    else:
        case.do("end", at="09:30", by="zendesk", role="integration", how=how)
    assert case.ticket.closed
    assert case.refused("request_refund", "Fri 13:00", **ASKED).code == "closed"
    if how in ("deleted", "spam"):
        assert "was discarded" in case.refused("approve_refund", "Fri 13:00", by="lea", role="lead").message
        case.do("refuse_refund", at="Fri 13:00", by="lea", role="lead", text="Spam.")
    else:
        case.do("approve_refund", at="Fri 13:00", by="lea", role="lead")
        assert stands(case) == [("approved", "lea")]


def test_f6_a_ticket_has_so_many_refunds_and_no_more() -> None:
    case = billing()
    for _ in range(MOST):
        case.do("withdraw_refund", at="09:20")
        if len(case.ticket.refunds) < MOST:
            case.do("request_refund", at="09:20", **ASKED)
    assert f"had {MOST} refunds" in case.refused("request_refund", "09:30", **ASKED).message


def test_f6_a_lead_is_notified_of_what_waits_and_whoever_requested_it_of_the_decision() -> None:
    case = billing()
    told = notices(case.ticket, case.events[-1])
    assert [(one.name, one.audience, one.title) for one in told] == [
        ("refund_requested", "lead", "Refund 1 of 12.50 EUR waits for approval")
    ]
    case.do("approve_refund", at="09:20", by="lea", role="lead")
    (told_back,) = notices(case.ticket, case.events[-1])
    assert (told_back.name, told_back.recipient, told_back.title) == ("refund_decided", "ada", "Refund 1 is approved")


PEOPLE = st.sampled_from([("ada", "agent"), ("Ada", "lead"), ("lea", "lead"), ("LEA", "finance"), ("fin", "finance")])
ACTS = st.one_of(
    st.fixed_dictionaries(
        {
            "do": st.just("request_refund"), "reason": st.just("goodwill"), "currency": st.sampled_from(["EUR", "USD"]),
            "amount": st.sampled_from(["0.01", "19.99", "20.00", "20.01", "49.99", "100"]),
        }
    ),
    st.fixed_dictionaries(
        {
            "do": st.sampled_from(["approve_refund", "approve_refund", "refuse_refund", "withdraw_refund"]),
            "refund": st.one_of(st.none(), st.integers(1, 6)),
        }
    ),
    st.sampled_from(
        [
            {"do": "amend", "category": "bug"}, {"do": "amend", "category": "billing"},
            {"do": "resolve", "resolution": "solved", "what_was_done": "x", "root_cause": "x", "message": "x",
             "kb_reason": "gap"},
            {"do": "reopen", "reason": "x"}, {"do": "close"},
        ]
    ),
)  # fmt: skip


@drawn(st.lists(st.tuples(PEOPLE, ACTS), max_size=25))
def test_f6_whatever_people_do_nobody_approves_their_own_nothing_is_approved_twice_and_no_limit_is_passed(
    acts: list[tuple[tuple[str, str], dict[str, Any]]],
) -> None:
    most = {"lead": Decimal("50.00"), "finance": Decimal("120.00")}
    amounts = {Role(role): {"EUR": limit, "USD": limit} for role, limit in most.items()}
    refunds = RefundTerms(reasons=("goodwill",), limits=amounts)
    case = given(category="billing", change=lambda terms: terms.model_copy(update={"refunds": refunds}))
    for (by, role), act in acts:
        fields = {name: value for name, value in act.items() if name != "do"}
        with suppress(Refused):
            case.do(act["do"], "09:30", by=by, role=role, **fields | ({"text": "No."} if "refuse" in act["do"] else {}))
    asked = {event.body.refund: event for event in case.of("refund_requested")}
    approved = case.of("refund_approved")
    assert len({event.body.refund for event in approved}) == len(approved)
    over = {event.body.refund for kind in ("refund_refused", "refund_withdrawn") for event in case.of(kind)}
    assert over.isdisjoint(event.body.refund for event in approved)
    sums: dict[str, Decimal] = {}
    for event in approved:
        request, body = asked[event.body.refund], event.body
        assert request.seq < event.seq
        assert request.actor.id.casefold() != event.actor.id.casefold()
        assert (body.amount, body.currency) == (request.body.amount, request.body.currency)
        sums[body.currency] = sums.get(body.currency, Decimal(0)) + body.amount
        assert sums[body.currency] <= most[event.actor.role]
    stand = {one.number for one in case.ticket.refunds if one.state == "approved"}
    assert stand == {event.body.refund for event in approved}
    assert case.refold() == case.ticket

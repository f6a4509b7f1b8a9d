"""G10: which team gets a ticket, by area, category, language, tier and shift, with the reason."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from domain.clocks.terms import Terms
from domain.core.enums import Category, Plan, Tier
from domain.policy.policy import Policy
from domain.policy.routing import Routing
from domain.ticket.rules.routing import route
from domain.ticket.state import Reason, Route
from services.intake.opening import opening_recording
from services.intake.request import OpenRequest
from services.policy_file.load import resolve_terms
from tests.support.packages import BOTH_PACKAGES, T2_PACKAGE
from tests.support.policy import POLICY
from tests.support.ticket_case import Case, at, given


def policy(**teams: dict[str, Any]) -> Policy:
    return POLICY.model_copy(update={"routing": Routing.model_validate({"teams": teams})})


def terms(**teams: dict[str, Any]) -> Terms:
    """Standard terms with these teams and no others."""
    return resolve_terms(policy(**teams), _Standard(), at("09:00"))


class _Standard:
    plan = Plan.STANDARD
    zone = None
    region = None


def chosen(given_terms: Terms, when: str = "10:00", **facts: Any) -> Route | None:
    plain = {"area": "", "category": Category.BUG, "language": "en", "tier": Tier.T1}
    return route(given_terms, at=at(when), **(plain | facts))


TEAMS = {
    "nights": {"shift": "extended", "tiers": ["T1"]},
    "billing-de": {"areas": ["Billing"], "languages": ["de"]},
    "billing": {"areas": ["billing"]},
    "accounts": {"categories": ["account"], "agent": "ada"},
    "engineering": {"tiers": ["T3"]},
    "all": {},
}


@pytest.mark.parametrize(
    ("facts", "team", "why"),
    [
        ({"area": "billing", "language": "de"}, "billing-de", ("area billing", "language de")),
        ({"area": "BILLING", "language": "de-AT"}, "billing-de", ("area billing", "language de")),
        ({"area": "billing", "language": "fr"}, "billing", ("area billing",)),
        ({"category": Category.ACCOUNT}, "accounts", ("category account",)),
        ({"tier": Tier.T3}, "engineering", ("tier T3",)),
        ({}, "all", ("any ticket",)),
    ],
)
def test_g10_the_first_team_whose_every_condition_fits_gets_it_and_says_why(facts, team, why):
    found = chosen(terms(**{name: row for name, row in TEAMS.items() if name != "nights"}), **facts)
    assert found is not None
    assert (found.team, found.why) == (team, why)
    assert found.agent == ("ada" if team == "accounts" else None)


@pytest.mark.parametrize(
    ("when", "team"),
    [("05:59", "all"), ("06:00", "nights"), ("21:59", "nights"), ("22:00", "all"), ("Sat 12:00", "all")],
)
def test_g10_outside_its_shift_the_next_team_gets_it(when, team):
    found = chosen(terms(nights=TEAMS["nights"], all={}), when)
    assert found is not None
    assert found.team == team
    assert ("shift extended" in found.why) is (team == "nights")


def test_g10_a_shift_is_counted_in_the_teams_zone_and_not_the_accounts():
    class Tokyo(_Standard):
        zone = "Asia/Tokyo"

    there = resolve_terms(policy(nights=TEAMS["nights"]), Tokyo(), at("09:00"))
    assert there.calendar.zone == "Asia/Tokyo"
    assert there.shifts["extended"].zone == "Europe/Berlin"


def test_g10_beyond_what_its_calendar_knows_nobody_is_at_work():
    some = terms(nights=TEAMS["nights"])
    assert chosen(some, "10:00") is not None
    beyond = some.shifts["extended"].horizon + timedelta(days=400)
    assert route(some, area="", category=Category.BUG, language="en", tier=Tier.T1, at=beyond) is None


def test_g10_a_shift_that_the_terms_do_not_know_is_nobodys():
    some = terms(nights=TEAMS["nights"]).model_copy(update={"shifts": {}})
    assert chosen(some) is None


def test_g10_where_no_team_fits_the_ticket_is_nobodys():
    assert chosen(terms(engineering={"tiers": ["T3"]})) is None
    assert chosen(terms()) is None


@examples(
    st.text(max_size=20), st.sampled_from(list(Category)), st.sampled_from(["en", "de", "de-AT", "xx"]),
    st.sampled_from(list(Tier)), st.permutations(list(TEAMS)),
)  # fmt: skip
def test_g10_the_answer_is_the_first_that_fits_alone(area, category, language, tier, order):
    facts = {"area": area, "category": category, "language": language, "tier": tier}
    alone = {name: chosen(terms(**{name: TEAMS[name]}), **facts) for name in order}
    together = chosen(terms(**{name: TEAMS[name] for name in order}), **facts)
    assert together == next((found for found in alone.values() if found), None)


# -- A ticket's life -------------------------------------------------------------------------------------------


def routed(**opened: Any) -> Case:
    teams = {
        "billing": {"areas": ["billing"], "tiers": ["T1"]},
        "second": {"tiers": ["T2"]},
        "third": {"tiers": ["T3"]},
        "first": {},
    }
    return given("enterprise", "P2", change=lambda old: terms(**teams).model_copy(update={"plan": old.plan}), **opened)


def team(case: Case) -> str | None:
    return case.ticket.route.team if case.ticket.route else None


def test_g10_every_change_of_tier_routes_it_anew():
    case = routed()
    case.do("take", at="09:01")
    case.do("escalate", at="09:05", fields=T2_PACKAGE)
    assert (team(case), case.last("escalated").route.why) == ("second", ("tier T2",))
    case.do("take", at="09:06", by="bob")
    case.do("return", at="09:10", by="bob", reason="Not enough.")
    assert team(case) == "first"
    case.do("escalate", at="09:11", to="T3", fields=BOTH_PACKAGES)
    assert team(case) == "third"
    assert case.refold() == case.ticket


def test_g10_a_corrected_area_routes_it_anew_and_a_tag_does_not():
    case = routed()
    case.do("amend", at="09:01", tags=["slow"])
    assert case.last("amended").route.team == "first"
    case.do("amend", at="09:02", product_area="billing")
    assert team(case) == "billing"
    assert case.refold() == case.ticket


def test_g10_a_corrected_category_or_language_routes_it_anew_and_the_other_is_kept():
    teams = {
        "french-how-to": {"categories": ["how-to"], "languages": ["fr"]},
        "how-to": {"categories": ["how-to"]},
        "french": {"languages": ["fr"]},
        "first": {},
    }
    case = given("enterprise", "P2", change=lambda old: terms(**teams).model_copy(update={"plan": old.plan}))
    for when, fields, whose in (
        ("09:01", {"language": "fr"}, "french"),
        ("09:02", {"category": "how-to"}, "french-how-to"),
        ("09:03", {"language": "en"}, "how-to"),
        ("09:04", {"category": "bug"}, "first"),
    ):
        case.do("amend", at=when, **fields)
        assert team(case) == whose


def test_g10_g6_a_p0_goes_to_engineering_at_once():
    case = routed()
    case.do("prioritise", at="09:01", priority="P0", reason="All are affected.")
    assert (case.ticket.tier, team(case)) == (Tier.T3, "third")


def test_g10_the_opening_routes_it_by_the_shipped_policy():
    form = {"external_id": "1", "account": {"id": "acme", "plan": "premium"}, "description": "Our invoice is wrong"}
    ticket = opening_recording(POLICY, OpenRequest.parse(form), at("09:00")).state
    assert ticket.route == Route(team="billing", why=("area billing", "tier T1"))


def test_g10_an_escalation_that_an_outage_delayed_is_for_the_team_of_its_own_instant():
    teams = {"days": {"shift": "business", "tiers": ["T2", "T3"]}, "nights": {"tiers": ["T2", "T3"]}}
    at_limit = given(change=lambda _: terms(**teams), at="16:40", channel="phone", in_person=True)
    at_limit.do("take", at="16:40")
    at_limit.do("fill", at="16:41", fields=T2_PACKAGE)
    at_limit.wake("20:00")
    assert at_limit.ticket.route == Route(team="days", why=("tier T2", "shift business"))
    guess = given(change=lambda _: terms(**teams), at="16:50", priority="P0", priority_guessed=True)
    guess.wake("20:00")
    assert guess.ticket.route == Route(team="days", why=("tier T3", "shift business"))


def test_g11_only_a_rules_word_is_counted_against_it_and_a_tag_never_is():
    rules = tuple(
        Reason(field=field, by=by, rule=rule)
        for field, by, rule in (
            ("category", "rule", "money"), ("language", "words", ""), ("product_area", "default", ""),
            ("tags", "rule", "gdpr"),
        )
    )  # fmt: skip
    case = given(reasons=rules)
    case.do("amend", at="09:05", category="account", language="de", product_area="API", tags=["other"])
    assert case.last("amended").overruled == ("money",)
    assert case.ticket.reasons == ()

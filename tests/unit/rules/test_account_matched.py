"""An account that nobody knew: Standard clocks, flagged, and its own terms from the opening once it is known (C8)."""

import pytest

from domain.core.enums import Channel, Plan, Role
from domain.ticket import commands as c
from domain.ticket.aggregate import TICKET
from domain.ticket.events import AccountMatched
from domain.ticket.state import Account
from services.intake.enrichment import customer_of
from services.intake.opening import opening_recording, taken_as_unknown
from services.intake.request import AccountForm, OpenRequest
from services.policy_file.load import resolve_terms
from services.policy_file.zones import canonical_zone
from tests.support.policy import POLICY
from tests.support.ticket_case import Case, at


def unknown(priority: str = "P2", **form: object) -> Case:
    """A ticket of an account that is not known, from Monday 09:00 in Berlin."""
    request = OpenRequest.parse({"external_id": "1", "account": {"id": "acme"}, "priority": priority} | form)
    return Case(opening_recording(POLICY, request, at("09:00")))


def matching(case: Case, when: str, plan: str = "enterprise", **account: object) -> None:
    found = Account.model_validate({"id": "acme", "plan": plan} | account)
    terms = resolve_terms(POLICY, found, case.ticket.opened_at)
    command = c.MatchAccount(by="tierline", role=Role.SYSTEM, account=found, terms=terms)
    story = TICKET.decide(case.ticket, command, at(when))
    case.ticket = story.state
    case.events += story.events


# -- At intake ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("plan", ["enterprise", None])
def test_g6_a_p0_of_an_unknown_account_is_guessed_unless_support_says_it(role, plan):
    ticket = unknown("P0", account={"id": "acme", "plan": plan}, role=role).ticket

    assert ticket.priority_guessed is (role not in c.STAFF)
    assert ticket.guess_due == (at("09:05") if role not in c.STAFF else None)
    assert [effect.kind for effect in ticket.pending_effects] == ([] if role not in c.STAFF else ["incident"])


def test_g6_a_p0_of_a_known_account_and_a_lower_priority_are_no_guess():
    known = Account(id="acme", plan=Plan.ENTERPRISE)
    request = OpenRequest.parse({"external_id": "1", "account": {"id": "acme"}, "priority": "P0"})

    assert opening_recording(POLICY, request, at("09:00"), known).state.guess_due is None
    assert not unknown("P1", account={"id": "acme", "plan": "enterprise"}).ticket.priority_guessed


def test_what_the_crm_told_wins_over_what_came_with_the_ticket():
    known = Account(id="acme", plan=Plan.ENTERPRISE, csm="carol")
    found = customer_of(AccountForm(id="acme", plan=Plan.FREE, csm="eve"), known)
    assert (found.account, found.unknown) == (known, False)


def test_without_it_what_came_with_the_ticket_counts():
    found = customer_of(AccountForm(id="acme", plan=Plan.PREMIUM, arr=1), None)
    assert (found.account.plan, found.account.arr, found.unknown) == ("premium", 1, False)


def test_an_unknown_account_has_standard_clocks_and_is_flagged():
    case = unknown()
    assert (case.ticket.account.plan, case.ticket.account_unknown) == ("standard", True)
    assert case.due("contract", "first_response") == at("17:00")


@pytest.mark.parametrize("name", ["", "x" * 201])
def test_g11_an_account_id_is_bounded(name):
    with pytest.raises(ValueError, match="id"):
        Account(id=name, plan=Plan.FREE)


@pytest.mark.parametrize(
    ("plan", "channel", "outside"),
    [("free", "phone", True), ("free", "email", False), ("standard", "slack", True), ("enterprise", "teams", False)],
)
def test_a_channel_outside_the_plan_is_flagged_and_served_like_any_other(plan, channel, outside):
    case = unknown(account={"id": "acme", "plan": plan}, channel=channel)
    assert case.ticket.channel is Channel(channel)
    assert case.ticket.channel_outside_plan is outside
    case.do("take", at="09:01")
    case.do("respond", at="09:02", text="Hello")


@pytest.mark.parametrize(
    ("said", "zone", "region", "unread"),
    [
        ({"zone": "Mars/Olympus", "region": "XX"}, None, None, "account.zone: Mars/Olympus\naccount.region: XX"),
        (
            {"zone": "W. Europe Time", "region": "DE-BY"},
            None,
            "DE-BY",
            "account.zone: W. Europe Time",
        ),
        ({"zone": "europe/vienna"}, "europe/vienna", None, None),
        ({"zone": "W. Europe Standard Time"}, "W. Europe Standard Time", None, None),
        ({"zone": "../etc/passwd"}, None, None, "account.zone: ../etc/passwd"),
        ({"zone": "Europe/Vienna", "region": "EMEA"}, "Europe/Vienna", None, "account.region: EMEA"),
        ({"region": "EMEA"}, None, None, "account.region: EMEA"),
        ({"zone": "", "region": " "}, None, None, None),
        ({"zone": "Europe/Vienna", "region": "AT-9"}, "Europe/Vienna", "AT-9", None),
    ],
)
@pytest.mark.parametrize("known", [True, False])
def test_a_zone_or_region_that_does_not_exist_keeps_no_customer_out(known, said, zone, region, unread):
    """It is taken as unknown, whoever said it, and the ticket's opening says so."""
    account = {"id": "acme", "plan": "premium"} | said
    crm = Account.model_validate(account) if known else None
    request = OpenRequest.parse({"external_id": "1", "account": {"id": "acme"} if known else account})
    story = opening_recording(POLICY, request, at("09:00"), crm)
    assert (story.state.account.zone, story.state.account.region) == (zone, region)
    assert story.state.terms.calendar.zone == canonical_zone(zone or "Europe/Berlin")
    assert story.events[0].texts.get("taken_as_unknown") == unread
    assert taken_as_unknown(story.events) == tuple(line.partition(":")[0] for line in (unread or "").splitlines())


# -- Once it is known --------------------------------------------------------------------------------------------


def test_c8_the_clocks_count_from_the_opening_under_the_terms_of_the_account():
    case = unknown()
    matching(case, "09:20")
    assert case.due("contract", "first_response") == at("10:00")  # an hour from 09:00, not from 09:20
    assert case.due("contract", "resolution") == at("17:00")
    assert (case.ticket.account.plan, case.ticket.account_unknown) == ("enterprise", False)
    assert case.ticket.terms.plan.plan is Plan.ENTERPRISE
    assert case.refold() == case.ticket


def test_c8_what_would_have_been_due_by_then_is_due_at_the_matching_and_never_in_the_past():
    case = unknown()
    matching(case, "12:00")
    assert case.due("contract", "first_response") == at("12:00")
    case.wake("12:00")
    assert ("contract", "first_response", at("12:00")) in case.lapses()
    assert case.last("lapsed").hindsight is False


def test_c8_what_is_met_stays_met():
    case = unknown()
    case.do("respond", at="11:00", text="We look into it.")
    matching(case, "12:00")
    assert case.clock("contract", "first_response").met_at == at("11:00")
    assert not case.lapses()


def test_c8_a_breach_that_was_recorded_stays_on_record():
    case = unknown()
    case.wake("Tue 09:30")
    assert ("contract", "first_response", at("17:00")) in case.lapses()
    matching(case, "Tue 10:00", plan="free")
    assert case.clock("contract", "first_response").breach is not None
    assert case.ticket.account.plan is Plan.FREE
    assert [clock.side for clock in case.ticket.clocks if clock.running] == []


def test_c6_a_pause_before_the_matching_still_counts():
    case = unknown()
    case.do("take", at="09:01")
    case.do("wait", at="09:10", question="Which browser?")
    case.do("reply", at="09:40", by="acme", role="customer", text="Firefox.")
    matching(case, "10:00")
    assert case.due("contract", "resolution") == at("17:30")


def test_c8_a_raised_priority_keeps_its_start():
    case = unknown("P3")
    case.do("prioritise", at="09:30", priority="P0", reason="All are affected.")
    matching(case, "09:40")
    assert case.due("contract", "first_response") == at("09:45")  # 15 minutes of critical response, from the raising
    assert case.due("target", "first_response") == at("09:45")


def test_c11_no_warning_is_sent_for_the_past():
    case = unknown()
    matching(case, "09:50")
    case.wake("09:53")
    assert case.warnings() == []  # 50 and 75 percent of the hour were over
    case.wake("09:54")
    assert [shares["first_response"] for _, shares in case.warnings()] == [90]


def test_g6_a_guessed_p0_of_an_account_that_turns_out_to_be_free_does_not_page():
    case = unknown("P0", priority_guessed=True)
    matching(case, "09:02", plan="free")
    case.wake("09:30")
    assert case.of("escalated") == []


def test_told_again_or_of_another_account_it_is_no_news():
    case = unknown()
    matching(case, "09:20")
    matching(case, "09:30", plan="premium")
    assert len(case.of("account_matched")) == 1
    other = unknown()
    found = Account(id="beta", plan=Plan.FREE)
    terms = resolve_terms(POLICY, found, other.ticket.opened_at)
    command = c.MatchAccount(by="tierline", role=Role.SYSTEM, account=found, terms=terms)
    assert TICKET.decide(other.ticket, command, at("09:10")).events == []


def test_a_ticket_whose_account_was_known_is_never_rematched():
    case = unknown(account={"id": "acme", "plan": "premium"})
    matching(case, "09:20")
    assert case.of("account_matched") == []


def test_the_match_stands_on_the_timeline_with_terms_and_account():
    case = unknown()
    matching(case, "09:20", csm="carol")
    body = case.last("account_matched")
    assert isinstance(body, AccountMatched)
    assert (body.account.csm, body.terms.plan.plan) == ("carol", "enterprise")

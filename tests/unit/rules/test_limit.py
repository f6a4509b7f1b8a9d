"""G1, G2: Tier 1's fifteen minutes, and what happens when they are over."""

from datetime import timedelta

import pytest

from domain.core.enums import WaitsOn
from domain.ticket.aggregate import next_deadline, notices
from tests.support.durations import MINUTE
from tests.support.packages import RECORD, T2_GATE, T2_PACKAGE
from tests.support.ticket_case import Case, at, in_tier, limits, phoned


def taken(plan: str = "standard", when: str = "09:00", **opened) -> Case:
    """Opened on the phone and taken in the same moment."""
    case = phoned(plan, at=when, **opened)
    case.do("take", at=when)
    return case


def over(plan: str = "standard", **opened) -> Case:
    """Taken at 09:00, past the limit at 09:20, with nothing filled in."""
    case = taken(plan, **opened)
    case.wake("09:20")
    return case


# -- G1: what counts ------------------------------------------------------------------------------------------


def test_g1_the_limit_is_fifteen_minutes_from_the_first_take():
    case = phoned()
    case.wake("11:00")
    assert case.of("limit_reached") == []
    case.do("take", at="11:00")
    case.wake("11:14:59")
    assert case.of("limit_reached") == []
    case.wake("11:15")
    assert case.last("limit_reached").due == at("11:15")


def test_g1_it_ticks_on_the_plans_calendar():
    case = taken(when="16:50")
    case.wake("Tue 12:00")
    assert case.last("limit_reached").due == at("Tue 09:05")


def test_g1_it_ticks_on_the_wall_when_taken_outside_support_hours():
    case = taken(when="Sat 03:00")
    case.wake("Sat 03:20")
    assert case.when("limit_reached") == at("Sat 03:15")


def test_g1_it_stops_while_pending():
    case = taken()
    case.do("wait", at="09:05", question="Which browser?")
    case.wake("10:00")
    assert case.of("limit_reached") == []
    case.do("reply", at="10:00", role="customer", text="Firefox")
    case.wake("12:00")
    assert case.when("limit_reached") == at("10:10")


def test_g1_a_pause_before_the_first_take_does_not_count_and_one_around_it_does():
    case = phoned()
    case.do("wait", at="09:00", question="Which browser?")
    case.do("reply", at="09:10", role="customer", text="Firefox")
    case.do("wait", at="09:20", question="And which version?")
    case.do("take", at="09:30")
    case.do("reply", at="09:40", role="customer", text="140")
    case.wake("12:00")
    assert case.when("limit_reached") == at("09:55")


def test_g1_it_is_one_budget_whoever_holds_the_ticket():
    case = taken()
    case.do("take", at="09:10", by="bob", over=True)
    assert case.ticket.assignee == "bob"
    case.wake("09:30")
    assert case.when("limit_reached") == at("09:15")


def test_g1_a_hand_back_starts_a_new_stay_and_they_are_counted():
    case = in_tier("T2")
    case.do("return", at="10:00", by="tom", reason="A setting, no fault.")
    assert (case.ticket.stays, case.ticket.stay.number) == (2, 2)
    case.wake("10:30")
    assert case.of("limit_reached") == []  # nobody has taken it
    case.do("take", at="10:30")
    case.wake("10:45")
    assert (case.last("limit_reached").due, case.last("limit_reached").stay) == (at("10:45"), 2)


def test_g1_a_reopening_starts_a_new_stay_for_who_still_holds_it():
    case = taken()
    case.do("resolve", at="09:05", **RECORD)
    case.do("reopen", at="10:00", reason="It is back.")
    assert (case.ticket.stays, case.ticket.stay.number, case.ticket.stay.since) == (2, 2, at("10:00"))
    case.wake("10:15")
    assert case.last("limit_reached").due == at("10:15")
    unheld = phoned()
    unheld.do("resolve", at="09:05", **RECORD)
    unheld.do("reopen", at="10:00", reason="It is back.")
    assert unheld.ticket.stay.since is None


def test_g1_a_customer_who_reopens_at_night_starts_no_limit_before_support_opens():
    case = taken()
    case.do("resolve", at="09:05", **RECORD)
    case.do("reply", at="Tue 03:00", role="customer", text="It is back.")
    case.wake("Tue 12:00")
    assert case.when("limit_reached") == at("Tue 09:15")
    by_hand = taken()
    by_hand.do("resolve", at="09:05", **RECORD)
    by_hand.do("reopen", at="Tue 03:00", reason="It is back.")
    by_hand.wake("Tue 12:00")
    assert by_hand.when("limit_reached") == at("Tue 03:15")


def test_g1_reopening_above_tier_1_starts_no_limit():
    case = in_tier("T2")
    case.do("resolve", at="10:00", **RECORD)
    case.do("reopen", at="11:00", reason="It is back.")
    assert case.ticket.stay is None
    assert case.ticket.stays == 1


@pytest.mark.parametrize("tier", ["T2", "T3"])
def test_g1_no_limit_above_tier_1(tier):
    case = in_tier(tier)
    case.wake("Mon+1 12:00")
    assert case.of("limit_reached") == []


def test_g1_none_when_resolved():
    case = taken()
    case.do("resolve", at="09:05", **RECORD)
    case.wake("Wed 17:00")
    assert case.of("limit_noted") == case.of("limit_reached") == []


def test_g1_the_limit_is_the_policys():
    case = taken(change=limits(t1_limit=timedelta(minutes=7), t1_notes=()))
    case.wake("09:10")
    assert case.when("limit_reached") == at("09:07")


def test_g1_the_timer_says_what_it_is_for():
    case = taken(change=limits(t1_notes=()))
    assert next_deadline(case.ticket).summary == "T1 troubleshooting limit, 15 min"


# -- G2: notes before it ----------------------------------------------------------------------------------------


def test_g2_the_agent_is_told_at_ten_and_thirteen_minutes():
    case = taken()
    case.wake("09:14:59")
    told = [(event.at, event.body.minutes_left) for event in case.of("limit_noted")]
    assert told == [(at("09:10"), 5.0), (at("09:13"), 2.0)]
    (notice,) = notices(case.ticket, case.of("limit_noted")[0])
    assert (notice.name, notice.audience, notice.recipient) == ("t1_note", "assignee", "ada")


def test_g2_a_note_that_would_come_after_the_limit_is_left_out():
    for minutes, noted in ((12, [at("09:10")]), (13, [at("09:10")]), (10, [])):
        case = taken(change=limits(t1_limit=minutes * MINUTE))
        case.wake("09:14")
        assert [event.at for event in case.of("limit_noted")] == noted
        assert case.when("limit_reached") == at("09:00") + minutes * MINUTE


def test_g2_notes_that_an_outage_made_late_are_not_told():
    case = taken()
    case.wake("09:14")
    assert [bool(notices(case.ticket, event)) for event in case.of("limit_noted")] == [True, True]
    down = taken()
    down.wake("09:15")
    assert [bool(notices(down.ticket, event)) for event in down.of("limit_noted")] == [False, False]
    assert notices(down.ticket, down.of("limit_reached")[0])


# -- G2: at the limit -------------------------------------------------------------------------------------------


def test_g2_a_complete_package_escalates_by_itself_at_the_limit():
    case = taken()
    case.do("fill", at="09:05", fields=T2_PACKAGE)
    case.wake("09:15")
    escalated = case.of("escalated")[0]
    assert (escalated.at, escalated.body.how, escalated.actor.id) == (at("09:15"), "at_limit", "tierline")
    assert (case.ticket.tier, case.ticket.assignee) == ("T2", None)
    assert case.ticket.stay is None


def test_g2_otherwise_the_escalation_is_due_and_agent_and_lead_are_told():
    case = over()
    assert case.ticket.tier == "T1"
    assert case.ticket.escalation_due
    assert case.ticket.waits_on is WaitsOn.ESCALATION
    assert case.ticket.waits_since == at("09:15")
    told = [(n.name, n.audience) for n in notices(case.ticket, case.of("limit_reached")[0])]
    assert told == [("t1_limit", "assignee"), ("t1_limit", "lead")]


@pytest.mark.parametrize(("command", "fields"), [("step", {"text": "One more"}), ("wait", {"question": "And?"})])
def test_g2_no_more_steps_and_no_waiting_past_the_limit(command, fields):
    refused = over().refused(command, "09:20", **fields)
    assert refused.code == "does_not_fit"
    assert "limit is reached" in refused.message
    assert command not in refused.would_fit
    assert {"fill", "attach", "escalate", "resolve"} <= set(refused.would_fit)


def test_g2_a_step_at_exactly_the_limit_is_in_time_and_a_second_later_is_not():
    case = taken()
    case.do("step", at="09:15", text="Just made it")
    late = taken()
    assert late.refused("step", "09:15:01", text="Too late").code == "does_not_fit"


def test_g2_the_last_missing_field_escalates_at_once():
    case = over()
    for minute, name in enumerate(T2_GATE[:3], start=21):
        case.do("fill", at=f"09:{minute}", fields={name: T2_PACKAGE[name]})
        assert case.ticket.tier == "T1"
    case.do("attach", at="09:25", text="export.log")
    escalated = case.of("escalated")[0]
    assert (escalated.at, escalated.body.how, escalated.body.over_limit) == (at("09:25"), "completed", True)
    assert case.ticket.tier == "T2"


def test_g2_the_agent_may_escalate_or_resolve_past_the_limit_and_it_is_recorded_as_over():
    escalated = over()
    escalated.do("escalate", at="09:25", fields=T2_PACKAGE)
    assert escalated.last("escalated").over_limit
    resolved = over()
    resolved.do("resolve", at="09:25", **RECORD)
    assert resolved.last("resolved").over_limit
    in_time = taken()
    in_time.do("resolve", at="09:14", **RECORD)
    assert not in_time.last("resolved").over_limit


def test_g2_past_the_limit_the_package_is_still_needed():
    assert over().refused("escalate", "09:25").missing == T2_GATE


def test_g2_a_lead_may_force_it_at_any_time_with_a_reason():
    case = taken()
    assert case.refused("escalate", "09:01", force=True, reason="Now").code == "not_allowed"
    assert case.refused("escalate", "09:01", force=True, role="lead", reason=" ").missing == ["reason"]
    case.do("escalate", at="09:02", force=True, role="lead", by="lea", reason="The customer is on the line.")
    escalated = case.of("escalated")[0]
    assert (escalated.body.how, escalated.texts["reason"]) == ("forced", "The customer is on the line.")
    assert case.ticket.tier == "T2"
    late = over()
    late.do("escalate", at="09:20", force=True, role="lead", reason="It has to move.")
    assert late.last("escalated").how == "forced"


def test_g2_force_is_for_tier_1_to_tier_2_only():
    case = in_tier("T2")
    assert case.refused("escalate", "10:00", force=True, role="lead", reason="Now").code == "not_allowed"
    enterprise = taken("enterprise")
    assert enterprise.refused("escalate", "09:05", to="T3", force=True, role="lead", reason="Now").code == "not_allowed"


# -- G2: the reminders --------------------------------------------------------------------------------------------


def test_g2_after_a_grace_period_the_lead_is_reminded_until_it_moves():
    case = over()
    for moment in ("09:30", "09:45", "10:00"):
        case.wake(moment)
    assert [event.at for event in case.of("limit_reminded")] == [at("09:30"), at("09:45"), at("10:00")]
    (notice,) = notices(case.ticket, case.of("limit_reminded")[0])
    assert (notice.name, notice.audience) == ("t1_reminder", "lead")
    case.do("escalate", at="10:01", fields=T2_PACKAGE)
    case.wake("12:00")
    assert len(case.of("limit_reminded")) == 3


def test_g2_reminders_that_nobody_could_give_are_one():
    case = over()
    case.wake("10:14:59")
    assert [event.body.due for event in case.of("limit_reminded")] == [at("10:00")]
    case.wake("10:15")
    assert [event.body.due for event in case.of("limit_reminded")] == [at("10:00"), at("10:15")]


def test_g2_a_reminder_due_with_a_command_comes_after_it():
    case = over()
    case.do("escalate", at="09:30", fields=T2_PACKAGE)
    assert case.of("limit_reminded") == []


def test_g2_nobody_is_reminded_through_a_closed_weekend():
    case = taken(when="Fri 16:40")
    case.wake("Fri 16:55")
    case.wake("Mon+1 09:09:59")
    assert case.of("limit_reminded") == []
    case.wake("Mon+1 09:10")
    assert case.when("limit_reminded") == at("Mon+1 09:10")


def test_g2_a_limit_on_the_wall_reminds_on_the_wall():
    case = taken(when="Sat 03:00")
    case.wake("Sat 03:15")
    case.wake("Sat 03:50")
    assert case.when("limit_reminded") == at("Sat 03:45")


def test_g2_the_grace_period_is_the_policys():
    case = over(change=limits(t1_grace=5 * MINUTE))
    assert [event.at for event in case.of("limit_reminded")] == [at("09:20")]


# -- G2: Free, and observing ----------------------------------------------------------------------------------------


def test_g2_free_is_answered_or_referred_and_nobody_is_nagged():
    case = over("free")
    case.wake("Fri 17:00")
    assert case.types() == ["opened", "taken", "limit_reached"]
    assert notices(case.ticket, case.of("limit_reached")[0]) == []
    assert case.ticket.waits_on is WaitsOn.AGENT
    refused = case.refused("step", "Fri 17:00", text="One more")
    assert "refer" in refused.message
    assert {"respond", "resolve", "refer"} <= set(refused.would_fit)
    referred = over("free")
    assert referred.refused("refer", "09:25", link=" ").missing == ["link"]
    referred.do("refer", at="09:25", link="https://community.example/t/1", text="Others know this.")
    assert referred.ticket.closed
    assert referred.of("referred")[0].texts == {
        "link": "https://community.example/t/1",
        "text": "Others know this.",
    }


def test_g2_a_complete_package_moves_no_free_ticket():
    case = taken("free")
    case.do("fill", at="09:05", fields=T2_PACKAGE)
    case.wake("10:00")
    assert case.ticket.tier == "T1"
    late = over("free")
    late.do("fill", at="09:25", fields=T2_PACKAGE)
    assert late.ticket.tier == "T1"


def test_g1_a_free_p0_has_its_limit_like_any_other():
    assert over("free", priority="P0").when("limit_reached") == at("09:15")


def test_g1_past_what_the_calendar_knows_the_limit_ticks_on_the_wall():
    def short(terms):
        return terms.model_copy(update={"calendar": terms.calendar.model_copy(update={"horizon": at("09:30")})})

    case = phoned(change=short)
    case.do("take", at="09:29")
    assert case.next() is None  # ten support minutes from there nobody knows
    late = phoned(change=short)
    late.do("take", at="10:00")
    late.wake("10:15")
    assert late.last("limit_reached").due == at("10:15")


def test_g2_observed_overruns_are_counted_and_move_nothing():
    case = taken(change=limits(t1_mode="observe"))
    case.do("fill", at="09:05", fields=T2_PACKAGE)
    case.wake("12:00")
    assert [event.body.type for event in case.events[2:]] == ["filled", "limit_reached"]
    assert case.last("limit_reached").over == "observed"
    assert notices(case.ticket, case.of("limit_reached")[0]) == []
    assert (case.ticket.tier, case.ticket.escalation_due) == ("T1", False)
    case.do("step", at="12:01", text="Still at it")
    case.do("resolve", at="12:02", **RECORD)
    assert not case.last("resolved").over_limit

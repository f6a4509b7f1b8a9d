"""An incident's states, updates, severity, tickets and end, as pure decisions."""

import pytest

from domain.core.enums import Priority
from domain.core.refusal import Refused
from domain.incident.aggregate import INCIDENT
from domain.incident.commands import parse
from domain.incident.ticket_updates import BATCH, catch_up_batch, next_batch
from tests.support.incident_case import UPDATE, declared
from tests.support.ticket_case import at

# -- Updates ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("priority", "first", "then"), [("P0", "09:15", "10:00"), ("P1", "09:30", "10:30")])
def test_the_first_update_is_due_early_and_then_at_a_steady_pace(priority, first, then):
    outage = declared(priority)
    outage.do("acknowledge", "09:01")
    assert outage.incident.update_due == at(first)
    outage.wake(first)
    assert outage.when("update_missed") == [at(first)]
    outage.do("update", "09:30", **UPDATE)
    assert outage.incident.update_due == at(then)


def test_a_late_update_reminds_and_then_escalates():
    outage = declared("P0")
    outage.do("acknowledge", "09:01")
    outage.do("communications", "09:02", to="cora")
    for moment in ("09:15", "09:25", "09:55"):
        outage.wake(moment)
    told = [notice for notice in outage.notices() if notice[1].startswith("incident_update")]
    assert told == [
        (at("09:15"), "incident_update_due", "commander", "ron"),
        (at("09:15"), "incident_update_due", "communications", "cora"),
        (at("09:25"), "incident_update_late", "commander", "ron"),
        (at("09:25"), "incident_update_late", "manager", "manager"),
        (at("09:55"), "incident_update_late", "commander", "ron"),
        (at("09:55"), "incident_update_late", "manager", "manager"),
    ]


def test_what_was_missed_while_nothing_ran_is_one_reminder():
    outage = declared("P0")
    outage.do("acknowledge", "09:01")
    outage.wake("13:00")
    assert outage.when("update_missed") == [at("09:15")]


def test_an_update_says_what_is_known_and_when_the_next_one_comes():
    outage = declared("P0")
    outage.do("update", "09:10", status="We found it.", workaround=" ")
    assert outage.last("update_posted").number == 1
    assert outage.of("update_posted")[0].texts["update"] == "We found it.\nNext update by 2026-11-23 08:40 UTC."
    assert outage.refused("update", "09:11", status=" ").missing == ["status"]


def test_an_update_is_a_draft_until_somebody_who_leads_approves_it():
    outage = declared("P0")
    outage.tell()
    outage.do("update", "09:10", **UPDATE)
    telling = next_batch(outage.incident)
    assert (telling.fact.draft.split("\n")[0], telling.fact.approved_by) == ("We found it.", None)
    outage.tell("09:11")
    assert outage.refused("approve", "09:12").code == "not_allowed"
    assert outage.refused("approve", "09:12", by="on-call", update=2).code == "does_not_fit"
    outage.do("approve", "09:12", by="lea", role="lead")
    assert next_batch(outage.incident).fact.approved_by == "lea"
    assert outage.refused("approve", "09:13", by="lea", role="lead").code == "does_not_fit"


@pytest.mark.parametrize("role", ["customer", "integration", "csm"])
def test_nobody_but_staff_speaks_for_an_incident(role):
    outage = declared("P0")
    for name in ("acknowledge", "update", "approve", "resolve", "cancel", "leave"):
        assert outage.refused(name, "09:01", role=role).code == "not_allowed"


# -- Roles and severity ----------------------------------------------------------------------------------------


def test_the_on_call_of_the_area_leads_until_it_is_handed_over():
    outage = declared("P0")
    assert outage.incident.commander == "on-call"
    assert outage.refused("hand_over", "09:05").missing == ["to"]
    outage.do("hand_over", "09:05", to="eva")
    assert (outage.incident.commander, outage.last("handed_over").frm) == ("eva", "on-call")
    assert outage.refused("hand_over", "09:06", to="eva").code == "does_not_fit"


def test_severity_goes_both_ways_with_a_reason_and_everybody_is_told():
    outage = declared("P0")
    outage.tell()
    assert outage.refused("severity", "09:05", priority="P1").missing == ["reason"]
    assert outage.refused("severity", "09:05", priority="P2", reason="x").code == "malformed"
    outage.do("severity", "09:05", priority="P1", reason="One site.")
    outage.do("severity", "09:06", priority="P0", reason="All sites.")
    assert [what[1] for what in outage.tell()] == [2, 3]
    assert outage.refused("severity", "09:07", priority="P0", reason="x").code == "does_not_fit"


def test_c8_updates_follow_the_severity_and_are_never_due_in_the_past():
    outage = declared("P1")
    outage.do("severity", "09:20", priority="P0", reason="All sites.")
    assert outage.incident.update_due == at("09:30")  # the earlier of the old instant and change + 15 minutes
    early = declared("P1")
    early.do("severity", "09:05", priority="P0", reason="All sites.")
    assert early.incident.update_due == at("09:20")
    lowered = declared("P0")
    lowered.do("severity", "09:05", priority="P1", reason="One site.")
    assert lowered.incident.update_due == at("10:05")


def test_a_p0_among_its_tickets_makes_it_a_p0():
    outage = declared("P1")
    outage.join("b", "09:05", priority="P0")
    assert outage.incident.priority is Priority.P0
    raised = declared("P1")
    raised.news("a", "09:05", 9, priority="P0")
    assert raised.incident.priority is Priority.P0


# -- Tickets ---------------------------------------------------------------------------------------------------


def test_a_join_is_carried_out_once_and_tells_only_the_new_ticket():
    outage = declared("P0", "09:00", "a")
    assert outage.tell() == [(("a",), 1, "declared")]
    outage.join("a", "09:05")
    assert outage.tell("09:05") == []
    outage.do("acknowledge", "09:06")
    outage.join("b", "09:07")
    assert outage.tell("09:08") == [(("a",), 2, "acknowledged"), (("b",), 2, "acknowledged")]


def test_tickets_are_told_in_bounded_batches_each_every_change_in_order():
    names = [f"t{number}" for number in range(2 * BATCH + 1)]
    outage = declared("P0", "09:00", *names)
    assert [len(tickets) for tickets, _, _ in outage.tell()] == [BATCH, BATCH, 1]
    outage.do("acknowledge", "09:01")
    outage.do("mitigate", "09:02")
    told = outage.tell("09:03")
    assert [(len(tickets), version) for tickets, version, _ in told] == [
        (BATCH, 2), (BATCH, 2), (1, 2), (BATCH, 3), (BATCH, 3), (1, 3),
    ]  # fmt: skip
    assert outage.incident.announcements == ()


def test_a_change_while_a_batch_is_told_is_not_lost():
    outage = declared("P0", "09:00", "a")
    welcome = next_batch(outage.incident)
    outage.do("acknowledge", "09:01")
    outage.do("told", "09:02", by="tierline", role="system", tickets=welcome.tickets, version=welcome.version)
    assert outage.tell("09:02") == [(("a",), 2, "acknowledged")]


def test_who_could_not_be_told_holds_up_nobody_and_hears_all_of_it_later_in_order():
    outage = declared("P0", "09:00", "a", "b", "c")
    outage.tell()
    outage.do("update", "09:00", **UPDATE)
    outage.do("told", "09:00", by="tierline", role="system", tickets=("a", "b", "c"), version=2, missed=("b",))
    (late,) = [effect for effect in outage.incident.pending_effects if effect.kind == "catch_up"]
    assert (late.tickets, outage.incident.behind) == (("b",), {"b"})
    outage.do("acknowledge", "09:01")
    assert outage.tell("09:01") == [(("a", "c"), 3, "acknowledged")]
    told = catch_up_batch(outage.incident, late.tickets)
    assert told
    assert (told.tickets, told.version, told.fact.update) == (("b",), 2, 1)
    outage.wake("09:10")
    assert "catch_up" in [effect.kind for effect in outage.incident.degraded]
    outage.carry_out("catch_up", "09:11")
    assert outage.tell("09:11") == [(("b",), 2, "declared"), (("b",), 3, "acknowledged")]
    assert (outage.incident.behind, outage.incident.announcements) == (frozenset(), ())


@pytest.mark.parametrize(("own", "left"), [(False, "back"), (True, "own")])
def test_who_could_not_be_told_that_it_left_hears_it_later(own, left):
    outage = declared("P0", "09:00", "a", "b")
    outage.tell()
    outage.do("leave", "09:05", ticket="b", own=own, reason="Another product.")
    outage.do("told", "09:05", by="tierline", role="system", tickets=("b",), version=2, left=True, missed=("b",))
    assert next_batch(outage.incident) is None
    late = catch_up_batch(outage.incident, ("b",))
    assert late
    assert (late.tickets, late.fact.left) == (("b",), left)
    outage.carry_out("catch_up", "09:06")
    assert outage.tell("09:06") == [(("b",), 2, left)]


def test_who_can_never_be_told_can_be_let_go_of():
    outage = declared("P0", "09:00", "a", "b")
    outage.tell()
    outage.do("leave", "09:05", ticket="b", reason="Another product.")
    outage.do("cancel", "09:06", reason="Enough.")
    for ticket, left in (("b", True), ("a", False)):
        outage.do("told", "09:06", by="tierline", role="system", tickets=(ticket,), version=3, left=left,
                  missed=(ticket,))  # fmt: skip
        outage.fail("catch_up", "10:40", "it is gone")
    outage.do("retry", "10:41", let_go=True)
    assert (next_batch(outage.incident), outage.incident.behind, outage.incident.announcements) == (
        None,
        frozenset(),
        (),
    )


def test_a_wrong_join_is_undone_once_and_for_that_ticket_alone():
    outage = declared("P0", "09:00", "a", "b")
    outage.tell()
    assert outage.refused("leave", "09:05", ticket="b").missing == ["reason"]
    outage.do("leave", "09:05", ticket="b", reason="Another product.")
    assert outage.tell("09:05") == [(("b",), 2, "back")]
    outage.join("b", "09:06")  # the effect that joined it, carried out again
    assert [joined.ticket for joined in outage.incident.tickets] == ["a"]
    outage.join("b", "09:07", effect=9)  # it asked anew
    assert outage.tell("09:07") == [(("b",), 2, "declared")]
    assert outage.refused("leave", "09:08", ticket="z", reason="x").code == "does_not_fit"


def test_without_a_ticket_and_with_nobody_on_it_there_is_no_incident():
    outage = declared("P0")
    outage.do("leave", "09:02", ticket="a", reason="A setting.")
    assert (outage.incident.state, outage.last("cancelled").why) == ("cancelled", "empty")
    taken = declared("P0")
    taken.do("acknowledge", "09:01")
    taken.do("leave", "09:02", ticket="a", reason="A setting.")
    assert taken.incident.state == "acknowledged"


def test_a_ticket_can_be_added_by_hand():
    outage = declared("P0")
    outage.tell()
    outage.do("join", "09:05", ticket="b")
    assert next_batch(outage.incident).fact.added
    assert outage.refused("join", "09:06", ticket="b").code == "does_not_fit"


def test_a_ticket_is_never_part_of_a_drill_whoever_says_so():
    practice = declared("P0", drill=True)
    by_hand = practice.refused("join", "09:05", ticket="b")
    assert (by_hand.code, "the incident is a drill" in by_hand.message) == ("does_not_fit", True)
    assert ("join" in by_hand.would_fit, "resolve" in by_hand.would_fit) == (False, True)
    with pytest.raises(Refused, match="the incident is a drill"):
        practice.join("b", "09:05")
    assert practice.incident.tickets == ()
    declared("P0").do("join", "09:05", ticket="b")  # the negative control: of a real one, it is


@pytest.mark.parametrize(
    ("lowered", "state"), [("09:05", "cancelled"), ("09:05:01", "declared")]
)  # fmt: skip
def test_g6_lowered_within_the_guess_window_it_was_none(lowered, state):
    outage = declared("P0", "09:00", "a", "b")
    outage.wake("09:00")
    outage.news("a", "09:01", 5, priority="P3")
    assert outage.incident.state == "declared"
    outage.news("b", lowered, 5, priority="P2")
    assert outage.incident.state == state


def test_g6_what_somebody_has_already_is_not_cancelled_by_lowering_a_ticket():
    outage = declared("P0")
    outage.do("acknowledge", "09:01")
    outage.news("a", "09:02", 5, priority="P3")
    assert outage.incident.state == "acknowledged"


def test_g6_what_a_person_declared_is_not_ended_by_what_its_tickets_say():
    outage = declared("P1", "09:00", by="ada", role="engineer")
    outage.do("join", "09:01", ticket="b")
    outage.news("b", "09:01", 5, priority="P3")
    outage.news("a", "09:02", 5, priority="P3")
    outage.do("leave", "09:03", ticket="a", reason="Another cause.")
    outage.do("leave", "09:03", ticket="b", reason="Another cause.")
    outage.wake("09:15")
    assert (outage.incident.state, outage.when("paged")) == ("declared", [at("09:00"), at("09:15")])
    outage.do("cancel", "09:16", reason="A false alarm.")
    assert outage.incident.ended


def test_what_a_ticket_says_out_of_order_is_dropped():
    outage = declared("P0", "09:00")
    outage.news("a", "09:02", 7, owes=())
    outage.news("a", "09:03", 6, owes=("bug_report",))
    outage.news("z", "09:03", 6, owes=("bug_report",))
    assert outage.incident.owing == {}


def test_a_bug_is_linked_once():
    outage = declared("P0", "09:00")
    outage.news("a", "09:02", 7, jira_key="SUP-1")
    outage.news("a", "09:03", 8, jira_key="SUP-1", owes=("bug_report",))
    assert [effect.links for effect in outage.incident.pending_effects if effect.kind == "issue_note"] == [("SUP-1",)]


# -- The end ---------------------------------------------------------------------------------------------------


def test_g6_resolved_only_with_the_packages_debt_paid():
    outage = declared("P0")
    outage.join("b", "09:01", owes=("steps_taken", "bug_report"))
    refused = outage.refused("resolve", "09:05")
    assert (refused.code, refused.missing) == ("missing_fields", ["b.steps_taken", "b.bug_report"])
    assert "ticket-b" in refused.message
    outage.news("b", "09:06", 9, owes=())
    outage.do("resolve", "09:07")
    assert outage.incident.state == "resolved"


def test_resolved_ends_pages_and_asks_for_a_review():
    outage = declared("P0")
    outage.wake("09:00")
    outage.do("resolve", "09:07")
    asked = {"end_pages", "close", "review_issue", "room", "issue_note"}
    assert asked <= set(outage.kinds())
    assert "page" not in outage.kinds()
    assert next(effect for effect in outage.incident.pending_effects if effect.kind == "issue_note").last
    assert (outage.incident.next_page, outage.incident.update_due) == (None, None)


@pytest.mark.parametrize(("priority", "due"), [("P0", "Thu 10:00"), ("P1", "Mon+1 10:00")])
def test_a_review_is_due_in_business_days_and_reminded_until_it_is_done(priority, due):
    outage = declared(priority)
    outage.do("acknowledge", "09:01")
    outage.do("resolve", "10:00")
    assert outage.incident.review_due == at(due)
    outage.wake(due)
    outage.wake("Tue+1 10:00")
    assert outage.when("review_due")[0] == at(due)
    assert len(outage.when("review_due")) == {"P0": 2, "P1": 2}[priority]
    assert outage.refused("review_done", "Tue+1 11:00").missing == ["summary"]
    outage.do("review_done", "Tue+1 11:00", summary="A disk alert.")
    outage.wake("Fri+1 10:00")
    assert len(outage.when("review_due")) == 2
    assert outage.incident.ended


def test_action_items_have_an_owner():
    outage = declared("P0")
    outage.do("resolve", "09:30")
    assert outage.refused("action", "09:40").missing == ["text"]
    outage.do("action", "09:40", text="Alert on full disks.", owner="eva")
    outage.do("action", "09:41", text="A larger disk.")
    assert [action.owner for action in outage.incident.actions] == ["eva", "ron"]
    outage.carry_out("action_issue", "09:42", jira_key="SUP-9")
    assert outage.incident.actions[0].issue_key == "SUP-9"


def test_cancelling_needs_a_reason_and_no_review():
    outage = declared("P0")
    assert outage.refused("cancel", "09:05").missing == ["reason"]
    outage.do("cancel", "09:05", reason="A drill of theirs.")
    assert outage.incident.ended
    assert "review_issue" not in outage.kinds()
    refused = outage.refused("resolve", "09:06")
    assert (refused.code, refused.would_fit) == ("closed", [])


def test_a_ticket_that_joins_late_hears_that_it_is_over():
    outage = declared("P0")
    outage.tell()
    outage.do("resolve", "09:05")
    outage.tell("09:05")
    outage.join("late", "09:06")
    assert outage.tell("09:06") == [(("late",), 2, "resolved")]


def test_what_is_outstanding_for_ten_minutes_is_degraded_and_ops_hear_of_it():
    outage = declared("P0")
    outage.carry_out("room", "09:00:01")
    outage.do("acknowledge", "09:00:02")
    outage.wake("09:10")
    assert [effect.kind for effect in outage.incident.degraded] == ["issue"]
    assert (at("09:10"), "effect_failing", "ops", None) in outage.notices()


def test_a_drill_tells_nobody():
    outage = declared("P0", drill=True)
    for moment in ("09:00", "09:05", "09:10", "09:15", "09:20", "09:25"):
        outage.wake(moment)
    assert outage.incident.unanswered
    assert outage.notices() == []


def test_what_cannot_be_read_is_refused_by_name():
    outage = declared("P0")
    with pytest.raises(Refused) as unknown:
        INCIDENT.decide(outage.incident, parse({"do": "explode"}), at("09:01"))
    assert (unknown.value.code, "resolve" in unknown.value.would_fit) == ("unknown_command", True)
    assert outage.refused("leave", "09:01", ticket="../x").fields.keys() == {"ticket"}

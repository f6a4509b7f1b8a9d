"""G13: what ends elsewhere ends here."""

import pytest

from domain.core.enums import Metric, Resolution, Status
from tests.support.incident_case import UPDATE, declared
from tests.support.packages import RECORD
from tests.support.ticket_case import Case, at, given, in_tier, kinds


def end(case: Case, moment: str, how: str, **more: str) -> None:
    case.do("end", moment, by="zendesk-20", role="integration", how=how, **more)


@pytest.mark.parametrize(("how", "written"), [("deleted", "deleted"), ("spam", "spam"), ("closed", "elsewhere")])
def test_g13_it_ends_without_a_record_and_its_clocks_stop(how, written):
    case = given()
    case.do("take", at="09:01")
    end(case, "09:05", how)
    case.wake("Fri 12:00")
    assert (case.ticket.status, case.last("closed").how, case.ticket.resolution) == (Status.CLOSED, written, None)
    assert (case.lapses(), case.of("limit_reached"), case.next()) == ([], [], None)
    assert all(clock.met_at is None for clock in case.ticket.clocks)
    assert case.ticket.discarded is (how in ("deleted", "spam"))
    assert case.refold() == case.ticket


def test_g13_c7_merged_it_is_a_duplicate_and_nothing_is_met():
    case = given()
    end(case, "09:05", "merged", into="aaaa-bbbb-cccc")
    assert (case.ticket.resolution, case.ticket.parent) == (Resolution.DUPLICATE, "aaaa-bbbb-cccc")
    assert (case.ticket.status, case.types()) == (Status.CLOSED, ["opened", "closed"])
    assert all(clock.met_at is None for clock in case.ticket.clocks)
    assert given().refused("end", "09:05", role="integration").missing == ["how"]


def test_g13_a_ticket_that_waits_or_is_resolved_ends_as_well():
    for case in (given(), given()):
        case.do("wait", at="09:01", question="Which browser?")
        end(case, "09:05", "deleted")
        assert (case.ticket.status, case.ticket.suspended) == (Status.CLOSED, True)
    resolved = in_tier("T1")
    resolved.do("resolve", at="09:05", **RECORD)
    end(resolved, "09:10", "closed")
    assert (resolved.ticket.status, resolved.ticket.resolution) == (Status.CLOSED, Resolution.SOLVED)
    assert resolved.refused("end", "09:11", role="integration", how="spam").code == "closed"


@pytest.mark.parametrize("role", ["agent", "engineer", "customer", "bot"])
def test_g13_nobody_escapes_the_record_of_a_resolution_by_it(role):
    assert given().refused("end", "09:05", role=role, how="spam").code == "not_allowed"


def test_g13_g6_a_discarded_ticket_leaves_its_incident():
    case = given("premium", "P0")
    case.incident("09:01", "declared", 2)
    end(case, "09:05", "spam")
    assert kinds(case)[-1] == "tell_incident"
    merged = given("premium", "P0")
    merged.do(
        "effect_done", "09:01", by="tierline", role="system", key=merged.ticket.pending_effects[0].key, incident=7
    )
    end(merged, "09:05", "deleted")
    assert kinds(merged) == ["tell_incident"]


def test_g13_g6_an_incident_without_a_real_ticket_ends_and_its_pages_are_called_off():
    for acknowledged in (False, True):
        outage = declared("P0")
        outage.join("a")
        if acknowledged:
            outage.do("acknowledge", "09:02")
        outage.news("a", "09:05", 9, discarded=True)
        outage.wake("12:00")
        assert (outage.incident.state, outage.last("cancelled").why) == ("cancelled", "empty")
        assert [page for page in outage.paged() if page[0] > at("09:05")] == []
        assert "end_pages" in {effect.kind for effect in outage.incident.pending_effects}
        assert outage.tell("09:06")[0][2] == "back"


def test_g13_g6_an_incident_goes_on_where_others_need_it():
    shared = declared("P0")
    shared.join("a")
    shared.join("b")
    shared.news("a", "09:05", 9, discarded=True)
    assert (shared.incident.state, [one.ticket for one in shared.incident.tickets]) == ("declared", ["b"])
    written = declared("P0")
    written.join("a")
    written.do("acknowledge", "09:02")
    written.do("update", "09:04", **UPDATE)
    written.news("a", "09:05", 9, discarded=True)
    assert written.incident.state == "acknowledged"


def test_g13_solved_by_the_customer_it_is_resolved_without_a_record_and_no_limit_runs():
    case = given()
    case.do("take", at="09:01")
    case.do("respond", at="09:02", text="Please try again.")
    case.do("solved", at="09:05", by="zendesk-300", role="customer")
    case.wake("12:00")
    assert (case.ticket.status, case.ticket.resolution) == (Status.RESOLVED, Resolution.SOLVED)
    assert (case.last("resolved").by_customer, case.lapses(), case.of("limit_reached")) == (True, [], [])
    met = {clock.met_at for clock in case.ticket.clocks if clock.metric is Metric.RESOLUTION}
    assert met == {at("09:05")}


def test_g13_c5_solved_before_anybody_answered_no_response_is_counted_nor_missed():
    case = given()
    case.do("solved", at="09:05", by="zendesk-300", role="customer", text="Found it myself.")
    case.wake("Fri 12:00")
    assert (case.of("replied")[0].texts, case.lapses()) == ({"text": "Found it myself."}, [])
    assert {clock.met_at for clock in case.ticket.clocks if clock.metric is Metric.FIRST_RESPONSE} == {None}


def test_g13_c12_it_counts_from_when_the_customer_said_so_and_ends_the_waiting():
    case = given()
    case.do("wait", at="09:01", question="Does it work now?")
    case.do("solved", at="11:00", by="z", role="customer", text="Works now.", occurred="09:30", source="helpdesk")
    assert (case.ticket.resolved_at, case.last("wait_ended").end) == (at("09:30"), at("09:30"))


def test_g13_c10_thanks_with_solve_reopen_nothing_that_is_resolved():
    case = in_tier("T1")
    case.do("resolve", at="09:05", **RECORD)
    case.do("solved", at="09:30", by="z", role="customer", text="Works now, thanks.")
    assert (case.ticket.status, case.ticket.reopenings, len(case.of("resolved"))) == (Status.RESOLVED, 0, 1)
    case.do("reply", at="10:00", by="z", role="customer", text="It is back.")
    assert case.ticket.status is Status.OPEN


@pytest.mark.parametrize("role", ["agent", "bot", "system"])
def test_g13_nobody_of_ours_and_no_machine_says_so_for_the_customer(role):
    assert given().refused("solved", "09:05", role=role).code == "not_allowed"

"""G6: who is paged for an incident, and when. Every instant is exact."""

import pytest

from tests.support.incident_case import declared
from tests.support.ticket_case import at


def test_g6_it_pages_the_on_call_at_once():
    outage = declared("P0", "Sat 03:00")
    outage.wake("Sat 03:00")
    assert outage.paged() == [(at("Sat 03:00"), 1, 1, "on-call")]
    (page,) = outage.incident.pages
    assert (page.key, page.dedup_key) == ("incident-7:page:3", "incident-7")


@pytest.mark.parametrize(
    ("priority", "minutes"),
    [("P0", ["09:00", "09:05", "09:10", "09:15"]), ("P1", ["09:00", "09:15", "09:30", "09:45"])],
)
def test_g6_unacknowledged_it_pages_again_then_the_next_level_then_the_manager(priority, minutes):
    outage = declared(priority)
    for moment in ("09:00", "09:04:59", "09:05", "09:10", "09:15", "09:20", "09:30", "09:45", "10:00", "12:00"):
        outage.wake(moment)
    places = [(1, 1, "on-call"), (1, 2, "on-call"), (2, 1, "on-call-second"), (3, 1, "manager")]
    assert outage.paged() == [(at(moment), *place) for moment, place in zip(minutes, places, strict=True)]


def test_g6_when_nobody_comes_that_is_said_and_the_ladder_can_be_climbed_again():
    outage = declared("P0")
    for moment in ("09:00", "09:05", "09:10", "09:15", "09:20"):
        outage.wake(moment)
    assert outage.when("unanswered") == [at("09:20")]
    room = [effect for effect in outage.incident.pending_effects if effect.kind == "room"]
    assert [effect.seq for effect in room if effect.everyone] == [outage.of("unanswered")[0].seq]
    heard = [notice[2:] for notice in outage.notices() if notice[1] == "incident_unanswered"]
    assert heard == [("manager", "manager"), ("lead", None), ("ops", None)]
    outage.do("retry", "09:30")
    outage.wake("09:30")
    assert outage.paged()[-1] == (at("09:30"), 1, 3, "on-call")


def test_g6_who_acknowledges_at_the_due_instant_is_in_time():
    outage = declared("P0")
    outage.wake("09:00")
    outage.do("acknowledge", "09:05")
    outage.wake("12:00")
    assert len(outage.paged()) == 1
    assert outage.incident.acknowledged_at == at("09:05")


@pytest.mark.parametrize(("received", "pages"), [("09:05", 1), ("09:05:01", 2)])
def test_g6_an_acknowledgement_counts_from_when_it_was_received(received, pages):
    outage = declared("P0")
    outage.wake("09:00")
    outage.do("page_acknowledged", "09:07", role="integration", received=received)
    assert len(outage.paged()) == pages
    assert outage.incident.acknowledged_at == at(received)


def test_g6_after_an_outage_nobody_on_the_ladder_is_skipped():
    outage = declared("P0")
    outage.wake("09:00")
    outage.wake("09:30")  # nothing ran in between
    outage.wake("09:35")
    assert [(event.at, event.detected) for event in outage.of("paged")] == [
        (at("09:00"), at("09:00")),
        (at("09:05"), at("09:30")),
        (at("09:35"), at("09:35")),
    ]


def test_g6_mitigated_is_acknowledged_too():
    outage = declared("P0")
    outage.wake("09:00")
    outage.do("mitigate", "09:03")
    outage.wake("10:00")
    assert len(outage.paged()) == 1
    assert outage.incident.acknowledged_at == at("09:03")


def test_g6_a_page_that_the_pager_refuses_goes_to_the_second_channel():
    outage = declared("P0")
    outage.wake("09:00")
    outage.fail("page", "09:00:45")
    assert (outage.incident.pages[0].state, "page_elsewhere" in outage.kinds()) == ("failed", True)
    outage.carry_out("page_elsewhere", "09:00:50")
    assert (outage.incident.pages[0].state, outage.incident.degraded) == ("elsewhere", ())


def test_what_both_channels_refuse_is_degraded_and_begins_again_at_the_pager():
    outage = declared("P0")
    outage.wake("09:00")
    outage.fail("page", "09:00:10")
    outage.fail("page_elsewhere", "09:00:20")
    assert [effect.kind for effect in outage.incident.degraded] == ["page_elsewhere"]
    outage.do("retry", "09:01")
    assert [effect.key for effect in outage.incident.pending_effects if effect.kind == "page"] == ["incident-7:page:3"]
    outage.carry_out("page", "09:01:01")
    assert (outage.incident.pages[0].state, outage.incident.degraded) == ("accepted", ())


def test_what_cannot_be_corrected_can_be_let_go_of():
    outage = declared("P0")
    outage.fail("issue", "09:01", "project: does not exist")
    assert outage.refused("retry", "09:02", role="customer").code == "not_allowed"
    outage.do("retry", "09:02", let_go=True)
    assert "issue" not in outage.kinds()


def test_a_page_that_was_not_sent_yet_is_withdrawn_when_somebody_has_it():
    outage = declared("P0")
    outage.wake("09:00")
    outage.do("acknowledge", "09:01")
    assert "page" not in outage.kinds()
    assert outage.incident.pages[0].state == "withdrawn"
    assert "acknowledge_pages" in outage.kinds()  # it may have been on its way


def test_the_pager_is_not_told_what_it_said_itself():
    outage = declared("P0")
    outage.wake("09:00")
    outage.carry_out("page", "09:00")
    outage.do("page_acknowledged", "09:01", role="integration")
    assert "acknowledge_pages" not in outage.kinds()
    outage.do("page_acknowledged", "09:02", role="integration")
    assert len(outage.of("acknowledged")) == 1


@pytest.mark.parametrize(("raised", "second"), [("09:02", "09:05"), ("09:07", "09:07"), ("09:14", "09:14")])
def test_c8_raised_the_ladder_goes_on_at_the_new_pace_and_never_in_the_past(raised, second):
    outage = declared("P1")
    outage.wake("09:00")
    outage.do("severity", raised, priority="P0", reason="All sites.")
    outage.wake(raised)
    outage.wake("09:14:30")
    assert outage.when("paged")[1] == at(second)


def test_lowered_it_has_the_longer_time():
    outage = declared("P0")
    outage.wake("09:00")
    outage.do("severity", "09:02", priority="P1", reason="One site.")
    outage.wake("09:14:59")
    assert len(outage.paged()) == 1
    outage.wake("09:15")
    assert len(outage.paged()) == 2


def test_g6_somebody_was_paged_already_by_a_ticket_that_could_not_open_it():
    outage = declared("P0", "09:00", "a")
    alone = declared("P0", "09:00", "none")
    alone.incident = alone.incident.model_copy(update={"tickets": ()})
    alone.join("a", "09:00", page="area-api")
    alone.join("b", "09:00", page="area-api")
    alone.wake("09:00")
    assert (alone.paged(), len(alone.of("page_adopted"))) == ([], 1)
    alone.wake("09:05")
    assert alone.paged() == [(at("09:05"), 1, 2, "on-call")]
    alone.do("cancel", "09:06", reason="Enough.")
    assert {page.dedup_key for page in alone.incident.pages} == {"area-api", "incident-7"}
    outage.wake("09:00")
    outage.join("c", "09:01", page="area-api")  # it was paged for by itself: the other page is ended with it
    outage.wake("09:05")
    assert [page[0] for page in outage.paged()] == [at("09:00"), at("09:05")]


def test_a_page_that_comes_after_the_end_is_ended():
    outage = declared("P0")
    outage.do("cancel", "09:01", reason="Enough.")
    outage.join("late", "09:02", page="area-api")
    assert "end_pages" in outage.kinds()


def test_a_page_that_comes_when_somebody_has_it_is_acknowledged():
    outage = declared("P0")
    outage.wake("09:00")
    outage.do("acknowledge", "09:01")
    outage.carry_out("acknowledge_pages", "09:01")
    outage.join("late", "09:02", page="area-api")  # its ticket could not find the incident, and paged alone
    assert outage.kinds().count("acknowledge_pages") == 1
    assert [page.dedup_key for page in outage.incident.pages] == ["incident-7", "area-api"]


def test_cancelled_before_anybody_was_paged_there_is_nothing_to_end():
    outage = declared("P0")
    outage.do("cancel", "09:00", reason="A slip.")
    assert "end_pages" not in outage.kinds()
    outage.wake("12:00")
    assert outage.paged() == []


def taken(priority="P0", page="incident-7:1:2"):
    """An incident whose second page was taken at the pager at 09:06, and that was told so at 09:07."""
    outage = declared(priority)
    for moment in ("09:00", "09:05"):
        outage.wake(moment)
    outage.do("page_acknowledged", "09:07", role="integration", page=page, occurred=at("09:06"))
    return outage


def acted(outage, moment, what, page="incident-7:1:2", occurred=None):
    outage.do("pager_acted", moment, role="integration", what=what, page=page, occurred=at(occurred or moment))


@pytest.mark.parametrize("what", ["unacknowledged", "reopened", "escalated"])
def test_g6_an_acknowledgement_that_is_over_at_the_pager_is_none_and_the_ladder_goes_on(what):
    outage = taken()
    acted(outage, "09:37", what)
    assert (outage.incident.state, outage.incident.acknowledged_at) == ("declared", None)
    for moment in ("09:42", "09:43", "09:47"):
        outage.wake(moment)
    # The pager itself calls again whoever had it; we page the next ones, each at the priority's pace.
    assert outage.paged()[2:] == [(at("09:42"), 2, 1, "on-call-second"), (at("09:47"), 3, 1, "manager")]
    outage.do("page_acknowledged", "09:48", role="integration", page="incident-7:3:1", occurred=at("09:48"))
    assert (outage.incident.state, outage.incident.acknowledged_at) == ("acknowledged", at("09:48"))
    assert "acknowledge_pages" in outage.kinds()


@pytest.mark.parametrize(
    ("page", "occurred"),
    [("incident-7", "09:37"), ("incident-7:1:2", "09:05:30")],
    ids=["of another page", "older than the acknowledgement that stands"],
)
def test_g6_a_time_out_of_another_acknowledgement_is_a_line_and_no_more(page, occurred):
    outage = taken()
    acted(outage, "09:38", "unacknowledged", page, occurred)
    outage.wake("10:00")
    assert (outage.incident.state, len(outage.paged()), len(outage.of("pager_acted"))) == ("acknowledged", 2, 1)


def test_g6_an_acknowledgement_given_here_does_not_time_out_at_the_pager():
    outage = declared("P0")
    outage.wake("09:00")
    outage.do("acknowledge", "09:03")
    acted(outage, "09:33", "unacknowledged", "incident-7")
    assert (outage.incident.state, outage.of("pager_acted")[0].body.lapsed) == ("acknowledged", False)


def test_g6_an_acknowledgement_that_arrives_after_its_own_time_out_counts_no_more():
    outage = taken()
    acted(outage, "09:37", "unacknowledged")
    outage.do("page_acknowledged", "09:40", role="integration", page="incident-7", occurred=at("09:06:30"))
    assert outage.incident.state == "declared"


@pytest.mark.parametrize("what", ["acknowledged", "resolved"])
def test_g6_what_a_machine_does_to_a_page_is_no_acknowledgement_and_stands_on_the_timeline(what):
    outage = declared("P0")
    outage.wake("09:00")
    acted(outage, "09:02", what, "incident-7")
    outage.wake("09:05")
    assert (outage.incident.state, len(outage.paged())) == ("declared", 2)
    assert [event.body.what for event in outage.of("pager_acted")] == [what]
    assert "room" in outage.kinds()


@pytest.mark.parametrize("what", ["acknowledged", "resolved"])
def test_g6_the_pagers_echo_of_what_it_was_told_here_is_no_news(what):
    outage = taken()
    acted(outage, "09:08", what)
    assert outage.of("pager_acted") == []

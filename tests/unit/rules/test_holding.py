"""Who has a ticket in hand: taken, assigned, released. Only a take starts the Tier 1 limit (G1)."""

from domain.core.enums import Status
from tests.support.ticket_case import at, given


def test_g1_an_assignment_starts_nothing_and_the_take_of_who_has_it_does() -> None:
    case = given(plan="standard", priority="P2")
    case.do("assign", at="09:01", by="lea", role="lead", to="ada")
    assert (case.ticket.assignee, case.ticket.status) == ("ada", Status.NEW)
    case.wake("09:30")
    assert case.when("limit_reached") is None
    case.do("take", at="09:30", by="ada")
    assert case.ticket.status is Status.OPEN
    case.wake("09:45")
    assert case.when("limit_reached") == at("09:45")


def test_g1_after_a_hand_back_whom_it_is_assigned_to_takes_it_anew() -> None:
    case = given(plan="standard", priority="P2")
    case.do("assign", at="09:01", by="lea", role="lead", to="ada")
    case.do("take", at="09:02", by="ada")
    assert case.refused("take", at="09:03", by="ada").message.endswith("you hold it already")


def test_what_somebody_holds_is_assigned_by_them_or_over_them() -> None:
    case = given(plan="standard", priority="P2")
    case.do("take", at="09:01", by="ada")
    refused = case.refused("assign", at="09:02", by="lea", role="lead", to="ben")
    assert refused.code == "does_not_fit"
    assert "ada holds it" in refused.message
    assert "ben holds it already" not in refused.message
    case.do("assign", at="09:03", by="ada", to="ben")
    assert case.ticket.assignee == "ben"
    case.do("assign", at="09:04", by="lea", role="lead", to="eve", over=True)
    assert case.ticket.assignee == "eve"
    assert "eve holds it already" in case.refused("assign", at="09:05", by="lea", role="lead", to="eve").message


def test_an_assignment_names_somebody() -> None:
    assert given(plan="standard", priority="P2").refused("assign", at="09:01", by="lea").missing == ["to"]


def test_a_release_gives_it_back_to_the_queue_and_stops_no_limit() -> None:
    case = given(plan="standard", priority="P2")
    assert "nobody holds it" in case.refused("release", at="09:00", by="ada").message
    case.do("take", at="09:01", by="ada")
    assert "ada holds it" in case.refused("release", at="09:02", by="ben").message
    case.do("release", at="09:03", by="ada", reason="Lunch.")
    assert (case.ticket.assignee, case.ticket.status) == (None, Status.OPEN)
    assert case.events[-1].texts == {"reason": "Lunch."}
    case.wake("09:16")
    assert case.when("limit_reached") == at("09:16")
    case.do("take", at="09:17", by="ben")
    assert case.ticket.assignee == "ben"


def test_a_lead_releases_over_whoever_holds_it() -> None:
    case = given(plan="standard", priority="P2")
    case.do("take", at="09:01", by="ada")
    case.do("release", at="09:02", by="lea", role="lead", over=True)
    assert case.ticket.assignee is None


def test_b5_the_words_of_a_customer_say_whose_they_are() -> None:
    case = given(plan="standard", priority="P2")
    case.do("reply", at="09:05", by="ada", text="It works again.", customer="u-17")
    assert case.events[-1].texts == {"text": "It works again.", "customer": "u-17"}

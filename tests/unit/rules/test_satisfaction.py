"""F7: one answer, changeable for a day; a low score asks a lead for a follow-up."""

from datetime import timedelta

import pytest

from domain.ticket.aggregate import notices
from domain.ticket.rules.satisfaction import MOST_ANSWERS, Rated
from tests.support.ticket_case import Case, at, given, in_tier

RECORD = {"resolution": "solved", "message": "It works.", "what_was_done": "x", "root_cause": "y", "kb_reason": "gap"}


def closed(at_: str = "11:00", **resolution: str) -> Case:
    case = in_tier("T1")
    case.do("resolve", at="10:00", **(RECORD | resolution))
    case.do("close", at=at_)
    return case


def answer(case: Case, moment: str, csat: int, comment: str = "") -> None:
    case.do("rate", at=moment, by="acme", role="customer", csat=csat, comment=comment, survey=True)


def told(case: Case) -> list[tuple[str, str]]:
    """The notices of the latest event: name and audience."""
    return [(one.name, one.audience) for one in notices(case.ticket, case.events[-1])]


def test_f7_an_answer_is_changed_within_a_day_and_then_stands() -> None:
    case = closed()
    answer(case, "12:00", 2, "Slow.")
    answer(case, "12:00:30", 3, "Slow, but right.")
    answer(case, "Tue 11:59:59", 4)
    assert [body.csat for body in case.bodies("rated")] == [2, 3, 4]
    assert case.of("rated")[1].texts == {"comment": "Slow, but right."}
    assert (case.ticket.csat, case.ticket.survey_answered_at) == (4, at("12:00"))
    refused = case.refused("rate", "Tue 12:00", by="acme", role="customer", csat=5, survey=True)
    assert refused.code == "does_not_fit"
    assert "stands" in refused.message


def test_f7_an_answer_is_not_changed_without_end() -> None:
    case = closed()
    for minute in range(MOST_ANSWERS):
        answer(case, f"12:{minute:02}", 5)
    assert case.refused("rate", "13:00", by="acme", role="customer", csat=1, survey=True).code == "does_not_fit"


def test_f7_a_rating_that_comes_in_another_way_counts_once_an_hour() -> None:
    case = closed()
    case.do("rate", at="12:00", by="acme", role="customer", csat=5)
    assert case.refused("rate", "12:59:59", by="acme", role="customer", csat=4).code == "does_not_fit"
    case.do("rate", at="13:00", by="acme", role="customer", csat=4)
    assert (case.ticket.csat, case.ticket.survey_answered_at) == (4, None)


@pytest.mark.parametrize("effort", [0, 8, -1])
def test_f7_how_easy_it_was_is_refused_by_name_outside_of_1_to_7(effort: int) -> None:
    case = closed()
    refused = case.refused("rate", "12:00", by="acme", role="customer", csat=5, effort=effort, survey=True)
    assert list(refused.fields) == ["effort"]


def test_f7_how_easy_it_was_is_said_or_not_and_an_answer_is_changed_as_a_whole() -> None:
    case = closed()
    answer(case, "12:00", 4)
    assert case.ticket.effort is None
    for minute, effort in ((1, 1), (2, 7)):
        case.do("rate", at=f"12:0{minute}", by="acme", role="customer", csat=4, effort=effort, survey=True)
        assert case.ticket.effort == effort
    assert [body.effort for body in case.bodies("rated")] == [None, 1, 7]
    answer(case, "12:03", 4)
    assert case.ticket.effort is None
    assert case.refold() == case.ticket


def test_f7_a_rating_in_another_way_leaves_how_easy_it_was_where_it_says_nothing_of_it() -> None:
    case = closed()
    case.do("rate", at="12:00", by="acme", role="customer", csat=4, effort=6, survey=True)
    case.do("rate", at="14:00", by="acme", role="customer", csat=2)
    assert (case.ticket.csat, case.ticket.effort) == (2, 6)


def test_f7_a_rating_from_before_the_question_says_nothing_of_how_easy_it_was() -> None:
    assert Rated.model_validate({"type": "rated", "csat": 4, "survey": True}).effort is None


def test_f7_nobody_rates_their_own_work_by_the_survey() -> None:
    assert closed().refused("rate", "12:00", csat=5, survey=True).code == "not_allowed"


@pytest.mark.parametrize(("csat", "asks"), [(1, True), (2, True), (3, False), (5, False)])
def test_f7_a_score_of_one_or_two_asks_the_lead_for_a_follow_up(csat: int, asks: bool) -> None:
    case = closed()
    answer(case, "12:00", csat)
    assert told(case) == ([("low_score", "lead")] if asks else [])
    assert case.ticket.low_score_since == (at("12:00") if asks else None)


def test_f7_one_low_score_after_another_asks_once_and_a_better_one_asks_no_more() -> None:
    case = closed()
    answer(case, "12:00", 2)
    answer(case, "12:01", 1)
    assert told(case) == []
    assert case.ticket.low_score_since == at("12:00")
    answer(case, "12:02", 4)
    assert case.ticket.low_score_since is None


def test_f7_a_lead_says_what_followed_after_closing_too() -> None:
    case = closed()
    answer(case, "12:00", 1)
    case.do("attend", at="13:00", by="lea", role="lead", text="I have called them.")
    assert case.ticket.low_score_since is None
    assert case.refused("attend", "13:01", by="lea", role="lead", text="Again.").code == "closed"
    assert case.refold() == case.ticket


@pytest.mark.parametrize(
    ("how", "asked"),
    [("closed", True), ("merged", False), ("deleted", False), ("spam", False)],
)
def test_f7_nobody_is_asked_of_what_ended_as_another_ticket_or_was_none(how: str, asked: bool) -> None:
    case = given()
    case.do("end", at="10:00", by="zendesk", role="integration", how=how)
    assert ("survey" in [name for name, _ in told(case)]) == asked


def test_f7_nobody_is_asked_of_a_duplicate() -> None:
    case = closed(resolution="duplicate", parent="4k7m-3q9x-tbd2")
    assert told(case) == []


def test_f7_a_resolved_ticket_is_not_asked_about_yet() -> None:
    case = in_tier("T1")
    case.do("resolve", at="10:00", **RECORD)
    assert told(case) == []
    case.wake(at("10:00") + timedelta(days=7))
    assert told(case) == [("survey", "customer")]

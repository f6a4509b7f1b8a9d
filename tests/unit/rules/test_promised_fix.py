"""F10, G16: a promise of the fix is at risk while engineering plans the fix for later than it was promised."""

from typing import Any

from domain.ticket.aggregate import notices
from domain.ticket.derived import flags
from tests.support.ticket_case import Case, at, in_jira

PLANNED = {"status": "In Progress", "fix_versions": ["4.13"]}


def promised(due: str = "Fri 17:00", **more: Any) -> Case:
    """Ada has promised the fix until Friday, 27 November; nothing is planned yet."""
    case = in_jira()
    case.do("promise", at="09:20", text="Fixed by Friday.", due=at(due), **({"fix": True} | more))
    return case


def plan(case: Case, instant: str, day: str | None, **fact: Any) -> None:
    case.jira(instant, "indeterminate", **PLANNED | {"release_date": day} | fact)


def risks(case: Case) -> list[tuple[int, str | None]]:
    return [
        (one.promise, str(one.release_date) if one.release_date else None) for one in case.bodies("promise_at_risk")
    ]


def at_risk(case: Case) -> list[int]:
    return [one.number for one in case.ticket.promises if one.at_risk]


def test_f10_a_release_after_the_promised_day_puts_the_promise_at_risk_and_tells_its_owner_and_the_lead():
    case = promised()
    plan(case, "10:00", "2026-11-30")
    risk = case.of("promise_at_risk")[0]
    assert (risk.body.promise, risk.body.key, risk.body.due, risk.at) == (1, "SUP-1", at("Fri 17:00"), at("10:00"))
    told = {(notice.name, notice.audience, notice.recipient) for notice in notices(case.ticket, risk)}
    assert told == {("promise_at_risk", "promiser", "ada"), ("promise_at_risk", "lead", None)}
    assert at_risk(case) == [1]
    assert "promise_at_risk" in flags(case.ticket)
    assert case.refold() == case.ticket


def test_f10_a_release_on_the_promised_day_keeps_the_promise():
    case = promised()
    plan(case, "10:00", "2026-11-27")
    assert risks(case) == []


def test_f10_the_promised_day_is_that_of_the_support_hours():
    case = promised("Fri 00:30")  # in UTC still Thursday
    plan(case, "10:00", "2026-11-27")
    assert risks(case) == []
    case = promised("Thu 23:30")
    plan(case, "10:00", "2026-11-27")
    assert risks(case) == [(1, "2026-11-27")]


def test_f10_each_move_is_told_once_also_where_the_issue_itself_did_not_change():
    case = promised()
    plan(case, "10:00", "2026-11-27", version=at("10:00"))
    plan(case, "11:00", "2026-12-04", version=at("10:00"))
    plan(case, "11:01", "2026-12-04", version=at("10:00"))
    plan(case, "12:00", "2026-12-04", version=at("12:00"), status="In Review")
    plan(case, "13:00", "2026-12-18", version=at("12:00"), status="In Review")
    assert risks(case) == [(1, "2026-12-04"), (1, "2026-12-18")]


def test_f10_a_late_fact_from_before_the_move_changes_nothing():
    case = promised()
    plan(case, "10:00", "2026-12-04", version=at("10:00"))
    plan(case, "10:01", "2026-11-27", version=at("09:30"))
    assert (risks(case), at_risk(case)) == ([(1, "2026-12-04")], [1])


def test_f10_a_release_that_comes_back_in_time_ends_the_risk():
    case = promised()
    plan(case, "10:00", "2026-12-04")
    plan(case, "11:00", "2026-11-27")
    assert at_risk(case) == []
    assert case.last("promise_on_course").promise == 1
    plan(case, "12:00", "2026-12-04")
    assert risks(case) == [(1, "2026-12-04"), (1, "2026-12-04")]


def test_f10_an_issue_that_is_taken_out_of_its_release_puts_the_promise_at_risk():
    case = promised()
    plan(case, "10:00", "2026-11-27")
    plan(case, "11:00", None, fix_versions=[])
    plan(case, "12:00", None, fix_versions=[], status="To Do")
    assert risks(case) == [(1, None)]
    case.jira("13:00", "done", status="Done", resolution="Fixed")
    assert at_risk(case) == []


def test_f10_only_a_promise_of_the_fix_that_can_be_kept_is_at_risk():
    case = promised(fix=False)
    case.do("promise", at="09:30", text="Fixed today.", due=at("12:00"), fix=True)
    case.do("promise", at="09:31", text="Fixed tomorrow.", due=at("Tue 12:00"), fix=True)
    case.wake("13:00")
    plan(case, "14:00", "2026-12-04")
    assert risks(case) == [(3, "2026-12-04")]


def test_f10_a_promise_that_is_made_against_the_plan_is_at_risk_at_once():
    case = in_jira()
    plan(case, "09:10", "2026-12-04")
    for minute in (20, 21):
        case.do("promise", at=f"09:{minute}", text="Fixed by Friday.", due=at("Fri 17:00"), fix=True)
    assert risks(case) == [(1, "2026-12-04"), (2, "2026-12-04")]


def test_f10_the_notice_says_what_is_planned_and_what_was_promised():
    case = promised()
    plan(case, "10:00", "2026-12-04")
    (title,) = {notice.title for notice in notices(case.ticket, case.of("promise_at_risk")[0])}
    assert title == "Promise 1 is at risk: SUP-1 is planned for 2026-12-04, promised until 2026-11-27 16:00:00 UTC"


def test_f10_a_ticket_whose_terms_are_older_tells_the_same_people():
    case = promised()
    terms = case.ticket.terms
    older = {name: to for name, to in terms.notices.items() if name != "promise_at_risk"}
    case.ticket = case.ticket.model_copy(update={"terms": terms.model_copy(update={"notices": older})})
    plan(case, "10:00", "2026-12-04")
    told = {notice.audience for notice in notices(case.ticket, case.of("promise_at_risk")[0])}
    assert told == {"promiser", "lead"}

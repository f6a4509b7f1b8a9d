"""A2, A3, A8, C3: what a ticket says of its waiting, of an issue that is gone, and of what was done; an empty form."""

import pytest

from cli.main import run
from cli.output import Code
from cli.render_ticket import draw
from services.reading.lookup import Seen
from services.reading.running import Waiting
from services.reading.ticket import entry_view, view
from services.reading.timeline import summary_of
from store.journal import Entry
from tests.support.packages import BOTH_PACKAGES
from tests.support.ticket_case import Case, at, given


def with_engineering() -> Case:
    """A ticket whose issue has been asked for."""
    case = given(plan="enterprise", priority="P2")
    case.do("take", "09:01")
    case.do("escalate", "09:31", to="T3", fields=BOTH_PACKAGES)
    return case


def page(case: Case, capsys: pytest.CaptureFixture[str], *waiting: Waiting) -> str:
    """What the terminal shows of a ticket."""
    entries = [
        Entry(event, epoch=1, run_id="r", recorded_at=at("Tue 09:00"), superseded=False, erased=())
        for event in case.events
    ]
    shown = view(Seen(case.ticket, {}, live=True, waiting=waiting))
    draw(shown | {"timeline": [entry_view(entry) for entry in entries]})
    return " ".join(capsys.readouterr().out.split())


def test_a2_a_ticket_says_why_it_waits_for_jira_and_when_it_is_tried_again(capsys: pytest.CaptureFixture[str]) -> None:
    reason = "Jira cannot be reached (ConnectionError)"
    shown = page(with_engineering(), capsys, Waiting("create_jira_issue", 7, at("10:00"), reason))
    assert f"because: {reason}" in shown
    assert "tried again create_jira_issue, attempt 7 at 2026-11-23" in shown
    assert "because" not in page(with_engineering(), capsys)


def test_a3_an_issue_that_is_gone_is_not_said_to_be_done(capsys: pytest.CaptureFixture[str]) -> None:
    case = with_engineering()
    key = next(effect.key for effect in case.ticket.pending_effects if effect.kind == "jira_bug")
    case.do("effect_done", "09:32", key=key, role="system", jira_key="SUP-1", jira_url="http://j/SUP-1")
    assert "done: bug report SUP-1" in page(case, capsys)
    case.jira("10:00", "gone", status="deleted, or out of our sight")
    shown = page(case, capsys)
    assert "SUP-1 is deleted, or out of our sight" in shown
    assert "back from engineering (jira)" in shown
    assert "engineering is done" not in shown.lower()


def test_of_an_effect_its_kind_is_told_and_not_its_key() -> None:
    case = with_engineering()
    (key,) = [effect.key for effect in case.ticket.pending_effects if effect.kind == "jira_bug"]
    case.wake("Thu 12:00")
    case.do("effect_failed", "Thu 12:01", key=key, role="system", reason="No component")
    case.do("retry", "Thu 12:02")
    case.do("effect_failed", "Thu 12:03", key=key, role="system", reason="No component")
    case.do("retry", "Thu 12:04", issue="SUP-7")
    kinds = ("effect_overdue", "effect_failed", "effect_retried")
    told = [summary_of(event.body) for event in case.events if event.body.type in kinds]
    assert told == [
        "pending for too long: bug report",
        "REFUSED by the other side: bug report",
        "is tried again: bug report",
        "REFUSED by the other side: bug report",
        "is tried again: bug report, now as link to an issue SUP-7",
    ]


def test_a8_a_ticket_without_a_word_is_not_opened(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ticket", "open", "--account", "acme", "--plan", "premium"]) == Code.USAGE
    assert "missing option --subject (or --description)" in capsys.readouterr().err

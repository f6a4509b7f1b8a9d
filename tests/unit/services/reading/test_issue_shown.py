"""What people see of the linked issue: on the ticket's page, in `show`, in Temporal's UI."""

import io
from typing import Any

import pytest
from rich.console import Console

from cli import render_ticket as drawing
from services.reading.lookup import Seen
from services.reading.ticket import view
from tests.support.ticket_case import Case, done, in_tier, word
from workflows.ticket.rendering import details

URL = "https://jira.example/browse/SUP-1"


def in_jira(**fact: Any) -> Case:
    """A ticket whose issue says this, at ten."""
    case = in_tier("T3")
    done(case, at="09:06", jira_key="SUP-1", jira_url=URL)
    case.jira("10:00", **fact)
    return case


def seen(case: Case) -> dict[str, Any]:
    """What programs get."""
    texts = {f"{event.seq}.{name}": text for event in case.events for name, text in event.texts.items()}
    return view(Seen(case.ticket, texts, live=True))


FIXED = {
    "category": "done",
    "status": "Released",
    "resolution": "Fixed",
    "assignee": "5b10a2841",
    "assignee_name": "Grace",
    "fix_versions": ["4.13", "4.12.1"],
    "comments": [word(1, "Both currencies are exported.")],
}


def test_programs_get_all_that_engineering_says_and_what_it_proposes() -> None:
    link = seen(in_jira(**FIXED))["links"]["jira"]
    said = {
        "key": "SUP-1", "url": URL, "status": "Released", "category": "done", "resolution": "Fixed",
        "assignee": "5b10a2841", "assignee_name": "Grace", "fix_versions": ["4.13", "4.12.1"],
        "said": "Both currencies are exported.", "proposed": "solved",
    }  # fmt: skip
    assert said.items() <= link.items()


def test_the_name_is_gone_when_it_was_erased_and_the_id_stays() -> None:
    case = in_jira(**FIXED)
    link = view(Seen(case.ticket, {}, live=True))["links"]["jira"]
    assert (link["assignee"], link["assignee_name"], link["said"]) == ("5b10a2841", "", "")


def test_a_duplicate_names_the_other_issue_and_is_proposed_as_one() -> None:
    link = seen(in_jira(category="done", status="Done", resolution="Duplicate", duplicate_of="SUP-7"))["links"]["jira"]
    assert (link["duplicate_of"], link["proposed"]) == ("SUP-7", "duplicate")


def test_on_paper_a_person_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    paper = io.StringIO()
    monkeypatch.setattr(drawing, "console", lambda: Console(file=paper, width=200))
    drawing.draw(seen(in_jira(**FIXED)) | {"timeline": []})
    for words in ("SUP-1 is Released", "Grace", "Fixed, in 4.13, 4.12.1", "Both currencies are exported.", "solved"):
        assert words in paper.getvalue()


def test_in_temporals_ui_people_are_ids_and_what_jira_calls_things_is_no_markup() -> None:
    shown = details(in_jira(**FIXED | {"status": "[Click](https://evil.example) *now*"}).ticket)
    (line,) = [line for line in shown.splitlines() if "**Jira**" in line]
    assert line == (
        f"- **Jira** [SUP-1]({URL}), `[Click](https://evil.example) *now*`, assigned to 5b10a2841, "
        "ended as Fixed, fixed in `4.13`, `4.12.1`, proposes solved"
    )
    assert "Grace" not in shown


def test_an_issue_that_is_gone_says_so() -> None:
    case = in_jira(category="gone", status="deleted, or out of our sight")
    assert "deleted, or out of our sight" in details(case.ticket)
    assert seen(case)["links"]["jira"]["category"] == "gone"

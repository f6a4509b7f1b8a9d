"""What engineering says counts once: an issue that is only newer says nothing new."""

import pytest

from tests.unit.rules.driver import BOTH_PACKAGES, Case, given


def in_jira() -> Case:
    case = given("enterprise", "P3")
    case.do("take", at="09:01")
    case.do("escalate", at="09:02", to="T3", fields=BOTH_PACKAGES)
    (effect,) = case.ticket.undone
    case.do("effect_done", at="09:03", by="tierline", role="system", key=effect.key, jira_key="SUP-1", jira_url="u")
    return case


def test_the_same_state_in_a_newer_version_is_no_news():
    case = in_jira()
    case.jira("10:00", "done", status="Done", resolution="Fixed", comment="In 4.13.")
    case.jira("10:05", "done", status="Done", resolution="Fixed", comment="In 4.13.")
    case.jira("10:06", "done", status="Done", resolution="Fixed")
    assert len(case.of("jira_changed")) == len(case.of("answered")) == 1


def test_another_word_for_support_is_news():
    case = in_jira()
    case.jira("10:00", "indeterminate", status="In Progress", comment="We see it.")
    case.jira("10:05", "indeterminate", status="In Progress", comment="Nearly there.")
    assert len(case.of("jira_changed")) == 2


@pytest.mark.parametrize(
    ("fact", "news"),
    [
        ({"category": "new"}, 0),
        ({"category": "new", "status": "To Do"}, 0),
        ({"category": "new", "status": "To Do", "comment": "We see it."}, 1),
        ({"category": "new", "resolution": "Duplicate"}, 1),
        ({"category": "indeterminate"}, 1),
    ],
)
def test_the_first_look_at_an_issue_that_nobody_has_touched_is_no_news(fact: dict[str, str], news: int):
    """Whether the look comes before or after our own link to the ticket, which makes the issue newer."""
    case = in_jira()
    case.jira("10:00", **fact)
    assert len(case.of("jira_changed")) == news


def test_an_issue_that_goes_back_to_its_first_column_is_news():
    case = in_jira()
    case.jira("10:00", "indeterminate", status="In Progress")
    case.jira("10:05", "new", status="To Do")
    assert case.ticket.jira.category == "new"

"""What engineering says counts once: an issue that is only newer says nothing new."""

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


def test_the_first_word_about_an_issue_is_news_though_it_says_what_was_supposed():
    case = in_jira()
    case.jira("10:00", "new")
    assert len(case.of("jira_changed")) == 1

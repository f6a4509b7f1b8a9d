"""The Jira port: what is looked for and noted on issues that are there, over real sockets."""

from contextlib import closing

from integrations.jira.client import JiraClient
from integrations.standins.run import Control
from tests.support.jira_side import configured, engineer, issues

from .conftest import Drafting


class TestSimilar:
    def test_f4_open_issues_with_the_fingerprint_come_the_oldest_first(self, jira: JiraClient, draft: Drafting) -> None:
        label = "tierline-fp-0123456789ab"
        first, done, second = (jira.create(draft(fingerprint=label, summary=name)) for name in ("one", "two", "three"))
        jira.create(draft())
        engineer(done, to="Done")

        assert [(found.key, found.url, found.summary, found.status) for found in jira.similar(label)] == [
            (first.key, first.url, "one", "To Do"),
            (second.key, second.url, "three", "To Do"),
        ]

    def test_there_are_twenty_at_most(self, jira: JiraClient, draft: Drafting) -> None:
        for _ in range(22):
            jira.create(draft(fingerprint="tierline-fp-ffffffffffff"))

        assert len(jira.similar("tierline-fp-ffffffffffff")) == 20


class TestMarks:
    def test_a_property_is_set_and_set_again(self, jira: JiraClient, server: Control, draft: Drafting) -> None:
        a_draft = draft()
        ref = jira.create(a_draft)

        jira.set_property(ref.key, "support.seen", {"tickets": 1})
        jira.set_property(ref.key, "support.seen", {"tickets": 2})

        assert issues(server, a_draft)[0]["properties"]["support.seen"] == {"tickets": 2}

    def test_a_duplicate_says_so_however_often_it_is_told(self, jira: JiraClient, draft: Drafting) -> None:
        one, other = jira.create(draft()), jira.create(draft())

        jira.link_duplicate(other.key, one.key)
        jira.link_duplicate(other.key, one.key)

        state = jira.read([other.key])[other.key]
        assert state is not None
        assert state.duplicate_of == one.key

    def test_g5_an_issue_goes_into_the_active_sprint_of_the_board(self, server: Control, draft: Drafting) -> None:
        a_draft = draft()
        with closing(JiraClient(configured(server, sprint=["P2"], board=1))) as jira:
            ref = jira.create(a_draft)
            assert jira.into_sprint(ref.key)
            assert jira.into_sprint(ref.key)

        assert issues(server, a_draft)[0]["sprint"] == 7

"""The Jira port: finding, reading, linking and checking, over real sockets."""

from contextlib import closing

import pytest

from domain.words import Priority
from integrations.calls import Rejected
from integrations.jira.client import JiraClient, issue_body
from integrations.jira.port import label_for
from integrations.standins.common import Exchange
from integrations.standins.run import PROJECT, Control, jira_config

from .conftest import Drafting
from .other_side import CREATE, engineer, issues, raw


class TestFind:
    def test_the_oldest_comes_first_and_other_labels_do_not_come(self, jira: JiraClient, draft: Drafting) -> None:
        a_draft = draft()
        first, second = jira.create(a_draft), jira.create(a_draft)
        jira.create(draft())

        assert jira.find(a_draft.label) == [first, second]

    def test_a_new_issue_may_be_missing_from_search_but_not_from_read(
        self, jira: JiraClient, server: Control, draft: Drafting
    ) -> None:
        a_draft = draft()
        server.fault("search_lag", seconds=600)
        ref = jira.create(a_draft)

        assert jira.find(a_draft.label) == []
        assert set(jira.read([ref.key])) == {ref.key}
        server.clear()
        assert jira.find(a_draft.label) == [ref]

    def test_an_issue_that_someone_cloned_with_its_labels_is_not_ours(
        self, jira: JiraClient, server: Control, draft: Drafting
    ) -> None:
        a_draft = draft()
        clone = issue_body(jira_config(server.url), a_draft) | {"properties": []}
        assert raw(server, "POST", CREATE["path"], clone).status_code == 201
        ours = jira.create(a_draft)

        assert jira.find(a_draft.label) == [ours]

    def test_a_labelled_issue_without_proof_is_adopted_rather_than_doubled(
        self, jira: JiraClient, server: Control, draft: Drafting
    ) -> None:
        a_draft = draft()
        unproven = issue_body(jira_config(server.url), a_draft) | {"properties": []}
        key = raw(server, "POST", CREATE["path"], unproven).json()["key"]

        assert [ref.key for ref in jira.find(a_draft.label)] == [key]

    def test_more_hits_than_a_page_holds_all_come(self, jira: JiraClient, draft: Drafting) -> None:
        a_draft = draft()
        made = [jira.create(a_draft) for _ in range(55)]

        assert jira.find(a_draft.label) == made

    def test_a_label_cannot_break_out_of_the_query(self, jira: JiraClient, draft: Drafting) -> None:
        jira.create(draft())

        assert jira.find('x" OR project = "ENG') == []

    def test_two_effects_never_share_a_label(self) -> None:
        keys = ["ticket-A:jira_bug:1", "ticket-A:jira_bug:11", "ticket-A1:jira_bug:1", "ticket-A:jira-bug:1"]

        assert len({label_for(key) for key in keys}) == len(keys)


class TestRead:
    def test_an_issue_is_followed_from_new_to_done_and_back(self, jira: JiraClient, draft: Drafting) -> None:
        ref = jira.create(draft())

        new = jira.read([ref.key])[ref.key]
        engineer(ref, to="In Progress")
        started = jira.read([ref.key])[ref.key]
        engineer(ref, to="Done", resolution="Won't Do", fix_version="2026.11.3")
        done = jira.read([ref.key])[ref.key]
        engineer(ref, to="To Do")
        reopened = jira.read([ref.key])[ref.key]

        assert new.ref == ref
        assert (new.status_name, new.status_category, new.resolution) == ("To Do", "new", None)
        assert (started.status_name, started.status_category) == ("In Progress", "indeterminate")
        assert (done.status_category, done.resolution) == ("done", "Won't Do")
        assert done.fix_versions == ("2026.11.3",)
        assert (reopened.status_category, reopened.resolution) == ("new", None)
        assert new.updated <= started.updated <= done.updated <= reopened.updated

    def test_only_comments_marked_for_support_come_and_the_latest_counts(
        self, jira: JiraClient, draft: Drafting
    ) -> None:
        ref = jira.create(draft())
        assert jira.read([ref.key])[ref.key].comment is None

        engineer(ref, comment="first answer", support="1")
        engineer(ref, comment="Fixed.\nShips on Friday.", support="1")
        engineer(ref, comment="between us: see #support for the mess")
        engineer(ref, comment="#supporting this was hard")

        assert jira.read([ref.key])[ref.key].comment == "Fixed.\nShips on Friday."

    def test_a_deleted_issue_is_missing_and_spoils_nothing(
        self, jira: JiraClient, server: Control, draft: Drafting
    ) -> None:
        kept, gone = jira.create(draft()), jira.create(draft())
        assert raw(server, "DELETE", f"/rest/api/3/issue/{gone.key}").status_code == 204

        assert set(jira.read([kept.key, gone.key, f"{PROJECT}-99999"])) == {kept.key}

    def test_many_issues_cost_one_request_per_hundred(
        self, jira: JiraClient, draft: Drafting, exchanges: list[Exchange]
    ) -> None:
        keys = [jira.create(draft()).key for _ in range(120)]
        before = len(exchanges)

        states = jira.read(keys)

        assert set(states) == set(keys)
        assert len(exchanges) - before == 2

    def test_nothing_to_read_asks_nobody(self, jira: JiraClient, exchanges: list[Exchange]) -> None:
        before = len(exchanges)

        assert jira.read([]) == {}
        assert jira.read(["../../secret", "not a key"]) == {}
        assert len(exchanges) == before


class TestLinkTicket:
    def test_linking_twice_leaves_one_link_with_the_latest_title(
        self, jira: JiraClient, server: Control, draft: Drafting
    ) -> None:
        a_draft = draft()
        ref = jira.create(a_draft)

        jira.link_ticket(ref.key, "tierline:7K2M", "https://tickets.example.com/7K2M", "Ticket 7K2M")
        jira.link_ticket(ref.key, "tierline:7K2M", "https://tickets.example.com/7K2M", "Ticket 7K2M: solved")
        jira.link_ticket(ref.key, "tierline:9P3Q", "https://tickets.example.com/9P3Q", "Ticket 9P3Q")

        links = issues(server, a_draft)[0]["links"]
        assert [(link["global_id"], link["title"]) for link in links] == [
            ("tierline:7K2M", "Ticket 7K2M: solved"),
            ("tierline:9P3Q", "Ticket 9P3Q"),
        ]

    def test_an_issue_that_is_gone_is_refused_with_404(self, jira: JiraClient) -> None:
        with pytest.raises(Rejected) as refusal:
            jira.link_ticket(f"{PROJECT}-99999", "g", "https://tickets.example.com/1", "t")

        assert refusal.value.status == 404

    def test_a_key_that_is_none_reaches_no_address(self, jira: JiraClient, exchanges: list[Exchange]) -> None:
        before = len(exchanges)

        with pytest.raises(Rejected, match="not an issue key"):
            jira.link_ticket("../../myself", "g", "https://tickets.example.com/1", "t")

        assert len(exchanges) == before


class TestCheck:
    def test_a_fitting_configuration_lacks_nothing(self, jira: JiraClient) -> None:
        assert jira.check() == []

    def test_every_name_that_the_project_lacks_is_told(self, server: Control) -> None:
        config = jira_config(server.url)
        config = config.model_copy(
            update={
                "issue_types": {"bug": "Bug", "request": "Wish", "incident": "Bug"},
                "priorities": {**config.priorities, Priority.P0: "Blocker"},
            }
        )

        with closing(JiraClient(config)) as jira:
            told = jira.check()

        assert told == [
            "issue type 'Bug' has no priority 'Blocker' (for P0), only High, Highest, Low, Lowest, Medium",
            "project ENG has no issue type 'Wish', only Bug, Incident, Story, Task",
        ]

    def test_a_project_that_is_not_there_is_told(self, server: Control) -> None:
        config = jira_config(server.url).model_copy(update={"project": "NOPE"})

        with closing(JiraClient(config)) as jira:
            (told,) = jira.check()

        assert told.startswith("project NOPE cannot be used: Jira answered 400")

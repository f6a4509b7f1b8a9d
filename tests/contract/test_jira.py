"""The Jira port: the real client against the stand-in, over real sockets."""

import json
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
import requests
from jira import JIRA

from domain.document import Document, paragraph
from domain.words import Priority
from integrations.calls import Failure, RateLimited, Rejected, Unauthorized, Unknown, Unreachable
from integrations.jira.client import JiraClient, issue_body
from integrations.jira.port import IssueDraft, IssueRef, JiraConfig, label_for
from integrations.standins.common import Exchange
from integrations.standins.run import EMAIL, PROJECT, TOKEN, Control, jira_config

from .conftest import Drafting
from .oracle import SPECIFICATION, Oracle

CREATE = {"method": "POST", "path": "/rest/api/3/issue"}
CREDENTIALS = (EMAIL, TOKEN.get_secret_value())


def issues(server: Control, draft: IssueDraft) -> list[dict[str, Any]]:
    """What the stand-in made for this draft, whoever knows of it."""
    return [issue for issue in server.see("issues")["issues"] if draft.label in issue["labels"]]


def engineer(ref: IssueRef, **given: str) -> None:
    """Fills in the form on the issue's page."""
    requests.post(ref.url, data=given, timeout=5).raise_for_status()


def raw(server: Control, method: str, path: str, body: object = None) -> requests.Response:
    """A call that is not ours: somebody else works in the same project."""
    return requests.request(method, server.url + path, json=body, auth=CREDENTIALS, timeout=5)


class TestCreate:
    def test_an_issue_arrives_with_everything_the_draft_says(
        self, jira: JiraClient, server: Control, draft: Drafting
    ) -> None:
        a_draft = draft()

        ref = jira.create(a_draft)

        (made,) = issues(server, a_draft)
        assert ref == IssueRef(key=made["key"], id=str(made["id"]), url=f"{server.url}/browse/{made['key']}")
        assert made["type"] == "Bug"
        assert made["summary"] == a_draft.summary
        assert made["description_text"] == "What happens\nSaving answers 500."
        assert made["priority"] == "Medium"
        assert made["labels"] == [a_draft.label, "support-escalation"]
        assert made["properties"] == {"support.escalation": {"key": a_draft.key, "schema": 1}}

    @pytest.mark.parametrize(
        ("kind", "priority", "type_name", "priority_name"),
        [
            ("bug", Priority.P2, "Bug", "Medium"),
            ("bug", Priority.P3, "Bug", "Low"),
            ("request", Priority.P4, "Story", "Lowest"),
            ("incident", Priority.P0, "Incident", "Highest"),
            ("incident", Priority.P1, "Incident", "High"),
        ],
    )
    def test_kind_and_priority_take_the_names_of_the_project(
        self,
        jira: JiraClient,
        server: Control,
        draft: Drafting,
        kind: str,
        priority: Priority,
        type_name: str,
        priority_name: str,
    ) -> None:
        a_draft = draft(kind=kind, priority=priority)

        jira.create(a_draft)

        (made,) = issues(server, a_draft)
        assert (made["type"], made["priority"]) == (type_name, priority_name)

    def test_one_request_makes_an_issue_and_nothing_is_read_back(
        self, jira: JiraClient, draft: Drafting, exchanges: list[Exchange]
    ) -> None:
        before = len(exchanges)

        jira.create(draft())

        assert [(e.method, e.path) for e in exchanges[before:]] == [("POST", "/rest/api/3/issue")]

    def test_a_refused_field_is_named(self, server: Control, draft: Drafting) -> None:
        names = {**jira_config(server.url).priorities, Priority.P2: "Urgent"}
        config = jira_config(server.url).model_copy(update={"priorities": names})
        a_draft = draft()

        with closing(JiraClient(config)) as jira, pytest.raises(Rejected) as refusal:
            jira.create(a_draft)

        assert refusal.value.status == 400
        assert refusal.value.field_errors == {"priority": "The priority selected is invalid."}
        assert str(refusal.value) == "Jira answered 400: priority: The priority selected is invalid."
        assert issues(server, a_draft) == []

    def test_long_and_broken_text_is_cut_and_never_refused(
        self, jira: JiraClient, server: Control, draft: Drafting
    ) -> None:
        log = "\x00\x1b[31m" + "stack frame\n" * 20_000
        a_draft = draft(
            summary="Crash\nwith " + "very " * 100 + "long title",
            description=Document(blocks=(paragraph(log), paragraph("after the log"))),
        )

        jira.create(a_draft)

        (made,) = issues(server, a_draft)
        assert len(made["summary"]) == 255
        assert made["summary"].startswith("Crash with very")
        assert "[cut here:" in made["description_text"]
        assert made["description_text"].endswith("after the log")
        assert "\x1b" not in made["description_text"]

    def test_every_thread_may_use_the_same_client(self, jira: JiraClient, server: Control, draft: Drafting) -> None:
        drafts = [draft() for _ in range(24)]

        with ThreadPoolExecutor(8) as pool:
            refs = list(pool.map(jira.create, drafts))

        assert len({ref.key for ref in refs}) == 24
        assert all(len(issues(server, a_draft)) == 1 for a_draft in drafts)


class TestUncertainOutcomes:
    """Jira has no idempotency key: after these, only looking tells whether the issue exists."""

    @pytest.mark.parametrize("fault", ["commit_then_drop", "commit_then_504"])
    def test_a_post_that_may_have_been_done_is_unknown_and_is_not_repeated(
        self, jira: JiraClient, server: Control, draft: Drafting, fault: str
    ) -> None:
        a_draft = draft()
        server.fault(fault, **CREATE)

        with pytest.raises(Unknown) as unknown:
            jira.create(a_draft)

        assert not isinstance(unknown.value, Unreachable)
        assert len(issues(server, a_draft)) == 1
        assert [ref.key for ref in jira.find(a_draft.label)] == [issues(server, a_draft)[0]["key"]]

    def test_negative_control_the_library_as_it_comes_makes_doubles(self, server: Control, draft: Drafting) -> None:
        a_draft = draft()
        server.fault("commit_then_drop", **CREATE)
        library = JIRA(
            options={"server": server.url, "rest_api_version": "3"},
            basic_auth=CREDENTIALS,
            get_server_info=False,
            logging=False,
        )
        library._session.max_retry_delay = 0.01  # seconds; it would wait a minute in silence, and do the same

        body = json.dumps(issue_body(jira_config(server.url), a_draft))

        with closing(library), pytest.raises(requests.ConnectionError):
            library._session.post(library._get_url("issue"), data=body)

        assert len(issues(server, a_draft)) > 1

    def test_a_slow_answer_is_unknown_after_the_read_timeout(self, server: Control, draft: Drafting) -> None:
        config = jira_config(server.url).model_copy(update={"read_timeout": 0.1})
        a_draft = draft()
        server.fault("slow", seconds=60, **CREATE)

        with closing(JiraClient(config)) as jira, pytest.raises(Unknown, match="did not answer in time"):
            jira.create(a_draft)

        assert len(issues(server, a_draft)) == 1

    def test_a_dropped_connection_is_unknown_even_when_nothing_was_done(
        self, jira: JiraClient, server: Control, draft: Drafting
    ) -> None:
        a_draft = draft()
        server.fault("down", **CREATE)

        with pytest.raises(Unknown, match="broke the connection off"):
            jira.create(a_draft)

        assert issues(server, a_draft) == []

    def test_where_nobody_listens_nothing_was_sent(self, draft: Drafting, unused_port: int) -> None:
        config = jira_config(f"http://127.0.0.1:{unused_port}")

        with closing(JiraClient(config)) as jira, pytest.raises(Unreachable, match="Jira cannot be reached"):
            jira.create(draft())


class TestRefusals:
    @pytest.mark.parametrize(
        ("fault", "failure", "wait"),
        [
            ({"kind": "rate_limited", "seconds": 7}, RateLimited, 7.0),
            ({"kind": "rate_limited"}, RateLimited, None),
            ({"kind": "unauthorized"}, Unauthorized, None),
            ({"kind": "server_error"}, Unknown, None),
            ({"kind": "server_error", "seconds": 30}, Unknown, 30.0),
        ],
    )
    def test_each_answer_has_one_meaning_for_every_call(
        self,
        jira: JiraClient,
        server: Control,
        draft: Drafting,
        fault: dict[str, Any],
        failure: type[Failure],
        wait: float | None,
    ) -> None:
        a_draft = draft()
        server.fault(**fault)
        calls = [
            lambda: jira.create(a_draft),
            lambda: jira.find(a_draft.label),
            lambda: jira.read(["ENG-1"]),
            lambda: jira.link_ticket("ENG-1", "g", "https://tickets.example.com/1", "t"),
            lambda: jira.check(),
        ]

        for call in calls:
            with pytest.raises(failure) as raised:
                call()
            assert type(raised.value) is failure
            assert raised.value.retry_after == wait
        assert issues(server, a_draft) == []

    def test_wrong_credentials_are_no_fault_of_the_content(self, server: Control, draft: Drafting) -> None:
        config = JiraConfig.model_validate({**jira_config(server.url).model_dump(), "token": "wrong"})

        with closing(JiraClient(config)) as jira, pytest.raises(Unauthorized):
            jira.create(draft())

    def test_no_failure_and_no_config_shows_the_token(self, jira: JiraClient, server: Control, draft: Drafting) -> None:
        server.fault("commit_then_504", **CREATE)

        with pytest.raises(Unknown) as raised:
            jira.create(draft())

        told = "".join(traceback.format_exception(raised.value)) + repr(jira_config(server.url))
        assert raised.value.__cause__ is None
        assert raised.value.__context__ is None
        assert TOKEN.get_secret_value() not in told
        assert "Gateway Timeout" not in told

    def test_credentials_are_not_sent_in_the_clear_to_another_machine(self) -> None:
        with pytest.raises(ValueError, match="https only"):
            jira_config("http://jira.example.com")


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


def test_the_vendors_document_judges_every_call(
    jira: JiraClient, draft: Drafting, oracle: Oracle | None, exchanges: list[Exchange]
) -> None:
    """The judging itself happens in the fixture `server`, after each test; this shows that there is a
    judge.
    """
    if oracle is None:
        pytest.skip(f"the vendor's document is not beside the repository ({SPECIFICATION.name})")
    ref = jira.create(draft())

    (good,) = [e for e in exchanges if e.path == CREATE["path"] and ref.key.encode() in e.answer]
    wrong_request = good.model_copy(update={"body": b'{"properties": "none"}'})
    wrong_answer = good.model_copy(update={"answer": b'{"id": 17}'})

    assert oracle.problems(good) == []
    assert len(oracle.problems(wrong_request)) == 1
    assert len(oracle.problems(wrong_answer)) == 1

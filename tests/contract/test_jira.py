"""The Jira port: creating exactly one issue, with the real client against the stand-in, over real sockets."""

import json
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
import requests
from jira import JIRA

from domain.core.enums import Priority
from domain.documents.document import Document, paragraph
from integrations.calls import Failure, RateLimited, Rejected, Unauthorized, Unknown, Unreachable
from integrations.jira.body import issue_body
from integrations.jira.client import JiraClient
from integrations.jira.config import JiraConfig
from integrations.standins.common import Exchange
from integrations.standins.run import TOKEN, Control, jira_config
from integrations.tracker.port import IssueRef
from tests.support.jira_side import CREATE, CREDENTIALS, configured, issues
from tests.support.oracle import SPECIFICATION, Oracle

from .conftest import Drafting


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

    def test_components_and_fields_of_the_policy_go_along(self, server: Control, draft: Drafting) -> None:
        found_by = {"customfield_10050": {"value": "Customer"}}
        config = configured(server, components={"Billing": ["Billing", "API"]}, fields={"bug": found_by})
        a_draft, other = draft(product_area="billing", fingerprint="tierline-fp-00ff00ff00ff"), draft(kind="request")

        with closing(JiraClient(config)) as jira:
            jira.create(a_draft)
            jira.create(other)

        (made,), (plain,) = issues(server, a_draft), issues(server, other)
        assert (made["components"], made["found_by"]) == (["Billing", "API"], "Customer")
        assert made["labels"] == [a_draft.label, "support-escalation", "tierline-fp-00ff00ff00ff"]
        assert (plain["components"], plain["found_by"]) == ([], None)

    def test_fields_that_the_policy_leaves_out_are_not_sent(self, server: Control, draft: Drafting) -> None:
        a_draft = draft(priority=Priority.P0)

        with closing(JiraClient(configured(server, leave_out=["priority", "environment"]))) as jira:
            jira.create(a_draft)

        (made,) = issues(server, a_draft)
        assert (made["priority"], made["environment"]) == ("Medium", None)

    def test_a_field_that_only_the_configuration_asks_for_costs_no_issue(
        self, server: Control, draft: Drafting
    ) -> None:
        """One wrong name must not keep every bug from engineering: the issue is made without, and ops hear of it."""
        a_draft = draft()

        with closing(JiraClient(configured(server, priorities={"P2": "Urgent"}, components={"*": ["UI"]}))) as jira:
            ref = jira.create(a_draft)

        (made,) = issues(server, a_draft)
        assert (made["key"], ref.left_out) == (ref.key, ("components", "priority"))

    def test_a_refused_field_that_an_issue_needs_is_named(self, server: Control, draft: Drafting) -> None:
        a_draft = draft()
        config = configured(server, issue_types={"bug": "Wish"}, priorities={"P2": "Urgent"})

        with closing(JiraClient(config)) as jira, pytest.raises(Rejected) as refusal:
            jira.create(a_draft)

        assert refusal.value.status == 400
        assert refusal.value.field_errors == {
            "issuetype": "Specify a valid issue type",
            "priority": "The priority selected is invalid.",
        }
        assert "issuetype: Specify a valid issue type" in str(refusal.value)
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

    def test_no_title_turns_the_rest_of_its_line_around(
        self, jira: JiraClient, server: Control, draft: Drafting
    ) -> None:
        a_draft = draft(summary="[P2] API: \u202esaving\u2066 fails\u200b (ticket 7k2m)")

        jira.create(a_draft)

        assert issues(server, a_draft)[0]["summary"] == "[P2] API: saving fails (ticket 7k2m)"

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
        library._session.max_retry_delay = 0  # seconds; it would wait a minute in silence, and do the same

        body = json.dumps(issue_body(jira_config(server.url), a_draft))

        with closing(library), pytest.raises(requests.ConnectionError):
            library._session.post(library._get_url("issue"), data=body)

        assert len(issues(server, a_draft)) > 1

    def test_a_slow_answer_is_unknown_after_the_read_timeout(self, server: Control, draft: Drafting) -> None:
        config = jira_config(server.url).model_copy(update={"read_timeout": 1.0})
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
        calls: list[Callable[[], object]] = [
            lambda: jira.create(a_draft),
            lambda: jira.find(a_draft.label),
            lambda: jira.read(["ENG-1"]),
            lambda: jira.link_back("ENG-1", "g", "https://tickets.example.com/1", "t"),
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

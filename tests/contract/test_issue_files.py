"""G5: what is too long for an issue is cut in its middle there, and attached in full, once, without personal data."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import requests
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from domain.ticket.state import workflow_id
from integrations.calls import Rejected, Unauthorized
from integrations.jira.client import JiraClient
from integrations.standins.run import Control
from integrations.tracker.port import file_for
from services.intake.texts import prepare
from store import kept_texts
from tests.support.jira_rig import JiraActivityRig
from tests.support.jira_side import CREDENTIALS, configured
from tests.support.ticket_life import Life
from workflows import ports

from .conftest import Drafting

LOG = "GET /chart 500\n" * 2_000 + "written by ada@example.com\n" + "  at Chart.draw\n" * 1_000 + "Caused by: no axis"
UPLOAD = {"method": "POST", "path": "/rest/api/3/issue/*/attachments"}


@pytest.fixture
def bench(server: Control, database_url: str) -> Iterator[JiraActivityRig]:
    server.site()
    with closing(JiraActivityRig(server, database_url)) as made:
        yield made
    server.site()


def with_log(bench: JiraActivityRig, name: str) -> Life:
    """A ticket whose description is a log that was too long for the journal."""
    ticket = "ticket-0-0-0"
    told = prepare(ticket, {"description": LOG}, html=("description",))
    one = bench.journalled(name, description=told.texts["description"])
    with bench.db.begin() as session:
        kept_texts.keep(session, one.ticket.id, told.kept)
    return one


def escalate(bench: JiraActivityRig, ticket: Life) -> tuple[str, str]:
    """What makes its issue. Returns the issue's key and the effect's."""
    key = f"{workflow_id(ticket.ticket.id)}:jira_bug:1"
    asked = ports.CreateIssueRequest(ticket_id=ticket.ticket.id, effect_key=key, kind="bug", seq=1)
    made: ports.IssueResult = ActivityEnvironment().run(bench.creating.create_issue, asked)
    return made.key, key


def seen(bench: JiraActivityRig, issue: str) -> dict[str, Any]:
    (found,) = [one for one in bench.server.see("issues")["issues"] if one["key"] == issue]
    return dict(found)


def test_what_is_cut_is_attached_in_full_without_personal_data_and_the_issue_says_so(bench: JiraActivityRig) -> None:
    issue, key = escalate(bench, with_log(bench, "1"))

    made = seen(bench, issue)
    (file,) = made["attachments"]
    assert file["name"] == file_for(key)
    assert "  at Chart.draw\n" * 1_000 + "Caused by: no axis" in file["text"]
    assert file["text"].count("GET /chart 500") == 2_000
    assert "written by [e-mail address removed]" in file["text"]
    assert "ada@example.com" not in file["text"]
    said = made["description_text"]
    assert f"The whole of them is in the attached file {file['name']}, and in the ticket" in said
    assert "Caused by: no axis" in said, "it is cut in its middle: a log has its error at the end"


def test_an_issue_whose_texts_all_fit_has_no_file_and_nothing_is_asked(bench: JiraActivityRig) -> None:
    before = bench.calls("GET", "/rest/api/3/attachment/meta")
    issue, _ = escalate(bench, bench.journalled("1"))
    assert seen(bench, issue)["attachments"] == []
    assert "attached" not in seen(bench, issue)["description_text"]
    assert bench.calls("GET", "/rest/api/3/attachment/meta") == before


@pytest.mark.parametrize("fault", ["commit_then_drop", "commit_then_504"])
def test_an_upload_that_got_no_answer_is_found_and_not_sent_again(bench: JiraActivityRig, fault: str) -> None:
    ticket = with_log(bench, "1")
    bench.server.fault(fault, times=1, **UPLOAD)
    with pytest.raises(ApplicationError):
        escalate(bench, ticket)
    for _ in range(2):
        issue, _ = escalate(bench, ticket)
    assert len(seen(bench, issue)["attachments"]) == 1
    assert seen(bench, issue)["comments"] == []


def test_a_worker_that_dies_before_the_upload_leaves_it_to_the_next_once_it_cannot_come_any_more(
    bench: JiraActivityRig,
) -> None:
    ticket = with_log(bench, "1")
    bench.server.fault("down", times=1, **UPLOAD)  # what was sent never arrived, and nobody knows
    with pytest.raises(ApplicationError):
        escalate(bench, ticket)
    with pytest.raises(ApplicationError) as waits:
        escalate(bench, ticket)
    assert waits.value.type == "InDoubt"

    bench.sql("UPDATE jira_links SET lease_until = first_post_at WHERE kind = 'file'")
    issue, _ = escalate(bench, ticket)
    assert len(seen(bench, issue)["attachments"]) == 1


@pytest.mark.parametrize("site", [{"attachments": False}, {"without": ["CREATE_ATTACHMENTS"]}, {"largest_file": 1_000}])
def test_a_site_that_takes_no_such_file_gets_none_and_the_issue_names_none(
    bench: JiraActivityRig, site: dict[str, Any]
) -> None:
    bench.server.site(**site)
    issue, _ = escalate(bench, with_log(bench, "1"))
    made = seen(bench, issue)
    assert made["attachments"] == []
    assert "The whole of them is in the ticket" in made["description_text"]
    assert "attached file" not in made["description_text"]
    assert bench.told() == []


def test_a_file_that_is_refused_after_all_is_told_on_the_issue_and_to_ops(
    bench: JiraActivityRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.jira, "room_for_files", lambda: 10**9)  # the limit was lowered just then
    bench.server.site(largest_file=1_000)
    ticket = with_log(bench, "1")
    for _ in range(2):
        issue, key = escalate(bench, ticket)
    (comment,) = seen(bench, issue)["comments"]
    assert f"The file {file_for(key)} could not be attached (Jira answered 413" in str(comment["body"])
    (told,) = bench.told()
    assert told.startswith(f"{issue}: {file_for(key)} could not be attached")


class TestTheStandIn:
    """Files on the Jira stand-in, as its vendor describes them."""

    @pytest.fixture
    def issue(self, jira: JiraClient, draft: Drafting) -> str:
        return jira.create(draft()).key

    def upload(self, server: Control, issue: str, form: Any, **headers: str) -> requests.Response:
        url = f"{server.url}/rest/api/3/issue/{issue}/attachments"
        return requests.post(url, files=form, headers=headers, auth=CREDENTIALS, timeout=60)

    def test_a_file_is_there_under_its_name_and_another_of_that_name_is_another(
        self, jira: JiraClient, issue: str
    ) -> None:
        assert not jira.has_file(issue, "log.txt")
        for _ in range(2):
            jira.attach(issue, "log.txt", "Ünïcode\n")
        assert jira.has_file(issue, "log.txt")
        assert not jira.has_file(issue, "other.txt")

    def test_a_form_without_the_header_is_blocked(self, server: Control, issue: str) -> None:
        assert self.upload(server, issue, {"file": ("a.txt", b"x")}).status_code == 403

    def test_a_part_by_another_name_is_no_file(self, server: Control, jira: JiraClient, issue: str) -> None:
        answer = self.upload(server, issue, {"upload": ("a.txt", b"x")}, **{"X-Atlassian-Token": "no-check"})
        assert answer.json() == []
        assert not jira.has_file(issue, "a.txt")

    def test_more_than_60_files_are_too_many(self, server: Control, issue: str) -> None:
        many = [("file", (f"{number}.txt", b"x")) for number in range(61)]
        assert self.upload(server, issue, many, **{"X-Atlassian-Token": "no-check"}).status_code == 413

    def test_what_the_site_does_not_take_is_refused(self, server: Control, issue: str) -> None:
        with closing(JiraClient(configured(server))) as jira:
            for site, failure in (
                ({"attachments": False}, Rejected),
                ({"largest_file": 1}, Rejected),
                ({"without": ["CREATE_ATTACHMENTS"]}, Unauthorized),
            ):
                server.site(**site)
                with pytest.raises(failure):
                    jira.attach(issue, "a.txt", "too much")
            server.site()
            assert not jira.has_file(issue, "a.txt")

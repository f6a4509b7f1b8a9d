"""The vendors' own and usual clients against the stand-ins: what they can work with is like the real service."""

from collections.abc import Iterator
from contextlib import closing
from io import BytesIO

import httpx2
import pytest
from jira import JIRA, JIRAError
from pagerduty import EventsApiV2Client, HttpError

from domain.documents.document import Document, paragraph
from integrations.jira import adf
from integrations.standins.run import EMAIL, PROJECT, ROUTING_KEYS, TOKEN, Running


@pytest.fixture
def client(standins: Running) -> Iterator[JIRA]:
    """The `jira` library as anybody would set it up for Jira Cloud, with nothing of ours around it."""
    options = {"server": standins.jira.url, "rest_api_version": "3"}
    with closing(JIRA(options=options, basic_auth=(EMAIL, TOKEN.get_secret_value()), max_retries=0)) as jira:
        jira._session.trust_env = False
        yield jira


def words(text: str) -> dict[str, object]:
    return adf.render(Document(blocks=(paragraph(text),)))


@pytest.fixture
def issue(client: JIRA) -> str:
    fields = {"project": {"key": PROJECT}, "issuetype": {"name": "Bug"}, "summary": "Saving fails"}
    made = client.create_issue(fields={**fields, "description": words("It answers 500.")})
    return str(made.key)


class TestJira:
    def test_an_issue_is_made_read_and_found(self, client: JIRA, issue: str) -> None:
        read = client.issue(issue)
        assert (read.fields.summary, read.fields.status.name) == ("Saving fails", "To Do")
        assert read.fields.priority.name == "Medium"
        found = client.enhanced_search_issues(f'project = "{PROJECT}" AND key = {issue}')
        assert [one.key for one in found] == [issue]

    def test_comments_are_written_read_and_changed(self, client: JIRA, issue: str) -> None:
        comment = client.add_comment(issue, words("Look at the log."))  # type: ignore[arg-type]
        assert [one.id for one in client.comments(issue)] == [comment.id]
        assert client.comment(issue, comment.id).author.accountId
        with pytest.raises(JIRAError) as refused:
            client.add_comment(issue, "a string is no document")
        assert refused.value.status_code == 400

    def test_it_is_moved_linked_and_gets_a_file(self, client: JIRA, issue: str) -> None:
        other = client.create_issue(
            fields={"project": {"key": PROJECT}, "issuetype": {"name": "Bug"}, "summary": "Saving fails too"}
        )
        moves = {move["name"]: move["id"] for move in client.transitions(issue)}
        client.transition_issue(issue, moves["Done"])
        assert client.issue(issue).fields.status.name == "Done"
        client.create_issue_link("Duplicate", issue, other.key)
        (link,) = client.issue(issue).fields.issuelinks
        assert link.outwardIssue.key == other.key
        client.add_attachment(issue, BytesIO(b"GET /chart 500"), filename="log.txt")
        (file,) = client.issue(issue).fields.attachment
        assert (file.filename, file.size) == ("log.txt", 14)

    def test_links_to_elsewhere_are_added_and_listed(self, client: JIRA, issue: str) -> None:
        client.add_simple_link(issue, {"url": "https://tickets.example.com/1", "title": "Ticket 1"})
        (link,) = client.remote_links(issue)
        assert link.object.title == "Ticket 1"

    def test_properties_are_kept(self, client: JIRA, issue: str) -> None:
        client.add_issue_property(issue, "support.seen", {"tickets": 2})
        assert client.issue_property(issue, "support.seen").value.tickets == 2

    def test_a_priority_is_changed(self, client: JIRA, issue: str) -> None:
        client.issue(issue).update(fields={"priority": {"name": "High"}})
        assert client.issue(issue).fields.priority.name == "High"

    def test_the_site_tells_of_itself(self, client: JIRA) -> None:
        assert client.server_info()["deploymentType"] == "Cloud"
        assert client.myself()["accountId"]
        assert {one.name for one in client.priorities()} >= {"Highest", "Lowest"}
        assert {one.name for one in client.issue_link_types()} >= {"Duplicate", "Relates"}
        assert client.project(PROJECT).key == PROJECT
        assert client.attachment_meta()["enabled"]
        assert client.my_permissions(projectKey=PROJECT, permissions="EDIT_ISSUES")["permissions"]

    def test_what_is_not_there_is_404(self, client: JIRA) -> None:
        with pytest.raises(JIRAError) as missing:
            client.issue(f"{PROJECT}-999999")
        assert missing.value.status_code == 404


class OnThisMachine(httpx2.HTTPTransport):
    """Has calls to https go by http: PagerDuty's client takes no other address, and a stand-in has no certificate."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.url = request.url.copy_with(scheme="http")
        return super().handle_request(request)


class TestPagerDuty:
    @pytest.fixture
    def events(self, standins: Running) -> Iterator[EventsApiV2Client]:
        address = standins.pager.url.replace("http://", "https://")
        key = ROUTING_KEYS[0].get_secret_value()
        with closing(EventsApiV2Client(key, base_url=address, transport=OnThisMachine())) as client:
            yield client

    def test_an_alert_is_triggered_acknowledged_and_resolved(
        self, events: EventsApiV2Client, standins: Running
    ) -> None:
        key = events.trigger("P0 in billing", "tierline", severity="critical", custom_details={"since": "09:00"})
        events.acknowledge(key)
        events.resolve(key)
        (alert,) = [one for one in standins.pager.see("alerts")["alerts"] if one["dedup_key"] == key]
        assert (alert["summary"], alert["status"]) == ("P0 in billing", "resolved")
        assert [act for _, act in alert["history"]] == ["trigger", "acknowledge", "resolve"]

    def test_what_the_vendor_refuses_is_refused(self, events: EventsApiV2Client) -> None:
        for event in (
            {"severity": "bad"},
            {"links": [{"text": "no address"}]},
            {"payload": {"timestamp": "yesterday"}},
        ):
            with pytest.raises(HttpError) as refused:
                events.trigger("P0", "tierline", **event)
            assert refused.value.response.status_code == 400

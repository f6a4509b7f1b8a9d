"""Lists of a vendor that come in small pages are read to their end; one that has no end is not taken for read."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from domain.documents.document import Document, paragraph
from domain.policy.tracker import TrackerRow
from integrations.calls import Unknown
from integrations.helpdesk.zendesk.client import ZendeskClient
from integrations.helpdesk.zendesk.port import ZendeskConfig
from integrations.jira.client import JiraClient
from integrations.jira.config import JiraConfig
from integrations.pager.alerts import PagerDutyAlerts
from integrations.pager.client import trigger_event
from integrations.pager.port import Page, PagerConfig
from integrations.tracker.port import IssueDraft, label_for

SMALL = 3
"""Items of a page, whatever is asked for."""
KEY = "ticket-a:jira_comment:4"


def field(name: str, *, required: bool = False) -> dict[str, Any]:
    return {"fieldId": name, "key": name, "name": name.title(), "required": required, "hasDefaultValue": False}


PRIORITIES = [{"id": str(number), "name": f"P{number}"} for number in range(5)]
FIELDS = [
    *(field(name, required=True) for name in ("summary", "project", "issuetype")),
    field("description"),
    *(field(f"customfield_{number}") for number in range(10_000, 10_010)),
    field("labels"), field("environment"), field("components"),
    {**field("priority"), "allowedValues": PRIORITIES},
    {**field("customfield_10999", required=True), "name": "Severity"},
]  # fmt: skip
COMMENTS = [
    {
        "id": str(number), "created": "2026-11-28T10:00:00.000+0000", "author": {"accountId": "x", "displayName": "X"},
        "body": {
            "type": "doc", "version": 1,
            "content": [{"type": "paragraph", "content": [{"type": "text", "text": f"#support {number}"}]}],
        },
    }
    for number in range(20, 0, -1)
]  # fmt: skip
COMMENTS[-1]["body"]["content"].append(
    {"type": "paragraph", "content": [{"type": "text", "text": label_for(KEY), "marks": [{"type": "code"}]}]}
)


class Vendor(BaseHTTPRequestHandler):
    """Jira and Zendesk, as far as they have lists."""

    url: ClassVar[str]
    protocol_version = "HTTP/1.1"
    totals = True
    """Whether lists say how long they are."""
    endless = False

    def _answer(self, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _page(self, name: str, items: list[Any], query: dict[str, list[str]]) -> dict[str, Any]:
        start = 0 if self.endless else int(query.get("startAt", ["0"])[0])
        shown = items[start : start + SMALL]
        page: dict[str, Any] = {"startAt": start, "maxResults": SMALL, name: shown}
        if self.totals and not self.endless:
            page["total"] = len(items)
        return page

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        if path.endswith("/issuetypes"):
            names = ["Epic", "Subtask", "Task", "Story", "Bug"]
            kinds = [{"id": str(place), "name": name} for place, name in enumerate(names)]
            return self._answer(self._page("issueTypes", kinds, query))
        if "/issuetypes/" in path:
            return self._answer(self._page("fields", FIELDS, query))
        if path.endswith("/mypermissions"):
            asked = query["permissions"][0].split(",")
            return self._answer({"permissions": {key: {"havePermission": True} for key in asked}})
        if path.endswith("/comment"):
            return self._answer(self._page("comments", COMMENTS, query))
        if path.endswith("/sprint"):
            return self._answer({**self._page("values", [], query), "isLast": True})
        if path.endswith("/search/jql"):
            return self._answer(self._search(query.get("nextPageToken", ["0"])[0]))
        if path.endswith("/alerts"):
            start = 0 if self.endless else int(query.get("offset", ["0"])[0])
            alerts = [{"alert_key": f"incident-1:{number}:1"} for number in range(10)][start : start + SMALL]
            return self._answer({"alerts": alerts, "offset": start, "limit": SMALL, "more": start + SMALL < 10})
        after = int(query.get("page[after]", ["0"])[0])
        audits = [_audit(number) for number in range(1, 11)][after : after + SMALL]
        more = after + SMALL < 10
        meta = {"has_more": more} | ({"after_cursor": str(after + SMALL)} if more and not self.endless else {})
        return self._answer({"audits": audits, "users": [{"id": 20, "role": "agent"}], "meta": meta})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/bulkfetch"):
            fields = {
                "status": {"name": "To Do", "statusCategory": {"key": "new"}},
                "updated": "2026-11-28T10:00:00.000+0000",
                "comment": {"comments": COMMENTS[:SMALL], "total": len(COMMENTS)},
            }  # fmt: skip
            return self._answer({"issues": [{"id": "7", "key": "ENG-7", "fields": fields}]})
        return self._answer(self._search(asked.get("nextPageToken") or "0"))

    def _search(self, token: str) -> dict[str, Any]:
        start = 0 if self.endless else int(token)
        issues = [
            {
                "id": str(number), "key": f"ENG-{number}",
                "fields": {"summary": f"Issue {number}", "status": {"name": "To Do"}},
            }
            for number in range(1, 31)
        ]  # fmt: skip
        page: dict[str, Any] = {"issues": issues[start : start + SMALL], "isLast": False}
        if start + SMALL < len(issues):
            page["nextPageToken"] = str(start + SMALL)
        else:
            page["isLast"] = True
        return page

    def log_message(self, *_: object) -> None:
        pass


def _audit(number: int) -> dict[str, Any]:
    comment = {
        "id": 100 + number, "type": "Comment", "author_id": 20, "public": True, "body": f"Word {number}",
        "html_body": f"<p>Word {number}</p>", "attachments": [],
    }  # fmt: skip
    return {"id": number, "created_at": "2026-11-28T10:00:00Z", "author_id": 20, "events": [comment]}


@pytest.fixture
def vendor() -> Iterator[type[Vendor]]:
    class ThisVendor(Vendor):
        pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), ThisVendor)
    ThisVendor.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield ThisVendor
    server.shutdown()
    server.server_close()


@pytest.fixture
def jira(vendor: type[Vendor]) -> Iterator[JiraClient]:
    config = JiraConfig(url=vendor.url, email="a@example.com", token=SecretStr("t"), project="ENG", rules=TrackerRow())
    client = JiraClient(config)
    yield client
    client.close()


@pytest.mark.parametrize("totals", [True, False])
def test_jira_check_reads_every_issue_type_and_field(jira: JiraClient, vendor: type[Vendor], totals: bool) -> None:
    vendor.totals = totals
    said = " ".join(jira.check())
    assert "has no field" not in said
    assert "has no issue type" not in said
    assert "Severity" in said  # which is asked for, on the last page


@pytest.mark.parametrize("totals", [True, False])
def test_all_comments_of_an_issue_are_read(jira: JiraClient, vendor: type[Vendor], totals: bool) -> None:
    vendor.totals = totals
    state = jira.read(["ENG-7"])["ENG-7"]
    assert state is not None
    assert [said.text for said in state.comments] == [str(number) for number in range(2, 21)]  # 1 is our own
    assert jira.has_comment("ENG-7", KEY)  # on the oldest page
    assert not jira.has_comment("ENG-7", "ticket-b:jira_comment:4")


def test_a_search_is_read_to_its_end(jira: JiraClient) -> None:
    assert len(jira.find("tierline-x")) == 30
    assert len(jira.similar("tierline-x")) == 20  # no more are shown to people


def test_a_list_that_has_no_end_is_not_taken_for_read(jira: JiraClient, vendor: type[Vendor]) -> None:
    vendor.endless = True
    with pytest.raises(Unknown, match="does not end"):
        jira.find("tierline-x")
    with pytest.raises(Unknown, match="does not end"):
        jira.has_comment("ENG-7", "ticket-b:jira_comment:4")


def zendesk(vendor: type[Vendor]) -> ZendeskClient:
    return ZendeskClient(ZendeskConfig(url=vendor.url, email="a@example.com", token=SecretStr("t")))


def test_every_change_of_a_helpdesk_ticket_is_read(vendor: type[Vendor]) -> None:
    found = zendesk(vendor).history(7).audits
    assert [audit.id for audit in found] == list(range(1, 11))
    assert {audit.comment.text for audit in found if audit.comment} == {f"Word {number}" for number in range(1, 11)}


def test_a_history_that_says_that_there_is_more_and_not_where_is_not_taken_for_read(vendor: type[Vendor]) -> None:
    vendor.endless = True
    with pytest.raises(Unknown):
        zendesk(vendor).history(7)


def test_every_alert_of_an_incident_at_the_pager_is_read(vendor: type[Vendor]) -> None:
    config = PagerConfig(routing_keys=(SecretStr("k"),), api_url=vendor.url, api_token=SecretStr("t"))
    assert len(PagerDutyAlerts(config).keys("P1")) == 10
    vendor.endless = True
    with pytest.raises(Unknown, match="does not end"):
        PagerDutyAlerts(config).keys("P1")


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize("summary", ["\U0001f525" * 255, "a" + "\U0001f525" * 200, "x" * 300])
def test_a_summary_fits_as_jira_counts_it_and_no_character_is_cut(summary: str) -> None:
    draft = IssueDraft(
        key="ticket-a:jira_bug:1", kind="bug", summary=summary, description=Document(blocks=(paragraph("x"),)),
        priority="P2",
    )  # fmt: skip
    assert 250 <= units(draft.summary) <= 255
    assert draft.summary.endswith("\u2026")
    assert "\ufffd" not in draft.summary


@pytest.mark.parametrize("char", ["a", "\u00fc", "\u6f22", "\U0001f525", '"', "\n"])
def test_a_page_stays_under_what_the_pager_takes(char: str) -> None:
    page = Page(
        dedup_key="incident-1:1:1", level=1, summary="P0", severity="critical",
        details={f"detail {number}": char * 20_000 for number in range(50)},
    )  # fmt: skip
    sent = json.dumps(trigger_event(page), ensure_ascii=False).encode()
    assert len(sent) < 512_000

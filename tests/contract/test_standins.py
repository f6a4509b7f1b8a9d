"""The stand-ins themselves: they remember, they render safely, they say when they cannot start."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from domain.documents.document import Document, code_block, paragraph
from integrations.calls import Rejected
from integrations.chat.client import WebhookSink
from integrations.chat.port import Message
from integrations.jira.client import JiraClient
from integrations.pager.client import PagerDutyClient
from integrations.pager.port import Page, PageRef
from integrations.standins.run import Control, Running, chat_config, jira_config, pager_config, running

from .conftest import Drafting

ATTACK = '<script>alert(1)</script><img src=x onerror=alert(2)>" onmouseover="alert(3)'


def use_all(standins: Running, drafting: Drafting) -> None:
    with closing(JiraClient(jira_config(standins.jira.url))) as jira:
        ref = jira.create(drafting())
        jira.link_back(ref.key, "tierline:7K2M", "https://tickets.example.com/7K2M", "Ticket 7K2M")
    requests.post(ref.url, data={"comment": "Fixed", "to": "Done"}, timeout=60).raise_for_status()
    pager = PagerDutyClient(pager_config(standins.pager.url))
    pager.page(Page(dedup_key="incident-1", summary="down", severity="critical"))
    pager.acknowledge(PageRef(dedup_key="incident-1"))
    note = Message(id="n1", kind="survey", audience="lead", recipient="r", title="t", text="x", at=datetime.now(UTC))
    sink = WebhookSink(chat_config(standins.chat.url))
    sink.send(note)
    sink.send(note)


def everything(standins: Running) -> list[object]:
    issues = [
        {name: value for name, value in issue.items() if name != "url"}
        for issue in standins.jira.see("issues")["issues"]
    ]
    return [issues, standins.pager.see("alerts"), standins.chat.see("messages")]


def test_a_restarted_stand_in_remembers(tmp_path: Path, draft: Drafting) -> None:
    with running(tmp_path) as first:
        use_all(first, draft)
        before = everything(first)

    with running(tmp_path) as second:
        assert everything(second) == before


def test_a_line_torn_by_a_kill_is_passed_over(tmp_path: Path, draft: Drafting) -> None:
    with running(tmp_path) as first:
        use_all(first, draft)
        before = everything(first)
    for name in ("jira", "pager", "chat"):
        with (tmp_path / f"{name}.jsonl").open("a") as file:
            file.write('{"key": "ENG-2", "summ')

    with running(tmp_path) as second:
        assert everything(second) == before
        use_all(second, draft)
        after = everything(second)

    with running(tmp_path) as third:
        assert everything(third) == after


def test_without_a_folder_it_forgets(draft: Drafting) -> None:
    with running() as first:
        use_all(first, draft)
    with running() as second:
        assert second.jira.see("issues") == {"issues": []}


def test_a_taken_port_is_told_in_one_line(standins: Running) -> None:
    taken = int(standins.jira.url.rsplit(":", 1)[1])

    with pytest.raises(OSError, match=f"port {taken} on 127.0.0.1 cannot be used"), running(ports=(taken, 0, 0)):
        pass


def test_what_a_customer_wrote_does_nothing_on_any_page(jira: JiraClient, standins: Running, draft: Drafting) -> None:
    ref = jira.create(
        draft(
            summary=ATTACK,
            environment=ATTACK,
            description=Document(blocks=(paragraph(ATTACK), code_block(ATTACK))),
        )
    )
    with pytest.raises(Rejected):
        jira.link_back(ref.key, "g", "javascript:alert(4)", ATTACK)
    jira.link_back(ref.key, "g", f"https://x.example/{ATTACK}", ATTACK)
    requests.post(ref.url, data={"comment": ATTACK, "to": "Done", "fix_version": ATTACK}, timeout=60)
    PagerDutyClient(pager_config(standins.pager.url)).page(
        Page(dedup_key="attack", summary=ATTACK, severity="info", source=ATTACK, details={ATTACK: ATTACK})
    )
    WebhookSink(chat_config(standins.chat.url)).send(
        Message(
            id="attack",
            kind="survey",
            audience="lead",
            recipient=ATTACK,
            title=ATTACK,
            text=ATTACK,
            at=datetime.now(UTC),
        )
    )

    for address in (ref.url, standins.jira.url, standins.pager.url, standins.chat.url):
        answer = requests.get(address, timeout=60)
        assert "&lt;script&gt;" in answer.text
        assert "<script" not in answer.text
        assert "<img" not in answer.text
        assert "javascript:" not in answer.text
        assert 'onmouseover="' not in answer.text
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_an_engineer_moves_an_issue_with_the_buttons_of_its_page(jira: JiraClient, draft: Drafting) -> None:
    ref = jira.create(draft())
    page = requests.get(ref.url, timeout=60).text
    assert "Start progress" in page
    assert "Unresolved" in page

    requests.post(ref.url, data={"to": "In Progress"}, timeout=60)
    requests.post(
        ref.url,
        data={"to": "Done", "resolution": "Cannot Reproduce", "comment": "Not seen again", "support": "1"},
        timeout=60,
    )

    page = requests.get(ref.url, timeout=60).text
    assert "Cannot Reproduce" in page
    assert "Goes to support" in page
    assert "Reopen" in page


def test_an_issue_that_does_not_exist_has_a_page_that_says_so(standins: Running) -> None:
    assert "No such issue" in requests.get(f"{standins.jira.url}/browse/ENG-99999", timeout=60).text


def test_a_fault_ends_after_its_times_or_when_cleared(server: Control, jira: JiraClient) -> None:
    server.fault("rate_limited", times=2)
    server.fault("search_lag", seconds=5)
    assert [fault["kind"] for fault in server.see("faults")["faults"]] == ["rate_limited", "search_lag"]

    answers = [_outcome(jira) for _ in range(3)]
    server.clear()

    assert answers == ["RateLimited", "RateLimited", "fine"]
    assert server.see("faults") == {"faults": []}


def test_a_misspelt_fault_is_refused(server: Control) -> None:
    answer = requests.post(f"{server.url}/standin/faults", json={"kind": "explode"}, timeout=60)

    assert answer.status_code == 400


def _outcome(jira: JiraClient) -> str:
    try:
        jira.find("nothing")
    except Exception as failure:
        return type(failure).__name__
    return "fine"

"""The stand-in takes a document where Jira would, and refuses it where Jira would, on every endpoint that has one.

What Jira would do is what the vendor's own schema says; where that is not there, the comparison is skipped.
"""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.jira.client import JiraClient
from integrations.standins.adf_rules import adf_problem, is_empty
from integrations.standins.run import Control
from tests.support.jira_side import raw
from tests.support.oracle import DOCUMENT_FORMAT, DocumentFormat

from .conftest import Drafting

Json = dict[str, Any]
TEXT = {"type": "text", "text": "It broke"}
PARAGRAPH = {"type": "paragraph", "content": [TEXT]}
ITEM = {"type": "listItem", "content": [PARAGRAPH]}


def doc(*blocks: Any) -> Json:
    return {"type": "doc", "version": 1, "content": list(blocks)}


def said(text: str = "It broke", **more: Any) -> Json:
    return {"type": "paragraph", "content": [TEXT | {"text": text} | more]}


LEGAL: dict[str, Json] = {
    "a paragraph": doc(PARAGRAPH),
    "an empty paragraph beside text": doc({"type": "paragraph"}, PARAGRAPH),
    "marks": doc(said(marks=[{"type": "strong"}, {"type": "em"}]), said(marks=[{"type": "code"}])),
    "a link": doc(said(marks=[{"type": "link", "attrs": {"href": "https://example.com"}}, {"type": "code"}])),
    "a heading": doc({"type": "heading", "attrs": {"level": 3}, "content": [TEXT]}),
    "lists": doc(
        {"type": "bulletList", "content": [ITEM, {"type": "listItem", "content": [PARAGRAPH, {
            "type": "orderedList", "attrs": {"order": 3}, "content": [ITEM]}]}]}
    ),
    "code": doc({"type": "codeBlock", "attrs": {"language": "python"}, "content": [TEXT]}, {"type": "codeBlock"}),
    "a panel": doc({"type": "panel", "attrs": {"panelType": "info"}, "content": [PARAGRAPH]}),
    "a quotation": doc({"type": "blockquote", "content": [PARAGRAPH]}, {"type": "rule"}),
    "a table": doc({"type": "table", "content": [{"type": "tableRow", "content": [
        {"type": "tableHeader", "content": [PARAGRAPH]},
        {"type": "tableCell", "attrs": {}, "content": [PARAGRAPH]}]}]}),
    "tasks": doc({"type": "taskList", "attrs": {"localId": "a"}, "content": [
        {"type": "taskItem", "attrs": {"localId": "b", "state": "TODO"}, "content": [TEXT]}]}),
    "what stands in a line": doc({"type": "paragraph", "content": [
        {"type": "mention", "attrs": {"id": "5b10", "text": "@Ada"}}, {"type": "hardBreak"},
        {"type": "emoji", "attrs": {"shortName": ":bug:"}}, {"type": "date", "attrs": {"timestamp": "1700000000000"}},
        {"type": "status", "attrs": {"text": "OPEN", "color": "blue"}},
        {"type": "inlineCard", "attrs": {"url": "https://example.com"}}]}),
}  # fmt: skip
WRONG: dict[str, Any] = {
    "a string": "It broke",
    "no content": {"type": "doc", "version": 1},
    "another version": doc(PARAGRAPH) | {"version": 2},
    "a field of its own": doc(PARAGRAPH) | {"title": "x"},
    "a heading without level": doc({"type": "heading", "content": [TEXT]}),
    "a heading of level 9": doc({"type": "heading", "attrs": {"level": 9}, "content": [TEXT]}),
    "text without a paragraph": doc(TEXT),
    "an item with text": doc({"type": "bulletList", "content": [{"type": "listItem", "content": [TEXT]}]}),
    "an empty list": doc({"type": "bulletList", "content": []}),
    "a list without content": doc({"type": "orderedList"}),
    "an unknown mark": doc(said(marks=[{"type": "blink"}])),
    "a mark without type": doc(said(marks=[{}])),
    "a link without address": doc(said(marks=[{"type": "link"}])),
    "code and strong": doc(said(marks=[{"type": "code"}, {"type": "strong"}])),
    "marks in a block of code": doc({"type": "codeBlock", "content": [TEXT | {"marks": [{"type": "strong"}]}]}),
    "a break in a block of code": doc({"type": "codeBlock", "content": [{"type": "hardBreak"}]}),
    "a paragraph in a paragraph": doc({"type": "paragraph", "content": [PARAGRAPH]}),
    "an attribute of its own": doc({"type": "rule", "attrs": {"colour": "red"}}),
    "an empty text": doc(said("")),
    "a text that is a number": doc({"type": "paragraph", "content": [{"type": "text", "text": 7}]}),
    "an unknown node": doc({"type": "marquee", "content": [PARAGRAPH]}),
    "a panel without kind": doc({"type": "panel", "content": [PARAGRAPH]}),
    "a mention of nobody": doc({"type": "paragraph", "content": [{"type": "mention"}]}),
    "a node that is none": doc("It broke"),
    "content that is none": {"type": "doc", "version": 1, "content": {"type": "paragraph"}},
}  # fmt: skip

Post = Callable[[Any], int]


@pytest.fixture
def endpoints(server: Control, jira: JiraClient, draft: Drafting) -> dict[str, Post]:
    """How a document gets to Jira, each as a call that returns the status of the answer."""
    key = jira.create(draft()).key
    comment = raw(server, "POST", f"/rest/api/3/issue/{key}/comment", {"body": doc(PARAGRAPH)}).json()["id"]

    def create(field: str) -> Post:
        fields = {"project": {"key": "ENG"}, "issuetype": {"name": "Bug"}, "summary": "It broke"}
        return lambda document: (
            raw(server, "POST", "/rest/api/3/issue", {"fields": fields | {field: document}}).status_code
        )

    comments = f"/rest/api/3/issue/{key}/comment"
    return {
        "description": create("description"),
        "environment": create("environment"),
        "comment": lambda document: raw(server, "POST", comments, {"body": document}).status_code,
        "changed comment": lambda document: raw(server, "PUT", f"{comments}/{comment}", {"body": document}).status_code,
    }


@pytest.mark.parametrize("name", ["description", "environment", "comment", "changed comment"])
def test_every_endpoint_takes_what_is_legal_and_nothing_else(endpoints: dict[str, Post], name: str) -> None:
    good = 200 if name == "changed comment" else 201
    assert {what: endpoints[name](one) for what, one in LEGAL.items()} == dict.fromkeys(LEGAL, good)
    assert {what: endpoints[name](one) for what, one in WRONG.items()} == dict.fromkeys(WRONG, 400)


@pytest.mark.parametrize("name", ["comment", "changed comment"])
def test_a_comment_that_says_nothing_is_refused(endpoints: dict[str, Post], name: str) -> None:
    for empty in (doc(), doc({"type": "paragraph"}), doc({"type": "paragraph", "content": [{"type": "hardBreak"}]})):
        assert endpoints[name](empty) == 400
        assert is_empty(empty)
    assert endpoints["description"](doc()) == 201


needs_the_schema = pytest.mark.skipif(
    not DOCUMENT_FORMAT.exists(), reason=f"{DOCUMENT_FORMAT.name} is not beside the repository"
)


@needs_the_schema
def test_the_vendors_schema_says_the_same_of_each(document_format: DocumentFormat) -> None:
    assert {what: document_format.problems_of(one) for what, one in LEGAL.items()} == {what: [] for what in LEGAL}
    assert [what for what, one in WRONG.items() if not document_format.problems_of(one)] == []


def places(node: Any) -> list[tuple[Any, Any]]:
    """Every place in a document: what holds it, and its key or number there."""
    inside = list(node.items()) if isinstance(node, dict) else list(enumerate(node)) if isinstance(node, list) else []
    return [(node, at) for at, _ in inside] + [place for _, part in inside for place in places(part)]


PARTS = [
    TEXT, PARAGRAPH, ITEM, {}, [], "", "x", 0, 7, None, True, {"type": "hardBreak"}, {"type": "strong"},
    [{"type": "code"}, {"type": "strong"}], {"type": "link", "attrs": {"href": "x"}}, {"type": "text", "text": ""},
    *(block for one in LEGAL.values() for block in one["content"]),
]  # fmt: skip


@needs_the_schema
@settings(max_examples=100)
@given(st.sampled_from(list(LEGAL.values())), st.data())
def test_nothing_is_taken_that_the_vendors_schema_refuses(document: Json, data: st.DataObject) -> None:
    """Documents with one to three places cut out or put in place of by something else."""
    changed = copy.deepcopy(document)
    for _ in range(data.draw(st.integers(1, 3))):
        there = places(changed)
        if not there:
            break
        holder, at = there[data.draw(st.integers(0, len(there) - 1))]
        if isinstance(holder, dict) and data.draw(st.booleans()):
            del holder[at]
        else:
            holder[at] = copy.deepcopy(data.draw(st.sampled_from(PARTS)))
    if adf_problem(changed) is None:
        assert FORMAT.problems_of(changed) == []


FORMAT: Any = DocumentFormat() if DOCUMENT_FORMAT.exists() else None

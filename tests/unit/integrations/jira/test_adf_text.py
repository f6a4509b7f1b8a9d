"""What people and programs wrote into Jira reads as they saw it: nothing that carries meaning becomes empty."""

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.jira.adf_text import to_text
from tests.support.root import ROOT

Node = dict[str, Any]

SCHEMA = ROOT.parent / "shared" / "specs" / "adf-full-v1.schema.json"
"""The vendor's own description of the format, which is not ours to ship."""


def text(words: str, *marks: Node) -> Node:
    return {"type": "text", "text": words} | ({"marks": list(marks)} if marks else {})


def node(kind: str, *content: Node, **attrs: Any) -> Node:
    return {"type": kind} | ({"attrs": attrs} if attrs else {}) | ({"content": list(content)} if content else {})


def doc(*blocks: Node) -> Node:
    return {"type": "doc", "version": 1, "content": list(blocks)}


def p(*content: Node) -> Node:
    return {"type": "paragraph", "content": list(content)}


def link(href: str) -> Node:
    return {"type": "link", "attrs": {"href": href}}


ADDRESS = "https://docs.example.com/fix"
FILE = {"type": "file", "id": "4478e39c", "collection": "c"}
CELL = node("tableCell", p(text("4.12")))
COLUMNS = [node("layoutColumn", p(text(words)), width=50) for words in ("a", "b")]
CARD = {"@type": "Document", "name": "How to fix it", "url": ADDRESS}

SAYS: dict[str, tuple[Node, str]] = {
    "text": (p(text("Fixed.")), "Fixed."),
    "paragraph": (p(text("Fixed."), text(" Ships soon.")), "Fixed. Ships soon."),
    "hardBreak": (p(text("Fixed."), node("hardBreak"), text("Ships soon.")), "Fixed.\nShips soon."),
    "heading": (node("heading", text("Cause"), level=2), "Cause"),
    "mention": (p(text("ask"), node("mention", id="5b10", text="@Ana"), text("please")), "ask @Ana please"),
    "emoji": (p(text("done "), node("emoji", shortName=":tada:", text="\U0001f389")), "done \U0001f389"),
    "date": (p(text("ships on "), node("date", timestamp="1798070400000"), text(".")), "ships on 2026-12-24."),
    "status": (p(text("It is"), node("status", text="IN REVIEW", color="blue")), "It is IN REVIEW"),
    "inlineCard": (p(text("see"), node("inlineCard", url=ADDRESS)), f"see {ADDRESS}"),
    "blockCard": (node("blockCard", url=ADDRESS), ADDRESS),
    "embedCard": (node("embedCard", url=ADDRESS, layout="wide"), ADDRESS),
    "media": (node("mediaSingle", node("media", **FILE, alt="error.png"), layout="center"), "[picture: error.png]"),
    "mediaSingle": (node("mediaSingle", node("media", **FILE), layout="center"), "[picture]"),
    "mediaGroup": (node("mediaGroup", node("media", **FILE, alt="app.log")), "[file: app.log]"),
    "mediaInline": (p(text("look: "), node("mediaInline", **FILE, alt="a.jpg")), "look: [picture: a.jpg]"),
    "caption": (
        node("mediaSingle", node("media", **FILE), node("caption", text("after saving")), layout="center"),
        "[picture]\nafter saving",
    ),
    "bulletList": (node("bulletList", node("listItem", p(text("1"))), node("listItem", p(text("2")))), "- 1\n- 2"),
    "orderedList": (node("orderedList", node("listItem", p(text("log out"))), order=3), "3. log out"),
    "listItem": (
        node("bulletList", node("listItem", p(text("a")), node("bulletList", node("listItem", p(text("b")))))),
        "- a\n  - b",
    ),
    "taskList": (node("taskList", node("taskItem", text("ship"), localId="2", state="TODO"), localId="1"), "[ ] ship"),
    "taskItem": (node("taskList", node("taskItem", text("fix"), localId="2", state="DONE"), localId="1"), "[x] fix"),
    "blockTaskItem": (
        node("taskList", node("blockTaskItem", p(text("fix")), localId="2", state="DONE"), localId="1"),
        "[x] fix",
    ),
    "decisionList": (
        node("decisionList", node("decisionItem", text("no fix in 4.x"), localId="2", state="DECIDED"), localId="1"),
        "Decision: no fix in 4.x",
    ),
    "decisionItem": (
        node("decisionList", node("decisionItem", text("later"), localId="2", state="DECIDED"), localId="1"),
        "Decision: later",
    ),
    "panel": (node("panel", p(text("Do not restart.")), panelType="warning"), "Do not restart."),
    "blockquote": (node("blockquote", p(text("it fails"))), "> it fails"),
    "codeBlock": (node("codeBlock", text("if a:\n    b()"), language="python"), "if a:\n    b()"),
    "rule": (node("rule"), "---"),
    "table": (node("table", node("tableRow", node("tableHeader", p(text("version"))), CELL)), "version | 4.12"),
    "tableRow": (node("table", node("tableRow", CELL), node("tableRow", CELL)), "4.12\n4.12"),
    "tableHeader": (node("table", node("tableRow", node("tableHeader", p(text("version"))))), "version"),
    "tableCell": (node("table", node("tableRow", CELL, node("tableCell", p(text("a")), p(text("b"))))), "4.12 | a b"),
    "expand": (node("expand", p(text("KeyError")), title="The log"), "The log\nKeyError"),
    "nestedExpand": (
        node("table", node("tableRow", node("tableCell", node("nestedExpand", p(text("KeyError")), title="The log")))),
        "The log KeyError",
    ),
    "layoutSection": (node("layoutSection", *COLUMNS), "a\nb"),
    "layoutColumn": (node("layoutSection", *COLUMNS), "a\nb"),
    "placeholder": (p(node("placeholder", text="say which version")), "[say which version]"),
    "extension": (node("extension", extensionKey="toc", extensionType="com.example"), "[toc]"),
    "inlineExtension": (p(node("inlineExtension", extensionKey="k", extensionType="t", text="Roadmap")), "[Roadmap]"),
    "bodiedExtension": (node("bodiedExtension", p(text("inside")), extensionKey="k", extensionType="t"), "inside"),
    "syncBlock": (node("syncBlock", resourceId="r", localId="1"), "[synced block]"),
    "bodiedSyncBlock": (node("bodiedSyncBlock", p(text("inside")), resourceId="r", localId="1"), "inside"),
}  # fmt: skip
"""Node type -> a document with it, and what a person reads."""


@pytest.mark.parametrize("kind", SAYS)
def test_each_node_says_what_it_shows(kind: str) -> None:
    block, says = SAYS[kind]
    assert to_text(doc(block)) == says


def vendors_schema() -> dict[str, Any]:
    if not SCHEMA.exists():
        pytest.skip("the vendor's schema of ADF is not here")
    schema: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return schema


def test_the_vendor_has_no_node_besides_these() -> None:
    definitions = vendors_schema()["definitions"]
    kinds = {
        kind
        for name, definition in definitions.items()
        if name.endswith("_node") and not name.startswith("doc")
        for kind in definition.get("properties", {}).get("type", {}).get("enum", [])
    }
    assert kinds == set(SAYS)


@pytest.mark.parametrize("kind", SAYS)
def test_the_vendor_takes_what_these_tests_read(kind: str) -> None:
    jsonschema.Draft4Validator(vendors_schema()).validate(doc(SAYS[kind][0]))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ([text("see "), text("here", link(ADDRESS))], f"see here ({ADDRESS})"),
        ([text("see "), text("he", link(ADDRESS), {"type": "strong"}), text("re", link(ADDRESS)), text(".")],
         f"see here ({ADDRESS})."),
        ([text(ADDRESS, link(ADDRESS)), text(" and "), text("docs.example.com/fix", link(ADDRESS + "/"))],
         f"{ADDRESS} and docs.example.com/fix"),
        ([text("ops@example.com", link("mailto:ops@example.com"))], "ops@example.com"),
        ([text("here ", link(ADDRESS)), text("it is")], f"here ({ADDRESS}) it is"),
        ([text("not "), text("4.12", {"type": "strike"}), text(" but 4.13")], "not ~~4.12~~ but 4.13"),
        ([text("10"), text("6", {"type": "subsup", "attrs": {"type": "sup"}})], "10^6"),
        ([text("run "), text("make", {"type": "code"}), text(" now", {"type": "em"})], "run make now"),
        ([node("mention", id="5b10"), node("inlineCard", data=CARD)], f"@5b10 How to fix it ({ADDRESS})"),
        ([text("("), node("mention", id="5b10", text="@Ana"), text("'s)")], "(@Ana's)"),
        ([node("inlineCard", data={"@type": "Object"})], "[link]"),
        ([node("date", timestamp="1582152559")], "2020-02-19"),  # in seconds, as in the vendor's example
        ([node("date", timestamp="-86400000")], "1969-12-31"),
        ([node("date", timestamp="soon")], "[date: soon]"),
        ([node("date", timestamp="9" * 30)], f"[date: {'9' * 30}]"),
        ([node("emoji", shortName=":shipit:")], ":shipit:"),
        ([node("media", type="external", url="https://x.example/a.png")], "[picture (https://x.example/a.png)]"),
        ([node("hologram", name="x")], "[hologram]"),
        ([text("a"), node("hologram", title="The stand"), text("b")], "a\n[The stand]\nb"),
    ],
)  # fmt: skip
def test_words_keep_where_they_lead_to_and_what_they_mean(content: list[Node], says: str) -> None:
    assert to_text(doc(p(*content))) == says


def test_a_list_of_issues_and_a_picture_that_leads_somewhere_say_so() -> None:
    issues = node("blockCard", datasource={"id": "d", "parameters": {}, "views": [{"type": "table"}]})
    picture = node("media", **FILE, alt="a.png") | {"marks": [link(ADDRESS)]}
    assert to_text(doc(issues, node("mediaSingle", picture))) == f"[list of issues]\n[picture: a.png] ({ADDRESS})"


def test_an_empty_paragraph_keeps_its_line() -> None:
    assert to_text(doc(p(text("a")), p(), p(text("b")))) == "a\n\nb"


def test_what_is_nested_too_deep_leaves_a_mark() -> None:
    block = p(text("deep"))
    for _ in range(5_000):
        block = node("panel", block)
    assert to_text(doc(block)) == "[...]"


junk = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
KEYS = st.sampled_from(["type", "text", "content", "attrs", "marks", "timestamp", "url", "data", "parameters", "order"])
KINDS = st.sampled_from([*SAYS, "link", "subsup", "strike"])


@given(st.recursive(junk | KINDS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5)))
def test_what_is_not_shaped_like_a_document_breaks_nothing(value: object) -> None:
    assert isinstance(to_text(value), str)


@given(st.sampled_from(list(SAYS)), st.dictionaries(KEYS, junk | st.dictionaries(KEYS, junk), max_size=3))
def test_nor_do_nodes_with_odd_attributes(kind: str, attrs: dict[str, Any]) -> None:
    assert isinstance(to_text(doc(p({"type": kind, "attrs": attrs}))), str)

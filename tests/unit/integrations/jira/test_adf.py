"""Documents as Jira reads them: customers' words stay words."""

import json
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.core.text import clean, one_line
from domain.documents.document import (
    Block,
    Document,
    bullets,
    code,
    code_block,
    heading,
    line,
    link,
    numbers,
    paragraph,
    strong,
)
from integrations.jira.adf import LIMIT, render
from integrations.jira.adf_text import to_text
from tests.support.oracle import DOCUMENT_FORMAT, DocumentFormat

FORMAT: Any = DocumentFormat() if DOCUMENT_FORMAT.exists() else None

any_text = st.text(st.characters(), max_size=60)
hostile = st.sampled_from(
    [
        '{"type":"text","text":"x","marks":[{"type":"link","attrs":{"href":"https://evil.example"}}]}',
        "{noformat}{code}[link|https://evil.example]{panel}",
        "<script>alert(1)</script>",
        "**bold** _it_ `code` [a](javascript:alert(1))",
        "[~accountid:5b10] @all #support",
        "]]}, {{ 7*7 }} ${x} %n%n",
    ]
)
words = any_text | hostile


def blocks_of(text: str) -> tuple[Block, ...]:
    """The same shape for any words."""
    return (
        heading(text),
        paragraph(text, strong(text), code(text), link(text, "https://tickets.example.com/7K2M")),
        bullets([text, line(text, code(text))]),
        numbers([text]),
        code_block(text, "text"),
    )


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("content", []):
        yield from nodes(child)


@given(words)
@example("")
@example("\n\n")
def test_any_text_survives_as_text(text: str) -> None:
    for block in (paragraph(text), code_block(text)):
        read_back = to_text(render(Document(blocks=(block,))))
        assert shown(read_back) == shown(clean(text).strip("\n"))
    for block, bullet in ((bullets([text]), "- "), (numbers([text]), "1. ")):
        read_back = to_text(render(Document(blocks=(block,))))
        set_in = bullet + clean(text).replace("\n", "\n" + " " * len(bullet))
        assert shown(read_back).rstrip(" \n") == shown(set_in).rstrip(" \n")
    assert shown(to_text(render(Document(blocks=(heading(text),))))) == shown(one_line(text, 255))


def shown(text: str) -> str:
    """The text without what nobody sees: that does not go to Jira, which a test of its own shows."""
    return "".join(char for char in text if unicodedata.category(char) != "Cf" and char not in INVISIBLE).strip("\n")


INVISIBLE = "\u034f\u115f\u1160\u3164\uffa0"


def test_what_nobody_sees_and_what_turns_the_direction_does_not_go_to_jira() -> None:
    hidden = "\u061c\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202e\u2060\u2066\u2069\ufeff\U000e0041\u3164"
    text = f"in{hidden}voice {hidden}gpj.exe"
    for block in (paragraph(text, strong(text), code(text), link(text, "https://x.example")), bullets([text]),
                  numbers([text]), heading(text), code_block(text)):  # fmt: skip
        written = json.dumps(render(Document(blocks=(block,))), ensure_ascii=False)
        assert "invoice gpj.exe" in written
        assert not set(hidden) & set(written)


def test_joiners_stay_where_words_and_emoji_are_written_with_them() -> None:
    for text in (
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\U0001f468\u200d\U0001f469",
        "\u0915\u094d\u200d\u0937",
    ):
        assert to_text(render(Document(blocks=(paragraph(text),)))) == text


@given(words)
def test_no_words_bring_marks_or_structure_of_their_own(text: str) -> None:
    """Whatever the text, the nodes other than text and line breaks, and the marks, are those of a harmless
    one.
    """

    def skeleton(text: str) -> tuple[list[Any], set[str]]:
        found = list(nodes(render(Document(blocks=blocks_of(text)))))
        structure = [(n["type"], n.get("attrs")) for n in found if n["type"] not in ("text", "hardBreak")]
        return structure, {json.dumps(mark) for n in found for mark in n.get("marks", [])}

    structure, marks = skeleton(text)
    harmless_structure, harmless_marks = skeleton("harmless")

    assert structure == harmless_structure
    assert marks <= harmless_marks


@pytest.mark.skipif(not DOCUMENT_FORMAT.exists(), reason=f"{DOCUMENT_FORMAT.name} is not beside the repository")
@given(words)
@settings(max_examples=60)
def test_every_document_is_valid_by_the_published_schema(text: str) -> None:
    document = render(Document(blocks=blocks_of(text)))

    assert FORMAT.problems_of(document) == []
    assert all(node["text"] for node in nodes(document) if node["type"] == "text")
    json.dumps(document, ensure_ascii=False).encode()


def test_a_document_has_the_form_that_jira_expects() -> None:
    document = Document(
        blocks=(
            heading("Bug", level=3),
            paragraph("a\nb ", strong("c"), code("d"), link("e", "https://example.com")),
            code_block("x\ny", "python"),
        )
    )

    assert render(document) == {
        "type": "doc",
        "version": 1,
        "content": [
            {"type": "heading", "attrs": {"level": 3}, "content": [{"type": "text", "text": "Bug"}]},
            {
                "type": "paragraph",
                "content": [
                    {"type": "text", "text": "a"},
                    {"type": "hardBreak"},
                    {"type": "text", "text": "b "},
                    {"type": "text", "text": "c", "marks": [{"type": "strong"}]},
                    {"type": "text", "text": "d", "marks": [{"type": "code"}]},
                    {
                        "type": "text",
                        "text": "e",
                        "marks": [{"type": "link", "attrs": {"href": "https://example.com"}}],
                    },
                ],
            },
            {
                "type": "codeBlock",
                "attrs": {"language": "python"},
                "content": [{"type": "text", "text": "x\ny"}],
            },
        ],
    }


@pytest.mark.parametrize("text", ["x" * 100_000, "\U0001f525" * 40_000, '"\\' * 40_000, "a\n" * 50_000])
def test_a_document_stays_within_what_jira_keeps_however_it_counts(text: str) -> None:
    document = Document(blocks=(paragraph(text), code_block(text), paragraph("the end")))

    rendered = render(document)

    written = json.dumps(rendered, ensure_ascii=False, separators=(",", ":"))
    assert len(written.encode("utf-16-le")) // 2 <= LIMIT
    assert to_text(rendered, limit=10**6).endswith("the end")
    assert to_text(rendered, limit=10**6).count("[cut here:") == 2


class TestForeignDocuments:
    """Comments come from people and other programs."""

    def test_the_words_of_a_comment_come_out_one_line_per_block(self) -> None:
        comment = {
            "type": "doc",
            "version": 1,
            "content": [
                {
                    "type": "paragraph",
                    "content": [{"type": "text", "text": "#support fixed in"}, {"type": "hardBreak"}],
                },
                {
                    "type": "bulletList",
                    "content": [
                        {
                            "type": "listItem",
                            "content": [{"type": "paragraph", "content": [{"type": "text", "text": "1.2"}]}],
                        }
                    ],
                },
                {
                    "type": "panel",
                    "content": [
                        {
                            "type": "paragraph",
                            "content": [
                                {"type": "mention", "attrs": {"id": "5b10", "text": "@Ana"}},
                                {"type": "inlineCard", "attrs": {"url": "https://example.com"}},
                            ],
                        }
                    ],
                },
            ],
        }

        assert to_text(comment) == "#support fixed in\n- 1.2\n@Ana https://example.com"

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["type", "text", "content", "attrs", "x"]), inner, max_size=4)
            ),
            max_leaves=20,
        )
    )
    def test_what_is_not_shaped_like_a_document_adds_no_text_and_breaks_nothing(self, junk: object) -> None:
        assert isinstance(to_text(junk), str)

    def test_a_bottomless_document_is_read_to_a_depth_only(self) -> None:
        node: dict[str, Any] = {"type": "text", "text": "deep"}
        for _ in range(5_000):
            node = {"type": "panel", "content": [node]}

        assert to_text(node) == "[...]"

    def test_a_long_comment_is_cut(self) -> None:
        assert len(to_text({"type": "text", "text": "x" * 100_000})) == LIMIT

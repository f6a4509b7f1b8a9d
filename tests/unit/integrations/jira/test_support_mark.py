"""Which comments on an issue go to support, and which only look as if they were meant to."""

import time
from typing import Any

import pytest

from integrations.jira import issue
from integrations.jira.support_mark import for_support
from integrations.tracker.port import NotHeard

Node = dict[str, Any]

MENTION: Node = {"type": "mention", "attrs": {"id": "5b10", "text": "@Ana Silva"}}


def text(words: str, *marks: str) -> Node:
    return {"type": "text", "text": words} | ({"marks": [{"type": mark} for mark in marks]} if marks else {})


def p(*content: Node) -> Node:
    return {"type": "paragraph", "content": list(content)}


def comment(*blocks: Node, number: int = 1, **more: Any) -> Node:
    body = {"type": "doc", "version": 1, "content": list(blocks)}
    writer = {"accountId": "5b10", "displayName": "Ana"}
    return {"id": str(number), "author": writer, "body": body, "created": "2026-11-27T09:00:00.000+0000"} | more


def lines(said: str) -> list[Node]:
    return [p(text(line)) if line else p() for line in said.split("\n")]


def heard(*blocks: Node, **more: Any) -> str | None:
    """What goes to support; `!why` where it only looks so."""
    found = for_support(comment(*blocks, **more))
    return f"!{found.why}" if isinstance(found, NotHeard) else found


@pytest.mark.parametrize(
    "said",
    [
        "#support Fixed.", "#Support Fixed.", "#SUPPORT Fixed.", "#sUPPORT Fixed.", "#support: Fixed.",
        "#support, Fixed.", "#support. Fixed.", "#support - Fixed.", "#support \u2014 Fixed.",
        "#support : Fixed.", "#support\u2014Fixed.", "#support\u2026 Fixed.", ":tada: #support Fixed.",
        "  #support   Fixed.", "\u00a0#support\u00a0Fixed.", "\u200b#support Fixed.", "\ufeff#support Fixed.",
        "#\u2060support Fixed.", "\uff03support Fixed.", "\ufe5fsupport Fixed.",
        "\uff03\uff33\uff35\uff30\uff30\uff2f\uff32\uff34\uff1a Fixed.", "**#support** Fixed.", "(#support) Fixed.",
        "\u2705 #support Fixed.", "- #support Fixed.", "1. #support Fixed.", "@ana #support Fixed.",
        "#support\nFixed.", "#support\n\nFixed.", "Hi Ana,\n#support Fixed.", "Hi,\n\nsee the log.\n\n#support Fixed.",
    ],
)  # fmt: skip
def test_a_line_that_begins_with_the_mark_is_for_support_however_it_is_spelt(said: str) -> None:
    assert heard(*lines(said)) == "Fixed."


@pytest.mark.parametrize(
    "blocks",
    [
        [p(MENTION, text(" #support Fixed."))],
        [p(MENTION), p(text("#support", "strong"), text(" Fixed."))],
        [p(text("#support"), MENTION, text(" Fixed."))],
        [p(text("#sup", "strong"), text("port Fixed.", "em"))],
        [{"type": "heading", "attrs": {"level": 2}, "content": [text("#support")]}, p(text("Fixed."))],
        [{"type": "bulletList", "content": [{"type": "listItem", "content": [p(text("#support Fixed."))]}]}],
        [{"type": "panel", "attrs": {"panelType": "info"}, "content": [p(text("#support Fixed."))]}],
        [{"type": "table", "content": [{"type": "tableRow", "content": [
            {"type": "tableCell", "content": [p(text("#support Fixed."))]}]}]}],
    ],
)  # fmt: skip
def test_nor_does_it_matter_how_the_comment_is_laid_out(blocks: list[Node]) -> None:
    assert (heard(*blocks) or "").replace("@Ana Silva ", "") == "Fixed."


def test_what_stands_before_the_mark_stays_inside_engineering_and_all_behind_it_goes() -> None:
    said = "Between us: my mistake.\n#support Fixed in 4.13.\n\n- export again\n- tell us"
    assert heard(*lines(said)) == "Fixed in 4.13.\n\n- export again\n- tell us"


def test_the_words_keep_their_punctuation_and_their_first_bullet() -> None:
    assert heard(*lines("#support !important, read this")) == "!important, read this"
    assert heard(*lines("#support\n- a\n- b")) == "- a\n- b"


def test_a_link_a_date_and_a_picture_are_words_for_support_too() -> None:
    link = {"type": "link", "attrs": {"href": "https://docs.example.com/fix"}}
    here = {"type": "text", "text": "here", "marks": [link]}
    date: Node = {"type": "date", "attrs": {"timestamp": "1798070400000"}}
    file = {"type": "media", "attrs": {"type": "file", "id": "4478e39c", "collection": "c", "alt": "error.png"}}
    picture: Node = {"type": "mediaSingle", "attrs": {"layout": "center"}, "content": [file]}
    assert heard(p(text("#support see "), here)) == "see here (https://docs.example.com/fix)"
    assert heard(p(text("#support ships on "), date)) == "ships on 2026-12-24"
    assert heard(p(text("#support")), picture) == "[picture: error.png]"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("between us: see #support for the mess", "place"),
        ("Fixed in 4.13. #support please tell them", "place"),
        ("a\nb\nc\nd\ne\n#support Fixed.", "place"),
        ("#suport Fixed.", "spelling"),
        ("#supprot Fixed.", "spelling"),
        ("#supports Fixed.", "spelling"),
        ("# support Fixed.", "spelling"),
        ("@support Fixed.", "spelling"),
        ("/support Fixed.", "spelling"),
        ("Support: Fixed.", "spelling"),
        ("#customer Fixed.", "spelling"),
        ("#support-team Fixed.", "spelling"),
        ("#supporthi Fixed.", "spelling"),
        ("#support_team: Fixed.", "spelling"),
        ("#supportFixed in 4.13", "spelling"),
        ("#\u0455upport Fixed.", "spelling"),
        ("#suppor\u0442 Fixed.", "spelling"),
        ("#SU\u0420PORT Fixed.", "spelling"),
        ("#sup\u03c1ort: Fixed.", "spelling"),
        ("#support", "empty"),
        ("#support:\n\u200b", "empty"),
    ],
)
def test_what_looks_as_if_it_were_meant_for_support_is_named(said: str, why: str) -> None:
    assert heard(*lines(said)) == f"!{why}"


@pytest.mark.parametrize(
    "said",
    [
        "", "Looks like a race in the exporter.", "#supporting this was hard", "#support/ops",
        "#sport is fun", "support fixed it", "see https://x.example/#support", "#hashtag support", "Support is away.",
        "#supportive", "the #supporters", "#supporters are here", "unsupported: yes",
        "\u043e\u043d \u0441\u043a\u0430\u0437\u0430\u043b: \u0433\u043e\u0442\u043e\u0432\u043e",
    ],
)  # fmt: skip
def test_what_does_not_look_so_stays_inside_engineering_and_nobody_is_told(said: str) -> None:
    assert heard(*lines(said)) is None


@pytest.mark.parametrize("said", ["Support", "support:", "SUPPORT"])
def test_a_heading_that_says_support_is_named_as_well(said: str) -> None:
    heading = {"type": "heading", "attrs": {"level": 2}, "content": [text(said)]}
    assert heard(heading, p(text("Fixed in 4.13."))) == "!spelling"
    assert heard(p(text("For now:")), heading, p(text("Fixed in 4.13."))) == "!spelling"
    other = {"type": "heading", "attrs": {"level": 2}, "content": [text("Support is away")]}
    assert heard(other, p(text("Fixed in 4.13."))) is None


def test_what_somebody_quotes_or_shows_as_code_is_not_said_to_support() -> None:
    quote = {"type": "blockquote", "content": [p(text("#support Fixed."))]}
    assert heard(quote, p(text("Is it? It still fails."))) is None
    assert heard({"type": "codeBlock", "content": [text("#support legacy browsers\nx = 1")]}) is None
    assert heard(p(text("> #support Fixed.")), p(text("Is it?"))) is None


def test_a_comment_that_is_restricted_to_a_role_or_group_stays_there_and_its_writer_is_told() -> None:
    role = {"type": "role", "value": "Developers", "identifier": "Developers"}
    assert heard(*lines("#support Fixed."), visibility=role) == "!restricted"
    assert heard(*lines("Between us."), visibility=role) is None


def test_what_support_said_to_engineering_does_not_come_back() -> None:
    label = p(text("tierline-ticket-4k7m-3q9x-tbd2.jira_comment.7", "code"))
    said = {"type": "heading", "attrs": {"level": 4}, "content": [text("Support says (ticket 4k7m-3q9x-tbd2)")]}
    assert heard(said, p(text("#support It fails again.")), label) is None
    assert heard(said, p(text("see #support")), label) is None


def test_who_is_told_is_who_changed_it_last_and_when() -> None:
    edited = {"updateAuthor": {"accountId": "6c20"}, "updated": "2026-11-28T09:00:00.000+0000"}
    found = for_support(comment(p(text("#suport Fixed.")), number=7, **edited))
    assert isinstance(found, NotHeard)
    assert (found.id, found.writer, f"{found.at:%d %H:%M}") == ("7", "6c20", "28 09:00")


def test_the_latest_comments_come_oldest_first_and_a_cut_says_so() -> None:
    raws = [comment(*lines(f"#support {number}"), number=number) for number in (9, 10, 8)]
    raws.append(comment(*lines("#support " + "x" * 6_000), number=11))
    found = issue.comments(raws).for_support
    assert [said.text for said in found[:3]] == ["8", "9", "10"]
    assert len(found[3].text) <= issue.COMMENT_LIMIT
    assert found[3].text.endswith("[cut here: 1,100 more characters stand in Jira]")


def test_a_hostile_line_takes_no_time() -> None:
    for piece in ("@a ", "1. ", "- ", "#suppor ", "@", "#"):
        began = time.thread_time()
        heard(*lines(piece * 10_000))
        assert time.thread_time() - began < 2

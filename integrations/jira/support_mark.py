"""Which of an issue's comments are meant for support, and which only look so. Pure.

What engineers write stays inside engineering unless they mark it: a line that begins with `#support`, among the first
five lines of a comment. What follows the mark is for support; what stands before it is not. How the mark is spelt does
not matter (`#Support:`, `**#SUPPORT**`, after a mention or an emoji). A comment that looks as if it were meant for
support and is none is named, so that its writer can be told.
"""

import re
from difflib import SequenceMatcher
from typing import Any

from domain.core.text import clean, has_text
from domain.documents.normalised_text import NormalisedText
from integrations.jira.adf_text import CODE, MENTION, MENTION_END, marked_text
from integrations.tracker.port import NotHeard, Why

Json = dict[str, Any]

MARK = "support"
_FIRST_LINES = 5
"""Lines with words that count as the beginning of a comment."""

_PEOPLE = rf"{MENTION}[^{MENTION_END}]*+{MENTION_END}|@(?!{MARK}\b)[\w.-]+(?=\s)"
_LEAD = rf"(?:{_PEOPLE}|:[\w+-]{{1,40}}:|\d{{1,3}}[.)]\s|[/!](?!{MARK}\b)|[^\w#>@/!{MENTION}{CODE}])*+"
"""What may stand before the mark on its line: people, emoji, bullets, punctuation; no word, no quotation, no code."""
_NO_WORD = r"(?![/'\u2019\w-]*\w)"
_MARK = re.compile(rf"{_LEAD}#{MARK}{_NO_WORD}", re.I)
_SEPARATOR = re.compile(r"[:;,.!?)\]}*_~|\"'\u2026-]*+[ \t]*+(?:[:;,-]++[ \t]++)?")
"""What may stand between the mark and the words."""
_DASH = re.compile(rf"({MARK})\s*[\u2013\u2014]", re.I)
"""A dash behind the mark, which separates it from the words; a hyphen would make another tag of it."""
_ANYWHERE = re.compile(rf"(?<![\w&/#.-])#{MARK}{_NO_WORD}", re.I)
_NEARLY = re.compile(rf"{_LEAD}(?:#\s?(?P<tag>[a-z]{{4,9}}){_NO_WORD}|[@/!]{MARK}{_NO_WORD}|{MARK}:)", re.I)
_GLUED = re.compile(rf"{_LEAD}#{MARK}(?P<rest>[-_]*\w[\w-]*)", re.I)
"""The mark with something that belongs to it: `#support-team`, `#supportfixed`."""
_WORDS = frozenset({"ing", "ive", "ed", "er", "ers", "able"})
"""What makes an ordinary word of it."""
_OTHER_TAGS = frozenset({"customer", "client"})
_LOOK_ALIKE = str.maketrans(
    "\u0455\u0405\u057d\u03c5\u0440\u0420\u03c1\u03a1\u043e\u041e\u03bf\u039f\u0442\u0422\u03c4\u03a4",
    "sSuupPpPoOoOtTtT",
)
"""Cyrillic, Greek and Armenian letters that look like those of the mark."""
_OURS = re.compile(r"tierline-[A-Za-z0-9._-]{1,250}")
"""The last line of every comment that Tierline writes: its label (`TrackerPort.comment`)."""


def for_support(comment: Json) -> str | NotHeard | None:
    """Return what a comment says to support; what only looks so; or None for what stays inside engineering.

    A restriction in Jira (`visibility`) is stronger than the mark: support is not in the role or group. Raises
    LookupError, TypeError, ValueError or AttributeError for what is no comment of Jira's shape.
    """
    lines = marked_text(comment.get("body")).split("\n")
    if _OURS.fullmatch(lines[-1].strip()):  # what support says to engineering must not come back as engineering's word
        return None
    text = _text_after_mark(lines)
    if text is not None and has_text(text) and not comment.get("visibility"):
        return text
    marked: Why = "restricted" if comment.get("visibility") else "empty"
    why = _why_unmarked(lines, comment.get("body")) if text is None else marked
    return _not_heard(comment, why) if why else None


def _not_heard(comment: Json, why: Why) -> NotHeard:
    writer = comment.get("updateAuthor") or comment.get("author") or {}
    account = str(writer.get("accountId") or "")
    return NotHeard(id=comment["id"], why=why, writer=account, at=comment.get("updated") or comment["created"])


def _text_after_mark(lines: list[str]) -> str | None:
    """Return what follows the mark; None without a mark."""
    for number in _beginning(lines):
        line = NormalisedText(_DASH.sub(r"\1 - ", lines[number], count=1))
        if mark := _MARK.match(line.text):
            end = _SEPARATOR.match(line.text, mark.end())
            first = line.standing_from(end.end() if end else mark.end())
            return clean("\n".join([first, *lines[number + 1 :]])).strip()
    return None


def _why_unmarked(lines: list[str], body: Any) -> Why | None:
    read = [NormalisedText(_DASH.sub(r"\1 - ", line)).text for line in lines]
    if any(_nearly(read[number]) for number in _beginning(lines)) or _is_headed(body):
        return "spelling"
    return "place" if any(_ANYWHERE.search(line) for line in read if line[:1] not in (">", CODE)) else None


def _nearly(line: str) -> bool:
    """Return whether a line begins with what may be a slip of the mark."""
    found, glued = _NEARLY.match(line), _GLUED.match(line)
    if glued:
        return glued["rest"].casefold() not in _WORDS
    if found is None:
        alike = line.translate(_LOOK_ALIKE)
        return alike != line and (_MARK.match(alike) is not None or _nearly(alike))
    tag = (found["tag"] or MARK).lower()
    close = abs(len(tag) - len(MARK)) <= 1 and SequenceMatcher(None, tag, MARK).ratio() >= 0.8
    return close or tag in _OTHER_TAGS


def _is_headed(body: Any) -> bool:
    """Return whether a comment begins with the heading "support", with words below it."""
    blocks = body.get("content") or [] if isinstance(body, dict) else []
    heads = [
        marked_text({"type": "doc", "content": [one]}) for one in blocks[:_FIRST_LINES] if one.get("type") == "heading"
    ]
    return any(NormalisedText(head).text.strip(" \t#:").casefold() == MARK for head in heads)


def _beginning(lines: list[str]) -> list[int]:
    """Return which lines are the beginning of a comment."""
    return [number for number, line in enumerate(lines) if has_text(line)][:_FIRST_LINES]

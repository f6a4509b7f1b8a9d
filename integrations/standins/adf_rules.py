"""What the Jira stand-in takes as a document: the structure of the Atlassian Document Format, in our words.

It is as strict as the vendor's own schema about every node that is named here, which tests hold against that schema,
and refuses all others. Format: https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from domain.core.text import utf16_units

Json = dict[str, Any]
Check = Callable[[object], bool]

TEXT_LIMIT = 32_767
"""UTF-16 units of all texts of one document."""
NO_DOCUMENT = "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
INVALID = "The document is not valid (see the Atlassian Document Format)"


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_filled(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    return _is_number(value) and value >= 0  # type: ignore[operator]


def _is_level(value: object) -> bool:
    return _is_number(value) and 1 <= value <= 6  # type: ignore[operator]


def _is_colour(value: object) -> bool:
    return isinstance(value, str) and re.search(r"^#[0-9a-fA-F]{6}$", value) is not None


def _is_status_colour(value: object) -> bool:
    return value in ("neutral", "purple", "blue", "red", "yellow", "green") or _is_colour(value)


def _one_of(*values: str) -> Check:
    return lambda value: value in values


class Form(NamedTuple):
    """How a node, or a mark, has to look besides its type."""

    children: frozenset[str] | None = None
    """The types that may stand in `content`; None: it has none."""
    least: int | None = None
    """How many there are at the least; None: `content` may be left out."""
    needed: Mapping[str, Check] = {}
    """Attributes without which it is not taken."""
    allowed: Mapping[str, Check] = {}
    """Other attributes."""


_ID: Mapping[str, Check] = {"localId": _is_text}
_INLINE = frozenset({"text", "hardBreak", "mention", "emoji", "date", "inlineCard", "status"})
_LISTS = frozenset({"bulletList", "orderedList", "taskList"})
_CELL = _LISTS | {"paragraph", "heading", "codeBlock", "blockquote", "panel", "rule"}
_TOP = _CELL | {"table"}
_CELL_ATTRIBUTES: Mapping[str, Check] = {
    **_ID, "colspan": _is_number, "rowspan": _is_number, "background": _is_text,
}  # fmt: skip
_STATE = _one_of("TODO", "DONE")

NODES: Mapping[str, Form] = {
    "paragraph": Form(_INLINE, allowed=_ID),
    "heading": Form(_INLINE, needed={"level": _is_level}, allowed=_ID),
    "bulletList": Form(frozenset({"listItem"}), 1, allowed=_ID),
    "orderedList": Form(frozenset({"listItem"}), 1, allowed={**_ID, "order": _is_count}),
    "listItem": Form(_LISTS | {"paragraph", "codeBlock"}, 1, allowed=_ID),
    "taskList": Form(frozenset({"taskItem", "taskList"}), 1, needed=_ID),
    "taskItem": Form(_INLINE, needed={**_ID, "state": _STATE}),
    "codeBlock": Form(frozenset({"text"}), allowed={**_ID, "language": _is_text, "wrap": _is_flag}),
    "blockquote": Form(frozenset({"paragraph", "bulletList", "orderedList", "codeBlock"}), 1, allowed=_ID),
    "panel": Form(
        _LISTS | {"paragraph", "heading", "codeBlock", "rule"},
        1,
        needed={"panelType": _one_of("info", "note", "tip", "warning", "error", "success", "custom")},
        allowed=_ID,
    ),
    "rule": Form(allowed=_ID),
    "table": Form(frozenset({"tableRow"}), 1, allowed={"localId": _is_filled, "isNumberColumnEnabled": _is_flag}),
    "tableRow": Form(frozenset({"tableCell", "tableHeader"}), 0, allowed=_ID),
    "tableCell": Form(_CELL, 1, allowed=_CELL_ATTRIBUTES),
    "tableHeader": Form(_CELL, 1, allowed=_CELL_ATTRIBUTES),
    "hardBreak": Form(allowed={**_ID, "text": _one_of("\n")}),
    "mention": Form(
        needed={"id": _is_text},
        allowed={**_ID, "text": _is_text, "accessLevel": _is_text, "userType": _one_of("DEFAULT", "SPECIAL", "APP")},
    ),
    "emoji": Form(needed={"shortName": _is_text}, allowed={**_ID, "id": _is_text, "text": _is_text}),
    "date": Form(needed={"timestamp": _is_filled}, allowed=_ID),
    "inlineCard": Form(needed={"url": _is_text}, allowed=_ID),
    "status": Form(needed={"text": _is_filled, "color": _is_status_colour}, allowed={**_ID, "style": _is_text}),
}
"""All nodes but `doc` and `text`, which have fields of their own."""
MARKS: Mapping[str, Form] = {
    "code": Form(),
    "em": Form(),
    "strike": Form(),
    "strong": Form(),
    "underline": Form(),
    "subsup": Form(needed={"type": _one_of("sub", "sup")}),
    "textColor": Form(needed={"color": _is_colour}),
    "backgroundColor": Form(needed={"color": _is_colour}),
    "link": Form(
        needed={"href": _is_text},
        allowed={"title": _is_text, "id": _is_text, "collection": _is_text, "occurrenceKey": _is_text},
    ),
}
_WITH_CODE = frozenset({"code", "link"})
"""The marks that a text may have beside `code`."""


def adf_problem(document: object) -> str | None:
    """Say what is wrong with a document, in Jira's words; None where it is taken."""
    if not isinstance(document, dict) or document.get("type") != "doc" or document.get("version") != 1:
        return NO_DOCUMENT
    if document.keys() != {"type", "version", "content"} or _is_flag(document["version"]):
        return INVALID
    try:
        fits = _fits_all(document["content"], _TOP)
    except RecursionError:
        fits = False
    if not fits:
        return INVALID
    if sum(utf16_units(text) for text in _texts(document)) > TEXT_LIMIT:
        return f"The entered text is too long. It exceeds the allowed limit of {TEXT_LIMIT:,} characters."
    return None


def is_empty(document: Json) -> bool:
    """Return whether a document says nothing: Jira takes no such comment."""
    return not any(part.get("type") not in ("paragraph", "hardBreak") for part in _parts(document))


def _fits_all(nodes: object, children: frozenset[str], *, plain: bool = False) -> bool:
    return isinstance(nodes, list) and all(_fits(node, children, plain) for node in nodes)


def _fits(node: object, children: frozenset[str], plain: bool) -> bool:
    if not isinstance(node, dict) or not isinstance(node.get("type"), str) or node["type"] not in children:
        return False
    if node["type"] == "text":
        return node.keys() <= {"type", "text", "marks"} and _is_filled(node.get("text")) and _marks_fit(node, plain)
    form = NODES[node["type"]]
    known = {"type", "attrs"} | ({"content"} if form.children is not None else set())
    known |= {"marks"} if node["type"] in ("paragraph", "heading", "codeBlock") and node.get("marks") == [] else set()
    if not node.keys() <= known or not _attributes_fit(node, form):
        return False
    if form.children is None or ("content" not in node and form.least is None):
        return True
    content = node.get("content")
    within = _fits_all(content, form.children, plain=node["type"] == "codeBlock")
    return within and len(content or ()) >= (form.least or 0)


def _marks_fit(node: Json, plain: bool) -> bool:
    """Return whether the marks of a text are known, and may stand together. `plain`: in a block of code, which has
    none."""
    marks = node.get("marks", [])
    if not isinstance(marks, list) or not all(isinstance(mark, dict) for mark in marks):
        return False
    kinds = [mark.get("type") for mark in marks]
    if not all(isinstance(kind, str) and kind in MARKS for kind in kinds) or (plain and kinds):
        return False
    if "code" in kinds and not set(kinds) <= _WITH_CODE:
        return False
    return all(mark.keys() <= {"type", "attrs"} and _attributes_fit(mark, MARKS[mark["type"]]) for mark in marks)


def _attributes_fit(node: Json, form: Form) -> bool:
    if "attrs" not in node:
        return not form.needed
    attributes, known = node["attrs"], {**form.needed, **form.allowed}
    if not known or not isinstance(attributes, dict) or not form.needed.keys() <= attributes.keys() <= known.keys():
        return False
    return all(known[name](value) for name, value in attributes.items())


def _parts(node: Json) -> list[Json]:
    """Return all nodes within a node."""
    found = list(node.get("content") or ())
    for part in found:
        found.extend(part.get("content") or ())
    return found


def _texts(document: Json) -> list[str]:
    return [part["text"] for part in _parts(document) if part["type"] == "text"]

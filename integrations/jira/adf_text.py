"""Text of Atlassian Document Format (ADF): what people and other programs wrote into Jira, to be read without Jira.

Nothing that carries meaning becomes empty: a link keeps its address, a date its day, a picture its name, and a node
that we do not know at least its type. Nothing is trusted: what is not shaped like ADF adds no text.

ADF: https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from domain.core.text import clean, one_line

Node = dict[str, Any]

LIMIT = 32_767
"""Characters that are read of one document: Jira keeps no longer ones."""
_DEEPEST = 50
"""Levels of a document that are read. Jira's own editor stays far below."""
MENTION, MENTION_END, CODE = "\ufdd0", "\ufdd1", "\ufdd2"
"""Around a mention, and before each line of code, in what `marked_text` returns. They are noncharacters: no text from
outside has any left after `clean`."""


def to_text(node: object, limit: int = LIMIT) -> str:
    """Return the text of an ADF document, at most `limit` characters, one line for each block."""
    return clean(marked_text(node))[:limit]


def marked_text(node: object) -> str:
    """Return the text of an ADF document, with MENTION, MENTION_END and CODE in it."""
    return "\n".join(_blocks([node], _DEEPEST)).strip("\n")


# -- Blocks: lists of lines ---------------------------------------------------------------------------------------


def _blocks(nodes: list[object], depth: int) -> list[str]:
    """Return the lines of nodes that follow each other. Inline nodes side by side share a line."""
    lines: list[str] = []
    for inline, group in groupby(_list_of(nodes), key=lambda node: str(node.get("type")) in _INLINE):
        if inline:
            lines += _line(list(group)).removesuffix("\n").split("\n")
        else:
            lines += [line for node in group for line in _block(node, depth)]
    return lines


def _block(node: Node, depth: int) -> list[str]:
    kind, attrs, content = str(node.get("type")), _attrs(node), _content(node)
    if depth == 0:
        return ["[...]"] if content else []
    if kind in _BLOCKS:
        return _BLOCKS[kind](node, attrs, depth - 1)
    if content or "content" in node or kind in _SILENT:
        title = _attribute(attrs, "title")
        lines = ([title] if title else []) + _blocks(content, depth - 1)
        return lines or [""] * (kind in ("paragraph", "heading"))
    return [_named(attrs, kind)] if re.fullmatch(r"[A-Za-z]{1,40}", kind) and "type" in node else []


def _bullets(node: Node, _: Node, depth: int) -> list[str]:
    return [line for item in _content(node) for line in _item("- ", item, depth)]


def _numbered(node: Node, attrs: Node, depth: int) -> list[str]:
    order = attrs.get("order")
    first = int(order) if isinstance(order, int | float) and 0 <= order < 10**9 else 1
    items = enumerate(_content(node), first)
    return [line for number, item in items for line in _item(f"{number}. ", item, depth)]


def _item(bullet: str, item: object, depth: int) -> list[str]:
    """Return an item of a list; what it holds besides its first line is set in."""
    lines = _blocks(_content(item), depth) or [""]
    return [(bullet if number == 0 else " " * len(bullet)) + line for number, line in enumerate(lines)]


def _row(node: Node, _: Node, depth: int) -> list[str]:
    cells = [" ".join(_blocks(_content(cell), depth)).replace(CODE, "") for cell in _content(node)]
    return [" | ".join(cells)] if any(cells) else []


def _box(node: Node, _: Node, __: int) -> list[str]:
    return [_line([node])]


def _extension(node: Node, attrs: Node, depth: int) -> list[str]:
    """Return a macro: what it holds, or at least which one it is."""
    content = _blocks(_content(node), depth)
    return content if any(content) else [_named(attrs, "extension")]


_BLOCKS: dict[str, Callable[[Node, Node, int], list[str]]] = {
    "bulletList": _bullets,
    "orderedList": _numbered,
    "taskItem": lambda node, attrs, depth: _item("[x] " if attrs.get("state") == "DONE" else "[ ] ", node, depth),
    "blockTaskItem": lambda node, attrs, depth: _item("[x] " if attrs.get("state") == "DONE" else "[ ] ", node, depth),
    "decisionItem": lambda node, _, depth: _item("Decision: ", node, depth),
    "blockquote": lambda node, _, depth: ["> " + line for line in _blocks(_content(node), depth)],
    "codeBlock": lambda node, _, __: [CODE + line for line in _line(_list_of(_content(node))).split("\n")],
    "tableRow": _row,
    "media": _box,
    "blockCard": _box,
    "embedCard": _box,
    "rule": lambda *_: ["---"],
    "extension": _extension,
    "bodiedExtension": _extension,
    "syncBlock": lambda *_: ["[synced block]"],
}
_SILENT = frozenset({
    "doc", "paragraph", "heading", "bulletList", "orderedList", "mediaSingle", "mediaGroup", "table", "tableCell",
    "tableHeader", "caption", "panel", "expand", "nestedExpand", "layoutSection", "layoutColumn", "bodiedSyncBlock",
    "taskList", "decisionList", "listItem",
})  # fmt: skip
"""Nodes that say nothing where they are empty."""


# -- Inline nodes: text -------------------------------------------------------------------------------------------


def _line(nodes: list[Node]) -> str:
    """Return the text of inline nodes. What a reader sees as a box of its own does not run into the word beside it."""
    line, after_box = "", False
    for node, following in zip(nodes, [*nodes[1:], {}], strict=False):
        kind = str(node.get("type"))
        text = _text(node, _link(following)) if kind == "text" else _node_text(node, kind)
        is_box = kind not in ("text", "hardBreak", "emoji")
        touches = bool(line) and not line[-1].isspace() and line[-1] not in _OPENS
        if touches and (is_box or (after_box and (text[:1].isalnum() or text[:1] in ("(", "[")))):
            line += " "
        line, after_box = line + text, is_box
    return line


_OPENS = frozenset("([{<\"'/=\u201c\u201e\u00ab")
"""What no space follows."""


def _node_text(node: Node, kind: str) -> str:
    text = _TEXTS[kind](_attrs(node)) if kind in _TEXTS else ""
    leads_to = _link(node)
    return f"{text} ({leads_to})" if leads_to and leads_to not in text else text


def _text(node: Node, next_link: str) -> str:
    """Return words with what their marks mean: where they lead to, that they do not hold any more."""
    text = node.get("text")
    if not isinstance(text, str) or not text:
        return ""
    shown = clean(text)
    kinds = {str(mark.get("type")): _attrs(mark) for mark in _list_of(node.get("marks"))}
    if "subsup" in kinds:
        shown = ("^" if kinds["subsup"].get("type") == "sup" else "_") + shown
    if "strike" in kinds and shown.strip():
        shown = f"~~{shown}~~"
    link = _link(node)
    # Part of a link may be bold: the address is said once, behind the last part.
    if link and link != next_link and not _shows_the_address(shown, link):
        shown = f"{shown.rstrip()} ({link})" + shown[len(shown.rstrip()) :]
    return shown


def _shows_the_address(shown: str, link: str) -> bool:
    plain = [text.strip().removeprefix("mailto:").removeprefix("tel:").rstrip("/") for text in (shown, link)]
    return plain[0] in (plain[1], plain[1].partition("://")[2])


def _link(node: Node) -> str:
    """Return where a node leads to, by its mark."""
    for mark in _list_of(node.get("marks")):
        if mark.get("type") == "link":
            return _attribute(_attrs(mark), "href")
    return ""


def _mention(attrs: Node) -> str:
    name = _attribute(attrs, "text") or _attribute(attrs, "id") or "somebody"
    return f"{MENTION}{name if name.startswith('@') else '@' + name}{MENTION_END}"


def _date(attrs: Node) -> str:
    """Return a day, of midnight UTC in milliseconds; the vendor's own example has seconds."""
    timestamp = _attribute(attrs, "timestamp")
    try:
        since = int(timestamp)
        moment = timedelta(seconds=since) if 10**8 <= since < 10**11 else timedelta(milliseconds=since)
        return f"{datetime(1970, 1, 1, tzinfo=UTC) + moment:%Y-%m-%d}"
    except (ValueError, OverflowError):
        return f"[date: {timestamp}]" if timestamp else "[date]"


def _card(attrs: Node) -> str:
    """Return a smart link: its address, and its name where the node brings it."""
    data = attrs.get("data") if isinstance(attrs.get("data"), dict) else {}
    name = _attribute(data, "name") or _attribute(data, "title")
    address = _attribute(attrs, "url") or _attribute(data, "url") or _attribute(data, "@id")
    if name and address:
        return f"{name} ({address})"
    source = attrs.get("datasource")
    return address or name or ("[list of issues]" if isinstance(source, dict) else "[link]")


def _file(attrs: Node) -> str:
    """Return a picture or another attachment: the node says what it is called only in `alt`, if somebody wrote that."""
    name = _attribute(attrs, "alt") or _attribute(attrs, "__fileName")
    kind = "file" if _ENDING.search(name) and not _PICTURE.search(name) else "picture"
    address = _attribute(attrs, "url")
    return f"[{kind}{': ' + name if name else ''}{' (' + address + ')' if address else ''}]"


_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}\Z")
_PICTURE = re.compile(r"\.(?:png|jpe?g|gif|webp|svg|bmp|heic|avif|tiff?)\Z", re.I)


def _named(attrs: Node, kind: str) -> str:
    """Return what shows people what a node without content stands for, or at least its type."""
    parameters = attrs.get("parameters")
    names = (*(_attribute(attrs, name) for name in ("text", "title", "url", "alt")), _attribute(parameters, "title"))
    return f"[{next(filter(None, names), '') or _attribute(attrs, 'extensionKey') or kind}]"


_INLINE: dict[str, Callable[[Node], str]] = {
    "text": lambda _: "",  # see `_text`: its words are no attribute
    "hardBreak": lambda _: "\n",
    "mention": _mention,
    "emoji": lambda attrs: _attribute(attrs, "text") or _attribute(attrs, "shortName") or "[emoji]",
    "date": _date,
    "status": lambda attrs: _attribute(attrs, "text") or "[status]",
    "inlineCard": _card,
    "mediaInline": _file,
    "placeholder": lambda attrs: f"[{_attribute(attrs, 'text') or 'placeholder'}]",
    "inlineExtension": lambda attrs: _named(attrs, "extension"),
}

_TEXTS = _INLINE | {"media": _file, "blockCard": _card, "embedCard": _card}
"""And those that stand on lines of their own."""


# -- Shapes that are not trusted ----------------------------------------------------------------------------------


def _attrs(node: Node) -> Node:
    attrs = node.get("attrs")
    return attrs if isinstance(attrs, dict) else {}


def _list_of(value: object) -> list[Node]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _content(node: object) -> list[object]:
    content = node.get("content") if isinstance(node, dict) else None
    return list(content) if isinstance(content, list) else []


def _attribute(attrs: object, name: str) -> str:
    """Return a word of an attribute, on one line."""
    value = attrs.get(name) if isinstance(attrs, dict) else None
    return one_line(value, 2_000) if isinstance(value, str) else ""

"""Documents in Atlassian Document Format (ADF), the JSON that Jira Cloud keeps descriptions and comments in.

Whatever a customer wrote ends up in the `text` of a text node. Marks and attributes are only ever built from
the document's own structure, so words can neither break the layout nor bring markup, mentions or links with
them. Nor what nobody sees: with it a line reads as another than it is. `adf_text` is the way back.
"""

import json
import re
from typing import Any

from domain.core.text import strip_invisible
from domain.documents.document import (
    Block,
    BulletList,
    Code,
    CodeBlock,
    Document,
    Heading,
    Line,
    Link,
    OrderedList,
    Paragraph,
    Span,
    shorten,
)

Node = dict[str, Any]

LIMIT = 32_767
"""What Jira keeps in one description. Jira's count of an ADF document is not documented, so the whole of the
JSON is held under it, in UTF-16 units: more than any way of counting the text can come to.
"""


def render(document: Document, limit: int = LIMIT) -> Node:
    """Return the document as ADF, cut with a marker where it would exceed `limit` (see
    `domain.documents.document.shorten`).
    """
    return _node(shorten(document, lambda shorter: _size(_node(shorter)) <= limit))


def _size(node: Node) -> int:
    written = json.dumps(node, ensure_ascii=False, separators=(",", ":"))
    return len(written.encode("utf-16-le")) // 2


def _node(document: Document) -> Node:
    return {"type": "doc", "version": 1, "content": [_block(block) for block in document.blocks]}


def _block(block: Block) -> Node:
    match block:
        case Heading():
            return {"type": "heading", "attrs": {"level": block.level}, "content": _texts(block.text, [])}
        case Paragraph():
            return _paragraph(block.spans)
        case BulletList():
            return {"type": "bulletList", "content": _items(block.items)}
        case OrderedList():
            return {"type": "orderedList", "content": _items(block.items)}
        case CodeBlock():
            attrs = {"attrs": {"language": block.language}} if block.language else {}
            # Newlines stay as they are here; an empty text node is not allowed.
            text = [{"type": "text", "text": visible}] if (visible := _visible(block.text)) else []
            return {"type": "codeBlock", **attrs, "content": text}


def _items(items: tuple[Line, ...]) -> list[Node]:
    return [{"type": "listItem", "content": [_paragraph(item)]} for item in items]


def _paragraph(spans: Line) -> Node:
    texts = [node for span in spans for node in _texts(span.text, _marks(span))]
    return {"type": "paragraph", "content": texts}


def _marks(span: Span) -> list[Node]:
    match span:
        case Link():
            return [{"type": "link", "attrs": {"href": span.url}}]
        case Code():
            return [{"type": "code"}]
        case _:
            return [{"type": "strong"}] if span.strong else []


_JOINERS = re.compile("(?<![^\\x00-\\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\\x00-\\x7f])")
_TAGS = re.compile(
    "[\u00ad\u034f\u115f\u1160\u180e\u2061-\u2064\u206a-\u206f\u3164\uffa0\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def _visible(text: str) -> str:
    """Return `text` without what nobody sees, and what turns the direction of reading. Joiners stay between letters
    that are written with them (Persian, Hindi) and in emoji."""
    return text if text.isascii() else _JOINERS.sub("", _TAGS.sub("", strip_invisible(text)))


def _texts(text: str, marks: list[Node]) -> list[Node]:
    """Return text nodes with a hardBreak for each newline: inside a paragraph Jira would show a newline as a
    space.
    """
    nodes: list[Node] = []
    for number, row in enumerate(_visible(text).split("\n")):
        if number:
            nodes.append({"type": "hardBreak"})
        if row:
            nodes.append({"type": "text", "text": row} | ({"marks": marks} if marks else {}))
    return nodes

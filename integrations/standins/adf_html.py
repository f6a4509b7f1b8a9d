"""ADF as HTML, for the page on which a person reads an issue as engineering would."""

from typing import Any

from markupsafe import Markup, escape

from domain.documents.document import is_web_address

_SIMPLE = {
    "paragraph": "p",
    "bulletList": "ul",
    "orderedList": "ol",
    "listItem": "li",
}


def to_html(node: dict[str, Any] | None) -> Markup:
    """Render a document as HTML. Every word is escaped; only the node types that the stand-in accepts become
    elements."""
    if not node:
        return Markup("")
    inner = Markup("").join(to_html(child) for child in node.get("content") or [])
    match node.get("type"):
        case "text":
            return _marked(escape(str(node.get("text", ""))), node.get("marks") or [])
        case "hardBreak":
            return Markup("<br>")
        case "heading":
            # One level down: the summary is the page's h1.
            level = min(max(int(node.get("attrs", {}).get("level", 2)), 1), 5) + 1
            return Markup("<h{}>{}</h{}>").format(level, inner, level)
        case "codeBlock":
            return Markup("<pre><code>{}</code></pre>").format(inner)
        case kind if kind in _SIMPLE:
            return Markup("<{0}>{1}</{0}>").format(Markup(_SIMPLE[kind]), inner)
        case _:
            return inner


def _marked(text: Markup, marks: list[dict[str, Any]]) -> Markup:
    for mark in marks:
        href = str((mark.get("attrs") or {}).get("href", ""))
        if mark.get("type") == "strong":
            text = Markup("<strong>{}</strong>").format(text)
        elif mark.get("type") == "code":
            text = Markup("<code>{}</code>").format(text)
        elif mark.get("type") == "link" and is_web_address(href):
            text = Markup('<a href="{}" rel="noopener noreferrer">{}</a>').format(href, text)
    return text

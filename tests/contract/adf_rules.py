"""What Jira takes as a document, in our words: a JSON schema of the nodes that we send, and of no others.

Written after the vendor's description of the format (Atlassian Document Format, "Document structure"), and
deliberately narrower: a node or attribute that we do not mean to send is an error here.
"""

from typing import Any

Schema = dict[str, Any]


def _node(kind: str, content: Schema | None = None, attrs: Schema | None = None, *, least: int = 0) -> Schema:
    properties: Schema = {"type": {"const": kind}}
    required = ["type"]
    if content is not None:
        properties["content"] = {"type": "array", "items": content, "minItems": least}
        required += ["content"] if least else []
    if attrs is not None:
        properties["attrs"] = attrs
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _attrs(required: list[str] | None = None, **properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": required or [],
        "additionalProperties": False,
    }


_MARK = {
    "anyOf": [
        _node("strong"),
        _node("code"),
        _node("link", attrs=_attrs(["href"], href={"type": "string", "pattern": "^https?://"})),
    ]
}
_TEXT: Schema = {
    "type": "object",
    "properties": {
        "type": {"const": "text"},
        "text": {"type": "string", "minLength": 1},
        "marks": {"type": "array", "items": _MARK, "minItems": 1},
    },
    "required": ["type", "text"],
    "additionalProperties": False,
}
_PLAIN: Schema = {"allOf": [_TEXT, {"not": {"required": ["marks"]}}]}
_INLINE = {"anyOf": [_TEXT, _node("hardBreak")]}
_PARAGRAPH = _node("paragraph", _INLINE)
_ITEM = _node("listItem", _PARAGRAPH, least=1)
_LEVEL = {"type": "integer", "minimum": 1, "maximum": 6}
_BLOCK = {
    "anyOf": [
        _PARAGRAPH,
        _node("heading", {"anyOf": [_PLAIN, _node("hardBreak")]}, _attrs(["level"], level=_LEVEL)),
        _node("bulletList", _ITEM, least=1),
        _node("orderedList", _ITEM, least=1),
        _node("codeBlock", _PLAIN, _attrs(language={"type": "string"})),
    ]
}
SCHEMA: Schema = {
    "type": "object",
    "properties": {
        "type": {"const": "doc"},
        "version": {"const": 1},
        "content": {"type": "array", "items": _BLOCK},
    },
    "required": ["type", "version", "content"],
    "additionalProperties": False,
}

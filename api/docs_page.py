"""The description of the API (OpenAPI) as a page for people: plain HTML, made here, which loads nothing.

It needs no token, since it says what every release of this version says, and nothing of anybody's tickets.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

TEMPLATES = Path(__file__).parent / "templates"
_REF = "#/components/schemas/"
_CODE = re.compile(r"`([^`]+)`")
_STYLE = (TEMPLATES / "docs.css").read_text("utf-8")
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class Field(NamedTuple):
    """One parameter, or one field of a body or of an answer."""

    name: str
    kind: Markup
    required: bool
    where: str
    """`query`, `path`, `header`; "" for what stands in JSON."""
    text: Markup


class Operation(NamedTuple):
    """One operation, as the page shows it."""

    method: str
    path: str
    id: str
    summary: str
    text: Markup
    parameters: list[Field]
    body: Markup | None
    """Which schema its body has."""
    example: str
    answers: list[tuple[str, str, Markup]]
    """Status, description, which schema."""


def docs_page(describe: Callable[[], dict[str, Any]]) -> Callable[[], HTMLResponse]:
    """Make the endpoint of the page. `describe` makes the OpenAPI description; it is asked once."""

    @cache
    def html() -> str:
        environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
        description = describe()
        schemas = description["components"]["schemas"]
        return environment.get_template("docs.html").render(
            style=Markup(_STYLE),
            title=description["info"]["title"],
            version=description["info"]["version"],
            text=_text(description["info"]["description"]),
            groups=_groups(description, schemas),
            schemas=[(name, _text(one.get("description", "")), list(_fields(one))) for name, one in schemas.items()],
        )

    def read_docs() -> HTMLResponse:
        return HTMLResponse(html(), headers=HEADERS)

    return read_docs


def _groups(description: Mapping[str, Any], schemas: Mapping[str, Any]) -> dict[str, list[Operation]]:
    """Return the operations by their tag, in the order of the description."""
    groups: dict[str, list[Operation]] = {}
    for path, methods in description["paths"].items():
        for method, one in methods.items():
            groups.setdefault(one["tags"][0], []).append(_operation(method.upper(), path, one, schemas))
    return groups


def _operation(method: str, path: str, one: Mapping[str, Any], schemas: Mapping[str, Any]) -> Operation:
    body = _schema_in(one.get("requestBody", {}))
    example = schemas.get(body.get("$ref", "").removeprefix(_REF), {}).get("examples", [None])[0] if body else None
    return Operation(
        method=method,
        path=path,
        id=one["operationId"],
        summary=one["summary"],
        text=_text(one.get("description", "")),
        parameters=[
            Field(
                each["name"],
                _kind(each["schema"]),
                each.get("required", False),
                each["in"],
                _text(each.get("description", "")),
            )
            for each in one.get("parameters", ())
        ],
        body=_kind(body) if body else None,
        example=json.dumps(example, indent=2, ensure_ascii=False) if example else "",
        answers=[
            (status, each["description"], _kind(_schema_in(each))) for status, each in sorted(one["responses"].items())
        ],
    )


def _schema_in(carrier: Mapping[str, Any]) -> dict[str, Any]:
    return next((media.get("schema", {}) for media in carrier.get("content", {}).values()), {})


def _fields(schema: Mapping[str, Any]) -> Iterator[Field]:
    required = schema.get("required", ())
    for name, one in schema.get("properties", {}).items():
        yield Field(name, _kind(one), name in required, "", _text(one.get("description", "")))


def _kind(schema: Mapping[str, Any]) -> Markup:
    """Say of which kind a value is; a schema of its own is a link."""
    if name := schema.get("$ref", "").removeprefix(_REF):
        return Markup('<a href="#{0}">{0}</a>').format(name)
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return Markup(" or ").join(dict.fromkeys(_kind(one) for one in choices))
    if "enum" in schema or "const" in schema:
        return Markup(", ").join(str(one) for one in schema.get("enum", [schema.get("const")]))
    match schema.get("type"):
        case "array":
            return Markup("list of {}").format(_kind(schema.get("items", {})))
        case "object" if isinstance(schema.get("additionalProperties"), dict):
            return Markup("object of {}").format(_kind(schema["additionalProperties"]))
        case "string" if schema.get("format") == "date-time":
            return Markup("instant")
        case str() as plain:
            return escape(plain)
    return Markup("")


def _text(words: str) -> Markup:
    """Render paragraphs, with code in its own letters."""
    paragraphs = (Markup(_CODE.sub(r"<code>\1</code>", str(escape(one)))) for one in words.split("\n\n") if one.strip())
    return Markup("").join(Markup("<p>{}</p>").format(one) for one in paragraphs)

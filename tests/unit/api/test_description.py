"""A11: the description of the API is one from which generators make a client that has a field for whatever is read."""

from collections import Counter
from typing import Any

import pytest

from tests.support.endpoints import APP

SCHEMA = APP.openapi()
SCHEMAS: dict[str, Any] = SCHEMA["components"]["schemas"]
READS = [(path, one["get"]) for path, one in SCHEMA["paths"].items() if "get" in one]


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    return SCHEMAS[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


@pytest.mark.parametrize(("path", "operation"), READS, ids=[path for path, _ in READS])
def test_a11_what_is_read_has_a_schema_with_fields(path: str, operation: dict[str, Any]) -> None:
    answer = resolved(operation["responses"]["200"]["content"]["application/json"]["schema"])
    assert answer["type"] == "object"
    assert answer["properties"]
    for name, field in answer["properties"].items():
        entry = resolved(field.get("items", {})) if field.get("type") == "array" else {}
        assert entry.get("type") != "object" or entry.get("properties"), f"{path}: {name} is a list of anything"


def test_a11_no_two_schemas_have_one_title() -> None:
    """A generator drops the second, and whatever refers to it."""
    titles = Counter(one.get("title", name) for name, one in SCHEMAS.items())
    assert [title for title, times in titles.items() if times > 1] == []


def test_a11_every_operation_has_a_name_of_its_own() -> None:
    names = Counter(one["operationId"] for path in SCHEMA["paths"].values() for one in path.values())
    assert [name for name, times in names.items() if times > 1] == []

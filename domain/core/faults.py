"""What is wrong with a payload, in words for whoever sent it: field by field, never with the content."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel

_INSTANT = "2026-03-02T10:15:00Z"
_PLAIN = {
    "missing": "is missing",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "dict_type": "must be a JSON object",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "datetime_type": f"must be an instant, as in {_INSTANT}",
    "datetime_parsing": f"must be an instant, as in {_INSTANT}",
    "datetime_from_date_parsing": f"must be an instant, as in {_INSTANT}",
    "timezone_aware": f"must say its time zone, as in {_INSTANT}",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "decimal_type": "must be a number",
    "decimal_parsing": "must be a number",
    "finite_number": "must be a number",
}
"""The type of pydantic's error -> our words for it."""
_COUNTED = {
    "string_too_long": ("max_length", "has more than {} characters"),
    "string_too_short": ("min_length", "has fewer than {} characters"),
    "too_long": ("max_length", "has more than {} entries"),
    "too_short": ("min_length", "has fewer than {} entries"),
    "greater_than_equal": ("ge", "must be {} or more"),
    "less_than_equal": ("le", "must be {} or less"),
    "greater_than": ("gt", "must be more than {}"),
    "less_than": ("lt", "must be less than {}"),
    "decimal_max_digits": ("max_digits", "has more than {} digits"),
    "decimal_max_places": ("decimal_places", "has more than {} digits behind the point"),
    "string_pattern_mismatch": ("pattern", "must have the form {}"),
}
"""The same for what names a bound: which one, and the words."""


def in_words(fault: Mapping[str, Any], known: Collection[str] = ()) -> str:
    """Say what is wrong with one field, given pydantic's error. `known` are the fields that there are where it is."""
    kind, about = fault["type"], fault.get("ctx") or {}
    if kind == "extra_forbidden":
        return f"there is no such field{meant(str(fault['loc'][-1]), known)}"
    if kind in _COUNTED:
        name, words = _COUNTED[kind]
        return "is empty" if about.get(name) == 1 and name == "min_length" else words.format(about.get(name))
    if kind in ("enum", "literal_error"):
        return f"must be {about['expected']}"[:200]
    return _PLAIN.get(kind, str(fault["msg"]).removeprefix("Value error, ")[:200])


def meant(name: str, known: Collection[str]) -> str:
    """Guess which name was meant: `; did you mean subject?`, or nothing."""
    close = get_close_matches(name[:100], known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def fields_at(model: type[BaseModel], place: Sequence[Any]) -> list[str]:
    """Return the fields that there are where an error stands. `place` is its place within `model`."""
    here = [model]
    for part in place[:-1]:
        if isinstance(part, str):
            fields = [one.model_fields[part] for one in here if part in one.model_fields]
            here = [found for field in fields for found in _models_in([field.annotation])] or here
    return sorted({name for one in here for name in one.model_fields})


def _models_in(kinds: Iterable[Any]) -> list[type[BaseModel]]:
    found: list[type[BaseModel]] = []
    for kind in kinds:
        found += [kind] if isinstance(kind, type) and issubclass(kind, BaseModel) else _models_in(get_args(kind))
    return found

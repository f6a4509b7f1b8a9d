"""Text that people and systems send: bounded, and such as every system can keep and show."""

from typing import Annotated

from pydantic import BeforeValidator, StringConstraints

from domain.core.text import clean, strip_invisible

ISSUE_KEY = r"^[A-Z][A-Z0-9_]{1,30}-[1-9][0-9]{0,11}$"
"""The key of an issue: the project's key, a hyphen and a number, such as ENG-1."""


def _storable(text: str) -> str:
    """Return text as every system can keep it: PostgreSQL has no NUL, UTF-8 no lone surrogates."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _on_one_line(text: str) -> str:
    """Return a name as it may stand in a line among others: a line break in it could pass for an entry of its own."""
    return " ".join(strip_invisible(clean(_storable(text))).split())


Storable = BeforeValidator(lambda value: _storable(value) if isinstance(value, str) else value)
OneLine = BeforeValidator(lambda value: _on_one_line(value) if isinstance(value, str) else value)
Text = Annotated[str, StringConstraints(max_length=20_000), Storable]
LongText = Annotated[str, StringConstraints(max_length=2_000_000), Storable]
"""A text as it comes in: before it becomes part of an event, it is shortened to a `Text`."""
Short = Annotated[str, StringConstraints(max_length=200), OneLine]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100), OneLine]
IssueKey = Annotated[str, Storable, StringConstraints(strip_whitespace=True, to_upper=True, pattern=ISSUE_KEY)]
Identity = Annotated[str, StringConstraints(min_length=1, max_length=200), OneLine]

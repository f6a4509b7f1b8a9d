"""Old forms of events, brought up to date when they are read. Rows themselves are never rewritten.

A new field with a default needs nothing here, since the core's values are add-only. What changes the meaning or the
shape of a body does: raise its number in `VERSIONS` and add the step from the number before.
"""

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]

VERSIONS: dict[str, int] = {}
"""Event type -> the version of the form in which it is written now; 1 where it is not listed."""

STEPS: dict[tuple[str, int], Callable[[Json], Json]] = {}
"""(event type, version) -> the step from that version to the next."""


def version_of(event_type: str) -> int:
    """The version in which events of this type are written."""
    return VERSIONS.get(event_type, 1)


def upcast(event_type: str, version: int, body: Json) -> Json:
    """The body in today's form.

    A version that is newer than this program is left as it is: during a rolling deploy an older process reads what a
    newer one wrote.
    """
    for step in range(version, version_of(event_type)):
        body = STEPS[event_type, step](body)
    return body

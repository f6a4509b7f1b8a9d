"""Old forms of events, brought up to date when they are read. Rows themselves are never rewritten.

A new field with a default needs nothing here, since the core's values are add-only. What changes the meaning or the
shape of a body does: raise the event's number in `now` and add the step from the number before.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Versions:
    """The forms that the events of one noun have had."""

    now: Mapping[str, int] = field(default_factory=dict)
    """Event type -> the version of the form in which it is written now; 1 where it is not listed."""
    steps: Mapping[tuple[str, int], Callable[[Json], Json]] = field(default_factory=dict)
    """(event type, version) -> the step from that version to the next."""

    def of(self, event_type: str) -> int:
        """Return the version in which events of this type are written."""
        return self.now.get(event_type, 1)

    def upcast(self, event_type: str, version: int, body: Json) -> Json:
        """Return the body of a stored event in today's form.

        A version that is newer than this program is left as it is: during a rolling deploy an older process reads what
        a newer one wrote.
        """
        for step in range(version, self.of(event_type)):
            body = self.steps[event_type, step](body)
        return body


TICKETS = Versions()
INCIDENTS = Versions()

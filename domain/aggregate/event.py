"""Events and the states that they make: what every noun has in common."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol, Self

from domain.core.actor import Actor
from domain.core.values import Frozen, Instant

Changes = dict[str, Any]
"""What an event changes in a state: field -> new value."""


class State(Protocol):
    """What every state has, whatever noun it is of: the fold of its events."""

    @property
    def seq(self) -> int:
        """Return the sequence of its latest event."""

    @property
    def as_of(self) -> datetime:
        """Return the instant of the latest event: nothing is decided before it."""

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self: ...


class Envelope(Frozen):
    """One fact of one noun, in its place. Each noun adds `body`, the union of what can happen to it.

    Four instants are kept apart. *Due* stands in the bodies of deadlines; *occurred* is when it happened by a trusted
    source; *received* was stamped by our service; *detected* is when it was recorded.
    """

    seq: int
    at: Instant
    """When it took effect: a deadline's due instant, a command's instant."""
    detected: Instant
    received: Instant | None = None
    occurred: Instant | None = None
    """When it happened by a trusted source, where that differs from `at` (C12)."""
    actor: Actor
    command_id: str | None = None
    source: str | None = None
    body: Any
    texts: dict[str, str] = {}
    """Free text by name. Journalled apart from the rest."""

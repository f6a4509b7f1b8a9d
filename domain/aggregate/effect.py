"""F5: effects and notices. What must happen in the outside world because of an event.

Both have keys that survive retry, reset and restart, so that each is carried out, or sent, once.
"""

from domain.core.enums import Priority
from domain.core.values import Frozen, Instant


class Effect(Frozen):
    """Something that the outside world must do, and has not yet."""

    key: str
    """`<workflow id>:<kind>:<sequence of the causing event>`, see `effect_key`."""
    seq: int
    """The sequence of the causing event."""
    since: Instant
    alerted: bool = False
    """F5: ops were notified that it is pending for too long."""
    failed: bool = False
    """Refused for good by the other side: a person must act, then `retry`."""
    kind: str
    """What is to be done. Each noun names its kinds."""


def effect_key(workflow_id: str, kind: str, seq: int) -> str:
    """Name one effect, or one notice: by what it belongs to, its kind and the causing event. Never by a run id."""
    return f"{workflow_id}:{kind}:{seq}"


def kind_in(key: str) -> str:
    """Return the kind of effect that a key names, or the key itself where it is none that `effect_key` made."""
    parts = key.split(":")
    return parts[1] if len(parts) == 3 else key


class Notice(Frozen):
    """One message to one audience, once (F5). Ids only: no personal data."""

    key: str
    name: str
    """The row of the policy's notices table."""
    ticket: str | None
    """None for what belongs to no ticket: an incident's."""
    incident: int | None = None
    """The number of the incident that it belongs to; None for what belongs to none."""
    priority: Priority | None = None
    deadline: Instant | None = None
    """Of what it belongs to, as the event left it: the next SLA deadline, of an incident the next update's."""
    audience: str
    recipient: str | None
    """The id of a person, where one is known; otherwise whoever is the audience."""
    title: str
    at: Instant

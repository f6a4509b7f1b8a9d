"""F5: effects and notices. What must happen in the outside world because of an event.

Both have keys that survive retry, reset and restart, so that each is carried out, or sent, once.
"""

from domain.core.values import Frozen, Instant


class Effect(Frozen):
    """Something that the outside world must do, and has not yet."""

    key: str
    """`<workflow id>:<kind>:<sequence of the causing event>`, see `effect_key`."""
    seq: int
    """The sequence of the causing event."""
    since: Instant
    alerted: bool = False
    """F5: ops were told that it is pending for too long."""
    failed: bool = False
    """Refused for good by the other side: a person must act, then `retry`."""
    kind: str
    """What is to be done. Each noun names its kinds."""


def effect_key(workflow_id: str, kind: str, seq: int) -> str:
    """Name one effect, or one notice: by what it belongs to, its kind and the causing event. Never by a run id."""
    return f"{workflow_id}:{kind}:{seq}"


class Notice(Frozen):
    """One message to one audience, once (F5). Ids only: no personal data."""

    key: str
    name: str
    """The row of the policy's notices table."""
    ticket: str | None
    """None for what belongs to no ticket: an incident's."""
    audience: str
    recipient: str | None
    """The id of a person, where one is known; otherwise whoever is the audience."""
    title: str
    at: Instant

"""What a stored event is made of, whichever noun it belongs to: its digest, and text that PostgreSQL can keep."""

import hashlib
import json
from typing import Any, TypeVar

from domain.aggregate.event import Envelope

E = TypeVar("E", bound=Envelope)


def sha256(value: Any) -> str:
    """Return the digest of a JSON value in its one canonical spelling."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def content_of(event: Envelope) -> dict[str, Any]:
    """Return what the digest of an event covers: all of it, `detected` and `received` too.

    A repeat is never a new computation: an activity's next attempt carries the same recorded payload, and a replay
    rebuilds it from the same history, so every instant is equal. A decision that was made anew after a reset is another
    fact even where only `detected` differs, since that instant stands in the state. Fields at their defaults are left
    out: the same event, sent again by a newer program that knows one field more, is still the same.
    """
    return event.model_dump(mode="json", exclude_defaults=True)


def storable(event: E) -> E:
    """Return the event as PostgreSQL can keep it: each NUL is replaced by U+FFFD.

    A NUL that an intake lets through, or that somebody signals past it, must not stop a journal for ever.
    """
    if "\\u0000" not in event.model_dump_json():
        return event
    return type(event).model_validate(_without_nul(event.model_dump(mode="json")))


def _without_nul(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\x00", "\ufffd")
        case dict():
            return {_without_nul(name): _without_nul(item) for name, item in value.items()}
        case list():
            return [_without_nul(item) for item in value]
        case _:
            return value

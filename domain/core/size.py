"""How large a message may be, so that no workflow task outgrows what Temporal takes.

The completion of a workflow task carries every Update that it accepts or refuses, and the next batch of the journal.
Over 4 MiB the Temporal server terminates the workflow. It hands out ten Updates at once: ten of the largest, and the
largest batch, stay under 3 MiB.
"""

import json
from collections import Counter
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from domain.core.refusal import Refused

MOST_BYTES = 192 * 1024
"""UTF-8 bytes of JSON that a command, or the opening of a ticket, may have."""
_STAMPS = frozenset({"received", "opened_at"})
"""Our own clock, added after a sender got the answer that the message is accepted."""
NAMED = 3
"""How many of the largest fields a refusal names."""
LONGEST_NAME = 100
"""Characters of a field's name that a refusal repeats."""


def json_bytes(value: Any) -> int:
    """Count the bytes of `value` as the payload converter writes it: characters beyond ASCII as UTF-8, a control
    character as the six of an escape."""
    try:
        return len(to_json(value, fallback=str))
    except PydanticSerializationError:  # half a character, which the converter does not write at all
        return len(json.dumps(value, default=str))


def check_size(payload: Any, what: str = "the command") -> None:
    """Refuse a payload that is larger than MOST_BYTES.

    Raises Refused (`too_large`): it says how large the payload is, and names its largest fields, never their content.
    """
    if isinstance(payload, dict):  # counted alike wherever it comes in, whatever it was stamped with on the way
        payload = {name: value for name, value in payload.items() if name not in _STAMPS}
    size = json_bytes(payload)
    if size <= MOST_BYTES:
        return
    largest = dict(Counter(dict(_fields(payload, ""))).most_common(NAMED))
    fields = {name: f"{count:,} bytes" for name, count in largest.items()}
    named = ", ".join(f"{name} {why}" for name, why in fields.items())
    raise Refused(
        "too_large",
        f"{what} has {size:,} bytes of JSON, and may have {MOST_BYTES:,}: shorten or split it (largest: {named})",
        fields=fields,
    )


def _fields(value: Any, place: str) -> list[tuple[str, int]]:
    """Return each field that holds no others, by its name within the payload, with its size in bytes."""
    if isinstance(value, dict):
        inner = [(f"{place}.{name}" if place else str(name), held) for name, held in value.items()]
        return [found for name, held in inner for found in _fields(held, name[:LONGEST_NAME])]
    return [(place or "payload", json_bytes(value))]

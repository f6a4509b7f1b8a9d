"""What declares an incident by hand, and how people write an incident's number: known without a server."""

from typing import Any, Literal

from pydantic import ConfigDict, ValidationError

from domain.aggregate.command import malformed
from domain.core.enums import Priority, Role
from domain.core.input_types import Name, Short
from domain.core.refusal import Refused
from domain.core.values import Frozen


class DeclareRequest(Frozen):
    """What declares an incident by hand: its on-call is paged at once. One that is open for the area is the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    product_area: Short = ""
    priority: Literal[Priority.P0, Priority.P1] = Priority.P1
    by: Name = "unknown"
    role: Role = Role.AGENT

    @classmethod
    def parse(cls, payload: Any) -> "DeclareRequest":
        """Return the request in a payload. Raises Refused with every field that is wrong, by name."""
        try:
            return cls.model_validate(payload)
        except ValidationError as error:
            raise malformed(error, model=cls) from None


def number_of(text: str) -> int:
    """Return the number in `7` or `incident-7`. Raises Refused (`not_found`): nothing else is an incident's."""
    digits = text.strip().lower().removeprefix("incident-")
    if digits.isascii() and digits.isdecimal() and len(digits) <= 9:
        return int(digits)
    raise Refused("not_found", f"there is no incident {text[:40]!r}: incidents have numbers, as in incident-7")

"""Commands: what can be asked for, and how a loose payload becomes one."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import ConfigDict, ValidationError

from domain.core.enums import Role
from domain.core.input_types import Identity, Name
from domain.core.refusal import Refused
from domain.core.size import check_size
from domain.core.values import Frozen, Instant

STAFF = frozenset({Role.AGENT, Role.LEAD, Role.ENGINEER, Role.OPS, Role.ADMIN})
ANYBODY = STAFF | {Role.CUSTOMER, Role.INTEGRATION, Role.SYSTEM, Role.CSM}
LEADS = frozenset({Role.LEAD, Role.OPS, Role.ADMIN})
RATERS = LEADS | {Role.CUSTOMER, Role.INTEGRATION}
"""Who rates a ticket (G9): nobody their own work."""


class Command(Frozen):
    """What every command carries: who gives it, in which role, and when our service received it.

    Each command adds `do`, its name. Unknown fields are refused by name: a typing error must not pass for an empty
    field.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    who: ClassVar[frozenset[Role]] = STAFF
    """The roles that may give it."""

    by: Name = "unknown"
    role: Role = Role.AGENT
    id: Identity | None = None
    """The same id again gets the first answer; after a refusal it is a new try."""
    received: Instant | None = None


def name_of(kind: type[Command]) -> str:
    """Return the name of a kind of command, as in `{"do": "take"}`."""
    name: str = kind.model_fields["do"].default
    return name


def description_of(kind: type[Command]) -> str:
    """Return the one line that people read of a kind of command, wherever they meet it."""
    return (kind.__doc__ or "").strip().split("\n")[0]


def parse(payload: Any, name: str | None, kinds: Mapping[str, type[Command]], *, recorded: bool = False) -> Command:
    """Make the command of a loose payload, `{"do": "take", "by": "ada"}`. `kinds` are those that there are, by name.

    One that is `recorded` in a workflow's history already may have any size: it was accepted. Raises Refused
    (`too_large`, `unknown_command`, `malformed`) with every field that is wrong, by name.
    """
    if not recorded:
        check_size(payload)
    if not isinstance(payload, dict):
        raise Refused("malformed", f"a command is a JSON object, not {type(payload).__name__}")
    do = name or payload.get("do")
    if not isinstance(do, str) or do not in kinds:
        raise Refused("unknown_command", f"no command {str(do)[:40]!r}", would_fit=list(kinds))
    try:
        return kinds[do].model_validate({**payload, "do": do})
    except ValidationError as error:
        raise malformed(error) from None


def malformed(error: ValidationError, whole: str = "payload") -> Refused:
    """Make a refusal of what pydantic found. Each wrong field is named once; its content is never repeated. `whole`
    is what was looked at."""
    faults: dict[str, str] = {}
    for fault in error.errors(include_input=False, include_url=False, include_context=False):
        place = ".".join(str(part) for part in fault["loc"] if not str(part).startswith(("function-", "tagged-")))
        faults.setdefault(place[:100] or whole, fault["msg"][:200])
    listed = "; ".join(f"{place}: {message}" for place, message in list(faults.items())[:20])
    return Refused("malformed", listed, fields=faults)

"""Commands: what can be asked for, and how a payload becomes one."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic import Field as Bounded

from domain.core.enums import Role
from domain.core.faults import fields_at, in_words
from domain.core.input_types import Identity, Name
from domain.core.refusal import Refused
from domain.core.size import check_size
from domain.core.values import Frozen, Instant

STAFF = frozenset({Role.AGENT, Role.LEAD, Role.ENGINEER, Role.OPS, Role.ADMIN})
ANYBODY = STAFF | {Role.CUSTOMER, Role.INTEGRATION, Role.SYSTEM, Role.CSM}
LEADS = frozenset({Role.LEAD, Role.OPS, Role.ADMIN})
MACHINES = frozenset({Role.INTEGRATION, Role.BOT, Role.SYSTEM})
"""Who is neither one of ours nor the customer: what they say themselves meets no clock (G12)."""
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
    seen: Annotated[int, Bounded(ge=0, le=10**9)] | None = None
    """G14: the number of the newest event that the sender saw. What the customer will see is held back if the ticket
    has moved on since."""


def name_of(kind: type[Command]) -> str:
    """Return the name of a kind of command, as in `{"do": "take"}`."""
    name: str = kind.model_fields["do"].default
    return name


def description_of(kind: type[Command]) -> str:
    """Return the one line that people read of a kind of command, wherever they meet it."""
    return (kind.__doc__ or "").strip().split("\n")[0]


def parse(payload: Any, name: str | None, kinds: Mapping[str, type[Command]], *, recorded: bool = False) -> Command:
    """Make the command of a payload, `{"do": "take", "by": "ada"}`. `kinds` are those that there are, by name.

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
        raise malformed(error, model=kinds[do]) from None


OURS = frozenset({"do", "role", "id", "received", "terms", "unread", "edited", "survey"})
"""Fields that are never what a misspelt one meant: the service fills them in."""


def malformed(error: ValidationError, whole: str = "payload", *, model: type[BaseModel] | None = None) -> Refused:
    """Make a refusal of what pydantic found. Each wrong field is named once; its content is never repeated. `whole`
    is what was looked at, `model` what it should have been: for a field that there is not, it names the nearest."""
    faults: dict[str, str] = {}
    for fault in error.errors(include_input=False, include_url=False):
        known = [name for name in fields_at(model, fault["loc"]) if name not in OURS] if model else []
        place = ".".join(str(part) for part in fault["loc"] if not str(part).startswith(("function-", "tagged-")))
        faults.setdefault(place[:100] or whole, in_words(fault, known))
    listed = "; ".join(f"{place}: {message}" for place, message in list(faults.items())[:20])
    return Refused("malformed", listed, fields=faults)

"""What opens a ticket: the form (G11)."""

from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, StringConstraints, ValidationError, model_validator
from pydantic import Field as Bounded

from domain.aggregate.command import malformed
from domain.core.enums import Category, Channel, Health, Plan, Priority, Role
from domain.core.input_types import OneLine, Short, Text
from domain.core.size import check_size
from domain.core.values import Frozen, Instant
from domain.ticket.rules.classification import Impact, Urgency
from domain.ticket.state import Amount, Place
from services.intake.sources import CLI


def _number_as_text(value: Any) -> Any:
    """Many systems count their records, and write the number as one."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Id = Annotated[str, StringConstraints(min_length=1, max_length=200), OneLine]
ExternalId = Annotated[str, StringConstraints(min_length=1, max_length=200), OneLine, BeforeValidator(_number_as_text)]
"""What another system calls something: text, or a number. Opening and commands read it alike, or they would mean two
tickets."""


def without_blanks(said: Any) -> Any:
    """What was said, without the fields that are null or empty: that is how many systems write that nothing is said."""
    if not isinstance(said, dict):
        return said
    kept = {name: value for name, value in said.items() if not _is_blank(value)}
    if isinstance(form := kept.get("form"), dict):
        kept["form"] = {name: value for name, value in form.items() if value is not None}
    if isinstance(tags := kept.get("tags"), list | tuple):
        kept["tags"] = [tag for tag in tags if not _is_blank(tag)]
    return kept


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


class AccountSaid(Frozen):
    """The customer, as whoever brings the ticket names it. What is known of the account wins over what is said here.

    Without a plan, and nobody having told of the account, it is unknown: Standard clocks, and flagged.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)

    id: ExternalId
    plan: Plan | None = None
    health: Health | None = None
    arr: Amount | None = None
    fee: Amount | None = None
    csm: Id | None = None
    zone: Place = None
    region: Place = None
    """A zone or region that does not exist is taken as not said, and stands on the ticket's timeline."""

    _said = model_validator(mode="before")(without_blanks)


class OpenRequest(Frozen):
    """A ticket as it comes in (G11). The same `source` and `external_id` again is the same ticket.

    Category, priority, product area and language are classified by the policy's rules where they are not said.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Id = CLI
    external_id: ExternalId
    account: AccountSaid
    channel: Channel = Channel.EMAIL
    category: Category | None = None
    priority: Priority | None = None
    priority_guessed: bool = False
    """Nobody of support said so (G6). A P0 that a customer or an integration brings for an account that nobody knows is
    guessed in any case."""
    impact: Impact | None = None
    """How many are affected: with the urgency, it makes the priority."""
    urgency: Urgency | None = None
    product_area: Short = ""
    subject: Text = ""
    description: Text = ""
    attachments: Text = ""
    language: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*$")] | None = None
    tags: tuple[Short, ...] = Bounded(default=(), max_length=50)
    form: dict[Id, Short] = Bounded(default={}, max_length=50)
    """What else the form says, for the policy's rules: `{"type": "incident"}`. It is not kept."""
    parent: Short | None = None
    by: Id = "customer"
    role: Role = Role.CUSTOMER
    opened_at: Instant | None = None
    """When it came in, by our own stamp; now, if not given."""

    _said = model_validator(mode="before")(without_blanks)

    @classmethod
    def parse(cls, payload: Any) -> "OpenRequest":
        """The request in a loose payload. Raises Refused (`too_large`, `malformed`) with every field that is wrong."""
        check_size(payload, "the ticket")
        try:
            return cls.model_validate(payload)
        except ValidationError as error:
            raise malformed(error) from None

"""What opens a ticket: the form (G11)."""

from typing import Annotated, Any

from pydantic import ConfigDict, StringConstraints, ValidationError
from pydantic import Field as Bounded

from domain.base import Frozen, Instant
from domain.commands import Short, Text, malformed
from domain.ticket import Account
from domain.words import Category, Channel, Priority, Role

Id = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


class OpenRequest(Frozen):
    """A ticket as it comes in. The same `source` and `external_id` again is the same ticket."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Id = "cli"
    external_id: Id
    account: Account
    channel: Channel = Channel.EMAIL
    category: Category = Category.BUG
    priority: Priority = Priority.P3
    priority_guessed: bool = False
    """Only a rule said so, no person (G6)."""
    product_area: Short = ""
    subject: Text = ""
    description: Text = ""
    attachments: Text = ""
    language: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*$")] = "en"
    tags: tuple[Short, ...] = Bounded(default=(), max_length=50)
    parent: Short | None = None
    by: Id = "customer"
    role: Role = Role.CUSTOMER
    opened_at: Instant | None = None
    """When it came in, by our own stamp; now, if not given."""

    @classmethod
    def parse(cls, payload: Any) -> "OpenRequest":
        """The request in a loose payload. Raises Refused with every field that is wrong, by name."""
        try:
            return cls.model_validate(payload)
        except ValidationError as error:
            raise malformed(error) from None

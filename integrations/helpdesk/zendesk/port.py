"""What Tierline asks of Zendesk: a ticket with its history, and to write a comment and fields, once.

All failures are those of `integrations.calls`. Nobody's name or address crosses this port: people are ids.
"""

from typing import Annotated, Protocol

from pydantic import Field, SecretStr

from domain.core.values import Frozen, Instant
from integrations.calls import Endpoint

Number = Annotated[int, Field(ge=1, le=2**63 - 1)]
"""Zendesk's ids."""


class HelpdeskTicket(Frozen):
    """A ticket as Zendesk has it now."""

    id: Number
    created_at: Instant
    updated_at: Instant
    status: str
    subject: str = ""
    description: str = ""
    """The first comment."""
    via: str = ""
    """Zendesk's word for the channel."""
    requester: int | None = None
    submitter: int | None = None
    organization: str | None = None
    """What the organisation is called outside of Zendesk (its external id), else its id."""
    tags: tuple[str, ...] = ()
    fields: dict[str, str] = {}
    """Priority, type, brand, and custom fields by their ids, as far as they are filled in."""
    follows: int | None = None
    """The closed ticket that it is a follow-up of."""


class Comment(Frozen):
    """What somebody wrote."""

    public: bool
    text: str


class Audit(Frozen):
    """One change of a ticket: who did what at once."""

    id: Number
    at: Instant
    by: int
    by_staff: bool
    """An agent or administrator of Zendesk, and not the customer."""
    marker: str = ""
    """What we wrote it under; empty if it is not ours."""
    opening: bool = False
    comment: Comment | None = None
    status: str | None = None
    """What the status became, where it changed."""
    priority: str | None = None
    """The same of the priority, in Zendesk's word."""


class Change(Frozen):
    """What is to be written to a ticket, all at once or not at all: one field that is refused refuses all of it."""

    marker: str = Field(pattern=r"^[!-~]{1,255}$")
    """Stands in the change's own history, so that it can be found there."""
    comment: Comment | None = None
    status: str | None = None
    fields: dict[int, str] = {}
    """Custom fields by their ids."""
    unless_changed_since: Instant | None = None
    """Refused as a conflict (Rejected, 409) if anything has changed the ticket since."""


class HelpdeskPort(Protocol):
    """Safe to call from any thread."""

    def ticket(self, number: int) -> HelpdeskTicket:
        """The ticket as it is now. Raises Rejected (404) where there is none."""

    def audits(self, number: int) -> list[Audit]:
        """Its whole history, the oldest first."""

    def change(self, number: int, change: Change) -> None:
        """Write. After `Unknown` it may have been done: look for its marker before writing again."""


class ZendeskConfig(Frozen):
    url: Endpoint
    """`https://example.zendesk.com`"""
    email: str = Field(min_length=3, max_length=320)
    token: SecretStr
    """An API token of that user's, who should be one of Tierline's own."""
    connect_timeout: float = Field(default=3.05, gt=0, le=60)
    """Seconds."""
    read_timeout: float = Field(default=15.0, gt=0, le=300)
    """Seconds between two bytes of an answer."""

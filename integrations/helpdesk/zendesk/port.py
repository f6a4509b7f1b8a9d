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
    copied: tuple[int, ...] = ()
    """Who gets copies of what the customer gets (CCs). Followers are not among them: they are agents."""
    organization: str | None = None
    """What the organisation is called outside of Zendesk (its external id), else its id."""
    organization_number: int | None = None
    """Zendesk's id of it."""
    tags: tuple[str, ...] = ()
    fields: dict[str, str] = {}
    """Priority, type, brand, and custom fields by their ids, as far as they are filled in."""
    follows: int | None = None
    """The closed ticket that it is a follow-up of."""


class Comment(Frozen):
    """What somebody wrote, or a call."""

    public: bool
    text: str
    id: int = 0
    """Zendesk's id; 0 of what is to be written."""
    voice: bool = False
    """It stands for a call, or for what was left on the answering machine."""
    call: Instant | None = None
    """Of a call in which somebody spoke: when it began."""
    answered_by: int | None = None
    """Of such a call: who answered it."""


class Merge(Frozen):
    """Two tickets became one."""

    source: int | None = None
    """The ticket that ended, as far as Zendesk names it."""
    target: int | None = None
    """The one that goes on."""


class Audit(Frozen):
    """One change of a ticket: who did what at once."""

    id: Number
    at: Instant
    by: int
    """Who wrote the comment, else who changed it. -1 is Zendesk itself."""
    actor: int = 0
    """Who changed it: not always who wrote the comment, which an agent may write down for a customer."""
    marker: str = ""
    """What we wrote it under; empty if it is not ours."""
    opening: bool = False
    automatic: bool = False
    """A trigger, an automation or Zendesk itself did it, in whosever name."""
    aside: bool = False
    """Part of a side conversation, which the customer does not see."""
    comment: Comment | None = None
    status: str | None = None
    """What the status became, where it changed."""
    status_was: str | None = None
    status_by_rule: bool = False
    """A trigger or an automation changed the status, in a change of somebody else's."""
    priority: str | None = None
    """The same of the priority, in Zendesk's word. Not where a trigger changed it."""
    requester: int | None = None
    """Who became the requester, where that changed."""
    requester_was: int | None = None
    agents: frozenset[int] = frozenset()
    """Whom this change shows to be an agent at that time: only agents do such a thing, or are assigned to."""
    merge: Merge | None = None
    hidden: frozenset[int] = frozenset()
    """The ids of comments that this change made private."""


class Person(Frozen):
    """Somebody in Zendesk, as they are now."""

    staff: bool = False
    """On the list of agents and administrators."""
    organization: int | None = None


class History(Frozen):
    """All changes of a ticket, the oldest first, and the people in it."""

    audits: tuple[Audit, ...] = ()
    people: dict[int, Person] = {}


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
        """Return the ticket as it is now. Raises Rejected (404) where there is none."""

    def history(self, number: int) -> History:
        """Return the whole history of a ticket, with the people in it."""

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

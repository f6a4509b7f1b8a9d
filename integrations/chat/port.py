"""What Tierline asks of whatever carries notices: a chat, a mail gateway, a data pipeline.

All failures are those of `integrations.calls`. A notice may be delivered more than once; its id stays the
same, so a receiver can drop the repeats.
"""

from typing import Annotated, Any, Literal, Protocol

from pydantic import BeforeValidator, Field, SecretStr

from domain.core.text import one_line
from domain.core.values import Frozen, Instant
from domain.documents.document import CleanText
from integrations.calls import Endpoint


def _title_input(value: Any) -> Any:
    return one_line(value, 255) if isinstance(value, str) else value


class Message(Frozen):
    """One notice to one recipient."""

    id: str = Field(pattern=r"^[!-~]{1,255}$")
    """Our notice key: the same on every try."""
    kind: str = Field(max_length=50)
    """The row of the policy's table of notices: contract_breach, t1_limit, survey. Or `digest`, which lists several."""
    audience: str = Field(max_length=50)
    """Who it is for by their part: assignee, lead, ops, csm, customer."""
    channel: Literal["chat", "email", "webhook"] = "webhook"
    """Through what it is to reach them, as the policy says."""
    recipient: str = Field(max_length=255)
    """Who it is for by name: an agent, an account's CSM, a room. The receiver knows how to reach them."""
    title: Annotated[str, BeforeValidator(_title_input)]
    """One line. Made to fit 255 characters, never refused."""
    text: CleanText = Field(max_length=50_000)
    ticket: str | None = Field(default=None, max_length=100)
    incident: int | None = None
    """The number of the incident that it belongs to."""
    priority: Literal["P0", "P1", "P2", "P3", "P4"] | None = None
    deadline: Instant | None = None
    """What is due next: of a ticket an SLA clock, of an incident its next update. As when the notice was caused."""
    subject: Annotated[str, BeforeValidator(_title_input)] = ""
    """What the ticket is about, without what `domain.documents.redaction` removes. "" where there is none."""
    link: str = Field(default="", max_length=1000)
    """Where a person finds it; "" where no address is set."""
    at: Instant
    """When the event that it is about occurred, not when it was sent."""


class NoticeSink(Protocol):
    """Safe to call from any thread."""

    def send(self, message: Message) -> None:
        """Hand the message over. After `Unknown` send again with the same id."""


class WebhookConfig(Frozen):
    url: Endpoint
    """The receiver's full address."""
    secret: SecretStr
    """`whsec_` and base64, shared with the receiver (Standard Webhooks)."""
    connect_timeout: float = Field(default=3.05, gt=0, le=60)
    """Seconds."""
    read_timeout: float = Field(default=10.0, gt=0, le=300)
    """Seconds between two bytes of an answer."""

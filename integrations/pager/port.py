"""What Tierline asks of a pager. Every call may be repeated: the dedup key makes one alert of many tries.

All failures are those of `integrations.calls`; after `Unknown` simply send again. That a page was accepted
does not mean that somebody is awake: only an acknowledgement says so.
"""

from typing import Annotated, Any, Literal, Protocol

from pydantic import BeforeValidator, Field, SecretStr

from domain.base import Frozen
from domain.document import CleanText, Link, one_line
from integrations.calls import Endpoint

Severity = Literal["critical", "error", "warning", "info"]
SUMMARY_LIMIT = 1024


def _summary_input(value: Any) -> Any:
    return one_line(value, SUMMARY_LIMIT) or "(no summary)" if isinstance(value, str) else value


DedupKey = Annotated[str, Field(pattern=r"^[!-~]{1,255}$")]


class Page(Frozen):
    """What wakes somebody, and what they need in the first minute."""

    dedup_key: DedupKey
    """Ours, one per incident and level: a second page with the key of an open alert joins it."""
    summary: Annotated[str, BeforeValidator(_summary_input)]
    """One line. Made to fit 1,024 characters, never refused."""
    severity: Severity
    source: str = Field(default="tierline", min_length=1, max_length=255)
    """The system or product area that hurts."""
    details: dict[str, CleanText] = Field(default={}, max_length=50)
    links: tuple[Link, ...] = Field(default=(), max_length=20)


class PagerPort(Protocol):
    """Safe to call from any thread."""

    def page(self, page: Page) -> None:
        """Opens an alert, or joins the open one with the same key. After a resolved one it opens a new
        alert.
        """

    def acknowledge(self, dedup_key: str) -> None:
        """Somebody is on it. Without effect when no alert with this key is open."""

    def resolve(self, dedup_key: str) -> None:
        """It is over. Without effect when no alert with this key is open."""


class PagerConfig(Frozen):
    routing_key: SecretStr
    """The integration key of the PagerDuty service that pages go to."""
    url: Endpoint = "https://events.pagerduty.com"
    """The EU region has an address of its own: https://events.eu.pagerduty.com"""
    client_url: str = ""
    """Where Tierline's own page stands, shown on the alert. "" for none."""
    connect_timeout: float = Field(default=3.05, gt=0, le=60)
    """Seconds."""
    read_timeout: float = Field(default=10.0, gt=0, le=300)
    """Seconds between two bytes of an answer."""

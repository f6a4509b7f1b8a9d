"""What Tierline asks of a pager. Every call may be repeated: the dedup key makes one alert of many tries.

All failures are those of `integrations.calls`; after `Unknown` simply send again. That a page was accepted
does not mean that somebody is awake: only an acknowledgement says so.
"""

import re
from typing import Annotated, Any, Literal, Protocol

from pydantic import BeforeValidator, Field, SecretStr

from domain.core.text import one_line
from domain.core.values import Frozen
from domain.documents.document import CleanText, Link
from integrations.calls import Endpoint

Severity = Literal["critical", "error", "warning", "info"]
SUMMARY_LIMIT = 1024


def _summary_input(value: Any) -> Any:
    return one_line(value, SUMMARY_LIMIT) or "(no summary)" if isinstance(value, str) else value


DedupKey = Annotated[str, Field(pattern=r"^[!-~]{1,255}$")]


_TITLE = re.compile(r"\[((?:incident-[1-9][0-9]{0,8}|area-[a-z0-9-]{1,60})(?::[1-9]:[1-9][0-9]{0,3})?)\](?:\s|$)")


def marked(key: str, summary: str) -> str:
    """Return `summary` with the page's key before it, in the length that a pager takes: `[incident-7:2:1] P0 in API`.

    The key stands first, so that neither cutting the text nor editing what follows can take it away.
    """
    return f"[{key}] {summary}"[:SUMMARY_LIMIT]


def key_in(title: str) -> str:
    """Return the key of ours that a title begins with, as `marked` writes it; "" where it begins with none."""
    found = _TITLE.match(title)
    return found[1] if found else ""


class PageRef(Frozen):
    """One alert at the pager, whether it is open or not."""

    dedup_key: DedupKey
    """Ours, one per step of an incident's ladder: a second page with the key of an open alert joins it, and wakes
    nobody."""
    level: int = Field(default=1, ge=1, le=9)
    """Whom it reaches: 1 the on-call, 2 the next level, 3 the manager. Each may be a service of its own at the pager,
    so an alert is ended at the level at which it was opened."""


class Page(PageRef):
    """What wakes somebody, and what they need in the first minute."""

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
        """Open an alert, or joins the open one with the same key. After a resolved one it opens a new
        alert.
        """

    def acknowledge(self, ref: PageRef) -> None:
        """Acknowledge the alert. Without effect when no alert with this key is open."""

    def resolve(self, ref: PageRef) -> None:
        """Resolve the alert. Without effect when no alert with this key is open."""


class PagerConfig(Frozen):
    """How to reach PagerDuty."""

    routing_keys: tuple[SecretStr, ...] = Field(min_length=1, max_length=9)
    """The integration keys of the services that pages go to, one for each level; who is paged beyond the last one is
    paged there."""
    url: Endpoint = "https://events.pagerduty.com"
    """The EU region has an address of its own: https://events.eu.pagerduty.com"""
    client_url: str = ""
    """Where Tierline's own page stands, shown on the alert. "" for none."""
    api_url: Endpoint = "https://api.pagerduty.com"
    """The REST API, which knows the alerts of an incident. The EU region: https://api.eu.pagerduty.com"""
    api_token: SecretStr | None = None
    """A read-only token of that API. None: it is not asked."""
    connect_timeout: float = Field(default=3.05, gt=0, le=60)
    """Seconds."""
    read_timeout: float = Field(default=5.0, gt=0, le=300)
    """Seconds between two bytes of an answer. Short: there is a second channel, and it must not wait for long."""

    def routing_key(self, level: int) -> SecretStr:
        """Return the service that is paged at `level`."""
        return self.routing_keys[min(level, len(self.routing_keys)) - 1]

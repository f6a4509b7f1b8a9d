"""What Tierline asks of engineering's tracker, and the values that travel.

Jira has no idempotency key, and its search lags behind its writes. So `create` never repeats by itself, every
issue carries our effect key (as a label to search for and as an issue property to prove it), and the caller
who got `Unknown` looks with `find` before trying again. All failures are those of `integrations.calls`.
"""

import re
from collections.abc import Collection
from typing import Annotated, Any, Literal, Protocol

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from domain.base import Frozen, Instant
from domain.document import CleanText, Document, one_line
from domain.words import Priority
from integrations.calls import Endpoint

Kind = Literal["bug", "request", "incident"]
StatusCategory = Literal["new", "indeterminate", "done"]

SUMMARY_LIMIT = 255
SUPPORT_MARK = "#support"
"""A comment that begins with this word is meant for support. All others stay inside engineering."""


def _summary_input(value: Any) -> Any:
    return one_line(value, SUMMARY_LIMIT) or "(no summary)" if isinstance(value, str) else value


Label = Annotated[str, Field(pattern=r"^[!-~]{1,255}$")]
EffectKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9:_-]{0,199}$")]


def label_for(key: str) -> str:
    """The label that finds the issue made for effect `key`. Labels hold no spaces; keys have none to begin
    with.
    """
    return f"tierline-{key.replace(':', '.')}"


class IssueDraft(Frozen):
    """An issue to be made, exactly once for its key."""

    key: EffectKey
    """The effect key, as in `ticket-7K2M:jira_bug:17`: the same on every try, another after a hand-back."""
    kind: Kind
    summary: Annotated[str, BeforeValidator(_summary_input)]
    """One line. Made to fit 255 characters, never refused."""
    description: Document
    priority: Priority
    labels: tuple[Label, ...] = Field(default=(), max_length=20)
    environment: CleanText = ""
    """Product, version, browser, region. "" leaves the field out."""

    @property
    def label(self) -> str:
        return label_for(self.key)


class IssueRef(Frozen):
    key: str
    id: str
    url: str
    """Where a person reads the issue."""


class IssueState(Frozen):
    """An issue as engineering sees it now."""

    ref: IssueRef
    status_name: str
    """As the project's workflow calls it, perhaps translated. Decide by `status_category`."""
    status_category: StatusCategory
    resolution: str | None
    """Fixed, Won't Do, Duplicate, Cannot Reproduce, ...; None while unresolved."""
    updated: Instant
    fix_versions: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    comment: str | None = None
    """The latest comment marked for support, without its mark."""


class JiraPort(Protocol):
    """Safe to call from any thread. Every method raises the failures of `integrations.calls`."""

    def create(self, draft: IssueDraft) -> IssueRef:
        """Makes the issue. After `Unknown` it may exist: `find` it before the next try.

        `Rejected.field_errors` names the fields that Jira refused.
        """

    def find(self, label: str) -> list[IssueRef]:
        """The issues that carry our `label`, oldest first. An issue just made may be missing for minutes."""

    def read(self, keys: Collection[str]) -> dict[str, IssueState]:
        """The present state of many issues in one request (per hundred), without the lag of search.

        A key that is missing from the answer was deleted or is out of sight; a moved issue stands under its
        new key.
        """

    def link_ticket(self, issue_key: str, global_id: str, url: str, title: str) -> None:
        """Shows the ticket on the issue. Idempotent: the same `global_id` updates the same link."""

    def check(self) -> list[str]:
        """What the configuration names and the server does not have, or the server requires and we do not
        send.

        One sentence each, for a person; empty when the first issue can come.
        """


class JiraConfig(Frozen):
    """How to reach a Jira Cloud site, and what the project there calls things."""

    url: Endpoint
    """The site, as in `https://example.atlassian.net`."""
    email: str = Field(min_length=3, max_length=254)
    token: SecretStr
    """API token of that account."""
    project: str = Field(pattern=r"^[A-Z][A-Z0-9_]{1,30}$")
    issue_types: dict[Kind, str] = Field(default={"bug": "Bug", "request": "Story", "incident": "Bug"})
    priorities: dict[Priority, str] = Field(
        default={
            Priority.P0: "Highest",
            Priority.P1: "High",
            Priority.P2: "Medium",
            Priority.P3: "Low",
            Priority.P4: "Lowest",
        }
    )
    optional_fields: frozenset[Literal["priority", "environment"]] = frozenset({"priority", "environment"})
    """Which of these the project's create screen has. `check` says when one is not there."""
    connect_timeout: float = Field(default=3.05, gt=0, le=60)
    """Seconds."""
    read_timeout: float = Field(default=15.0, gt=0, le=300)
    """Seconds between two bytes of an answer."""

    @model_validator(mode="after")
    def _names_everything(self) -> "JiraConfig":
        if missing := [kind for kind in ("bug", "request", "incident") if kind not in self.issue_types]:
            raise ValueError(f"issue_types lacks {', '.join(missing)}")
        if unmapped := [priority.value for priority in Priority if priority not in self.priorities]:
            raise ValueError(f"priorities lacks {', '.join(unmapped)}")
        return self


_ISSUE_KEY = re.compile(r"[A-Z][A-Z0-9_]{1,30}-[1-9][0-9]{0,11}")


def is_issue_key(text: str) -> bool:
    """Whether `text` may stand in a path of Jira's API: keys come back from webhooks, tables and people."""
    return _ISSUE_KEY.fullmatch(text) is not None

"""What Tierline asks of engineering's tracker, and the values that travel.

Jira has no idempotency key, and its search lags behind its writes. So `create` never repeats by itself, every
issue carries our effect key (as a label to search for and as an issue property to prove it), and the caller
who got `Unknown` looks with `find` before trying again. All failures are those of `integrations.calls`.
"""

import re
from collections.abc import Collection
from typing import Annotated, Any, Literal, Protocol

from pydantic import BeforeValidator, Field, SecretStr

from domain.core.enums import Priority
from domain.core.text import one_line, strip_invisible
from domain.core.values import Frozen, Instant
from domain.documents.document import CleanText, Document
from domain.policy.tracker import IssueKind, JiraRow
from integrations.calls import Endpoint

Kind = IssueKind
StatusCategory = Literal["new", "indeterminate", "done"]

SUMMARY_LIMIT = 255
SUPPORT_MARK = "#support"
"""A comment that begins with this word is meant for support. All others stay inside engineering."""


def _summary_input(value: Any) -> Any:
    return one_line(strip_invisible(value), SUMMARY_LIMIT) or "(no summary)" if isinstance(value, str) else value


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
    """One line, in one direction of reading. Made to fit 255 characters, never refused."""
    description: Document
    priority: Priority
    labels: tuple[Label, ...] = Field(default=(), max_length=20)
    environment: CleanText = ""
    """Product, version, browser, region. "" leaves the field out."""
    product_area: str = ""
    """What its components are chosen by."""
    fingerprint: Label | None = None
    """The label that issues about the same problem share (`domain.tracker.fingerprint`)."""

    @property
    def label(self) -> str:
        return label_for(self.key)


class IssueRef(Frozen):
    key: str
    id: str
    url: str
    """Where a person reads the issue."""
    left_out: tuple[str, ...] = ()
    """Fields of our configuration that Jira refused when the issue was made, and that it was made without."""


class Similar(Frozen):
    """An open issue that may be about the same problem."""

    key: str
    url: str
    summary: str
    status: str


class Who(Frozen):
    """One of the people in Jira."""

    id: str
    """Jira's account id: says nothing to a stranger."""
    name: str
    """What the people there see."""


class SupportComment(Frozen):
    """A comment that engineering marked for support."""

    id: Annotated[str, Field(pattern=r"^[0-9]{1,19}$")]
    text: str
    """Without the mark."""


class IssueState(Frozen):
    """An issue as engineering sees it now."""

    ref: IssueRef
    status_name: str
    """As the project's workflow calls it, perhaps translated. Decide by `status_category`."""
    status_category: StatusCategory
    resolution: str | None
    """Fixed, Won't Do, Duplicate, Cannot Reproduce, ...; None while unresolved."""
    updated: Instant
    assignee: Who | None = None
    fix_versions: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    duplicate_of: str | None = None
    """The key of the issue that engineering took it for."""
    comments: tuple[SupportComment, ...] = ()
    """The latest comments for support, oldest first."""


class JiraPort(Protocol):
    """Safe to call from any thread. Every method raises the failures of `integrations.calls`."""

    @property
    def projects(self) -> frozenset[str]:
        """The keys of the projects whose issues tickets may be linked to."""

    def create(self, draft: IssueDraft) -> IssueRef:
        """Makes the issue. After `Unknown` it may exist: `find` it before the next try.

        Fields that only the configuration asks for are left out where Jira refuses them and nothing else.
        `Rejected.field_errors` names the fields that Jira refused.
        """

    def find(self, label: str) -> list[IssueRef]:
        """The issues that carry our `label`, oldest first. An issue just made may be missing for minutes."""

    def similar(self, label: str) -> list[Similar]:
        """Issues that carry a fingerprint's label and are not done, the oldest first, some twenty at most."""

    def read(self, issues: Collection[str]) -> dict[str, IssueState | None]:
        """The present state of many issues in one request (per hundred), without the lag of search.

        Asked for by number or key, and answered by the same; by number also when the issue has moved to another
        project. None: it was deleted, or is out of our sight. What Jira could not give just now is left out.
        """

    def comment(self, issue_key: str, key: str, words: Document) -> None:
        """Says something on the issue; the comment carries its effect `key`. After `Unknown` it may stand there: look
        for it before the next try.
        """

    def has_comment(self, issue_key: str, key: str) -> bool:
        """Whether the comment of effect `key` stands on the issue. One just made is seen at once."""

    def account(self) -> str:
        """The account id that we are known by, so that our own doings can be told from those of people."""

    def link_back(self, issue_key: str, global_id: str, url: str, title: str) -> None:
        """Shows a ticket or an incident on the issue. Idempotent: the same `global_id` updates the same link."""

    def set_property(self, issue_key: str, name: str, value: dict[str, Any]) -> None:
        """Keeps a value on the issue, for programs. Idempotent."""

    def link_duplicate(self, issue_key: str, original: str) -> None:
        """Says that an issue duplicates another. Saying it again changes nothing."""

    def relate(self, issue_key: str, other: str) -> None:
        """Links two issues to each other. Saying it again changes nothing."""

    def finish(self, issue_key: str) -> bool:
        """Moves the issue to a status that is done. False where the project's workflow has no way there from here."""

    def into_sprint(self, issue_key: str) -> bool:
        """Puts the issue into the active sprint of the configured board. False where none is active. Idempotent."""

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
    rules: JiraRow = JiraRow()
    """What issues look like there: the policy's table `[jira]`."""
    connect_timeout: float = Field(default=3.05, gt=0, le=60)
    """Seconds."""
    read_timeout: float = Field(default=15.0, gt=0, le=300)
    """Seconds between two bytes of an answer."""


_ISSUE_KEY = re.compile(r"[A-Z][A-Z0-9_]{1,30}-[1-9][0-9]{0,11}")


def is_issue_key(text: str) -> bool:
    """Whether `text` may stand in a path of Jira's API: keys come back from webhooks, tables and people."""
    return _ISSUE_KEY.fullmatch(text) is not None


def is_issue_number(text: str) -> bool:
    """Whether `text` may be Jira's own number of an issue."""
    return text.isascii() and text.isdecimal() and len(text) <= 19

"""What Tierline asks of engineering's issue tracker, and the values that travel. Each tracker implements it.

A tracker has no idempotency key, and its search lags behind its writes. So `create` never repeats by itself, every
issue carries our effect key (as a label to search for and as an issue property to prove it), and the caller who got
`Unknown` looks with `find` before trying again. All failures are those of `integrations.calls`.
"""

from collections.abc import Collection
from typing import Annotated, Any, Literal, Protocol

from pydantic import BeforeValidator, Field

from domain.core.enums import Priority
from domain.core.text import one_line_utf16, strip_invisible
from domain.core.values import Frozen, Instant
from domain.documents.document import CleanText, Document
from domain.policy.tracker import IssueKind
from domain.tracker.snapshot import IssueSnapshot, SupportComment

Kind = IssueKind

SUMMARY_LIMIT = 255
"""In UTF-16 units, as a tracker that is written in Java counts."""
SUPPORT_MARK = "#support"
"""A comment that begins with this word is meant for support (`support_mark`). All others stay inside engineering."""


def _summary_input(value: Any) -> Any:
    return one_line_utf16(strip_invisible(value), SUMMARY_LIMIT) or "(no summary)" if isinstance(value, str) else value


REPORTED_IN = "reported by support in"
"""What a link from an issue to its ticket says."""
Label = Annotated[str, Field(pattern=r"^[!-~]{1,255}$")]
EffectKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9:_-]{0,199}$")]


def label_for(key: str) -> str:
    """Return the label that finds the issue made for effect `key`. Labels hold no spaces; keys have none to begin
    with.
    """
    return f"tierline-{key.replace(':', '.')}"


def file_for(key: str) -> str:
    """Return the name of the file that goes with the issue of effect `key`: it finds the file again."""
    return f"{label_for(key)}.txt"


class IssueDraft(Frozen):
    """An issue to be made, exactly once for its key."""

    key: EffectKey
    """The effect key, as in `ticket-7K2M:jira_bug:17`: the same on every try, another after a hand-back."""
    kind: Kind
    summary: Annotated[str, BeforeValidator(_summary_input)]
    """One line, in one direction of reading. Made to fit 255 UTF-16 units, never refused."""
    description: Document
    priority: Priority
    labels: tuple[Label, ...] = Field(default=(), max_length=20)
    environment: CleanText = ""
    """Product, version, browser, region. "" leaves the field out."""
    product_area: str = ""
    """What its components are chosen by."""
    fingerprint: Label | None = None
    """The label that issues about the same problem share (`domain.tracker.fingerprint`)."""

    in_full: str = ""
    """The report in full, as plain text, where the description leaves out a part of it: to be attached as `file`."""

    @property
    def label(self) -> str:
        return label_for(self.key)

    @property
    def file(self) -> str:
        return file_for(self.key)


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


Why = Literal["place", "spelling", "restricted", "empty"]
"""Why a comment is not for support, though it looks so: the mark stands too late, is spelt in another way, the comment
is restricted to a role or a group, or it says nothing else.
"""


class NotHeard(Frozen):
    """A comment that its writer may have meant for support, and that does not go there."""

    id: Annotated[str, Field(pattern=r"^[0-9]{1,19}$")]
    why: Why
    writer: str
    """The account id of who wrote the comment, or changed it last; empty where the tracker does not say."""
    at: Instant
    """When it was written, or changed last."""


class Issue(IssueSnapshot):
    """An issue as the tracker has it now."""

    id: str
    """The tracker's own id of the issue, which stays when the issue moves to another project."""
    version: Instant
    assignee_name: str = ""
    """How people in the tracker call who works on the issue."""
    labels: tuple[str, ...] = ()
    comments: tuple[SupportComment, ...] = ()
    """The latest comments for support, oldest first."""
    not_heard: tuple[NotHeard, ...] = ()
    """Comments that only look as if they were for support."""


class TrackerPort(Protocol):
    """Safe to call from any thread. Every method raises the failures of `integrations.calls`."""

    def may_link(self, key: str) -> bool:
        """Tell whether tickets may be linked to the issue `key`: it is in a project that the configuration names."""

    def create(self, draft: IssueDraft) -> IssueRef:
        """Make the issue. After `Unknown` it may exist: `find` it before the next try.

        Fields that only the configuration asks for are left out where Jira refuses them and nothing else.
        `Rejected.field_errors` names the fields that Jira refused.
        """

    def find(self, label: str) -> list[IssueRef]:
        """Return the issues that carry our `label`, oldest first. An issue just made may be missing for minutes."""

    def similar(self, label: str) -> list[Similar]:
        """Return issues that carry a fingerprint's label and are not done, the oldest first, some twenty at most."""

    def read(self, issues: Collection[str]) -> dict[str, Issue | None]:
        """Return the present state of many issues in one request (per hundred), without the lag of search.

        Asked for by number or key, and answered by the same; by number also when the issue has moved to another
        project. None: it was deleted, or is out of our sight. What Jira could not give just now is left out.
        """

    def comment(self, issue_key: str, key: str, words: Document, to: str = "") -> None:
        """Say something on the issue; the comment carries its effect `key`. After `Unknown` it may stand there: look
        for it before the next try. `to`: the account id of who is to be notified.
        """

    def has_comment(self, issue_key: str, key: str) -> bool:
        """Return whether the comment of effect `key` stands on the issue. One just made is seen at once."""

    def room_for_files(self) -> int:
        """Return how many bytes a file on an issue may have; 0 where the site takes none, or none from our account."""

    def attach(self, issue_key: str, name: str, text: str) -> None:
        """Attach `text` to the issue as a file. After `Unknown` it may be there: look for it before the next try."""

    def has_file(self, issue_key: str, name: str) -> bool:
        """Return whether a file of that name is attached to the issue. One just attached is seen at once."""

    def account(self) -> str:
        """Return the account id that we are known by, so that our own changes can be told from those of people."""

    def link_back(self, issue_key: str, global_id: str, url: str, title: str, relationship: str = REPORTED_IN) -> None:
        """Show a ticket or an incident on the issue. Idempotent: the same `global_id` updates the same link."""

    def set_property(self, issue_key: str, name: str, value: dict[str, Any]) -> None:
        """Keep a value on the issue, for programs. Idempotent."""

    def raise_priority(self, issue_key: str, key: str, priority: Priority) -> None:
        """Give the issue a priority, unless it has that one or a higher one, or one that the configuration does not
        name. Once for each effect `key`: repeated, it changes nothing, whatever people have made of it meanwhile."""

    def link_duplicate(self, issue_key: str, original: str) -> None:
        """Say that an issue duplicates another. Saying it again changes nothing."""

    def relate(self, issue_key: str, other: str) -> None:
        """Link two issues to each other. Saying it again changes nothing."""

    def finish(self, issue_key: str) -> bool:
        """Move the issue to a status that is done. False where the project's workflow has no way there from here."""

    def into_sprint(self, issue_key: str) -> bool:
        """Put the issue into the active sprint of the configured board. False where none is active. Idempotent."""

    def check(self) -> list[str]:
        """Return what the configuration names and the server does not have, or the server requires and we do not
        send.

        One sentence each, for a person; empty when the first issue can come.
        """

    def advice(self) -> list[str]:
        """Say what somebody should know about the server, though issues can be made as it is. One sentence each."""

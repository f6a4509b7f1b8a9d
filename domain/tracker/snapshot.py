"""One issue of engineering's tracker at one moment, in words that fit every tracker.

The tracker's adapter reads it, a Signal brings it to the ticket, an event records it, and the ticket's state keeps it.
Each of these adds fields of its own; what the tracker says of the issue is defined here alone.
"""

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints

from domain.core.input_types import Short, Text
from domain.core.values import Frozen, Instant

Category = Literal["new", "indeterminate", "done", "gone"]
"""`new` is not begun, `indeterminate` is being worked on, `gone` is deleted or hidden from our account."""


class IssueSnapshot(Frozen):
    """What the tracker says of an issue."""

    key: Short
    url: str = ""
    """Where a person reads the issue; empty is unknown."""
    category: Category
    """The category of its status. Decide by this, never by `status`."""
    status: Short
    """The status as the project calls it, perhaps translated."""
    resolution: Short | None = None
    """Fixed, Won't Do, Duplicate, Cannot Reproduce, ...; None while the issue is open."""
    assignee: Short | None = None
    """The tracker's account id of who works on the issue."""
    fix_versions: tuple[Short, ...] = ()
    release_date: date | None = None
    """When the first of the fix versions that have a date is to be released, a day without a zone; None: no date."""
    duplicate_of: Short | None = None
    """The key of the issue that engineering took this one for."""
    version: Instant | None
    """The issue's own time of change: a snapshot that is older than what is known is dropped."""

    @classmethod
    def of(cls, issue: "IssueSnapshot", **more: Any) -> Self:
        """Make this kind of snapshot of another kind: the same issue at the same moment, and `more`."""
        return cls(**({name: getattr(issue, name) for name in IssueSnapshot.model_fields} | more))

    @property
    def open(self) -> bool:
        """Return whether somebody is still to work on the issue."""
        return self.category in ("new", "indeterminate")

    def content(self) -> tuple[object, ...]:
        """Return what engineering says with it, to compare two snapshots: the version and the address do not count."""
        return (
            self.key, self.category, self.status, self.resolution, self.assignee, self.fix_versions, self.duplicate_of,
            self.release_date,
        )  # fmt: skip


class SupportComment(Frozen):
    """A comment on an issue that engineering marked for support."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,19}$")]
    """The tracker's id of the comment."""
    text: Text
    """The comment without the mark."""
    machine: Annotated[bool, Field(exclude_if=lambda it: not it)] = False
    """An app or an automation rule wrote it: it is not engineering's word (G12). Left out where it is not, so that what
    was told before is still known by its digest."""

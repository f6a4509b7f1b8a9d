"""What is read of incidents, as the API describes it: see `api.answers`."""

from typing import Annotated

from pydantic import Field

from api.answers import Answered, PendingActivity
from domain.core.enums import Priority, Role
from domain.core.values import Instant
from domain.incident.state import IncidentState


class IncidentHead(Answered):
    """What a list and the details say of an incident."""

    id: Annotated[str, Field(examples=["incident-7"])]
    number: int
    priority: Priority
    product_area: str
    state: IncidentState
    drill: bool
    commander: str
    declared_at: Instant
    next_update_due: Instant | None
    review_due: Instant | None
    tickets: Annotated[int, Field(description="How many.")]
    degraded: Annotated[int, Field(description="How many of its effects fail.")]
    unanswered: Annotated[bool, Field(description="Everybody was paged, and nobody has acknowledged.")]


class IncidentLine(IncidentHead):
    """One incident in a list."""

    subject: Annotated[str, Field(description="Of the first ticket that has one; else empty.")]


class IncidentList(Answered):
    """Part of a list of incidents, the newest first."""

    incidents: list[IncidentLine]
    next: Annotated[int | None, Field(description="What to give as `after` for the next page; null: this is the last.")]


class IncidentRoles(Answered):
    commander: str
    communications: str
    manager: str


class LadderStep(Answered):
    """Whom it pages, in order."""

    audience: str
    level: int
    paged: bool
    due: Instant | None


class PageState(Answered):
    """One page, and what became of it."""

    audience: str
    level: int
    time: int
    state: str


class IncidentUpdates(Answered):
    posted: int
    next_due: Instant | None
    late: Annotated[int, Field(description="How often people were reminded that one is late.")]
    to_approve: Annotated[list[int], Field(description="The updates that wait for somebody who leads.")]


class JoinedTicket(Answered):
    """A ticket of the incident."""

    id: str
    priority: Priority | None
    owes: list[str]
    jira: str | None
    joined_at: Instant
    notified: Annotated[bool, Field(description="It knows how the incident stands.")]
    told: Annotated[bool, Field(deprecated=True, description="The old name of `notified`.")]


class DegradedEffect(Answered):
    """An effect that fails."""

    what: str
    key: str
    since: Instant
    failed: bool
    retry: str


class LinkedIssue(Answered):
    key: str
    url: str | None


class IncidentLinks(Answered):
    workflow: str
    jira: LinkedIssue | None
    review: LinkedIssue | None


class IncidentReview(Answered):
    due: Instant | None
    done: Instant | None


class FollowUpAction(Answered):
    owner: str
    due: Instant | None
    jira: str | None


class IncidentDetails(IncidentHead):
    """An incident, without its timeline."""

    tickets: list[JoinedTicket]  # type: ignore[assignment]  # a number in a list
    degraded: list[DegradedEffect]  # type: ignore[assignment]
    live: bool
    note: str
    workflow_status: str
    pending_activities: list[PendingActivity]
    seq: int
    state_since: Instant
    acknowledged_at: Instant | None
    mitigated_at: Instant | None
    resolved_at: Instant | None
    reviewed_at: Instant | None
    roles: IncidentRoles
    ladder: list[LadderStep]
    pages: list[PageState]
    updates: IncidentUpdates
    pending_effects: Annotated[list[str], Field(description="The effects that are not done yet, by kind.")]
    outstanding: Annotated[list[str], Field(deprecated=True, description="The old name of `pending_effects`.")]
    links: IncidentLinks
    review: IncidentReview
    actions: list[FollowUpAction]
    allowed_commands: Annotated[list[str], Field(description="The commands that are allowed now.")]
    would_fit: Annotated[list[str], Field(deprecated=True, description="The old name of `allowed_commands`.")]


class IncidentEntry(Answered):
    """One event of an incident."""

    seq: int
    type: str
    at: Instant
    detected: Instant
    by: str
    role: Role
    summary: Annotated[str, Field(description="What happened, in words; empty is what nobody needs to read.")]
    told: Annotated[str, Field(deprecated=True, description="The old name of `summary`.")]


class IncidentTimeline(Answered):
    """Part of what happened to an incident."""

    entries: list[IncidentEntry]
    next: Annotated[int | None, Field(description="What to give as `after` for the next page; null: this is the last.")]

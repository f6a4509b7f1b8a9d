"""What comes back from outside, as events of a ticket: effects carried out, and what Jira and incidents say."""

from typing import Literal

from domain.core.values import Frozen, Instant


class EffectDone(Frozen):
    """The outside world did its part."""

    type: Literal["effect_done"] = "effect_done"
    key: str
    jira_key: str | None = None
    jira_url: str | None = None
    incident: int | None = None


class EffectFailed(Frozen):
    """Refused for good; the reasons are for a person, who corrects it and retries."""

    type: Literal["effect_failed"] = "effect_failed"
    key: str


class EffectOverdue(Frozen):
    """F5: outstanding for too long; ops are told."""

    type: Literal["effect_overdue"] = "effect_overdue"
    key: str
    due: Instant


class EffectRetried(Frozen):
    """A person asked for it to be tried again."""

    type: Literal["effect_retried"] = "effect_retried"
    key: str
    kind: Literal["jira_bug", "jira_request", "jira_link"] | None = None
    """It is done another way now: an issue is made instead, or `issue` is linked to. None: as before."""
    issue: str = ""


class JiraChanged(Frozen):
    """The linked issue changed, in engineering's words."""

    type: Literal["jira_changed"] = "jira_changed"
    key: str
    was: str | None = None
    """The key that it had, where it moved to another project."""
    url: str = ""
    """Where a person reads it; empty is where it was."""
    category: Literal["new", "indeterminate", "done", "gone"]
    status: str
    resolution: str | None = None
    assignee: str | None = None
    fix_versions: tuple[str, ...] = ()
    duplicate_of: str | None = None
    version: Instant
    tell: Literal["done", "gone", "reopened"] | None = None
    """What the agent is to hear, where the ticket does not move by it."""


class EngineeringSaid(Frozen):
    """A comment on the issue that engineering marked for support, or what it was changed to."""

    type: Literal["engineering_said"] = "engineering_said"
    key: str
    comment: str
    """Jira's id of it."""
    digest: str
    edited: bool = False


class ToldEngineering(Frozen):
    """Support said something to engineering: it becomes a comment on the issue, without the agent's name."""

    type: Literal["told_engineering"] = "told_engineering"
    key: str


class FixShipped(Frozen):
    """C7: the fix that the customer waits for has shipped, after the ticket ended without it. Once for each issue."""

    type: Literal["fix_shipped"] = "fix_shipped"
    key: str
    fix_versions: tuple[str, ...] = ()


class IncidentChanged(Frozen):
    """The incident that this ticket is part of changed."""

    type: Literal["incident_changed"] = "incident_changed"
    number: int
    state: Literal["declared", "acknowledged", "mitigated", "resolved", "cancelled"]
    version: int
    added: bool = False
    """A person made the ticket part of it."""


class IncidentLeft(Frozen):
    """The ticket was part of the incident by mistake."""

    type: Literal["incident_left"] = "incident_left"
    number: int
    version: int


class UpdateDrafted(Frozen):
    """The incident's commander wrote an update for the customer. It goes out when a person sends it."""

    type: Literal["update_drafted"] = "update_drafted"
    number: int
    update: int

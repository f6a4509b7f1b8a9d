"""What can be asked of a ticket. One definition serves the Updates, the `advance` Signal, the CLI and the API.

The first line of a command's docstring is its description wherever people meet it. Unknown fields are refused by
name: a typing error must not pass for an empty field.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, StringConstraints, ValidationError
from pydantic import Field as Bounded

from domain.calendars.calendar import Calendar
from domain.clocks.terms import Terms
from domain.core.enums import Category, Metric, Priority, Resolution, Role
from domain.core.input_types import Identity, IssueKey, Name, Short, Storable, Text
from domain.core.refusal import Refused
from domain.core.size import check_size
from domain.core.values import Frozen, Instant
from domain.ticket.rules.package import Package
from domain.ticket.state import Account

STAFF = frozenset({Role.AGENT, Role.LEAD, Role.ENGINEER, Role.OPS, Role.ADMIN})
ANYBODY = STAFF | {Role.CUSTOMER, Role.INTEGRATION, Role.SYSTEM, Role.CSM}
LEADS = frozenset({Role.LEAD, Role.OPS, Role.ADMIN})
RATERS = LEADS | {Role.CUSTOMER, Role.INTEGRATION}
"""Who rates a ticket (G9): nobody their own work."""


class Command(Frozen):
    """What every command carries: who, in which role, and when our front door received it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    who: ClassVar[frozenset[Role]] = STAFF
    """The roles that may give it."""

    by: Name = "unknown"
    role: Role = Role.AGENT
    id: Identity | None = None
    """The same id again gets the first answer; after a refusal it is a new try."""
    received: Instant | None = None


class Evidenced(Command):
    """A command about something that may have happened earlier than it arrives (C12)."""

    occurred: Instant | None = None
    source: Short | None = None
    """Where `occurred` comes from: mail, helpdesk and phone are trusted; a lead may attest."""


class Take(Command):
    """Take the ticket. In Tier 1 the first take starts the 15-minute limit."""

    do: Literal["take"] = "take"
    over: bool = False
    """Take it over from whoever holds it."""


class Respond(Evidenced):
    """Write to the customer. The first message of a person meets the first response."""

    do: Literal["respond"] = "respond"
    text: Text = ""


class Note(Command):
    """Leave an internal note. No clock hears of it."""

    do: Literal["note"] = "note"
    text: Text = ""


class Step(Command):
    """Record a troubleshooting step. It fills `steps_taken` for the hand-off."""

    do: Literal["step"] = "step"
    text: Text = ""


class Attach(Command):
    """Attach a log or screenshot by name or link. It fills `logs_or_screenshots` for the hand-off."""

    do: Literal["attach"] = "attach"
    text: Text = ""


class Fill(Command):
    """Fill fields of the hand-off packages, or say why one does not exist."""

    do: Literal["fill"] = "fill"
    fields: Package = Package()


class Wait(Command):
    """Wait on the customer: the question is sent, and the resolution clocks and the Tier 1 limit stop."""

    do: Literal["wait"] = "wait"
    question: Text = ""


class Reply(Evidenced):
    """The customer wrote: waiting ends; a resolved ticket reopens."""

    do: Literal["reply"] = "reply"
    who: ClassVar[frozenset[Role]] = ANYBODY
    text: Text = ""


class Escalate(Command):
    """Hand the ticket up. Names every field of the package that is missing."""

    do: Literal["escalate"] = "escalate"
    to: Literal["T2", "T3"] | None = None
    """The next tier, if not said. Straight from T1 to T3 is for Enterprise, and for P0 and P1 on a paid plan."""
    fields: Package | None = None
    force: bool = False
    """A lead's: Tier 1 to Tier 2 without the package, with a reason."""
    override: bool = False
    """A lead's: take a Free ticket past the community, with a reason."""
    reason: Text = ""
    issue: IssueKey | None = None
    """An open Jira issue that has this problem already: the ticket is linked to it, and no other is made."""


class Return(Command):
    """Hand the ticket back a tier, with the reason. Bounces are counted."""

    do: Literal["return"] = "return"
    reason: Text = ""


class Refer(Command):
    """Refer a Free ticket to the community, with a link. It closes."""

    do: Literal["refer"] = "refer"
    link: Text = ""
    text: Text = ""


class Resolve(Evidenced):
    """Resolve the ticket. Names what the record still needs for this kind of ticket."""

    do: Literal["resolve"] = "resolve"
    resolution: Resolution | None = None
    message: Text = ""
    """What the customer is told."""
    what_was_done: Text = ""
    root_cause: Text = ""
    kb_article: Short = ""
    kb_reason: Text = ""
    """Why there is no article; "gap" opens a draft."""
    identity_check: Text = ""
    parent: Short = ""
    customer_reason: Text = ""
    link: Short = ""
    """The request that a feature request became, where it is not the linked issue."""


class Reopen(Command):
    """Reopen a resolved ticket, with the reason. The resolution clocks resume."""

    do: Literal["reopen"] = "reopen"
    who: ClassVar[frozenset[Role]] = ANYBODY
    reason: Text = ""


class Close(Command):
    """Close a resolved ticket before its quiet period is over."""

    do: Literal["close"] = "close"
    who: ClassVar[frozenset[Role]] = ANYBODY


class Prioritise(Command):
    """Change the priority, with the reason. The clocks follow; nothing becomes due in the past."""

    do: Literal["prioritise"] = "prioritise"
    priority: Priority | None = None
    reason: Text = ""


class Amend(Command):
    """Correct the category, product area, language or tags."""

    do: Literal["amend"] = "amend"
    category: Category | None = None
    product_area: Short | None = None
    language: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*$")] | None = None
    tags: tuple[Short, ...] | None = Bounded(default=None, max_length=50)


class TellEngineering(Command):
    """Say something to engineering: it becomes a comment on the Jira issue, once. Your name stays here."""

    do: Literal["tell_engineering"] = "tell_engineering"
    text: Text = ""


class Waive(Command):
    """Waive a breach of the contract, with the reason. It stays on record."""

    do: Literal["waive"] = "waive"
    who: ClassVar[frozenset[Role]] = LEADS
    metric: Metric | None = None
    reason: Text = ""


class Retry(Command):
    """Try an effect again that the other side refused, after what it named was corrected."""

    do: Literal["retry"] = "retry"
    who: ClassVar[frozenset[Role]] = STAFF
    issue: IssueKey | None = None
    """Link to this Jira issue instead of what was refused."""
    new: bool = False
    """Make a Jira issue of its own, instead of a link that was refused."""


class ReplaceTerms(Command):
    """Give an open ticket new terms: another policy, plan or zone. Audited."""

    do: Literal["replace_terms"] = "replace_terms"
    who: ClassVar[frozenset[Role]] = LEADS | {Role.SYSTEM}
    terms: Terms | None = None
    account: Account | None = None
    reason: Text = ""


class Rate(Command):
    """The customer's satisfaction with the resolution, 1 to 5. Once an hour; the last one counts."""

    do: Literal["rate"] = "rate"
    who: ClassVar[frozenset[Role]] = ANYBODY
    csat: Annotated[int, Bounded(ge=1, le=5)]


class SupportWord(Frozen):
    """A comment that engineering marked for support."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,19}$")]
    text: Text


class IssueUpdate(Command):
    """Jira says: the linked issue changed. Older than what is known is dropped."""

    do: Literal["jira_changed"] = "jira_changed"
    who: ClassVar[frozenset[Role]] = frozenset({Role.INTEGRATION, Role.SYSTEM, Role.OPS, Role.ADMIN})
    key: Short
    was: Short | None = None
    """The key that it had, where it moved to another project."""
    url: Annotated[str, Storable, StringConstraints(max_length=2_000)] = ""
    category: Literal["new", "indeterminate", "done", "gone"]
    """`gone` is deleted, or out of our sight."""
    status: Short = ""
    resolution: Short | None = None
    assignee: Short | None = None
    """Jira's account id of who works on it, and what people there call them."""
    assignee_name: Short = ""
    fix_versions: tuple[Short, ...] = Bounded(default=(), max_length=20)
    duplicate_of: Short | None = None
    version: Instant
    comments: tuple[SupportWord, ...] = Bounded(default=(), max_length=50)
    """What engineering said for support, all that is there: what was heard before is no news."""


class MatchAccount(Command):
    """Tierline itself: nobody knew the ticket's account, and now it is known."""

    do: Literal["match_account"] = "match_account"
    who: ClassVar[frozenset[Role]] = frozenset({Role.SYSTEM, Role.OPS, Role.ADMIN})
    terms: Terms
    account: Account


class IncidentUpdate(Command):
    """The incident says: its state changed. Older than what is known is dropped."""

    do: Literal["incident_changed"] = "incident_changed"
    who: ClassVar[frozenset[Role]] = IssueUpdate.who
    number: Annotated[int, Bounded(ge=1, le=10**9)]
    state: Literal["declared", "acknowledged", "mitigated", "resolved", "cancelled"]
    version: Annotated[int, Bounded(ge=0, le=10**9)]
    comment: Text = ""
    added: bool = False
    """A person added the ticket to the incident: it did not ask."""
    left: Literal["back", "own"] | None = None
    """It was part of it by mistake: it goes back to its agent, or needs an incident of its own."""
    draft: Text = ""
    """An update for the customer, to be sent by a person; or the words that a person has approved."""
    update: int | None = None
    """Which of the incident's updates the draft is."""
    approved_by: Name | None = None
    """Who let the draft go out to the customers."""


class EffectDone(Command):
    """Tierline itself: an effect was carried out."""

    do: Literal["effect_done"] = "effect_done"
    who: ClassVar[frozenset[Role]] = frozenset({Role.SYSTEM})
    key: Short
    jira_key: Short | None = None
    jira_url: Text | None = None
    incident: int | None = None
    calendar: Calendar | None = None


class EffectFailed(Command):
    """Tierline itself: an effect was refused for good."""

    do: Literal["effect_failed"] = "effect_failed"
    who: ClassVar[frozenset[Role]] = frozenset({Role.SYSTEM})
    key: Short
    reason: Text


UPDATES: tuple[type[Command], ...] = (
    Take, Respond, Note, Step, Attach, Fill, Wait, Reply, Escalate, Return, Refer, Resolve, Reopen, Close,
    Prioritise, Amend, TellEngineering, Waive, Retry, ReplaceTerms, Rate,
)  # fmt: skip
"""What people send, each an Update of its own name."""

FACTS: tuple[type[Command], ...] = (IssueUpdate, IncidentUpdate, MatchAccount)
"""What outside systems report, each a Signal of its own name."""

BY_NAME: dict[str, type[Command]] = {kind.model_fields["do"].default: kind for kind in (*UPDATES, *FACTS)}


def parse(
    payload: Any, name: str | None = None, kinds: Mapping[str, type[Command]] = BY_NAME, *, recorded: bool = False
) -> Command:
    """The command in a loose payload, `{"do": "take", "by": "ada"}`. `kinds` are those that there are, by name.

    One that is `recorded` in a workflow's history already may have any size: it was accepted. Raises Refused
    (`too_large`, `unknown_command`, `malformed`) with every field that is wrong, by name.
    """
    if not recorded:
        check_size(payload)
    if not isinstance(payload, dict):
        raise Refused("malformed", f"a command is a JSON object, not {type(payload).__name__}")
    do = name or payload.get("do")
    if not isinstance(do, str) or do not in kinds:
        raise Refused("unknown_command", f"no command {str(do)[:40]!r}", would_fit=list(kinds))
    try:
        return kinds[do].model_validate({**payload, "do": do})
    except ValidationError as error:
        raise malformed(error) from None


def malformed(error: ValidationError, whole: str = "payload") -> Refused:
    """What pydantic found, as a refusal that names each field once. Never repeats the content. `whole` is what was
    looked at."""
    faults: dict[str, str] = {}
    for fault in error.errors(include_input=False, include_url=False, include_context=False):
        place = ".".join(str(part) for part in fault["loc"] if not str(part).startswith(("function-", "tagged-")))
        faults.setdefault(place[:100] or whole, fault["msg"][:200])
    listed = "; ".join(f"{place}: {message}" for place, message in list(faults.items())[:20])
    return Refused("malformed", listed, fields=faults)

"""An incident: one problem, the people who are woken for it, and the tickets that are part of it.

The state that events make, and nothing that it does not need. Free text is not here, but for what tickets have still to
hear: the incident's journal keeps the rest. For the order of reading see `domain.incident.aggregate`.
"""

import zlib
from base64 import b64decode, b64encode
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, SerializerFunctionWrapHandler, TypeAdapter, WrapSerializer

from domain.aggregate.effect import Effect as AnyEffect
from domain.core.enums import Priority
from domain.core.values import Frozen, Instant, stored_as
from domain.incident.terms import IncidentTerms

IncidentState = Literal["declared", "acknowledged", "mitigated", "resolved", "reviewed", "cancelled"]

RESPONDING: tuple[IncidentState, ...] = ("declared", "acknowledged", "mitigated")
"""It is not over."""

EffectKind = Literal[
    "page", "page_elsewhere", "acknowledge_pages", "end_pages", "close", "room", "issue", "issue_note", "review_issue",
    "action_issue", "catch_up",
]  # fmt: skip


class Member(Frozen):
    """A ticket that is part of the incident."""

    ticket: str
    effect_key: str
    """The ticket's effect that joined it: carried out twice, it joins once."""
    at: Instant
    since: Instant
    """When the ticket asked for it."""
    priority: Priority | None = None
    owes: tuple[str, ...] = ()
    """G6: the fields of its packages that are missing still, as the ticket last said."""
    issue_key: Annotated[str | None, stored_as("jira_key")] = None
    """The bug that engineering has of it."""
    version: int = 0
    """The ticket's own sequence when it last said so: what is older is dropped."""
    added: bool = False
    """A person added it: the ticket did not ask, so it must be notified that it is part of this."""
    notified_up_to: Annotated[int, stored_as("told")] = 0
    """The latest version of the incident that this ticket was notified of; 0 is none yet."""


PACKED_FROM = 100
"""So many tickets are written down packed: 2,000 that owe everything take 70 kB then, not 740. Temporal warns of a
payload of 512 kB, and stops a workflow at one of 2 MB: that is never to happen in the middle of a large outage."""
_MANY = TypeAdapter(tuple[Member, ...])


def _pack(tickets: tuple[Member, ...], plain: SerializerFunctionWrapHandler) -> Any:
    if len(tickets) < PACKED_FROM:
        return plain(tickets)
    return b64encode(zlib.compress(_MANY.dump_json(tickets))).decode()


def _unpack(written: Any) -> Any:
    return _MANY.validate_json(zlib.decompress(b64decode(written))) if isinstance(written, str) else written


Tickets = Annotated[tuple[Member, ...], BeforeValidator(_unpack), WrapSerializer(_pack, when_used="json")]


class FormerMember(Frozen):
    """A ticket that was part of the incident by mistake."""

    ticket: str
    effect_key: str
    version: int
    """The version of the incident under which the ticket is notified that it left."""
    own: bool = False
    """It is a problem of its own, and gets an incident of its own."""
    notified: Annotated[bool, stored_as("told")] = False
    """Whether the ticket was notified that it left."""


class Announcement(Frozen):
    """One change of the incident, as its tickets are notified of it. Kept until each of them was."""

    version: int
    at: Instant
    by: str
    state: IncidentState
    priority: Priority
    comment: str = ""
    draft: str = ""
    """A text for the customer, that nobody has approved yet; or the approved one."""
    update: int | None = None
    """Which update of the incident the draft is."""
    approved_by: str | None = None
    """Who let the draft go out to the customers, in whose name it goes."""


class Page(Frozen):
    """One page: a step of the ladder, and what became of it."""

    key: str
    """Of the effect that sends it: `incident-<n>:page:<seq>`."""
    dedup_key: str
    level: int = 1
    round: int = 1
    audience: str = ""
    state: Literal["sending", "accepted", "failed", "elsewhere", "withdrawn"] = "sending"
    """`accepted` by the pager, or `failed` there; `elsewhere` is that the second channel took it; `withdrawn` that
    somebody had the incident before it could be sent."""


class Effect(AnyEffect):
    """Something that the outside world must do for this incident, and has not yet."""

    kind: EffectKind
    page: str | None = None
    """Of a page: the key of what it sends, in `Incident.pages`."""
    text: str = ""
    """What is said in the room or on the issue, until it is said."""
    links: tuple[str, ...] = ()
    """Bugs of tickets that the incident's issue is to be linked to."""
    tickets: tuple[str, ...] = ()
    """Of `catch_up`: those that could not be notified in their turn. When one thing has reached them, they have turns
    again, in which they get the rest."""
    everyone: bool = False
    """The room is called, all who are in it: nobody came whom the ladder woke."""
    last: bool = False
    """The incident is over by it."""


class Update(Frozen):
    """An update that was posted. Its words stand in the journal under `seq`."""

    number: int
    seq: int
    at: Instant
    approved_by: str | None = None
    text: str = ""
    """The words: a ticket that joins gets the latest, and any may still be approved."""


class Action(Frozen):
    """Something that the review found should be done. Its words stand in the journal."""

    seq: int
    owner: str
    due: Instant | None = None
    issue_key: Annotated[str | None, stored_as("jira_key")] = None


class Incident(Frozen):
    """One incident at one moment: the fold of its events. Add-only: new fields have defaults."""

    number: int
    product_area: str = ""
    drill: bool = False
    by_hand: bool = False
    """A person declared it, so only a person says that it was none."""
    terms: IncidentTerms
    seq: int = 0
    as_of: Instant
    """The instant of the latest event: nothing is decided before it."""
    priority: Priority
    state: IncidentState = "declared"
    state_since: Instant
    version: int = 1
    """Counts the changes that tickets are notified of."""
    declared_at: Instant
    acknowledged_at: Instant | None = None
    mitigated_at: Instant | None = None
    resolved_at: Instant | None = None
    reviewed_at: Instant | None = None
    tickets: Tickets = ()
    former_members: Annotated[tuple[FormerMember, ...], stored_as("leavers")] = ()
    announcements: Annotated[tuple[Announcement, ...], stored_as("news")] = ()
    """What not every ticket was notified of yet, in order."""
    commander: str
    communications: str | None = None
    """Who writes to customers; None is the commander."""
    pages: tuple[Page, ...] = ()
    steps_paged: Annotated[int, stored_as("rung")] = 0
    """How many steps of the ladder were paged."""
    next_page: Instant | None = None
    """When the next step is paged, unless somebody acknowledges; None is never."""
    unanswered: bool = False
    """The whole ladder was paged, and nobody came."""
    taken_page: str | None = None
    """The pager's key of the page by which somebody has it; None where nobody has, or said so here."""
    taken_at_pager: Instant | None = None
    """When that page was taken, by the pager's clock."""
    lapsed_at_pager: Instant | None = None
    """When the last acknowledgement that timed out did so, by the pager's clock. One from before it counts no more."""
    updates: tuple[Update, ...] = ()
    """The latest ones."""
    updates_posted: int = 0
    update_due: Instant | None = None
    """When the next update is due, as it is shown to people."""
    update_missed: int = 0
    """How often people were reminded that it is late."""
    update_reminder_at: Annotated[Instant | None, stored_as("update_nag")] = None
    """When they are reminded the next time."""
    review_due: Instant | None = None
    review_reminder_at: Annotated[Instant | None, stored_as("review_nag")] = None
    """When they are reminded of the review the next time."""
    issue_key: Annotated[str | None, stored_as("jira_key")] = None
    issue_url: Annotated[str | None, stored_as("jira_url")] = None
    review_key: str | None = None
    review_url: str | None = None
    actions: tuple[Action, ...] = ()
    pending_effects: Annotated[tuple[Effect, ...], stored_as("undone")] = ()
    """The effects that are not done yet."""

    @property
    def over(self) -> bool:
        """Return whether nobody responds to the incident any more. A review may still be due."""
        return self.state not in RESPONDING

    @property
    def ended(self) -> bool:
        """Return whether nothing more is due from anybody."""
        return self.state in ("reviewed", "cancelled")

    @property
    def degraded(self) -> tuple[Effect, ...]:
        """Return what is failing: shown, with a retry, and never in anybody's way."""
        return tuple(effect for effect in self.pending_effects if effect.failed or effect.alerted)

    @property
    def behind(self) -> frozenset[str]:
        """Return the tickets that could not be notified in their turn. Nobody waits for them."""
        return frozenset(ticket for effect in self.pending_effects for ticket in effect.tickets)

    @property
    def owing(self) -> dict[str, tuple[str, ...]]:
        """Return for each ticket the fields that it still owes (G6)."""
        return {joined.ticket: joined.owes for joined in self.tickets if joined.owes}

    def ticket(self, ticket: str) -> Member | None:
        return next((joined for joined in self.tickets if joined.ticket == ticket), None)


def workflow_id(number: int) -> str:
    """Return the Temporal workflow id of an incident, which is its pages' key as well."""
    return f"incident-{number}"


AREA_PAGE = "area-"
"""How the key of a page begins that a ticket sends without an incident."""


def area_page(product_area: str) -> str:
    """Return the key of a page that tickets of an area send while no incident can be found or opened: one for all of
    them."""
    letters = "".join(char if char.isascii() and char.isalnum() else "-" for char in product_area.lower())
    return f"{AREA_PAGE}{letters[:60] or 'any'}"

"""Questions about many tickets: the queue, and what lists and summaries show."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NamedTuple

from pydantic import Field
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Row,
    ScalarSelect,
    Select,
    Text,
    bindparam,
    cast,
    func,
    select,
    text,
    tuple_,
    union,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import Session

from domain.core.enums import Priority, SlaState, Status, Tier, WaitsOn
from domain.core.ids import spoken
from domain.core.values import Frozen, Instant
from domain.ticket.state import Account
from store.questions import Asked, Question
from store.tables.journal import EventRow, TextRow
from store.tables.tickets import AccountRow, RefusalRow, TicketRow


class Line(Frozen):
    """One ticket in a list. Of the free text, it has the subject only."""

    id: str
    account: str
    plan: str
    status: Status
    tier: Tier
    priority: Priority
    category: str
    assignee: str | None
    team: str | None
    """G10: whose it is to take."""
    account_unknown: bool
    """The account is not known: its plan is assumed."""
    sla_state: SlaState
    sla_deadline: datetime | None
    waits_on: WaitsOn
    waits_since: datetime | None
    opened_at: datetime
    jira_key: str | None
    incident_number: int | None
    subject: str = ""
    """Read where it stands, with the texts of the opening: so erasing a person reaches it. "" where there is none."""


class Behind(NamedTuple):
    """What is stored of a ticket in a list beside its line, for whoever works with the list."""

    seq: int
    """The number of its newest event, for commands that say what their sender saw (G14)."""
    terms: str
    """The digest of its terms."""
    sla_counted: str | None
    sla_left: timedelta | None
    account_zone: str | None


_SUBJECT = (
    select(func.left(TextRow.text, 500))
    .where(TextRow.ticket_id == TicketRow.id, TextRow.seq == 1, TextRow.name == "subject")
    .order_by(TextRow.epoch.desc())
    .limit(1)
    .scalar_subquery()
)
LINE = (
    *(getattr(TicketRow, name) for name in Line.model_fields if name != "subject"),
    func.coalesce(_SUBJECT, "").label("subject"),
)
ACTIVE = ("new", "open", "pending")


class Place(Frozen):
    """Where a line stands in the order of a list, so that the next page begins behind it.

    It comes back from outside, and says of no line what a line cannot be.
    """

    urgency: Annotated[int, Field(ge=0, le=9)] = 0
    sla_deadline: Instant | None = None
    lane: Annotated[int, Field(ge=0, le=9)] = 0
    opened_at: Instant
    id: Annotated[str, Field(pattern=r"^[0-9a-z-]{1,40}$")]


class Page(NamedTuple):
    """Part of a list."""

    lines: list[Line]
    behind: Mapping[str, Behind]
    """By the ticket's id."""
    end: Place | None
    """Where the next page begins; None if this is the last."""


def queue(
    session: Session,
    *,
    tier: Tier | None = None,
    assignee: str | None = None,
    team: str | None = None,
    unassigned: bool = False,
    plans: Collection[str] = (),
    statuses: Collection[str] = ACTIVE,
    waits_on: Collection[str] = (),
    where: ColumnElement[bool] | None = None,
    after: Place | None = None,
    limit: int = 50,
) -> Page:
    """Return what matters next (G10): tickets of open incidents, breached ones, then by effective deadline and plan
    path.

    `plans` picks a lane, `where` is the condition of a view (`store.queue_views`). Where nothing is said of `tier`,
    `assignee`, `team`, `plans` or `waits_on`, all are in it.
    """
    query = _filtered(tier, assignee, team, plans, statuses)
    if unassigned:
        query = query.where(TicketRow.assignee.is_(None))
    if where is not None:
        query = query.where(where)
    if waits_on:
        query = query.where(TicketRow.waits_on.in_([str(one) for one in waits_on]))
    if after:
        query = query.where(_behind(after))
    return page_of(session.execute(in_order(query).limit(limit + 1)), limit)


def in_order(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Return a question for tickets in the order of the queue (G10): a deadline that does not run (NULL) sorts last."""
    order = (TicketRow.urgency, TicketRow.sla_deadline, TicketRow.lane, TicketRow.opened_at, TicketRow.id)
    return query.order_by(*order)


def _behind(place: Place) -> ColumnElement[bool]:
    """Return what follows a line in the order of the queue, where a deadline that does not run is the last."""
    rest = tuple_(TicketRow.lane, TicketRow.opened_at, TicketRow.id) > tuple_(place.lane, place.opened_at, place.id)
    same = TicketRow.urgency == place.urgency
    if place.sla_deadline is None:
        later = same & TicketRow.sla_deadline.is_(None) & rest
    else:
        behind_it = (TicketRow.sla_deadline == place.sla_deadline) & rest
        no_deadline, later_one = TicketRow.sla_deadline.is_(None), TicketRow.sla_deadline > place.sla_deadline
        later = same & (no_deadline | later_one | behind_it)
    return (TicketRow.urgency > place.urgency) | later


def tickets(
    session: Session,
    *,
    tier: Tier | None = None,
    assignee: str | None = None,
    team: str | None = None,
    plans: Collection[str] = (),
    statuses: Collection[str] = (),
    account: str | None = None,
    priority: Priority | None = None,
    words: str = "",
    requester: str | None = None,
    after: Place | None = None,
    limit: int = 200,
) -> Page:
    """Return tickets in the order in which they were opened, the newest first.

    `words` finds tickets by their texts (all of the words, the last one may be the beginning of one), or by what names
    a ticket: its id, what its source calls it, its issue in Jira. `requester`: a customer who spoke in it.
    """
    query = _filtered(tier, assignee, team, plans, statuses)
    if account:
        query = query.where(TicketRow.account == account)
    if priority:
        query = query.where(TicketRow.priority == priority.value)
    if requester:
        spoke = select(EventRow.ticket_id).where(EventRow.actor_id == requester, EventRow.actor_role.in_(_OF_CUSTOMERS))
        query = query.where(TicketRow.id.in_(spoke))
    if words.strip():
        query = query.where(TicketRow.id.in_(_found_by(words)))
    if after:
        same = (TicketRow.opened_at == after.opened_at) & (TicketRow.id > after.id)
        query = query.where((TicketRow.opened_at < after.opened_at) | same)
    query = query.order_by(TicketRow.opened_at.desc(), TicketRow.id).limit(limit + 1)
    return page_of(session.execute(query), limit)


def by_id(session: Session, ids: Collection[str]) -> list[Line]:
    """Return the tickets of these ids, in no order."""
    query = select(*LINE).where(TicketRow.id.in_(ids))
    return [Line.model_validate(row._asdict()) for row in session.execute(query)]


def _found_by(words: str) -> CompoundSelect[str]:
    """Return the tickets that words find. A union, since each part of it has an index of its own."""
    named = (select(TicketRow.id).where(one) for one in _named(words.strip()))
    return union(with_words(words), *named)


_OF_CUSTOMERS = ("customer", "integration")


def with_words(words: str | BindParameter[str]) -> Select[str]:
    """Return the tickets in one of whose texts all of the words stand; the last one may be the beginning of a word, and
    the index reads all that begins with it. The expression is the index's own, `ix_texts_words`."""
    lexemes = cast(func.plainto_tsquery(text("'simple'"), words), Text)
    asked = cast(func.nullif(lexemes, "").concat(":*"), TSQUERY)
    return select(TextRow.ticket_id).where(func.to_tsvector(text("'simple'"), TextRow.text).op("@@")(asked))


def _named(words: str) -> list[ColumnElement[bool]]:
    """Return what names one ticket, or few: each has an index."""
    found = [TicketRow.external_id == words, TicketRow.jira_key == words.upper()]
    try:
        return [*found, TicketRow.id == spoken(words)]
    except ValueError:
        return found


def queue_lines() -> Select[*tuple[Any, ...]]:
    """Return the question for all tickets, each as `page_of` needs it."""
    return select(*LINE, TicketRow.urgency, TicketRow.lane, *(getattr(TicketRow, name) for name in Behind._fields))


def _filtered(
    tier: Tier | None, assignee: str | None, team: str | None, plans: Collection[str], statuses: Collection[str]
) -> Select[*tuple[Any, ...]]:
    query = queue_lines()
    if tier:
        query = query.where(TicketRow.tier == tier.value)
    if assignee:
        query = query.where(TicketRow.assignee == assignee)
    if team:
        query = query.where(TicketRow.team == team)
    if plans:
        query = query.where(TicketRow.plan.in_([str(plan) for plan in plans]))
    if statuses:
        query = query.where(TicketRow.status.in_([str(status) for status in statuses]))
    return query


def page_of(found: Iterable[Row[*tuple[Any, ...]]], limit: int) -> Page:
    """Return part of a list: `limit` tickets of those that a question has found, which finds one more at most, so that
    it is known whether there are more."""
    rows = [row._asdict() for row in found]
    end = Place.model_validate(rows[limit - 1]) if len(rows) > limit else None
    behind = {row["id"]: Behind(*(row[name] for name in Behind._fields)) for row in rows[:limit]}
    return Page([Line.model_validate(row) for row in rows[:limit]], behind, end)


class AccountLine(Frozen):
    """One account in a list, with its open tickets."""

    id: str
    plan: str | None = None
    """None: its plan is known of its tickets only."""
    active_tickets: int


def accounts(session: Session, *, after: str = "", limit: int = 50) -> list[AccountLine]:
    """Return accounts that are known, or that a ticket names, by id, from the one that follows `after`.

    Of the tickets, the index of accounts is read from one account to the next, and never all of it.
    """
    known = select(AccountRow.id).where(AccountRow.id > after).order_by(AccountRow.id).limit(limit).subquery()
    named = union(select(known.c.id), _named_by_tickets(after, limit)).subquery()
    active = (
        select(func.count())
        .select_from(TicketRow)
        .where(TicketRow.account == named.c.id, TicketRow.status.in_(ACTIVE))
        .scalar_subquery()
    )
    query = select(named.c.id, AccountRow.plan, active.label("active_tickets"))
    query = query.outerjoin(AccountRow, AccountRow.id == named.c.id)
    rows = session.execute(query.order_by(named.c.id).limit(limit))
    return [AccountLine.model_validate(row._asdict()) for row in rows]


def _named_by_tickets(after: str, limit: int) -> Select[tuple[str]]:
    """Return the next accounts that tickets name: each is the first one behind the one before it."""

    def first_behind(account: Any) -> ScalarSelect[Any]:
        behind = select(TicketRow.account).where(TicketRow.account > account).order_by(TicketRow.account)
        return behind.limit(1).scalar_subquery()

    steps = select(first_behind(after).label("id")).cte("steps", recursive=True)
    steps = steps.union_all(select(first_behind(steps.c.id)).where(steps.c.id.is_not(None)))
    found = select(steps.c.id).where(steps.c.id.is_not(None)).limit(limit).subquery()
    return select(found.c.id)


def account_of_newest_ticket(session: Session, account_id: str) -> Account | None:
    """Return an account as the newest ticket that names it has it."""
    query = select(TicketRow.state["account"]).where(TicketRow.account == account_id)
    state = session.scalars(query.order_by(TicketRow.opened_at.desc()).limit(1)).first()
    return Account.model_validate(state) if state else None


class Corrections(Frozen):
    """How often a rule of the policy's classification had its say, and how often a person said otherwise."""

    rule: str
    used: int
    corrected: int


def corrections(session: Session, *, since: datetime | None = None) -> list[Corrections]:
    """Return every rule that a ticket was classified by since then, the most often corrected first."""
    known = {"since": since or datetime.min.replace(tzinfo=UTC)}
    used = {row[0]: row[1] for row in session.execute(_RULES_USED, known)}
    wrong = {row[0]: row[1] for row in session.execute(_RULES_OVERRULED, known)}
    found = [Corrections(rule=rule, used=used.get(rule, 0), corrected=wrong.get(rule, 0)) for rule in used | wrong]
    return sorted(found, key=lambda one: (-one.corrected, -one.used, one.rule))


_RULES_USED = text("""
    SELECT reason ->> 'rule', count(DISTINCT ticket_id)
    FROM ticket_events, jsonb_array_elements(body -> 'reasons') AS reason
    WHERE type = 'opened' AND NOT superseded AND at >= :since AND reason ->> 'rule' <> ''
    GROUP BY 1
""")
_RULES_OVERRULED = text("""
    SELECT rule, count(DISTINCT ticket_id)
    FROM ticket_events, jsonb_array_elements_text(body -> 'overruled') AS rule
    WHERE type IN ('amended', 'prioritised') AND NOT superseded AND at >= :since
    GROUP BY 1
""")


class RefusedLate(NamedTuple):
    """A delivery about a ticket that was taken, and refused when it was acted on."""

    at: datetime
    command: str
    code: str
    missing: Sequence[str]


def refused_late(session: Session, ticket_id: str, limit: int) -> list[RefusedLate]:
    """Return the deliveries about a ticket that were taken, and refused when they were acted on, the newest first."""
    return [RefusedLate(*row) for row in _REFUSED_LATE.ask(session, ticket=ticket_id, most=limit)]


def asked_by_refused_late(ticket_id: str, limit: int) -> Asked:
    """Return what `refused_late` asks, to be asked together with other questions."""
    return {_REFUSED_LATE: {"ticket": ticket_id, "most": limit}}


_REFUSED_LATE = Question(
    select(*(getattr(RefusalRow, name) for name in RefusedLate._fields))
    .where(RefusalRow.ticket_id == bindparam("ticket"), RefusalRow.channel == "webhook")
    .order_by(RefusalRow.id.desc())
    .limit(bindparam("most"))
)
"""Made once: every page of a ticket asks it."""


def held(session: Session, person: str, *, besides: str) -> int:
    """Return how many active tickets a person holds, one left out (G17)."""
    mine = (TicketRow.assignee == person) & TicketRow.status.in_(ACTIVE) & (TicketRow.id != besides)
    return session.scalar(select(func.count()).where(mine)) or 0

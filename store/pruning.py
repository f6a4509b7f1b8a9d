"""What has done its part is dropped: deliveries, notices, webhooks out, refusals, tokens, sign-ins, old drafts; and, if
the settings say so, the texts of tickets that were closed long ago. Never the events of the journal.

In small batches, each in a transaction of its own, by an index, and past rows that somebody holds: nobody waits for
it, and any number of processes may do it at once. One that dies has dropped some batches whole.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, or_, select, tuple_, update
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.dml import ReturningDelete, ReturningUpdate

from domain.core.values import Frozen
from store.database import PLAIN, Database
from store.tables.integrations import InboxRow, OutboxRow, SubscriptionRow, TokenRow, TurnedAwayRow, WebhookRow
from store.tables.journal import KeptTextRow, TextRow
from store.tables.knowledge import HelpSessionRow
from store.tables.tickets import RefusalRow, TicketRow
from store.tables.web import DraftRow, PresenceRow, SessionRow, SignInCodeRow

BATCH = 500
"""Rows of one transaction: some milliseconds."""
TEXTS = 20
"""Texts that a ticket counts for in a batch."""
SETTLED = timedelta(hours=1)
"""How long after a delivery was acted on its content stays: the ticket has it by then, and its journal."""
PRESENT = timedelta(hours=1)
"""How long it is kept that somebody had a ticket open: far longer than it counts."""


Returning = ReturningDelete[Any] | ReturningUpdate[Any]


class Keep(Frozen):
    """How long each kind of row is kept after it has done its part."""

    deliveries: timedelta = timedelta(days=14)
    """Their ids: for so long a repeat is known as one. Longer than any sender repeats."""
    notices: timedelta = timedelta(days=90)
    """After they were written, once their ticket is closed."""
    webhooks: timedelta = timedelta(days=30)
    """Events that were sent to subscribers, or given up, or wait for one that is no destination any more."""
    refusals: timedelta = timedelta(days=90)
    tokens: timedelta = timedelta(days=90)
    """After a token was revoked or has expired."""
    drafts: timedelta = timedelta(days=30)
    """After they were last changed."""
    visits: timedelta = timedelta(days=400)
    """Visits of the knowledge base, with what was searched and read: long enough to compare with a year ago."""
    texts: timedelta | None = None
    """What was written in a ticket, after its closing; None: for ever."""


class Pruned(Frozen):
    """How many rows were dropped, and how many emptied."""

    emptied: int = 0
    deliveries: int = 0
    notices: int = 0
    webhooks: int = 0
    refusals: int = 0
    tokens: int = 0
    sign_ins: int = 0
    """Sessions of the pages that are over, and codes that sign in nobody any more."""
    drafts: int = 0
    visits: int = 0
    presence: int = 0
    """Notes that somebody had a ticket open."""
    tickets: int = 0
    """Closed tickets whose texts were dropped."""

    @property
    def total(self) -> int:
        return sum(self.model_dump().values())


def prune(
    db: Database, keep: Keep, now: datetime, *, batch: int = BATCH, stopped: Callable[[], bool] = lambda: False
) -> Pruned:
    """Drop whatever is over by `now`. Returns how much it was. Safe to repeat, and in many processes at once.

    `stopped` is asked between two batches. Raises DatabaseDown; what was dropped until then stays so.
    """
    counts: dict[str, int] = {}
    for name, statement in statements(keep, now, batch):
        while not stopped():
            with db.begin() as session:
                found = len(session.execute(statement, execution_options=PLAIN).all())
            counts[name] = counts.get(name, 0) + found
            if not found:
                break
    return Pruned(**counts)


def statements(keep: Keep, now: datetime, batch: int) -> Iterator[tuple[str, Returning]]:
    """Name each kind, with what drops or empties one batch of it and returns the rows."""
    over = InboxRow.handled_at.is_not(None)
    # What a delivery led to is in the journal; what led to nothing is kept whole, for a person to look at.
    settled = (
        over,
        InboxRow.payload != {},
        InboxRow.error.is_(None),
        InboxRow.handled_at < now - SETTLED,
        or_(InboxRow.ticket_id.is_(None), exists().where(TicketRow.id == InboxRow.ticket_id)),
    )
    rows = _some(InboxRow.id, settled, InboxRow.handled_at, batch)
    yield "emptied", update(InboxRow).where(rows).values(payload={}).returning(InboxRow.id)
    repeated_no_more = (over, InboxRow.handled_at < now - keep.deliveries)
    yield "deliveries", _drop(InboxRow.id, repeated_no_more, InboxRow.handled_at, batch)
    is_open = exists().where(TicketRow.id == OutboxRow.ticket_id, TicketRow.closed_at.is_(None))
    done = (OutboxRow.state.in_(("sent", "failed", "cancelled")), OutboxRow.created_at < now - keep.notices, ~is_open)
    yield "notices", _drop(OutboxRow.id, done, OutboxRow.created_at, batch)
    old = WebhookRow.created_at < now - keep.webhooks
    yield (
        "webhooks",
        _drop(
            WebhookRow.id,
            (WebhookRow.state.in_(("sent", "failed")), old),
            WebhookRow.created_at,
            batch,
        ),
    )
    goes_nowhere = ~exists().where(SubscriptionRow.name == WebhookRow.destination, SubscriptionRow.active)
    yield (
        "webhooks",
        _drop(
            WebhookRow.id,
            (WebhookRow.state == "pending", old, goes_nowhere),
            WebhookRow.created_at,
            batch,
        ),
    )
    yield "refusals", _drop(RefusalRow.id, (RefusalRow.at < now - keep.refusals,), RefusalRow.at, batch)
    counted = (TurnedAwayRow.minute < now - keep.refusals,)
    yield "refusals", _drop(TurnedAwayRow.id, counted, TurnedAwayRow.minute, batch)
    ended = and_(TokenRow.revoked_at.is_not(None), TokenRow.revoked_at < now - keep.tokens)
    spent = (or_(ended, TokenRow.expires_at < now - keep.tokens),)
    yield "tokens", _drop(TokenRow.id, spent, TokenRow.expires_at, batch)
    yield "sign_ins", _drop(SessionRow.id, (SessionRow.expires_at < now,), SessionRow.expires_at, batch)
    useless = (or_(SignInCodeRow.used_at.is_not(None), SignInCodeRow.expires_at < now),)
    yield "sign_ins", _drop(SignInCodeRow.digest, useless, SignInCodeRow.expires_at, batch)
    key = (DraftRow.ticket_id, DraftRow.actor, DraftRow.command)
    old_drafts = select(*key).where(DraftRow.saved_at < now - keep.drafts).order_by(DraftRow.saved_at).limit(batch)
    drafts = old_drafts.with_for_update(skip_locked=True)
    yield "drafts", delete(DraftRow).where(tuple_(*key).in_(drafts)).returning(DraftRow.ticket_id)
    there = (PresenceRow.ticket_id, PresenceRow.actor)
    gone = select(*there).where(PresenceRow.seen_at < now - PRESENT).order_by(PresenceRow.seen_at).limit(batch)
    present = gone.with_for_update(skip_locked=True)
    yield "presence", delete(PresenceRow).where(tuple_(*there).in_(present)).returning(PresenceRow.ticket_id)
    begun = (HelpSessionRow.started_at < now - keep.visits,)
    yield "visits", _drop(HelpSessionRow.id, begun, HelpSessionRow.started_at, batch)
    if keep.texts is not None:
        yield "tickets", _without_texts(now - keep.texts, now, max(1, batch // TEXTS))


def _without_texts(closed_before: datetime, now: datetime, tickets: int) -> Returning:
    """Drop what was written in tickets that were closed by then, and mark each: texts from before do not come back,
    also not from a workflow that is reset (as with `store.erasure`). What is written after that stays."""
    kept_whole = or_(TicketRow.erased_at.is_(None), TicketRow.erased_at < TicketRow.closed_at)
    some = _some(TicketRow.id, (TicketRow.closed_at < closed_before, kept_whole), TicketRow.closed_at, tickets)
    over = select(TicketRow.id).where(some).cte("over")
    marked = update(TicketRow).where(TicketRow.id.in_(select(over.c.id))).values(erased_at=now)
    texts = [
        delete(rows).where(rows.ticket_id.in_(select(over.c.id))).returning(rows.ticket_id).cte(rows.__tablename__)
        for rows in (TextRow, KeptTextRow)
    ]
    return marked.add_cte(*texts).returning(TicketRow.id)


def _drop(
    key: InstrumentedAttribute[int] | InstrumentedAttribute[str] | InstrumentedAttribute[bytes],
    which: Sequence[ColumnElement[bool]],
    oldest: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None],
    batch: int,
) -> ReturningDelete[Any]:
    return delete(key.class_).where(_some(key, which, oldest, batch)).returning(key)


def _some(
    key: InstrumentedAttribute[int] | InstrumentedAttribute[str] | InstrumentedAttribute[bytes],
    which: Sequence[ColumnElement[bool]],
    oldest: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None],
    batch: int,
) -> ColumnElement[bool]:
    """Select one batch of rows, the oldest first, without those that somebody holds."""
    query = select(key).where(*which).order_by(oldest).limit(batch).with_for_update(skip_locked=True, of=key.class_)
    return key.in_(query.scalar_subquery())

"""Erasing a person: the texts of their tickets, what was delivered for them, and their own ids.

The events stay, so the journal adds up: a fold needs to know that a text was there, not what it said, and the digests
that tell a repeat from another past are stored, not computed again.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, String, cast, delete, exists, func, insert, or_, select, text, update
from sqlalchemy.orm import Session

from domain.core.enums import Role
from domain.core.erasure import ERASED
from domain.core.values import Frozen
from domain.ticket.events import Opened, Rated, Reopened, Replied
from domain.ticket.state import workflow_id
from store import account_health, account_notes, help_sessions, renewals
from store.database import PLAIN
from store.tables.integrations import InboxRow, IssueLinkRow, OutboxRow, WebhookRow
from store.tables.journal import ErasureRow, EventRow, KeptTextRow, TextRow
from store.tables.tickets import RefusalRow, TicketRow
from store.tables.web import DraftRow

SPEAKERS = (Role.CUSTOMER.value, Role.INTEGRATION.value)
"""Customers, and the systems that carry their words under their ids."""
SPOKEN = tuple(kind.model_fields["type"].default for kind in (Opened, Replied, Reopened, Rated))
"""The events in which an integration speaks for a customer. In all others it names one of us, or itself."""


class Trace(Frozen):
    """What there is of a person in one ticket."""

    ticket: str
    status: str
    closed_at: datetime | None = None
    texts: int = 0
    deliveries: int = 0
    waiting: int = 0
    """Deliveries that nobody has acted on: they are needed, and erased another time."""
    names: int = 0
    """Places in which a customer's id stands."""
    source: str = ""
    external_id: str = ""
    jira: tuple[str, ...] = ()
    incident: int | None = None
    told: tuple[str, ...] = ()
    """Who was notified of its events by webhook."""

    @property
    def gone(self) -> bool:
        """Return whether nothing is left to erase."""
        return not (self.texts or self.deliveries or self.names)


def of_account(session: Session, account: str) -> Sequence[str]:
    """Return the tickets of an account, oldest first."""
    query = select(TicketRow.id).where(TicketRow.account == account)
    return session.scalars(query.order_by(TicketRow.opened_at, TicketRow.id)).all()


def of_requester(session: Session, requester: str) -> Sequence[str]:
    """Return the tickets in which somebody spoke as a customer, oldest first. It reads the whole journal."""
    take_your_time(session)
    spoke = select(EventRow.ticket_id).where(EventRow.actor_id == requester, _SPOKE)
    query = select(TicketRow.id).where(TicketRow.id.in_(spoke))
    return session.scalars(query.order_by(TicketRow.opened_at, TicketRow.id)).all()


def trace(session: Session, ticket_id: str) -> Trace | None:
    """Return what there is of a person in a ticket; None if there is no such ticket."""
    row = session.get(TicketRow, ticket_id)
    if row is None:
        return None

    def count(*which: ColumnElement[bool]) -> int:
        return session.scalar(select(func.count()).where(*which)) or 0

    jira = select(IssueLinkRow.jira_key).where(
        IssueLinkRow.owner == workflow_id(ticket_id), IssueLinkRow.jira_key.is_not(None)
    )
    destinations = select(WebhookRow.destination).where(WebhookRow.ticket_id == ticket_id, WebhookRow.state == "sent")
    return Trace(
        ticket=ticket_id,
        status=row.status,
        closed_at=row.closed_at,
        texts=count(TextRow.ticket_id == ticket_id)
        + count(KeptTextRow.ticket_id == ticket_id)
        + count(DraftRow.ticket_id == ticket_id, DraftRow.fields != {}),
        deliveries=count(*_deliveries(ticket_id)),
        waiting=count(
            InboxRow.ticket_id == ticket_id,
            InboxRow.handled_at.is_(None),
            InboxRow.stopped_at.is_(None),
            InboxRow.payload != {},
        ),
        names=count(*_spoken(ticket_id)) + count(*_refused(ticket_id)),
        source=row.source,
        external_id=row.external_id,
        jira=tuple(sorted({key for key in session.scalars(jira) if key})),
        incident=row.incident_number,
        told=tuple(sorted(set(session.scalars(destinations)))),
    )


def erase(session: Session, ticket_id: str, *, at: datetime, actor: str, reason: str, scope: str) -> Trace | None:
    """Erase the person from a ticket, and record that it was done; in the caller's transaction, so all or nothing.

    Returns what there was. Where nothing was left, nothing is recorded: to erase twice is to erase once.
    """
    session.execute(select(TicketRow.id).where(TicketRow.id == ticket_id).with_for_update())
    found = trace(session, ticket_id)
    if found is None:
        return None
    # Also where nothing is left: something may be on its way to the journal.
    session.execute(update(TicketRow).where(TicketRow.id == ticket_id).values(erased_at=at), execution_options=PLAIN)
    if found.gone:
        return found
    session.execute(delete(TextRow).where(TextRow.ticket_id == ticket_id), execution_options=PLAIN)
    session.execute(delete(KeptTextRow).where(KeptTextRow.ticket_id == ticket_id), execution_options=PLAIN)
    session.execute(delete(DraftRow).where(DraftRow.ticket_id == ticket_id), execution_options=PLAIN)
    help_sessions.forget(session, ticket_id)
    for statement in (
        update(InboxRow).where(*_deliveries(ticket_id)).values(payload={}, error=None),
        update(EventRow).where(*_spoken(ticket_id)).values(actor_id=ERASED),
        update(RefusalRow).where(*_refused(ticket_id)).values(actor_id=ERASED),
        # What another system answered may quote what it was sent.
        update(IssueLinkRow).where(IssueLinkRow.owner == workflow_id(ticket_id)).values(error=None),
        update(WebhookRow).where(WebhookRow.ticket_id == ticket_id).values(last_error=None),
        update(OutboxRow).where(OutboxRow.ticket_id == ticket_id).values(last_error=None),
    ):
        session.execute(statement, execution_options=PLAIN)
    _record(session, found, at=at, actor=actor, reason=reason, scope=scope, ticket_id=ticket_id)
    return found


def count_unlinked(session: Session, requester: str) -> int:
    """Return how many deliveries and refusals name a requester, and belong to no ticket."""
    take_your_time(session)
    return sum(
        session.scalar(select(func.count()).where(*which)) or 0
        for which in (_deliveries_of(requester), _refusals_of(requester))
    )


def erase_unlinked(session: Session, requester: str, *, at: datetime, actor: str, reason: str) -> int:
    """Erase what names a requester and belongs to no ticket. Returns how much that was."""
    take_your_time(session)
    found = Trace(
        ticket="",
        status="",
        deliveries=session.scalar(select(func.count()).where(*_deliveries_of(requester))) or 0,
        names=session.scalar(select(func.count()).where(*_refusals_of(requester))) or 0,
    )
    if not found.gone:
        emptied = update(InboxRow).where(*_deliveries_of(requester)).values(payload={}, error=None)
        session.execute(emptied, execution_options=PLAIN)
        for row in session.scalars(select(RefusalRow).where(*_refusals_of(requester))):
            # Who of ours typed it stays: they answer for what they did.
            if row.actor_id == requester and row.role in (*SPEAKERS, ""):
                row.actor_id = ERASED
            row.command = row.command.replace(requester, ERASED)
            row.ticket_id = row.ticket_id and row.ticket_id.replace(requester, ERASED)
            row.missing = [name.replace(requester, ERASED) for name in row.missing]
        session.flush()
        _record(session, found, at=at, actor=actor, reason=reason, scope="requester", ticket_id=None)
    return found.deliveries + found.names


def erase_notes(session: Session, account: str, *, at: datetime, actor: str, reason: str) -> int:
    """Erase the notes about an account, and what was said of its health and its renewals, which belong to no ticket.
    Returns how many there were."""
    notes = account_notes.erase(session, account) + account_health.erase(session, account)
    notes += renewals.erase(session, account)
    if notes:
        found = Trace(ticket="", status="", texts=notes)
        _record(session, found, at=at, actor=actor, reason=reason, scope="account", ticket_id=None)
    return notes


def take_your_time(session: Session) -> None:
    """Allow a statement that reads a whole table more time than one that somebody waits for."""
    session.execute(text("SET LOCAL statement_timeout = 0"))


def _record(
    session: Session, found: Trace, *, at: datetime, actor: str, reason: str, scope: str, ticket_id: str | None
) -> None:
    row = {"at": at, "actor": actor, "reason": reason, "scope": scope, "ticket_id": ticket_id}
    counts = {"texts": found.texts, "deliveries": found.deliveries, "names": found.names}
    session.execute(insert(ErasureRow), [row | counts])


_OVER = InboxRow.handled_at.is_not(None) | InboxRow.stopped_at.is_not(None)
"""Deliveries that nobody acts on any more by themselves."""


def _deliveries(ticket_id: str) -> Sequence[ColumnElement[bool]]:
    return (
        InboxRow.ticket_id == ticket_id,
        _OVER,
        or_(InboxRow.payload != {}, InboxRow.error.is_not(None)),
    )


_SPOKE = or_(
    EventRow.actor_role == Role.CUSTOMER.value,
    (EventRow.actor_role == Role.INTEGRATION.value) & EventRow.type.in_(SPOKEN),
)


def _customers(ticket_id: str) -> Select[str]:
    """Return the ids under which customers spoke in a ticket."""
    return select(EventRow.actor_id).where(EventRow.ticket_id == ticket_id, EventRow.actor_id != ERASED, _SPOKE)


def _spoken(ticket_id: str) -> Sequence[ColumnElement[bool]]:
    """Return everything that a customer did, and what followed from it: waiting ended, a ticket escalated."""
    mine = (EventRow.ticket_id == ticket_id, EventRow.actor_role.in_(SPEAKERS))
    return *mine, EventRow.actor_id.in_(_customers(ticket_id).scalar_subquery())


def _refused(ticket_id: str) -> Sequence[ColumnElement[bool]]:
    return RefusalRow.ticket_id == ticket_id, RefusalRow.role.in_(SPEAKERS), RefusalRow.actor_id != ERASED


def _deliveries_of(requester: str) -> Sequence[ColumnElement[bool]]:
    """Return the conditions for deliveries that led to no ticket, or that were meant for one that never was."""
    named = func.strpos(cast(InboxRow.payload, String), requester) > 0
    no_ticket = ~exists().where(TicketRow.id == InboxRow.ticket_id)
    return no_ticket, _OVER, named


def _refusals_of(requester: str) -> Sequence[ColumnElement[bool]]:
    """Return the conditions for refusals that name a requester: as who asked, or in what somebody typed as an address,
    a command or a field."""
    asked = (RefusalRow.actor_id == requester) & RefusalRow.role.in_((*SPEAKERS, ""))
    typed = func.concat_ws(" ", RefusalRow.command, RefusalRow.ticket_id, cast(RefusalRow.missing, String))
    return (or_(asked, func.strpos(typed, requester) > 0),)

"""Drafts of knowledge base articles, opened by a resolution that found a gap (G9), or for a search in vain."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.ticket.events import Event
from domain.ticket.state import Ticket
from store.questions import Asked, Question
from store.tables.tickets import KbArticleRow


def draft(session: Session, ticket: Ticket, event: Event) -> None:
    """Open a draft for the gap that `event` showed; once, however often it is asked for."""
    row = {
        "state": "draft",
        "ticket_id": ticket.id,
        "event_seq": event.seq,
        "product_area": ticket.product_area,
        "title": f"Gap shown by ticket {ticket.id}",
        "created_at": event.at,
    }
    session.execute(insert(KbArticleRow).values(row).on_conflict_do_nothing())


class Gap(NamedTuple):
    """A gap of the knowledge base that a ticket showed, and that no article fills yet."""

    ticket: str
    since: datetime


def gaps(session: Session, product_area: str, *, besides: str, limit: int) -> list[Gap]:
    """Return the known gaps of an area of the product, the newest first, without those of one ticket."""
    rows = _GAPS.ask(session, area=product_area, besides=besides, most=limit)
    return [Gap(ticket, since) for ticket, since in rows if ticket]


def asked_by_gaps(product_area: str, *, besides: str, limit: int) -> Asked:
    """Return what `gaps` asks, to be asked together with other questions."""
    return {_GAPS: {"area": product_area, "besides": besides, "most": limit}}


_GAPS = Question(
    select(KbArticleRow.ticket_id, KbArticleRow.created_at)
    .where(KbArticleRow.product_area == bindparam("area"), KbArticleRow.state == "draft")
    .where(KbArticleRow.ticket_id.is_not(None), KbArticleRow.ticket_id != bindparam("besides"))
    .order_by(KbArticleRow.created_at.desc())
    .limit(bindparam("most"))
)
"""Made once: every page of a ticket asks it."""


def forget_drafts(session: Session, ticket_id: str, seq: int) -> None:
    """Delete the drafts of superseded events, those from `seq` on, that nobody took up."""
    untouched = (KbArticleRow.state == "draft", KbArticleRow.revision == 0)
    caused = (KbArticleRow.ticket_id == ticket_id, KbArticleRow.event_seq >= seq, *untouched)
    session.execute(delete(KbArticleRow).where(*caused), execution_options={"synchronize_session": False})


# -- Finishing them -------------------------------------------------------------------------------------------

Outcome = Literal["done", "gone", "changed"]


class Draft(NamedTuple):
    """A draft in a list."""

    id: int
    state: str
    title: str
    product_area: str
    ticket: str | None
    query: str | None
    """What was searched for in vain."""
    slug: str
    revision: int
    """0: nobody has written into it."""
    changed_by: str | None
    created_at: datetime


def draft_of(row: KbArticleRow) -> Draft:
    """Return a draft as lists have it."""
    return Draft(
        row.id, row.state, row.title, row.product_area, row.ticket_id, row.query, row.slug, row.revision,
        row.changed_by, row.created_at,
    )  # fmt: skip


def drafts(session: Session, *, limit: int) -> list[Draft]:
    """Return the drafts that nobody has finished, the newest first."""
    query = select(KbArticleRow).where(KbArticleRow.state == "draft")
    rows = session.scalars(query.order_by(KbArticleRow.created_at.desc(), KbArticleRow.id.desc()).limit(limit))
    return [draft_of(row) for row in rows]


def find(session: Session, number: int) -> KbArticleRow | None:
    """Return a draft, finished or not."""
    return session.get(KbArticleRow, number)


def draft_of_search(session: Session, query: str, now: datetime) -> int:
    """Open a draft for what was searched for in vain; once, however often it is asked for. Returns its number."""
    title = f"Searched for in vain: {query}"
    row = {"state": "draft", "product_area": "", "title": title, "query": query, "created_at": now}
    session.execute(insert(KbArticleRow).values(row).on_conflict_do_nothing())
    return session.scalars(select(KbArticleRow.id).where(KbArticleRow.query == query)).one()


def change(session: Session, number: int, revision: int, slug: str, body: str, by: str, now: datetime) -> Outcome:
    """Keep what somebody has written into a draft whose revision they saw."""
    return _change(session, number, revision, {"slug": slug, "body": body, "changed_by": by, "changed_at": now})


def retire(session: Session, number: int, revision: int, by: str, now: datetime) -> Outcome:
    """Give up a draft whose revision somebody saw."""
    return _change(session, number, revision, {"state": "retired", "changed_by": by, "changed_at": now})


def _change(session: Session, number: int, revision: int, values: dict[str, object]) -> Outcome:
    row = session.get(KbArticleRow, number, with_for_update=True)
    if row is None or row.state != "draft":
        return "gone"
    if row.revision != revision:
        return "changed"
    for name, value in (values | {"revision": revision + 1}).items():
        setattr(row, name, value)
    return "done"


def publish(session: Session, numbers: Sequence[int]) -> None:
    """Note that files which finish these drafts were imported."""
    finished = update(KbArticleRow).where(KbArticleRow.id.in_(numbers), KbArticleRow.state == "draft")
    session.execute(finished.values(state="published"), execution_options={"synchronize_session": False})

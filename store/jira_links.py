"""Jira links: the intent to make an issue, written before the POST, and what became of it.

Jira has no idempotency key. So an attempt that does not know its outcome, or was abandoned and may still be running,
leaves a row that says so: the next attempt looks for the issue by its label, and posts again only when it may.
"""

from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import ColumnElement, Select, delete, or_, select, update
from sqlalchemy.orm import Session

from domain.base import Frozen, Instant
from store.database import lock
from store.models import JiraLinkRow

GRACE = timedelta(minutes=3)
"""How long after a POST its issue may still turn up: the attempt may be running on, and Jira's search lags."""


class Intent(Frozen):
    """How an attempt stands to its issue.

    `new`: nothing was sent yet, post now. `in_doubt`: an earlier attempt may have made it, look by the label.
    `linked`: it is there, as `jira_key`.
    """

    state: Literal["new", "in_doubt", "linked"]
    attempt: int
    """How many may have been sent, this one included if it is new."""
    jira_key: str | None = None
    jira_url: str | None = None


class Link(Frozen):
    """A ticket, and an issue that carries its problem."""

    effect_key: str
    ticket_id: str
    jira_key: str
    category: str
    last_version: Instant | None = None
    """The issue's own time of change, as far as tickets were told; None before the first time."""


def begin(
    session: Session,
    effect_key: str,
    *,
    ticket_id: str,
    seq: int,
    kind: str,
    label: str,
    now: datetime,
    grace: timedelta = GRACE,
) -> Intent:
    """Declare the intent. To be committed before anything is posted.

    A refusal says that nothing was made: an effect that Jira refused at once, and a person retries, is new again.
    """
    lock(session, "jira", effect_key)
    row = session.scalars(select(JiraLinkRow).where(JiraLinkRow.effect_key == effect_key)).one_or_none()
    state: Literal["new", "in_doubt", "linked"] = "new"
    if row is None:
        row = JiraLinkRow(effect_key=effect_key, ticket_id=ticket_id, seq=seq, kind=kind, label=label, attempt=1)
        session.add(row)
    elif row.phase != "refused":
        state = "linked" if row.phase == "linked" else "in_doubt"
    elif row.attempt > 1:  # the last attempt made nothing, but nobody knows of the first
        row.phase, row.error, row.lease_until, state = "posting", None, now, "in_doubt"
    if state == "new":
        row.phase, row.error, row.lease_until, row.first_post_at = "posting", None, now + grace, now
    session.flush()
    return Intent(state=state, attempt=row.attempt, jira_key=row.jira_key, jira_url=row.jira_url)


def post_again(session: Session, effect_key: str, intent: Intent, now: datetime, grace: timedelta = GRACE) -> bool:
    """Take the right to post once more, after the issue was looked for and not found. To be committed before it.

    False while the issue of an earlier attempt may still turn up, and to all but one of those who ask at once.
    """
    taken = (
        update(JiraLinkRow)
        .where(*_posting(effect_key, intent.attempt), JiraLinkRow.lease_until <= now)
        .values(attempt=intent.attempt + 1, lease_until=now + grace)
        .returning(JiraLinkRow.attempt)
    )
    return session.scalars(taken, execution_options=_PLAIN).one_or_none() is not None


def not_sent(session: Session, effect_key: str, attempt: int) -> None:
    """This attempt is known to have made nothing (no connection, too many calls): the next need not wait for it.

    If it was the only one, the intent is taken back; else an earlier one may have made the issue, and it is looked for.
    """
    mine = _posting(effect_key, attempt)
    if attempt == 1:
        session.execute(delete(JiraLinkRow).where(*mine), execution_options=_PLAIN)
    else:
        over = update(JiraLinkRow).where(*mine).values(lease_until=JiraLinkRow.first_post_at)
        session.execute(over, execution_options=_PLAIN)


def linked(session: Session, effect_key: str, jira_key: str, jira_url: str) -> tuple[str, str]:
    """The issue is there. Returns the key and address that count: of two attempts that both bring one, the first's."""
    there = {"phase": "linked", "jira_key": jira_key, "jira_url": jira_url, "category": "new", "error": None}
    unlinked = (JiraLinkRow.effect_key == effect_key, JiraLinkRow.phase != "linked")
    session.execute(update(JiraLinkRow).where(*unlinked).values(there), execution_options=_PLAIN)
    query = select(JiraLinkRow.jira_key, JiraLinkRow.jira_url).where(JiraLinkRow.effect_key == effect_key)
    row = session.execute(query).one()
    return row.jira_key or jira_key, row.jira_url or jira_url


def refused(session: Session, effect_key: str, error: str) -> None:
    """Jira refused for good: nothing was made, and a person must act."""
    values = {"phase": "refused", "error": error[:1000]}
    session.execute(update(JiraLinkRow).where(*_posting(effect_key)).values(values), execution_options=_PLAIN)


def open_links(session: Session, limit: int = 1000) -> list[Link]:
    """The links to issues that are not done, closed tickets' too: their customers hear when the fix ships (C7)."""
    return _links(session, _LINKED.where(JiraLinkRow.category != "done").limit(limit))


def links_to(session: Session, jira_key: str) -> list[Link]:
    """The tickets that an issue concerns, whatever became of it."""
    return _links(session, _LINKED.where(JiraLinkRow.jira_key == jira_key))


def seen(session: Session, jira_key: str, version: datetime, category: str) -> bool:
    """Every ticket of the issue has been told of its state as of its own time of change, `version`.

    False if that version, or a later one, was known.
    """
    older = or_(JiraLinkRow.last_version.is_(None), JiraLinkRow.last_version < version)
    news = update(JiraLinkRow).where(JiraLinkRow.jira_key == jira_key, JiraLinkRow.phase == "linked", older)
    changed = news.values(last_version=version, category=category).returning(JiraLinkRow.effect_key)
    return bool(session.execute(changed, execution_options=_PLAIN).all())


_LINKED = select(JiraLinkRow).where(JiraLinkRow.phase == "linked").order_by(JiraLinkRow.effect_key)
_PLAIN = {"synchronize_session": False}


def _links(session: Session, query: Select[JiraLinkRow]) -> list[Link]:
    rows = session.scalars(query.execution_options(populate_existing=True))
    return [Link.model_validate({name: getattr(row, name) for name in Link.model_fields}) for row in rows]


def _posting(effect_key: str, attempt: int | None = None) -> tuple[ColumnElement[bool], ...]:
    posting = (JiraLinkRow.effect_key == effect_key, JiraLinkRow.phase == "posting")
    return posting if attempt is None else (*posting, JiraLinkRow.attempt == attempt)

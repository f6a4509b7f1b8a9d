"""Jira links: the intent to make an issue, written before the POST, and what became of it.

Jira has no idempotency key. So an attempt that does not know its outcome, or was abandoned and may still be running,
leaves a row that says so: the next attempt looks for the issue by its label, and posts again only when it may.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Row, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.base import Frozen, Instant
from store.models import JiraLinkRow

LEASE = timedelta(seconds=60)
"""How long an attempt may still be running after it began: its activity's start_to_close."""


class Intent(Frozen):
    """How an attempt stands to its issue."""

    state: Literal["new", "in_doubt", "linked"]
    """`new`: nothing was sent yet, post now. `in_doubt`: an earlier attempt may have made it, look by the label.
    `linked`: it is there."""
    attempt: int
    lease_until: Instant
    """In doubt: until then the earlier attempt may still be running; nobody posts before."""
    first_post_at: Instant
    jira_key: str | None = None
    jira_url: str | None = None


class Link(Frozen):
    """An issue that carries a ticket's problem."""

    effect_key: str
    ticket_id: str
    kind: str
    jira_key: str
    category: str
    last_version: Instant | None = None


def begin(
    session: Session,
    effect_key: str,
    *,
    ticket_id: str,
    seq: int,
    kind: str,
    label: str,
    now: datetime,
    lease: timedelta = LEASE,
) -> Intent:
    """Declare the intent. To be committed before anything is posted.

    An effect that Jira refused, and a person retries, is new again: a refusal says that nothing was made.
    """
    row = {
        "effect_key": effect_key,
        "ticket_id": ticket_id,
        "seq": seq,
        "kind": kind,
        "label": label,
        "phase": "posting",
        "attempt": 1,
        "lease_until": now + lease,
        "first_post_at": now,
    }
    again = {
        "phase": "posting",
        "attempt": JiraLinkRow.attempt + 1,
        "lease_until": now + lease,
        "first_post_at": now,
        "error": None,
    }
    intended = (
        insert(JiraLinkRow)
        .values(row)
        .on_conflict_do_update(index_elements=["effect_key"], set_=again, where=JiraLinkRow.phase == "refused")
        .returning(JiraLinkRow.attempt)
    )
    attempt = session.scalars(intended).one_or_none()
    if attempt is not None:
        return Intent(state="new", attempt=attempt, lease_until=now + lease, first_post_at=now)
    there = session.scalars(select(JiraLinkRow).where(JiraLinkRow.effect_key == effect_key)).one()
    return Intent(
        state="linked" if there.phase == "linked" else "in_doubt",
        attempt=there.attempt,
        lease_until=there.lease_until,
        first_post_at=there.first_post_at,
        jira_key=there.jira_key,
        jira_url=there.jira_url,
    )


def post_again(session: Session, effect_key: str, intent: Intent, now: datetime, lease: timedelta = LEASE) -> bool:
    """Take the right to post once more, after the issue was looked for and not found. To be committed before it.

    False while the earlier attempt may still be running, and to all but one of those who ask at once.
    """
    taken = (
        update(JiraLinkRow)
        .where(
            JiraLinkRow.effect_key == effect_key,
            JiraLinkRow.phase == "posting",
            JiraLinkRow.attempt == intent.attempt,
            JiraLinkRow.lease_until <= now,
        )
        .values(attempt=intent.attempt + 1, lease_until=now + lease)
        .returning(JiraLinkRow.attempt)
    )
    return session.scalars(taken).one_or_none() is not None


def not_sent(session: Session, effect_key: str, attempt: int) -> None:
    """This attempt is known to have made nothing (no connection, too many calls): the intent is taken back.

    Only for the first attempt; after it an earlier one may still have made the issue, and the doubt stays.
    """
    mine = (JiraLinkRow.effect_key == effect_key, JiraLinkRow.phase == "posting", JiraLinkRow.attempt == attempt)
    if attempt == 1:
        session.execute(delete(JiraLinkRow).where(*mine))
    else:
        session.execute(update(JiraLinkRow).where(*mine).values(lease_until=JiraLinkRow.first_post_at))


def linked(session: Session, effect_key: str, jira_key: str, jira_url: str) -> tuple[str, str]:
    """The issue is there. Returns the key and address that count: of two attempts that both found one, the first's."""
    there = {"phase": "linked", "jira_key": jira_key, "jira_url": jira_url, "category": "new", "error": None}
    unlinked = (JiraLinkRow.effect_key == effect_key, JiraLinkRow.phase != "linked")
    session.execute(update(JiraLinkRow).where(*unlinked).values(there))
    query = select(JiraLinkRow.jira_key, JiraLinkRow.jira_url).where(JiraLinkRow.effect_key == effect_key)
    row = session.execute(query).one()
    return row.jira_key, row.jira_url


def refused(session: Session, effect_key: str, error: str) -> None:
    """Jira refused for good: nothing was made, and a person must act."""
    unlinked = (JiraLinkRow.effect_key == effect_key, JiraLinkRow.phase == "posting")
    session.execute(update(JiraLinkRow).where(*unlinked).values(phase="refused", error=error[:1000]))


def open_links(session: Session, limit: int = 1000) -> list[Link]:
    """The links to issues that are not done, to be looked after by the sweep."""
    query = select(*_LINK).where(JiraLinkRow.phase == "linked", JiraLinkRow.category != "done")
    return [_link(row) for row in session.execute(query.order_by(JiraLinkRow.effect_key).limit(limit))]


def links_to(session: Session, jira_key: str) -> list[Link]:
    """Every ticket's link to one issue: whom a webhook of it concerns."""
    query = select(*_LINK).where(JiraLinkRow.jira_key == jira_key, JiraLinkRow.phase == "linked")
    return [_link(row) for row in session.execute(query.order_by(JiraLinkRow.effect_key))]


def seen(session: Session, jira_key: str, version: datetime, category: str) -> bool:
    """Note the issue's state as of its own time of change. False if that, or a later one, was known."""
    older = (JiraLinkRow.last_version.is_(None)) | (JiraLinkRow.last_version < version)
    news = update(JiraLinkRow).where(JiraLinkRow.jira_key == jira_key, JiraLinkRow.phase == "linked", older)
    changed = session.execute(
        news.values(last_version=version, category=category).returning(JiraLinkRow.effect_key)
    ).all()
    return bool(changed)


_LINK = (
    JiraLinkRow.effect_key, JiraLinkRow.ticket_id, JiraLinkRow.kind, JiraLinkRow.jira_key, JiraLinkRow.category,
    JiraLinkRow.last_version,
)  # fmt: skip


def _link(row: Row[tuple[str, str, str, str | None, str | None, datetime | None]]) -> Link:
    return Link.model_validate(row._asdict())

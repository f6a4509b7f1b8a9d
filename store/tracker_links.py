"""Jira links: the intent to make an issue, or to say something on one, written before the POST, and what became of it.

Jira has no idempotency key. So an attempt that does not know its outcome, or was abandoned and may still be running,
leaves a row that says so: the next attempt looks for what it made by its label, and posts again only when it may.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Literal, Protocol

from sqlalchemy import ColumnElement, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from domain.core.values import Frozen
from store.database import PLAIN, lock
from store.questions import Question
from store.tables.integrations import IssueLinkRow

TWINS_AFTER = timedelta(minutes=15)
"""How long after an outcome that was in doubt to look for a second issue: by then search knows them all."""
GRACE = timedelta(minutes=3)
"""How long after a POST its issue may still turn up: the attempt may be running on, and Jira's search lags."""


class Issue(Protocol):
    """Return where an issue is found."""

    @property
    def key(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def url(self) -> str: ...


class Intent(Frozen):
    """How an attempt stands to its issue.

    `new`: nothing was sent yet, post now. `in_doubt`: an earlier attempt may have made it, look by the label.
    `linked`: it is there, an issue as `jira_key`.
    """

    state: Literal["new", "in_doubt", "linked"]
    attempt: int
    """How many may have been sent, this one included if it is new."""
    jira_key: str | None = None
    jira_url: str | None = None


def begin(
    session: Session,
    effect_key: str,
    *,
    owner: str,
    seq: int,
    kind: str,
    label: str,
    fingerprint: str | None = None,
    now: datetime,
    grace: timedelta = GRACE,
) -> Intent:
    """Declare the intent. To be committed before anything is posted.

    A refusal says that nothing was made: an effect that Jira refused at once, and a person retries, is new again.
    """
    lock(session, "jira", effect_key)
    row = session.scalars(select(IssueLinkRow).where(IssueLinkRow.effect_key == effect_key)).one_or_none()
    state: Literal["new", "in_doubt", "linked"] = "new"
    if row is None:
        row = IssueLinkRow(effect_key=effect_key, owner=owner, seq=seq, kind=kind, label=label, attempt=1)
        session.add(row)
    elif row.phase != "refused":
        state = "linked" if row.phase == "linked" else "in_doubt"
    elif row.attempt > 1:  # the last attempt made nothing, but nobody knows of the first
        row.phase, row.error, row.lease_until, state = "posting", None, now, "in_doubt"
    row.fingerprint = fingerprint
    if state == "new":
        row.phase, row.error, row.lease_until, row.first_post_at = "posting", None, now + grace, now
    session.flush()
    return Intent(state=state, attempt=row.attempt, jira_key=row.jira_key, jira_url=row.jira_url)


def post_again(session: Session, effect_key: str, intent: Intent, now: datetime, grace: timedelta = GRACE) -> bool:
    """Take the right to post once more, after the issue was looked for and not found. To be committed before it.

    False while the issue of an earlier attempt may still turn up, and to all but one of those who ask at once.
    """
    taken = (
        update(IssueLinkRow)
        .where(*_posting(effect_key, intent.attempt), IssueLinkRow.lease_until <= now)
        .values(attempt=intent.attempt + 1, lease_until=now + grace)
        .returning(IssueLinkRow.attempt)
    )
    return session.scalars(taken, execution_options=PLAIN).one_or_none() is not None


def not_sent(session: Session, effect_key: str, attempt: int) -> None:
    """Note that this attempt made nothing (no connection, too many calls): the next need not wait for it.

    If it was the only one, the intent is taken back; else an earlier one may have made the issue, and it is looked for.
    """
    mine = _posting(effect_key, attempt)
    if attempt == 1:
        session.execute(delete(IssueLinkRow).where(*mine), execution_options=PLAIN)
    else:
        over = update(IssueLinkRow).where(*mine).values(lease_until=IssueLinkRow.first_post_at)
        session.execute(over, execution_options=PLAIN)


def linked(session: Session, effect_key: str, issue: Issue, *, doubt: bool, now: datetime) -> tuple[str, str]:
    """Note that the issue is there. Return the key and address that count: of two attempts that both bring one, the
    first's.

    `doubt`: another attempt may have made one too, which is looked for later. Two that were brought leave none.
    """
    unlinked = (IssueLinkRow.effect_key == effect_key, IssueLinkRow.phase != "linked")
    session.execute(update(IssueLinkRow).where(*unlinked).values(_there(issue)), execution_options=PLAIN)
    query = select(IssueLinkRow).where(IssueLinkRow.effect_key == effect_key).execution_options(populate_existing=True)
    row = session.scalars(query).one()
    if doubt or row.jira_id != issue.id:
        row.twins_due = now + TWINS_AFTER
    session.flush()
    return row.jira_key or issue.key, row.jira_url or issue.url


def added(session: Session, effect_key: str) -> None:
    """Record that a comment or a file is there. The row names no issue, so that a search for issues and their tickets
    does not find it."""
    mine = IssueLinkRow.effect_key == effect_key
    session.execute(update(IssueLinkRow).where(mine).values(phase="linked", error=None), execution_options=PLAIN)


def over(session: Session, effect_keys: Collection[str]) -> frozenset[str]:
    """Return those of the effects for which nothing is to be sent any more: done, or refused by Jira."""
    settled = IssueLinkRow.phase.in_(("linked", "refused"))
    query = select(IssueLinkRow.effect_key).where(IssueLinkRow.effect_key.in_(effect_keys), settled)
    return frozenset(session.scalars(query))


def attach(
    session: Session, effect_key: str, issue: Issue, *, owner: str, seq: int, fingerprint: str | None, now: datetime
) -> None:
    """Record that an issue that existed before carries the owner's problem too. Doing it again changes nothing."""
    mine = {"effect_key": effect_key, "owner": owner, "seq": seq, "kind": "link", "label": "", "attempt": 0}
    there = _there(issue) | {"fingerprint": fingerprint}
    row = upsert(IssueLinkRow).values(mine | there | {"lease_until": now, "first_post_at": now})
    session.execute(row.on_conflict_do_update(index_elements=["effect_key"], set_=there))


def put_back(
    session: Session, effect_key: str, *, owner: str, seq: int, kind: str, key: str, url: str, at: datetime
) -> bool:
    """See that the link of an issue which its owner's journal names is there: a database that was restored from an
    older copy may lack it, or have its intent only. The sweep then looks at the issue again.

    Returns whether the link was missing. Doing it again changes nothing.
    """
    there = {"jira_key": key, "jira_url": url, "phase": "linked", "error": None, "category": "new", "watched": True}
    mine = {"effect_key": effect_key, "owner": owner, "seq": seq, "kind": kind, "label": "", "attempt": 0}
    row = upsert(IssueLinkRow).values(mine | there | {"lease_until": at, "first_post_at": at})
    missing = row.on_conflict_do_update(index_elements=["effect_key"], set_=there, where=IssueLinkRow.phase != "linked")
    return session.scalars(missing.returning(IssueLinkRow.effect_key)).one_or_none() is not None


def put_label_back(session: Session, effect_key: str, fingerprint: str) -> None:
    """Record the label of the problem of a link that was put back."""
    mine = update(IssueLinkRow).where(IssueLinkRow.effect_key == effect_key)
    session.execute(mine.values(fingerprint=fingerprint), execution_options=PLAIN)


def _there(issue: Issue) -> dict[str, object]:
    known = {"jira_key": issue.key, "jira_url": issue.url, "jira_id": issue.id}
    return known | {"phase": "linked", "error": None, "category": "new", "watched": True}


def refused(session: Session, effect_key: str, error: str) -> None:
    """Note that the tracker refused for good: nothing was made, and a person must act."""
    values = {"phase": "refused", "error": error[:1000]}
    session.execute(update(IssueLinkRow).where(*_posting(effect_key)).values(values), execution_options=PLAIN)


# -- What is known of issues ---------------------------------------------------------------------------------


class Known(Frozen):
    """An issue that tickets are linked to."""

    key: str
    url: str
    owners: tuple[str, ...]
    kinds: tuple[str, ...]
    """What it was made for (`bug`, `request`), and `link` where a ticket was linked to it afterwards."""


def similar(session: Session, fingerprint: str, limit: int = 20) -> list[Known]:
    """Return the issues of this fingerprint that are not done, as far as we know; those of most owners first."""
    return [
        Known(key=key, url=url, owners=tuple(sorted(names)), kinds=tuple(sorted(made)))
        for key, url, names, made in _SIMILAR.ask(session, fingerprint=fingerprint, most=limit)
    ]


_SIMILAR = Question(
    select(
        IssueLinkRow.jira_key,
        func.max(IssueLinkRow.jira_url),
        func.array_agg(IssueLinkRow.owner.distinct()),
        func.array_agg(IssueLinkRow.kind.distinct()),
    )
    .where(IssueLinkRow.fingerprint == bindparam("fingerprint"), IssueLinkRow.phase == "linked")
    .where(IssueLinkRow.category.not_in(("done", "gone")))
    .group_by(IssueLinkRow.jira_key)
    .order_by(func.count(IssueLinkRow.owner.distinct()).desc(), IssueLinkRow.jira_key)
    .limit(bindparam("most"))
)
"""Made once: every page of an active ticket asks it."""


def owners(session: Session, jira_id: str) -> list[str]:
    """Return whose problem an issue carries, each once."""
    query = select(IssueLinkRow.owner).where(IssueLinkRow.jira_id == jira_id, IssueLinkRow.phase == "linked")
    return list(session.scalars(query.distinct().order_by(IssueLinkRow.owner)))


class Doubt(Frozen):
    """An effect of which another attempt may have made a second issue."""

    effect_key: str
    owner: str
    label: str
    jira_key: str
    jira_id: str | None


def doubts(session: Session, now: datetime, limit: int) -> list[Doubt]:
    """Return the effects whose twins are to be looked for by now, the longest overdue first."""
    due = select(IssueLinkRow).where(IssueLinkRow.twins_due <= now, IssueLinkRow.phase == "linked")
    rows = session.scalars(due.order_by(IssueLinkRow.twins_due).limit(limit))
    return [Doubt.model_validate({name: getattr(row, name) for name in Doubt.model_fields}) for row in rows]


def settled(session: Session, effect_key: str, now: datetime) -> None:
    """Record that the twins of an effect were looked for and handled. A doubt that has come up since stays."""
    mine = (IssueLinkRow.effect_key == effect_key, IssueLinkRow.twins_due <= now)
    session.execute(update(IssueLinkRow).where(*mine).values(twins_due=None), execution_options=PLAIN)


def _posting(effect_key: str, attempt: int | None = None) -> tuple[ColumnElement[bool], ...]:
    posting = (IssueLinkRow.effect_key == effect_key, IssueLinkRow.phase == "posting")
    return posting if attempt is None else (*posting, IssueLinkRow.attempt == attempt)

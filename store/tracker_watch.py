"""What tickets were notified of their issues: which issues to look at, and what of them is known already.

A link is noted as told only after its ticket was told. A worker that dies between the two tells the ticket again,
which the core takes for no news; the other way round, the ticket would never hear.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Select, and_, or_, select, update
from sqlalchemy.orm import Session

from domain.core.values import Frozen, Instant
from domain.ticket.state import workflow_id
from store.tables.integrations import IssueLinkRow

TICKET = workflow_id("")
"""What the id of a ticket's workflow begins with."""
REOPENED_WITHIN = timedelta(days=30)
"""How long after it was done an issue is still looked at. A later reopening arrives by webhook only."""

Category = Literal["new", "indeterminate", "done", "gone"]


class Link(Frozen):
    """A ticket, and an issue that carries its problem."""

    effect_key: str
    owner: str
    jira_key: str
    jira_id: str | None = None
    category: Category = "new"
    last_version: Instant | None = None
    """The issue's own time of change, of the latest change that the ticket was notified of; None before the first."""
    notified_digest: str | None = None
    """A digest of what the ticket was notified of last."""
    notified_at: Instant | None = None

    @property
    def ticket_id(self) -> str:
        return self.owner.removeprefix(TICKET)

    @property
    def issue(self) -> str:
        """Return what to ask Jira for: the issue's number, which it keeps when it moves; its key where that is
        unknown."""
        return self.jira_id or self.jira_key


def page(session: Session, after: str, limit: int) -> list[Link]:
    """Return the links that the sweep looks at, by effect key, from the one behind `after` on.

    Closed tickets' too: their customers hear when the fix ships (C7).
    """
    query = _OF_TICKETS.where(IssueLinkRow.watched, IssueLinkRow.effect_key > after)
    return _links(session, query.order_by(IssueLinkRow.effect_key).limit(limit))


def of_issues(session: Session, issues: Collection[str]) -> list[Link]:
    """Return the tickets that these issues, by number or key, concern: also where the sweep no longer looks."""
    named = or_(IssueLinkRow.jira_id.in_(issues), IssueLinkRow.jira_key.in_(issues))
    return _links(session, _OF_TICKETS.where(named).order_by(IssueLinkRow.effect_key))


class Notified(Frozen):
    """What a ticket was notified of its issue, and when."""

    version: Instant
    digest: str
    category: Category
    key: str
    url: str
    at: Instant


def is_noted(link: Link, notified: Notified) -> bool:
    """Return whether there is nothing to note: so it is with most links in most sweeps."""
    same = (link.last_version, link.notified_digest) == (notified.version, notified.digest)
    return same and _watched(link, notified, changed=False)


def note(session: Session, link: Link, notified: Notified) -> bool:
    """Record that the ticket of `link` was notified. Returns False if a later state of the issue had been noted by
    then: somebody else looked too, and the ticket may have heard of both in the wrong order."""
    older = or_(IssueLinkRow.last_version.is_(None), IssueLinkRow.last_version <= notified.version)
    changed = notified.digest != link.notified_digest
    values = {
        "last_version": notified.version,
        "notified_digest": notified.digest,
        "notified_at": notified.at if changed else IssueLinkRow.notified_at,
        "category": notified.category,
        "jira_key": notified.key,
        "jira_url": notified.url,
        "watched": _watched(link, notified, changed),
    }
    mine = and_(IssueLinkRow.effect_key == link.effect_key, older)
    noted = update(IssueLinkRow).where(mine).values(values).returning(IssueLinkRow.effect_key)
    return session.scalars(noted, execution_options={"synchronize_session": False}).one_or_none() is not None


def _watched(link: Link, notified: Notified, changed: bool) -> bool:
    since: datetime = notified.at if changed or link.notified_at is None else link.notified_at
    return notified.category in ("new", "indeterminate") or (
        notified.category == "done" and notified.at < since + REOPENED_WITHIN
    )


_OF_TICKETS = select(IssueLinkRow).where(IssueLinkRow.phase == "linked", IssueLinkRow.owner.startswith(TICKET))


def _links(session: Session, query: Select[IssueLinkRow]) -> list[Link]:
    rows = session.scalars(query.execution_options(populate_existing=True))
    return [Link.model_validate({name: getattr(row, name) for name in Link.model_fields}) for row in rows]

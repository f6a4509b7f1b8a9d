"""What tickets were told of their issues: which issues to look at, and what of them is known already.

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
from store.tables.integrations import JiraLinkRow

TICKET = workflow_id("")
"""What the id of a ticket's workflow begins with."""
REOPENED_WITHIN = timedelta(days=30)
"""How long after it was done an issue is still looked at. A later reopening is heard of by a webhook alone."""

Category = Literal["new", "indeterminate", "done", "gone"]


class Link(Frozen):
    """A ticket, and an issue that carries its problem."""

    effect_key: str
    owner: str
    jira_key: str
    jira_id: str | None = None
    category: Category = "new"
    last_version: Instant | None = None
    """The issue's own time of change, as far as the ticket was told; None before the first time."""
    told: str | None = None
    """A digest of what the ticket was told last."""
    told_at: Instant | None = None

    @property
    def ticket_id(self) -> str:
        return self.owner.removeprefix(TICKET)

    @property
    def issue(self) -> str:
        """What to ask Jira for: the issue's number, which it keeps when it moves; its key where that is unknown."""
        return self.jira_id or self.jira_key


def page(session: Session, after: str, limit: int) -> list[Link]:
    """The links that the sweep looks at, by effect key, from the one behind `after` on.

    Closed tickets' too: their customers hear when the fix ships (C7).
    """
    query = _OF_TICKETS.where(JiraLinkRow.watched, JiraLinkRow.effect_key > after)
    return _links(session, query.order_by(JiraLinkRow.effect_key).limit(limit))


def of_issues(session: Session, issues: Collection[str]) -> list[Link]:
    """The tickets that these issues, by number or key, concern: also where the sweep no longer looks."""
    named = or_(JiraLinkRow.jira_id.in_(issues), JiraLinkRow.jira_key.in_(issues))
    return _links(session, _OF_TICKETS.where(named).order_by(JiraLinkRow.effect_key))


class Told(Frozen):
    """What a ticket was told of its issue, and when."""

    version: Instant
    digest: str
    category: Category
    key: str
    url: str
    at: Instant


def is_noted(link: Link, told: Told) -> bool:
    """Whether there is nothing to note: so it is with most links in most sweeps."""
    same = (link.last_version, link.told) == (told.version, told.digest)
    return same and _watched(link, told, changed=False)


def note(session: Session, link: Link, told: Told) -> bool:
    """The ticket of `link` was told. False if a later state of the issue had been noted by then: somebody else looked
    too, and the ticket may have heard of both in the wrong order.
    """
    older = or_(JiraLinkRow.last_version.is_(None), JiraLinkRow.last_version <= told.version)
    changed = told.digest != link.told
    values = {
        "last_version": told.version,
        "told": told.digest,
        "told_at": told.at if changed else JiraLinkRow.told_at,
        "category": told.category,
        "jira_key": told.key,
        "jira_url": told.url,
        "watched": _watched(link, told, changed),
    }
    mine = and_(JiraLinkRow.effect_key == link.effect_key, older)
    noted = update(JiraLinkRow).where(mine).values(values).returning(JiraLinkRow.effect_key)
    return session.scalars(noted, execution_options={"synchronize_session": False}).one_or_none() is not None


def _watched(link: Link, told: Told, changed: bool) -> bool:
    since: datetime = told.at if changed or link.told_at is None else link.told_at
    return told.category in ("new", "indeterminate") or (told.category == "done" and told.at < since + REOPENED_WITHIN)


_OF_TICKETS = select(JiraLinkRow).where(JiraLinkRow.phase == "linked", JiraLinkRow.owner.startswith(TICKET))


def _links(session: Session, query: Select[JiraLinkRow]) -> list[Link]:
    rows = session.scalars(query.execution_options(populate_existing=True))
    return [Link.model_validate({name: getattr(row, name) for name in Link.model_fields}) for row in rows]

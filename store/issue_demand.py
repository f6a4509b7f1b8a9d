"""What issues were told of who waits for them (F10): a row for each issue, so that each is told once a day at most."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.core.values import Frozen, Instant
from store import demand
from store.database import PLAIN
from store.demand import Wanted
from store.tables.integrations import IssueDemandRow, IssueLinkRow

_OPEN = ("new", "indeterminate")


class Written(Frozen):
    """What an issue was told last, and when."""

    text: str
    """What stands there; empty where nothing does, since the issue refused it."""
    ticket: str
    """The ticket that the link leads to."""
    at: Instant


def known(session: Session) -> Mapping[str, Written]:
    """Return what issues were told, by key."""
    rows = session.scalars(select(IssueDemandRow))
    return {row.jira_key: Written(text=row.told, ticket=row.ticket, at=row.told_at) for row in rows}


def wanted(session: Session) -> Sequence[Wanted]:
    """Return every issue for which accounts wait, those first for which most do."""
    return demand.wanted(session, "any", "accounts", None)


def still_open(session: Session, keys: Sequence[str]) -> frozenset[str]:
    """Return those of these issues that engineering is not done with, as far as tickets know."""
    query = select(IssueLinkRow.jira_key).where(IssueLinkRow.jira_key.in_(keys), IssueLinkRow.category.in_(_OPEN))
    return frozenset(key for key in session.scalars(query) if key)


def note(session: Session, key: str, told: Written) -> None:
    """Note what an issue was told. Where it refused, `text` is what it was told before."""
    row = {"told": told.text, "ticket": told.ticket, "told_at": told.at}
    insertion = insert(IssueDemandRow).values(jira_key=key, **row)
    session.execute(insertion.on_conflict_do_update(index_elements=["jira_key"], set_=row), execution_options=PLAIN)

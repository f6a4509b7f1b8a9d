"""What a CRM said of renewals: every word is kept with when it came, and none is changed. Erasing an account deletes
its own."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from store.database import PLAIN
from store.tables.tickets import AccountRenewalRow

MOST = 200
"""Words about the renewals of one account."""


def find(session: Session, account: str, said_id: str) -> AccountRenewalRow | None:
    """Return what was said under the sender's id; None if nothing was."""
    query = select(AccountRenewalRow).where(
        AccountRenewalRow.account == account, AccountRenewalRow.said_id == said_id
    )  # fmt: skip
    return session.scalars(query).one_or_none()


def of_account(session: Session, account: str, limit: int) -> Sequence[AccountRenewalRow]:
    """Return what was said of the renewals of an account, the latest renewal first; of one, the latest word first."""
    newest = (AccountRenewalRow.renews_on.desc(), AccountRenewalRow.id.desc())
    query = select(AccountRenewalRow).where(AccountRenewalRow.account == account).order_by(*newest)
    return session.scalars(query.limit(limit)).all()


def count(session: Session, account: str) -> int:
    """Return how much was said of the renewals of an account."""
    return session.scalar(select(func.count()).where(AccountRenewalRow.account == account)) or 0


def add(
    session: Session,
    account: str,
    said_id: str,
    *,
    renews_on: date,
    outcome: str,
    arr: Decimal | None,
    by: str,
    at: datetime,
) -> None:
    """Add a word about a renewal, which came at an instant."""
    session.add(
        AccountRenewalRow(
            account=account, said_id=said_id, renews_on=renews_on, outcome=outcome, arr=arr, said_by=by, came_at=at
        )
    )


def erase(session: Session, account: str) -> int:
    """Delete what was said of the renewals of an account. Returns how much that was."""
    gone = delete(AccountRenewalRow).where(AccountRenewalRow.account == account).returning(AccountRenewalRow.id)
    return len(session.scalars(gone, execution_options=PLAIN).all())


class OfOutcome(NamedTuple):
    """The accounts whose renewals ended alike, with what was before, counted."""

    outcome: str
    accounts: int
    with_alert: int
    alerts: int
    with_breach: int
    breaches: int
    ratings: int
    good: int
    rated: int
    """The sum of the ratings."""
    arr: Decimal
    arr_unknown: int


def by_outcome(
    session: Session, first: date, until: date, *, zone: str, before: timedelta, good: int
) -> Sequence[OfOutcome]:
    """Count the accounts whose renewal fell on the days from `first` until `until`, by how it ended, and what was
    `before` it. An account counts once, with the last of its renewals, and of that with the latest word."""
    known = {"first": first, "until": until, "zone": zone, "before": before, "good": good}
    return [OfOutcome(*row) for row in session.execute(_BY_OUTCOME, known)]


_BY_OUTCOME: Any = text("""
    WITH renewed AS (
        SELECT DISTINCT ON (account) account, outcome, arr, renews_on::timestamp AT TIME ZONE :zone AS at
        FROM account_renewals WHERE renews_on >= :first AND renews_on < :until
        ORDER BY account, renews_on DESC, id DESC
    ), counted AS (
        SELECT r.outcome, r.arr, a.alerts, m.breaches, m.ratings, m.good, m.rated FROM renewed r
        CROSS JOIN LATERAL (
            SELECT count(*) AS alerts FROM churn_alerts c WHERE c.account = r.account
                AND coalesce(c.raised_at, c.window_start) >= r.at - CAST(:before AS interval)
                AND coalesce(c.raised_at, c.window_start) < r.at
        ) a CROSS JOIN LATERAL (
            SELECT count(*) FILTER (
                    WHERE m.kind = 'missed' AND m.side = 'contract' AND m.status = 'upheld'
                ) AS breaches,
                count(*) FILTER (WHERE m.kind = 'rated') AS ratings,
                count(*) FILTER (WHERE m.kind = 'rated' AND m.figure >= :good) AS good,
                coalesce(sum(m.figure) FILTER (WHERE m.kind = 'rated'), 0) AS rated
            FROM tickets t JOIN ticket_records k ON k.ticket_id = t.id AND NOT k.discarded
                JOIN ticket_moments m ON m.ticket_id = t.id
            WHERE t.account = r.account AND m.kind IN ('missed', 'rated')
                AND m.at >= r.at - CAST(:before AS interval) AND m.at < r.at
        ) m
    )
    SELECT outcome, count(*), count(*) FILTER (WHERE alerts > 0), coalesce(sum(alerts), 0)::int,
        count(*) FILTER (WHERE breaches > 0), coalesce(sum(breaches), 0)::int, coalesce(sum(ratings), 0)::int,
        coalesce(sum(good), 0)::int, coalesce(sum(rated), 0)::int, coalesce(sum(arr), 0),
        count(*) FILTER (WHERE arr IS NULL)
    FROM counted GROUP BY outcome
""")

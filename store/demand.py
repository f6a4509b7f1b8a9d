"""F4 and F10: what engineering has open, by how many accounts wait for it and how much they pay a year."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.core.values import Frozen
from store.tables.tickets import WAITS_FOR_AN_ISSUE

Kind = Literal["request", "bug", "any"]
Order = Literal["accounts", "arr"]


class Wanted(Frozen):
    """An issue that is open in engineering, with who waits for it."""

    key: str
    kind: str
    """`request` or `bug`."""
    status: str
    url: str
    fix_versions: tuple[str, ...]
    accounts: int
    arr: Annotated[Decimal, Field(description="The yearly revenue of these accounts, as far as it is known.")]
    unknown: int
    """Accounts whose revenue is not known."""
    plans: tuple[str, ...]
    tickets: int
    active: int
    """Of the tickets, how many are not resolved."""
    since: datetime
    """When the first of them was opened."""
    ticket: str
    """The newest of them."""


_WAITING = f"""
    WITH waiting AS (
        SELECT tickets.jira_key, tickets.account, tickets.id, tickets.status, tickets.opened_at, tickets.plan,
            tickets.state -> 'jira' AS issue,
            coalesce(accounts.arr, (tickets.state -> 'account' ->> 'arr')::numeric) AS arr
        FROM tickets LEFT JOIN accounts ON accounts.id = tickets.account
        WHERE {WAITS_FOR_AN_ISSUE}
            AND (:kind = 'any' OR tickets.state -> 'jira' ->> 'kind' = :kind)
    )
"""
_WANTED = """
    {waiting}, of_account AS (
        SELECT jira_key, account, max(arr) AS arr, count(*) AS tickets,
            count(*) FILTER (WHERE status IN ('new', 'open', 'pending')) AS active, min(opened_at) AS since
        FROM waiting GROUP BY jira_key, account
    ), newest AS (
        SELECT DISTINCT ON (jira_key) jira_key, id, issue FROM waiting ORDER BY jira_key, opened_at DESC, id
    ), of_issue AS (
        SELECT jira_key, count(*) AS accounts, coalesce(sum(arr), 0) AS arr,
            count(*) FILTER (WHERE arr IS NULL) AS unknown,
            sum(tickets)::int AS tickets, sum(active)::int AS active, min(since) AS since
        FROM of_account GROUP BY jira_key
    ), of_plan AS (
        SELECT jira_key, array_agg(DISTINCT plan ORDER BY plan) AS plans FROM waiting GROUP BY jira_key
    )
    SELECT jira_key AS key, issue ->> 'kind' AS kind, coalesce(issue ->> 'status', '') AS status,
        coalesce(issue ->> 'url', '') AS url, coalesce(issue -> 'fix_versions', '[]'::jsonb) AS fix_versions,
        accounts, arr, unknown, plans, tickets, active, since, id AS ticket
    FROM of_issue JOIN newest USING (jira_key) JOIN of_plan USING (jira_key)
    ORDER BY {order}, jira_key LIMIT :limit
"""
_ACCOUNTS = """
    {waiting}
    SELECT jira_key, account, max(arr) AS arr FROM waiting WHERE jira_key = ANY(:keys)
    GROUP BY jira_key, account ORDER BY jira_key, arr DESC NULLS LAST, account
"""
_ORDERS: dict[Order, str] = {"accounts": "accounts DESC, arr DESC", "arr": "arr DESC, accounts DESC"}


def wanted(session: Session, kind: Kind, by: Order, limit: int | None) -> list[Wanted]:
    """Return the issues that are open in engineering and for which accounts wait, ranked.

    A ticket waits while it is active, and after it was resolved by a workaround or as a feature request, until
    engineering is done. An account counts once, however many tickets it has. `limit` None: all issues.
    """
    query = text(_WANTED.format(waiting=_WAITING, order=_ORDERS[by]))
    rows = session.execute(query, {"kind": kind, "limit": limit}).mappings()
    return [Wanted.model_validate(dict(row)) for row in rows]


def accounts(session: Session, keys: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """Return which accounts wait for each of these issues, by id, those that pay most first."""
    found: dict[str, list[str]] = {}
    rows = session.execute(text(_ACCOUNTS.format(waiting=_WAITING)), {"kind": "any", "keys": list(keys)})
    for key, account, _ in rows:
        found.setdefault(key, []).append(account)
    return found

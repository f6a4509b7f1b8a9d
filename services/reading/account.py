"""What is known of an account, for its page: tickets, clocks, incidents, issues, notes and who wrote."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.orm import Session

from domain.core.enums import Metric, Side, Status
from domain.policy.policy import Policy
from domain.ticket.state import Account
from services.reading.lists import KnownAccount
from services.reading.lists import account as find_account
from services.security.auth import Caller
from store import account_health, account_notes, queries, renewals
from store import account_summary as summary
from store.account_summary import AccountLoad, ChurnAlert, ClockCount, Contact, Facts, Load, OpenIssue, Touched
from store.database import Database
from store.queries import Line
from store.tables.tickets import AccountHealthRow, AccountRenewalRow, TicketRow
from store.tables.web import AccountNoteRow

WINDOW = timedelta(days=90)
"""The tickets whose clocks and facts are counted were opened this long ago at most."""
MOST_TICKETS = 500
"""Of them, how many are counted: the newest."""
OPEN_LINES, ENDED_LINES, INCIDENTS, ISSUES, CONTACTS = 25, 10, 10, 20, 10
"""Lines of each list."""
READ_FOR_CONTACTS = 100
"""The newest tickets in which it is looked who wrote."""
ALERTS = 3
RENEWALS = 10
NOTES = 10
"""The newest notes, unless all are asked for."""
MOST_OF_A_CSM = 200
"""Accounts of one customer success manager that a list shows."""


class AccountView(NamedTuple):
    """What an account's page shows."""

    known: KnownAccount
    known_since: datetime | None
    """When the CRM or an import last changed what is known; None: only tickets have named it."""
    load: Load
    open: Sequence[Line]
    """Active tickets, the most urgent first (G10)."""
    ended: Sequence[Line]
    """Resolved and closed ones, the newest first."""
    clocks: Sequence[ClockCount]
    facts: Facts
    incidents: Sequence[Touched]
    issues: Sequence[OpenIssue]
    alerts: Sequence[ChurnAlert]
    said: AccountHealthRow | None
    """What the CRM said last of its health and usage (`services.account_health`)."""
    renewals: Sequence[AccountRenewalRow]
    """What the CRM said of its renewals, the latest renewal first; of one, the latest word first."""
    contacts: Sequence[Contact]
    notes: Sequence[AccountNoteRow]
    """The newest first."""
    more_notes: int
    """How many are not shown."""


def view(db: Database, account: str, now: datetime, *, all_notes: bool = False) -> AccountView:
    """Read what an account's page shows. Raises Refused (`not_found`), DatabaseDown."""
    known, since = find_account(db, account), now - WINDOW
    with db.session() as session:
        notes = account_notes.of_account(session, account, account_notes.MOST if all_notes else NOTES)
        return AccountView(
            known=known,
            known_since=summary.known_since(session, account),
            load=summary.load_of(session, account),
            open=queries.queue(session, where=TicketRow.account == account, limit=OPEN_LINES).lines,
            ended=queries.tickets(
                session, account=account, statuses=(Status.RESOLVED, Status.CLOSED), limit=ENDED_LINES
            ).lines,
            clocks=_in_order(summary.clocks_of(session, account, since=since, most=MOST_TICKETS)),
            facts=summary.facts_of(session, account, since=since, most=MOST_TICKETS),
            incidents=summary.incidents_of(session, account, INCIDENTS),
            issues=summary.open_issues_of(session, account, most=MOST_TICKETS, limit=ISSUES),
            alerts=summary.churn_alerts_of(session, account, ALERTS),
            said=account_health.find(session, account),
            renewals=renewals.of_account(session, account, RENEWALS),
            contacts=summary.contacts_of(session, account, most=READ_FOR_CONTACTS, limit=CONTACTS),
            notes=notes,
            more_notes=account_notes.count(session, account) - len(notes),
        )


class AccountLoads(NamedTuple):
    """Part of a list of accounts, each with its active tickets."""

    accounts: Sequence[AccountLoad]
    next: str | None
    """The id after which the next page begins; None if this is the last."""
    more: bool = False
    """There are more than a list of one CSM shows."""


def of_csm(db: Database, csm: str, shared: Sequence[str] = ()) -> AccountLoads:
    """Return the accounts of a customer success manager, those in trouble first; `shared` as `plans_shared_with` has
    it. Raises DatabaseDown."""
    with db.session() as session:
        found = mine(session, csm, shared, MOST_OF_A_CSM + 1)
    return AccountLoads(found[:MOST_OF_A_CSM], None, more=len(found) > MOST_OF_A_CSM)


def mine(session: Session, csm: str, shared: Sequence[str], limit: int) -> Sequence[AccountLoad]:
    """Return the accounts that name a CSM, and those of the plans `shared` that name nobody, those in trouble first."""
    if shared:
        return summary.accounts_shared(session, csm, shared, limit)
    return summary.accounts_of_csm(session, csm, limit)


def plans_shared_with(policy: Policy, caller: Caller) -> Sequence[str]:
    """Return the plans whose accounts have somebody's team as their CSM, where they name nobody (F1)."""
    member = policy.customer_success.has(caller.actor, caller.role)
    return [plan.value for plan in policy.shared_plans()] if member else ()


class SuccessManager(NamedTuple):
    """Who cares for an account."""

    name: str | None
    shared: bool
    """It is the team of the accounts of its plan (F1)."""
    due: bool
    """The plan promises one by name, and the account names nobody."""


def csm_of(policy: Policy, account: Account) -> SuccessManager:
    """Return who cares for an account under the policy of today."""
    promised = policy.plans[account.plan].csm
    shared = account.csm is None and account.plan in policy.shared_plans()
    return SuccessManager(
        name=policy.customer_success.shared if shared else account.csm,
        shared=shared,
        due=promised == "named" and account.csm is None,
    )


def known_accounts(db: Database, after: str, limit: int) -> AccountLoads:
    """Return the accounts that the CRM or an import brought, by id. Raises DatabaseDown."""
    with db.session() as session:
        found = summary.known_accounts(session, after=after, limit=limit + 1)
    return AccountLoads(found[:limit], found[limit - 1].id if len(found) > limit else None)


def _in_order(counts: Sequence[ClockCount]) -> list[ClockCount]:
    metrics, sides = list(Metric), list(Side)
    return sorted(counts, key=lambda one: (metrics.index(one.metric), sides.index(one.side)))

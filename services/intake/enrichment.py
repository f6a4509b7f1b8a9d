"""What is known of a ticket before anybody looks at it: whose it is, what it is about, whose it is to work on.

Decided once, at intake, by the pure functions of `domain`, and recorded in `Opened`.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from temporalio.client import Client

from activities.support.signalling import NotRunning, deliver_to_ticket
from domain.calendars.calendar import CalendarError
from domain.core.enums import Plan, Role
from domain.policy.policy import Policy
from domain.ticket import commands as c
from domain.ticket.rules.classification import Classified, Said, classify
from domain.ticket.state import Account
from integrations.crm.port import Crm
from services.intake.request import AccountSaid, OpenRequest
from services.policy_file.load import resolve_terms
from store import accounts, inbox, journal
from store.database import Database

log = logging.getLogger("tierline.enrich")

TOLD = "account-match"
"""The inbox's source of tickets that were told of their account."""
ASSUMED = Plan.STANDARD
"""The plan of an account that nobody has told of: its clocks count, and are put right once it is matched."""


class Customer(NamedTuple):
    """Whose a ticket is."""

    account: Account
    unknown: bool
    """The plan is assumed."""


def customer_of(said: AccountSaid, known: Account | None) -> Customer:
    """The account of a ticket. What the CRM said of it is the truth; without that, what came with the ticket; and
    where that names no plan, a plan is assumed, and the ticket is flagged."""
    if known is not None:
        return Customer(known, unknown=False)
    values = said.model_dump(exclude_none=True)
    return Customer(Account.model_validate({"plan": ASSUMED} | values), unknown=said.plan is None)


def classified(policy: Policy, request: OpenRequest) -> Classified:
    """What a ticket is about, by the policy's rules, where its form does not say."""
    said = Said(
        subject=request.subject,
        description=request.description,
        channel=request.channel,
        form=request.form,
        category=request.category,
        priority=request.priority,
        impact=request.impact,
        urgency=request.urgency,
        product_area=request.product_area,
        language=request.language,
        tags=request.tags,
    )
    return classify(policy.classification, said)


# -- What the CRM says ---------------------------------------------------------------------------------------


def faults_of(policy: Policy, account: Account) -> dict[str, str]:
    """What is wrong with an account that only the databases of zones and holidays know, by field."""
    now = datetime.now(UTC)
    for field, tried in (("zone", account.model_copy(update={"region": None})), ("region", account)):
        try:
            resolve_terms(policy, tried, now)
        except CalendarError as error:
            return {field: str(error)}
    return {}


def take_over(db: Database, crm: Crm) -> accounts.Saved:
    """Store every account that a CRM tells of, all or none. Raises CrmFault, DatabaseDown."""
    told = list(crm.accounts())
    with db.begin() as session:
        return accounts.save_accounts(session, told)


class Matching:
    """Gives tickets whose account nobody knew the terms of their account, once somebody has told of it."""

    def __init__(self, client: Client, db: Database, policy: Policy) -> None:
        self._client = client
        self._db = db
        self._policy = policy

    async def work(self) -> int:
        """Tell every such ticket, each once. Returns how many were told. Safe to repeat and to run in many places.

        A ticket on record whose workflow has not started yet is told at a later look. Raises DatabaseDown, RPCError.
        """
        told = 0
        for ticket in await asyncio.to_thread(self._waiting):
            told += await self._tell(ticket)
        return told

    def _waiting(self) -> Sequence[str]:
        with self._db.session() as session:
            return accounts.matched(session, TOLD)

    async def _tell(self, ticket_id: str) -> bool:
        """Tell one ticket, and note it in the inbox: until it is journalled, it would be told at every look.

        Noted after the Signal, so who dies in between leaves it to the next, whose Signal is no news to the ticket.
        """
        fact = await asyncio.to_thread(self._fact, ticket_id)
        try:
            if fact is None or not await deliver_to_ticket(self._client, self._db, ticket_id, fact):
                return False
        except NotRunning:
            return False
        await asyncio.to_thread(self._note, ticket_id)
        return True

    def _fact(self, ticket_id: str) -> c.MatchAccount | None:
        with self._db.session() as session:
            ticket = journal.load(session, ticket_id)
            account = accounts.find_account(session, ticket.account.id) if ticket else None
            if ticket is None or account is None:
                return None
        try:
            terms = resolve_terms(self._policy, account, ticket.opened_at)
        except CalendarError as error:
            log.warning("ticket %s keeps its assumed terms: account %s: %s", ticket_id, account.id, error)
            return None
        return c.MatchAccount(by="tierline", role=Role.SYSTEM, id=f"match:{ticket_id}", account=account, terms=terms)

    def _note(self, ticket_id: str) -> None:
        now = datetime.now(UTC)
        with self._db.begin() as session:
            inbox.keep(session, TOLD, ticket_id, {}, now, ticket_id=ticket_id)
            inbox.done(session, TOLD, [ticket_id], now)

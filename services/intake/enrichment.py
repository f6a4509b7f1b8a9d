"""What is known of a ticket before anybody looks at it: whose it is, what it is about, whose it is to work on.

Decided once, at intake, by the pure functions of `domain`, and recorded in `Opened`.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import NamedTuple

from temporalio.client import Client

from activities.support.signalling import NotRunning, deliver_to_ticket
from domain.aggregate.command import STAFF
from domain.calendars.calendar import CalendarError
from domain.core.enums import Plan, Role
from domain.policy.policy import Policy
from domain.ticket import commands as c
from domain.ticket.rules.automatic import BY_SENDER, known_by
from domain.ticket.rules.classification import Classified, Form, classify
from domain.ticket.state import Account
from integrations.crm.port import Crm
from services.intake import language
from services.intake.request import AccountForm, OpenRequest
from services.policy_file.load import resolve_terms
from services.policy_file.places import place_of
from services.policy_file.zones import known_zone
from store import accounts, inbox, journal
from store.database import Database

log = logging.getLogger("tierline.enrichment")

TOLD = "account-match"
"""The inbox's source of tickets that were matched with their account."""
ASSUMED = Plan.STANDARD
"""The plan of an account that is not known: its clocks count, and are put right once it is matched."""


class Customer(NamedTuple):
    """Whose a ticket is."""

    account: Account
    unknown: bool
    """The plan is assumed."""


def customer_of(account: AccountForm, known: Account | None) -> Customer:
    """Return the account of a ticket. What the CRM said of it is the truth; without that, what came with the ticket;
    and where that names no plan, a plan is assumed, and the ticket is flagged."""
    if known is not None:
        return Customer(known, unknown=False)
    values = account.model_dump(exclude_none=True)
    return Customer(Account.model_validate({"plan": ASSUMED} | values), unknown=account.plan is None)


def automatic_by(policy: Policy, request: OpenRequest) -> str:
    """Return what shows that a machine wrote the request (C17): its sender's mark, or a rule of the policy; empty if
    a person did."""
    if request.automatic:
        return request.known_by or BY_SENDER
    return "" if request.role in STAFF else known_by(policy.automatic, request.subject, request.description)


def classified(policy: Policy, request: OpenRequest, *, automatic: bool = False) -> Classified:
    """Return what a ticket is about, by the policy's rules, where its form does not say."""
    form = Form(
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
        detected=None if request.language else language.detect(request.subject, request.description),
        automatic=automatic,
    )
    return classify(policy.classification, form)


# -- What the CRM says ---------------------------------------------------------------------------------------


def faults_of(policy: Policy, account: Account) -> dict[str, str]:
    """Return what is wrong with an account that only the databases of zones and holidays know, by field."""
    now = datetime.now(UTC)
    for field, tried in (("zone", account.model_copy(update={"region": None})), ("region", account)):
        try:
            resolve_terms(policy, tried, now)
        except CalendarError as error:
            return {field: str(error)}
    return {}


def take_over(db: Database, crm: Crm) -> accounts.Saved:
    """Store every account that a CRM sends, all or none, each zone by its canonical name (C16). Raises CrmFault,
    DatabaseDown."""
    read = [_with_canonical_zone(account) for account in crm.accounts()]
    with db.begin() as session:
        return accounts.save_accounts(session, read)


def _with_canonical_zone(account: Account) -> Account:
    if account.zone is None or (zone := known_zone(account.zone)) in (None, account.zone):
        return account
    return account.model_copy(update={"zone": zone})


def unclear_places(db: Database, policy: Policy) -> list[str]:
    """Return what is not known (C16) of the public holidays that count for accounts, and of how many accounts. One
    line for each reason. Raises DatabaseDown."""
    with db.session() as session:
        found = accounts.whereabouts(session)
    counted: dict[str, tuple[int, str]] = {}
    for one in found:
        if not (one.zone or one.region):
            continue  # the policy's own holidays: `policy check` says what is not known of them
        row = policy.calendars[policy.plans[one.plan].calendar]
        with suppress(CalendarError):  # a zone from before zones were checked: its tickets say so
            if unclear := place_of(row.holidays, one.zone, one.region).unclear:
                count, first = counted.get(unclear, (0, one.first))
                counted[unclear] = (count + one.accounts, min(first, one.first))
    return [
        f"account {first!r}: {unclear}" if count == 1 else f"{count:,} accounts, {first!r} among them: {unclear}"
        for unclear, (count, first) in counted.items()
    ]


def without_named_csm(db: Database, policy: Policy) -> list[str]:
    """Return how many accounts name no CSM though their plan promises one by name (F1), a line for each plan. Raises
    DatabaseDown."""
    plans = [plan for plan, row in policy.plans.items() if row.csm == "named"]
    with db.session() as session:
        found = accounts.without_csm(session, plans)
    return [
        f"account {first!r}: a named CSM is due on {plan}, none is set" if count == 1
        else f"{count:,} accounts, {first!r} among them: a named CSM is due on {plan}, none is set"
        for plan, count, first in found
    ]  # fmt: skip


class Matching:
    """Gives tickets whose account was not known the terms of their account, once it is known."""

    def __init__(self, client: Client, db: Database, policy: Policy) -> None:
        self._client = client
        self._db = db
        self._policy = policy

    async def work(self) -> int:
        """Match every such ticket, each once. Returns how many were matched. Safe to repeat and to run in many places.

        A ticket on record whose workflow has not started yet is told at a later look. Raises DatabaseDown, RPCError.
        """
        notified = 0
        for ticket in await asyncio.to_thread(self._waiting):
            notified += await self._notify(ticket)
        return notified

    def _waiting(self) -> Sequence[str]:
        with self._db.session() as session:
            return accounts.matched(session, TOLD)

    async def _notify(self, ticket_id: str) -> bool:
        """Match one ticket, and note it in the inbox: until it is journalled, it would be matched at every look.

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

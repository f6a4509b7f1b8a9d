"""The statement of an account for a month (F8): tickets, clocks kept and missed, credits, refunds, incidents. It names
no person and says nothing of what is only ours (targets, tiers), so that it may be sent to the customer."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from domain.core.enums import Metric, Plan
from domain.core.refusal import Refused
from domain.core.values import Frozen, Instant, built
from domain.credits.credit import OPEN, CreditState
from domain.credits.kept import Outcome
from domain.policy.policy import Policy
from services.policy_file.zones import zone_info
from services.reading.lists import account as find_account
from store import credits, outcomes, refunds, statements
from store.database import Database
from store.refunds import RefundState

MOST_TICKETS = 5_000
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
TicketFacts = tuple[Any, ...]
"""The fields of a `TicketLine`, in their order."""
ClockFacts = tuple[str, str, str, str | None, str | None]
"""The fields of a `StatementClock`, in their order; instants as `store.outcomes` writes them."""


class TicketLine(Frozen):
    """A ticket that was there in the month."""

    ticket: str
    reference: str
    """Its id where it came from."""
    priority: str
    category: str
    opened_at: Instant
    resolved_at: Instant | None
    status: str
    incident: int | None


class StatementClock(Frozen):
    """A clock of the contract that was kept or missed in the month."""

    ticket: str
    metric: Metric
    outcome: Outcome
    due: Instant | None
    met_at: Instant | None


class CreditLine(Frozen):
    """What is owed for breaches whose due instants were in the month."""

    credit: str
    metric: Metric
    problem: str
    state: CreditState
    due: Instant
    percent: Decimal
    amount: Decimal | None
    tickets: tuple[str, ...]


class StatementRefund(Frozen):
    """A refund that was approved in the month (F6)."""

    ticket: str
    reason: str
    state: RefundState
    approved_at: Instant
    amount: Decimal
    currency: str


class StatementIncident(Frozen):
    """An incident that tickets of the account were part of."""

    incident: int
    area: str
    status: str
    opened_at: Instant
    mitigated_at: Instant | None
    resolved_at: Instant | None


class Statement(Frozen):
    """An account's month."""

    account: str
    plan: Plan
    month: str
    zone: str
    """In which the month begins and ends."""
    since: Instant
    until: Instant
    opened: int
    """Tickets that opened in the month."""
    resolved: int
    kept: int
    missed: int
    waived: int
    credited: Decimal
    """The sum of the amounts that are proposed, approved or applied, in the company's one currency."""
    without_amount: int
    """Credits whose amount is not known, since no fee is."""
    complete: bool
    """False: the account had more tickets than a statement lists."""
    tickets: list[TicketLine]
    clocks: list[StatementClock]
    credits: list[CreditLine]
    refunds: list[StatementRefund]
    incidents: list[StatementIncident]


class Month(NamedTuple):
    """An account's month as it is read, for whoever writes it: the lines are tuples, since to make thousands of values
    takes most of a statement's time."""

    head: Statement
    """The statement but for its tickets and clocks."""
    tickets: Sequence[TicketFacts]
    clocks: Sequence[ClockFacts]

    def whole(self) -> Statement:
        """Return all of it as one value."""
        clocks = [clock_line(one) for one in self.clocks]
        return self.head.model_copy(update={"tickets": [ticket_line(one) for one in self.tickets], "clocks": clocks})


def ticket_line(facts: TicketFacts) -> TicketLine:
    """Return a line of `Month.tickets` as a value."""
    return built(TicketLine, dict(zip(TicketLine.model_fields, facts, strict=True)))


def clock_line(facts: ClockFacts) -> StatementClock:
    """Return a line of `Month.clocks` as a value."""
    ticket, metric, outcome, due, met_at = facts
    return built(StatementClock, {
        "ticket": ticket, "metric": Metric(metric), "outcome": outcome,
        "due": datetime.fromisoformat(due) if due else None,
        "met_at": datetime.fromisoformat(met_at) if met_at else None,
    })  # fmt: skip


def statement(db: Database, policy: Policy, account: str, month: str) -> Statement:
    """Return the statement of an account and month (`2026-11`), in the zone of the account's support hours.

    Instants are in UTC. Raises Refused (`not_found`, `malformed`), DatabaseDown.
    """
    return month_of(db, policy, account, month).whole()


def month_of(db: Database, policy: Policy, account: str, month: str) -> Month:
    """Return the statement of an account and month as it is read. Raises as `statement` does."""
    known = find_account(db, account).account
    zone = known.zone or policy.calendars[policy.plans[known.plan].calendar].zone
    since, until = _span(month, zone)
    with db.session() as session:
        rows = statements.tickets_of(session, account, since, until, MOST_TICKETS + 1)
        tickets = [row[:-1] for row in rows]
        clocks = _clocks_of(session, tickets[:MOST_TICKETS], [row[-1] for row in rows[:MOST_TICKETS]], since, until)
        incidents = statements.incidents_of(session, {incident for *_, incident in tickets if incident})
        owed = credits.of_month(session, account, month)
        paid = refunds.of_month(session, account, since, until)
    became = Counter(outcome for _, _, outcome, _, _ in clocks)
    open_credits = [one for one in owed if one.state in OPEN]
    head = Statement(
        account=account, plan=known.plan, month=month, zone=zone, since=since, until=until,
        opened=sum([since <= opened_at < until for _, _, _, _, opened_at, _, _, _ in tickets]),
        resolved=sum([bool(at) and since <= at < until for _, _, _, _, _, at, _, _ in tickets]),
        kept=became["kept"], missed=became["missed"], waived=became["waived"],
        credited=sum((one.amount or Decimal(0) for one in open_credits), Decimal(0)),
        without_amount=sum(one.amount is None for one in open_credits),
        complete=len(tickets) <= MOST_TICKETS,
        tickets=[],
        clocks=[],
        credits=[
            CreditLine(
                credit=one.id, metric=one.metric, problem=one.problem, state=one.state, due=one.due,
                percent=one.granted, amount=one.amount, tickets=one.tickets,
            )
            for one in owed
        ],
        refunds=[
            StatementRefund(
                ticket=one.ticket, reason=one.reason, state=one.state, approved_at=one.decided_at, amount=one.amount,
                currency=one.currency,
            )
            for one in paid if one.decided_at
        ],
        incidents=[
            StatementIncident(
                incident=one.number, area=one.area, status=one.status, opened_at=one.opened_at,
                mitigated_at=one.mitigated_at, resolved_at=one.resolved_at,
            )
            for one in incidents
        ],
    )  # fmt: skip
    return Month(head, tickets[:MOST_TICKETS], clocks)


def _span(month: str, zone: str) -> tuple[datetime, datetime]:
    """Return the first instant of a month in a zone, and that of the next one."""
    match = _MONTH.fullmatch(month)
    if not match or not 2000 <= int(match[1]) <= 9998:
        raise Refused("malformed", "a month is written as 2026-11", fields={"month": "a month is written as 2026-11"})
    year, number, place = int(match[1]), int(match[2]), zone_info(zone)
    ends = (year, number + 1) if number < 12 else (year + 1, 1)
    since, until = (datetime(*at, 1, tzinfo=place).astimezone(UTC) for at in ((year, number), ends))
    return since, until


def _clocks_of(
    session: Session, tickets: Sequence[TicketFacts], kept: Sequence[str | None], since: datetime, until: datetime
) -> list[ClockFacts]:
    """Return those clocks of tickets that belong to `[since, until)`; `kept` is what the store has of each."""
    unknown = [ticket[0] for ticket, clocks in zip(tickets, kept, strict=True) if clocks is None]
    others = statements.clocks_of(session, unknown) if unknown else {}
    first, end = outcomes.written(since), outcomes.written(until)
    found: list[ClockFacts] = []
    for (ticket, *_), clocks in zip(tickets, outcomes.read(kept), strict=True):
        for metric, outcome, due, met_at in others.get(ticket, ()) if clocks is None else clocks:
            # As they are written, instants have the order of time.
            if first <= (met_at if outcome == "kept" else due) < end:
                found.append((ticket, metric, outcome, due, met_at))
    return found

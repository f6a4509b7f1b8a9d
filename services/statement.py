"""The statement of an account for a month (F8): tickets, clocks kept and missed, credits, refunds, incidents. It names
no person and says nothing of what is only ours (targets, tiers), so that it may be sent to the customer."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter

from domain.clocks.clock import Clock
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
_CLOCKS: TypeAdapter[tuple[Clock, ...]] = TypeAdapter(tuple[Clock, ...])


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


def statement(db: Database, policy: Policy, account: str, month: str) -> Statement:
    """Return the statement of an account and month (`2026-11`), in the zone of the account's support hours.

    Instants are in UTC. Raises Refused (`not_found`, `malformed`), DatabaseDown.
    """
    known = find_account(db, account).account
    zone = known.zone or policy.calendars[policy.plans[known.plan].calendar].zone
    since, until = _span(month, zone)
    with db.session() as session:
        rows = statements.tickets_of(session, account, since, until, MOST_TICKETS + 1)
        owed = credits.of_month(session, account, month)
        paid = refunds.of_month(session, account, since, until)
        numbers = {row.incident_number for row in rows if row.incident_number}
        incidents = statements.incidents_of(session, numbers)
    listed = rows[:MOST_TICKETS]
    clocks = list(_clock_lines(listed, since, until))
    became = Counter(one.outcome for one in clocks)
    open_credits = [one for one in owed if one.state in OPEN]
    return Statement(
        account=account, plan=known.plan, month=month, zone=zone, since=since, until=until,
        opened=sum(since <= row.opened_at < until for row in rows),
        resolved=sum(bool(row.resolved_at) and since <= row.resolved_at < until for row in rows),
        kept=became["kept"], missed=became["missed"], waived=became["waived"],
        credited=sum((one.amount or Decimal(0) for one in open_credits), Decimal(0)),
        without_amount=sum(one.amount is None for one in open_credits),
        complete=len(rows) <= MOST_TICKETS,
        tickets=[
            built(TicketLine, {
                "ticket": ticket, "reference": reference, "priority": priority, "category": category,
                "opened_at": opened_at, "resolved_at": resolved_at, "status": status, "incident": incident,
            })
            for ticket, reference, opened_at, resolved_at, status, priority, category, incident, *_ in listed
        ],
        clocks=clocks,
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


def _span(month: str, zone: str) -> tuple[datetime, datetime]:
    """Return the first instant of a month in a zone, and that of the next one."""
    match = _MONTH.fullmatch(month)
    if not match or not 2000 <= int(match[1]) <= 9998:
        raise Refused("malformed", "a month is written as 2026-11", fields={"month": "a month is written as 2026-11"})
    year, number, place = int(match[1]), int(match[2]), zone_info(zone)
    ends = (year, number + 1) if number < 12 else (year + 1, 1)
    since, until = (datetime(*at, 1, tzinfo=place).astimezone(UTC) for at in ((year, number), ends))
    return since, until


def _clock_lines(rows: Sequence[Any], since: datetime, until: datetime) -> Iterator[StatementClock]:
    """Make the lines of those clocks of tickets that belong to `[since, until)`."""
    for row, known in zip(rows, outcomes.read(row.outcomes for row in rows), strict=True):
        for one in outcomes.counted_of(_CLOCKS.validate_python(row.clocks)) if known is None else known:
            if since <= one.at < until:
                yield built(StatementClock, {
                    "ticket": row.id, "metric": one.metric, "outcome": one.outcome, "due": one.due,
                    "met_at": one.met_at,
                })  # fmt: skip


COLUMNS = ("kind", "id", "what", "state", "at", "due", "percent", "amount", "tickets")


def as_csv(found: Statement) -> str:
    """Return a statement as one CSV table: a line for each ticket, clock, credit, refund and incident, told apart by
    `kind`. The last column of a refund is its currency.

    What a spreadsheet would take for a formula is marked as text.
    """
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(COLUMNS)
    table.writerows(
        ("ticket", one.ticket, _text(one.category), one.status, _at(one.opened_at), "", "", "", _text(one.reference))
        for one in found.tickets
    )
    table.writerows(
        ("clock", one.ticket, one.metric, one.outcome, _at(one.met_at), _at(one.due), "", "", "")
        for one in found.clocks
    )
    table.writerows(
        ("credit", one.credit, one.metric, one.state, "", _at(one.due), _number(one.percent), _number(one.amount),
         " ".join(one.tickets))
        for one in found.credits
    )  # fmt: skip
    table.writerows(
        ("refund", one.ticket, _text(one.reason), one.state, _at(one.approved_at), "", "", _number(one.amount),
         one.currency)
        for one in found.refunds
    )  # fmt: skip
    table.writerows(
        ("incident", one.incident, _text(one.area), one.status, _at(one.opened_at), "", "", "", "")
        for one in found.incidents
    )
    return out.getvalue()


def _text(words: str) -> str:
    return f"'{words}" if words.startswith(("=", "+", "-", "@", "\t", "\r")) else words


def _at(instant: datetime | None) -> str:
    return instant.isoformat() if instant else ""


def _number(value: Decimal | None) -> str:
    return "" if value is None else f"{value:f}"

"""A desk on which every page has something to show: tickets of the past, as the journal has them, for one account."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import uuid4

from domain.core.enums import Category, Health, Plan, Priority, Role
from domain.ticket import commands as c
from domain.ticket.rules.tracker_link import IssueUpdate
from domain.ticket.state import Account
from services import credits
from services.policy_file.load import load_policy
from services.policy_file.zones import zone_info
from services.reports import week as reports
from store import account_health, accounts, journal
from store.database import Database
from tests.support.packages import RECORD, T2_PACKAGE, T3_PACKAGE
from tests.support.ticket_life import Life, life, resolved

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
REVENUE = 120_000
LONG = "A_name_that_has_no_place_at_which_a_line_may_end_" * 2


class Past(NamedTuple):
    """What the addresses of pages name of it."""

    week: str
    """The week that is over, such as 2026-W12, in which all of it happened."""
    month: str
    """The month of its first breach, such as 2026-03."""
    cancelled: str
    """A ticket whose customer wants to cancel."""
    billing: str
    """A ticket with a refund that waits for approval."""


def fill(db: Database, account: str) -> Past:
    """Write down last week of an account: breaches and their credits, refunds, an issue that is done and one that is
    wanted, tickets that came back, cancellations with their alert, and what the CRM says of it."""
    policy, now = load_policy(), datetime.now(UTC)
    week = reports.last_week(now, policy)
    begins = reports.starts(week.first, zone_info(policy.report.zone)) + timedelta(days=1, hours=9)
    with db.begin() as session:
        known = Account(id=account, plan=Plan.PREMIUM, arr=Decimal(REVENUE), csm="csm-1", health=Health.RED)
        accounts.save_accounts(session, [known])
        usage = {"seats in use": 12, LONG[:60]: "falls"}
        account_health.keep(session, account, Health.RED, usage, "Nobody signs in any more.", "crm", now)

    def begun(number: int, *, subject: str = "The export of last month ends with an error", **more: object) -> Life:
        name, at = f"past-{number}-{uuid4().hex}-{'' if number else LONG}", begins + number * MINUTE
        given = {"account": account, "arr": REVENUE, "csm": "csm-1", "priority": Priority.P2} | more
        return life(name, at=at, subject=subject, **given)  # type: ignore[arg-type]

    late = [begun(number, description="ValueError: no such key").do("take") for number in range(3)]
    late = [one.wait_until(begins + 6 * HOUR).do("resolve", MINUTE, **RECORD) for one in late]
    kept = [resolved(begun(number, category=Category.HOW_TO)).do("rate", csat=5, role="customer") for number in (3, 4)]
    back = [begun(number).do("take").do("escalate", MINUTE, fields=T2_PACKAGE) for number in (5, 6, 7)]
    back = [one.do("return", MINUTE, reason=LONG).do("take").do("resolve", MINUTE, **RECORD) for one in back]
    gone = [begun(number, category=Category.CANCELLATION, subject="Cancel us").do("take") for number in (8, 9)]
    money = [_refund(begun(number, category=Category.BILLING)) for number in range(10, 14)]
    money[1].do("approve_refund", MINUTE, by="fay", role="finance")
    money[2].do("refuse_refund", MINUTE, by="lea", role="lead", text="It was no fault of ours.")
    done = [_in_engineering(begun(number), "FULL-1", "done") for number in (14, 15)]
    wanted = [_in_engineering(begun(number), "FULL-2", "indeterminate") for number in (16, 17)]
    with db.begin() as session:
        for one in (*late, *kept, *back, *gone, *money, *done, *wanted):
            journal.append(session, one.ticket.id, "run-1", one.events)
    first, second, *_ = credits.listed(db, account=account).credits
    credits.approve(db, policy.credits, first.id, "lea", Role.LEAD)
    credits.call_off(db, policy.credits, second.id, "lea", Role.LEAD, f"Agreed with them. {LONG}")
    return Past(week.name, first.month, gone[0].ticket.id, money[0].ticket.id)


def _refund(one: Life) -> Life:
    asked = {"amount": "1234.50", "currency": "EUR", "reason": "charged_twice", "text": "Both invoices are of May."}
    return one.do("take").do("request_refund", MINUTE, **asked)


def _in_engineering(one: Life, key: str, category: str) -> Life:
    """A ticket with an issue, of which the tracker has said how far it is."""
    one.do("take").do("escalate", MINUTE, fields=T2_PACKAGE).do("take")
    one.do("escalate", MINUTE, fields=T3_PACKAGE)
    (effect,) = one.ticket.pending_effects
    url = f"http://127.0.0.1/browse/{key}"
    made = c.ReportDone(by="tierline", role=Role.SYSTEM, key=effect.key, jira_key=key, jira_url=url)
    one.tell(made, MINUTE)
    at = one.ticket.as_of + MINUTE
    said = {"key": key, "category": category, "status": "In review by the team of exports", "fix_versions": ["4.13"]}
    return one.tell(IssueUpdate(by="jira", role=Role.INTEGRATION, version=at, **said), MINUTE)  # type: ignore[arg-type]

"""F2, F8: what people decide about credits, what open clocks would cost, the check of the ledger, and the statement."""

import csv
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import delete, select, update

from activities.support.ops_alerts import OpsAlerts
from domain.core.enums import Plan, Role
from domain.core.refusal import Refused
from domain.credits.credit import Credit
from domain.policy.money import CreditsRow
from domain.ticket.state import Account
from services import credits
from services.statement import month_of, statement
from services.statement_texts import COLUMNS, as_csv
from store import accounts, journal
from store.database import Database
from store.journal import TICKETS
from store.tables.credits import ContractBreachRow, CreditRow
from store.tables.integrations import OutboxRow
from tests.support.policy import POLICY
from tests.support.query_plans import sent_to
from tests.support.ticket_life import MONDAY, Life, life

RULES = CreditsRow()
HOUR = timedelta(hours=1)


def record(database: Database, *lives: Life) -> None:
    for one in lives:
        with database.begin() as session:
            journal.append(session, one.ticket.id, "run", one.events)


def breached(database: Database, name: str = "1", *, arr: int | None = 120_000, account: str = "acme") -> Life:
    """A ticket that ada took, and whose first response is missed."""
    one = life(name, arr=arr, account=account).do("take", timedelta(minutes=1)).wait_until(MONDAY + 5 * HOUR)
    record(database, one)
    return one


def only(database: Database) -> Credit:
    (found,) = credits.listed(database).credits
    return found


def test_f2_somebody_who_held_no_ticket_of_it_approves_and_billing_applies(database: Database) -> None:
    breached(database)
    one = only(database)
    with pytest.raises(Refused, match="ada held a ticket of this credit"):
        credits.approve(database, RULES, one.id, "ada", Role.LEAD)
    assert credits.approve(database, RULES, one.id, "lea", Role.LEAD).state == "approved"
    assert credits.approve(database, RULES, one.id, "lea", Role.LEAD).state == "approved"  # sent again
    assert credits.apply(database, RULES, one.id, "fin", Role.FINANCE).state == "applied"
    acts = [(act.state, act.by, act.amount) for act in credits.detail(database, one.id).acts]
    amount = Decimal("500.00")
    assert acts == [("proposed", "tierline", amount), ("approved", "lea", amount), ("applied", "fin", amount)]


def test_f2_a_waiver_after_billing_has_it_reverses_it(database: Database) -> None:
    one = breached(database)
    name = only(database).id
    credits.approve(database, RULES, name, "lea", Role.LEAD)
    credits.apply(database, RULES, name, "fin", Role.FINANCE)
    record(database, one.do("waive", HOUR, role="lead", metric="first_response", reason="Agreed."))
    assert [(act.state, act.by) for act in credits.detail(database, name).acts][-1] == ("reversed", "tierline")
    with database.begin() as session:  # and a rebuild leaves what was decided
        assert TICKETS.rebuild(session, one.ticket.id) == []
    assert only(database).state == "reversed"


def test_f2_what_a_person_voided_stays_voided_whatever_else_happens_to_the_ticket(database: Database) -> None:
    one = breached(database)
    name = only(database).id
    with pytest.raises(Refused, match="say why"):
        credits.call_off(database, RULES, name, "lea", Role.LEAD, " ")
    credits.call_off(database, RULES, name, "lea", Role.LEAD, "Their own outage.")
    record(database, one.do("note", HOUR, text="Seen."))
    with database.begin() as session:
        assert TICKETS.rebuild(session, one.ticket.id) == []
    assert (only(database).state, only(database).reason) == ("voided", "Their own outage.")
    assert credits.check(database).agrees


def test_f2_without_a_fee_nothing_is_approved_until_one_is_known(database: Database) -> None:
    breached(database, arr=None)
    with pytest.raises(Refused, match="no fee or revenue of acme is known"):
        credits.approve(database, RULES, only(database).id, "lea", Role.LEAD)
    with database.begin() as session:
        accounts.save_accounts(session, [Account(id="acme", plan=Plan.PREMIUM, fee=Decimal("333.30"))])
    assert credits.approve(database, RULES, only(database).id, "lea", Role.LEAD).amount == Decimal("16.66")


def test_f2_the_check_finds_a_ledger_that_differs_alerts_ops_once_and_mends_it(database: Database) -> None:
    breached(database, "1")
    breached(database, "2", account="globex")
    assert credits.check(database).agrees
    with database.begin() as session:
        session.execute(delete(ContractBreachRow).where(ContractBreachRow.account == "acme"))
        session.execute(update(CreditRow).where(CreditRow.account == "globex").values(current=False))
    ops = OpsAlerts(["ops"])
    found = credits.check_if_due(database, ops)
    assert found is not None
    assert (len(found.tickets), len(found.credits)) == (1, 2)
    assert credits.check_if_due(database, ops) is None  # within a day
    credits.check(database, ops)
    with database.session() as session:
        assert [
            row.title for row in session.scalars(select(OutboxRow).where(OutboxRow.name == "integration_failing"))
        ] == ["credits: 1 tickets and 2 credits differ: `tierline credit check --mend`"]
    credits.check(database, mend=True)
    assert credits.check(database).agrees


def test_exposure_is_what_open_clocks_would_cost_beside_what_is_owed(database: Database) -> None:
    breached(database, "1")  # its first response is owed already; its resolution may still be missed
    record(
        database, life("2", arr=120_000), life("3", arr=None, account="globex"), life("4", plan=Plan.FREE, account="f")
    )
    found = credits.exposure(database)
    assert found.total == Decimal("1500.00")
    assert found.accounts == {"acme": Decimal("1500.00"), "globex": Decimal(0)}
    assert (found.unknown, found.complete) == (2, True)
    assert [one.metric for one in found.credits if one.account == "globex"] == ["first_response", "resolution"]
    assert credits.exposure(database, "globex").total == 0


def test_f8_the_statement_of_a_month_counts_what_fell_into_it(database: Database) -> None:
    one = breached(database, "=HYPERLINK(1)")
    kept = life("2", arr=120_000).do("take", timedelta(minutes=1)).do("respond", timedelta(minutes=1), text="We look.")
    record(database, kept)
    found = statement(database, POLICY, "acme", "2026-03")
    assert (found.zone, found.since) == ("Europe/Berlin", datetime(2026, 2, 28, 23, 0, tzinfo=UTC))
    assert (found.opened, found.kept, found.missed, found.credited) == (2, 1, 1, Decimal("500.00"))
    assert {(line.ticket, line.outcome) for line in found.clocks} == {
        (one.ticket.id, "missed"),
        (kept.ticket.id, "kept"),
    }
    # The tickets are open: in April they are still there, and nothing of them fell into it
    april = statement(database, POLICY, "acme", "2026-04")
    assert (len(april.tickets), april.opened, april.clocks, april.credits) == (2, 0, [], [])
    lines = list(csv.reader(as_csv(month_of(database, POLICY, "acme", "2026-03")).splitlines()))
    assert lines[0] == list(COLUMNS)
    assert [line[0] for line in lines[1:]] == ["ticket", "ticket", "clock", "clock", "credit"]
    assert "'=HYPERLINK(1)" in {line[8] for line in lines}
    for wrong in ("2026-13", "2026", "x"):
        with pytest.raises(Refused, match="a month is written as"):
            statement(database, POLICY, "acme", wrong)
    with pytest.raises(Refused, match="nothing is known"):
        statement(database, POLICY, "nobody", "2026-03")


def test_f8_the_month_ends_in_the_accounts_zone(database: Database) -> None:
    with database.begin() as session:
        accounts.save_accounts(session, [Account(id="acme", plan=Plan.PREMIUM, zone="Pacific/Auckland")])
    found = statement(database, POLICY, "acme", "2026-04")  # summer time ends there on 5 April
    assert found.since == datetime(2026, 3, 31, 11, 0, tzinfo=UTC)
    assert found.until == datetime(2026, 4, 30, 12, 0, tzinfo=UTC)


def test_f8_a_statement_reads_no_events(database: Database) -> None:
    breached(database)
    with sent_to(database) as sent:
        statement(database, POLICY, "acme", "2026-03")
    assert [query for query in sent.statements if "ticket_events" in query[0]] == []

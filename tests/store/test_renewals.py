"""F3: renewals beside support: what was before, by how they ended, on accounts whose figures are known."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import insert

from domain.core.enums import Plan
from domain.report.renewals import OutcomeFigures, RenewalOutcome, Renewals
from domain.report.week import Share, span_named
from services.reports import renewals as reports
from store import journal, renewals
from store.database import Database
from store.tables.tickets import ChurnAlertRow
from tests.support.query_plans import sent_to
from tests.support.ticket_life import MONDAY, RUN, Life, closed, life

DAY = timedelta(days=1)
Q2 = span_named("2026-Q2")
"""The tickets of `ticket_life` are of March 2026."""


def says(database: Database, account: str, outcome: str, on: date, arr: int | None = None, word: str = "1") -> None:
    with database.begin() as session:
        renewals.add(
            session, account, word, renews_on=on, outcome=outcome, arr=None if arr is None else Decimal(arr),
            by="crm", at=MONDAY,
        )  # fmt: skip


def alerted(database: Database, account: str, at: datetime, raised: datetime | None = None) -> None:
    row = {"account": account, "window_start": at, "tickets": ["t"], "updated_at": at, "raised_at": raised}
    with database.begin() as session:
        session.execute(insert(ChurnAlertRow).values(row))


def found(database: Database) -> Renewals:
    with database.session() as session:
        return reports.of_span(session, Q2, "Europe/Berlin")


def keep(database: Database, one: Life) -> None:
    with database.begin() as session:
        journal.append(session, one.ticket.id, RUN, one.events)


def late(account: str, number: int) -> Life:
    """A ticket of Premium that nobody answers: its contract is missed twice, on Monday and Tuesday."""
    return life(f"{account}-{number}", account=account, plan=Plan.PREMIUM).wait_until(MONDAY + 3 * DAY)


def breached(database: Database, account: str, number: int) -> None:
    keep(database, late(account, number))


def rated(database: Database, account: str, csat: int, at: datetime = MONDAY) -> None:
    one = closed(life(f"{account}-{csat}-{at:%d%m}", account=account, at=at)).do("rate", csat=csat, role="customer")
    keep(database, one)


def test_f3_of_accounts_that_left_it_is_counted_how_many_had_an_alert_breaches_and_ratings(database: Database) -> None:
    # Given six accounts that left, four of them after an alert; two breaches of one, and five ratings
    for number in range(6):
        says(database, f"left-{number}", "left", date(2026, 5, 1), 0)
    for number in range(4):
        alerted(database, f"left-{number}", MONDAY)
    breached(database, "left-0", 1)
    for number, csat in enumerate((1, 2, 2, 4, 5)):
        rated(database, f"left-{number}", csat)
    # And what does not count: after the renewal, over a year before it, of somebody whose renewal was in March
    alerted(database, "left-4", datetime.fromisoformat("2026-04-30T22:00:00Z"))
    alerted(database, "left-5", datetime.fromisoformat("2025-04-30T21:59:59Z"))
    says(database, "early", "left", date(2026, 3, 31), 0)
    rated(database, "early", 1)

    assert found(database).accounts == 6
    assert found(database).outcomes == (
        OutcomeFigures(
            outcome=RenewalOutcome.LEFT, accounts=6, with_alert=4, alerts=4, with_breach=1, breaches=2,
            rated=Share(count=2, of=5), mean=14 / 5, arr=Decimal(0), arr_unknown=0,
        ),
    )  # fmt: skip
    assert list(reports.lines(found(database))) == [
        "renewals in 2026-Q2: 6 accounts",
        "  of 6 accounts that left, 4 had a churn alert before; 2 breaches at 1 of them, 2 of 5 (40 %) ratings are "
        "4 or 5, mean 2.8; revenue from then on 0",
    ]


@pytest.mark.parametrize(
    ("raised", "counts"),
    [
        ("2025-04-30T21:59:59.999999Z", 0),
        ("2025-04-30T22:00:00Z", 1),  # 365 days before 0:00 in Berlin on the first of May
        ("2026-04-30T21:59:59.999999Z", 1),
        ("2026-04-30T22:00:00Z", 0),
    ],
)
def test_f3_the_year_before_a_renewal_is_365_days_and_ends_with_its_day(
    database: Database, raised: str, counts: int
) -> None:
    says(database, "acme", "left", date(2026, 5, 1), 0)
    alerted(database, "acme", datetime.fromisoformat(raised))
    one = closed(life(account="acme", at=datetime.fromisoformat(raised) - DAY))
    keep(database, one.do("rate", DAY - (one.ticket.as_of - one.ticket.opened_at), csat=4, role="customer"))
    (only,) = found(database).outcomes
    assert (only.with_alert, only.alerts, only.rated.of) == (counts, counts, counts)


def test_f3_g13_breaches_that_were_waived_or_of_spam_are_none_before_a_renewal(database: Database) -> None:
    says(database, "acme", "left", date(2026, 5, 1), 0)
    waived = {"role": "lead", "metric": "first_response", "reason": "Agreed with them."}
    keep(database, late("acme", 1).do("waive", DAY, **waived))
    keep(database, late("acme", 2).do("end", DAY, role="integration", how="spam"))
    (only,) = found(database).outcomes
    assert (only.with_breach, only.breaches) == (1, 1)


def test_f3_of_four_ratings_before_renewals_no_mean_is_said(database: Database) -> None:
    says(database, "acme", "left", date(2026, 5, 1), 0)
    for csat in (1, 2, 4, 5):
        rated(database, "acme", csat)
    assert found(database).outcomes[0].mean is None
    rated(database, "acme", 3)
    assert found(database).outcomes[0].mean == 3.0


def test_f3_an_account_counts_once_with_its_last_renewal_and_of_that_with_the_latest_word(database: Database) -> None:
    says(database, "acme", "renewed", date(2026, 4, 1), 100)
    says(database, "acme", "left", date(2026, 6, 30), 0, "2")
    says(database, "acme", "expanded", date(2026, 6, 30), 250, "3")
    says(database, "acme", "left", date(2026, 7, 1), 0, "4")
    says(database, "beta", "expanded", date(2026, 4, 1), None)
    (only,) = found(database).outcomes
    assert (only.outcome, only.accounts, only.few) == (RenewalOutcome.EXPANDED, 2, True)
    assert (only.arr, only.arr_unknown, only.mean) == (Decimal(250), 1, None)
    assert reports.line(only) == (
        "of 2 accounts that renewed for more (few), 0 had a churn alert before; 0 breaches at 0 of them, nobody rated; "
        "revenue from then on 250, 1 of unknown revenue"
    )


def test_f3_an_alert_counts_from_when_it_was_raised_and_not_from_its_first_ticket(database: Database) -> None:
    says(database, "acme", "left", date(2026, 5, 1), 0)
    before = datetime.fromisoformat("2026-04-25T00:00:00Z")
    alerted(database, "acme", before, before + 10 * DAY)
    (only,) = found(database).outcomes
    assert only.with_alert == 0


def test_f3_four_accounts_are_few_and_five_are_not(database: Database) -> None:
    for number in range(4):
        says(database, f"a-{number}", "renewed", date(2026, 4, 1))
    assert found(database).outcomes[0].few
    says(database, "a-4", "renewed", date(2026, 4, 1))
    assert not found(database).outcomes[0].few


def test_f3_no_event_is_read(database: Database) -> None:
    breached(database, "acme", 1)
    says(database, "acme", "renewed", date(2026, 4, 1))
    with sent_to(database) as sent:
        found(database)
    assert sent.plans(of="ticket_events") == []

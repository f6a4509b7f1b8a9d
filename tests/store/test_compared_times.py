"""F3: two times compared: figures with what they are made of, and the changes of the policy in between."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from domain.core.actor import Actor
from domain.core.enums import Category, Channel, Plan, Priority, Role
from domain.core.refusal import Refused
from domain.policy.policy import Policy
from domain.report.comparison import changes, last_quarters
from domain.report.week import span_named
from domain.ticket.aggregate import open_ticket
from domain.ticket.events import Opened
from domain.ticket.state import Account
from services.policy_file.load import DEFAULT, load_policy, resolve_terms
from services.reports import compare, compare_text
from services.reports.compare import Comparison
from store import accounts, help_sessions, journal
from store.database import Database
from tests.support.packages import RECORD
from tests.support.policy import POLICY
from tests.support.query_plans import sent_to
from tests.support.ticket_life import RUN, Life

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
NOW = datetime(2026, 12, 1, tzinfo=UTC)


def later_policy(folder: Path) -> Policy:
    """Another version: Premium answers in two hours, and Tier 1 has 20 minutes."""
    text = DEFAULT.read_text()
    for old, new in (
        ('version = "default-1"', 'version = "default-2"'),
        ('first_response = "4h"', 'first_response = "2h"'),
        ('t1_limit = "15m"', 't1_limit = "20m"'),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    (folder / "policy.toml").write_text(text)
    return load_policy(folder / "policy.toml")


def lived(name: str, policy: Policy, at: datetime, minutes: int, csat: int) -> Life:
    account = Account(id=f"a{name}", plan=Plan.PREMIUM)
    body = Opened(
        source="api", external_id=name, terms=resolve_terms(policy, account, at), channel=Channel.EMAIL,
        account=account, category=Category.BUG, priority=Priority.P3,
    )  # fmt: skip
    one = Life(open_ticket(body, at, at, Actor(id="ada", role=Role.AGENT), {"subject": "It broke"}))
    one.do("take", MINUTE).do("respond", minutes * MINUTE - MINUTE, text="We look.").do("resolve", MINUTE, **RECORD)
    return one.do("rate", MINUTE, csat=csat, role="customer")


def visited(session: Session, at: datetime, *, answered: bool, ticket: str | None) -> None:
    name = uuid4().hex
    help_sessions.begin(session, None, name, "help centre", at)
    help_sessions.opened(session, name, "faq/export", at)
    if answered:
        assert help_sessions.voted(session, name, "faq/export", True, at + MINUTE)
    if ticket:
        help_sessions.link_ticket(session, name, ticket)


@pytest.fixture
def compared(database: Database, tmp_path: Path) -> Comparison:
    first, third = datetime(2026, 2, 2, 9, tzinfo=UTC), datetime(2026, 8, 3, 9, tzinfo=UTC)
    other = later_policy(tmp_path)
    lives = [lived(f"before-{n}", POLICY, first + n * DAY, 10, 3) for n in range(5)]
    lives += [lived(f"after-{n}", other, third + n * DAY, 5, 5) for n in range(10)]
    with database.begin() as session:
        accounts.save_accounts(session, [Account(id=f"known-{n}", plan=Plan.PREMIUM) for n in range(100)])
        for one in lives:
            journal.append(session, one.ticket.id, RUN, one.events)
        for at, visits, answered, wrote in ((first, 8, 3, 1), (third, 5, 4, 0)):
            for n in range(visits):
                visited(session, at + n * DAY, answered=n < answered, ticket=lives[0].ticket.id if n < wrote else None)
    with sent_to(database) as sent:
        found = compare.read(database, POLICY, span_named("2026-Q1"), span_named("2026-Q3"), NOW)
    assert not [one for one, _ in sent.statements if "ticket_events" in one]
    return found


def test_f3_figures_of_both_times_stand_with_what_they_are_made_of(compared: Comparison) -> None:
    figures = {one.name: (one.before, one.after, one.made_of) for one in compared.figures}
    assert (compared.before.opened, compared.after.opened, compared.customers) == (5, 10, 100)
    assert figures["first response, median"] == (600.0, 300.0, (5, 10))
    assert figures["satisfied"] == (0.0, 100.0, (5, 10))
    # Of eight visits three were answered, but one of these opened a ticket all the same; of five, four.
    assert figures["deflected by articles"] == (25.0, 80.0, (8, 5))
    assert figures["tickets of each account that wrote"] == (1.0, 1.0, (5, 10))
    assert figures["contacts for each ticket"] == (1.0, 1.0, (5, 10))
    assert figures["resolutions that did not hold"] == (0.0, 0.0, (5, 10))
    # In hand from the take until the resolution: 10 minutes of 40 an hour, and 5.
    assert figures["cost of a contact, at most"][:2] == (pytest.approx(40 / 6), pytest.approx(40 / 12))
    weekly = figures["tickets a week"]
    assert weekly[0] == pytest.approx(5 / (compared.before.ends - compared.before.begins).total_seconds() * 604_800)
    by_name = {one.name: one for one in compared.figures}
    assert by_name["first response, median"].change == -50.0
    assert by_name["satisfied"].change == 100.0
    assert by_name["deflected by articles"].change == 55.0


def test_f3_the_changes_of_the_policy_in_between_are_those_of_the_terms(compared: Comparison) -> None:
    assert compared.first_policy == "default-1"
    (policy,) = compared.policies
    assert (policy.version, policy.since, policy.tickets) == ("default-2", datetime(2026, 8, 3, 9, tzinfo=UTC), 10)
    assert {(one.plan, one.key, one.before, one.after) for one in policy.changes} == {
        ("premium", "plan.first_response.budget", "PT4H", "PT2H"),
        ("premium", "limits.t1_limit", "PT15M", "PT20M"),
    }
    said = "\n".join(compare_text.lines(compared))
    assert "first response, median: 10 min to 5 min (-50 %; of 5 and 10)" in said
    assert "premium limits.t1_limit: PT15M to PT20M" in said
    assert "deflected by articles: 25 % to 80 % (+55 points; of 8 and 5)" in said
    assert "customers: 100, as today, for both: nobody records how many there were" in said


def test_f3_of_fewer_than_five_there_is_no_figure(database: Database) -> None:
    one = lived("1", POLICY, datetime(2026, 2, 2, 9, tzinfo=UTC), 10, 5)
    with database.begin() as session:
        journal.append(session, one.ticket.id, RUN, one.events)
    found = compare.read(database, POLICY, span_named("2026-01"), span_named("2026-02"), NOW)
    assert [(one.before, one.after, one.change) for one in found.figures] == [(None, None, None)] * len(found.figures)


def test_f3_the_later_time_follows_the_earlier_one_and_has_begun(database: Database) -> None:
    for before, after, why in (
        ("2026-Q3", "2026-Q1", "does not follow"),
        ("2026-Q1", "2026-02", "does not follow"),
        ("2026-Q1", "2027-Q1", "has not begun"),
    ):
        with pytest.raises(Refused, match=why):
            compare.read(database, POLICY, span_named(before), span_named(after), NOW)


def test_f3_a_time_is_a_quarter_a_month_or_a_week() -> None:
    spans = {name: (span_named(name).first, span_named(name).until) for name in ("2026-q4", "2026-12", "2026-W01")}
    assert spans == {
        "2026-q4": (date(2026, 10, 1), date(2027, 1, 1)),
        "2026-12": (date(2026, 12, 1), date(2027, 1, 1)),
        "2026-W01": (date(2025, 12, 29), date(2026, 1, 5)),
    }
    assert [one.name for one in last_quarters(date(2026, 2, 28))] == ["2025-Q3", "2025-Q4"]
    for wrong in ("2026-Q5", "2026-13", "2026", "Q1", "0000-Q1"):
        with pytest.raises(Refused, match="is no time"):
            span_named(wrong)


def test_f3_only_what_a_plan_promises_is_a_change() -> None:
    terms = {
        "policy": "a",
        "rules": 4,
        "limits": {"quiet": "P3D"},
        "notices": {"x": ["lead"]},
        "calendar": {"week": [1]},
    }
    assert changes("free", terms, terms | {"policy": "b", "notices": {}, "rules": 5}) == []
    (one,) = changes("free", terms, terms | {"limits": {"quiet": "P2D"}})
    assert (one.key, one.before, one.after) == ("limits.quiet", "P3D", "P2D")

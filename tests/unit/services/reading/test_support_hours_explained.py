"""C15, C16: `sla explain` says whose hours, holidays and time zones count, and why a day is closed or half."""

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from cli import explain as command
from domain.core.actor import Actor
from domain.core.enums import Category, Channel, Plan, Priority, Role
from domain.policy.grammar import DateWindows
from domain.policy.policy import Policy
from domain.ticket.aggregate import open_ticket
from domain.ticket.events import Opened
from domain.ticket.state import Account, Ticket
from services.policy_file.load import load_policy, resolve_terms
from services.policy_file.zones import time_zones
from services.reading.explained import explained

OPENED = datetime(2026, 12, 23, 14, 0, tzinfo=UTC)
"""15:00 in Berlin, two days before Christmas."""


def with_dates(*dates: DateWindows) -> Policy:
    policy = load_policy()
    row = policy.calendars["business"]
    row = row.model_copy(update={"hours": row.hours._replace(dates=dates)})
    version = f"dates-{len(dates)}"
    return policy.model_copy(update={"calendars": policy.calendars | {"business": row}, "version": version})


def ticket(policy: Policy | None = None, **place: str) -> Ticket:
    account = Account(id="acme", plan=Plan.STANDARD, **place)
    opened = Opened(
        source="test", external_id="1", terms=resolve_terms(policy or load_policy(), account, OPENED),
        channel=Channel.EMAIL, account=account, category=Category.BUG, priority=Priority.P2,
    )  # fmt: skip
    return open_ticket(opened, OPENED, OPENED, Actor(id="ada", role=Role.AGENT), {}).state


def test_c16_the_explanation_names_zone_holidays_and_database() -> None:
    assert explained(ticket(zone="US/Eastern", region="US-NY"))["support_hours"] == {
        "calendar": "business", "zone": "America/New_York", "holidays": "US-NY", "unclear": None,
        "time_zones": time_zones(), "known_until": "2030-01-01T00:00:00Z",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ({"zone": "Europe/London"}, "the regions of GB differ in their public holidays, and none is given"),
        ({"zone": "CET"}, "no public holidays count: the zone CET lies in no country"),
        ({}, "the regions of DE differ in their public holidays, and none is given"),
    ],
)
def test_c16_the_explanation_says_what_is_not_known_of_the_holidays(place: dict[str, str], said: str) -> None:
    assert explained(ticket(**place))["support_hours"]["unclear"].startswith(said)


def test_c16_of_a_ticket_from_before_they_were_noted_nothing_is_guessed() -> None:
    old = ticket(zone="Europe/London")
    calendar = old.terms.calendar.model_copy(update={"holidays": "", "time_zones": ""})
    found = explained(old.model_copy(update={"terms": old.terms.model_copy(update={"calendar": calendar})}))
    assert [found["support_hours"][name] for name in ("holidays", "time_zones", "unclear")] == [None, None, None]


def test_c15_the_explanation_names_the_dates_that_are_closed_or_half_and_where_that_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    half, closed = DateWindows("12-24", ((9 * 60, 12 * 60),)), DateWindows("2026-12-28", ())
    shown = io.StringIO()
    monkeypatch.setattr(command, "console", lambda: Console(file=shown, width=200))
    monkeypatch.setattr(command, "print_line", lambda text: shown.write(text + "\n"))
    found = explained(ticket(with_dates(half, closed)))
    command._draw_hours(found["support_hours"])
    for one in found["clocks"]:
        command._draw(one)
    assert "support hours: business, Europe/Berlin; public holidays of DE; time zones 20" in shown.getvalue()
    assert "outside the date's own hours: calendars.business.hours.12-24" in shown.getvalue()
    assert "open: calendars.business.hours.12-24" in shown.getvalue()
    assert "closed date: calendars.business.hours.2026-12-28" in shown.getvalue()
    assert "closed date: Christmas Day" in shown.getvalue()

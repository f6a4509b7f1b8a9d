"""B3, A20: lists and tickets in terminals of 80 and 120 columns, in the time zone of the terminal."""

import io
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from cli import times
from cli.render_incident import draw_list
from cli.render_ticket import draw, draw_queue
from services.reading.lookup import Seen
from services.reading.ticket import view
from tests.support.ticket_case import given

NOW = datetime(2026, 11, 28, 20, 0, tzinfo=UTC)
ID = "ennr-yqxh-xf3t"
SUBJECT = "Dashboard is down for all users since the last release, and nobody can log in"


def line(**changes: Any) -> dict[str, Any]:
    """One ticket of a queue: breached an hour ago, with long names everywhere."""
    known = {
        "id": ID, "priority": "P0", "sla_deadline": (NOW - timedelta(minutes=63)).isoformat(), "sla_state": "breached",
        "tier": "T3", "status": "open", "waits_on": "incident", "assignee": "maximilian-of-support",
        "account": "acme-enterprise-gmbh", "plan": "enterprise", "subject": SUBJECT,
    }  # fmt: skip
    return known | changes


def incident(**changes: Any) -> dict[str, Any]:
    """One incident of a list: nobody came, an update is late."""
    known = {
        "id": "incident-12345", "priority": "P0", "product_area": "billing and invoices of large customers",
        "state": "acknowledged", "commander": "maximilian-of-support", "tickets": 3, "drill": False,
        "next_update_due": (NOW - timedelta(minutes=9)).isoformat(), "unanswered": True, "degraded": 2,
        "review_due": None, "subject": SUBJECT,
    }  # fmt: skip
    return known | changes


def paper(width: int, *, terminal: bool = False) -> tuple[Console, io.StringIO]:
    """A terminal of so many columns, and what it shows."""
    shown = io.StringIO()
    colours = "standard" if terminal else None
    return Console(file=shown, width=width, force_terminal=terminal, color_system=colours, markup=False), shown  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [80, 120, 200])
def test_b3_a_queue_fits_and_cuts_nothing_that_must_be_copied_or_seen(width: int) -> None:
    console, shown = paper(width)
    draw_queue([line(), line(id="4k7m-3q9x-tbd2", priority="P2", subject="日本語" * 40)], console, NOW)
    heading, first, second = shown.getvalue().splitlines()
    assert first.split()[:2] == [ID, "P0"]
    assert "63 min late" in first
    assert "Dashboard is" in first
    assert second.startswith("4k7m-3q9x-tbd2")
    assert max(cell_len(row.rstrip()) for row in (heading, first, second)) <= width


def test_b3_a_wide_queue_has_the_account_and_the_local_instant_too() -> None:
    console, shown = paper(240)
    draw_queue([line()], console, NOW)
    assert "acme-enterprise…" in shown.getvalue()
    assert SUBJECT in shown.getvalue()
    assert re.search(r"Sat 28 Nov \d\d:57", shown.getvalue())


def test_b3_into_a_file_nothing_is_cut_and_nothing_is_coloured(capsys: pytest.CaptureFixture[str]) -> None:
    draw_queue([line(subject="word " * 60)], now=NOW)
    told = capsys.readouterr().out
    assert len(told.splitlines()) == 2
    assert told.count("word") == 60
    assert "\x1b" not in told


def test_b3_what_is_late_is_red_and_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    console, shown = paper(80, terminal=True)
    draw_queue([line(priority="P2"), line(priority="P2", sla_state="warned")], console, NOW)
    draw_list([incident()], console, NOW)
    assert "\x1b[31m" in shown.getvalue()
    assert "\x1b[33m" in shown.getvalue()
    assert "\x1b[1;31m" in shown.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    plain, uncoloured = paper(80, terminal=True)
    draw_queue([line()], plain, NOW)
    draw_list([incident()], plain, NOW)
    assert not re.search(r"\x1b\[(\d;)?3\dm", uncoloured.getvalue())


@pytest.mark.parametrize("width", [80, 120])
def test_b3_that_nobody_came_is_seen_at_any_width(width: int) -> None:
    console, shown = paper(width)
    draw_list([incident(), incident(id="incident-1", drill=True)], console, NOW)
    for row, number in zip(shown.getvalue().splitlines()[1:], ("incident-12345", "incident-1"), strict=True):
        assert row.startswith(f"{number} ")
        assert "NOBODY CAME" in row
        assert "9 min late" in row
        assert "Dashboar" in row
        assert cell_len(row.rstrip()) <= width


def test_b3_an_incident_without_a_ticket_is_about_its_area() -> None:
    console, shown = paper(120)
    draw_list([incident(subject="", unanswered=False, degraded=0)], console, NOW)
    assert shown.getvalue().splitlines()[1].rstrip().endswith("  billing and invoices of large customers")


def test_b3_a_ticket_at_80_columns_keeps_state_and_both_sides_of_its_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    case = given(plan="premium", priority="P2")
    case.wake("Tue 09:00")
    shown = view(Seen(case.ticket, {}, live=True)) | {"timeline": []}
    console, told = paper(80)
    monkeypatch.setattr("cli.render_ticket.console", lambda: console)
    draw(shown)
    clocks = told.getvalue().partition("Clocks (")[2].partition("\n\n")[0]
    assert re.search(r"first response +contract +missed +2026-11-23 \d\d:\d\d:\d\d", clocks)
    assert re.search(r"detected +2026-11-24 \d\d:\d\d:\d\d +upheld", clocks)
    assert re.search(r"resolution +target ", clocks)
    assert "…" not in clocks
    assert all(cell_len(row.rstrip()) <= 80 for row in clocks.splitlines())


# -- Times ---------------------------------------------------------------------------------------------------


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("berlin")
def test_a20_an_instant_is_shown_in_the_terminals_zone_and_says_where_its_offset_is_another() -> None:
    assert times.zone() in ("CET", "CEST")
    winter, summer = times.local("2026-11-30T09:00:00Z"), times.local("2026-07-01T09:00:00Z")
    assert (winter[:19], summer[:19]) == ("2026-11-30 10:00:00", "2026-07-01 11:00:00")
    assert sorted((winter[19:], summer[19:])) in (["", " CEST"], ["", " CET"])
    assert times.short("2026-11-30T09:00:00Z") == "Mon 30 Nov 10:00"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "in 0 s"), (119, "in 119 s"), (120, "in 2 min"), (-180, "3 min late"), (7199, "in 119 min"), (7200, "in 2 h"),
     (86_400, "in 24 h"), (172_800, "in 2 d"), (-86_400 * 9, "9 d late")],
)  # fmt: skip
def test_b3_a_deadline_says_how_far_away_it_is(seconds: int, told: str) -> None:
    assert times.due((NOW + timedelta(seconds=seconds)).isoformat(), NOW) == told


def test_b3_where_there_is_no_instant_there_is_a_dash() -> None:
    assert (times.due(None), times.local(None), times.short(None), times.ago(None)) == ("-",) * 4
    assert times.ago((NOW - timedelta(minutes=3)).isoformat(), NOW) == "3 min ago"

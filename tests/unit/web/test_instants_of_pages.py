"""Instants that pages work out: the Sunday night that comes, and what clocks of the customer's zone show."""

import re
from datetime import UTC, date, datetime

import pytest
from jinja2 import Environment
from jinja2.runtime import Context
from markupsafe import Markup

from web.lab import next_sunday_night
from web.render import for_customer, local_times


@pytest.mark.parametrize(
    ("now", "night"),
    [
        (datetime(2026, 11, 29, 2, 59), datetime(2026, 11, 29, 3)),
        (datetime(2026, 11, 29, 3), datetime(2026, 12, 6, 3)),
        (datetime(2026, 11, 30, 3), datetime(2026, 12, 6, 3)),
    ],
)
def test_the_sunday_night_that_comes_is_still_to_come(now: datetime, night: datetime) -> None:
    assert next_sunday_night(now) == night


BERLIN = Context(Environment(), {"zone": "Europe/Berlin", "today": date(2026, 11, 30)}, None, {})
"""The page of an agent in Berlin."""


def shown(value: datetime | None, zone: str | None) -> str:
    """What stands behind an instant."""
    return Markup(for_customer(BERLIN, value, zone)).striptags()


NINE = datetime(2026, 11, 30, 8, tzinfo=UTC)  # on a Monday, in Berlin


@pytest.mark.parametrize(
    ("zone", "there"),
    [
        ("America/New_York", "(03:00 there)"),
        ("US/Eastern", "(03:00 there)"),
        ("Pacific/Auckland", "(21:00 there)"),
        ("Pacific/Pago_Pago", "(Sun 21:00 there)"),
        ("Europe/Paris", ""),  # its clocks show the same
        ("Europe/Berlin", ""),
        ("Nowhere/Land", ""),
        (None, ""),
    ],
)
def test_the_customers_time_stands_behind_an_instant_where_it_is_another(zone: str | None, there: str) -> None:
    assert shown(NINE, zone) == there
    assert shown(None, zone) == ""


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("promised until 2026-11-30 17:16:03 (promise 1)", "promised until 18:16 (promise 1)"),
        ("late since 2026-12-01 16:06 UTC. ada is told.", "late since Tue 01 Dec, 17:06. ada is told."),
        ("planned for 2026-12-04", "planned for 2026-12-04"),
        ("<b>no instant</b>", "&lt;b&gt;no instant&lt;/b&gt;"),
    ],
)
def test_instants_in_our_sentences_are_in_the_zone_of_whoever_reads(said: str, read: str) -> None:
    written = local_times(BERLIN, said)
    assert re.sub("</?time[^>]*>", "", written) == read
    assert written.count("<time ") == (said != read and "<" not in said)

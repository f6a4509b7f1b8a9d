"""C16: one time-zone database on every machine, and one name for a zone."""

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from domain.calendars.calendar import CalendarError
from domain.core.enums import Plan
from domain.ticket.state import Account
from services.policy_file.load import load_policy, resolve_terms
from services.policy_file.zone_names import _NAMED
from services.policy_file.zones import canonical_zone, country_of, time_zones, zone_info
from tests.support.root import ROOT

DATABASE = files("tzdata").joinpath("zoneinfo")
LINKS = {
    alias: target
    for kind, target, alias in (
        line.split() for line in DATABASE.joinpath("tzdata.zi").read_text("utf-8").splitlines() if line[:2] == "L "
    )
}
COUNTRIES = {
    row[2]: row[0]
    for row in (
        line.split("\t") for line in DATABASE.joinpath("zone.tab").read_text("utf-8").splitlines() if line[0] != "#"
    )
}
OF_ANOTHER_COUNTRY = {
    "Africa/Asmera": "ER", "Africa/Timbuktu": "ML", "America/Coral_Harbour": "CA", "America/Virgin": "VI",
    "Antarctica/South_Pole": "AQ", "Atlantic/Jan_Mayen": "SJ", "Iceland": "IS", "Pacific/Ponape": "FM",
    "Pacific/Truk": "FM", "Pacific/Yap": "FM",
}  # fmt: skip
"""Aliases that the database links to another country's zone because the clocks agree."""
OF_NO_COUNTRY = {"CET", "EET", "MET", "WET", "EST", "MST", "HST"}
"""Names of an offset, which the database links to a place since 2024."""


def target_of(alias: str) -> str:
    while alias in LINKS and alias not in COUNTRIES:
        alias = LINKS[alias]
    return alias


ALIASES = sorted(set(LINKS) - set(COUNTRIES) - OF_NO_COUNTRY - set(OF_ANOTHER_COUNTRY))
IN_A_COUNTRY = [alias for alias in ALIASES if target_of(alias) in COUNTRIES]


POLICY = load_policy()


def calendar_of(zone: str, region: str | None = None, at: datetime = datetime(2026, 3, 1, tzinfo=UTC)):
    return resolve_terms(POLICY, Account(id="acme", plan=Plan.STANDARD, zone=zone, region=region), at).calendar


def test_c16_there_are_aliases_to_look_at() -> None:
    assert len(IN_A_COUNTRY) > 100
    assert {"US/Eastern", "Asia/Calcutta", "GB", "NZ", "Eire", "Turkey", "Europe/Belfast"} <= set(IN_A_COUNTRY)


@pytest.mark.parametrize("alias", IN_A_COUNTRY)
def test_c16_an_alias_counts_as_its_canonical_zone(alias: str) -> None:
    assert canonical_zone(alias) == target_of(alias)
    assert country_of(alias) == COUNTRIES[target_of(alias)]
    assert calendar_of(alias) is calendar_of(target_of(alias))  # holidays and all


@pytest.mark.parametrize(("alias", "country"), OF_ANOTHER_COUNTRY.items())
def test_c16_an_alias_that_is_linked_over_a_border_keeps_its_own_country(alias: str, country: str) -> None:
    assert country_of(alias) == country


def test_c16_a_zone_of_the_table_of_countries_is_canonical() -> None:
    for zone, country in COUNTRIES.items():
        assert canonical_zone(zone) == canonical_zone(zone.lower()) == zone
        assert country_of(zone) == country


@pytest.mark.parametrize("zone", [*sorted(OF_NO_COUNTRY), "UTC", "Etc/UTC", "Etc/GMT+5", "GMT", "Zulu", "EST5EDT"])
def test_c16_a_zone_without_a_place_has_no_country_and_keeps_its_name(zone: str) -> None:
    assert (canonical_zone(zone), country_of(zone)) == (zone, None)
    assert calendar_of(zone).closed == ()


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("europe/berlin", "Europe/Berlin"), ("AMERICA/NEW_YORK", "America/New_York"), ("gb", "Europe/London"),
        ("America/New York", "America/New_York"), (" Europe/Paris ", "Europe/Paris"), ("utc", "UTC"),
        ("us/eastern", "America/New_York"), ("W. Europe Standard Time", "Europe/Berlin"),
        (" w. europe  standard time ", "Europe/Berlin"), ("Pacific Daylight Time", "America/Los_Angeles"),
        ("India Standard Time", "Asia/Kolkata"), ("Berlin", "Europe/Berlin"), ("new york", "America/New_York"),
        ("Kyiv", "Europe/Kyiv"), ("Kiev", "Europe/Kyiv"), ("Calcutta", "Asia/Kolkata"), ("Sydney", "Australia/Sydney"),
        ("Eastern Time (US & Canada)", "America/New_York"), ("pacific time (us & canada)", "America/Los_Angeles"),
        ("(GMT+01:00) Berlin", "Europe/Berlin"), ("(GMT-05:00) Eastern Time (US & Canada)", "America/New_York"),
        ("Bern", "Europe/Zurich"), ("St. Petersburg", "Europe/Moscow"), ("Samoa", "Pacific/Apia"),
        ("GMT+1", "Etc/GMT-1"), ("UTC+01:00", "Etc/GMT-1"), ("gmt -5", "Etc/GMT+5"),
        ("+02:00", "Etc/GMT-2"), ("-0500", "Etc/GMT+5"), ("z", "UTC"), ("UTC\u22125", "Etc/GMT+5"),
        ("Europe / Berlin", "Europe/Berlin"), ("europe\\berlin", "Europe/Berlin"), ("Asia/Beijing", "Asia/Shanghai"),
        ("us_slash_eastern", "America/New_York"), ("america_slash_los_angeles", "America/Los_Angeles"),
        ("(GMT-05:00) Eastern Standard Time (America/New_York)", "America/New_York"),
        ("(GMT+05:30) India Standard Time (Asia/Kolkata)", "Asia/Kolkata"),
        ("(GMT-05:00) Haiti (America/Port-au-Prince)", "America/Port-au-Prince"),
        ("Europe/Berlin (CET)", "Europe/Berlin"), ("Europe/Paris CEST", "Europe/Paris"),
        ("Z\u00fcrich", "Europe/Zurich"), ("S\u00e3o Paulo", "America/Sao_Paulo"),
        ("W.Europe Standard Time", "Europe/Berlin"),
        ("w europe standard time", "Europe/Berlin"), ("Eastern Time", "America/New_York"),
        ("Coordinated Universal Time", "UTC"), ("GMT+0", "GMT+0"), ("UTC+14", "Etc/GMT-14"), ("UTC-00:00", "Etc/GMT"),
    ],
)  # fmt: skip
def test_c16_a_zone_in_any_letters_is_taken_in_its_canonical_spelling(said: str, meant: str) -> None:
    assert canonical_zone(said) == meant
    assert calendar_of(said).zone == meant


def test_c16_an_offset_counts_as_it_is_said_and_not_with_the_sign_of_the_database() -> None:
    for said, hours in (("GMT+1", 1), ("UTC-05:00", -5), ("GMT+14", 14), ("UTC-12", -12)):
        zone = zone_info(canonical_zone(said))
        assert datetime(2026, 7, 1, tzinfo=zone).utcoffset() == timedelta(hours=hours)


def test_c16_every_other_name_leads_to_a_zone_of_the_database() -> None:
    for name, zone in _NAMED.items():
        assert canonical_zone(name) == zone
        assert canonical_zone(f"(GMT+00:00) {name}") == zone


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("Europe/Berln", ": did you mean Europe/Berlin?"), ("GMT+15", ""), ("UTC-13", ""), ("San Juan", ""),
        ("+05:30", ""), ("+2", ""), ("W. Europe Mean Time", ""), ("EMEA", ""), ("../../etc/passwd", ""),
        ("Asia/New York", ": did you mean America/New_York?"),
        ("Factory", ""), ("localtime", ""), ("Europe/Berlin today", ": did you mean Europe/Berlin?"),
        ("right/Europe/Berlin", ": did you mean Europe/Berlin?"), ("", ""),
    ],
)  # fmt: skip
def test_c16_a_zone_that_there_is_not_is_refused_with_what_may_be_meant(said: str, hint: str) -> None:
    with pytest.raises(CalendarError, match=re.escape(f"is not an IANA time zone, as Europe/Berlin is{hint}") + "$"):
        canonical_zone(said)


def test_c16_eight_hours_before_thanksgiving_end_after_it_in_a_zone_that_is_said_by_its_alias() -> None:
    calendar = calendar_of("US/Eastern", at=datetime(2027, 3, 1, tzinfo=UTC))
    start = datetime.fromisoformat("2027-11-24T15:00:00-05:00")
    assert calendar.add(start, timedelta(hours=8)) == datetime.fromisoformat("2027-11-26T15:00:00-05:00")


NEW_RULES = [
    ("America/Vancouver", "2026-12-01T08:00:00-07:00", "2026-12-01T18:00:00Z"),
    ("America/Edmonton", "2026-12-01T08:00:00-06:00", "2026-12-01T17:00:00Z"),
    ("Africa/Casablanca", "2026-12-01T08:00:00+00:00", "2026-12-01T11:00:00Z"),
]
"""Places whose rules changed in 2026: two hours of support from 08:00, which open at 09:00 local time."""


@pytest.mark.parametrize("place", ["the machine's", "an old one"])
def test_c16_the_shipped_database_counts_whatever_the_machine_has(place: str, tmp_path: Path) -> None:
    environment = dict(os.environ)
    environment.pop("PYTHONTZPATH", None)
    if place == "an old one":
        for zone, _, _ in NEW_RULES:  # a database in which all the world is in Samoa
            tmp_path.joinpath(zone).parent.mkdir(parents=True, exist_ok=True)
            tmp_path.joinpath(zone).write_bytes(DATABASE.joinpath("Pacific", "Apia").read_bytes())
        environment["PYTHONTZPATH"] = str(tmp_path)
    questions = [
        {
            "id": zone, "kind": "add", "start": start, "minutes": 120,
            "calendar": {"timezone": zone, "hours": {"tue": [["09:00", "17:00"]]}},
        }
        for zone, start, _ in NEW_RULES
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "sla", "due"],
        input="\n".join(map(json.dumps, questions)), cwd=ROOT, env=environment, capture_output=True, text=True,
        timeout=120, check=True,
    )  # fmt: skip
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["id"], one["due"]) for one in answers] == [(zone, due) for zone, _, due in NEW_RULES]


def test_c16_no_other_code_of_ours_reads_a_zone() -> None:
    rooms = ("domain", "workflows", "activities", "integrations", "store", "services", "api", "web", "workers", "cli")
    sources = [path for room in rooms for path in (ROOT / room).rglob("*.py")]
    readers = [str(path.relative_to(ROOT)) for path in sources if re.search(r"\bzoneinfo\b", path.read_text("utf-8"))]
    assert readers == ["services/policy_file/zones.py"]


def test_c16_the_version_of_the_database_is_known_and_its_rules_are_read_by_any_name() -> None:
    assert re.fullmatch(r"20\d\d[a-z]", time_zones())
    at = datetime(2026, 12, 1, 12, tzinfo=UTC)
    assert (
        at.astimezone(zone_info("US/Eastern")).utcoffset() == at.astimezone(zone_info("America/New_York")).utcoffset()
    )


@pytest.mark.parametrize("words", [["--version"], ["version"]])
def test_c16_the_command_names_the_version_of_the_database(words: list[str]) -> None:
    said = CliRunner().invoke(app, words)
    assert said.exit_code == 0
    assert re.fullmatch(r"tierline \S+, time zones 20\d\d[a-z]\n", said.output)

"""The databases that say whose public holidays close a calendar (C16)."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache

import holidays

from domain.calendars.places import UNKNOWN, Place, chosen_place, with_regions, without_a_country
from domain.core.enums import Plan
from domain.policy.check import Finding
from domain.policy.policy import Policy
from services.policy_file.zones import country_of

_YEARS = 4
"""So many years from this one on are compared to see whether a country's regions differ."""


def place_of(country: str, zone: str | None, region: str | None) -> Place:
    """Return whose holidays count for an account with this `zone` and `region`, on a calendar whose policy says
    `country`, with what is not known about that. Raises CalendarError for a zone that there is not."""
    place = chosen_place(country, zone, region, country_of(zone) if zone else None)
    return without_a_country(zone) if place is None else _with_regions(place)


def calendar_unclear(holidays_of: str, zone: str) -> str:
    """Return what is not known of the holidays of a calendar that is resolved: `Place.unclear`."""
    return (without_a_country(zone) if holidays_of == UNKNOWN else _with_regions(holidays_of)).unclear


def place_findings(policy: Policy) -> Iterator[Finding]:
    """Yield what a lead should know of the holidays of the policy's own calendars."""
    for name, row in policy.calendars.items():
        if unclear := place_of(row.holidays, None, None).unclear:
            plans = tuple(plan for plan in Plan if policy.plans[plan].calendar == name)
            yield Finding(kind="note", rule="C16", plans=plans, text=f"calendars.{name}.holidays: {unclear}")


def wrong_place(named: str) -> str | None:
    """Return what is wrong with a place as it is written, and what to write; None if it is written well."""
    if re.fullmatch(r"none|[A-Z]{2}(-[A-Z0-9]{1,5})?", named):
        return None
    plain = named.strip().upper().replace("_", "-")
    country, _, _ = plain.partition("-")
    if plain == "NONE":
        return 'write "none"'
    if re.fullmatch(r"[A-Z]{2}(-[A-Z0-9]{1,5})?", plain) and country in holidays.list_supported_countries():
        return f"write {plain}"
    return 'write a country, as "DE", or a region of it, as "DE-BY"'


def _with_regions(place: str) -> Place:
    known = place in holidays.list_supported_countries()  # else it is a region, `none`, or not noted
    return with_regions(place, _regions_that_differ(place, datetime.now(UTC).year) if known else ())


@lru_cache(maxsize=512)
def _regions_that_differ(country: str, first: int) -> tuple[str, ...]:
    """Return the regions of a country whose public holidays are not just those of the country as a whole."""
    years = range(first, first + _YEARS)
    whole = holidays.country_holidays(country, years=years)
    return tuple(
        region
        for region in whole.subdivisions
        if set(holidays.country_holidays(country, subdiv=region, years=years)) != set(whole)
    )

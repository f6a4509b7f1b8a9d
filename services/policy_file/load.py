"""From the policy file to the terms of a ticket.

The file is read once, when a process starts; every fault of it is found then, and named with its line. The
terms of a ticket are resolved at intake, from the customer's plan and place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Protocol

from holidays import list_supported_countries
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from domain.calendars.calendar import Calendar, CalendarError, intern
from domain.clocks.terms import Terms, intern_terms
from domain.core.enums import Plan
from domain.incident.terms import IncidentTerms
from domain.policy.grammar import ALWAYS_OPEN, DAYS, clock, shown
from domain.policy.policy import Policy
from domain.policy.tables import CalendarRow
from services.policy_file.calendars import build_calendar, known_span
from services.policy_file.toml_lines import Key, TomlError, line_of, parse

DEFAULT = Path(__file__).with_name("policy.toml")
"""The shipped policy: the `policy.toml` at the project's top, to which the one here is a link."""
MAX_BYTES = 64 * 1024
MAX_FAULTS = 20


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a policy file."""

    line: int
    """From 1. For a missing key, the line of the table that lacks it."""
    key: str
    """As in `plans.standard.first_response`; empty where the file itself is at fault."""
    reason: str

    def __str__(self) -> str:
        return f"{self.key}: {self.reason}" if self.key else self.reason


class PolicyError(ValueError):
    """A policy file that is of no use. Its text is one line: file, line, key and reason of the first fault."""

    def __init__(self, file: Path, faults: Sequence[Fault]) -> None:
        self.file = file
        self.faults = tuple(faults)
        more = f" (and {len(faults) - 1} more: tierline policy check)" if len(faults) > 1 else ""
        super().__init__(f"{file}:{faults[0].line}: {faults[0]}{more}")


def load_policy(path: Path | None = None) -> Policy:
    """The policy that a file holds; the shipped one if no path is given.

    Raises PolicyError for anything that is wrong with it: the file, its TOML, a key, a value, a zone or a
    country that does not exist.
    """
    file = path or DEFAULT.resolve()
    text = _read(file)
    try:
        policy = Policy.model_validate(parse(text))
    except TomlError as error:
        raise PolicyError(file, [Fault(error.line, "", f"not TOML: {error}")]) from None
    except ValidationError as error:
        raise PolicyError(file, _faults(text, error)) from None
    if faults := _unknown_places(text, policy):
        raise PolicyError(file, faults)
    return policy


def _unknown_places(text: str, policy: Policy) -> list[Fault]:
    """Zones and countries that do not exist, which is for the databases of this machine to say."""
    faults: list[Fault] = []
    for name, row in policy.calendars.items():
        # Without its holidays first: what is wrong then is the zone.
        for key, tried in (("zone", row.model_copy(update={"holidays": "none"})), ("holidays", row)):
            if reason := _refusal(tried):
                faults.append(_fault(text, ("calendars", name, key), reason))
                break
    if policy.quiet_hours:
        row = CalendarRow.model_construct(zone=policy.quiet_hours.zone, holidays="none", hours=ALWAYS_OPEN)
        if reason := _refusal(row):
            faults.append(_fault(text, ("quiet_hours", "zone"), reason))
    return faults


def _refusal(row: CalendarRow) -> str | None:
    """Why there is no such calendar; None if there is."""
    try:
        _calendar("check", row, row.zone, row.holidays, *known_span(datetime.now(UTC)))
    except CalendarError as error:
        return str(error)
    return None


def _read(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise PolicyError(file, [Fault(1, "", f"cannot be read: {error.strerror}")]) from None
    if len(data) > MAX_BYTES:
        raise PolicyError(file, [Fault(1, "", f"is larger than {MAX_BYTES // 1024} KiB")])
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PolicyError(file, [Fault(line, "", "holds bytes that are not UTF-8 text")]) from None


def _faults(text: str, error: ValidationError) -> list[Fault]:
    """What pydantic found, in the words and lines of the file: first what is there and wrong, then what is
    missing, since a misspelt key is the cause of a missing one."""
    details = error.errors(include_url=False)[:MAX_FAULTS]
    missing = [_key(detail) for detail in details if detail["type"] == "missing"]
    wrong: list[Fault] = []
    for detail in details:
        key, reason = _key(detail), _reason(detail)
        if detail["type"] == "missing":
            continue
        if detail["type"] == "extra_forbidden" and (meant := _meant(key, missing)):
            missing.remove(meant)
            reason += f": {meant[-1]} is meant?"
        wrong.append(_fault(text, key, reason))
    lacking = [_fault(text, key, "is missing") for key in missing]
    return [*sorted(wrong, key=_line), *sorted(lacking, key=_line)]


def _line(fault: Fault) -> int:
    return fault.line


def _fault(text: str, key: Key, reason: str) -> Fault:
    words = [part for part in key if isinstance(part, str)]
    name = ".".join(word if word.isprintable() else repr(word) for word in words)
    return Fault(line_of(text, key), name[:200], reason)


def _key(detail: ErrorDetails) -> Key:
    """Where the fault is. Our own faults name the rest of the way; pydantic marks a bad key with "[key]"."""
    rest = detail.get("ctx", {}).get("path", ()) if detail["type"] == "policy" else ()
    return tuple(part for part in (*detail["loc"], *rest) if part != "[key]")


def _reason(detail: ErrorDetails) -> str:
    match detail["type"]:
        case "policy":
            return detail["msg"]
        case "extra_forbidden":
            return "unknown key"
        case _:
            message = detail["msg"].removeprefix("Input ")
            return f"{shown(detail['input'])} {message}" if message != detail["msg"] else message


def _meant(key: Key, missing: list[Key]) -> Key | None:
    """The missing key of the same table that a misspelt one looks like."""
    siblings = {str(other[-1]): other for other in missing if other[:-1] == key[:-1]}
    close = get_close_matches(str(key[-1]), siblings, n=1)
    return siblings[close[0]] if close else None


class AccountLike(Protocol):
    """What the terms of a ticket depend on."""

    @property
    def plan(self) -> Plan: ...
    @property
    def zone(self) -> str | None:
        """The account's own IANA zone; None is the calendar's."""

    @property
    def region(self) -> str | None:
        """The place whose public holidays count, as in "DE" or "DE-BY"; None is the zone's country."""


def resolve_terms(policy: Policy, account: AccountLike, at: datetime) -> Terms:
    """What a ticket that the account opens at `at` is promised.

    Support hours are those of the plan's calendar, counted in the account's own zone if it has one. The
    calendar is known for three years at least; tickets of one year share it, and equal terms are one object.
    Raises CalendarError for a zone or a region that does not exist.
    """
    start, horizon = known_span(at)
    return _terms(policy, account.plan, account.zone, account.region, start, horizon)


@lru_cache(maxsize=256)
def _terms(
    policy: Policy, plan: Plan, zone: str | None, region: str | None, start: datetime, horizon: datetime
) -> Terms:
    name = policy.plans[plan].calendar
    row = policy.calendars[name]
    place = row.holidays if row.holidays == "none" else region or _place_of(zone) or row.holidays
    calendar = _calendar(name, row, zone or row.zone, place, start, horizon)
    return intern_terms(policy.terms(plan, calendar, _shifts(policy, start, horizon)))


def resolve_incident_terms(policy: Policy, area: str, at: datetime) -> IncidentTerms:
    """What an incident that is declared in `area` at `at` is paged, led and reviewed by."""
    return policy.incident_terms(area, _own_calendar(policy, policy.incidents.calendar, *known_span(at)))


@lru_cache(maxsize=16)
def _own_calendar(policy: Policy, name: str, start: datetime, horizon: datetime) -> Calendar:
    """A calendar of the policy in its own zone: somebody is waiting to be paged, so it is not made twice."""
    row = policy.calendars[name]
    return intern(_calendar(name, row, row.zone, row.holidays, start, horizon))


def _shifts(policy: Policy, start: datetime, horizon: datetime) -> dict[str, Calendar]:
    """G10: when teams are at work, in their own zone and not the account's."""
    rows = {name: policy.calendars[name] for name in sorted(policy.routing.shifts())}
    return {name: _calendar(name, row, row.zone, row.holidays, start, horizon) for name, row in rows.items()}


def _place_of(zone: str | None) -> str | None:
    """The country whose holidays come with an account's own zone; "none" if no country is known for it."""
    if zone is None:
        return None
    country = _countries().get(zone)
    return country if country in list_supported_countries() else "none"


@lru_cache(maxsize=1)
def _countries() -> Mapping[str, str]:
    """Zone -> ISO country, from the table that the time-zone database itself ships."""
    table = files("tzdata").joinpath("zoneinfo", "zone.tab").read_text("utf-8")
    rows = [line.split("\t") for line in table.splitlines() if line and not line.startswith("#")]
    return {row[2]: row[0] for row in rows}


def _calendar(name: str, row: CalendarRow, zone: str, place: str, start: datetime, horizon: datetime) -> Calendar:
    """A calendar of the policy, resolved for a zone, and for a place with its holidays ("DE-BY", "none")."""
    country, _, region = place.partition("-")
    hours = {
        day: [[clock(opens), clock(closes)] for opens, closes in windows]
        for day, windows in zip(DAYS, row.hours, strict=True)
    }
    return build_calendar(
        name,
        zone,
        hours,
        country=None if place == "none" else country,
        region=region or None,
        start=start,
        horizon=horizon,
    )

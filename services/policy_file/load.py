"""From the policy file to the terms of a ticket.

The file is read once, when a process starts; every fault of it is found then, and named with its line. The
terms of a ticket are resolved at intake, from the customer's plan and place.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from domain.calendars.calendar import Calendar, CalendarError, intern
from domain.calendars.places import NONE, UNKNOWN, Place
from domain.calendars.prolonged import prolonged
from domain.clocks.terms import Terms, intern_terms
from domain.core.enums import Plan
from domain.core.failures import NotUsable
from domain.incident.terms import IncidentTerms
from domain.policy.grammar import ALWAYS_OPEN, DAYS, clock, shortened
from domain.policy.policy import Policy
from domain.policy.tables import CalendarRow
from services.policy_file.calendars import build_calendar, known_span
from services.policy_file.places import place_of, wrong_place
from services.policy_file.toml_lines import Key, TomlError, line_of, parse
from services.policy_file.zones import canonical_zone

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


class PolicyError(NotUsable, ValueError):
    """A policy file that is of no use. Its text is one line: file, line, key and reason of the first fault."""

    def __init__(self, file: Path, faults: Sequence[Fault]) -> None:
        self.file = file
        self.faults = tuple(faults)
        more = f" (and {len(faults) - 1} more: tierline policy check)" if len(faults) > 1 else ""
        super().__init__(f"{file}:{faults[0].line}: {faults[0]}{more}")


def load_policy(path: Path | None = None) -> Policy:
    """Return the policy that a file holds; the shipped one if no path is given.

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
        hidden = _cross_references(text, error) if file != DEFAULT.resolve() else []
        raise PolicyError(file, [*_faults(text, error), *hidden][:MAX_FAULTS]) from None
    if faults := _unknown_places(text, policy):
        raise PolicyError(file, faults)
    return policy


def _unknown_places(text: str, policy: Policy) -> list[Fault]:
    """Return zones and countries that do not exist, which is for the databases of this machine to say."""
    faults: list[Fault] = []
    for name, row in policy.calendars.items():
        # Without its holidays first: what is wrong then is the zone.
        for key, tried in (("zone", row.model_copy(update={"holidays": "none"})), ("holidays", row)):
            if reason := _refusal(tried):
                faults.append(_fault(text, ("calendars", name, key), reason))
                break
    rows = {"quiet_hours": policy.quiet_hours, "digest": policy.digest, "report": policy.report}
    zones = {table: row.zone for table, row in rows.items() if row is not None}
    for table, zone in zones.items():
        row = CalendarRow.model_construct(zone=zone, holidays="none", hours=ALWAYS_OPEN)
        if reason := _refusal(row):
            faults.append(_fault(text, (table, "zone"), reason))
    return faults


def _refusal(row: CalendarRow) -> str | None:
    """Return why there is no such calendar; None if there is."""
    try:
        _calendar("check", row, row.zone, Place(row.holidays), *known_span(datetime.now(UTC)))
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
        return data.decode("utf-8-sig")  # some editors put a mark at the start
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PolicyError(file, [Fault(line, "", "holds bytes that are not UTF-8 text: save it as UTF-8")]) from None


def _faults(text: str, error: ValidationError) -> list[Fault]:
    """Return what pydantic found, in the words and lines of the file: first what is there and wrong, then what is
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


def _cross_references(text: str, error: ValidationError) -> list[Fault]:
    """Return what is wrong between keys that are right by themselves: looked at only where every key is.

    So the wrong keys are taken as in the shipped policy, once, and what is still wrong then is a fault of its own.
    """
    shipped = parse(_read(DEFAULT.resolve()))
    mended = parse(text)
    known: set[Key] = set()
    for detail in error.errors(include_url=False):
        known.add(_key(detail))
        _take_from(shipped, mended, _key(detail))
    try:
        Policy.model_validate(mended)
    except ValidationError as again:
        details = [detail for detail in again.errors(include_url=False) if detail["type"] == "policy"]
        found = [_fault(text, _key(one), _reason(one)) for one in details if not _near(_key(one), known)]
        return sorted(found, key=_line)
    return []


def _near(key: Key, known: Collection[Key]) -> bool:
    """Return whether a key is one of those that are known to be wrong, or inside or around one: it may follow from
    that."""
    return any(key[: len(other)] == other or other[: len(key)] == key for other in known)


def _take_from(shipped: Any, mended: Any, key: Key) -> None:
    """Give `mended` what stands in `shipped` under a key, or drop the key there: the last that both have of its way."""
    for part in key[:-1]:
        try:
            inside, pattern = mended[part], shipped[part] if shipped is not None else None
        except (KeyError, IndexError, TypeError):
            inside, pattern = None, None
        if not isinstance(inside, dict | list):
            key = (part,)
            break
        mended, shipped = inside, pattern
    if not key or not isinstance(mended, dict):
        return
    if isinstance(shipped, dict) and key[-1] in shipped:
        mended[key[-1]] = shipped[key[-1]]
    else:
        mended.pop(key[-1], None)


def _line(fault: Fault) -> int:
    return fault.line


def _fault(text: str, key: Key, reason: str) -> Fault:
    words = [part for part in key if isinstance(part, str)]
    name = ".".join(word if word.isprintable() else repr(word) for word in words)
    return Fault(line_of(text, key), name[:200], reason)


def _key(detail: ErrorDetails) -> Key:
    """Return where the fault is. Our own faults name the rest of the way; pydantic marks a bad key with "[key]"."""
    rest = detail.get("ctx", {}).get("path", ()) if detail["type"] == "policy" else ()
    return tuple(part for part in (*detail["loc"], *rest) if part != "[key]")


def _reason(detail: ErrorDetails) -> str:
    match detail["type"]:
        case "policy":
            return detail["msg"]
        case "extra_forbidden":
            closed = detail["loc"][:1] == ("calendars",) and detail["loc"][-1] in ("closed", "dates", "closed_days")
            return f"unknown key: {_CLOSED}" if closed else "unknown key"
        case "string_pattern_mismatch" if words := _PATTERNS.get(detail["ctx"]["pattern"]):
            return f"{shortened(detail['input'])} {words}"
        case _:
            message = detail["msg"].removeprefix("Input ")
            return f"{shortened(detail['input'])} {message}" if message != detail["msg"] else message


_CLOSED = 'a single date is a key of hours: "2026-12-24" = ["09:00-12:00"], or [] for a closed day'
_PATTERNS = {
    r"^[A-Za-z0-9._-]+$": "may hold letters, digits and . _ -, and nothing else",
    r"^[^\x00-\x1f\x7f]+$": "must be one line of text",
    r"^[A-Za-z][A-Za-z0-9_]*$": "is no field's id: write it as customfield_10042",
    r"^[A-Z][A-Z0-9_]{1,30}$": "is no project's key: write it as ENG",
    r"^[a-z]{2,3}(-[a-zA-Z0-9]{2,8})*$": "is no language: write it as en, or pt-BR",
}
"""What a text that does not fit its pattern may be, in words."""


def _meant(key: Key, missing: list[Key]) -> Key | None:
    """Return the missing key of the same table that a misspelt one looks like."""
    siblings = {str(other[-1]): other for other in missing if other[:-1] == key[:-1]}
    close = get_close_matches(str(key[-1]), siblings, n=1)
    return siblings[close[0]] if close else None


class AccountLike(Protocol):
    """What the terms of a ticket depend on."""

    @property
    def plan(self) -> Plan: ...
    @property
    def zone(self) -> str | None:
        """Return the account's own IANA zone; None is the calendar's."""

    @property
    def region(self) -> str | None:
        """Return the place whose public holidays count, as in "DE" or "DE-BY"; None is the zone's country."""


def resolve_terms(policy: Policy, account: AccountLike, at: datetime) -> Terms:
    """Return what a ticket that the account opens at `at` is promised.

    Support hours are those of the plan's calendar, counted in the account's own zone if it has one. The
    calendar is known for three years at least; tickets of one year share it, and equal terms are one object.
    Raises CalendarError for a zone or a region that does not exist.
    """
    start, horizon = known_span(at)
    zone = canonical_zone(account.zone) if account.zone else None  # C16
    return _terms(policy, account.plan, zone, account.region, start, horizon)


@lru_cache(maxsize=256)
def _terms(
    policy: Policy, plan: Plan, zone: str | None, region: str | None, start: datetime, horizon: datetime
) -> Terms:
    name = policy.plans[plan].calendar
    row = policy.calendars[name]
    place = place_of(row.holidays, zone, region)
    calendar = _calendar(name, row, zone or row.zone, place, start, horizon)
    return intern_terms(policy.terms(plan, calendar, _shifts(policy, start, horizon)))


def prolong_calendar(policy: Policy, account: AccountLike, at: datetime, known: Calendar | None) -> Calendar:
    """Return the calendar of an open ticket, known for three more years at least.

    What `known`, the calendar that the ticket has, says until its horizon stays, and so do its weekly hours and the
    place whose holidays count. Holidays, single dates and UTC offsets after that are those of today. Raises
    CalendarError as `resolve_terms` does.
    """
    if known is None:
        return resolve_terms(policy, account, at).calendar
    row = policy.calendars[policy.plans[account.plan].calendar]
    noted = known.holidays not in ("", UNKNOWN)
    place = Place(known.holidays) if noted else place_of(row.holidays, account.zone, account.region)
    row = row.model_copy(update={"hours": row.hours._replace(week=known.week)})
    return intern(prolonged(known, _calendar(known.name, row, known.zone, place, *known_span(at))))


def resolve_incident_terms(policy: Policy, area: str, at: datetime) -> IncidentTerms:
    """Return what an incident that is declared in `area` at `at` is paged, led and reviewed by."""
    return policy.incident_terms(area, _own_calendar(policy, policy.incidents.calendar, *known_span(at)))


@lru_cache(maxsize=16)
def _own_calendar(policy: Policy, name: str, start: datetime, horizon: datetime) -> Calendar:
    """Return a calendar of the policy in its own zone: somebody is waiting to be paged, so it is not made twice."""
    row = policy.calendars[name]
    return intern(_calendar(name, row, row.zone, Place(row.holidays), start, horizon))


def _shifts(policy: Policy, start: datetime, horizon: datetime) -> dict[str, Calendar]:
    """Return when teams are at work (G10), in their own zone and not the account's."""
    rows = {name: policy.calendars[name] for name in sorted(policy.routing.shifts())}
    return {name: _calendar(name, row, row.zone, Place(row.holidays), start, horizon) for name, row in rows.items()}


def _calendar(name: str, row: CalendarRow, zone: str, place: Place, start: datetime, horizon: datetime) -> Calendar:
    """Return a calendar of the policy, resolved for a zone, and for a place with its holidays."""
    if wrong := wrong_place(place.holidays):
        raise CalendarError(f"{shortened(place.holidays)} is no region: {wrong}")
    country, _, region = place.holidays.partition("-")
    none = place.holidays == NONE
    hours = {
        day: [[clock(opens), clock(closes)] for opens, closes in windows]
        for day, windows in (*zip(DAYS, row.hours.week, strict=True), *row.hours.dates)
    }
    return build_calendar(
        name,
        zone,
        hours,
        country=None if none else country,
        region=region or None,
        holidays_of=UNKNOWN if none and place.unclear else None,
        start=start,
        horizon=horizon,
    )

"""Time zones: the database that is shipped with Tierline, and the one spelling of a zone's name (C16).

Python's `zoneinfo` prefers the machine's own database, which may be years old: two machines would then give one ticket
two deadlines. So every zone is read here, from the `tzdata` package that is locked with the product, and nowhere else
(`tests/unit/test_house.py` looks).
"""

import unicodedata
from collections.abc import Mapping
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from domain.calendars.calendar_index import CalendarError
from services.policy_file.zone_names import bare_name, zone_named

_DATABASE = files("tzdata").joinpath("zoneinfo")
_NOWHERE = frozenset(
    {"CET", "EET", "MET", "WET", "EST", "MST", "HST", "EST5EDT", "CST6CDT", "MST7MDT", "PST8PDT"}
)  # fmt: skip
"""Names of an offset and not of a place, though the database links them to one since 2024."""
_MERGED = {
    "Africa/Asmera": "Africa/Asmara",
    "Africa/Timbuktu": "Africa/Bamako",
    "America/Coral_Harbour": "America/Atikokan",
    "America/Virgin": "America/St_Thomas",
    "Antarctica/South_Pole": "Antarctica/McMurdo",
    "Atlantic/Jan_Mayen": "Arctic/Longyearbyen",
    "Iceland": "Atlantic/Reykjavik",
    "Pacific/Ponape": "Pacific/Pohnpei",
    "Pacific/Truk": "Pacific/Chuuk",
    "Pacific/Yap": "Pacific/Chuuk",
}
"""Aliases that the database links to a zone of another country, whose clocks agree since 1970; a comment of its file
`backward` names the place that is meant."""


_AREAS = frozenset({"Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"})
"""Parts of the world whose zones are named after cities."""
_TWO_CITIES = frozenset({"san_juan", "north", "south", "west"})
"""What is the last word of one zone's name only, and means another place as well."""


def canonical_zone(name: str) -> str:
    """Return the canonical name of an IANA zone: `Asia/Kolkata` for `Asia/Calcutta`, `Europe/Berlin` for
    `europe/berlin`, for a city alone (`Berlin`), for Windows' `W. Europe Standard Time`, and for what Rails and Zendesk
    call it (`zone_names`). An offset (`GMT+1`) is the zone `Etc/GMT-1`.

    It is the name of the place in the database's table of countries. A zone without a place (`UTC`, `Etc/GMT+5`, `CET`)
    keeps its name. Capital letters do not matter, nor blanks for underscores. Raises CalendarError, whose text proposes
    what may be meant, for a name that the database does not have.
    """
    spelt = _spelling(name)
    if spelt in _NOWHERE:
        return spelt
    target = _MERGED.get(spelt, spelt)
    while target not in _countries() and target in _links():
        target = _links()[target]
    return target if target in _countries() else spelt


def known_zone(name: str) -> str | None:
    """Return the canonical name of an IANA zone, and None for a name that the database does not have."""
    try:
        return canonical_zone(name)
    except CalendarError:
        return None


def country_of(name: str) -> str | None:
    """Return the ISO 3166 code of the country that a zone lies in, and None for a zone without a place (`UTC`, `CET`).
    Raises CalendarError for a name that the database does not have."""
    return _countries().get(canonical_zone(name))


@lru_cache(maxsize=1)
def time_zones() -> str:
    """Return the version of the shipped time-zone database, as its publisher writes it: `2026f`."""
    with _DATABASE.joinpath("tzdata.zi").open("r", encoding="utf-8") as file:
        return file.readline().removeprefix("# version").strip()


@lru_cache(maxsize=1024)
def zone_info(name: str) -> ZoneInfo:
    """Return a zone's rules, from the shipped database. Raises CalendarError for a name that it does not have."""
    spelt = _spelling(name)
    with _DATABASE.joinpath(*spelt.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=spelt)


def _spelling(name: str) -> str:
    """Return the name as the database spells it."""
    if name in _names():
        return name
    said = bare_name(name)
    spelt = _plain_names().get(_plain(said)) or _windows_names().get(_plain(said))
    spelt = spelt or zone_named(said) or _cities().get(_plain(said)) or _in_its_area(said)
    if spelt is None:
        raise CalendarError(f"{name[:60]!r} is not an IANA time zone, as Europe/Berlin is{_hint(name)}")
    return spelt


def _in_its_area(said: str) -> str | None:
    """Return the zone of a city that the database does not name, said with its part of the world: `Asia/Beijing`."""
    area, _, city = said.rpartition("/")
    zone = zone_named(city) if area else None
    return zone if zone and zone.partition("/")[0].casefold() == area.casefold() else None


def _hint(name: str) -> str:
    """Return what may be meant: a slip of the pen."""
    close = get_close_matches(_plain(name[:60]), _plain_names(), n=1, cutoff=0.8)
    meant = [_plain_names().get(one, one) for one in close]
    return f": did you mean {meant[0]}?" if len(meant) == 1 else ""


def _plain(name: str) -> str:
    """Return a name without what does not matter: capitals, accents, blanks for underscores, and the point after a
    letter (`W. Europe`)."""
    bare = unicodedata.normalize("NFKD", name.replace(".", ". "))
    plain = "".join(char for char in bare if not unicodedata.combining(char))
    return "_".join(plain.replace("_", " ").replace(". ", " ").split()).casefold()


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    """Return every name of the database. `Factory` is the zone of a machine that nobody has set."""
    names = files("tzdata").joinpath("zones").read_text("utf-8").split()
    return frozenset(names) - {"Factory"}


@lru_cache(maxsize=1)
def _plain_names() -> Mapping[str, str]:
    """Map plain spelling to name, where only one name is spelt so."""
    found: dict[str, set[str]] = {}
    for name in _names():
        found.setdefault(_plain(name), set()).add(name)
    return {plain: names.pop() for plain, names in found.items() if len(names) == 1}


@lru_cache(maxsize=1)
def _cities() -> Mapping[str, str]:
    """Map the plain spelling of a city -> the zone that is named after it, as it was or is written."""
    found: dict[str, set[str]] = {}
    for name in _names():
        area, _, city = name.rpartition("/")
        zone = _MERGED.get(name, name)
        while zone not in _countries() and zone in _links():
            zone = _links()[zone]
        if zone in _countries() and area.partition("/")[0] in _AREAS and _plain(city) not in _TWO_CITIES:
            found.setdefault(_plain(city), set()).add(zone)
    return {city: zones.pop() for city, zones in found.items() if len(zones) == 1}


@lru_cache(maxsize=1)
def _windows_names() -> Mapping[str, str]:
    """Map the plain spelling of a name of Windows, which many CRMs export -> name, by CLDR's table in the package
    `tzlocal`."""
    from tzlocal.windows_tz import win_tz  # here: few processes meet one

    found = {_plain(name): zone for name, zone in win_tz.items() if zone in _names()}
    return found | {name.replace("_standard_time", "_daylight_time"): zone for name, zone in found.items()}


@lru_cache(maxsize=1)
def _links() -> Mapping[str, str]:
    """Map each alias of a time zone to the zone that the database links it to."""
    lines = _DATABASE.joinpath("tzdata.zi").read_text("utf-8").splitlines()
    return {alias: target for kind, target, alias in (line.split() for line in lines if line.startswith("L "))}


@lru_cache(maxsize=1)
def _countries() -> Mapping[str, str]:
    """Map each canonical zone to its ISO 3166 country, from the table that the database ships."""
    table = _DATABASE.joinpath("zone.tab").read_text("utf-8")
    rows = [line.split("\t") for line in table.splitlines() if line and not line.startswith("#")]
    return {row[2]: row[0] for row in rows}

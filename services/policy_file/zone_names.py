"""Names of time zones that are none of the database's, and that people and other systems use all the same.

Zendesk and other systems that are made with Ruby on Rails send the names of its class `ActiveSupport::TimeZone`, most
of which are cities. No package has that table in a form that is kept up, so what is no city of the database is here.
"""

import re

_OFFSET = re.compile(r"(?:(?:gmt|utc)\s*|(?=[+\u2212-]\d\d:?\d\d))([+-]|\u2212)\s*0?(\d{1,2})(?::?00)?", re.IGNORECASE)
_SHOWN = re.compile(r"\((?:gmt|utc)[+-]\d\d:\d\d\)\s*(?=\S)", re.IGNORECASE)
"""How such a system shows a zone in a list: `(GMT+01:00) Berlin`."""
_WITH_NAME = re.compile(r".*\(\s*([A-Za-z_]+(?:/[A-Za-z_+-]+){1,2})\s*\)")
"""How Salesforce shows a zone: `(GMT-05:00) Eastern Standard Time (America/New_York)`."""
_ABBREVIATED = re.compile(r"([A-Za-z_]+(?:/[A-Za-z_-]+){1,2})\s+\(?[A-Z]{2,5}\)?")
"""A name with what its clock is called for short: `Europe/Berlin (CET)`."""
_PARTED = re.compile(r"\s*(?:/|\\|_slash_)\s*", re.IGNORECASE)
"""What stands between the parts of a name: a slash, with or without blanks; HubSpot writes `us_slash_eastern`."""

_NAMED = {
    "Abu Dhabi": "Asia/Dubai",
    "Alaska": "America/Juneau",
    "American Samoa": "Pacific/Pago_Pago",
    "Arizona": "America/Phoenix",
    "Astana": "Asia/Almaty",
    "Atlantic Time (Canada)": "America/Halifax",
    "Beijing": "Asia/Shanghai",
    "Bern": "Europe/Zurich",
    "Brasilia": "America/Sao_Paulo",
    "Canberra": "Australia/Sydney",
    "Cape Verde Is.": "Atlantic/Cape_Verde",
    "Central America": "America/Guatemala",
    "Central Time (US & Canada)": "America/Chicago",
    "Chatham Is.": "Pacific/Chatham",
    "Chennai": "Asia/Kolkata",
    "Eastern Time (US & Canada)": "America/New_York",
    "Edinburgh": "Europe/London",
    "Ekaterinburg": "Asia/Yekaterinburg",
    "Georgetown": "America/Guyana",
    "Greenland": "America/Nuuk",
    "Guadalajara": "America/Mexico_City",
    "Hanoi": "Asia/Ho_Chi_Minh",
    "Hawaii": "Pacific/Honolulu",
    "Indiana (East)": "America/Indiana/Indianapolis",
    "International Date Line West": "Etc/GMT+12",
    "Islamabad": "Asia/Karachi",
    "Marshall Is.": "Pacific/Majuro",
    "Mid-Atlantic": "Atlantic/South_Georgia",
    "Midway Island": "Pacific/Midway",
    "Mountain Time (US & Canada)": "America/Denver",
    "Mumbai": "Asia/Kolkata",
    "New Caledonia": "Pacific/Noumea",
    "New Delhi": "Asia/Kolkata",
    "Newfoundland": "America/St_Johns",
    "Nuku'alofa": "Pacific/Tongatapu",
    "Osaka": "Asia/Tokyo",
    "Pacific Time (US & Canada)": "America/Los_Angeles",
    "Pretoria": "Africa/Johannesburg",
    "Quito": "America/Guayaquil",
    "Samoa": "Pacific/Apia",
    "Sapporo": "Asia/Tokyo",
    "Saskatchewan": "America/Regina",
    "Solomon Is.": "Pacific/Guadalcanal",
    "Sri Jayawardenepura": "Asia/Colombo",
    "St. Petersburg": "Europe/Moscow",
    "Tokelau Is.": "Pacific/Fakaofo",
    "Wellington": "Pacific/Auckland",
    "Z": "UTC",
    "Coordinated Universal Time": "UTC",
    "Greenwich Mean Time": "GMT",
    "Atlantic Time": "America/Halifax",
    "Central Time": "America/Chicago",
    "Eastern Time": "America/New_York",
    "Mountain Time": "America/Denver",
    "Pacific Time": "America/Los_Angeles",
    "West Central Africa": "Africa/Algiers",
}
"""Name -> zone of the place that it names: where Rails has another zone of the same clock (Hanoi, Quito, Canberra), the
place counts, since its public holidays do."""
_BY_PLAIN_NAME = {name.casefold(): zone for name, zone in _NAMED.items()}


def bare_name(name: str) -> str:
    """Return a name without what other systems show with it: `Berlin` for `(GMT+01:00) Berlin`, `America/New_York` for
    `(GMT-05:00) Eastern Standard Time (America/New_York)`, and with plain slashes between its parts."""
    said = " ".join(name.split())
    shown = _WITH_NAME.fullmatch(said) or _ABBREVIATED.fullmatch(said)
    return _PARTED.sub("/", shown[1] if shown else _SHOWN.sub("", said, count=1))


def zone_named(name: str) -> str | None:
    """Return the zone that such a name means, and None for any other. `GMT+1` and `UTC-05:00` are offsets, which the
    database spells with the other sign: `Etc/GMT-1`. It has full hours only."""
    plain = " ".join(name.split()).casefold()
    if offset := _OFFSET.fullmatch(plain):
        hours = int(offset[2])
        east = offset[1] == "+"
        if hours > (14 if east else 12):
            return None
        return f"Etc/GMT{'-' if east else '+'}{hours}" if hours else "Etc/GMT"
    return _BY_PLAIN_NAME.get(plain)

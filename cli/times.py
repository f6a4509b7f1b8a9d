"""Instants as people read them at a terminal: in the time zone of the terminal, and how far away they are.

The zone is that of the machine, or the one that the variable TZ names. What programs read (`--json`) is UTC.
"""

from datetime import UTC, datetime, timedelta

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def zone() -> str:
    """Return the name of the terminal's time zone as it is now, such as UTC or CEST."""
    return datetime.now().astimezone().tzname() or "local"


def local(iso: str | None) -> str:
    """Return an instant of a view in the terminal's zone, to the second; "-" where there is none.

    One on which the zone has another offset than now says its own: clocks are changed in between.
    """
    if not iso:
        return "-"
    at = datetime.fromisoformat(iso).astimezone()
    other = "" if at.utcoffset() == datetime.now().astimezone().utcoffset() else f" {at.tzname()}"
    return f"{at:%Y-%m-%d %H:%M:%S}{other}"


def short(iso: str | None) -> str:
    """Return an instant of a view in the terminal's zone, to the minute, with its weekday and without its year."""
    return f"{datetime.fromisoformat(iso).astimezone():%a %d %b %H:%M}" if iso else "-"


def due(iso: str | None, now: datetime | None = None) -> str:
    """Return how far away a deadline is, as in `in 12 min` or `3 h late`; "-" where there is none."""
    if not iso:
        return "-"
    left = datetime.fromisoformat(iso) - (now or datetime.now(UTC))
    return f"in {span(left)}" if left >= timedelta(0) else f"{span(-left)} late"


def ago(iso: str | None, now: datetime | None = None) -> str:
    """Return how long ago something was, as in `3 min ago`; "-" where it was not."""
    return f"{span((now or datetime.now(UTC)) - datetime.fromisoformat(iso))} ago" if iso else "-"


def span(time: timedelta) -> str:
    """Return a length of time by its greatest unit, of which there are at least two."""
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if time >= 2 * unit:
            return f"{time // unit} {name}"
    return f"{max(int(time.total_seconds()), 0)} s"

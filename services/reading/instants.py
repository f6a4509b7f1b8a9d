"""Instants as they are shown."""

from datetime import UTC, datetime


def instant_text(at: datetime | None) -> str:
    """Return an instant for people, in UTC, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if at else "-"


def iso(at: datetime | None) -> str | None:
    """Return an instant for programs: ISO 8601 in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None

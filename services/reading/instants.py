"""Instants as they are shown."""

from datetime import UTC, datetime


def shown(at: datetime | None) -> str:
    """An instant for people, in UTC, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if at else "-"


def iso(at: datetime | None) -> str | None:
    """An instant for programs: ISO 8601 in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None

"""C15: a date may have windows of its own, which beat those of its weekday and a public holiday."""

from datetime import date

from pydantic import Field

from domain.core.values import Frozen

Minute = int
"""A minute of the local day, 0..1440."""
Windows = tuple[tuple[Minute, Minute], ...]


class OwnDay(Frozen):
    """A local date that has windows of its own instead of its weekday's: a half day, an extra working day."""

    day: date
    windows: Windows = Field(min_length=1, max_length=24)
    label: str = Field(default="own hours", min_length=1, max_length=200)
    """Where that is said: `calendars.business.hours.12-24`."""

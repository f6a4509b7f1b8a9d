"""A log of recorded incidents: JSON lines, plain or gzip, one incident a line.

`{"id", "opened_at", "product", "impact", "country", "events": [{"at", "state", "tier", "team", "actor"}], "closed_at"}`

Times carry their zone. What else stands in a line is ignored. The file is from outside, so every line is bounded,
and the first that is wrong ends the reading with its number.
"""

import gzip
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO, Literal, Self, cast

from pydantic import (
    AfterValidator,
    AwareDatetime,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from domain.core.values import Frozen

MAX_LINE = 1024 * 1024
"""Bytes of one incident."""
MAX_EVENTS = 5_000
"""Events of one incident."""
MAX_INCIDENTS = 1_000_000

_GZIP = b"\x1f\x8b"


class LogError(ValueError):
    """A log that cannot be used. Its text is one line: file, line and reason."""

    def __init__(self, file: Path, line: int, reason: str) -> None:
        self.file, self.line, self.reason = file, line, reason
        super().__init__(f"{file}:{line}: {reason}")


class State(StrEnum):
    """What an incident can be in, as `Status/Sub Status`."""

    IN_PROGRESS = "Accepted/In Progress"
    ASSIGNED = "Accepted/Assigned"
    QUEUED = "Queued/Awaiting Assignment"
    WAIT_USER = "Accepted/Wait - User"
    WAIT = "Accepted/Wait"
    WAIT_IMPLEMENTATION = "Accepted/Wait - Implementation"
    WAIT_VENDOR = "Accepted/Wait - Vendor"
    WAIT_CUSTOMER = "Accepted/Wait - Customer"
    RESOLVED = "Completed/Resolved"
    IN_CALL = "Completed/In Call"
    CLOSED = "Completed/Closed"
    CANCELLED = "Completed/Cancelled"
    UNMATCHED = "Unmatched/Unmatched"

    @property
    def completed(self) -> bool:
        return self in (State.RESOLVED, State.IN_CALL, State.CLOSED, State.CANCELLED)


class Impact(StrEnum):
    """How much it hurt: the final value, once per incident."""

    LOW = "Low"
    MEDIUM = "Medium"
    HIGH = "High"
    MAJOR = "Major"


def _to_utc(at: datetime) -> datetime:
    if not 1970 <= at.year <= 2100:  # asked before it is converted, which no year at the edge survives
        raise ValueError("the year must be from 1970 to 2100")
    return at.astimezone(UTC)


Time = Annotated[AwareDatetime, AfterValidator(_to_utc)]
_NO_CONTROLS = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$"
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=_NO_CONTROLS)]
"""A code or an id, without anything that could act on a terminal."""


class RecordedEvent(Frozen):
    """One line of an incident's history: what it was in from `at` on, and in whose hands."""

    model_config = ConfigDict(strict=True)

    at: Time
    state: State
    tier: Literal[1, 2, 3] | None = None
    """The support line. None where the log does not say which."""
    team: Name
    actor: Name
    """An agent's code, or `system` for the log's automatic account."""


class Recorded(Frozen):
    """One recorded incident. Its events are in order of time; those of one instant in the order of the file."""

    model_config = ConfigDict(strict=True)

    id: Name
    opened_at: Time
    product: Name
    impact: Impact
    country: Name
    events: Annotated[tuple[RecordedEvent, ...], Field(min_length=1, max_length=MAX_EVENTS)]
    closed_at: Time | None = None
    """None where the log ends before the incident does."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        ordered = tuple(sorted(self.events, key=lambda event: event.at))
        if ordered[0].at < self.opened_at:
            raise ValueError("an event before opened_at")
        if self.closed_at and self.closed_at < ordered[-1].at:
            raise ValueError("an event after closed_at")
        object.__setattr__(self, "events", ordered)
        return self


def read(file: Path) -> Iterator[Recorded]:
    """Yield the incidents of a log, one at a time, in the order of the file.

    Raises LogError with the number of the line that is wrong, after the incidents before it. An id that comes
    twice is wrong too: the second would be taken for the first.
    """
    seen: dict[str, int] = {}
    for number, line in _lines(file):
        if not line.strip():
            continue
        try:
            recorded = Recorded.model_validate_json(line)
        except ValidationError as error:
            raise LogError(file, number, _reason(error)) from None
        if recorded.id in seen:
            raise LogError(file, number, f"id {recorded.id} stands in line {seen[recorded.id]} already")
        if len(seen) == MAX_INCIDENTS:
            raise LogError(file, number, f"more than {MAX_INCIDENTS} incidents")
        seen[recorded.id] = number
        yield recorded


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """Yield numbered lines. No more than one is held in memory, however well the file was compressed."""
    number = 0
    try:
        with _opened(file) as stream:
            while line := stream.readline(MAX_LINE + 1):
                number += 1
                if len(line) > MAX_LINE:
                    raise LogError(file, number, f"longer than {MAX_LINE // 1024} KiB")
                yield number, line
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise LogError(file, number + 1, "the gzip data is damaged or cut off") from None
    except OSError as error:
        raise LogError(file, number + 1, f"cannot be read: {error.strerror}") from None


def _opened(file: Path) -> BinaryIO:
    """Open a file, plain or gzip by its content, not by its name."""
    with file.open("rb") as stream:
        compressed = stream.read(len(_GZIP)) == _GZIP
    return cast(BinaryIO, gzip.open(file, "rb")) if compressed else file.open("rb")


def _reason(error: ValidationError) -> str:
    """Return the first fault, by the name of its field, without repeating the content."""
    fault = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(str(part) for part in fault["loc"])
    message = fault["msg"].removeprefix("Value error, ")[:200]
    return f"{place}: {message}" if place else message

"""F5: a notice that is gathered waits for the next time of day of the digest, on the wall clock of its zone."""

from datetime import UTC, datetime
from typing import Any

import pytest

from domain.policy.digest import DigestRow
from domain.policy.policy import QuietHours
from tests.support.policy import POLICY
from workers.quiet_hours import digests

BERLIN = {
    "notices": ["week_report"],
    "audiences": ["lead"],
    "times": ["02:30", "08:00", "16:00"],
    "zone": "Europe/Berlin",
}
QUIET = {"from": "20:00", "to": "09:15", "zone": "Europe/Berlin"}


def digest_at(now: datetime, quiet: dict[str, str] | None = None, **changed: Any) -> datetime | None:
    """When a report of the week that the lead would get goes with the digest."""
    hours = QuietHours.model_validate(quiet) if quiet else None
    row = DigestRow.model_validate(BERLIN | changed)
    policy = POLICY.model_copy(update={"digest": row, "quiet_hours": hours})
    return digests(policy)("week_report", "lead", now)


def utc(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "at"),
    [
        (utc(1, 5, 1, 29), utc(1, 5, 1, 30)),
        (utc(1, 5, 1, 30), utc(1, 5, 7)),  # at the time itself it is the next one
        (utc(1, 5, 7), utc(1, 5, 15)),
        (utc(1, 5, 15), utc(1, 6, 1, 30)),
        (utc(1, 5, 23, 30), utc(1, 6, 1, 30)),  # in Berlin it is the next day already
        (utc(7, 6, 5, 59), utc(7, 6, 6)),
        # 29 March: the clocks skip 02:00 to 03:00, so 02:30 counts as 03:30, and 08:00 is an hour nearer.
        (utc(3, 29, 0, 45), utc(3, 29, 1, 30)),
        (utc(3, 29, 1, 30), utc(3, 29, 6)),
        # 25 October: 02:30 comes twice, and counts the first time.
        (utc(10, 25, 0, 29), utc(10, 25, 0, 30)),
        (utc(10, 25, 0, 30), utc(10, 25, 7)),
    ],
)
def test_f5_the_digest_goes_at_the_next_of_its_times(now: datetime, at: datetime) -> None:
    assert digest_at(now) == at


def test_f5_a_digest_in_the_quiet_hours_is_put_off_to_their_end() -> None:
    assert digest_at(utc(1, 5, 22), QUIET) == utc(1, 6, 8, 15)
    assert digest_at(utc(1, 5, 7, 30), QUIET) == utc(1, 5, 8, 15)
    assert digest_at(utc(1, 5, 8, 15), QUIET) == utc(1, 5, 15)
    assert digest_at(utc(1, 5, 22), QUIET, times=["21:00"]) == utc(1, 6, 8, 15)  # of the evening that is over


def test_f5_what_is_not_named_is_in_no_digest() -> None:
    policy = POLICY.model_copy(update={"digest": DigestRow.model_validate(BERLIN)})
    assert digests(policy)("week_report", "ops", utc(1, 5, 1)) is None
    assert digests(policy)("warning", "lead", utc(1, 5, 1)) is None
    assert digests(POLICY)("week_report", "lead", utc(1, 5, 1)) is None

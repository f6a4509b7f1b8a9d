"""What an answer means, whoever gave it."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import requests

from integrations.calls import Failure, RateLimited, Rejected, Unauthorized, Unknown, of_answer


def answered(status: int, **headers: str) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return response


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (302, Rejected),
        (400, Rejected),
        (401, Unauthorized),
        (403, Unauthorized),
        (404, Rejected),
        (408, Unknown),
        (409, Rejected),
        (413, Rejected),
        (422, Rejected),
        (429, RateLimited),
        (500, Unknown),
        (502, Unknown),
        (503, Unknown),
        (504, Unknown),
    ],
)
def test_only_a_definite_no_counts_as_nothing_done(status: int, meaning: type[Failure]) -> None:
    assert type(of_answer("Jira", answered(status))) is meaning


def test_retry_after_comes_as_seconds_or_as_a_date_and_is_bounded() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=120), usegmt=True)

    waits = [
        of_answer("Jira", answered(429, Retry_After=value)).retry_after
        for value in ("17", "999999999", "soon", "", "-5", "\u00b2", "Sat, 01 Jan 2000 00:00:00 GMT", date)
    ]

    assert waits[:7] == [17.0, 3600.0, None, None, None, None, 0.0]
    assert 60 < (waits[7] or 0) <= 120


def test_a_gateways_retry_after_does_not_make_the_outcome_known() -> None:
    failure = of_answer("Jira", answered(503, Retry_After="9"))

    assert type(failure) is Unknown
    assert failure.retry_after == 9.0


def test_the_other_sides_words_are_bounded_and_on_one_line() -> None:
    failure = of_answer("Jira", answered(400), detail="no\x1b[31m\n" * 1000)

    assert len(str(failure)) == 500
    assert "\n" not in str(failure)
    assert "\x1b" not in str(failure)

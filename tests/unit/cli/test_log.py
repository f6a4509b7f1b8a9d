"""A10: a failure that is expected is one line of the log; a bug keeps its traceback."""

import logging
import re
import sys

import pytest
from temporalio.exceptions import ApplicationError

from cli.log import LINE, OneLine
from store.database import DatabaseDown


def written(error: Exception) -> str:
    try:
        raise error
    except Exception:
        record = logging.LogRecord("temporalio.activity", logging.WARNING, "x.py", 1, "Completing activity as failed",
                                   (), sys.exc_info())  # fmt: skip
    return OneLine(LINE).format(record)


@pytest.mark.parametrize(
    "error",
    [
        ApplicationError("Jira cannot be reached\nat all"),
        DatabaseDown("PostgreSQL at h does not answer"),
        BrokenPipeError("the client has gone"),
    ],
)
def test_a10_an_expected_failure_is_one_line_with_its_reason(error: Exception) -> None:
    line = written(error)
    assert "\n" not in line
    time, told = line.split(" WARNING ")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}", time)
    assert told.startswith("temporalio.activity: Completing activity as failed: ")
    assert " ".join(str(error).split()) in line


def test_a10_a_bug_keeps_its_traceback() -> None:
    told = written(KeyError("ours"))
    assert "Traceback (most recent call last)" in told
    assert "KeyError" in told

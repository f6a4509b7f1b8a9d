"""What the processes log: one line for a failure that is expected, a traceback for a bug of ours."""

import logging

from temporalio.exceptions import ApplicationError, CancelledError

from domain.core.failures import ExpectedFailure

EXPECTED = (ExpectedFailure, ApplicationError, CancelledError, ConnectionError)
"""Failures that are told on one line: Jira or the database is away, an activity that will be tried again, a client
that has gone."""
LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"
"""A line of every log of ours: time, level, logger, message."""


class OneLine(logging.Formatter):
    """Writes a record; of a failure that is expected, its kind and text in place of its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as it is written."""
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, EXPECTED):
            return super().format(record)
        bare = logging.makeLogRecord(record.__dict__ | {"exc_info": None, "exc_text": None, "stack_info": None})
        text = " ".join(str(error).split())[:500]
        return f"{super().format(bare)}: {type(error).__name__}: {text}"


def begin_log() -> None:
    """Log on stderr, each line with its time; Temporal's own chatter only where something is wrong."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine(LINE))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("tierline").setLevel(logging.INFO)

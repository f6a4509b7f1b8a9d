"""What the processes log: one line for a failure that is expected, a traceback for a bug of ours.

As text for people, or as JSON for programs (TIERLINE_LOG). Whatever logs through Python's own `logging`, ours and the
libraries', is written by one of the two formatters here.
"""

import logging
from collections.abc import MutableMapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal

import structlog
from structlog.stdlib import ProcessorFormatter
from temporalio import activity, workflow
from temporalio.exceptions import ApplicationError, CancelledError

from domain.core.failures import ExpectedFailure
from services.log_context import in_order, of_workflow

EXPECTED = (ExpectedFailure, ApplicationError, CancelledError, ConnectionError)
"""Failures that are told on one line: Jira or the database is away, an activity that will be tried again, a client
that has gone."""
LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"
"""A line of a log as text: time, level, logger, message."""
Form = Literal["text", "json"]
OF_A_RECORD = ("method", "endpoint", "status", "seconds")
"""What a record may say of itself beside its message (`extra`): of a request to the API."""
MOST_OF_A_REASON = 500
"""Characters of a failure's text."""


class OneLine(logging.Formatter):
    """Writes a record; of a failure that is expected, its kind and text in place of its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as it is written."""
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, EXPECTED):
            return super().format(record)
        bare = logging.makeLogRecord(record.__dict__ | {"exc_info": None, "exc_text": None, "stack_info": None})
        return f"{super().format(bare)}: {type(error).__name__}: {_reason(error)}"


def json_lines() -> logging.Formatter:
    """Return the formatter that writes each record as one JSON object on one line.

    `time` is an instant in UTC; `level`, `logger` and `message` are always there. Then come the ids that the line is
    about (`services.log_context`), what an API request was, and of a failure `error_type`, `error` and, if it is a bug,
    its traceback in `exception`. Nothing else that a library attaches to a record gets in.
    """
    return ProcessorFormatter(
        processors=[
            structlog.contextvars.merge_contextvars,
            _as_written,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )


def begin_log(form: Form = "text") -> None:
    """Log on stderr, each line with its time; Temporal's own chatter only where something is wrong."""
    handler = logging.StreamHandler()
    handler.setFormatter(json_lines() if form == "json" else OneLine(LINE))
    # As text, a line of the SDK ends with what it is about; in JSON, that stands in fields.
    activity.logger.activity_info_on_message = form == "text"
    workflow.logger.workflow_info_on_message = form == "text"
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("tierline").setLevel(logging.INFO)


def _as_written(_logger: Any, _method: str, bound: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Make the object of a record, with the ids that are bound: a processor of structlog."""
    record: logging.LogRecord = bound["_record"]
    line: dict[str, Any] = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": bound["event"],
    }
    line |= in_order({**record.__dict__, **_of_temporal(record), **bound})
    line |= {name: record.__dict__[name] for name in OF_A_RECORD if name in record.__dict__}
    return line | _failure(bound.get("exc_info"))


def _of_temporal(record: logging.LogRecord) -> dict[str, Any]:
    """Return what Temporal's SDK says of the workflow or activity that a record is about; its core says it apart."""
    said = record.__dict__
    core = getattr(said.get("temporal_log"), "fields", {})
    details = said.get("temporal_activity") or said.get("temporal_workflow") or core
    ids: dict[str, Any] = dict(of_workflow(details.get("workflow_id")))
    if kind := details.get("activity_type"):
        ids |= {"activity": kind, "attempt": details.get("attempt")}
    return ids


def _failure(raised: tuple[type[BaseException], BaseException, TracebackType | None] | None) -> dict[str, str]:
    error = raised[1] if raised else None
    if raised is None or error is None:
        return {}
    told = {"error_type": type(error).__name__, "error": _reason(error)}
    if not isinstance(error, EXPECTED):
        told["exception"] = logging.Formatter().formatException(raised)
    return told


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split())[:MOST_OF_A_REASON]

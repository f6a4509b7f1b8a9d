"""What a line of the log is about: ids that hold while something is done, and stand in each line of TIERLINE_LOG=json.

Only the names below are written, and they name ids alone: no text, no person, no account.
"""

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from structlog.contextvars import bound_contextvars

FIELDS = ("ticket", "incident", "request_id", "trace_id", "workflow_id", "activity", "attempt", "source", "delivery")
"""What a line may be about. Whatever else is bound is left out."""
_WORKFLOW = re.compile(r"(ticket|incident)-([0-9a-z-]+)")
_PATH = re.compile(r"/(ticket|incident)s/([0-9][0-9]*|[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4})(?:/|$)")
_TRACE = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")
"""W3C Trace Context: version, the trace's id, the parent's id, flags."""


def about(**ids: object) -> AbstractContextManager[None]:
    """Have every line that is logged in the block, and in the threads and tasks that it starts, name these ids.

    None is left out. An unknown name is a mistake: raises KeyError.
    """
    if unknown := ids.keys() - set(FIELDS):
        raise KeyError(f"no field of the log: {', '.join(sorted(unknown))}")
    return bound_contextvars(**{name: value for name, value in ids.items() if value is not None})


def of_workflow(workflow_id: str | None) -> dict[str, str]:
    """Return what the id of a workflow names: itself, and the ticket or the incident that it is."""
    if not workflow_id:
        return {}
    found = _WORKFLOW.fullmatch(workflow_id)
    return {"workflow_id": workflow_id} | ({found[1]: found[2]} if found else {})


def of_request(request_id: str, path: str, headers: Mapping[str, str]) -> dict[str, str]:
    """Return what a request names: its id, the ticket or incident in its address, and the trace that it is part of.

    The trace is the caller's, from the header `traceparent` (W3C Trace Context); one that is malformed counts as none.
    """
    ids = {"request_id": request_id}
    if found := _PATH.search(path):
        ids[found[1]] = found[2]
    trace = _TRACE.fullmatch(headers.get("traceparent", ""))
    if trace and trace[1].strip("0"):
        ids["trace_id"] = trace[1]
    return ids


def in_order(ids: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the ids that a line may name, in the order of `FIELDS`."""
    return {name: ids[name] for name in FIELDS if name in ids}

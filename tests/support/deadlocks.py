"""Keep Temporal's deadlock detector from judging the machine instead of the workflow."""

from typing import Any

from temporalio.worker._workflow import _WorkflowWorker

BOUND = 60.0
"""Seconds until a workflow task counts as deadlocked; the SDK's two are too few where many tests share a machine."""


def be_patient() -> None:
    """Give each worker and replayer that this process starts from now on the time of `BOUND`."""
    begin = _WorkflowWorker.__init__
    if hasattr(begin, "patient"):
        return

    def begin_patiently(self: Any, *args: Any, **options: Any) -> None:
        begin(self, *args, **options)
        assert self._deadlock_timeout_seconds in (2, None), "the SDK has changed: see whether this is needed still"
        self._deadlock_timeout_seconds = BOUND

    begin_patiently.patient = True  # type: ignore[attr-defined]
    _WorkflowWorker.__init__ = begin_patiently  # type: ignore[method-assign]

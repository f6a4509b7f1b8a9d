"""How a client's failure becomes Temporal's: try again, try again later, or never."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from temporalio.exceptions import ApplicationError

from integrations.calls import Failure, Rejected
from workflows.ports import REFUSED


@contextmanager
def as_temporal_failures() -> Iterator[None]:
    """Turn failures into those of Temporal. A 4xx is never tried again; all else is, after the pause that was asked
    for."""
    try:
        yield
    except Rejected as error:
        fields = "; ".join(f"{name}: {fault}" for name, fault in error.field_errors.items())
        message = f"{error} ({fields})" if fields else str(error)
        raise ApplicationError(message[:1000], error.field_errors, type=REFUSED, non_retryable=True) from None
    except Failure as error:
        pause = timedelta(seconds=error.retry_after) if error.retry_after else None
        raise ApplicationError(str(error)[:1000], type=type(error).__name__, next_retry_delay=pause) from None

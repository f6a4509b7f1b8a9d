"""Comparing the journal with Temporal: how much differs, kept for the metrics."""

from collections.abc import Awaitable, Callable

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.service import RPCError

from store.database import DatabaseDown
from workflows import ports

Compare = Callable[[], Awaitable[ports.CompareResult]]
"""Compares and puts what was found on record. Raises DatabaseDown, RPCError."""


class ComparisonActivities:
    """Asks for lists, and looks by itself only at what differs in them. Changes nothing but the record of it."""

    def __init__(self, compare: Compare) -> None:
        self._compare = compare

    @activity.defn(name=ports.COMPARE.name)
    async def compare_with_journal(self, _request: ports.Nothing) -> ports.CompareResult:
        """Compare. Repeated, it compares anew."""
        try:
            return await self._compare()
        except (DatabaseDown, RPCError) as error:
            expected = ApplicationErrorCategory.BENIGN
            message = f"the journal and Temporal could not be compared: {error}"
            raise ApplicationError(message, type=type(error).__name__, category=expected) from None

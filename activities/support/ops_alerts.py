"""Alerts to those who run Tierline: notices of the row `integration_failing`, which belong to no ticket (F5)."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from domain.aggregate.effect import Notice
from store import outbox

NAME = "integration_failing"
"""The row of the policy's notices."""


class OpsAlerts:
    """Writes alerts to the outbox. An alert with a key that was written before is not sent twice."""

    def __init__(self, audiences: Sequence[str]) -> None:
        """`audiences` are those that the policy's row names."""
        self._audiences = tuple(audiences)

    def alert(self, session: Session, key: str, text: str) -> None:
        """Write an alert to the outbox, in the transaction of `session`. `text` holds no personal data."""
        for audience in self._audiences:
            notice = Notice(
                key=f"{NAME}:{key}:{audience}",
                name=NAME,
                ticket=None,
                audience=audience,
                recipient=None,
                title=text[:255],
                at=datetime.now(UTC),
            )
            outbox.put_or_renew(session, notice)

"""A word to those who run Tierline, from whatever has found something for them to do (F5)."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from domain.aggregate.effect import Notice
from store import outbox

NAME = "integration_failing"
"""The row of the policy's notices."""


class Ops:
    """Notices that belong to no ticket. The same key is told once."""

    def __init__(self, audiences: Sequence[str]) -> None:
        self._audiences = tuple(audiences)

    def tell(self, session: Session, key: str, said: str) -> None:
        """Leave a notice in the outbox, in the transaction of `session`. No personal data in `said`."""
        for audience in self._audiences:
            notice = Notice(
                key=f"{NAME}:{key}:{audience}",
                name=NAME,
                ticket=None,
                audience=audience,
                recipient=None,
                title=said[:255],
                at=datetime.now(UTC),
            )
            outbox.put_or_renew(session, notice)

"""What a ticket of an incident says, for whoever is woken by it and has never seen it: what is broken, for whom, since
when.
"""

from collections.abc import Mapping
from datetime import datetime

from domain.clocks.clock import effective
from domain.core.enums import Metric
from domain.core.text import one_line
from domain.core.values import Frozen
from domain.documents.redaction import redact
from domain.ticket.state import Ticket

SUBJECT_LIMIT, WORDS_LIMIT = 200, 1500
"""Characters of a subject, and of the customer's words."""


class Reported(Frozen):
    """One ticket of an incident, without personal data."""

    ticket: str
    subject: str = ""
    words: str = ""
    """The beginning of what the customer wrote."""
    account: str
    """With its plan and revenue, as in `acme, enterprise, ARR 84000`."""
    since: datetime
    """When the ticket came in."""
    due: datetime | None = None
    """When it must be resolved."""

    @classmethod
    def of(cls, ticket: Ticket, texts: Mapping[str, str]) -> "Reported":
        """Make it of a ticket and its texts, by where they stand."""
        account = ticket.account
        revenue = f"ARR {account.arr}" if account.arr is not None else "ARR unknown"
        resolution = effective(ticket.clocks, Metric.RESOLUTION)
        return cls(
            ticket=ticket.id,
            subject=one_line(redact(texts.get("1.subject", "")).text, SUBJECT_LIMIT),
            words=redact(texts.get("1.description", "")).text.strip()[:WORDS_LIMIT],
            account=f"{account.id}, {account.plan.value}, {revenue}",
            since=ticket.opened_at,
            due=resolution.due if resolution else None,
        )

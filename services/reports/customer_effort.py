"""What it took customers to get help, as the report of a week says it (F3): nothing of fewer than five cases."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from domain.report.week import FEW, Share
from services.reports.figures import CustomerEffort
from store import customer_effort as rows


def read(session: Session, first: datetime, last: datetime) -> tuple[CustomerEffort, ...]:
    """Read the effort of customers in a time: of all tickets first, then by category."""
    return tuple(
        CustomerEffort(
            name=one.name, resolved=one.resolved, messages=one.messages if one.resolved >= FEW else None,
            again=Share(count=one.again, of=one.opened), answers=one.answers,
            ease=one.ease if one.answers >= FEW else None,
        )
        for one in rows.by_category(session, first, last)
    )  # fmt: skip


def lines(found: Sequence[CustomerEffort]) -> Iterator[str]:
    """Yield a line for each category."""
    for one in found:
        yield (
            f"{one.name}: messages until the resolution {messages(one)}; came again within 7 days {one.again}; "
            f"how easy it was {ease(one)}"
        )


def messages(one: CustomerEffort) -> str:
    """Return the median of the messages until the resolution, in words; `none` where nothing was resolved."""
    if not one.resolved:
        return "none"
    return f"too few to say (of {one.resolved})" if one.messages is None else f"{one.messages:g}, median"


def ease(one: CustomerEffort) -> str:
    """Return how easy customers said it was, in words; `none` where nobody said it."""
    if not one.answers:
        return "none"
    said = f"of {one.answers}"
    return f"too few to say ({said})" if one.ease is None else f"{one.ease:.1f} of 7 ({said})"

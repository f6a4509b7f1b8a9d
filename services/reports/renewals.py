"""Renewals beside support (F3), put together from what the CRM said and from records of tickets."""

from collections.abc import Iterator

from sqlalchemy.orm import Session

from domain.report.renewals import YEAR, OutcomeFigures, RenewalOutcome, Renewals
from domain.report.week import FEW, Share, Span
from services.reports.text import many, money
from services.reports.week import GOOD
from store import renewals


def of_span(session: Session, span: Span, zone: str) -> Renewals:
    """Return the renewals of a time, by how they ended. A renewal is at 0:00 of its day in `zone`."""
    counted = renewals.by_outcome(session, span.first, span.until, zone=zone, before=YEAR, good=GOOD)
    found = {one.outcome: one for one in counted}
    outcomes = [
        OutcomeFigures(
            outcome=outcome, accounts=one.accounts, with_alert=one.with_alert, alerts=one.alerts,
            with_breach=one.with_breach, breaches=one.breaches, rated=Share(count=one.good, of=one.ratings),
            mean=one.rated / one.ratings if one.ratings >= FEW else None, arr=one.arr, arr_unknown=one.arr_unknown,
        )
        for outcome in RenewalOutcome
        if (one := found.get(outcome.value))
    ]  # fmt: skip
    return Renewals(
        name=span.name, first=span.first, until=span.until, accounts=sum(one.accounts for one in outcomes),
        outcomes=tuple(outcomes),
    )  # fmt: skip


NOTE = (
    "Counted in the 365 days before each renewal; an account counts once, with the last of its renewals. Support is "
    "one reason among others why an account stays or leaves."
)
_ENDED = {"renewed": "renewed", "expanded": "renewed for more", "reduced": "renewed for less", "left": "left"}


def lines(found: Renewals) -> Iterator[str]:
    """Yield the renewals of a time, line by line."""
    yield f"renewals in {found.name}: {many(found.accounts, 'account')}"
    for one in found.outcomes:
        yield f"  {line(one)}"


def line(one: OutcomeFigures) -> str:
    """Return the accounts whose renewals ended alike, in a line."""
    few = " (few)" if one.few else ""
    rated = f", {one.rated} ratings are 4 or 5" if one.rated.of else ", nobody rated"
    mean = "" if one.mean is None else f", mean {one.mean:.1f}"
    unknown = f", {one.arr_unknown} of unknown revenue" if one.arr_unknown else ""
    breaches = f"{one.breaches} breach{'' if one.breaches == 1 else 'es'}"
    return (
        f"of {many(one.accounts, 'account')} that {_ENDED[one.outcome]}{few}, {one.with_alert} had a churn alert "
        f"before; {breaches} at {one.with_breach} of them{rated}{mean}; revenue from then on {money(one.arr)}{unknown}"
    )

"""Two times compared, in plain text."""

from collections.abc import Iterator
from decimal import Decimal

from domain.report.comparison import Figure
from services.reports import renewals
from services.reports.compare import Comparison
from services.reports.text import many, money, span

NOTE = (
    "What changed, changed beside the policy, not because of it. Deflected by articles are visits of the knowledge "
    "base of which somebody said that an article helped, and no ticket came: self-service without a word is not "
    "counted."
)
CUSTOMERS = (
    "as today, for both: nobody records how many there were. If there are more now, the tickets of each in the earlier "
    "time are counted too few"
)


def lines(found: Comparison) -> Iterator[str]:
    """Yield the comparison, line by line."""
    for one in (found.before, found.after):
        accounts, agents = many(one.accounts, "account"), many(one.agents, "agent")
        yield f"{one.name}: {many(one.opened, 'ticket')} of {accounts}, {agents}"
        if one.not_recorded:
            yield f"  not counted: {one.not_recorded} tickets; `tierline ops rebuild --all` counts them"
    yield f"customers: {found.customers}, {CUSTOMERS}"
    yield ""
    for figure in found.figures:
        yield f"  {figure.name}: {value(figure, figure.before)} to {value(figure, figure.after)}{change(figure)}"
    yield ""
    for renewed in found.renewals:
        yield from renewals.lines(renewed)
    if any(renewed.accounts for renewed in found.renewals):
        yield renewals.NOTE
    yield ""
    yield f"policy: {found.first_policy or 'none'} at first"
    for policy in found.policies:
        yield f"  {policy.version} since {policy.since:%d %b %Y}, {policy.tickets} tickets"
        for other in policy.changes:
            yield f"    {other.plan} {other.key}: {other.before or 'none'} to {other.after or 'none'}"
        if policy.more:
            yield f"    and {policy.more} changes more"
    yield ""
    yield NOTE


def value(figure: Figure, given: float | None) -> str:
    """Return one of a figure's values in words."""
    if given is None:
        return "too few"
    match figure.unit:
        case "percent":
            return f"{given:.0f} %"
        case "seconds":
            return span(given)
        case "money":
            return money(round(Decimal(given), 2))
        case _:
            return f"{given:.1f}"


def change(figure: Figure) -> str:
    """Return by how much a figure changed, with what it is made of."""
    made = f"of {figure.made_of[0]} and {figure.made_of[1]}"
    if figure.change is None:
        return f" ({made})"
    points = " points" if figure.unit == "percent" else " %"
    return f" ({figure.change:+.0f}{points}; {made})"

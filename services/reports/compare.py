"""Two times compared (F3): volume, first response, satisfaction, cost, deflection; and the changes of the policy."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from sqlalchemy.orm import Session

from domain.core.refusal import Refused
from domain.core.values import Frozen, Instant
from domain.policy.policy import Policy
from domain.policy.reports import ReportRow
from domain.report.comparison import Figure, PolicyChange, changes, figure
from domain.report.renewals import Renewals
from domain.report.week import Share, Span
from services.policy_file.zones import zone_info
from services.reports import renewals
from services.reports.week import GOOD, starts
from services.reports.work import effort
from store import compared_times, customer_effort, help_figures, week_report
from store.compared_times import PolicyUse, Sums
from store.customer_effort import ALL, CustomerEffort
from store.database import Database

MOST_PIECES = 100_000
"""Pieces of work of one time that are read; of a time with more, no cost is reckoned."""
MOST_CHANGES = 40
"""Changes of each version that are listed."""


class Period(Frozen):
    """One of the two times."""

    name: str
    begins: Instant
    ends: Instant
    """Or now, while it lasts."""
    opened: int
    accounts: int
    """Accounts that wrote."""
    agents: int
    """People who had a ticket in hand."""
    not_recorded: int
    """Tickets that are not counted: from before there were records (`ops rebuild --all`)."""


class NewPolicy(Frozen):
    """Another version of the policy, since the first ticket under it."""

    version: str
    since: Instant
    tickets: int
    changes: tuple[PolicyChange, ...]
    """What plans promise otherwise than under the version before."""
    more: int
    """Changes that are left out."""


class Comparison(Frozen):
    """Two times side by side."""

    before: Period
    after: Period
    customers: int
    """As today, for both: nobody records how many there were. If there are more now, tickets for each
    of them are too few in the earlier time."""
    figures: tuple[Figure, ...]
    renewals: tuple[Renewals, Renewals]
    """Of each time: the accounts whose renewal fell in it, and what support was for them in the year before."""
    first_policy: str
    """The version in force at first; "" where no ticket opened."""
    policies: tuple[NewPolicy, ...]


class _Counted(Frozen):
    """What is counted of one time."""

    weeks: float
    sums: Sums
    contacts: int
    responses: Share
    rated: Share
    resolved: int
    reopened: int
    returned: int
    overruns: int
    cost: float | None
    """Of one contact, at most."""
    effort: CustomerEffort
    """Of the customers of all tickets."""
    deflected: Share
    """Visits of the knowledge base of which somebody said that an article helped, and no ticket came."""


def read(db: Database, policy: Policy, before: Span, after: Span, now: datetime) -> Comparison:
    """Compare two times. Raises Refused (`malformed`) where the second does not follow the first, or has not begun;
    DatabaseDown."""
    if after.first < before.until:
        raise Refused("malformed", f"{after.name} does not follow {before.name}: name the earlier one first")
    zone = zone_info(policy.report.zone)
    edges = [(starts(one.first, zone), min(starts(one.until, zone), now)) for one in (before, after)]
    if edges[1][0] >= now:
        raise Refused("malformed", f"{after.name} has not begun")
    with db.session() as session:
        old, new = (_counted(session, policy.report, *one) for one in edges)
        customers = policy.report.customers or week_report.customers(session)
        renewed = [renewals.of_span(session, span, policy.report.zone) for span in (before, after)]
        uses = compared_times.policies(session, edges[0][0], edges[1][1])
        periods = [
            _period(session, span, first, last, one.sums)
            for span, (first, last), one in zip((before, after), edges, (old, new), strict=True)
        ]
    return Comparison(
        before=periods[0], after=periods[1], customers=customers, figures=tuple(_figures(old, new, customers)),
        renewals=(renewed[0], renewed[1]),
        first_policy=uses[0].version if uses else "", policies=tuple(_changed(uses)),
    )  # fmt: skip


def _period(session: Session, span: Span, first: datetime, last: datetime, sums: Sums) -> Period:
    return Period(
        name=span.name, begins=first, ends=last, opened=sums.opened, accounts=sums.accounts,
        agents=week_report.agents(session, first, last), not_recorded=week_report.not_recorded(session, first, last),
    )  # fmt: skip


def _counted(session: Session, row: ReportRow, first: datetime, last: datetime) -> _Counted:
    edges = [first, last]
    clocks = [
        one for one in week_report.clocks(session, edges)
        if (one.side, one.metric) == ("contract", "first_response") and one.status != "withdrawn"
    ]  # fmt: skip
    ratings = week_report.ratings(session, edges)
    contacts = sum(week_report.contacts(session, first, last).values())
    resolved = {status: sum(of) for status, of in week_report.moments(session, "resolved", edges).items()}
    visits = help_figures.counts(session, first, last)
    return _Counted(
        weeks=(last - first) / timedelta(weeks=1), sums=compared_times.sums(session, first, last), contacts=contacts,
        responses=Share(
            count=sum(one.clocks for one in clocks if one.status == "kept"), of=sum(one.clocks for one in clocks)
        ),
        rated=Share(
            count=sum(one.many for one in ratings if one.figure >= GOOD), of=sum(one.many for one in ratings)
        ),
        resolved=sum(resolved.values()), reopened=resolved.get("reopened", 0),
        returned=_many(session, "returned", edges), overruns=_many(session, "limit", edges),
        cost=_cost(session, row.agent_hour, contacts, first, last),
        deflected=Share(count=visits.solved, of=visits.sessions),
        effort=next(iter(customer_effort.by_category(session, first, last)), CustomerEffort(ALL)),
    )  # fmt: skip


def _many(session: Session, kind: str, edges: Sequence[datetime]) -> int:
    return sum(sum(of) for of in week_report.moments(session, kind, edges).values())


def _cost(session: Session, hour: Decimal, contacts: int, first: datetime, last: datetime) -> float | None:
    """Return what a contact costs at most; None where no price is known, or there is too much to reckon with."""
    if not hour or not contacts:
        return None
    work = week_report.worked(session, first, last, MOST_PIECES)
    if len(work) == MOST_PIECES:
        return None
    return float(hour) * effort(work, first, last).in_hand / contacts


def _figures(old: _Counted, new: _Counted, customers: int) -> list[Figure]:
    def share(count: int, of: int) -> float | None:
        return 100 * count / of if of else None

    opened = old.sums.opened, new.sums.opened
    contacts = old.contacts, new.contacts
    weekly = [one.sums.opened / one.weeks for one in (old, new)]
    monthly = [100 * one * 52 / 12 / customers if customers else None for one in weekly]
    each = [one.contacts / max(1, one.sums.opened) for one in (old, new)]
    costs = [
        None if one.cost is None or not one.sums.opened else one.cost * one.contacts / one.sums.opened
        for one in (old, new)
    ]
    return [
        figure("tickets a week", "number", weekly[0], weekly[1], opened),
        figure("tickets a month for 100 customers", "number", monthly[0], monthly[1], opened),
        figure(
            "tickets of each account that wrote", "number", old.sums.opened / max(1, old.sums.accounts),
            new.sums.opened / max(1, new.sums.accounts), (old.sums.accounts, new.sums.accounts),
        ),
        figure("contacts for each ticket", "number", each[0], each[1], opened),
        figure(
            "first response, median", "seconds", old.sums.first_response, new.sums.first_response,
            (old.sums.answered, new.sums.answered),
        ),
        figure(
            "first responses within the contract", "percent", share(old.responses.count, old.responses.of),
            share(new.responses.count, new.responses.of), (old.responses.of, new.responses.of),
        ),
        figure(
            "until the end, median", "seconds", old.sums.resolution, new.sums.resolution,
            (old.sums.ended, new.sums.ended),
        ),
        figure(
            "satisfied", "percent", share(old.rated.count, old.rated.of), share(new.rated.count, new.rated.of),
            (old.rated.of, new.rated.of),
        ),
        figure(
            "messages until the resolution, median", "number", old.effort.messages, new.effort.messages,
            (old.effort.resolved, new.effort.resolved),
        ),
        figure(
            "came again within 7 days", "percent", share(old.effort.again, old.effort.opened),
            share(new.effort.again, new.effort.opened), (old.effort.opened, new.effort.opened),
        ),
        figure(
            "how easy it was, of 7", "number", old.effort.ease, new.effort.ease,
            (old.effort.answers, new.effort.answers),
        ),
        figure(
            "deflected by articles", "percent", share(old.deflected.count, old.deflected.of),
            share(new.deflected.count, new.deflected.of), (old.deflected.of, new.deflected.of),
        ),
        figure("cost of a contact, at most", "money", old.cost, new.cost, contacts),
        figure("cost of a ticket, at most", "money", costs[0], costs[1], opened),
        figure(
            "resolutions that did not hold", "percent", share(old.reopened, old.resolved),
            share(new.reopened, new.resolved), (old.resolved, new.resolved),
        ),
        figure(
            "handed back, of 100 tickets", "number", share(old.returned, opened[0]), share(new.returned, opened[1]),
            opened,
        ),
        figure(
            "Tier 1 limit used up, of 100 tickets", "number", share(old.overruns, opened[0]),
            share(new.overruns, opened[1]), opened,
        ),
        figure(
            "ended with an article", "percent", share(old.sums.with_article, old.sums.ended),
            share(new.sums.with_article, new.sums.ended), (old.sums.ended, new.sums.ended),
        ),
    ]  # fmt: skip


def _changed(uses: Sequence[PolicyUse]) -> list[NewPolicy]:
    """Return each version after the first, with what each plan promises otherwise than under the one before."""
    found = []
    for before, after in pairwise(uses):
        changed = [
            one
            for plan in sorted({*before.terms} & {*after.terms})
            for one in changes(plan, before.terms[plan], after.terms[plan])
        ]
        found.append(
            NewPolicy(
                version=after.version, since=after.since, tickets=after.tickets, changes=tuple(changed[:MOST_CHANGES]),
                more=max(0, len(changed) - MOST_CHANGES),
            )
        )  # fmt: skip
    return found

"""The report of a week (F3), put together: what the store counts, reckoned by `domain.report`.

It reads records and moments of tickets, thirteen weeks of them, and of events only the replies of the week, by an
index. The words of causes, errors and hand-backs are read from the journal for the few that are listed, so that erasing
a person reaches them.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from itertools import pairwise
from typing import Literal

from sqlalchemy.orm import Session

from domain.core.enums import Plan
from domain.policy.policy import Policy
from domain.policy.reports import ReportRow
from domain.report import hiring
from domain.report.hiring import Trigger
from domain.report.targets import TargetFigure
from domain.report.week import BEFORE, FEW, Share, Span, Trend, trends, week_of, weeks_up_to
from domain.tracker.fingerprint import error_shown
from services.knowledge.figures import figures_of, lines
from services.policy_file.zones import zone_info
from services.reports import customer_effort, targets, wins
from services.reports.figures import (
    AccountFigures,
    Bounce,
    ChannelFigures,
    ClockFigures,
    Cluster,
    HeatMap,
    Hours,
    PlanFigures,
    Quality,
    Repeat,
    Replies,
    Satisfied,
    Took,
    Volume,
    WeekFigures,
    WeekReport,
)  # fmt: skip
from services.reports.work import MOST_PIECES, Effort, efforts, one_more
from store import help_figures
from store import week_report as rows
from store.database import Database
from store.journal import TICKETS

WEEKS_BACK = 12
"""Weeks before the one of the report that are looked at, for how long something has been so."""
LISTED = 10
"""Lines of each list."""
LEAST = 2
"""Tickets that make a cluster."""
MOST_READ = 20_000
"""Pieces of work that are read for one report: the newest."""
ZONES = 6
"""Zones of the heat map: those with the most tickets."""
GOOD = 4
"""A rating of at least this is satisfied."""


def last_week(now: datetime, policy: Policy) -> Span:
    """Return the last week that is over, by the clocks of the policy's zone."""
    local = now.astimezone(zone_info(policy.report.zone))
    return week_of(local.date() - timedelta(days=7))


def starts(day: date, zone: tzinfo) -> datetime:
    """Return the instant at which a day begins in a zone."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def read(db: Database, policy: Policy, week: Span, now: datetime) -> WeekReport:
    """Make the report of a week. Of one that lasts, it is what is known so far. Raises DatabaseDown."""
    uplifts = {plan.value: row.uplift for plan, row in policy.plans.items()}
    with db.session() as session:
        return _Reading(session, policy.report, uplifts, week, now).report()


Uplifts = tuple[Decimal, Decimal] | None


class _Reading:
    """Reads one report."""

    def __init__(
        self, session: Session, row: ReportRow, uplifts: Mapping[str, Uplifts], week: Span, now: datetime
    ) -> None:
        self._session, self._row, self._week, self._now = session, row, week, now
        self._uplifts = uplifts
        """Percent that each plan adds to what its customers pay."""
        zone = zone_info(row.zone)
        self._weeks = weeks_up_to(week, WEEKS_BACK)
        begins = [starts(one.first, zone) for one in self._weeks]
        over = starts(week.until, zone)
        self._so_far = now < over
        end = max(min(over, now), begins[-1] + timedelta(microseconds=1))
        self._edges = [*begins, end]
        self._five = self._edges[-2 - BEFORE :]
        self._two = [self._five[0], *self._five[-2:]]
        """Four weeks in one, and the week."""
        self._first, self._last = self._edges[-2:]

    def report(self) -> WeekReport:
        session, five = self._session, self._five
        opened, ended = rows.opened(session, self._edges), rows.ended(session, self._edges)
        by = rows.opened_by(session, five)
        listed = {name: trends(found, LISTED) for name, found in by.items()}
        clocks = rows.clocks(session, self._edges)
        ratings = rows.ratings(session, self._edges)
        work = rows.worked(session, five[0], self._last, MOST_READ)
        weeks_did = efforts(work, five)
        did = weeks_did[-1]
        clusters = rows.clusters(session, self._two, least=LEAST, limit=LISTED)
        words = self._words([one.name for one in listed["cause"][0]] + [one.names[2] for one in clusters])
        customers, agents = rows.customers(session), rows.agents(session, five[1], self._last)
        tickets = sum(opened[-BEFORE:])
        scale = hiring.scale(self._row, customers=customers, tickets=tickets, agents=agents)
        breaches, overruns = _breaches(clocks, len(self._weeks)), self._moments("limit")
        listed["cause"] = ([self._named(one, words) for one in listed["cause"][0]], listed["cause"][1])
        return WeekReport(
            week=self._week.name, begins=self._first, ends=self._last, zone=self._row.zone, so_far=self._so_far,
            made_at=self._now, not_recorded=rows.not_recorded(session, five[0], self._last),
            volume=self._volume(opened, ended),
            weeks=tuple(
                WeekFigures(week=week.name, opened=came, ended=gone, breaches=missed, overruns=over)
                for week, came, gone, missed, over in zip(self._weeks, opened, ended, breaches, overruns, strict=True)
            ),
            clocks=_clocks(clocks, len(self._weeks) - 1),
            breaches=self._trend("breaches", breaches),
            trends={name: tuple(found) for name, (found, _) in listed.items()},
            trends_more={name: more for name, (_, more) in listed.items() if more},
            clusters=tuple(
                _cluster(one, area=one.names[0], category=one.names[1], cause=words.get(one.names[2], one.names[2]))
                for one in clusters
            ),
            errors=self._errors(),
            bounces=tuple(
                Bounce(**one._asdict()) for one in rows.handed_back(session, self._two, limit=LISTED)
            ),
            overruns=self._trend("overruns", overruns),
            promises_kept=self._trend("promises kept", self._moments("promise_kept")),
            promises_broken=self._trend("promises not kept", self._moments("promise_broken")),
            tiers=self._tiers(), satisfaction=self._satisfaction(ratings), channels=self._channels(by["channel"], did),
            agent_hour=self._row.agent_hour, plans=self._plans(by["plan"], did),
            customer_effort=customer_effort.read(session, self._first, self._last),
            accounts=self._accounts(did), quality=self._quality(ratings),
            replies=self._replies(), scale=scale,
            tickets_per_100_customers=100 * tickets / scale.customers if scale.customers else None,
            triggers=self._triggers(opened, ended, clocks, ratings, self._used(work, weeks_did)),
            one_more=one_more(work[:MOST_PIECES] if len(work) <= MOST_PIECES else self._newest(work)),
            hours=self._hours(),
            repeats=tuple(Repeat(**one._asdict()) for one in rows.repeats(session, self._two, limit=LISTED)),
            wins=wins.read(session, self._first, self._last), targets=self._targets(clocks, ratings),
            answers=self._answers(),
        )  # fmt: skip

    def _answers(self) -> tuple[str, ...]:
        counts = help_figures.counts(self._session, self._first, self._last)
        return tuple(lines(figures_of(counts))) if counts.sessions else ()

    def _targets(self, clocks: Sequence[rows.ClockRow], ratings: Sequence[rows.Rated]) -> tuple[TargetFigure, ...]:
        weeks = range(len(self._weeks))
        rated = [_good([one for one in ratings if one.stretch == week]) for week in weeks]
        return targets.of_weeks(self._session, self._weeks, self._edges, clocks, rated)

    # -- Volume and clocks ---------------------------------------------------------------------------------------

    def _trend(self, name: str, weeks: Sequence[int]) -> Trend:
        return Trend(name=name, now=weeks[-1], before=tuple(weeks[-1 - BEFORE : -1]))

    def _moments(self, kind: str) -> list[int]:
        found = rows.moments(self._session, kind, self._edges)
        return [sum(week) for week in zip(*found.values(), strict=True)] or [0] * len(self._weeks)

    def _volume(self, opened: list[int], ended: list[int]) -> Volume:
        backlog = rows.active_at(self._session, self._last)
        gone, days = sum(ended[-1 - BEFORE :]), (self._last - self._five[0]) / timedelta(days=1)
        return Volume(
            opened=self._trend("opened", opened), ended=self._trend("ended", ended),
            reopened=self._trend("reopened", self._moments("reopened")), backlog=backlog,
            backlog_before=backlog + ended[-1] - opened[-1], days_to_clear=backlog * days / gone if gone else None,
        )  # fmt: skip

    # -- What repeats --------------------------------------------------------------------------------------------

    def _words(self, causes: Sequence[str]) -> dict[str, str]:
        labels = sorted({one for one in causes if one.startswith("words-")})
        found = rows.words_of_causes(self._session, labels, self._five[0], self._last) if labels else {}
        return {"": ""} | {one: found.get(one, "(erased)") for one in labels}

    @staticmethod
    def _named(one: Trend, words: dict[str, str]) -> Trend:
        return one.model_copy(update={"name": words.get(one.name, one.name)})

    def _errors(self) -> tuple[Cluster, ...]:
        found = rows.errors(self._session, self._two, limit=LISTED)
        return tuple(
            _cluster(one, fingerprint=one.names[0], area=one.names[1], error=self._error_in(one.examples[0]))
            for one in found
        )

    def _error_in(self, ticket: str) -> str:
        state = TICKETS.load(self._session, ticket)
        return error_shown(state, TICKETS.texts(self._session, ticket)) if state else ""

    # -- Tiers, satisfaction, channels ---------------------------------------------------------------------------

    def _tiers(self) -> tuple[Took, ...]:
        before = {one.name: one.median for one in rows.time_in_tiers(self._session, self._five[0], self._first)}
        now = rows.time_in_tiers(self._session, self._first, self._last)
        return tuple(
            Took(name=one.name, count=one.many, median=one.median, ninth=one.ninth, median_before=before.get(one.name))
            for one in now
        )

    def _satisfaction(self, ratings: Sequence[rows.Rated]) -> tuple[Satisfied, ...]:
        last = len(self._weeks) - 1
        groups: dict[str, list[rows.Rated]] = defaultdict(list)
        for one in ratings:
            if one.stretch >= last - BEFORE:
                for name in ("all", f"category {one.category}", f"channel {one.channel}"):
                    groups[name].append(one)
        found = []
        for name, theirs in groups.items():
            now = [one for one in theirs if one.stretch == last]
            count = sum(one.many for one in now)
            mean = sum(one.figure * one.many for one in now) / count if count >= FEW else None
            before = [one for one in theirs if one.stretch < last]
            found.append(Satisfied(name=name, good=_good(now), mean=mean, before=_good(before)))
        return tuple(sorted(found, key=lambda one: (one.name != "all", -one.good.of, one.name)))

    def _channels(self, opened: dict[str, list[int]], did: Effort) -> tuple[ChannelFigures, ...]:
        handled = {one.name: one for one in rows.handled(self._session, self._first, self._last)}
        contacts = rows.contacts(self._session, self._first, self._last)
        total = sum(weeks[-1] for weeks in opened.values())
        usual = {channel.value: row for channel, row in self._row.channels.items()}
        found = []
        for name in sorted({*opened, *handled, *contacts, *did.by_channel}):
            weeks, row = opened.get(name, [0] * (BEFORE + 1)), usual.get(name)
            wrote, hours = contacts.get(name, 0), did.by_channel.get(name, 0.0)
            minutes = 60 * hours / wrote if wrote >= FEW else None
            cost = None
            if minutes is not None and self._row.agent_hour:
                cost = round(self._row.agent_hour * Decimal(minutes) / 60, 2)
            took = handled.get(name)
            band = row.handle if row else None
            found.append(
                ChannelFigures(
                    channel=name,
                    best_for=row.best_for if row else "",
                    opened=self._trend(name, weeks),
                    share=Share(count=weeks[-1], of=total),
                    resolved=took.many if took else 0,
                    handle_median=took.median if took and took.many >= FEW else None,
                    contacts=wrote,
                    in_hand=hours,
                    minutes_per_contact=minutes,
                    cost_per_contact=cost,
                    usual_minutes=(band[0] / timedelta(minutes=1), band[1] / timedelta(minutes=1)) if band else None,
                    usual_cost=row.contact if row else None,
                )
            )
        return tuple(sorted(found, key=lambda one: (-one.opened.now, one.channel)))

    def _plans(self, opened: Mapping[str, list[int]], did: Effort) -> tuple[PlanFigures, ...]:
        first, last = self._five[0], self._last
        credits = rows.credited(self._session, first, last)
        part_of_year = Decimal((last - first) / timedelta(days=365))
        found = []
        for one in rows.payers(self._session):
            uplift, hours = self._uplifts.get(one.plan), did.by_plan.get(one.plan, 0.0)
            now = one.revenue * part_of_year
            low, high = (round(now * added / (100 + added), 2) for added in uplift or (Decimal(0), Decimal(0)))
            found.append(
                PlanFigures(
                    plan=one.plan, accounts=one.accounts, revenue=one.revenue, unknown=one.unknown,
                    opened=sum(opened.get(one.plan, ())), in_hand=hours,
                    handling=round(self._row.agent_hour * Decimal(hours), 2) if self._row.agent_hour else None,
                    credits=credits.get(one.plan, Decimal(0)), uplift=uplift,
                    brings=(low, high) if uplift and one.accounts > one.unknown else None,
                )
            )  # fmt: skip
        return tuple(sorted(found, key=lambda one: list(Plan).index(Plan(one.plan))))

    def _accounts(self, did: Effort) -> tuple[AccountFigures, ...]:
        first, last = self._five[0], self._last
        part_of_year = Decimal((last - first) / timedelta(days=365))
        longest = sorted(did.by_account, key=lambda name: (-did.by_account[name], name))[:LISTED]
        found = []
        for one in rows.costly(self._session, longest, first, last):
            hours = did.by_account.get(one.account, 0.0)
            handling = round(self._row.agent_hour * Decimal(hours), 2) if self._row.agent_hour else None
            cost, revenue = (handling or Decimal(0)) + one.credits, (one.revenue or Decimal(0)) * part_of_year
            found.append(
                AccountFigures(
                    account=one.account, in_hand=hours, handling=handling, credits=one.credits, revenue=one.revenue,
                    percent=float(100 * cost / revenue) if revenue and handling is not None else None,
                )
            )  # fmt: skip
        return tuple(
            sorted(found, key=lambda one: (-((one.handling or 0) + one.credits), -one.in_hand, one.account))[:LISTED]
        )

    def _quality(self, ratings: Sequence[rows.Rated]) -> tuple[Quality, ...]:
        of: dict[str, list[rows.Rated]] = defaultdict(list)
        for one in ratings:
            if one.stretch >= len(self._weeks) - 1 - BEFORE:
                of[one.category].append(one)
        return tuple(
            Quality(
                category=one.category, resolved=one.resolved, satisfied=_good(of[one.category]),
                first_response=one.first_response if one.resolved >= FEW else None,
                reopened=Share(count=one.reopened, of=one.resolved + one.reopened),
                with_article=Share(count=one.with_article, of=one.resolved),
            )
            for one in rows.categories(self._session, self._five[0], self._last)
        )  # fmt: skip

    def _replies(self) -> tuple[Replies, ...]:
        return tuple(
            Replies(
                category=one.category, replies=one.replies,
                length_median=one.median if one.known >= FEW else None,
                length_ninth=one.ninth if one.known >= FEW else None,
                standard=Share(count=one.standard, of=one.replies),
                unchanged=Share(count=one.unchanged, of=one.standard),
            )
            for one in rows.replies(self._session, self._first, self._last)
        )  # fmt: skip

    # -- Hands and hours -----------------------------------------------------------------------------------------

    def _triggers(
        self, opened: list[int], ended: list[int], clocks: Sequence[rows.ClockRow], ratings: Sequence[rows.Rated],
        used: Sequence[float | None],
    ) -> tuple[Trigger, ...]:  # fmt: skip
        row, weeks = self._row.hiring, self._weeks
        kept = [_responses(clocks, week) for week in range(len(weeks))]
        good = [_good([one for one in ratings if one.stretch == week]) for week in range(len(weeks))]
        return (
            hiring.responses(row, weeks, kept),
            hiring.satisfaction(row, weeks, good),
            hiring.utilisation(row, weeks, used),
            hiring.backlog(row, weeks, opened, ended),
        )

    def _used(self, work: Sequence[rows.Worked], did: Sequence[Effort]) -> list[float | None]:
        """Return in what percent of the time at work something was in hand, week by week; None where it is not known.

        It is known of the weeks whose work is read: of those before the last, of which all of it is.
        """
        whole_from = min(one.ended for one in work) if len(work) >= MOST_READ else self._five[0]
        used: list[float | None] = [None] * (len(self._weeks) - len(did))
        for one, (first, last) in zip(did, pairwise(self._five), strict=True):
            hours = self._row.staffed_hours * (self._row.agents or one.agents)
            at_work = hours * ((last - first) / timedelta(weeks=1)) if hours else one.at_work
            known = at_work and (first >= whole_from or first == self._first)
            used.append(100 * min(1.0, one.in_hand / at_work) if known else None)
        return used

    @staticmethod
    def _newest(work: Sequence[rows.Worked]) -> list[rows.Worked]:
        newest = sorted(work, key=lambda one: one.ended)[-MOST_PIECES:]
        return sorted(newest, key=lambda one: (one.ticket, one.taken, one.ended))

    def _hours(self) -> Hours:
        found: dict[str, list[rows.Hour]] = defaultdict(list)
        for one in rows.by_hour(self._session, self._five[0], self._last):
            found[one.zone].append(one)
        ordered = sorted(found, key=lambda zone: (-sum(one.arrivals for one in found[zone]), zone))
        closed = rows.while_closed(self._session, self._five[0], self._last)
        return Hours(
            zones=tuple(_heat(zone, found[zone]) for zone in ordered[:ZONES]), more_zones=max(0, len(ordered) - ZONES),
            total=sum(one.arrivals for of in found.values() for one in of), closed=closed.tickets,
            accounts=closed.accounts, arr=closed.arr, earlier=tuple(closed.within.items()),
        )  # fmt: skip


def _cluster(one: rows.Group, *, area: str = "", category: str = "", cause: str = "", error: str = "",
             fingerprint: str = "") -> Cluster:  # fmt: skip
    return Cluster(
        area=area, category=category, cause=cause, error=error, fingerprint=fingerprint, tickets=one.tickets,
        before=one.before, accounts=one.accounts, arr=one.arr, arr_unknown=one.arr_unknown,
        examples=tuple(one.examples), article=one.article,
    )  # fmt: skip


def _good(ratings: Sequence[rows.Rated]) -> Share:
    return Share(count=sum(one.many for one in ratings if one.figure >= GOOD), of=sum(one.many for one in ratings))


def _clocks(found: Sequence[rows.ClockRow], week: int) -> tuple[ClockFigures, ...]:
    """Return what became of the clocks of one week: all of them, by plan, and by priority."""
    counts: dict[tuple[str, str, Literal["all", "plan", "priority"], str], dict[str, int]] = {}
    for one in found:
        if one.stretch != week:
            continue
        for by, name in (("all", ""), ("plan", one.plan), ("priority", one.priority)):
            of = counts.setdefault((one.side, one.metric, by, name), defaultdict(int))  # type: ignore[arg-type]
            of[one.status] += one.clocks
    return tuple(
        ClockFigures(
            side=side, metric=metric, by=by, name=name,
            **{status: of.get(status, 0) for status in ("kept", "upheld", "waived", "withdrawn")},
        )
        for (side, metric, by, name), of in sorted(counts.items())
    )  # fmt: skip


def _breaches(found: Sequence[rows.ClockRow], weeks: int) -> list[int]:
    counts = [0] * weeks
    for one in found:
        if one.side == "contract" and one.status == "upheld":
            counts[one.stretch] += one.clocks
    return counts


def _responses(found: Sequence[rows.ClockRow], week: int) -> Share:
    """Return how many first responses of a week the contract's clocks kept; a waived one was late all the same."""
    theirs = [
        one for one in found if (one.stretch, one.side, one.metric) == (week, "contract", "first_response")
        and one.status != "withdrawn"
    ]  # fmt: skip
    kept = sum(one.clocks for one in theirs if one.status == "kept")
    return Share(count=kept, of=sum(one.clocks for one in theirs))


def _heat(zone: str, found: Sequence[rows.Hour]) -> HeatMap:
    by_hour = {one.hour: one for one in found}

    def week(figure: str) -> list[list[int]]:
        return [[getattr(by_hour.get(24 * day + hour), figure, 0) for hour in range(24)] for day in range(7)]

    arrivals, waited = week("arrivals"), week("waited")
    wait = tuple(
        tuple(round(seconds / many / 3600, 2) if many else 0.0 for seconds, many in zip(slow, came, strict=True))
        for slow, came in zip(waited, arrivals, strict=True)
    )
    return HeatMap(
        zone=zone, arrivals=tuple(tuple(day) for day in arrivals), wait=wait, total=sum(map(sum, arrivals)),
        closed=sum(one.closed for one in found),
    )  # fmt: skip

"""What one ticket's life adds to reports: a record with the moments that are counted, kept event by event.

A report asks "what fell into this week?" of a hundred thousand tickets. It must not read their events, so each ticket
has a record beside its journal, made of its events and nothing else: made again from the journal, it is the same.
No words of a person are in it.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Literal

from domain.calendars.calendar import CalendarError
from domain.clocks.clock import Breach, Clock
from domain.core.enums import Category, Channel, Metric, Plan, Priority, Side, Tier
from domain.core.values import Frozen, Instant
from domain.ticket import events as e
from domain.ticket.state import Route, Ticket
from domain.tracker.fingerprint import words_label

Kind = Literal[
    "missed", "kept", "returned", "limit", "stay", "resolved", "reopened", "wrote", "worked", "rated", "promise_kept",
    "promise_broken", "shared", "effort",
]  # fmt: skip
"""What a moment is.

`missed`: a due instant passed unmet, at that instant. `kept`: a clock was met in time, when it was met. `returned`:
handed back a tier (G8). `limit`: a stay in Tier 1 used its limit up (G2). `stay`: the ticket left a tier, or ended in
it. `resolved`, `reopened`: as they say. `wrote`: a contact, the opening or a message of the customer. `worked`: an
agent had it in hand, and ended that. `rated`: what the customer thought of it, the last rating only. `effort`:
how easy that rating says it was, if it does. `promise_kept`,
`promise_broken`: what was promised to the customer was done in time, or was not done when it was due, at that instant
(G16). `shared`: it was resolved, and its agent said what of it is worth telling the team; while it is reopened there is
none.
"""

URGENT = (Priority.P0, Priority.P1)
"""What is taken before everything else."""


class Moment(Frozen):
    """Something that is counted, at its instant."""

    kind: Kind
    at: Instant
    seq: int
    """The event that it comes from."""
    plan: Plan
    priority: Priority
    """Plan and priority as they were then."""
    tier: Tier
    """Where the ticket was; of a `returned` one, where it came to."""
    side: Side | None = None
    metric: Metric | None = None
    status: str = ""
    """Of a miss `upheld`, `withdrawn` or `waived`. Of a resolution how it was resolved, or `reopened`. Of a hand-back
    the tier that it left. Of a stay in Tier 1 that used its limit up `enforced` or `observed`."""
    since: Instant | None = None
    """Of a stay and a piece of work when it began; of a resolution when somebody first took the ticket; of an answer
    when the customer wrote."""
    taken: Instant | None = None
    """Of a piece of work: when somebody took it, who had it until `at`."""
    team: str = ""
    agent: str = ""
    """Of a piece of work: whose it was, and who did it."""
    figure: int | None = None
    """Of a rating: 1 to 5. Of how easy it was: 1 (very hard) to 7 (very easy). Of a resolution: how many messages the
    customer had written until then, the opening among them."""


class Record(Frozen):
    """One ticket, as reports count it. Instants are UTC."""

    seq: int
    account: str
    plan: Plan
    priority: Priority
    category: Category
    area: str
    channel: Channel
    language: str
    policy: str
    """The version of the policy that it opened under."""
    zone: str
    """The zone of the ticket's support hours."""
    hour: int
    """The hour of the week in which it opened, in that zone: 0 is Monday from 0:00 to 1:00."""
    wait_open: int | None
    """Seconds from its opening until support was open the next time; 0 if it was open then."""
    opened_at: Instant
    first_taken: Instant | None = None
    first_response: Instant | None = None
    ended_at: Instant | None = None
    """When it was resolved, or closed without; None while it is active."""
    resolution: str = ""
    discarded: bool = False
    """It never was a ticket: spam, or deleted in the helpdesk (G13)."""
    link: str = ""
    """The issue that has its problem, or the incident that it is part of."""
    root_cause: str = ""
    """A label of the root cause as its resolution says it: the same words, the same label."""
    article: str = ""
    """The article that its resolution names."""
    gap: bool = False
    """Its resolution found a gap in the knowledge base."""
    win: bool = False
    """Resolved in Tier 1, within the limit, never handed on and never reopened."""
    shared: int = 0
    """The resolution, by its event, that last said what is worth telling the team; 0: none did."""
    tier: Tier = Tier.T1
    tier_since: Instant
    team: str
    arrived: Instant | None
    """Since when it waits for somebody to take it; None while it waits for nobody, and while it is in hand."""
    taken: Instant | None = None
    holder: str = ""
    """Who has it in hand, since `taken`."""
    queued: Instant | None = None
    """When what is in hand had come to its team."""
    moments: tuple[Moment, ...] = ()

    @property
    def cause(self) -> str:
        """Return what it came from, as far as anybody said: its issue, its incident, or its root cause in words."""
        return self.link or self.root_cause


COUNTED = (
    e.Opened, e.Taken, e.Released, e.Replied, e.Escalated, e.Returned, e.Answered, e.WaitStarted, e.WaitEnded, e.Lapsed,
    e.ClockMet, e.Waived, e.Resolved, e.Reopened, e.Closed, e.LimitReached, e.Rated, e.Prioritised, e.Amended,
    e.TermsReplaced, e.AccountMatched, e.IssueChanged, e.EffectDone, e.IncidentChanged, e.IncidentLeft, e.Referred,
    e.PromiseKept, e.PromiseBroken,
)  # fmt: skip
"""The events that may change a record. All others leave it as it is."""


def follow(record: Record | None, steps: Iterable[tuple[e.Event, Ticket]]) -> Record | None:
    """Return the record after these events, each given with the ticket as it left it; None before the first event."""
    for event, ticket in steps:
        if record is None or isinstance(event.body, COUNTED):
            record = _step(record, event, ticket)
    return record


def _step(record: Record | None, event: e.Event, ticket: Ticket) -> Record:
    following = _Following(record or _begun(ticket), event, ticket)
    following.take_in()
    return following.after()


def _begun(ticket: Ticket) -> Record:
    calendar, opened = ticket.terms.calendar, ticket.opened_at
    local = calendar.local(opened)
    try:
        wait = calendar.add(opened, timedelta(0)) - opened
    except CalendarError:
        wait = None
    return Record(
        seq=0, account=ticket.account.id, plan=ticket.account.plan, priority=ticket.priority, category=ticket.category,
        area=ticket.product_area, channel=ticket.channel, language=ticket.language,
        policy=ticket.terms.policy, zone=calendar.zone,
        hour=local.weekday() * 24 + local.hour, wait_open=None if wait is None else int(wait.total_seconds()),
        opened_at=opened, tier_since=opened, team=_team(ticket.route, ticket.tier), arrived=opened,
    )  # fmt: skip


def _team(route: Route | None, tier: Tier) -> str:
    """Return whose queue a ticket waits in; the tier where no team is known."""
    return route.team if route else tier.value


class _Following:
    """Takes one event into a record."""

    def __init__(self, record: Record, event: e.Event, ticket: Ticket) -> None:
        self._record, self._event, self._ticket = record, event, ticket
        self._moments = list(record.moments)
        self._changes: dict[str, Any] = {}

    def after(self) -> Record:
        """Return the record with the event in it, and with what the ticket says of itself now."""
        ticket = self._ticket
        self._changes |= {
            "seq": self._event.seq, "account": ticket.account.id, "plan": ticket.account.plan,
            "priority": ticket.priority, "category": ticket.category, "area": ticket.product_area,
            "language": ticket.language, "first_response": _answered_at(ticket), "discarded": ticket.discarded,
            "ended_at": ticket.resolved_at or ticket.closed_at, "link": _link(ticket), "tier": ticket.tier,
            "resolution": ticket.resolution.value if ticket.resolution else "", "article": ticket.kb_article or "",
            "win": _is_win(ticket, self._moments), "moments": tuple(self._moments),
        }  # fmt: skip
        return self._record.model_copy(update=self._changes)

    def take_in(self) -> None:
        """Count the event."""
        event, ticket, at = self._event, self._ticket, self._event.at
        match event.body:
            case e.Opened():
                self._add("wrote", at)
                self._kept([clock for clock in ticket.clocks if clock.met_at is not None])
            case e.Replied():
                self._add("wrote", event.occurred or at)
            case e.Taken() as body:
                self._takes(at, body.agent)
            case e.Escalated() | e.Returned() | e.Answered() as body:
                if isinstance(body, e.Returned):
                    self._add("returned", at, tier=body.to, status=body.frm.value)
                self._leaves_tier(at)
                self._arrives(at, _team(body.route, ticket.tier))
            case e.Released() | e.WaitEnded():
                self._arrives(at, self._record.team)
            case e.WaitStarted():
                self._ends(at)
            case e.Lapsed() as body:
                self._add("missed", body.due, side=body.side, metric=body.metric, status="upheld")
            case e.ClockMet() as body:
                self._settle_misses()
                self._kept([k for k in ticket.clocks if k.metric is body.metric and k.met_at == body.occurred])
            case e.Waived():
                self._settle_misses()
            case e.LimitReached() as body:
                self._add("limit", body.due, status=body.over)
            case e.Resolved() as body:
                self._ends(at)
                self._leaves_tier(body.occurred)
                first = self._record.first_taken
                wrote = sum(one.kind == "wrote" for one in self._moments)
                self._add("resolved", body.occurred, status=body.resolution.value, since=first, figure=wrote)
                words = words_label(event.texts.get("root_cause", ""))
                self._changes |= {"gap": body.kb_gap, "root_cause": words or self._record.root_cause}
                self._shares(body)
            case e.Reopened():
                self._reopens(event.occurred or at)
            case e.Closed():
                self._ends(at)
                if self._record.ended_at is None:
                    self._leaves_tier(at)
            case e.PromiseKept() as body if not body.late and not body.released:
                self._add("promise_kept", at)
            case e.PromiseBroken() as body:
                self._add("promise_broken", body.due)
            case e.Rated() as body:
                self._drop(lambda one: one.kind in ("rated", "effort"))
                self._add("rated", at, figure=body.csat)
                if ticket.effort is not None:
                    self._add("effort", at, figure=ticket.effort)

    def _add(self, kind: Kind, at: datetime, **more: Any) -> None:
        ticket = self._ticket
        known: dict[str, Any] = {
            "seq": self._event.seq, "plan": ticket.account.plan, "priority": ticket.priority, "tier": ticket.tier,
        }  # fmt: skip
        self._moments.append(Moment(kind=kind, at=at, **(known | more)))

    def _drop(self, which: Any) -> None:
        self._moments = [one for one in self._moments if not which(one)]

    # -- Clocks --------------------------------------------------------------------------------------------------

    def _kept(self, clocks: Iterable[Clock]) -> None:
        """Count the clocks that were met in time (C4). Best effort promises nothing, and keeps nothing (C13)."""
        for clock in clocks:
            if not clock.binding or clock.lapsed or clock.met_at is None:
                continue
            since = clock.legs[0].start
            self._drop(lambda one, k=clock, s=since: one.kind == "kept" and _is_of(one, k, s))
            self._add("kept", clock.met_at, side=clock.side, metric=clock.metric, since=since)

    def _settle_misses(self) -> None:
        """Give each miss that was upheld the status of its breach: upheld, withdrawn (C12), or waived (C8).

        What was withdrawn stays so, also where the clock ran again and was missed at the same instant (C10).
        """
        breaches: dict[tuple[Side, Metric, datetime], Breach] = {
            (clock.side, clock.metric, clock.breach.due): clock.breach for clock in self._ticket.clocks if clock.breach
        }

        def settled(one: Moment) -> Moment:
            if one.kind != "missed" or one.status != "upheld" or one.side is None or one.metric is None:
                return one
            breach = breaches.get((one.side, one.metric, one.at))
            return one.model_copy(update={"status": breach.word}) if breach and breach.word != one.status else one

        self._moments = [settled(one) for one in self._moments]

    # -- Tiers and hands -----------------------------------------------------------------------------------------

    def _leaves_tier(self, at: datetime) -> None:
        since = self._record.tier_since
        self._add("stay", max(at, since), tier=self._record.tier, since=since)
        self._changes["tier_since"] = max(at, since)

    def _arrives(self, at: datetime, team: str) -> None:
        """Wait for somebody of a team to take it."""
        self._ends(at)
        self._changes |= {"team": team, "arrived": at}

    def _takes(self, at: datetime, agent: str) -> None:
        """Begin a piece of work, if that agent does not have it already."""
        record = self._record
        self._changes["first_taken"] = record.first_taken or at
        if record.holder == agent:
            return
        queued = record.arrived or record.queued or at
        self._ends(at)
        self._changes |= {"arrived": None, "queued": queued, "taken": at, "holder": agent}

    def _ends(self, at: datetime) -> None:
        """End the piece of work that is under way."""
        record = self._record
        if record.holder and record.taken:
            work = {"since": record.queued or record.taken, "taken": record.taken}
            self._add("worked", max(at, record.taken), team=record.team, agent=record.holder, **work)
        self._changes |= {"arrived": None, "queued": None, "taken": None, "holder": ""}

    def _shares(self, body: e.Resolved) -> None:
        """Mark a resolution that says what is worth telling the team: itself, or an earlier one that did not hold."""
        shared = self._event.seq if body.win else self._record.shared
        if shared:
            self._add("shared", body.occurred, seq=shared)
        self._changes["shared"] = shared

    def _reopens(self, at: datetime) -> None:
        """Take back that it was resolved: the resolution clocks run again (C10), and what kept them counts no more."""
        resolution = Metric.RESOLUTION
        self._drop(lambda one: one.kind == "shared" or (one.kind == "kept" and one.metric is resolution))
        self._moments = [
            one.model_copy(update={"status": "reopened"}) if one.kind == "resolved" else one for one in self._moments
        ]
        self._add("reopened", at)
        self._changes |= {"tier_since": at, "gap": False}
        self._arrives(at, self._record.team)


def _is_of(moment: Moment, clock: Clock, since: datetime) -> bool:
    """Return whether a moment is about this clock: of next responses (C14) there may be several."""
    same = (moment.side, moment.metric) == (clock.side, clock.metric)
    return same and (clock.metric is not Metric.NEXT_RESPONSE or moment.since == since)


def _answered_at(ticket: Ticket) -> datetime | None:
    """Return when a person first wrote to the customer (C5)."""
    return min((k.met_at for k in ticket.clocks if k.metric is Metric.FIRST_RESPONSE and k.met_at), default=None)


def _link(ticket: Ticket) -> str:
    if ticket.issue:
        return ticket.issue.key
    if ticket.incident and ticket.incident.state != "left":
        return f"incident-{ticket.incident.number}"
    return ""


def _is_win(ticket: Ticket, moments: Iterable[Moment]) -> bool:
    moved = any(one.kind in ("returned", "limit", "reopened") for one in moments)
    solved = ticket.resolved_at is not None and ticket.resolution in ("solved", "workaround")
    return solved and ticket.tier is Tier.T1 and not moved

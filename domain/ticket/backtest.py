"""A recorded ticket lived again: what people did stays at its instants, and every deadline is decided anew.

What is kept of the record are acts: what people, customers and other systems did, each at its recorded instant. What is
thrown away is whatever followed from them by the rules: breaches, warnings, the Tier 1 limit and its escalation, pages,
clocks that were met, the end of a quiet period. That is worked out again under the terms that the ticket is promised
now, which are its own or those of another policy. Under its own the same comes of it, at the same instants.

Where other terms would have changed what people could do, the recorded act is refused by the rules, and left out of
the ticket's life: a step after the Tier 1 limit, a hand-off that lacks a field, a reply to a ticket that has closed.
What is left out is named. The issue tracker, the pager and the calendar's renewal answer as they did: nothing is
foreseen of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import Command, name_of
from domain.aggregate.effect import kind_in
from domain.clocks.terms import Terms
from domain.core.actor import SYSTEM
from domain.core.enums import Priority, Role, Status, Tier
from domain.core.refusal import Refused
from domain.core.values import Frozen
from domain.ticket import commands as c
from domain.ticket import events as e
from domain.ticket.aggregate import TICKET
from domain.ticket.deadline_kinds import Kind
from domain.ticket.rules.cancellation import note_cancellation
from domain.ticket.rules.ended_elsewhere import HOW
from domain.ticket.rules.engineering import answer
from domain.ticket.rules.escalation import follow_terms, go_apart, go_critical, hand_up, pay_debt
from domain.ticket.rules.evidence import answer_customer
from domain.ticket.rules.package import after_filling
from domain.ticket.rules.resolution import RECORD
from domain.ticket.rules.routing import reroute
from domain.ticket.state import ACTIVE, Account, Ticket

Promise = Callable[[Account, datetime, Terms], Terms]
"""What an account is promised at an instant, in place of the terms that stand in the record."""

NOT_KEPT = "not kept"
"""Stands for words that a backtest does not read."""
OUTSIDE = (Kind.HORIZON, Kind.EFFECT)
"""Deadlines of the outside world, which answers as it did."""

_FOLLOWS = (
    e.Warned, e.Lapsed, e.ClockMet, e.LimitNoted, e.LimitReached, e.LimitReminded, e.DebtPaid, e.DebtOverdue,
    e.GuessStood, e.EffectOverdue, e.TermsAged, e.QuestionOverdue, e.PromiseReminded, e.PromiseBroken,
    e.AttentionOverdue, e.WaitEnded, e.CancellationAsked,
)  # fmt: skip
"""Events that follow from others by the rules: they are worked out again."""


class LeftOut(NamedTuple):
    """A recorded act that the rules would not have allowed, under the terms that were tried."""

    at: datetime
    act: str
    """The command, as in `escalate`."""
    code: str
    """Why: the code of the refusal."""


@dataclass(frozen=True)
class Again:
    """A ticket that was lived again."""

    events: tuple[e.Event, ...]
    ticket: Ticket
    left_out: tuple[LeftOut, ...]


def as_promised(_account: Account, _at: datetime, recorded: Terms) -> Terms:
    """Return the terms that the ticket had: then the same comes of it."""
    return recorded


def live_again(recorded: Sequence[e.Event], until: datetime, promise: Promise = as_promised) -> Again:
    """Return what becomes of a recorded ticket up to `until` under the terms that `promise` gives it.

    `recorded` are its live events from the first on; their texts may be blank. Raises ValueError if there are none.
    """
    if not recorded or not isinstance(recorded[0].body, e.Opened):
        raise ValueError("a recorded ticket begins with its opening")
    life = _Life(recorded, promise)
    for place, event in enumerate(recorded):
        life.take(place, event)
    life.lapse(until)
    return Again(tuple(life.recording.events), life.recording.state, tuple(life.left_out))


class _Life:
    """A ticket that is lived again, act by act."""

    def __init__(self, recorded: Sequence[e.Event], promise: Promise) -> None:
        first = recorded[0]
        self._recorded, self._promise = recorded, promise
        self._lapsed: datetime | None = None
        """The instant of the latest deadline that the record saw pass."""
        self.recording: Recording[Ticket] = Recording(TICKET, None, first.at, first.detected, first.actor)
        self.left_out: list[LeftOut] = []

    @property
    def _ticket(self) -> Ticket:
        return self.recording.state

    def take(self, place: int, event: e.Event) -> None:
        """Carry out one recorded event, if it is an act; what was due before it lapses first."""
        if self._follows(event):
            if getattr(event.body, "due", event.at) == event.at and not isinstance(event.body, e.ClockMet | e.DebtPaid):
                self._lapsed = event.at
            return
        if place:
            # C4: what happens at the due instant is in time, unless the record saw the deadline pass before it.
            self.lapse(event.at, inclusive=self._lapsed == event.at)
        recording = self.recording
        recording.at, recording.detected, recording.actor = max(event.at, recording.at), event.detected, event.actor
        recording.command_id, recording.received, recording.source = event.command_id, event.received, event.source
        handle = _HANDLERS.get(type(event.body))
        if handle:
            handle(self, place, event, event.body)
        elif make := _COMMANDS.get(type(event.body)):
            self._handle(make(event, event.body), event)
        else:
            self._keep(event)
        recording.command_id, recording.received, recording.source = None, None, None

    def lapse(self, upto: datetime, *, inclusive: bool = True) -> None:
        """Let everything lapse that is due up to `upto`. Reminders of the Tier 1 limit meanwhile are one (G2)."""
        self.recording.at = self.recording.detected = max(upto, self.recording.at)
        self.recording.settle(upto, inclusive=inclusive, without=OUTSIDE)

    def _follows(self, event: e.Event) -> bool:
        """Return whether an event followed from others by the rules."""
        match body := event.body:
            case e.Escalated():
                return body.how in ("at_limit", "completed")
            case e.Closed():
                return body.how in ("quiet", "referred")
        return isinstance(body, _FOLLOWS)

    def _keep(self, event: e.Event, body: Frozen | None = None) -> None:
        """Record an act as it stands in the record."""
        texts = {name: text if text.strip() else NOT_KEPT for name, text in event.texts.items()}
        self.recording.record(body or event.body, occurred=event.occurred, texts=texts)

    def _handle(self, command: Command, event: e.Event) -> bool:
        """Give the command that led to an act. Returns whether it is allowed; if not, the act is left out."""
        on = TICKET.commands[type(command)]
        if on.why_not(self._ticket):
            self._leave_out(event, command, "closed" if self._ticket.closed else "does_not_fit")
            return False
        try:
            on.decide(self.recording, command)
        except Refused as refused:
            self._leave_out(event, command, refused.code)
            return False
        return True

    def _fits(self, kind: type[Command], event: e.Event) -> bool:
        """Return whether a command of this kind would be taken; if not, its act is left out."""
        if TICKET.commands[kind].why_not(self._ticket):
            self._leave_out(event, kind, "closed" if self._ticket.closed else "does_not_fit")
            return False
        return True

    def _leave_out(self, event: e.Event, command: Command | type[Command], code: str) -> None:
        kind = command if isinstance(command, type) else type(command)
        self.left_out.append(LeftOut(event.at, name_of(kind), code))

    def _next(self, place: int) -> e.Event | None:
        """Return the next act of the record, if the same person did it at the same instant."""
        now = self._recorded[place]
        for event in self._recorded[place + 1 :]:
            if event.at != now.at or event.actor != now.actor:
                return None
            if not isinstance(event.body, e.ClockMet | e.WaitEnded | e.DebtPaid):
                return event
        return None

    # -- Acts of which more depends than their own words ---------------------------------------------------------

    def _open(self, _place: int, event: e.Event, body: e.Opened) -> None:
        terms = self._promise(body.account, event.at, body.terms)
        if terms is not body.terms and body.route is not None:
            ticket = body.model_copy(update={"terms": terms})
            self._keep(event, ticket)
            route = reroute(self._ticket, event.at)
            self._restart(event, ticket.model_copy(update={"route": route}))
            note_cancellation(self.recording)
            return
        self._keep(event, body.model_copy(update={"terms": terms}))
        note_cancellation(self.recording)

    def _restart(self, event: e.Event, body: e.Opened) -> None:
        """Begin once more, with the team that the terms name."""
        self.recording = Recording(TICKET, None, event.at, event.detected, event.actor)
        self.recording.command_id, self.recording.received = event.command_id, event.received
        self.recording.source = event.source
        self._keep(event, body)

    def _respond(self, _place: int, event: e.Event, _body: e.Responded) -> None:
        occurred, closed_at = event.occurred or event.at, self._ticket.closed_at
        late_evidence = closed_at is not None and occurred <= closed_at
        if late_evidence or self._fits(c.Respond, event):
            self._keep(event)
            answer_customer(self.recording, occurred)

    def _reply(self, place: int, event: e.Event, _body: e.Replied) -> None:
        following = self._next(place)
        if following and isinstance(following.body, e.Resolved) and following.body.by_customer:
            self._keep(event)  # it came with the word that the ticket is solved: nothing else follows from it
            return
        self._handle(_command(c.Reply, event, text=NOT_KEPT), event)

    def _wait(self, _place: int, event: e.Event, _body: e.WaitStarted) -> None:
        if self._fits(c.Wait, event):
            self._keep(event)
            answer_customer(self.recording, event.occurred or event.at)

    def _promised(self, _place: int, event: e.Event, body: e.Promised) -> None:
        if body.kind == "snooze" and self._ticket.snoozed_until is None:
            return  # the waiting that it came with was left out
        if self._fits(c.Promise, event):
            self._keep(event, body.model_copy(update={"promise": self._ticket.promises_made + 1}))

    def _fill(self, place: int, event: e.Event, _body: e.Filled) -> None:
        if not self._fits(c.Fill, event):
            return
        self._keep(event)
        following = self._next(place)
        if following and isinstance(following.body, e.Escalated) and following.body.how in ("by_hand", "forced"):
            pay_debt(self.recording)  # the package came with the hand-off
        else:
            after_filling(self.recording)

    def _escalate(self, _place: int, event: e.Event, body: e.Escalated) -> None:
        ticket, recording = self._ticket, self.recording
        match body.how:
            case "critical" if body.to_engineering == "incident_own":
                if ticket.incident and ticket.incident.state == "left":
                    go_apart(recording)
            case "critical":
                settled = ticket.priority is Priority.P0 and ticket.terms.plan.paid and not ticket.priority_guessed
                if settled and event.at == ticket.opened_at:
                    go_critical(recording)
            case "reopened":
                if ticket.tier is not Tier.T3 and ticket.status in ACTIVE:
                    if ticket.status is Status.PENDING:
                        recording.record(e.WaitEnded(end=event.at, why="escalated"))
                    hand_up(recording, Tier.T3, "reopened", texts={"reason": NOT_KEPT})
            case _:
                forced, free = body.how == "forced", not ticket.terms.plan.paid
                facts: dict[str, Any] = {"to": body.to.value, "force": forced, "override": free}
                facts |= {"issue": body.issue or None} | ({"role": Role.LEAD} if forced or free else {})
                self._handle(_command(c.Escalate, event, reason=NOT_KEPT, **facts), event)

    def _resolve(self, _place: int, event: e.Event, body: e.Resolved) -> None:
        if body.by_customer:
            if self._ticket.status in ACTIVE:
                self._handle(_command(c.Solved, event, body.occurred), event)
            return
        words = {name: NOT_KEPT for name in RECORD if name in event.texts}
        if body.kb_gap:
            words["kb_reason"] = "gap"
        facts = {name: getattr(body, name) or "" for name in ("parent", "kb_article", "link")}
        self._handle(_command(c.Resolve, event, body.occurred, resolution=body.resolution, **facts, **words), event)

    def _reopen(self, _place: int, event: e.Event, _body: e.Reopened) -> None:
        if self._ticket.status is Status.RESOLVED:  # else it came with the customer's reply, which has reopened it
            self._handle(_command(c.Reopen, event, reason=NOT_KEPT), event)

    def _close(self, _place: int, event: e.Event, body: e.Closed) -> None:
        if body.how == "by_hand":
            self._handle(_command(c.Close, event), event)
        else:
            how = next(word for word, stored in HOW.items() if stored == body.how)
            self._handle(_command(c.End, event, how=how, into=body.parent or ""), event)

    def _answer(self, _place: int, _event: e.Event, body: e.Answered) -> None:
        answer(self.recording, body.by)

    def _replace_terms(self, place: int, event: e.Event, body: e.TermsReplaced) -> None:
        before = self._ticket
        account = body.account or before.account
        terms = self._promise(account, event.at, body.terms)
        renewed = event.actor == SYSTEM and body.account is None and place and self._is_renewal(place)
        if renewed and terms is not body.terms:
            return  # another policy's calendar is known for as long as it was asked for
        if renewed or self._fits(c.ReplaceTerms, event):
            self._keep(event, body.model_copy(update={"terms": terms}))
        if not renewed:
            pay_debt(self.recording)
            follow_terms(self.recording, before)

    def _is_renewal(self, place: int) -> bool:
        """Return whether new terms only brought a calendar that is known for longer."""
        asked = self._recorded[place - 1].body
        return isinstance(asked, e.EffectDone) and kind_in(asked.key) == "terms"

    def _match(self, _place: int, event: e.Event, body: e.AccountMatched) -> None:
        if not self._fits(c.MatchAccount, event):
            return
        before = self._ticket
        terms = self._promise(body.account, before.opened_at, body.terms)
        route = reroute(before.model_copy(update={"terms": terms}), event.at)
        self._keep(event, body.model_copy(update={"terms": terms, "route": route}))
        follow_terms(self.recording, before)

    def _effect(self, _place: int, event: e.Event, body: e.EffectDone | e.EffectFailed | e.EffectRetried) -> None:
        """Let the outside world answer to the same effect, or to the oldest of its kind that waits for an answer."""
        if isinstance(body, e.EffectRetried):
            waiting = [effect.key for effect in self._ticket.pending_effects if effect.failed]
        else:
            waiting = [effect.key for effect in self._ticket.pending_effects]
        alike = [key for key in waiting if kind_in(key) == kind_in(body.key)]
        if body.key in waiting or alike:
            self._keep(event, body.model_copy(update={"key": body.key if body.key in waiting else alike[0]}))


def _command(kind: type[Command], event: e.Event, occurred: datetime | None = None, /, **facts: Any) -> Command:
    """Make the command behind an act. It counts at the instant at which the act counted (C12)."""
    common: dict[str, Any] = {"by": event.actor.id, "role": event.actor.role}
    return kind.model_construct(**common | {"received": occurred or event.occurred or event.at} | facts)


_HANDLERS: Mapping[type[Frozen], Callable[[_Life, int, e.Event, Any], None]] = {
    e.Opened: _Life._open,
    e.Responded: _Life._respond,
    e.Replied: _Life._reply,
    e.WaitStarted: _Life._wait,
    e.Promised: _Life._promised,
    e.Filled: _Life._fill,
    e.Escalated: _Life._escalate,
    e.Resolved: _Life._resolve,
    e.Reopened: _Life._reopen,
    e.Closed: _Life._close,
    e.Answered: _Life._answer,
    e.TermsReplaced: _Life._replace_terms,
    e.AccountMatched: _Life._match,
    e.EffectDone: _Life._effect,
    e.EffectFailed: _Life._effect,
    e.EffectRetried: _Life._effect,
}

_COMMANDS: Mapping[type[Frozen], Callable[[e.Event, Any], Command]] = {
    e.Taken: lambda event, _: _command(c.Take, event, over=True),
    e.Assigned: lambda event, body: _command(c.Assign, event, to=body.agent, over=True),
    e.Released: lambda event, _: _command(c.Release, event, over=True, reason=NOT_KEPT if event.texts else ""),
    e.StepNoted: lambda event, _: _command(c.Step, event, text=NOT_KEPT),
    e.Attached: lambda event, _: _command(c.Attach, event, text=NOT_KEPT),
    e.Returned: lambda event, _: _command(c.Return, event, reason=NOT_KEPT),
    e.Referred: lambda event, _: _command(c.Refer, event, link=NOT_KEPT),
    e.Prioritised: lambda event, body: _command(c.Prioritise, event, priority=body.new, reason=NOT_KEPT),
    e.Amended: lambda event, body: _command(
        c.Amend, event, category=body.category, product_area=body.product_area, language=body.language, tags=body.tags
    ),
    e.ToldEngineering: lambda event, _: _command(c.TellEngineering, event, text=NOT_KEPT),
    e.QuestionAsked: lambda event, body: _command(c.Ask, event, to=body.to, text=NOT_KEPT),
    e.QuestionAnswered: lambda event, body: _command(c.AnswerQuestion, event, question=body.question, text=NOT_KEPT),
    e.PromiseKept: lambda event, body: _command(
        c.Keep, event, promise=body.promise, released=body.released, text=NOT_KEPT
    ),
    e.AttentionAsked: lambda event, _: _command(c.AskAttention, event, reason=NOT_KEPT),
    e.AttentionGiven: lambda event, _: _command(c.Attend, event, text=NOT_KEPT),
    e.IdentityChecked: lambda event, body: _command(c.Identify, event, way=body.way, text=NOT_KEPT),
    e.Waived: lambda event, body: _command(c.Waive, event, metric=body.metric, reason=NOT_KEPT),
}

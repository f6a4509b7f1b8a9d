"""A ticket to which anybody does anything: random commands at random times, on every plan and priority.

What must hold at each step is part of it; `tests/unit/rules/test_ticket_properties.py` runs it.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.aggregate.aggregate import Recording
from domain.clocks.terms import Cell
from domain.core.enums import Category, Plan, Priority, Status, Tier
from domain.core.refusal import Refused
from domain.ticket import commands as c
from domain.ticket.aggregate import TICKET, next_deadline, notices
from domain.ticket.derived import sla_deadline, sla_state
from domain.ticket.events import Event
from domain.ticket.rules.gates import missing
from domain.ticket.state import Ticket
from domain.tracker.snapshot import SupportComment
from tests.support.durations import HOUR
from tests.support.packages import BOTH_PACKAGES, RECORD, T2_PACKAGE, T3_PACKAGE
from tests.support.ticket_case import Case, at, contract, given, terms_of

text = st.sampled_from(["Nobody can export.", "x", " ", "", "\u200b", "Ünï\n<b>"])
words = st.sampled_from(["Nobody can export.", "x"])
packages = st.sampled_from(
    [{}, T2_PACKAGE, T3_PACKAGE, BOTH_PACKAGES, *({k: v} for k, v in BOTH_PACKAGES.items()),
     {"customer_impact": " "}, {"logs_or_screenshots": {"absent": "no_logs", "reason": "None."}}]
)  # fmt: skip
people = st.sampled_from(["ada", "bob", "tom"])
gaps = st.one_of(
    st.sampled_from([0, 1, 60, 300, 600, 900, 901, 3600, 4 * 3600, 8 * 3600, 86_400, 3 * 86_400]).map(float),
    st.floats(0, 3600, allow_nan=False),
)
sides = st.sampled_from(["mail", "phone", "crm", None])

COMMANDS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "take": st.fixed_dictionaries({"over": st.booleans()}),
    "assign": st.fixed_dictionaries({"to": people, "over": st.booleans()}),
    "release": st.fixed_dictionaries({"over": st.booleans(), "reason": text}),
    "respond": st.fixed_dictionaries({"text": text}),
    "note": st.fixed_dictionaries({"text": text}),
    "step": st.fixed_dictionaries({"text": text}),
    "attach": st.fixed_dictionaries({"text": text}),
    "fill": st.fixed_dictionaries({"fields": packages}),
    "wait": st.fixed_dictionaries({"question": words}),
    "reply": st.fixed_dictionaries({"text": words, "role": st.sampled_from(["customer", "integration"])}),
    "escalate": st.fixed_dictionaries(
        {
            "to": st.sampled_from([None, "T2", "T3"]),
            "fields": st.one_of(st.none(), packages),
            "force": st.booleans(),
            "override": st.booleans(),
            "reason": text,
        }
    ),
    "return": st.fixed_dictionaries({"reason": words}),
    "refer": st.fixed_dictionaries({"link": words}),
    "resolve": st.sampled_from(
        [RECORD, {"resolution": "wont_fix", "customer_reason": "No."}, {"resolution": "duplicate", "parent": "x"}]
    ),
    "reopen": st.fixed_dictionaries({"reason": words}),
    "close": st.just({}),
    "prioritise": st.fixed_dictionaries({"priority": st.sampled_from(list(Priority)), "reason": words}),
    "amend": st.fixed_dictionaries({"category": st.sampled_from(list(Category))}),
    "ask": st.fixed_dictionaries({"to": people, "text": words}),
    "answer": st.fixed_dictionaries({"question": st.sampled_from([None, 1, 2]), "text": words}),
    "promise": st.fixed_dictionaries({"text": words, "due": st.sampled_from([at("12:00"), at("Tue 12:00")])}),
    "follow_up": st.fixed_dictionaries({"text": words, "due": st.sampled_from([at("12:00"), at("Tue 12:00")])}),
    "keep": st.fixed_dictionaries({"promise": st.sampled_from([None, 1, 2]), "released": st.booleans(), "text": text}),
    "attention": st.fixed_dictionaries({"reason": words}),
    "attend": st.fixed_dictionaries({"text": words}),
    "identify": st.fixed_dictionaries({"way": words, "text": text}),
    "hide": st.fixed_dictionaries({"message": words}),
    "solved": st.fixed_dictionaries({"text": text}),
    "end": st.fixed_dictionaries({"how": st.sampled_from(["merged", "deleted", "spam", "closed"]), "into": text}),
    "request_refund": st.fixed_dictionaries(
        {
            "amount": st.sampled_from(["12.50", "199.99", "5000", "0", "1,5"]),
            "currency": st.sampled_from(["EUR", "usd", "JPY"]),
            "reason": st.sampled_from(["charged twice", "goodwill", "x"]),
        }
    ),
    "approve_refund": st.fixed_dictionaries({"refund": st.sampled_from([None, 1, 2])}),
    "refuse_refund": st.fixed_dictionaries({"refund": st.sampled_from([None, 1, 2]), "text": text}),
    "withdraw_refund": st.fixed_dictionaries({"refund": st.sampled_from([None, 1, 2]), "text": text}),
    "waive": st.fixed_dictionaries({"metric": st.sampled_from(["first_response", "resolution"]), "reason": words}),
    "retry": st.just({}),
    "tell_engineering": st.fixed_dictionaries({"text": words}),
    "replace_terms": st.fixed_dictionaries(
        {
            "terms": st.builds(terms_of, st.sampled_from(list(Plan)), zone=st.sampled_from([None, "Asia/Tokyo"])),
            "reason": words,
        }
    ),
    "rate": st.fixed_dictionaries({"csat": st.integers(1, 5), "effort": st.none() | st.integers(1, 7)}),
    "jira_changed": st.fixed_dictionaries(
        {
            "key": st.sampled_from(["SUP-1", "SUP-2"]),
            "was": st.sampled_from([None, "SUP-1"]),
            "category": st.sampled_from(["new", "indeterminate", "done", "gone"]),
            "resolution": st.sampled_from([None, "Fixed", "Won't Do"]),
            "comments": st.sampled_from([(), (SupportComment(id="1", text="Soon."),)]),
            "version": st.integers(0, 20).map(lambda n: at("09:00") + timedelta(hours=n)),
        }
    ),
    "incident_changed": st.fixed_dictionaries(
        {
            "number": st.integers(1, 3),
            "state": st.sampled_from(["acknowledged", "mitigated", "resolved", "cancelled"]),
            "version": st.integers(0, 9),
        }
    ),
}


ANNOUNCED = ("prioritised", "attention_asked", "promised", "question_asked", "promise_reminded")
"""Types of events whose `due` is an instant to come, and not one that passed."""
RARELY = ("close", "end", "solved", "hide", "refer", "rate", "waive", "amend", "replace_terms", "note")
"""What ends a ticket, or changes little: given now and then, so that the others get their turn."""


class TicketMachine(RuleBasedStateMachine):
    """Anybody does anything to one ticket; a worker wakes up now and then."""

    case: Case

    @initialize(
        plan=st.sampled_from(list(Plan)),
        priority=st.sampled_from(list(Priority)),
        category=st.sampled_from(list(Category)),
        hour=st.integers(0, 7 * 24 - 1),
        guessed=st.booleans(),
        in_person=st.booleans(),
        next_response=st.booleans(),
    )
    def open(self, plan, priority, category, hour, guessed, in_person, next_response) -> None:
        self.now = at("00:00").astimezone(UTC) + timedelta(hours=hour)
        form = {"priority_guessed": guessed, "in_person": in_person}
        if next_response and plan is not Plan.FREE:  # C14
            form["change"] = contract(next_response=Cell(source="plans.next_response", budget=2 * HOUR))
        self.case = given(plan, priority, category, self.now, **form)
        self.terms_changed = False

    @rule(
        data=st.data(),
        name=st.sampled_from(list(COMMANDS)),
        by=people,
        lead=st.booleans(),
        gap=gaps,
        delay=st.one_of(st.just(0.0), gaps),
        age=st.one_of(st.none(), gaps),
        source=sides,
    )
    def handle(self, data, name, by, lead, gap, delay, age, source) -> None:
        """A command that was received up to `delay` ago, about something up to `age` before that."""
        self.now += timedelta(seconds=gap)
        fitting = [other for other in TICKET.allowed_commands(self.case.ticket) if other not in RARELY]
        if fitting and data.draw(st.integers(0, 3)):
            name = data.draw(st.sampled_from(fitting))
        payload = {"do": name, "by": by, "role": "lead" if lead else "agent"} | data.draw(COMMANDS[name])
        if name in ("jira_changed", "incident_changed"):
            payload["role"] = "integration"
        if name in ("waive", "replace_terms", "solved", "end", "attend"):
            payload["role"] = "lead"
        payload["received"] = self.now - timedelta(seconds=delay)
        if age is not None and name in ("respond", "reply", "resolve"):
            payload |= {"occurred": payload["received"] - timedelta(seconds=age), "source": source}
        self._decide(c.parse(payload))

    @precondition(lambda self: self.case.ticket.pending_effects)
    @rule(outcome=st.sampled_from(["jira", "incident", "failed", "nothing"]), gap=gaps)
    def effect(self, outcome, gap) -> None:
        """The world does its part, or refuses."""
        self.now += timedelta(seconds=gap)
        effect = self.case.ticket.pending_effects[0]
        system = {"by": "tierline", "role": "system", "key": effect.key}
        if outcome == "failed":
            self._decide(c.ReportFailed(**system, reason="No component"))
        elif effect.kind.startswith("jira"):
            self._decide(c.ReportDone(**system, jira_key="SUP-1" if self.case.ticket.issue is None else "SUP-2"))
        else:
            number = 1 + (self.case.ticket.incident.number if self.case.ticket.incident else 0)
            joined = None if effect.kind == "incident_if_open" and outcome == "nothing" else number
            self._decide(c.ReportDone(**system, incident=joined))

    @rule(gap=gaps)
    def wake(self, gap) -> None:
        """The timer rings, or a worker comes back after an outage: one go or many, it is the same."""
        self.now += timedelta(seconds=gap)
        at_once = self._settled([self.now])
        before, step = self.case.ticket.as_of, timedelta(seconds=gap / 3)
        stops = [stop for stop in (self.now - 2 * step, self.now - step, self.now) if stop >= before]
        in_steps = self._settled(stops)
        assert plain(at_once) == plain(in_steps)
        self._take_in(at_once)

    # -- What holds ---------------------------------------------------------------------------------------------

    def _decide(self, command: c.Command) -> None:
        ticket = self.case.ticket
        before = ticket.model_dump_json()
        recording, again = (_answer(ticket, command, self.now) for _ in range(2))
        assert ticket.model_dump_json() == before, "deciding changed the ticket"
        if isinstance(recording, Refused):
            assert recording.as_dict() == again.as_dict()
            assert recording.message
            assert not recording.missing or recording.code == "missing_fields"
        else:
            assert recording.events == again.events, "the same question got another answer"
            self._take_in(recording)
            if command.do in ("prioritise", "replace_terms"):  # type: ignore[attr-defined]
                self.terms_changed |= command.do == "replace_terms"  # type: ignore[attr-defined]
                before_it = {k.due for k in ticket.clocks}
                moved = [k.due for k in recording.state.clocks if k.running and k.due not in before_it]
                assert all(due > recording.at for due in moved), "due in the past, or at its own instant, by a change"

    def _settled(self, stops: list[datetime]) -> Recording[Ticket]:
        recording = Recording(TICKET, self.case.ticket, self.now, self.now)
        for stop in stops:
            recording.settle(stop)
        return recording

    def _take_in(self, recording: Recording[Ticket]) -> None:
        ticket = self.case.ticket
        for event in recording.events:
            assert event.seq == ticket.seq + 1
            assert event.at >= ticket.as_of
            assert event.at <= event.detected
            self._warned_rightly(ticket, event)
            ticket = TICKET.evolve(ticket, event)
            assert Event.model_validate_json(event.model_dump_json()) == event
            assert len({notice.key for notice in notices(ticket, event)}) == len(notices(ticket, event))
        assert ticket == recording.state
        self.case._accept(recording)

    def _warned_rightly(self, ticket: Ticket, event: Event) -> None:
        """C11, C6: never while paused, met or closed; C13: never on Free."""
        if event.body.type == "warned":
            assert ticket.status in (Status.NEW, Status.OPEN, Status.PENDING)
            for metric in event.body.shares:
                running = [k for k in ticket.clocks if k.metric is metric and k.met_at is None and k.due]
                assert running
                assert not (metric == "resolution" and ticket.suspended)
        if event.body.type in ("warned", "lapsed"):
            assert any(k.binding for k in ticket.clocks)

    @invariant()
    def nothing_lapses_twice(self) -> None:
        """A deadline is a promise, its cell and its due instant; unless evidence withdrew it, each lapses once."""
        lapses = [(b.side, b.metric, b.due) for b in self.case.bodies("lapsed")]
        if not self.case.of("reopened") and not self.terms_changed:
            assert len(lapses) == len(set(lapses))
        promised = [lapse for lapse in lapses if lapse[0] == "contract" and lapse[1] != "next_response"]
        withdrawn = sum("contract" in b.withdrawn for b in self.case.bodies("clock_met"))
        assert len(promised) <= 2 + withdrawn

    @invariant()
    def deadlines_are_recorded_at_their_instant_or_in_hindsight(self) -> None:
        for event in self.case.events:
            due = getattr(event.body, "due", None)
            if due is not None and event.body.type not in ANNOUNCED:
                assert due <= event.at
                late_evidence = event.actor.role == "system" and due < event.at
                assert not late_evidence or any(other.occurred for other in self.case.events if other.at == event.at)

    @invariant()
    def the_ticket_is_the_fold_of_its_events_texts_or_no_texts(self) -> None:
        erased = [event.model_copy(update={"texts": {}}) for event in self.case.events]
        assert TICKET.fold(erased) == self.case.ticket
        assert [event.seq for event in self.case.events] == list(range(1, len(self.case.events) + 1))

    @invariant()
    def it_travels_as_json(self) -> None:
        ticket = self.case.ticket
        assert Ticket.model_validate_json(ticket.model_dump_json()) == ticket

    @invariant()
    def its_parts_agree(self) -> None:
        ticket = self.case.ticket
        assert ticket.suspended == (ticket.status in (Status.PENDING, Status.RESOLVED)) or ticket.closed
        assert (ticket.resolved_at is not None) == (ticket.status is Status.RESOLVED) or ticket.closed
        assert ticket.stay is None or ticket.tier is Tier.T1
        assert all(s.end for s in ticket.suspensions[:-1])
        assert ticket.tier is not Tier.T3 or not ticket.escalation_due
        assert len({effect.key for effect in ticket.pending_effects}) == len(ticket.pending_effects)
        assert len([e for e in ticket.pending_effects if e.kind == "incident"]) <= 1
        assert len([e for e in ticket.pending_effects if e.kind.startswith("jira")]) <= 1
        assert ticket.waits_since is not None
        assert sla_state(ticket)
        if ticket.status in (Status.RESOLVED, Status.CLOSED):
            assert sla_deadline(ticket) is None
        if not ticket.terms.plan.paid and not self.terms_changed:
            assert not self.case.of("lapsed")
            assert not self.case.of("warned")

    @invariant()
    def the_next_deadline_is_ahead_or_due_now(self) -> None:
        deadline = next_deadline(self.case.ticket)
        assert deadline is None or deadline.summary

    @invariant()
    def a_hand_off_had_its_package(self) -> None:
        """G3, G4: by hand nothing goes up without it; the ticket is asked as it stands now."""
        last = self.case.events[-1]
        if last.body.type == "escalated" and last.body.how in ("by_hand", "at_limit", "completed"):
            assert missing(self.case.ticket, last.body.to) == []


def plain(recording: Recording[Ticket]) -> list[tuple[Any, ...]]:
    """What happened, without reminders: those are coalesced by how long nobody looked."""
    kept = [event for event in recording.events if event.body.type != "limit_reminded"]
    return [(event.at, event.body) for event in kept]


def _answer(ticket: Ticket, command: c.Command, now: datetime) -> Any:
    try:
        return TICKET.decide(ticket, command, now)
    except Refused as refused:
        return refused

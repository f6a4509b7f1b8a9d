"""What holds of an incident whatever anybody does: random commands and facts at random times."""

from datetime import UTC, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.core.enums import Priority
from domain.core.refusal import Refused
from domain.incident.aggregate import INCIDENT
from domain.incident.state import Incident
from domain.incident.ticket_updates import BATCH, catch_up_batch, next_batch
from tests.support.incident_case import IncidentCase, declared
from tests.support.ticket_case import at

gaps = st.one_of(
    st.sampled_from([0, 1, 60, 299, 300, 301, 600, 900, 1800, 3600, 86_400, 3 * 86_400]).map(float),
    st.floats(0, 3600, allow_nan=False),
)
tickets = st.sampled_from(["a", "b", "c"])
words = st.sampled_from(["It is so.", " ", ""])
COMMANDS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "acknowledge": st.just({}),
    "mitigate": st.just({}),
    "update": st.fixed_dictionaries({"status": words}),
    "approve": st.fixed_dictionaries({"role": st.sampled_from(["lead", "agent"])}),
    "hand_over": st.fixed_dictionaries({"to": st.sampled_from(["eva", "ben", "on-call"])}),
    "communications": st.fixed_dictionaries({"to": st.just("cora")}),
    "join": st.fixed_dictionaries({"ticket": tickets}),
    "leave": st.fixed_dictionaries({"ticket": tickets, "own": st.booleans(), "reason": words}),
    "severity": st.fixed_dictionaries({"priority": st.sampled_from(["P0", "P1"]), "reason": words}),
    "resolve": st.just({}),
    "cancel": st.fixed_dictionaries({"reason": words}),
    "action": st.fixed_dictionaries({"text": words}),
    "review_done": st.fixed_dictionaries({"summary": words}),
    "retry": st.fixed_dictionaries({"let_go": st.booleans()}),
    "page_acknowledged": st.just({"role": "integration"}),
}
RARELY = ("cancel", "resolve", "review_done")


class Incidents(RuleBasedStateMachine):
    @initialize(priority=st.sampled_from(["P0", "P1"]), moment=st.sampled_from(["09:00", "Sat 03:00", "Fri 16:59"]))
    def begin(self, priority: str, moment: str) -> None:
        self.now = at(moment).astimezone(UTC)
        self.outage: IncidentCase = declared(priority, self.now)
        self.heard: dict[str, list[int]] = {}

    @rule(gap=gaps, data=st.data())
    def command(self, gap: float, data: st.DataObject) -> None:
        names = [name for name in COMMANDS if name not in RARELY or data.draw(st.integers(0, 5)) == 0]
        name = data.draw(st.sampled_from(names))
        fields = data.draw(COMMANDS[name])
        self._move(gap)
        before, refused = self.outage.incident, None
        try:
            self.outage.do(name, self.now, **fields)
        except Refused as refusal:
            refused = refusal
        if refused is not None:
            assert self.outage.incident is before
            assert set(refused.would_fit) <= set(COMMANDS)

    @rule(gap=gaps, ticket=tickets, effect=st.integers(2, 4), priority=st.sampled_from(list(Priority)[:3]))
    def join(self, gap: float, ticket: str, effect: int, priority: Priority) -> None:
        self._move(gap)
        known = self.incident.ticket(ticket)
        if known is None or known.effect_key != f"ticket-{ticket}:incident:{effect}":
            self.heard.pop(ticket, None)  # it asked anew, and is welcomed anew
        self.outage.join(ticket, self.now, effect=effect, priority=priority, owes=("steps_taken",) * (effect == 3))

    @rule(gap=gaps, ticket=tickets, version=st.integers(3, 9), owing=st.booleans())
    def news(self, gap: float, ticket: str, version: int, owing: bool) -> None:
        self._move(gap)
        self.outage.news(ticket, self.now, version, priority="P2", owes=("bug_report",) * owing)

    @rule(gap=gaps)
    def wake(self, gap: float) -> None:
        self._move(gap)
        self.outage.wake(self.now)
        deadline = INCIDENT.next_deadline(self.outage.incident)
        assert deadline is None or deadline.at > self.now

    @rule(gap=gaps, data=st.data(), fails=st.booleans())
    def effect(self, gap: float, data: st.DataObject, fails: bool) -> None:
        if not self.outage.incident.pending_effects:
            return
        effect = data.draw(st.sampled_from(self.outage.incident.pending_effects))
        self._move(gap)
        kind, more = ("effect_failed", {"reason": "No."}) if fails else ("effect_done", {"jira_key": "SUP-1"})
        self.outage.do(kind, self.now, by="tierline", role="system", key=effect.key, **more)

    @rule(gap=gaps, fails=st.integers(0, 2))
    def tell(self, gap: float, fails: int) -> None:
        telling = next_batch(self.outage.incident)
        if telling is None:
            return
        self._move(gap)
        assert 0 < len(telling.tickets) <= BATCH
        missed = telling.tickets[:fails]
        for ticket in telling.tickets[fails:]:
            known = self.heard.setdefault(ticket, [])
            assert not known or telling.version > known[-1], "told twice, or out of order"
            known.append(telling.version)
            if telling.left:
                del self.heard[ticket]
        self.outage.do("told", self.now, by="tierline", role="system", tickets=telling.tickets,
                       version=telling.version, left=telling.left, missed=missed)  # fmt: skip
        assert self.incident.behind >= set(missed)

    def _move(self, gap: float) -> None:
        self.now += timedelta(seconds=gap)

    @property
    def incident(self) -> Incident:
        return self.outage.incident

    @invariant()
    def the_events_make_the_incident(self) -> None:
        assert INCIDENT.fold(self.outage.events) == self.incident

    @invariant()
    def time_goes_forward(self) -> None:
        instants = [event.at for event in self.outage.events]
        assert instants == sorted(instants)

    @invariant()
    def every_step_is_paged_once_in_order_and_never_after_somebody_has_it(self) -> None:
        steps, taken = 0, False
        for event in self.outage.events:
            match event.body.type:
                case "paged":
                    steps += 1
                    assert event.body.step == steps  # type: ignore[union-attr]
                    assert not taken
                case "ladder_restarted":
                    steps = 0
                case "acknowledged" | "mitigated" | "resolved" | "cancelled":
                    taken = True
        places = [(page.dedup_key, page.level, page.round) for page in self.incident.pages]
        assert len(places) == len(set(places))

    @invariant()
    def g6_it_is_resolved_without_a_debt(self) -> None:
        for place, event in enumerate(self.outage.events):
            if event.body.type == "resolved":
                assert not INCIDENT.fold(self.outage.events[:place]).owing

    @invariant()
    def when_it_is_over_nobody_is_woken_and_nothing_is_due_but_the_review(self) -> None:
        if self.incident.over:
            assert not [effect for effect in self.incident.pending_effects if effect.page]
            assert (self.incident.next_page, self.incident.update_reminder_at) == (None, None)
        assert (self.incident.review_reminder_at is not None) == (self.incident.state == "resolved")
        if self.incident.ended:
            assert set(INCIDENT.allowed_commands(self.incident)) <= {"retry", "approve"}

    @invariant()
    def nobody_waits_for_who_is_behind_and_who_is_behind_is_told(self) -> None:
        behind = self.incident.behind
        if telling := next_batch(self.incident):
            assert not behind & set(telling.tickets)
        for ticket in behind:
            late = catch_up_batch(self.incident, (ticket,))
            assert late
            assert late.tickets == (ticket,)

    @invariant()
    def keys_are_unique_and_no_ticket_is_in_it_twice(self) -> None:
        keys = [effect.key for effect in self.incident.pending_effects]
        assert len(keys) == len(set(keys))
        names = [joined.ticket for joined in self.incident.tickets]
        assert len(names) == len(set(names))


TestIncidents = Incidents.TestCase
TestIncidents.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)

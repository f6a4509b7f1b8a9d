"""A recorded ticket that is lived again: under its own terms the same, under others what these change and no more."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings

from domain.core.enums import Plan
from domain.ticket import events as e
from domain.ticket.backtest import Again, as_promised, live_again
from domain.ticket.events import Event
from tests.support.durations import HOUR, MINUTE
from tests.support.packages import RECORD, T2_PACKAGE
from tests.support.ticket_case import Case, at, contract, given, limits, terms_of
from tests.support.ticket_machine import TicketMachine

UNSEEN = (e.LimitReminded, e.EffectOverdue, e.TermsAged)
"""Reminders are coalesced by how long nobody looked; the outside world's own delays are not worked out again."""


def decisions(events: Sequence[Event]) -> list[tuple[Any, ...]]:
    """What happened, event by event: type, instant, actor, and all of its own facts."""
    return [
        (event.body.type, event.at, event.actor, event.occurred or event.at, facts(event))
        for event in events
        if not isinstance(event.body, UNSEEN)
    ]


def facts(event: Event) -> dict[str, Any]:
    """Facts of an event, but for the keys of effects: they carry sequence numbers, which reminders move."""
    return {name: value for name, value in event.body.model_dump().items() if name != "key"}


class LivedAgain(TicketMachine):
    """Anybody does anything; at the end the life is lived again under the terms that it had."""

    def _take_in(self, recording: Any) -> None:
        self.case._accept(recording)  # what holds of each event is for the machine above to check

    def teardown(self) -> None:
        if not hasattr(self, "case"):
            return
        self.case.wake(self.now)
        again = live_again([without_texts(event) for event in self.case.events], self.now)
        assert decisions(again.events) == decisions(self.case.events)
        assert again.left_out == ()
        assert again.ticket.clocks == self.case.ticket.clocks or breaches_of(again) == breaches_of(self.case)

    # Checked there, at each step; here once, at the end.
    nothing_lapses_twice = None  # type: ignore[assignment]
    deadlines_are_recorded_at_their_instant_or_in_hindsight = None  # type: ignore[assignment]
    the_ticket_is_the_fold_of_its_events_texts_or_no_texts = None  # type: ignore[assignment]
    it_travels_as_json = None  # type: ignore[assignment]
    its_parts_agree = None  # type: ignore[assignment]


def without_texts(event: Event) -> Event:
    """An event as the journal keeps it after its person was erased: the names of texts, and no word of them."""
    return event.model_copy(update={"texts": dict.fromkeys(event.texts, "")})


def breaches_of(one: Again | Case) -> list[tuple[Any, ...]]:
    return [(k.side, k.metric, k.breach and (k.breach.due, k.breach.status), k.met_at) for k in one.ticket.clocks]


LivedAgain.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestLivedAgain = LivedAgain.TestCase


def again(case: Case, until: str = "Fri 18:00", **change: Any) -> Again:
    """The life of a case, lived again with other limits."""
    changed = limits(**change) if change else None
    promise = (lambda _account, _at, terms: changed(terms)) if changed else as_promised
    return live_again(case.events, at(until), promise)


def when(one: Again, kind: str) -> list[datetime]:
    return [event.at for event in one.events if event.body.type == kind]


def worked() -> Case:
    """Taken at 09:05, worked on in Tier 1, and handed up by hand at 09:18, two minutes before its limit."""
    case = given("standard", "P2")
    case.do("take", "09:05")
    case.do("step", "09:12", text="Cleared the cache.")
    case.do("escalate", "09:18", fields=T2_PACKAGE)
    case.do("take", "09:30", by="tom")
    case.do("resolve", "15:00", by="tom", **RECORD)
    case.wake("Fri 18:00")
    return case


def test_under_its_own_terms_the_same_comes_of_it() -> None:
    case = worked()
    assert decisions(again(case).events) == decisions(case.events)


def test_g2_a_shorter_limit_forbids_the_step_after_it_and_reminds_the_lead() -> None:
    shorter = again(worked(), t1_limit=5 * MINUTE, t1_notes=())

    assert when(shorter, "limit_reached") == [at("09:10")]
    assert [(one.act, one.code, one.at) for one in shorter.left_out] == [("step", "does_not_fit", at("09:12"))]
    assert when(shorter, "escalated") == [at("09:18")], "the package came with the hand-off"


def test_g2_a_complete_package_goes_up_at_the_shorter_limit_and_the_later_hand_off_is_left_out() -> None:
    case = given("standard", "P2")
    case.do("take", "09:05")
    case.do("fill", "09:08", fields=T2_PACKAGE)
    case.do("escalate", "09:18")
    case.wake("10:00")

    shorter = again(case, "10:00", t1_limit=5 * MINUTE, t1_notes=())

    ups = [event for event in shorter.events if isinstance(event.body, e.Escalated)]
    assert [(event.at, event.body.how) for event in ups if isinstance(event.body, e.Escalated)] == [
        (at("09:10"), "at_limit")
    ]
    assert [(one.act, one.code) for one in shorter.left_out] == [("escalate", "does_not_fit")]


def test_g3_a_gate_that_asks_for_more_keeps_the_hand_off_in_tier_1() -> None:
    stricter = live_again(
        worked().events,
        at("Fri 18:00"),
        lambda _account, _at, terms: terms.model_copy(
            update={"gates": terms.gates.model_copy(update={"t2": (*terms.gates.t2, "workaround_status")})}
        ),
    )

    first = stricter.left_out[0]
    assert (first.act, first.code, first.at) == ("escalate", "missing_fields", at("09:18"))
    assert when(stricter, "escalated") == []
    assert when(stricter, "limit_reached") == [at("09:20")]


def test_c1_a_shorter_first_response_is_missed_at_its_own_instant_and_nothing_else_changes() -> None:
    case = worked()
    cell = contract(first_response=case.ticket.terms.plan.first_response.model_copy(update={"budget": 2 * HOUR}))  # type: ignore[union-attr]

    shorter = live_again(case.events, at("Fri 18:00"), lambda _account, _at, terms: cell(terms))

    missed = [event for event in shorter.events if isinstance(event.body, e.Lapsed) and event.body.side == "contract"]
    assert [(event.at, event.body.metric) for event in missed if isinstance(event.body, e.Lapsed)] == [
        (at("11:00"), "first_response")
    ]
    others = (e.Lapsed, e.Warned, e.Opened)
    assert [
        d for d, ev in zip(decisions(shorter.events), shorter.events, strict=False) if not isinstance(ev.body, others)
    ]
    kept = [event.body.type for event in shorter.events if not isinstance(event.body, others)]
    assert kept == [event.body.type for event in case.events if not isinstance(event.body, others)]


def test_g9_a_shorter_quiet_period_closes_earlier_and_the_reply_after_it_is_left_out() -> None:
    case = given("standard", "P2")
    case.do("take", "09:05")
    case.do("resolve", "09:10", **RECORD)
    case.do("reply", "Tue 12:00", role="customer", text="It broke again.")
    case.wake("Tue 13:00")
    assert case.when("reopened") == at("Tue 12:00")

    quieter = again(case, "Tue 13:00", quiet=timedelta(hours=24))

    assert when(quieter, "closed") == [at("Tue 09:10")]
    assert [(one.act, one.code) for one in quieter.left_out] == [("reply", "closed")]
    assert when(quieter, "reopened") == []


def test_c8_another_plan_of_the_account_is_asked_of_the_policy_at_its_own_instant() -> None:
    case = given("standard", "P2")
    case.do("replace_terms", "10:00", role="lead", terms=terms_of(Plan.ENTERPRISE), reason="A new contract.")
    case.wake("10:30")
    asked = []

    def promise(account: Any, moment: datetime, terms: Any) -> Any:
        asked.append((account.plan, moment))
        return terms

    live_again(case.events, at("10:30"), promise)

    assert asked == [(Plan.STANDARD, at("09:00")), (Plan.STANDARD, at("10:00"))]

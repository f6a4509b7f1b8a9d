"""G14 to G19: safe send, consult, promises, work in progress, attention, identity; and C6's snooze."""

from contextlib import suppress

import pytest
from hypothesis import given as example
from hypothesis import strategies as some

from domain.core.enums import Status
from domain.core.refusal import Refused
from domain.ticket.aggregate import notices
from domain.ticket.commands import Assign, Take
from domain.ticket.rules.work_in_progress import check_work_in_progress
from tests.support.durations import HOUR, MINUTE
from tests.support.packages import RECORD, T2_PACKAGE
from tests.support.ticket_case import Case, at, given


def taken(**opened) -> Case:
    case = given(**opened)
    case.do("take", at="09:01")
    return case


def told(case: Case, event) -> set[tuple[str, str, str | None]]:
    """The notices of an event: name, audience, recipient."""
    return {(one.name, one.audience, one.recipient) for one in notices(case.ticket, event)}


# -- G14 ------------------------------------------------------------------------------------------------------

MESSAGES = {
    "respond": {"text": "We are looking."},
    "wait": {"question": "Which browser?"},
    "resolve": RECORD,
    "escalate": {"fields": T2_PACKAGE},
}


@pytest.mark.parametrize(("name", "fields"), MESSAGES.items())
def test_g14_what_was_written_before_the_customer_wrote_is_held_back_once(name, fields):
    case = taken()
    seen = case.ticket.seq
    case.do("reply", at="09:02", by="acme", role="customer", text="It is back.")
    refused = case.refused(name, at="09:03", seen=seen, **fields)
    assert refused.code == "moved_on"
    assert [(one["what"], one["by"]) for one in refused.came] == [("replied", "customer")]
    assert str(case.ticket.seq) in refused.message
    assert case.do(name, at="09:04", seen=case.ticket.seq, **fields)


def test_g14_each_reason_holds_a_message_back_and_all_of_them_are_named():
    case = taken()
    seen = case.ticket.seq
    case.do("respond", at="09:02", by="ben", text="Hello.")
    case.do("prioritise", at="09:03", by="lena", priority="P1", reason="All users.")
    case.do("escalate", at="09:04", by="ben", fields=T2_PACKAGE)
    case.do("wait", at="09:05", by="ben", question="Since when?")
    came = case.refused("respond", at="09:06", seen=seen, text="Hi.").came
    assert [one["what"] for one in came] == ["answered", "priority", "tier", "answered"]
    assert [one["seq"] for one in came] == sorted(one["seq"] for one in came)


def test_g14_what_the_sender_did_and_what_changes_nothing_for_the_customer_holds_back_nothing():
    case = taken()
    seen = case.ticket.seq
    case.do("respond", at="09:02", text="First word.")
    case.do("note", at="09:03", by="ben", text="Same as last week.")
    case.do("step", at="09:04", by="ben", text="Cleared the cache.")
    assert case.do("respond", at="09:05", seen=seen, text="Second word.")


def test_g14_without_a_number_nothing_is_held_back():
    case = taken()
    case.do("reply", at="09:02", by="acme", role="customer", text="It is back.")
    assert case.do("respond", at="09:03", text="We are looking.")


def test_g14_what_lapses_before_the_message_counts_too():
    case = taken()
    case.do("fill", at="09:02", fields=T2_PACKAGE)
    refused = case.refused("respond", at="09:30", seen=case.ticket.seq, text="Hi.")
    assert [one["what"] for one in refused.came] == ["tier"]  # the limit moved it at 09:16


# -- G15 ------------------------------------------------------------------------------------------------------


def test_g15_a_question_is_due_in_one_support_hour_and_moves_no_clock():
    case = taken()
    before = (case.ticket.clocks, case.ticket.stay, case.ticket.assignee, case.ticket.status)
    asked = case.do("ask", at="16:30", to="billing", text="Was it sent twice?")[-1]
    assert asked.body.due == at("Tue 09:30")
    assert (case.ticket.stay.since, case.ticket.assignee, case.ticket.status) == (before[1].since, *before[2:])
    assert told(case, asked) == {("question_asked", "asked", "billing")}
    case.wake("Tue 09:29:59")
    assert case.of("question_overdue") == []
    case.wake("Tue 09:30")
    overdue = case.of("question_overdue")[0]
    assert overdue.body.due == at("Tue 09:30")
    assert told(case, overdue) == {("question_overdue", "asked", "billing"), ("question_overdue", "lead", None)}
    case.wake("Tue 12:00")
    assert len(case.of("question_overdue")) == 1


def test_g15_an_answer_ends_the_question_and_goes_to_who_asked():
    case = taken()
    case.do("ask", at="09:02", to="billing", text="Sent twice?")
    case.do("ask", at="09:03", to="eve", text="A known bug?")
    answered = case.do("answer", at="09:10", by="eve", text="Yes.")[-1]
    assert (answered.body.question, answered.body.asker) == (2, "ada")
    assert told(case, answered) == {("question_answered", "asker", "ada")}
    assert [one.number for one in case.ticket.questions] == [1]
    assert case.refused("answer", at="09:11", question=2, text="Again.").code == "does_not_fit"
    case.do("answer", at="09:12", by="mia", text="Once.")
    assert case.ticket.questions == ()
    assert case.refused("answer", at="09:13", text="?").code == "does_not_fit"
    case.wake("Tue 12:00")
    assert case.of("question_overdue") == []


def test_g15_both_questions_of_one_moment_become_overdue_once_each():
    case = taken()
    case.do("ask", at="09:02", to="billing", text="One?")
    case.do("ask", at="09:02", to="eve", text="Two?")
    case.wake("10:02")
    assert [body.question for body in case.bodies("question_overdue")] == [1, 2]


# -- G16 ------------------------------------------------------------------------------------------------------


def test_g16_a_promise_is_reminded_of_and_not_kept_is_counted():
    case = taken()
    made = case.do("promise", at="09:02", text="An update.", due=at("12:00"))[-1]
    case.wake("10:59:59")
    assert case.of("promise_reminded") == []
    case.wake("11:00")
    reminded = case.of("promise_reminded")[0]
    assert told(case, reminded) == {("promise_due", "promiser", "ada")}
    case.wake("12:00")
    broken = case.of("promise_broken")[0]
    assert broken.body.due == at("12:00")
    assert told(case, broken) == {("promise_broken", "promiser", "ada"), ("promise_broken", "lead", None)}
    assert case.ticket.promises_broken == 1
    kept = case.do("keep", at="12:30", text="Sent.")[-1]
    assert (kept.body.promise, kept.body.late) == (made.body.promise, True)
    assert case.ticket.promises == ()


def test_g16_a_promise_that_is_kept_in_time_lapses_nothing():
    case = taken()
    case.do("promise", at="09:02", text="An update.", due=at("12:00"))
    kept = case.do("keep", at="11:30", text="Sent.")[-1]
    assert not kept.body.late
    case.wake("Tue 09:00")
    assert case.of("promise_broken") == []


def test_g16_a_promise_needs_words_and_an_instant_that_is_still_ahead():
    case = taken()
    assert case.refused("promise", at="09:02", text="An update.").missing == ["due"]
    assert case.refused("promise", at="09:02", due=at("12:00")).missing == ["text"]
    for due in (at("09:02"), at("08:00"), at("09:02") + 367 * 24 * HOUR):
        assert case.refused("promise", at="09:02", text="An update.", due=due).code == "malformed"


def test_g16_no_ticket_closes_while_a_promise_can_still_be_kept():
    case = taken()
    case.do("resolve", at="09:10", **RECORD)
    case.do("follow_up", at="09:11", text="Ask whether it still works.", due=at("Fri+1 09:00"))
    assert case.refused("close", at="09:12").would_fit == ["keep", "reopen"]
    case.wake("Fri+1 08:59:59")
    assert case.ticket.status is Status.RESOLVED
    case.do("keep", at="Fri+1 08:59:59", text="It does.")
    case.wake("Fri+1 09:00")
    assert case.ticket.status is Status.CLOSED


def test_g16_a_broken_follow_up_is_told_before_the_ticket_closes():
    case = taken()
    case.do("resolve", at="09:10", **RECORD)
    case.do("follow_up", at="09:11", text="Ask.", due=at("Fri+1 09:00"))
    case.wake("Fri+1 09:00")
    assert [one.body.type for one in case.events[-2:]] == ["promise_broken", "closed"]


# -- C6: snooze -----------------------------------------------------------------------------------------------


def test_c6_a_snooze_ends_by_itself_and_is_a_promise_to_come_back():
    case = taken(plan="premium")
    due = next(c.due for c in case.ticket.clocks if c.metric == "resolution" and c.side == "contract")
    fields = {"question": "We come back on Tuesday.", "until": at("Tue 09:00"), "reason": "A release comes."}
    assert case.refused("wait", at="09:05", **fields).missing == ["agreed"]
    assert case.refused("wait", at="09:05", **(fields | {"reason": ""}), agreed=True).missing == ["reason"]
    case.do("wait", at="09:05", agreed=True, **fields)
    assert (case.ticket.status, case.ticket.snoozed_until) == (Status.PENDING, at("Tue 09:00"))
    case.wake("Tue 08:59:59")
    assert case.ticket.status is Status.PENDING
    case.wake("Tue 09:00")
    assert case.ticket.status is Status.OPEN
    assert case.last("wait_ended").why == "snoozed_until"
    now_due = next(c.due for c in case.ticket.clocks if c.metric == "resolution" and c.side == "contract")
    assert now_due > due
    assert case.last("promise_reminded").due == at("Tue 10:00")
    case.wake("Tue 10:00")
    assert len(case.of("promise_broken")) == 1


def test_c6_the_customers_word_ends_a_snooze_early():
    case = taken()
    case.do(
        "wait", at="09:05", question="Until Tuesday.", until=at("Tue 09:00"), reason="A release.", agreed=True
    )  # fmt: skip
    case.do("reply", at="11:00", by="acme", role="customer", text="It is urgent now.")
    assert (case.ticket.status, case.ticket.snoozed_until) == (Status.OPEN, None)
    case.wake("Tue 09:00")
    assert [body.why for body in case.bodies("wait_ended")] == ["replied"]


# -- G17 ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "most", "role", "override", "refused"),
    [
        (99, 0, "agent", False, False),
        (4, 5, "agent", False, False),
        (5, 5, "agent", False, True),
        (5, 5, "agent", True, True),
        (5, 5, "lead", False, True),
        (5, 5, "lead", True, False),
    ],
)
def test_g17_one_ticket_more_than_the_limit_is_refused_unless_a_lead_overrides(held, most, role, override, refused):
    for command in (
        Take(by="ada", role=role, override=override),
        Assign(by="ben", to="ada", role=role, override=override),
    ):
        if not refused:
            check_work_in_progress(command, held, most)
            continue
        with pytest.raises(Refused, match=r"ada holds 5 active tickets, and the limit is 5") as caught:
            check_work_in_progress(command, held, most)
        assert caught.value.code == "wip_limit"


# -- G18 ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["customer", "csm", "agent"])
def test_g18_attention_notifies_the_lead_and_runs_one_support_hour(role):
    case = taken()
    priority = case.ticket.priority
    asked = case.do("attention", at="16:50", by="carla", role=role, reason="Their renewal is due.")[-1]
    assert told(case, asked) == {("attention_asked", "lead", None)}
    assert asked.body.due == at("Tue 09:50")
    assert case.ticket.priority is priority
    assert case.refused("attention", at="16:51", reason="Again.").code == "does_not_fit"
    case.wake("Tue 09:50")
    assert case.last("attention_overdue").due == at("Tue 09:50")
    assert case.refused("attend", at="Tue 10:00", text="Seen.").code == "not_allowed"
    case.do("attend", at="Tue 10:00", by="lena", role="lead", text="Called them.")
    assert case.ticket.attention is None


def test_g18_a_lead_who_looks_in_time_ends_the_clock():
    case = taken()
    case.do("attention", at="09:10", reason="Urgent.")
    case.do("attend", at="09:20", by="lena", role="lead", text="Looked.")
    case.wake("Tue 12:00")
    assert case.of("attention_overdue") == []


# -- G19 ------------------------------------------------------------------------------------------------------


def sensitive(needed: int) -> Case:
    case = given(category="account")
    ways = {"callback": 2, "named_administrator": 1, "session": 1}
    gates = case.ticket.terms.gates.model_copy(update={"identity_needed": needed, "identity_points": ways})
    terms = case.ticket.terms.model_copy(update={"gates": gates})
    case.ticket = case.ticket.model_copy(update={"terms": terms})
    return case


def test_g19_a_resolution_needs_checks_that_add_up_each_way_counted_once():
    case = sensitive(3)
    record = RECORD | {"identity_check": "Asked for the name."}
    assert case.refused("resolve", at="09:05", **record).missing == ["identity"]
    case.do("identify", at="09:06", way="callback", text="Called the number on record.")
    case.do("identify", at="09:07", way="callback", text="Called again.")
    assert case.refused("resolve", at="09:08", **record).missing == ["identity"]
    checked = case.do("identify", at="09:09", by="ben", way="Named administrator")[-1]
    assert (checked.body.way, checked.body.points, checked.actor.id) == ("named_administrator", 1, "ben")
    assert case.do("resolve", at="09:10", **record)


@pytest.mark.parametrize("way", ["name", "Date of birth", "last-invoice"])
def test_g19_what_anyone_can_know_is_refused_by_name(way):
    refused = sensitive(1).refused("identify", at="09:05", way=way)
    assert refused.code == "not_allowed"
    assert way.lower().replace(" ", "_").replace("-", "_") in refused.message


def test_g19_a_way_that_the_policy_does_not_name_is_refused():
    assert sensitive(1).refused("identify", at="09:05", way="horoscope").code == "malformed"


def test_g19_without_points_the_words_of_g9_are_enough():
    case = sensitive(0)
    assert case.refused("resolve", at="09:05", **(RECORD | {"identity_check": ""})).missing == ["identity_check"]
    assert case.do("resolve", at="09:06", **(RECORD | {"identity_check": "Called back."}))


# -- All of them ----------------------------------------------------------------------------------------------

_STEPS = some.lists(
    some.tuples(
        some.sampled_from(["ask", "answer", "promise", "keep", "attention", "attend", "wake", "reply", "respond"]),
        some.integers(1, 300),
    ),
    max_size=25,
)


@example(_STEPS)
def test_g14_to_g18_whatever_happens_nothing_lapses_late_or_twice_and_the_events_make_the_state(steps):
    case, now = taken(), at("09:01")
    fields = {
        "ask": {"to": "eve", "text": "?"},
        "answer": {"text": "!"},
        "keep": {"text": "done"},
        "attention": {"reason": "urgent"},
        "attend": {"text": "seen", "role": "lead"},
        "reply": {"text": "hello", "by": "acme", "role": "customer"},
        "respond": {"text": "hi"},
    }
    for name, minutes in steps:
        now += minutes * MINUTE
        with suppress(Refused):  # an answer without a question, a second request for attention
            if name == "wake":
                case.wake(now)
            elif name == "promise":
                case.do("promise", at=now, text="An update.", due=now + 90 * MINUTE)
            else:
                case.do(name, at=now, **fields[name])
    case.wake(now)
    for kind in ("question_overdue", "promise_broken", "promise_reminded"):
        numbers = [getattr(body, "question", getattr(body, "promise", None)) for body in case.bodies(kind)]
        assert len(numbers) == len(set(numbers))
    assert all(question.overdue or question.due > now for question in case.ticket.questions)
    assert all(promise.broken or promise.due > now for promise in case.ticket.promises)
    assert [event.seq for event in case.events] == list(range(1, len(case.events) + 1))

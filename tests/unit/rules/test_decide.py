"""How a command is decided: who may, what fits, what is malformed, and for which instant."""

import pytest

from domain.aggregate.aggregate import Recording
from domain.core.enums import Role, Status
from domain.core.refusal import Refused
from domain.ticket import commands as c
from domain.ticket import events as e
from domain.ticket.aggregate import TICKET, next_deadline
from tests.support.packages import RECORD, T2_PACKAGE
from tests.support.ticket_case import Case, at, done, given, in_tier, phoned, terms_of

STAFF = {"agent", "lead", "engineer", "ops", "admin"}
LEADS = {"lead", "ops", "admin"}
ANYBODY = STAFF | {"customer", "integration", "system", "csm"}
WHO = {
    "take": STAFF, "assign": STAFF, "release": STAFF, "respond": STAFF,
    "note": STAFF | {"integration", "bot", "system"}, "hide": STAFF | {"integration"},
    "step": STAFF | {"bot"}, "attach": STAFF, "fill": STAFF | {"bot"}, "wait": STAFF,
    "reply": ANYBODY, "escalate": STAFF, "return": STAFF, "refer": STAFF, "resolve": STAFF, "reopen": ANYBODY,
    "close": ANYBODY, "solved": LEADS | {"customer", "integration"}, "end": LEADS | {"integration"},
    "prioritise": STAFF, "amend": STAFF, "tell_engineering": STAFF,
    "ask": STAFF, "answer": STAFF, "promise": STAFF, "follow_up": STAFF, "keep": STAFF, "attention": ANYBODY,
    "attend": LEADS, "identify": STAFF,
    "request_refund": STAFF | {"csm", "finance"}, "approve_refund": STAFF - {"engineer"} | {"csm", "finance"},
    "refuse_refund": STAFF - {"engineer"} | {"csm", "finance"}, "withdraw_refund": STAFF | {"csm", "finance"},
    "waive": LEADS, "retry": STAFF,
    "replace_terms": LEADS | {"system"}, "rate": ANYBODY,
    "jira_changed": {"integration", "system", "ops", "admin"},
    "incident_changed": {"integration", "system", "ops", "admin"},
    "match_account": {"system", "ops", "admin"},
}  # fmt: skip


def states() -> dict[str, Case]:
    """One ticket in each state, at 12:00."""
    cases = {"new": phoned(), "t1": in_tier("T1"), "t2": in_tier("T2"), "t3": in_tier("T3"), "free": phoned("free")}
    cases["over"] = phoned()
    cases["over"].do("take", at="09:01")
    for name in ("pending", "resolved", "closed", "breached", "refused"):
        cases[name] = in_tier("T3" if name == "refused" else "T1")
    cases["pending"].do("wait", at="09:10", question="Which browser?")
    cases["resolved"].do("resolve", at="09:10", **RECORD)
    cases["closed"].do("resolve", at="09:10", **RECORD)
    cases["closed"].do("close", at="09:11")
    cases["breached"] = given("enterprise")
    key = cases["refused"].ticket.pending_effects[0].key
    cases["refused"].do("effect_failed", at="09:06", by="tierline", role="system", key=key, reason="No")
    cases["linked"] = in_tier("T3")
    done(cases["linked"], at="09:06", jira_key="SUP-1")
    for case in cases.values():
        case.wake("12:00")
    return cases


# -- Roles ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(WHO))
def test_each_command_is_for_its_roles_only(name):
    assert {role.value for role in c.BY_NAME[name].who} == WHO[name]
    kind = c.BY_NAME[name]
    for role in Role:
        if role.value not in WHO[name]:
            command = kind.model_construct(**{k: f.default for k, f in kind.model_fields.items()}).model_copy(
                update={"role": role, "by": "x"}
            )
            with pytest.raises(Refused) as caught:
                TICKET.decide(given().ticket, command, at("09:05"))
            assert caught.value.code == "not_allowed"
            assert name in caught.value.message
            assert role.value in caught.value.message


def test_who_did_it_stands_on_the_event():
    case = given()
    case.do("take", at="09:05", by="ada", role="lead", id="c-1")
    event = case.events[-1]
    assert (event.actor.id, event.actor.role, event.command_id) == ("ada", Role.LEAD, "c-1")


# -- What fits -----------------------------------------------------------------------------------------------------

OPEN = {
    "respond", "note", "hide", "attach", "fill", "reply", "solved", "end", "amend", "replace_terms", "ask", "promise",
    "follow_up", "attention",
}  # fmt: skip
ACTIVE = OPEN | {"take", "assign", "release", "wait", "escalate", "resolve", "prioritise", "identify"}
FITS = {
    "new": ACTIVE,
    "t1": ACTIVE - {"wait"},  # past its limit by noon
    "t2": ACTIVE | {"step", "return"},
    "t3": ACTIVE - {"escalate"} | {"step", "return"},
    "free": ACTIVE | {"refer"},
    "over": ACTIVE - {"wait"},
    "pending": ACTIVE - {"wait"} | {"step"},
    "resolved": OPEN | {"reopen", "close", "rate"},
    "closed": {"rate", "hide"},
    "breached": ACTIVE | {"waive"},
    "refused": ACTIVE - {"escalate"} | {"step", "return", "retry"},
    "linked": ACTIVE - {"escalate"} | {"step", "return", "tell_engineering"},
}


@pytest.mark.parametrize("state", sorted(FITS))
def test_a_command_that_does_not_fit_is_told_what_would(state):
    case = states()[state]
    fits = FITS[state]
    for name in WHO:
        if name in fits or name in ("jira_changed", "incident_changed", "match_account"):
            continue
        fields = {"csat": 5} if name == "rate" else {}
        refused = case.refused(name, "12:00", role="lead", **fields)
        assert refused.code == ("closed" if state == "closed" else "does_not_fit"), name
        assert set(refused.would_fit) == fits, name


def test_what_would_fit_is_named_in_the_order_of_the_commands():
    order = list(c.BY_NAME)
    would_fit = in_tier("T2").refused("rate", "09:10", csat=5).would_fit
    assert would_fit == sorted(would_fit, key=order.index)


def test_a_ticket_that_somebody_holds_is_taken_over_only_on_purpose():
    case = given()
    case.do("take", at="09:01", by="ada")
    assert "hold it already" in case.refused("take", "09:02", by="ada").message
    assert "ada holds it" in case.refused("take", "09:02", by="bob").message
    case.do("take", at="09:03", by="bob", over=True)
    assert case.ticket.assignee == "bob"


def test_a_step_needs_somebody_who_took_the_ticket():
    assert "take it first" in given().refused("step", "09:01", text="Cleared the cache").message


def test_an_amendment_that_corrects_nothing_is_refused():
    case = given()
    assert case.refused("amend", "09:01").missing == ["category", "product_area", "language", "tags"]
    case.do("amend", at="09:02", product_area="billing", language="de", tags=["vip"])
    assert (case.ticket.product_area, case.ticket.language, case.ticket.tags) == ("billing", "de", ("vip",))
    assert case.ticket.category == "bug"


def test_a_change_of_priority_needs_both_and_a_change():
    case = given(priority="P2")
    assert case.refused("prioritise", "09:01").missing == ["priority", "reason"]
    assert case.refused("prioritise", "09:01", priority="P2", reason="Same").code == "does_not_fit"
    case.do("prioritise", at="09:02", priority="P3", reason="One user only.")
    assert (case.ticket.priority, case.events[-1].texts) == ("P3", {"reason": "One user only."})


def test_new_terms_need_terms_and_a_reason():
    assert given().refused("replace_terms", "09:01", role="lead", reason="X").missing == ["terms"]
    assert given().refused("replace_terms", "09:01", role="lead").missing == ["reason"]


# -- Malformed ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "fields"),
    [
        ({"do": "take", "over": "perhaps"}, {"over"}),
        ({"do": "step", "text": "x" * 20_001}, {"text"}),
        ({"do": "step", "text": 5}, {"text"}),
        ({"do": "step", "txt": "x", "reason": "y"}, {"txt", "reason"}),
        ({"do": "take", "by": ""}, {"by"}),
        ({"do": "take", "by": "\u200b\u2060"}, {"by"}),
        ({"do": "take", "role": "boss"}, {"role"}),
        ({"do": "take", "received": "2026-11-23T09:00:00"}, {"received"}),
        ({"do": "fill", "fields": {"step_taken": "x"}}, {"fields.step_taken"}),
        ({"do": "fill", "fields": {"bug_report": {"summery": "x"}}}, {"fields.bug_report.summery"}),
        ({"do": "rate"}, {"csat"}),
        ({"do": "jira_changed"}, {"key", "category", "version"}),
        ({"do": "resolve", "resolution": "gone"}, {"resolution"}),
        ({"do": "amend", "language": "english please"}, {"language"}),
        ({"do": "amend", "tags": ["x"] * 51}, {"tags"}),
    ],
)
def test_what_is_malformed_is_refused_by_name_and_its_content_is_not_repeated(payload, fields):
    with pytest.raises(Refused) as caught:
        c.parse(payload)
    assert caught.value.code == "malformed"
    assert set(caught.value.fields) == fields
    assert "x" * 100 not in str(caught.value.as_dict())


@pytest.mark.parametrize("payload", [[], "take", None, 7])
def test_a_payload_that_is_no_object_is_malformed(payload):
    with pytest.raises(Refused) as caught:
        c.parse(payload)
    assert caught.value.code == "malformed"


@pytest.mark.parametrize("do", [None, "teak", "effect_done", "effect_failed", 7, ["take"]])
def test_an_unknown_command_is_told_the_known_ones(do):
    with pytest.raises(Refused) as caught:
        c.parse({"do": do})
    assert caught.value.code == "unknown_command"
    assert caught.value.would_fit == list(WHO)


def test_the_name_of_an_update_goes_before_what_its_payload_says():
    assert isinstance(c.parse({"do": "close"}, "take"), c.Take)


def test_a_name_cannot_be_shown_as_another_and_a_fault_is_said_in_peoples_words():
    assert c.parse({"do": "take", "by": "\u202eada\n lead\u200b"}).by == "ada lead"
    with pytest.raises(Refused, match="text: has more than 20000 characters"):
        c.parse({"do": "note", "text": "x" * 20_001})


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("limits", "quiet"), "P4000D"),
        (("limits", "t1_limit"), "PT0S"),
        (("limits", "debt"), "-PT1S"),
        (("limits", "t1_notes"), ["PT1M"] * 11),
        (("plan", "resolution"), {"source": "x", "budget": "P4000D"}),
        (("plan", "resolution"), {"source": "x", "days": 4000}),
        (("plan", "credit_percent"), "101"),
        (("gates", "t2"), ["x"] * 1001),
        (("policy",), "x" * 201),
    ],
)
def test_terms_made_by_hand_are_bounded(place, value):
    terms = terms_of("standard").model_dump(mode="json")
    c.parse({"do": "replace_terms", "terms": terms})
    inner = terms
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    with pytest.raises(Refused) as caught:
        c.parse({"do": "replace_terms", "terms": terms})
    assert caught.value.code == "malformed"
    assert all(field.startswith(".".join(("terms", *place))) for field in caught.value.fields)


@pytest.mark.parametrize("said", [{"arr": "1e400"}, {"fee": "-1"}, {"zone": "x" * 201}, {"arr": "NaN"}])
def test_an_account_made_by_hand_is_bounded(said):
    with pytest.raises(Refused) as caught:
        c.parse({"do": "replace_terms", "account": {"id": "acme", "plan": "free"} | said})
    assert set(caught.value.fields) == {f"account.{name}" for name in said}


def test_text_is_made_storable():
    command = c.parse({"do": "note", "text": "a\x00b\ud800c"})
    assert isinstance(command, c.Note)
    assert command.text == "ab?c"


# -- For which instant ------------------------------------------------------------------------------------------------


def test_a_command_is_decided_for_the_instant_at_which_it_was_received():
    case = in_tier("T1")
    case.do("step", at="10:00", received="09:12", text="In time, and delivered after an outage")
    noted = case.of("step_noted")[0]
    assert (noted.at, noted.received, noted.detected) == (at("09:12"), at("09:12"), at("10:00"))
    case.wake("10:00")
    assert case.when("limit_reached") == at("09:16")


def test_deadlines_before_that_instant_lapse_first_each_at_its_own():
    case = in_tier("T1")
    with pytest.raises(Refused):
        case.do("step", at="10:00", received="09:17", text="Too late")
    case.do("note", at="10:00", received="09:20", text="Late")
    assert [(ev.body.type, ev.at) for ev in case.events[-4:]] == [
        ("limit_noted", at("09:11")),
        ("limit_noted", at("09:14")),
        ("limit_reached", at("09:16")),
        ("noted", at("09:20")),
    ]


def test_nothing_is_decided_before_what_was_decided_already():
    case = given()
    case.do("note", at="10:00", received="09:30", text="Second, delivered first")
    case.do("note", at="10:01", received="09:20", text="First, delivered second")
    first, second = case.of("noted")
    assert (first.at, second.at) == (at("09:30"), at("09:30"))
    assert second.received == at("09:20")


def test_nothing_is_received_in_the_future():
    case = given()
    case.do("note", at="10:00", received="Fri 10:00", text="A clock that is ahead")
    assert case.of("noted")[0].at == at("10:00")


def test_what_happens_at_a_due_instant_is_in_time_and_the_deadline_lapses_after_it():
    case = phoned(priority="P1")
    case.do("respond", at="17:00", text="Nearly there")
    assert case.lapses() == []
    case.wake("17:00")
    assert case.lapses() == [("target", "resolution", at("17:00"))]
    in_time = phoned(priority="P1")
    in_time.do("resolve", at="17:00", **RECORD)
    in_time.wake("Fri+1 17:00")
    assert in_time.lapses() == []


def test_a_quiet_period_that_is_over_closes_before_the_reply():
    case = in_tier("T1")
    case.do("resolve", at="10:00", **RECORD)
    assert case.refused("reply", "Thu 10:00:01", role="customer", text="Again").code == "closed"
    case.do("reply", at="Thu 10:00", role="customer", text="Again")
    assert case.ticket.status is Status.OPEN


def test_a_refusal_records_nothing_even_when_deadlines_lapsed_on_the_way():
    case = in_tier("T1")
    case.refused("step", "12:00", text="Too late")
    assert case.next() == at("09:11")


# -- The ticket is the fold of its events -----------------------------------------------------------------------------


def test_a_gap_or_a_wrong_beginning_is_never_repaired():
    case = in_tier("T2")
    with pytest.raises(ValueError, match="does not follow"):
        TICKET.evolve(case.ticket, case.events[-1])
    with pytest.raises(ValueError, match="cannot begin with"):
        TICKET.evolve(None, case.events[1].model_copy(update={"seq": 1}))
    with pytest.raises(ValueError, match="cannot begin with"):
        TICKET.evolve(None, case.events[0].model_copy(update={"seq": 2}))
    with pytest.raises(ValueError, match="no events"):
        TICKET.fold([])
    assert case.refold() == case.ticket


def test_erased_texts_change_nothing():
    case = in_tier("T3", texts={"subject": "Export hangs", "logs_or_screenshots": "export.log"})
    case.do("resolve", at="10:00", **RECORD)
    assert TICKET.fold(event.model_copy(update={"texts": {}}) for event in case.events) == case.ticket


def test_a_refused_message_stands_on_the_timeline_and_changes_nothing():
    case = given()
    recording = Recording(TICKET, case.ticket, at("09:05"), at("09:05"))
    recording.record(e.MessageRefused(code="malformed", what="advance"), texts={"message": "no"})
    same = recording.state.model_copy(update={"seq": case.ticket.seq, "as_of": case.ticket.as_of})
    assert same == case.ticket


def test_a_deadline_that_does_not_lapse_is_a_bug_that_stops_at_once():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TICKET, "lapse", lambda *_: None)
        with pytest.raises(RuntimeError, match=r"WARNING at .* does not lapse"):
            given().wake("12:00")


def test_a_deadline_says_in_words_what_it_is():
    case = phoned()
    assert next_deadline(case.ticket).summary == "Warn of the SLA: resolution"
    case.do("take", at="09:00")
    assert next_deadline(case.ticket).summary == "Tell the agent that the T1 troubleshooting limit comes"
    case.do("escalate", at="09:01", fields=T2_PACKAGE)
    case.do("resolve", at="09:02", **RECORD)
    assert next_deadline(case.ticket).summary == "Close after the quiet period"
    p0 = given("standard", "P0")
    assert next_deadline(p0.ticket).summary == "Warn of the SLA: first response"
    done(p0, at="09:00", incident=7)


@pytest.mark.parametrize("arr", ["0." + "0" * 5000 + "1", "1" * 100])
def test_an_amount_of_endless_digits_is_refused_by_name(arr):
    payload = {"do": "fill", "fields": {"business_impact": {"text": "x", "arr": arr}}}
    with pytest.raises(Refused) as refused:
        c.parse(payload)
    assert refused.value.code == "malformed"
    assert any("business_impact" in place for place in refused.value.fields)


def test_terms_in_which_something_repeats_after_no_time_are_refused():
    short = terms_of("standard").model_dump(mode="json")
    short["limits"]["t1_grace"] = "PT0S"
    with pytest.raises(Refused) as refused:
        c.parse({"do": "replace_terms", "terms": short, "reason": "x"})
    assert "terms.limits.t1_grace" in refused.value.fields


@pytest.mark.parametrize("name", ["ada\n  9  escalated to T3  lena (lead)", "ada\r\n9", "ada\u2028 9", "a\x1b[2Jda\t9"])
def test_who_did_it_is_one_line_so_that_no_name_passes_for_an_entry_of_the_timeline(name):
    command = c.parse({"do": "take", "by": name})
    assert len(command.by.splitlines()) == 1
    assert "\x1b" not in command.by

"""G3, G4, G9: what a hand-off and a resolution need. Names are complete, and in the order of the gates."""

import pytest

from domain.core.enums import Tier
from domain.ticket.rules.gates import arr_of, missing
from domain.ticket.rules.package import Filling
from domain.ticket.rules.package_fields import Package
from tests.support.packages import BOTH_PACKAGES, RECORD, T2_GATE, T2_PACKAGE, T3_GATE, T3_PACKAGE
from tests.support.ticket_case import at, done, given, in_tier

NO_LOGS = {"absent": "no_logs", "reason": "The device keeps none."}
PARTS = ["summary", "expected", "actual", "environment", "frequency", "code_change"]


# -- G3 ---------------------------------------------------------------------------------------------------------


def test_g3_nothing_filled_in_is_refused_with_the_four_names_in_order():
    refused = given().refused("escalate", "09:05")
    assert (refused.code, refused.missing) == ("missing_fields", T2_GATE)
    assert all(name in refused.message for name in T2_GATE)


@pytest.mark.parametrize("name", T2_GATE)
def test_g3_each_of_the_four_is_needed(name):
    fields = {other: text for other, text in T2_PACKAGE.items() if other != name}
    case = given()
    assert case.refused("escalate", "09:05", fields=fields).missing == [name]
    case.do("fill", at="09:05", fields=fields)
    assert case.refused("escalate", "09:06").missing == [name]
    case.do("escalate", at="09:07", fields={name: "Here it is."})
    assert case.ticket.tier == "T2"


@pytest.mark.parametrize("blank", ["", " ", "\t\r\n", "\u00a0\u2003", "\u200b\u200d\ufeff"])
def test_g3_white_space_is_missing(blank):
    case = given()
    fields = T2_PACKAGE | {"customer_impact": blank, "logs_or_screenshots": blank}
    refused = case.refused("escalate", "09:05", fields=fields)
    assert refused.missing == ["customer_impact", "logs_or_screenshots"]
    refused = case.refused("fill", "09:05", fields={"reproduction_steps": blank})
    assert (refused.code, refused.missing) == ("missing_fields", ["reproduction_steps"])


def test_g3_what_is_given_blank_is_missing_even_where_an_older_text_stands():
    case = given()
    case.do("fill", at="09:05", fields=T2_PACKAGE)
    assert case.refused("escalate", "09:06", fields={"customer_impact": " "}).missing == ["customer_impact"]
    case.do("escalate", at="09:07")


def test_g3_blank_fields_and_missing_ones_are_named_together_in_order():
    refused = given().refused("escalate", "09:05", fields={"logs_or_screenshots": " ", "customer_impact": "All"})
    assert refused.missing == ["steps_taken", "reproduction_steps", "logs_or_screenshots"]


def test_g3_a_fill_with_nothing_in_it_is_refused():
    assert given().refused("fill", "09:05", fields={}).missing == ["fields"]


def test_g3_steps_and_attachments_recorded_on_the_way_fill_theirs():
    case = given()
    case.do("take", at="09:00")
    case.do("step", at="09:01", text="Cleared the cache")
    case.do("step", at="09:02", text="Another browser")
    case.do("attach", at="09:03", text="export.log")
    assert missing(case.ticket, Tier.T2) == ["customer_impact", "reproduction_steps"]
    assert case.ticket.fields["steps_taken"].refs == ("3.steps_taken", "4.steps_taken")
    assert case.events[2].texts == {"steps_taken": "Cleared the cache"}


def test_g3_what_came_attached_with_the_ticket_fills_its_field():
    case = given(texts={"subject": "Export hangs", "logs_or_screenshots": "export.log"})
    assert missing(case.ticket, Tier.T2) == T2_GATE[:3]
    assert [event.texts for event in case.events] == [
        {"subject": "Export hangs"},
        {"logs_or_screenshots": "export.log"},
    ]
    assert missing(given(texts={"logs_or_screenshots": " "}).ticket, Tier.T2) == T2_GATE


@pytest.mark.parametrize("name", ["text"])
@pytest.mark.parametrize("command", ["step", "attach", "note", "respond", "reply"])
def test_g3_a_blank_message_is_refused(command, name):
    case = given()
    case.do("take", at="09:00")
    assert case.refused(command, "09:01", **{name: " \n"}).missing == [name]


@pytest.mark.parametrize("category", ["bug", "how-to", "feature", "billing", "account", "integration", "cancellation"])
@pytest.mark.parametrize(
    ("name", "absent", "in_category"),
    [
        ("reproduction_steps", "not_reproducible", None),
        ("logs_or_screenshots", "no_logs", None),
        ("reproduction_steps", "not_applicable", {"how-to", "feature", "billing", "account", "cancellation"}),
        ("logs_or_screenshots", "not_applicable", {"how-to", "feature", "billing", "account", "cancellation"}),
        ("logs_or_screenshots", "not_reproducible", set()),
        ("reproduction_steps", "no_logs", set()),
        ("steps_taken", "not_applicable", set()),
        ("customer_impact", "not_applicable", set()),
        ("workaround_status", "not_applicable", set()),
    ],
)
def test_g3_absence_is_said_by_category_with_a_reason(category, name, absent, in_category):
    case = given(category=category)
    said = {"absent": absent, "reason": "There is none."}
    if in_category is None or category in in_category:
        refused = case.refused("fill", "09:05", fields={name: said | {"reason": " "}})
        assert refused.missing == [f"{name}.reason"]
        case.do("fill", at="09:05", fields={name: said})
        assert case.ticket.fields[name].absent == absent
        assert name not in missing(case.ticket, Tier.T2)
        assert case.of("filled")[0].texts == {name: "There is none."}
    else:
        refused = case.refused("fill", "09:05", fields={name: said})
        assert refused.code == "not_allowed"
        assert name in refused.message


def test_g3_not_applicable_no_longer_stands_when_the_category_is_corrected():
    case = given(category="how-to")
    fields = T2_PACKAGE | {"reproduction_steps": {"absent": "not_applicable", "reason": "A question."}}
    case.do("fill", at="09:05", fields=fields)
    assert missing(case.ticket, Tier.T2) == []
    case.do("amend", at="09:06", category="bug")
    assert case.refused("escalate", "09:07").missing == ["reproduction_steps"]


def test_g3_a_declared_absence_gives_way_to_the_real_thing():
    case = given()
    case.do("fill", at="09:05", fields={"logs_or_screenshots": NO_LOGS})
    case.do("attach", at="09:06", text="export.log")
    assert case.ticket.fields["logs_or_screenshots"].absent is None
    assert case.ticket.fields["logs_or_screenshots"].refs == ("3.logs_or_screenshots",)


def test_g3_the_gate_is_the_policys():
    def one_field(terms):
        return terms.model_copy(update={"gates": terms.gates.model_copy(update={"t2": ("customer_impact",)})})

    case = given(change=one_field)
    assert case.refused("escalate", "09:05").missing == ["customer_impact"]
    case.do("escalate", at="09:06", fields={"customer_impact": "All."})


# -- G4 ---------------------------------------------------------------------------------------------------------


def test_g4_the_names_of_both_gates_are_reported_together_in_order():
    refused = given("enterprise").refused("escalate", "09:05", to="T3")
    assert refused.missing == T2_GATE + T3_GATE
    forced = given()
    forced.do("escalate", at="09:05", force=True, role="lead", reason="Now.")
    assert forced.refused("escalate", "09:06").missing == T2_GATE + T3_GATE


@pytest.mark.parametrize("name", T3_GATE)
def test_g4_each_of_the_four_is_needed(name):
    case = in_tier("T2")
    fields = {other: text for other, text in T3_PACKAGE.items() if other != name}
    assert case.refused("escalate", "09:05", fields=fields).missing == [name]


@pytest.mark.parametrize("part", PARTS)
def test_g4_each_part_of_the_bug_report_is_needed_by_name(part):
    case = in_tier("T2")
    report = {other: value for other, value in T3_PACKAGE["bug_report"].items() if other != part}
    fields = T3_PACKAGE | {"bug_report": report}
    assert case.refused("escalate", "09:05", fields=fields).missing == [f"bug_report.{part}"]


def test_g4_parts_keep_the_order_of_the_report():
    case = in_tier("T2")
    case.do("fill", at="09:05", fields={"bug_report": {"actual": "Nothing"}})
    lacking = [f"bug_report.{part}" for part in PARTS if part != "actual"]
    assert case.refused("escalate", "09:06").missing == [*lacking, *T3_GATE[1:]]


def test_g4_the_steps_are_inherited_from_the_first_package():
    case = in_tier("T2")
    case.do("escalate", at="09:05", fields=T3_PACKAGE)  # its report has no steps
    assert case.ticket.tier == "T3"
    forced = given()
    forced.do("escalate", at="09:05", force=True, role="lead", reason="Now.")
    assert "bug_report.steps" in forced.refused("escalate", "09:06", fields=T3_PACKAGE).missing
    fields = T3_PACKAGE | {"bug_report": T3_PACKAGE["bug_report"] | {"steps": "Open, export."}}
    assert forced.refused("escalate", "09:06", fields=fields).missing == T2_GATE


def test_g4_it_must_say_that_a_code_change_is_needed():
    case = in_tier("T2")
    fields = T3_PACKAGE | {"bug_report": T3_PACKAGE["bug_report"] | {"code_change": False}}
    assert case.refused("escalate", "09:05", fields=fields).missing == ["bug_report.code_change"]


def test_g4_a_blank_report_is_missing_as_a_whole():
    case = in_tier("T2")
    fields = T3_PACKAGE | {"bug_report": {"summary": " ", "actual": "\n"}}
    assert case.refused("escalate", "09:05", fields=fields).missing == ["bug_report"]
    assert case.refused("fill", "09:05", fields={"bug_report": {"summary": " "}}).missing == ["bug_report"]


@pytest.mark.parametrize(("said", "kept"), [(0, "0"), ("unknown", "unknown"), ("1200.50", "1200.50")])
def test_g4_the_revenue_is_said_even_if_it_is_nothing_or_unknown(said, kept):
    case = in_tier("T2")
    fields = T3_PACKAGE | {"business_impact": "Month-end is late."}
    assert case.refused("escalate", "09:05", fields=fields).missing == ["business_impact.arr"]
    case.do("fill", at="09:05", fields=fields)
    case.do("fill", at="09:06", fields={"business_impact": {"arr": said}})  # the words stand already
    case.do("fill", at="09:06", fields={"customer_impact": "All of them."})
    assert case.ticket.arr == kept
    case.do("escalate", at="09:07")
    assert case.ticket.tier == "T3"


def test_g4_the_revenue_alone_is_no_impact():
    case = in_tier("T2")
    assert case.refused("fill", "09:05", fields={"business_impact": {"arr": 5}}).missing == ["business_impact"]


def test_g4_the_revenue_that_the_account_has_need_not_be_said_again():
    case = in_tier("T2", arr=50_000)
    case.do("escalate", at="09:05", fields=T3_PACKAGE | {"business_impact": "Month-end is late."})
    assert arr_of(case.ticket) == 50_000
    corrected = in_tier("T2", arr=50_000)
    corrected.do("fill", at="09:05", fields={"business_impact": {"text": "Late.", "arr": "unknown"}})
    assert arr_of(corrected.ticket) is None
    corrected.do("fill", at="09:06", fields={"business_impact": {"text": "Very late.", "arr": "0"}})
    assert arr_of(corrected.ticket) == 0
    assert corrected.events[-1].texts == {"business_impact": "Very late."}
    assert corrected.refused("fill", "09:07", fields={"business_impact": {"text": " "}}).missing == ["business_impact"]


def test_g4_filling_flattens_the_package_and_trims_its_texts():
    package = Package.model_validate(BOTH_PACKAGES | {"customer_impact": "  All of them. \n"})
    filling = Filling(given().ticket, package)
    assert filling.texts["customer_impact"] == "All of them."
    assert filling.texts["bug_report.summary"] == "Export hangs"
    assert "bug_report" not in filling.texts
    assert (filling.arr, filling.absent, filling.blank) == ("12000", {}, [])


# -- G9 ---------------------------------------------------------------------------------------------------------


def lacking(case, **record) -> list[str]:
    return case.refused("resolve", "10:00", **record).missing


def test_g9_a_resolution_needs_its_type():
    assert lacking(in_tier("T1"))[0] == "resolution"
    record = {name: value for name, value in RECORD.items() if name != "resolution"}
    assert lacking(in_tier("T1"), **record) == ["resolution"]


def test_g9_bugs_and_all_from_tier_2_and_3_are_told_in_full():
    full = ["what_was_done", "root_cause", "kb_article"]
    assert lacking(in_tier("T1"), resolution="solved") == full
    assert lacking(in_tier("T1", category="integration"), resolution="solved") == full
    for tier in ("T2", "T3"):
        for category in ("bug", "how-to", "billing", "integration", "feature"):
            assert lacking(in_tier(tier, category=category), resolution="solved") == full, (tier, category)
        account = lacking(in_tier(tier, category="account"), resolution="solved")
        assert account == ["what_was_done", "identity_check", "root_cause", "kb_article"]


@pytest.mark.parametrize("said", [{"kb_article": "KB-7"}, {"kb_reason": "Too rare."}])
def test_g9_the_article_or_the_reason_why_none(said):
    record = {name: value for name, value in RECORD.items() if name != "kb_reason"}
    case = in_tier("T1")
    assert lacking(case, **record) == ["kb_article"]
    case.do("resolve", at="10:00", **record, **said)
    assert not case.last("resolved").kb_gap


@pytest.mark.parametrize("word", ["gap", " Gap\n"])
def test_g9_a_gap_opens_a_draft(word):
    case = in_tier("T1")
    case.do("resolve", at="10:00", **(RECORD | {"kb_reason": word}))
    assert case.last("resolved").kb_gap


def test_g9_how_to_needs_the_article_used_or_what_was_said():
    assert lacking(in_tier("T1", category="how-to"), resolution="solved") == ["kb_article"]
    for said in ({"kb_article": "KB-7"}, {"message": "Press export."}):
        case = in_tier("T1", category="how-to")
        case.do("resolve", at="10:00", resolution="solved", **said)
        assert case.ticket.status == "resolved"
    assert lacking(given(category="how-to"), resolution="solved") == ["message"]  # which is both


def test_g9_billing_and_account_need_what_was_done_and_the_identity_check_that_the_policy_asks():
    assert lacking(in_tier("T1", category="billing"), resolution="solved") == ["what_was_done"]
    account = in_tier("T1", category="account")
    assert lacking(account, resolution="solved") == ["what_was_done", "identity_check"]
    account.do("resolve", at="10:00", resolution="solved", what_was_done="Reset.", identity_check="Called back.")
    assert account.of("resolved")[0].texts == {"what_was_done": "Reset.", "identity_check": "Called back."}


def test_g9_a_feature_solved_in_tier_1_needs_what_was_done():
    assert lacking(in_tier("T1", category="feature"), resolution="solved") == ["what_was_done"]


def test_g9_a_duplicate_needs_its_parent_and_keeps_it():
    case = in_tier("T1")
    assert lacking(case, resolution="duplicate") == ["parent"]
    case.do("resolve", at="10:00", resolution="duplicate", parent="4k7m-3q9x-tbd2")
    assert case.ticket.parent == "4k7m-3q9x-tbd2"
    assert (case.last("resolved").kb_article, case.last("resolved").link) == (None, None)


def test_g9_a_ticket_keeps_the_parent_that_it_was_opened_with():
    case = given(parent="4k7m-3q9x-tbd2")
    case.do("resolve", at="10:00", **RECORD)
    assert case.ticket.parent == "4k7m-3q9x-tbd2"


def test_g9_wont_fix_needs_a_reason_for_the_customer():
    assert lacking(in_tier("T1"), resolution="wont_fix") == ["customer_reason"]
    assert lacking(given(), resolution="wont_fix") == ["customer_reason"]


def test_g9_a_feature_request_needs_the_word_to_the_customer_and_its_link_or_issue():
    assert lacking(in_tier("T1"), resolution="feature_request") == ["message", "link"]
    case = in_tier("T1")
    case.do("resolve", at="10:00", resolution="feature_request", message="Noted.", link="https://ideas.example/7")
    assert (case.last("resolved").link, case.last("resolved").parent) == ("https://ideas.example/7", None)
    linked = in_tier("T3", priority="P4")
    done(linked, at="09:06", jira_key="SUP-1")
    assert lacking(linked, resolution="feature_request") == ["message"]


def test_g9_a_workaround_must_be_delivered():
    record = {name: value for name, value in RECORD.items() if name not in ("message", "resolution")}
    assert lacking(in_tier("T1"), resolution="workaround", **record) == ["message"]


def test_g9_who_was_never_answered_is_told_now():
    record = {name: value for name, value in RECORD.items() if name != "message"}
    assert lacking(given(), **record) == ["message"]
    assert lacking(given(), resolution="duplicate") == ["message", "parent"]


def test_g9_white_space_is_missing():
    blank = dict.fromkeys(("message", "what_was_done", "root_cause", "kb_article", "kb_reason"), " \t")
    assert lacking(in_tier("T1"), resolution="solved", **blank) == ["what_was_done", "root_cause", "kb_article"]


def test_g9_the_record_stands_on_the_event():
    case = in_tier("T1")
    case.do("resolve", at="10:00", **(RECORD | {"kb_article": "KB-7"}))
    (event,) = case.of("resolved")
    assert event.body.kb_article == "KB-7"
    assert event.texts == {name: RECORD[name] for name in ("message", "what_was_done", "root_cause", "kb_reason")}
    assert (case.ticket.resolution, case.ticket.kb_article) == ("solved", "KB-7")
    assert case.ticket.resolved_at == at("10:00")


def test_g9_closed_after_a_quiet_period():
    case = in_tier("T1")
    case.do("resolve", at="10:00", **RECORD)
    case.wake("Thu 09:59:59")
    assert case.ticket.status == "resolved"
    case.wake("Thu 10:00")
    assert case.ticket.closed
    assert (case.last("closed").how, case.ticket.closed_at) == ("quiet", at("Thu 10:00"))
    by_hand = in_tier("T1")
    by_hand.do("resolve", at="10:00", **RECORD)
    by_hand.do("close", at="10:01")
    assert by_hand.last("closed").how == "by_hand"


def test_g9_reopening_needs_a_reason():
    case = in_tier("T1")
    case.do("resolve", at="10:00", **RECORD)
    assert case.refused("reopen", "11:00", reason=" ").missing == ["reason"]


def test_g9_the_customer_rates_from_1_to_5_once_it_is_resolved():
    case = in_tier("T1")
    assert case.refused("rate", "10:00", role="customer", csat=5).code == "does_not_fit"
    case.do("resolve", at="10:00", **RECORD)
    case.do("rate", at="10:01", role="customer", csat=4)
    case.do("close", at="10:02")
    case.do("rate", at="Fri 10:01", role="customer", csat=1)
    assert case.ticket.csat == 1
    for csat in (0, 6):
        assert case.refused("rate", "Fri 10:02", role="customer", csat=csat).fields.keys() == {"csat"}


@pytest.mark.parametrize("end", ["resolved", "closed"])
def test_g9_nobody_rates_their_own_work_and_one_rating_stands_for_an_hour(end):
    case = in_tier("T1")
    case.do("resolve", at="10:00", **RECORD)
    if end == "closed":
        case.do("close", at="10:00")
    for role in ("agent", "engineer", "csm"):
        assert case.refused("rate", "10:01", role=role, csat=5).code == "not_allowed"
    case.do("rate", at="10:01", role="customer", csat=1)
    for role in ("customer", "integration", "lead"):
        assert "again from 10:01:00 UTC" in case.refused("rate", "11:00", role=role, csat=5).message
    case.do("rate", at="11:01", role="integration", csat=4)
    assert (case.ticket.csat, [event.body.csat for event in case.events if event.body.type == "rated"]) == (4, [1, 4])
    assert case.refold() == case.ticket


def test_g9_a_ticket_from_before_keeps_the_old_rule():
    """Recorded messages lead to what they led to."""
    case = in_tier("T1", change=lambda terms: terms.model_copy(update={"core_version": 1}))
    case.do("resolve", at="10:00", **RECORD)
    case.do("rate", at="10:01", role="agent", csat=5)
    case.do("rate", at="10:02", role="agent", csat=4)
    assert case.ticket.csat == 4

"""G3-G5: what engineering gets says everything, or says that it is unknown; and no personal data leaves."""

import json
import time
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.core.enums import Category, Plan, Priority
from domain.documents.document import Heading, plain
from domain.policy.tracker import TrackerRow
from domain.ticket.state import Account, Field
from domain.tracker.bug_report import ENVIRONMENT_LIMIT, ROOM, SUMMARY_LIMIT, Report, issue_report
from integrations.jira import adf
from tests.support.durations import MINUTE
from tests.support.reported_ticket import BUG, URL, ReportedTicket, escalated


def sections(report: Report) -> dict[str, str]:
    """The text under each heading."""
    found: dict[str, list[Any]] = {"": []}
    for block in report.document.blocks:
        if isinstance(block, Heading):
            found[block.text] = []
        else:
            found[list(found)[-1]].append(block)
    return {title: plain(report.document.model_copy(update={"blocks": tuple(b)})) for title, b in found.items()}


def listed(*rows: str) -> str:
    return "\n".join(f"- {row}" for row in rows)


# -- A bug --------------------------------------------------------------------------------------------------


def test_g4_the_report_holds_both_packages_under_headings_in_reading_order() -> None:
    case = escalated()
    said = sections(case.report())
    clocks, facts = said.pop("SLA clocks"), said.pop("Escalation")
    assert said == {
        "": f"Ticket {case.ticket.id} <{URL}>, asked by account acme-42. State of 2026-01-05 08:04:00 UTC.",
        "What happened": "Chart stays empty after 4.2",
        "What the customer wrote": "Since the update\nthe chart stays empty.",
        "Expected": "A chart",
        "Actual": "White space",
        "Steps to reproduce": "1. Open the dashboard\n2. Choose a year\n3. Look",
        "Environment": "Version 4.2.1, Firefox 140\n\nAccount region: unknown",
        "Frequency": "Always",
        "Business impact": "No quarterly report.",
        "Customer impact": "Ten analysts wait.\n\n- ARR: 120,000.50\n- Plan: standard\n- Account: acme-42",
        "Workaround": "Export to CSV works.",
        "What Tier 1 and Tier 2 tried": "- Cleared the cache.",
        "Logs and screenshots": "    GET /chart 500\n      at Chart.draw",
        "Communication plan": "Daily at nine.",
    }
    assert clocks == listed(
        "contract, first response: due 2026-01-05 16:00:00 UTC",
        "contract, resolution: due 2026-01-12 16:00:00 UTC",
        "target, first response: due 2026-01-05 12:00:00 UTC",
        "target, resolution: due 2026-01-12 08:00:00 UTC",
    )
    assert (
        facts
        == listed(
            "Priority: P2",
            "Category: bug",
            "Product area: dashboard",
            "Opened: 2026-01-05 08:00:00 UTC by email",
            "Ask: bob",
            "Escalated from: T2",
            "Needs a change of the code: yes, says Tier 2",
        )
        + "\n\nRemoved before it left support: nothing."
    )


def test_the_summary_names_priority_area_problem_and_ticket() -> None:
    case = escalated()
    assert case.report().summary == f"[P2] dashboard: Chart stays empty after 4.2 (ticket {case.ticket.id})"


def test_the_subject_stands_in_where_there_is_no_bug_report() -> None:
    case = ReportedTicket(product_area="")
    assert case.report().summary == f"[P2] unknown area: Chart stays empty (ticket {case.ticket.id})"


def test_a_long_summary_is_cut_and_the_ticket_is_still_named() -> None:
    case = ReportedTicket({"subject": "empty\nchart " * 100}, product_area="a" * 150)
    assert len(summary := case.report().summary) == SUMMARY_LIMIT
    assert summary.endswith(f"\u2026 (ticket {case.ticket.id})")


def test_g4_steps_are_inherited_from_the_first_package() -> None:
    case = ReportedTicket().do(MINUTE, do="fill", fields={"reproduction_steps": "Step 1: Open it\nStep 2: Look"})
    assert sections(case.report())["Steps to reproduce"] == "1. Open it\n2. Look"


def test_g3_what_is_declared_absent_is_said_with_its_reason() -> None:
    absent = {
        "reproduction_steps": {"absent": "not_reproducible", "reason": "Seen once."},
        "logs_or_screenshots": {"absent": "no_logs", "reason": "Call by phone."},
    }
    said = sections(ReportedTicket().do(MINUTE, do="fill", fields=absent).report())
    assert said["Steps to reproduce"] == "not reproducible: Seen once."
    assert said["Logs and screenshots"] == "no logs exist: Call by phone."


def test_unknown_is_written_and_never_left_out() -> None:
    said = sections(ReportedTicket({}).report())
    for title in ("What happened", "What the customer wrote", "Expected", "Actual", "Steps to reproduce", "Frequency",
                  "Business impact", "Workaround", "What Tier 1 and Tier 2 tried", "Logs and screenshots",
                  "Communication plan"):  # fmt: skip
        assert said[title] == "unknown", title
    assert said["Environment"].startswith("unknown")
    assert "ARR: unknown" in said["Customer impact"]
    assert "Ask: unknown\n- Escalated from: unknown\n- Needs a change of the code: unknown" in said["Escalation"]


def test_an_erased_text_is_said_to_be_gone() -> None:
    case = escalated()
    erased = {ref: text for ref, text in case.texts.items() if not ref.endswith(".communication_plan")}
    report = issue_report(case.ticket, erased, "bug", URL)
    assert sections(report)["Communication plan"] == "[no longer on record]"


def test_every_step_and_every_attachment_is_there_in_order() -> None:
    case = ReportedTicket().do(MINUTE, do="take")
    for number in range(1, 4):
        case.do(number * 2 * MINUTE, do="step", text=f"Try {number}")
        case.do(number * 2 * MINUTE, do="attach", text=f"log{number}.txt")
    said = sections(case.report())
    assert said["What Tier 1 and Tier 2 tried"] == "- Try 1\n- Try 2\n- Try 3"
    assert said["Logs and screenshots"].split() == ["log1.txt", "log2.txt", "log3.txt"]


@pytest.mark.parametrize(
    ("arr", "said_arr", "shown"),
    [
        (Decimal("50000"), None, "50,000"),
        (Decimal("0"), None, "0"),
        (None, None, "unknown"),
        (Decimal("50000"), "unknown", "unknown"),
        (Decimal("50000"), "75000", "75,000"),
        (Decimal("1E+3"), None, "1,000"),
        (Decimal("1E+12"), None, "1,000,000,000,000"),
    ],
)
def test_g4_arr_is_exact_or_unknown_and_the_package_goes_before_the_account(
    arr: Decimal | None, said_arr: str | None, shown: str
) -> None:
    case = ReportedTicket(account=Account(id="acme-42", plan=Plan.STANDARD, arr=arr))
    if said_arr:
        case.do(MINUTE, do="fill", fields={"business_impact": {"text": "Much.", "arr": said_arr}})
    assert f"- ARR: {shown}\n" in sections(case.report())["Customer impact"]


def test_c1_clocks_say_met_breached_missed_and_paused() -> None:
    case = ReportedTicket().do(MINUTE, do="take").do(2 * MINUTE, do="escalate", fields=BUG)
    case.do(300 * MINUTE, do="wait", question="Which browser?")
    assert sections(case.report())["SLA clocks"] == listed(
        "contract, first response: met 2026-01-05 13:00:00 UTC, due 2026-01-05 16:00:00 UTC",
        "contract, resolution: paused",
        "target, first response: missed: was due 2026-01-05 12:00:00 UTC, met 2026-01-05 13:00:00 UTC",
        "target, resolution: paused",
    )


def test_c8_a_contract_breach_that_was_waived_says_so() -> None:
    day = timedelta(days=1)
    case = ReportedTicket().do(day, do="note", text="Late.")
    assert "contract, first response: breached: was due 2026-01-05 16:00:00 UTC, not met yet" in plain(
        case.report().document
    )
    case.do(day, do="waive", metric="first_response", reason="Agreed.", role="lead")
    assert "16:00:00 UTC, waived, not met yet" in plain(case.report().document)


def test_c13_best_effort_is_said() -> None:
    said = sections(ReportedTicket(account=Account(id="f", plan=Plan.FREE)).report())
    assert said["SLA clocks"].endswith("UTC, best effort")


def test_g8_bounces_and_reopenings_are_told() -> None:
    case = ReportedTicket().do(MINUTE, do="take").do(2 * MINUTE, do="escalate", fields=BUG)
    case.do(3 * MINUTE, do="return", reason="Try again.")
    facts = sections(case.report())["Escalation"]
    assert "- Handed back between tiers: 1" in facts
    assert "Reopened" not in facts, "it never was: a count of none says nothing"


def test_without_a_web_address_the_ticket_is_named_all_the_same() -> None:
    case = ReportedTicket()
    assert sections(case.report(url=None))[""].startswith(f"Ticket {case.ticket.id}, asked by account acme-42.")


# -- A request ----------------------------------------------------------------------------------------------


def test_g5_a_request_says_who_asks_what_and_why_and_no_more() -> None:
    account = Account(id="acme-42", plan=Plan.PREMIUM, arr=Decimal(90000))
    texts = {"subject": "Dark mode", "description": "Our eyes."}
    case = ReportedTicket(texts, priority=Priority.P4, category=Category.FEATURE, account=account)
    case.do(MINUTE, do="fill", fields={"customer_impact": "They work at night.", "logs_or_screenshots": "mockup.png"})
    report = case.report("request")
    said = sections(report)
    assert list(said) == ["", "Who asks", "What", "Why", "Links", "SLA clocks", "Escalation"]
    assert said["Who asks"] == "- ARR: 90,000\n- Plan: premium\n- Account: acme-42"
    assert said["What"] == "Dark mode\n\nOur eyes."
    assert said["Why"] == "They work at night."
    assert said["Links"] == "- mockup.png"
    assert report.environment == ""
    assert report.summary.startswith("[P4] dashboard: Dark mode (ticket ")


def test_c4_a_request_without_a_description_is_its_subject_and_not_unknown_below_it() -> None:
    said = {
        given: sections(ReportedTicket(texts, category=Category.FEATURE).report("request"))["What"]
        for given, texts in (("subject", {"subject": "Dark mode"}), ("description", {"description": "Our eyes."}))
    }
    assert said == {"subject": "Dark mode", "description": "unknown\n\nOur eyes."}
    assert sections(ReportedTicket({}, category=Category.FEATURE).report("request"))["What"] == "unknown"


# -- No personal data ---------------------------------------------------------------------------------------


def test_personal_data_is_removed_from_every_text_and_counted_once() -> None:
    mail = "ada@example.com"
    fields = json.loads(json.dumps(BUG).replace("Always", f"Always, says {mail}"))
    fields["bug_report"]["summary"] = f"Empty for {mail}"
    fields["bug_report"]["environment"] = f"Firefox of {mail}, +49 30 1234567"
    report = escalated(fields).report()
    assert mail not in report.summary + plain(report.document) + report.environment
    assert report.removed == {"email": 3, "phone": 1}
    assert report.environment == "Firefox of [e-mail address removed], [phone number removed]"
    assert plain(report.document).endswith("Removed before it left support: e-mail address (3), phone number (1).")


def test_an_id_that_is_an_e_mail_address_does_not_leave_either() -> None:
    account = Account(id="ada@example.com", plan=Plan.STANDARD, region="bob@example.com")
    report = ReportedTicket(account=account, product_area="eve@example.com").report()
    assert "@" not in report.summary + plain(report.document)


def test_ip_addresses_leave_unless_the_policy_removes_them() -> None:
    case = ReportedTicket({"subject": "10.0.0.1 is down"})
    assert "10.0.0.1" in plain(case.report().document)
    assert "10.0.0.1" not in plain(case.report(rules=TrackerRow(remove_ips=True)).document)


PLACES = ["subject", "description", "steps_taken", "customer_impact", "reproduction_steps", "logs_or_screenshots",
          "business_impact", "workaround_status", "communication_plan", "summary", "steps", "expected", "actual",
          "environment", "frequency"]  # fmt: skip
some_text = st.text(st.characters(), max_size=80)


@cache
def filled() -> ReportedTicket:
    return escalated()


def with_texts(said: dict[str, str]) -> ReportedTicket:
    """The escalated case, with other words in the places named."""
    case = ReportedTicket.__new__(ReportedTicket)
    case.ticket = filled().ticket
    case.texts = {ref: said.get(ref.split(".")[-1], text) for ref, text in filled().texts.items()}
    return case


@given(
    st.emails(), some_text, some_text, st.sets(st.sampled_from(PLACES), min_size=1), st.sampled_from(["bug", "request"])
)
def test_no_e_mail_address_survives_anywhere(mail: str, before: str, after: str, places: set[str], kind: str) -> None:
    report = with_texts(dict.fromkeys(places, before + mail + after)).report(kind)
    rendered = json.dumps(adf.render(report.document), ensure_ascii=False)
    for text in (report.summary, report.environment, plain(report.document), rendered):
        assert mail not in text


# -- Any text, any length -----------------------------------------------------------------------------------


def written(report: Report) -> int:
    """The size of the report in Jira, before the renderer would cut anything."""
    text = json.dumps(adf.render(report.document, limit=10**9), ensure_ascii=False, separators=(",", ":"))
    return len(text.encode("utf-16-le")) // 2


@settings(max_examples=50)
@given(
    st.dictionaries(st.sampled_from(PLACES), st.tuples(some_text, st.sampled_from([1, 3, 900]))),
    st.sampled_from(["bug", "request"]),
)
def test_any_text_of_any_length_renders_within_bounds(said: dict[str, tuple[str, int]], kind: str) -> None:
    report = with_texts({place: text * times for place, (text, times) in said.items()}).report(kind)
    assert written(report) <= ROOM < adf.LIMIT
    assert len(report.summary) <= SUMMARY_LIMIT
    assert report.summary.splitlines() == [report.summary]
    assert len(report.environment) <= ENVIRONMENT_LIMIT


@pytest.mark.parametrize(
    "piece", ["x", "\n", "a\n", '"', "\\", "\U0001f600", "\t", "1. \n", "ada@example.com ", "\u2028"]
)
def test_the_longest_texts_are_cut_with_the_way_to_the_whole_and_the_rest_stays(piece: str) -> None:
    report = with_texts(dict.fromkeys(PLACES, piece * (20_000 // len(piece)))).report()
    assert written(report) <= ROOM
    said = sections(report)
    assert "contract, first response: due" in said["SLA clocks"]
    assert "ARR" in said["Customer impact"]
    if piece.strip():
        assert said[""].endswith(f"Long texts are cut here. The whole of them is in the ticket <{URL}>.")
        assert "[cut here: " in plain(report.document)


def test_one_huge_log_is_cut_and_leaves_the_other_sections_whole() -> None:
    report = with_texts({"logs_or_screenshots": "ERROR at Chart.draw\n" * 3_000}).report()
    assert ROOM * 0.8 < written(report) <= ROOM
    whole, cut = sections(filled().report()), sections(report)
    assert "[cut here: " in cut["Logs and screenshots"]
    for title in set(whole) - {"", "Logs and screenshots"}:
        assert cut[title] == whole[title]


def test_ten_thousand_short_steps_are_cut_too() -> None:
    assert written(with_texts({"steps": "a\n" * 10_000}).report()) <= ROOM


def test_a_thousand_long_steps_cost_no_more_than_can_be_shown() -> None:
    refs = tuple(f"{number}.steps_taken" for number in range(10, 1010))
    ticket = ReportedTicket().ticket.model_copy(update={"fields": {"steps_taken": Field(refs=refs)}})
    texts = {ref: f"{ref} tried this " + "again " * 3_000 for ref in refs}
    began = time.thread_time()
    report = issue_report(ticket, texts, "bug", URL)
    assert time.thread_time() - began < 5
    assert written(report) <= ROOM

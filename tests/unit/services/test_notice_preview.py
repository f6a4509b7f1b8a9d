"""F5: `tierline policy notices` says whom a ticket would notify, when, through what, and what nothing carries."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.policy import app
from domain.core.enums import Plan, Priority
from services.notice_preview import Case, preview
from services.policy_file.load import DEFAULT
from tests.support.policy import POLICY
from workers.quiet_hours import digests, quiet_hours

NIGHT = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


def found(priority: Priority, plan: Plan, ahead: timedelta, *, carried: str = "webhook") -> list[dict[str, object]]:
    case = Case(priority, plan, "", NIGHT, ahead)
    told = preview(POLICY, case, quiet_hours(POLICY), digests(POLICY), lambda *_: carried)
    lines: list[dict[str, object]] = told["notices"]
    return lines


def test_f5_a_p0_now_notifies_lead_ops_and_csm_of_its_breach_and_the_incidents_people() -> None:
    told = {
        (one["notice"], one["audience"], one["channel"])
        for one in found(Priority.P0, Plan.ENTERPRISE, timedelta(days=1))
    }
    assert {
        ("contract_breach", "lead", "chat"), ("contract_breach", "ops", "chat"), ("contract_breach", "csm", "email"),
        ("incident_update_due", "commander", "chat"), ("incident_unanswered", "manager", "chat"),
    } <= told  # fmt: skip


def test_f5_notices_come_in_order_and_none_about_a_clock_waits_for_the_morning() -> None:
    lines = found(Priority.P2, Plan.PREMIUM, timedelta(days=3))
    assert [one["at"] for one in lines] == sorted(str(one["at"]) for one in lines)
    assert {one["held_until"] for one in lines if one["notice"] in ("warning", "contract_breach")} == {None}


def test_f5_each_channel_of_a_notice_is_a_line() -> None:
    both = POLICY.notices | {
        notice: row.model_copy(update={"to": dict.fromkeys(row.to, ("chat", "email"))})
        for notice, row in POLICY.notices.items()
    }
    policy = POLICY.model_copy(update={"notices": both})
    case = Case(Priority.P0, Plan.PREMIUM, "", NIGHT, timedelta(hours=2))
    lines = preview(policy, case, quiet_hours(policy), digests(policy), lambda *_: "")["notices"]
    assert [one["channel"] for one in lines[:2]] == ["chat", "email"]
    assert {one["carried_by"] for one in lines} == {None}


def test_f5_the_command_says_what_nothing_carries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    shown = CliRunner().invoke(app, ["notices", "--priority", "P0", "--at", "2026-11-23T09:00"])
    assert shown.exit_code == 0, shown.output
    assert "Nothing carries" in shown.output
    assert "email to csm" in shown.output


def test_f5_the_command_says_which_notices_are_gathered_and_when_the_next_digest_goes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rows = ['notices = ["incident_review_due"]', 'audiences = ["lead"]', 'times = ["10:00"]', 'zone = "Europe/Berlin"']
    shipped = DEFAULT.read_text()
    file = tmp_path / "policy.toml"
    file.write_text(shipped.replace("[quiet_hours]", "\n".join(["[digest]", *rows, "[quiet_hours]"]), 1))
    monkeypatch.setenv("TIERLINE_POLICY", str(file))
    asked = ["notices", "--priority", "P0", "--at", "2026-11-23T12:00", "--days", "30"]
    found = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)
    assert found["digest"]["next"] == "2026-11-24T09:00:00Z"
    assert {one["digest_at"] for one in found["notices"] if one["notice"] != "incident_review_due"} == {None}

    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    shown = CliRunner().invoke(app, asked)
    assert shown.exit_code == 0, shown.output
    assert "The next digest goes at" in shown.output
    assert "It gathers incident_review_due to lead." in shown.output


def test_f1_the_csm_of_a_plan_that_shares_one_is_its_team(monkeypatch: pytest.MonkeyPatch) -> None:
    for plan, recipient in ((Plan.PREMIUM, "customer-success"), (Plan.ENTERPRISE, None)):
        lines = [one for one in found(Priority.P0, plan, timedelta(days=1)) if one["audience"] == "csm"]
        assert {one["recipient"] for one in lines} == {recipient}
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    asked = ["notices", "--priority", "P0", "--plan", "premium", "--at", "2026-11-23T09:00"]
    shown = CliRunner().invoke(app, asked)
    assert "csm (customer-success)" in shown.output

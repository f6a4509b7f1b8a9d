"""`tierline incident` without a server: every command is there, and all that people ask of an incident is drawn."""

from datetime import timedelta

import pytest

from cli.incident import COMMANDS
from cli.main import run
from cli.render_incident import draw, draw_list
from domain.core.enums import Role
from domain.core.refusal import Refused
from domain.incident import commands as c
from domain.incident.aggregate import INCIDENT
from domain.incident.state import Effect
from services.intake.declaration import number_of
from services.reading.incident import SeenIncident, line, lines_of, view
from tests.support.durations import MINUTE, SECOND
from tests.support.incident_life import T0, IncidentLife

KEYS = {
    "id", "number", "priority", "product_area", "state", "drill", "commander", "declared_at", "next_update_due",
    "review_due", "tickets", "degraded", "unanswered", "live", "note", "seq", "state_since", "acknowledged_at",
    "mitigated_at", "resolved_at", "reviewed_at", "roles", "ladder", "pages", "updates", "outstanding", "links",
    "pending_effects", "review", "actions", "allowed_commands", "would_fit", "workflow_status", "pending_activities",
}  # fmt: skip


@pytest.fixture
def night() -> IncidentLife:
    life = IncidentLife()
    life.handle("ticket_joined", SECOND, ticket="t1", effect_key="ticket-t1:incident:2", role=Role.SYSTEM,
              since=T0.isoformat(), priority="P0", version=2, owes=["bug_report", "customer_impact"])  # fmt: skip
    life.until(5 * MINUTE)
    return life


def seen(life: IncidentLife, **changes: object) -> SeenIncident:
    return SeenIncident(INCIDENT.fold(life.events).model_copy(update=changes), live=True)


def test_every_command_of_the_core_can_be_given() -> None:
    assert {command.kind for command in COMMANDS.values()} == set(c.UPDATES)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["incident", name, "--help"]) == 0
    told = capsys.readouterr().out
    assert f"tierline incident {name}" in told.partition("Example:")[2]
    assert "--json" in told


def test_raise_and_lower_say_the_severity_themselves() -> None:
    given = {"reason": "All regions.", "by": "ada", "role": None, "id": "c1"}
    assert COMMANDS["raise"].payload(given)["priority"] == "P0"
    assert COMMANDS["lower"].payload(given)["priority"] == "P1"


@pytest.mark.parametrize(("text", "number"), [("7", 7), ("incident-7", 7), (" INCIDENT-12 ", 12)])
def test_an_incident_is_named_by_its_number(text: str, number: int) -> None:
    assert number_of(text) == number


@pytest.mark.parametrize("text", ["", "seven", "-1", "7.0", "incident-", "\u0667", "1234567890"])
def test_what_is_no_number_is_no_incident(text: str) -> None:
    with pytest.raises(Refused) as refused:
        number_of(text)
    assert refused.value.code == "not_found"


def test_the_keys_of_a_view_are_stable(night: IncidentLife) -> None:
    assert view(seen(night)).keys() == KEYS
    assert line(INCIDENT.fold(night.events), "It broke").keys() - {"subject"} < KEYS


def test_a_view_says_who_is_paged_next_and_when_the_next_update_is_due(night: IncidentLife) -> None:
    shown = view(seen(night))
    assert [(step["audience"], step["paged"]) for step in shown["ladder"]] == [
        ("on-call", True), ("on-call", True), ("on-call-second", False), ("manager", False),
    ]  # fmt: skip
    assert shown["ladder"][2]["due"] == "2026-11-21T02:10:00Z"
    assert shown["updates"]["next_due"] == "2026-11-21T02:15:00Z"
    assert shown["tickets"][0]["owes"] == ["bug_report", "customer_impact"]


def test_an_incident_is_drawn_with_all_that_people_ask_of_it(
    night: IncidentLife, capsys: pytest.CaptureFixture[str]
) -> None:
    night.handle("update", 6 * MINUTE, status="We found it.")
    failed = Effect(key="incident-7:issue:1", kind="issue", seq=1, since=T0 + timedelta(seconds=1), failed=True)
    shown = view(seen(night, pending_effects=(failed,), issue_key="ENG-7", issue_url="https://jira.example.com/ENG-7"))
    draw(shown | {"timeline": lines_of(night.events)})

    told = capsys.readouterr().out
    for what in (
        "incident-7  P0 in API · declared",
        "on-call; on-call writes to customers",
        "due 2026-11-21 02:36:00; 1 posted",
        "on-call-second (level 2) at 2026-11-21 02:10:00",
        "t1 P0, owes bug_report, customer_impact",
        "ENG-7 https://jira.example.com/ENG-7",
        "REFUSED: correct what it names, then retry",
        "Paged level 1 (on-call), time 2.",
        "We found it.",
    ):
        assert what in told, what


def test_what_people_wrote_is_shown_without_markup_and_escapes(
    night: IncidentLife, capsys: pytest.CaptureFixture[str]
) -> None:
    night.handle("update", 6 * MINUTE, status="[bold]x[/bold] \x1b[31mred\u202e")
    draw(view(seen(night)) | {"timeline": lines_of(night.events)})
    told = capsys.readouterr().out
    assert "[bold]x[/bold]" in told
    assert "\x1b[31m" not in told
    assert "\u202e" not in told


def test_a_list_says_what_needs_somebody(night: IncidentLife, capsys: pytest.CaptureFixture[str]) -> None:
    draw_list([line(INCIDENT.fold(night.events).model_copy(update={"unanswered": True}), "It broke")])
    told = capsys.readouterr().out
    assert "incident-7" in told
    assert "NOBODY CAME" in told
    draw_list([])
    assert capsys.readouterr().out == "no incidents\n"


def test_old_names_of_keys_stay_beside_the_new_ones(night: IncidentLife) -> None:
    shown = view(seen(night))
    assert shown["pending_effects"] == shown["outstanding"]
    assert [ticket["notified"] for ticket in shown["tickets"]] == [ticket["told"] for ticket in shown["tickets"]] != []

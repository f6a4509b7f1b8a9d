"""What is built from the settings, and what is told where something is not set, or is of no use."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.policy.policy import QuietHours
from services.tickets import TicketService
from store.database import Database, DatabaseDown
from tests.support.policy import POLICY
from workers.bootstrap import build_clients, database, hooks, notice_sink, ticket_url
from workers.quiet_hours import quiet_hours
from workers.settings import SettingsError, load_settings
from workers.temporal import connect

WHSEC = "whsec_" + "c3Rh" * 8


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def given(monkeypatch: pytest.MonkeyPatch, **environment: str) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def test_without_a_database_there_is_none_and_the_line_says_what_to_do() -> None:
    with pytest.raises(DatabaseDown, match=r"start one with `tierline up`, or set DATABASE_URL$"):
        database(load_settings(), "test")


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({}, "JIRA_URL is not set: set it with JIRA_EMAIL and JIRA_API_TOKEN"),
        ({"JIRA_URL": "http://jira.example.com"}, "JIRA_URL: "),
        ({"JIRA_URL": "https://jira.example.com"}, "PAGER_URL is not set: set it with PAGER_ROUTING_KEY"),
    ],
)
def test_an_outside_system_that_is_not_set_or_of_no_use_is_told_by_its_variable(
    environment: dict[str, str], line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, DATABASE_URL="postgresql://u@h/d", **environment)
    if environment:
        given(monkeypatch, JIRA_EMAIL="robot@example.com", JIRA_API_TOKEN="s3cret")
    with pytest.raises(SettingsError) as refused:
        build_clients(load_settings(), POLICY)
    assert str(refused.value).startswith(line)
    assert "s3cret" not in str(refused.value)


def test_a_notice_secret_of_no_use_is_told_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, NOTICE_URL="https://example.com/hook", NOTICE_SECRET="whsec_short")
    with pytest.raises(SettingsError, match=r"^NOTICE_SECRET: a webhook secret is whsec_") as refused:
        notice_sink(load_settings())
    assert "short" not in str(refused.value)
    given(monkeypatch, NOTICE_SECRET=WHSEC)
    assert notice_sink(load_settings())


def test_a_ticket_is_found_where_the_template_says_and_nowhere_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ticket_url(load_settings())("4k7m-3q9x-tbd2") == ""
    given(monkeypatch, TIERLINE_TICKET_URL="https://desk.example.com/?t={ticket}")
    assert ticket_url(load_settings())("4k7m-3q9x-tbd2") == "https://desk.example.com/?t=4k7m-3q9x-tbd2"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TIERLINE_TICKET_URL", "https://desk.example.com/"),
        ("TIERLINE_TICKET_URL", "javascript:{ticket}"),
        ("TIERLINE_TICKET_URL", "https://u:s3cret@desk.example.com/{ticket}"),
        ("TIERLINE_JIRA_SWEEP", "0"),
        ("TIERLINE_JIRA_SWEEP", "86401"),
    ],
)
def test_a_value_out_of_bounds_is_one_line_that_names_its_variable(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, **{variable: value})
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert str(refused.value).startswith(f"{variable}: ")
    assert "s3cret" not in str(refused.value)


# -- F5: quiet hours -----------------------------------------------------------------------------------------

NIGHT = {"from": "22:00", "to": "07:00", "zone": "Europe/Berlin"}
NOON = NIGHT | {"from": "12:00", "to": "13:00"}
NEVER = NIGHT | {"from": "12:00", "to": "12:00"}


def held(hours: dict[str, str], name: str, now: datetime) -> datetime | None:
    """Until when a notice waits, in a policy with these quiet hours."""
    policy = POLICY.model_copy(update={"quiet_hours": QuietHours.model_validate(hours)})
    return quiet_hours(policy)(name, now)


def utc(day: int, hour: int, minute: int = 0, month: int = 1) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def a_notice_that(word: str) -> str:
    return next(name.value for name, row in POLICY.notices.items() if row.quiet_hours == word)


@pytest.mark.parametrize(
    ("hours", "now", "until"),
    [
        (NIGHT, utc(5, 20, 59), None),
        (NIGHT, utc(5, 21), utc(6, 6)),
        (NIGHT, utc(6, 5, 59), utc(6, 6)),
        (NIGHT, utc(6, 6), None),
        (NOON, utc(5, 11), utc(5, 12)),
        (NOON, utc(5, 12), None),
        (NEVER, utc(5, 11), None),
        # The clocks go forward in this night: 07:00 is an hour nearer.
        (NIGHT, utc(28, 21, month=3), utc(29, 5, month=3)),
    ],
)
def test_f5_a_notice_that_can_wait_waits_for_the_end_of_the_quiet_hours(
    hours: dict[str, str], now: datetime, until: datetime | None
) -> None:
    assert held(hours, a_notice_that("hold"), now) == until


def test_f5_what_cannot_wait_is_sent_at_night_and_an_unknown_notice_too() -> None:
    assert held(NIGHT, a_notice_that("send"), utc(5, 23)) is None
    assert quiet_hours(POLICY)("fix_unknown", utc(5, 23)) is None


# -- Jira's webhooks -----------------------------------------------------------------------------------------

JIRA = {"JIRA_URL": "https://jira.example.com", "JIRA_EMAIL": "robot@example.com", "JIRA_API_TOKEN": "s3cret"}


async def sources() -> list[str]:
    """The webhooks that are taken. Nothing is connected to for that."""
    db, settings = Database("postgresql+psycopg2://u@h/d"), load_settings()
    client = await connect(settings, lazy=True)
    return [hook.name for hook in hooks(settings, client, db, TicketService(client, db, POLICY))]


async def test_jiras_webhooks_are_taken_where_its_secret_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **JIRA)
    assert "jira" not in await sources()
    given(monkeypatch, JIRA_WEBHOOK_SECRET="sixteen letters!")
    assert "jira" in await sources()


def test_a_secret_that_can_be_guessed_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **JIRA, JIRA_WEBHOOK_SECRET="hunter2")
    with pytest.raises(SettingsError, match=r"^JIRA_WEBHOOK_SECRET: ") as refused:
        load_settings()
    assert "hunter2" not in str(refused.value)


async def test_a_webhook_secret_without_jira_itself_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own account is known from Jira alone."""
    given(monkeypatch, JIRA_WEBHOOK_SECRET="sixteen letters!")
    with pytest.raises(SettingsError, match=r"^JIRA_URL is not set"):
        await sources()

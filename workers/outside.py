"""Everything outside, built from the settings in this one place: database, Jira, pager, notices, the front door."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, time, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from domain.policy import Policy, QuietHours
from domain.ticket import workflow_id
from frontdoor.desk import Desk
from integrations.chat.client import WebhookSink
from integrations.chat.port import NoticeSink, WebhookConfig
from integrations.jira.client import JiraClient
from integrations.jira.port import JiraConfig
from integrations.pager.client import PagerDutyClient
from integrations.pager.port import PagerConfig
from store.database import Database, DatabaseDown
from store.migrate import check
from workers.relay import Hold
from workers.rules import load_rules
from workers.settings import Settings, SettingsError
from workers.temporal import connect
from workers.worker import Outside

AnyConfig = TypeVar("AnyConfig", bound=BaseModel)

_INSTEAD = "or use `tierline up`, which brings a stand-in"


def database_url(settings: Settings) -> str:
    """Raises DatabaseDown where none is known: no environment names one, and no `tierline up` runs."""
    if settings.database_url is None:
        raise DatabaseDown("there is no database: start one with `tierline up`, or set DATABASE_URL")
    return settings.database_url


def database(settings: Settings, application: str) -> Database:
    """The database. `application` is what its administrator sees us as. It connects when first used."""
    return Database(database_url(settings), application=f"tierline {application}")


def outside(settings: Settings, policy: Policy) -> Outside:
    """What a worker works with. Raises SettingsError for what is not set or of no use, SchemaError, DatabaseDown."""
    clients = Outside(
        db=database(settings, "worker"),
        jira=JiraClient(_jira(settings)),
        pager=PagerDutyClient(_pager(settings)),
        ticket_url=ticket_url(settings),
        policy=policy,
        jira_rate=settings.jira_rate,
    )
    check(database_url(settings))
    return clients


def notice_sink(settings: Settings) -> NoticeSink:
    """Where the relay sends notices. Raises SettingsError."""
    if settings.notice_url is None:
        raise SettingsError(f"NOTICE_URL is not set: set it with NOTICE_SECRET, {_INSTEAD}")
    config = _config(WebhookConfig, "NOTICE", url=settings.notice_url, secret=settings.notice_secret)
    try:
        return WebhookSink(config)
    except ValueError as error:
        raise SettingsError(f"NOTICE_SECRET: {error}") from None


def ticket_url(settings: Settings) -> Callable[[str], str]:
    """Where a person finds a ticket, by its id: by default, the page of its workflow in the Temporal UI."""
    if template := settings.ticket_url:
        return lambda ticket: template.replace("{ticket}", ticket)
    page = f"http://127.0.0.1:{settings.ui_port or 8233}/namespaces/default/workflows"
    return lambda ticket: f"{page}/{workflow_id(ticket)}"


@asynccontextmanager
async def front_desk(settings: Settings, *, channel: str) -> AsyncIterator[Desk]:
    """The front door, connected, for as long as the block lasts.

    Raises TemporalError, DatabaseDown and PolicyError, each in one line that says what to do.
    """
    policy = load_rules(settings)
    db = database(settings, channel)
    try:
        yield Desk(await connect(settings), db, policy, channel=channel)
    finally:
        db.dispose()


def quiet_hours(policy: Policy) -> Hold:
    """F5: until when a notice waits, as the policy's table says, on the wall clock of the policy's zone."""

    def hold(name: str, now: datetime) -> datetime | None:
        row = next((row for notice, row in policy.notices.items() if notice == name), None)
        if policy.quiet_hours is None or row is None or row.quiet_hours == "send":
            return None
        return _end_of_quiet(policy.quiet_hours, now)

    return hold


def _end_of_quiet(quiet: QuietHours, now: datetime) -> datetime | None:
    zone = ZoneInfo(quiet.zone)
    local = now.astimezone(zone)
    minute = local.hour * 60 + local.minute
    tonight = quiet.until < quiet.since <= minute  # they span midnight, and it is still ahead
    if not (tonight or quiet.since <= minute < quiet.until or minute < quiet.until < quiet.since):
        return None
    day = local.date() + timedelta(days=int(tonight))
    return datetime.combine(day, time(quiet.until // 60, quiet.until % 60), zone).astimezone(UTC)


def _jira(settings: Settings) -> JiraConfig:
    if settings.jira_url is None:
        raise SettingsError(f"JIRA_URL is not set: set it with JIRA_EMAIL and JIRA_API_TOKEN, {_INSTEAD}")
    return _config(
        JiraConfig,
        "JIRA",
        url=settings.jira_url,
        email=settings.jira_email,
        token=settings.jira_api_token,
        project=settings.jira_project,
    )


def _pager(settings: Settings) -> PagerConfig:
    if settings.pager_url is None:
        raise SettingsError(f"PAGER_URL is not set: set it with PAGER_ROUTING_KEY, {_INSTEAD}")
    return _config(PagerConfig, "PAGER", url=settings.pager_url, routing_key=settings.pager_routing_key)


def _config(kind: type[AnyConfig], system: str, **values: Any) -> AnyConfig:
    """Raises SettingsError, without the value: it may be a secret."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        reason = str(first["msg"]).removeprefix("Value error, ")
        raise SettingsError(f"{system}_{str(first['loc'][0]).upper()}: {reason}") from None

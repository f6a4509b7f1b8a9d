"""Everything outside, built from the settings in this one place: database, Jira, pager, notices, the front door."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, time, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, SecretStr, ValidationError
from temporalio.client import Client

from domain.policy.policy import Policy, QuietHours
from domain.policy.tracker import JiraRow
from domain.ticket.state import workflow_id
from integrations.chat.client import WebhookSink
from integrations.chat.port import NoticeSink, WebhookConfig
from integrations.chat.room import IncomingWebhook, RoomConfig, RoomPort
from integrations.jira.client import JiraClient
from integrations.jira.port import JiraConfig
from integrations.pager.alerts import PagerDutyAlerts
from integrations.pager.client import PagerDutyClient
from integrations.pager.in_room import RoomPager
from integrations.pager.port import PagerConfig, PagerPort
from integrations.pager.signed import WebhookPager
from integrations.standard_webhooks import signing_key
from services.tickets import TicketService
from services.webhooks.deliveries import Hook
from services.webhooks.jira import JiraHook
from services.webhooks.pager import PagerHook
from store.database import CONNECTIONS, Database, DatabaseDown
from store.migrate import check
from workers.other_systems import ticket_hooks
from workers.relay import Hold
from workers.rules import load_rules
from workers.settings import Settings, SettingsError, secrets_in
from workers.temporal import connect
from workers.worker import THREADS, Outside

AnyConfig = TypeVar("AnyConfig", bound=BaseModel)

SHORTEST = 16
"""Characters of a secret that Jira signs with."""
_INSTEAD = "or use `tierline up`, which brings a stand-in"


def database_url(settings: Settings) -> str:
    """Raises DatabaseDown where none is known: no environment names one, and no `tierline up` runs."""
    if settings.database_url is None:
        raise DatabaseDown("there is no database: start one with `tierline up`, or set DATABASE_URL")
    return settings.database_url


def database(settings: Settings, application: str, *, connections: int = CONNECTIONS) -> Database:
    """The database. `application` is what its administrator sees us as. It connects when first used."""
    return Database(database_url(settings), application=f"tierline {application}", connections=connections)


WORKERS_CONNECTIONS = CONNECTIONS + 2 * THREADS
"""A worker's: the threads of the queues whose activities block on the database (journal, jira), and those that every
process has. Those of pager and chat never ask it, those of tickets use the event loop's."""


def outside(settings: Settings, policy: Policy) -> Outside:
    """What a worker works with. Raises SettingsError for what is not set or of no use, SchemaError, DatabaseDown."""
    clients = Outside(
        db=database(settings, "worker", connections=WORKERS_CONNECTIONS),
        jira=JiraClient(jira_config(settings, policy.jira)),
        pager=pager(settings),
        second_pager=second_pager(settings),
        room=room(settings),
        ticket_url=ticket_url(settings),
        page_url=page_url(settings),
        policy=policy,
        jira_rate=settings.jira_rate,
    )
    check(database_url(settings))
    return clients


def pager(settings: Settings) -> PagerPort:
    """Whoever wakes people. Raises SettingsError."""
    if settings.pager_url is None:
        raise SettingsError(f"PAGER_URL is not set: set it with PAGER_ROUTING_KEY, {_INSTEAD}")
    if settings.pager_kind == "webhook":
        return _webhook_pager("PAGER", settings.pager_url, settings.pager_secret)
    keys = secrets_in(settings.pager_routing_key)
    if not 1 <= len(keys) <= 9:
        raise SettingsError("PAGER_ROUTING_KEY: holds no key, or more than nine levels")
    return PagerDutyClient(_config(PagerConfig, "PAGER", url=settings.pager_url, routing_keys=keys))


def second_pager(settings: Settings) -> PagerPort | None:
    """Where a page goes that the pager does not take: a second one, or the incident room. Raises SettingsError."""
    if settings.second_url is not None:
        return _webhook_pager("SECOND", settings.second_url, settings.second_secret)
    place = room(settings)
    return RoomPager(place) if place else None


def room(settings: Settings) -> RoomPort | None:
    """The room for incidents, if there is one. Raises SettingsError."""
    if settings.room_url is None:
        return None
    try:
        return IncomingWebhook(RoomConfig(url=settings.room_url))
    except ValueError as error:
        raise SettingsError(f"ROOM_URL: {error}") from None


def _webhook_pager(system: str, url: str, secret: SecretStr | None) -> WebhookPager:
    config = _config(WebhookConfig, system, url=url, secret=secret, read_timeout=5.0)  # as short as the pager's
    try:
        return WebhookPager(config)
    except ValueError as error:
        raise SettingsError(f"{system}_SECRET: {error}") from None


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
    page = _workflow_pages(settings)
    return lambda ticket: f"{page}/{workflow_id(ticket)}"


def page_url(settings: Settings) -> Callable[[str], str]:
    """Where a person finds what a page is about, by the page's key: an incident; "" where there is none yet."""
    template = settings.incident_url or f"{_workflow_pages(settings)}/incident-{{incident}}"

    def url(key: str) -> str:
        kind, _, number = key.partition("-")
        return template.replace("{incident}", number) if kind == "incident" and number.isdecimal() else ""

    return url


def _workflow_pages(settings: Settings) -> str:
    return f"http://127.0.0.1:{settings.ui_port or 8233}/namespaces/default/workflows"


@asynccontextmanager
async def front_desk(settings: Settings, *, channel: str) -> AsyncIterator[TicketService]:
    """The front door, connected, for as long as the block lasts.

    Raises TemporalError, DatabaseDown and PolicyError, each in one line that says what to do.
    """
    policy = load_rules(settings)
    db = database(settings, channel)
    try:
        yield TicketService(await connect(settings), db, policy, channel=channel)
    finally:
        db.dispose()


def hooks(settings: Settings, client: Client, db: Database, desk: TicketService) -> list[Hook]:
    """The sources that may send us webhooks: those whose secret is set. Each has a module in `services/webhooks/`.

    Raises SettingsError.
    """
    found: list[Hook] = []
    if taken := secrets_in(settings.pager_webhook_secrets):
        found.append(_pager_hook(settings, client, db, taken))
    if signed := secrets_in(settings.jira_webhook_secret):
        if any(len(secret.get_secret_value()) < SHORTEST for secret in signed):
            raise SettingsError(f"JIRA_WEBHOOK_SECRET: each secret has {SHORTEST} characters or more")
        found.append(JiraHook(client, db, signed, JiraClient(jira_config(settings)).account))
    return found + ticket_hooks(settings, db, desk)


def _pager_hook(settings: Settings, client: Client, db: Database, taken: Sequence[SecretStr]) -> PagerHook:
    if settings.pager_kind == "webhook":
        try:
            for secret in taken:
                signing_key(secret)
        except ValueError as error:
            raise SettingsError(f"PAGER_WEBHOOK_SECRETS: {error}") from None
    return PagerHook(client, db, settings.pager_kind, taken, _pager_alerts(settings))


def _pager_alerts(settings: Settings) -> PagerDutyAlerts | None:
    """PagerDuty's own word on which page an incident there is. Raises SettingsError."""
    if settings.pager_api_token is None or settings.pager_kind != "pagerduty":
        return None
    values = {"api_url": settings.pager_api_url, "api_token": settings.pager_api_token}
    # The keys that pages are sent with are not needed to read.
    return PagerDutyAlerts(_config(PagerConfig, "PAGER", routing_keys=(SecretStr("none"),), **values))


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


_ISSUES_AS_THEY_COME = JiraRow()


def jira_config(settings: Settings, rules: JiraRow = _ISSUES_AS_THEY_COME) -> JiraConfig:
    """How Jira is reached, and what issues look like there. Raises SettingsError."""
    if settings.jira_url is None:
        raise SettingsError(f"JIRA_URL is not set: set it with JIRA_EMAIL and JIRA_API_TOKEN, {_INSTEAD}")
    return _config(
        JiraConfig,
        "JIRA",
        url=settings.jira_url,
        email=settings.jira_email,
        token=settings.jira_api_token,
        project=settings.jira_project,
        rules=rules,
    )


def _config(kind: type[AnyConfig], system: str, **values: Any) -> AnyConfig:
    """Raises SettingsError, without the value: it may be a secret."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        reason = str(first["msg"]).removeprefix("Value error, ")
        raise SettingsError(f"{system}_{str(first['loc'][0]).upper()}: {reason}") from None

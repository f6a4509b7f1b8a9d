"""The composition root: every client and service that a process works with is built from the settings here."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr, TypeAdapter, ValidationError
from temporalio.client import Client

from activities.calendar import TermsActivities
from activities.comparison import ComparisonActivities
from activities.incidents import IncidentActivities
from activities.journal import JournalActivities
from activities.pager import PagerActivities
from activities.room import RoomActivities
from activities.support.circuit_breaker import CircuitBreaker
from activities.support.journal_gaps import PATIENCE, JournalGaps
from activities.support.ops_alerts import OpsAlerts
from activities.support.reported import Hurried
from activities.support.task_order import in_threads
from activities.tracker.comments import IssueComments
from activities.tracker.demand import IssueDemand
from activities.tracker.incident_issues import IncidentIssueActivities
from activities.tracker.issue_writer import IssueWriter
from activities.tracker.issues import IssueActivities
from activities.tracker.links import IssueLinking
from activities.tracker.news import IssueNews
from activities.tracker.priorities import IssuePriorities
from activities.tracker.twins import IssueTwins
from domain.core.enums import Role
from domain.core.refusal import Refused
from domain.core.values import Frozen
from domain.incident.state import workflow_id
from domain.policy.policy import Notice, Policy
from domain.policy.tracker import TrackerRow
from integrations.chat.channels import Channels
from integrations.chat.client import WebhookSink
from integrations.chat.port import NoticeSink, WebhookConfig
from integrations.chat.room import IncomingWebhook, RoomConfig, RoomPort
from integrations.chat.rooms import ChatSink
from integrations.helpdesk.zendesk.client import ZendeskClient
from integrations.helpdesk.zendesk.port import ZendeskConfig
from integrations.jira.client import JiraClient
from integrations.jira.config import JiraConfig
from integrations.mail.client import MailConfig, MailSink
from integrations.openid.config import OpenIdConfig
from integrations.openid.provider import IdentityProvider
from integrations.pager.alerts import PagerDutyAlerts
from integrations.pager.client import PagerDutyClient
from integrations.pager.in_room import RoomPager
from integrations.pager.port import PagerConfig, PagerPort
from integrations.pager.signed import WebhookPager
from integrations.standard_webhooks import signing_key
from integrations.tracker.port import TrackerPort
from services.comparison import look_and_record
from services.incidents import resume_incident
from services.intake.sources import check_granted
from services.journal_repair import JournalRepair
from services.policy_file.load import load_policy, prolong_calendar, resolve_incident_terms
from services.security.openid import ROLES, OpenIdRules, OpenIdSignIn
from services.security.survey_links import SurveyLinks
from services.tickets import TicketService
from services.webhooks.billing import Billing, BillingOut
from services.webhooks.deliveries import Hook
from services.webhooks.generic import GenericHook
from services.webhooks.jira import JiraHook
from services.webhooks.pager import PagerHook
from services.webhooks.sink import Subscriber, WebhookOut
from services.webhooks.subscribers import Sink
from services.webhooks.zendesk_in import ZendeskHook
from services.webhooks.zendesk_meanings import Reading
from services.webhooks.zendesk_out import Writing, ZendeskOut
from store.database import CONNECTIONS, Database, DatabaseDown
from store.migrate import check
from workers.relay import Link
from workers.settings import Settings, SettingsError, secrets_in
from workers.temporal import connect
from workflows import ports

Content = TypeVar("Content")

SHORTEST = 16
"""Characters of a secret that Jira signs with."""
_INSTEAD = "or use `tierline up`, which brings a stand-in"


THREADS = 16
"""Blocking activities at once, for each queue."""


def _nowhere(_key: str) -> str:
    return ""


@dataclass(frozen=True)
class Clients:
    """The clients of everything outside Temporal."""

    db: Database
    jira: TrackerPort
    pager: PagerPort
    ticket_url: Callable[[str], str]
    """Where a person finds a ticket, by its id."""
    second_pager: PagerPort | None = None
    """Where a page goes that the pager does not take; None: nowhere else."""
    room: RoomPort | None = None
    """The room of all incidents; None: there is none."""
    page_url: Callable[[str], str] = _nowhere
    """Where a person finds what a page is about, by the page's key."""
    policy: Policy = field(default_factory=load_policy)
    jira_rate: float = 5.0
    """Calls to Jira in a second, of all workers together."""
    threads: int = THREADS
    """Blocking activities at once, for each queue."""
    gap_patience: timedelta = PATIENCE
    """How long the repair of a gap in a journal is tried before ops are alerted."""


def load_policy_at_speed(settings: Settings) -> Policy:
    """Return the policy that the settings name, at the speed that they ask for.

    Raises PolicyError, in one line with file, line and reason.
    """
    policy = load_policy(settings.policy)
    return policy if settings.speed == 1 else policy.at_speed(settings.speed)


def ops_alerts(policy: Policy) -> OpsAlerts:
    """Make the alerts to those whom the policy names for failing integrations (F5)."""
    return OpsAlerts(tuple(policy.notices[Notice.INTEGRATION_FAILING].to))


def activities_of(client: Client, clients: Clients) -> dict[str, list[Callable[..., Any]]]:
    """Return the activities of each task queue. To be called on the event loop on which their workers run."""
    ops = ops_alerts(clients.policy)
    repair = JournalRepair(client, clients.db, clients.policy.churn_rule())
    loop = asyncio.get_running_loop()
    read_history = repair.in_threads(loop)
    gaps = JournalGaps(clients.db, ops, repair.stands_at, read_history, clients.gap_patience)
    journal = JournalActivities(clients.db, clients.policy.churn_rule(), gaps, in_threads(client, loop))
    terms_of = partial(resolve_incident_terms, clients.policy)
    joiners = ThreadPoolExecutor(clients.threads, thread_name_prefix=ports.JOINS)
    resume = partial(resume_incident, client, clients.db)
    incidents = IncidentActivities(client, clients.db, terms_of, clients.policy.incidents, ops, joiners, resume)
    rules = clients.policy.jira
    circuit = CircuitBreaker(clients.db, "jira", ops)
    one_issue = IssueWriter(clients.db, clients.jira, circuit, ops)
    issues = IncidentIssueActivities(clients.db, clients.jira, clients.page_url, clients.ticket_url, one_issue, gaps)
    jira = IssueActivities(clients.db, clients.jira, rules, clients.ticket_url, one_issue, gaps)
    linking = IssueLinking(clients.db, clients.jira, rules, clients.ticket_url, circuit, gaps, ops)
    twins = IssueTwins(clients.db, clients.jira, circuit, ops)
    demand = IssueDemand(clients.db, clients.jira, circuit, rules, clients.ticket_url)
    news = IssueNews(client, clients.db, clients.jira, circuit, demand)
    comments = IssueComments(clients.db, clients.jira, rules, circuit, gaps)
    priorities = IssuePriorities(clients.jira, circuit)
    pager = PagerActivities(clients.pager, clients.second_pager, clients.page_url, Hurried(clients.db))
    room = RoomActivities(clients.room)
    terms = TermsActivities(partial(prolong_calendar, clients.policy))
    comparison = ComparisonActivities(partial(look_and_record, client, clients.db))
    return {
        # Of an activity that has changed its queue, those that an earlier version has scheduled are still to be done.
        ports.TICKETS: [
            *(journal.record_events, journal.record_incident, terms.renew_calendar),
            *(incidents.notify_tickets, incidents.notify_incident, incidents.page_area),
        ],
        ports.JOURNAL: [
            *(journal.record_events, journal.record_incident, incidents.join_incident, incidents.close_incident),
            comparison.compare_with_journal,
        ],
        ports.JOINS: [incidents.join_incident],
        ports.TRACKER: [
            *(jira.create_issue, linking.link_issue, twins.look_for_twins),
            *(comments.comment_issue, priorities.raise_issue, news.read_issues, news.sweep_issues),
            *(issues.make_incident_issue, issues.note_incident_issue),
        ],
        ports.PAGER: [incidents.page_area, pager.page, pager.acknowledge_pages, pager.end_pages],
        ports.CHAT: [pager.page_elsewhere, room.post_to_room],
    }


def database_url(settings: Settings) -> str:
    """Return the database's address. Raises DatabaseDown where none is known: no environment names one, and no
    `tierline up` runs."""
    if settings.database_url is None:
        raise DatabaseDown("there is no database: start one with `tierline up`, or set DATABASE_URL")
    return settings.database_url


def database(settings: Settings, application: str, *, connections: int = CONNECTIONS) -> Database:
    """Return the database. `application` is what its administrator sees us as. It connects when first used."""
    return Database(database_url(settings), application=f"tierline {application}", connections=connections)


WORKERS_CONNECTIONS = CONNECTIONS + 3 * THREADS
"""A worker's: the threads of the queues whose activities block on the database (tickets, joins, jira), and those that
every process has. Those of the journal's queue use the event loop's; those of pager and chat wait two seconds at most
for what the tickets of a page say."""


def build_clients(settings: Settings, policy: Policy) -> Clients:
    """Return what a worker works with. Raises SettingsError for what is not set or of no use, SchemaError,
    DatabaseDown."""
    found = Clients(
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
    # Workers of an old build go on beside those of the new one (docs/upgrade.md), also after a restart.
    check(database_url(settings), or_later=settings.build_id is not None)
    return found


def pager(settings: Settings) -> PagerPort:
    """Make the client of the pager, which wakes people. Raises SettingsError."""
    if settings.pager_url is None:
        raise SettingsError(f"PAGER_URL is not set: set it with PAGER_ROUTING_KEY, {_INSTEAD}")
    if settings.pager_kind == "webhook":
        return _webhook_pager("PAGER", settings.pager_url, settings.pager_secret)
    keys = secrets_in(settings.pager_routing_key)
    if not 1 <= len(keys) <= 9:
        raise SettingsError("PAGER_ROUTING_KEY: holds no key, or more than nine levels")
    return PagerDutyClient(_config(PagerConfig, "PAGER", url=settings.pager_url, routing_keys=keys))


def second_pager(settings: Settings) -> PagerPort | None:
    """Make the client for a page that the pager does not take: a second pager, or the incident room. Raises
    SettingsError."""
    if settings.second_url is not None:
        return _webhook_pager("SECOND", settings.second_url, settings.second_secret)
    place = room(settings)
    return RoomPager(place) if place else None


def room(settings: Settings) -> RoomPort | None:
    """Return the room for incidents, if there is one. Raises SettingsError."""
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
    """Make the client to which the relay sends notices. Raises SettingsError."""
    if settings.notice_url is None:
        raise SettingsError(f"NOTICE_URL is not set: set it with NOTICE_SECRET, {_INSTEAD}")
    config = _config(WebhookConfig, "NOTICE", url=settings.notice_url, secret=settings.notice_secret)
    try:
        return WebhookSink(config)
    except ValueError as error:
        raise SettingsError(f"NOTICE_SECRET: {error}") from None


def notice_channels(settings: Settings, policy: Policy) -> Channels:
    """Return what carries notices. Raises SettingsError where nothing carries what the policy names: a notice is never
    dropped in silence."""
    found = found_channels(settings)
    named = [(way, to) for row in policy.notices.values() for to, ways in row.to.items() for way in ways]
    if lacking := found.lacking(named):
        listed = ", ".join(f"{channel} to {audience}" for channel, audience in lacking)
        raise SettingsError(
            f"NOTICE_URL is not set, and nothing else carries what the policy's notices name: {listed}. Set it, or "
            f"NOTICE_CHAT_ROOMS for chat, or SMTP_HOST and NOTICE_ADDRESSES for email, {_INSTEAD}"
        )
    return found


def found_channels(settings: Settings) -> Channels:
    """Return the channels that are set up. Raises SettingsError for one that is set up wrongly."""
    chat = email = None
    if settings.notice_chat_rooms:
        chat = _carrier("NOTICE_CHAT_ROOMS", ChatSink, _by_name("NOTICE_CHAT_ROOMS", settings.notice_chat_rooms))
    if settings.smtp_host and settings.notice_addresses:
        config = _config(
            MailConfig,
            "SMTP",
            host=settings.smtp_host,
            port=settings.smtp_port,
            security=settings.smtp_security,
            user=settings.smtp_user,
            password=settings.smtp_password,
            sender=settings.smtp_from,
        )
        addresses = _by_name("NOTICE_ADDRESSES", settings.notice_addresses)
        email = _carrier("NOTICE_ADDRESSES", partial(MailSink, config), addresses)
    return Channels(chat=chat, email=email, webhook=notice_sink(settings) if settings.notice_url else None)


Made = TypeVar("Made")


def _carrier(name: str, make: Callable[[dict[str, SecretStr]], Made], by_name: dict[str, SecretStr]) -> Made:
    try:
        return make(by_name)
    except ValueError as error:
        raise SettingsError(f"{name}: {error}") from None


def _by_name(name: str, setting: SecretStr) -> dict[str, SecretStr]:
    return _read(name, dict[str, SecretStr], _json(name, _content(name, setting)))


def _content(name: str, setting: SecretStr) -> str:
    """Return what a setting says, or the file that it names. Raises SettingsError."""
    text = setting.get_secret_value()
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"{name}: its file cannot be read") from None


def survey_links(settings: Settings, policy: Policy) -> SurveyLinks | None:
    """Return the links of surveys (F7); None where customers have no address to go to. Raises SettingsError."""
    if settings.survey_url is None:
        return None
    try:
        return SurveyLinks(settings.survey_url, secrets_in(settings.survey_secret), policy.survey.link_valid)
    except ValueError as error:
        raise SettingsError(f"SURVEY_SECRET: {error}") from None


def ticket_url(settings: Settings) -> Callable[[str], str]:
    """Return what gives the address of a ticket's page, by its id; "" where no address is set: nobody else sits at this
    machine."""
    template = settings.ticket_url or ""
    return lambda ticket: template.replace("{ticket}", ticket)


def page_url(settings: Settings) -> Callable[[str], str]:
    """Return what gives the address of what a page is about, by the page's key: an incident; "" where there is none
    yet, or no address is set."""
    template = settings.incident_url or ""

    def url(key: str) -> str:
        kind, _, number = key.partition("-")
        return template.replace("{incident}", number) if kind == "incident" and number.isdecimal() else ""

    return url


def notice_link(settings: Settings) -> Link:
    """Return what gives the address of what a notice belongs to: "" where no address is set."""
    tickets, incidents = ticket_url(settings), page_url(settings)

    def link(ticket: str | None, incident: int | None) -> str:
        if ticket is not None:
            return tickets(ticket)
        return incidents(workflow_id(incident)) if incident is not None else ""

    return link


@asynccontextmanager
async def ticket_service(settings: Settings, *, channel: str) -> AsyncIterator[TicketService]:
    """Connect the service of tickets, for as long as the block lasts.

    Raises TemporalError, DatabaseDown and PolicyError, each in one line that says what to do.
    """
    policy = load_policy_at_speed(settings)
    db = database(settings, channel)
    try:
        yield TicketService(await connect(settings), db, policy, channel=channel)
    finally:
        db.dispose()


def hooks(settings: Settings, client: Client, db: Database, service: TicketService) -> list[Hook]:
    """Return the sources that may send us webhooks: those whose secret is set. Each has a module in
    `services/webhooks/`.

    Raises SettingsError.
    """
    found: list[Hook] = []
    if taken := secrets_in(settings.pager_webhook_secrets):
        found.append(_pager_hook(settings, client, db, taken))
    if signed := secrets_in(settings.jira_webhook_secret):
        if any(len(secret.get_secret_value()) < SHORTEST for secret in signed):
            raise SettingsError(f"JIRA_WEBHOOK_SECRET: each secret has {SHORTEST} characters or more")
        found.append(JiraHook(client, db, signed, JiraClient(jira_config(settings)).account))
    return found + ticket_hooks(settings, db, service)


def _pager_hook(settings: Settings, client: Client, db: Database, taken: Sequence[SecretStr]) -> PagerHook:
    if settings.pager_kind == "webhook":
        try:
            for secret in taken:
                signing_key(secret)
        except ValueError as error:
            raise SettingsError(f"PAGER_WEBHOOK_SECRETS: {error}") from None
    return PagerHook(client, db, settings.pager_kind, taken, _pager_alerts(settings))


def _pager_alerts(settings: Settings) -> PagerDutyAlerts | None:
    """Make the client that asks PagerDuty itself which page an incident there is. Raises SettingsError."""
    if settings.pager_api_token is None or settings.pager_kind != "pagerduty":
        return None
    values = {"api_url": settings.pager_api_url, "api_token": settings.pager_api_token}
    # The keys that pages are sent with are not needed to read.
    return PagerDutyAlerts(_config(PagerConfig, "PAGER", routing_keys=(SecretStr("none"),), **values))


def openid(settings: Settings) -> OpenIdSignIn | None:
    """Return how people sign in by the company's identity provider; None where there is none. Raises SettingsError."""
    if settings.openid_issuer is None:
        return None
    config = _config(
        OpenIdConfig,
        "OPENID",
        issuer=settings.openid_issuer,
        client_id=settings.openid_client_id,
        client_secret=settings.openid_client_secret,
        scopes=settings.openid_scopes,
    )
    roles = _read("OPENID_ROLES", dict[str, Role], _json("OPENID_ROLES", settings.openid_roles or ""))
    if not roles or not set(roles.values()) <= set(ROLES):
        raise SettingsError(f"OPENID_ROLES: each group gives one of {', '.join(ROLES)}, and there is one at least")
    claims = {"name_claim": settings.openid_name_claim, "roles_claim": settings.openid_roles_claim}
    return OpenIdSignIn(IdentityProvider(config), OpenIdRules(**claims, roles=roles))


_ISSUES_AS_THEY_COME = TrackerRow()


def jira_config(settings: Settings, rules: TrackerRow = _ISSUES_AS_THEY_COME) -> JiraConfig:
    """Return how Jira is reached, and what issues look like there. Raises SettingsError."""
    if settings.jira_url is None:
        raise SettingsError(f"JIRA_URL is not set: set it with JIRA_EMAIL and JIRA_API_TOKEN, {_INSTEAD}")
    return _config(
        JiraConfig,
        "JIRA",
        url=settings.jira_url,
        api_url=settings.jira_api_url,
        email=settings.jira_email,
        token=settings.jira_api_token,
        project=settings.jira_project,
        rules=rules,
    )


class _Fields(Frozen):
    """ZENDESK_FIELDS."""

    show: Writing = Writing()
    read: Reading = Reading()


def ticket_hooks(settings: Settings, db: Database, service: TicketService) -> list[Hook]:
    """Return the sources that tickets and commands come from: those whose secrets are set. Raises SettingsError."""
    found: list[Hook] = []
    if settings.zendesk_url:
        secrets, fields = secrets_in(settings.zendesk_webhook_secrets), _fields(settings).read
        evidence = load_policy_at_speed(settings).limits.evidence
        found.append(ZendeskHook(secrets, _zendesk(settings), service, db, fields, evidence=evidence))
    if settings.webhook_secrets:
        secrets = secrets_in(settings.webhook_secrets)
        try:
            for secret in secrets:
                signing_key(secret)
        except ValueError as error:
            raise SettingsError(f"WEBHOOK_SECRETS: {error}") from None
        found.append(GenericHook(secrets, service, db, speaks_for=_speaks_for(settings)))
    return found


def _speaks_for(settings: Settings) -> Sequence[str]:
    named = [name.strip() for name in (settings.webhook_sources or "").split(",") if name.strip()]
    try:
        check_granted(named)
    except Refused as refused:
        raise SettingsError(f"WEBHOOK_SOURCES: {refused.message}") from None
    return named


def sinks(settings: Settings, db: Database, ops: OpsAlerts | None = None) -> list[Sink]:
    """Return the subscribers to events of tickets, and billing; `ops` are alerted to what they refuse.

    Raises SettingsError."""
    found: list[Sink] = []
    if settings.zendesk_url:
        found.append(ZendeskOut(db, _zendesk(settings), _fields(settings).show, ops=ops))
    for subscriber in _subscribers(settings):
        try:
            found.append(WebhookOut(db, subscriber))
        except ValueError as error:
            raise SettingsError(f"WEBHOOK_SUBSCRIBERS: {subscriber.name}: {error}") from None
    if settings.billing_url:
        values = {"url": settings.billing_url, "secret": settings.billing_secret}
        try:
            found.append(BillingOut(db, _read("BILLING", Billing, values)))
        except ValueError as error:
            raise SettingsError(f"BILLING_SECRET: {error}") from None
    return found


def _zendesk(settings: Settings) -> ZendeskClient:
    values = {"url": settings.zendesk_url, "email": settings.zendesk_email, "token": settings.zendesk_api_token}
    return ZendeskClient(_read("ZENDESK", ZendeskConfig, values))


def _fields(settings: Settings) -> _Fields:
    if settings.zendesk_fields is None:
        return _Fields()
    return _read("ZENDESK_FIELDS", _Fields, _json("ZENDESK_FIELDS", settings.zendesk_fields))


def _subscribers(settings: Settings) -> list[Subscriber]:
    if settings.webhook_subscribers is None:
        return []
    text = _content("WEBHOOK_SUBSCRIBERS", settings.webhook_subscribers)
    found = _read("WEBHOOK_SUBSCRIBERS", list[Subscriber], _json("WEBHOOK_SUBSCRIBERS", text))
    if len({one.name for one in found}) < len(found):
        raise SettingsError("WEBHOOK_SUBSCRIBERS: two have the same name")
    return found


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise SettingsError(f"{name}: is no JSON") from None


def _config(kind: type[Content], system: str, **values: Any) -> Content:
    """Return the configuration of an outside system. Raises SettingsError, without the value: it may be a secret."""
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        place, reason = _first_fault(error)
        raise SettingsError(f"{system}_{place.upper()}: {reason}") from None


def _read(name: str, kind: type[Content], value: Any) -> Content:
    """Return the content of one setting. Raises SettingsError, without the value: it may hold a secret."""
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        place, reason = _first_fault(error)
        raise SettingsError(f"{name}: {place}: {reason}") from None


def _first_fault(error: ValidationError) -> tuple[str, str]:
    """Return where the first fault is, and what it is."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    return ".".join(str(part) for part in first["loc"]), str(first["msg"]).removeprefix("Value error, ")

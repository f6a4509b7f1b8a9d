"""The systems that tickets come from and are told to, built from the settings: Zendesk, and whoever sends or takes
signed webhooks.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from activities.support.ops_alerts import OpsAlerts
from domain.core.refusal import Refused
from domain.core.values import Frozen
from integrations.helpdesk.zendesk.client import ZendeskClient
from integrations.helpdesk.zendesk.port import ZendeskConfig
from integrations.standard_webhooks import signing_key
from services.intake.sources import check_granted
from services.tickets import TicketService
from services.webhooks.deliveries import Hook
from services.webhooks.generic import GenericHook
from services.webhooks.sink import Subscriber, WebhookOut
from services.webhooks.subscribers import Sink
from services.webhooks.zendesk_in import Reading, ZendeskHook
from services.webhooks.zendesk_out import Writing, ZendeskOut
from store.database import Database
from workers.rules import load_rules
from workers.settings import Settings, SettingsError, secrets_in

Content = TypeVar("Content")


class _Fields(Frozen):
    """ZENDESK_FIELDS."""

    show: Writing = Writing()
    read: Reading = Reading()


def ticket_hooks(settings: Settings, db: Database, desk: TicketService) -> list[Hook]:
    """The sources that tickets and commands come from: those whose secrets are set. Raises SettingsError."""
    found: list[Hook] = []
    if settings.zendesk_url:
        secrets, fields = secrets_in(settings.zendesk_webhook_secrets), _fields(settings).read
        evidence = load_rules(settings).limits.evidence
        found.append(ZendeskHook(secrets, _zendesk(settings), desk, db, fields, evidence=evidence))
    if settings.webhook_secrets:
        secrets = secrets_in(settings.webhook_secrets)
        try:
            for secret in secrets:
                signing_key(secret)
        except ValueError as error:
            raise SettingsError(f"WEBHOOK_SECRETS: {error}") from None
        found.append(GenericHook(secrets, desk, db, speaks_for=_speaks_for(settings)))
    return found


def _speaks_for(settings: Settings) -> Sequence[str]:
    named = [name.strip() for name in (settings.webhook_sources or "").split(",") if name.strip()]
    try:
        check_granted(named)
    except Refused as refused:
        raise SettingsError(f"WEBHOOK_SOURCES: {refused.message}") from None
    return named


def sinks(settings: Settings, db: Database, ops: OpsAlerts | None = None) -> list[Sink]:
    """Who is told of what happens to tickets; `ops` hear of what they refuse. Raises SettingsError."""
    found: list[Sink] = []
    if settings.zendesk_url:
        found.append(ZendeskOut(db, _zendesk(settings), _fields(settings).show, ops=ops))
    for subscriber in _subscribers(settings):
        try:
            found.append(WebhookOut(db, subscriber))
        except ValueError as error:
            raise SettingsError(f"WEBHOOK_SUBSCRIBERS: {subscriber.name}: {error}") from None
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
    text = settings.webhook_subscribers.get_secret_value()
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            raise SettingsError("WEBHOOK_SUBSCRIBERS: its file cannot be read") from None
    found = _read("WEBHOOK_SUBSCRIBERS", list[Subscriber], _json("WEBHOOK_SUBSCRIBERS", text))
    if len({one.name for one in found}) < len(found):
        raise SettingsError("WEBHOOK_SUBSCRIBERS: two have the same name")
    return found


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise SettingsError(f"{name}: is no JSON") from None


def _read(name: str, kind: type[Content], value: Any) -> Content:
    """Raises SettingsError, without the value: it may hold a secret."""
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{name}: {place}: {str(first['msg']).removeprefix('Value error, ')}") from None

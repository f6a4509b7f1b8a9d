"""Events of tickets to whoever subscribes, as signed webhooks (Standard Webhooks).

Ids and states only; free text goes out where a subscriber asks for it. Each event has one id, the same on every try,
and one body, the same to the byte: a receiver drops what it has seen.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr

from domain.core.faults import meant
from domain.core.values import Frozen
from domain.ticket.derived import sla_deadline, sla_state
from domain.ticket.events import EVENT_TYPES, Event
from domain.ticket.state import Ticket
from integrations.calls import Endpoint, post
from integrations.standard_webhooks import headers_for, signing_key
from services.webhooks.subscribers import News, read
from store.database import Database
from store.tables.integrations import WebhookRow
from store.webhook_outbox import Destination

OPENLY = ("terms", "type", "account", "calendar")
"""Fields of an event that are sent in another form, or are of no use outside."""


def _known(event: str) -> str:
    """Return a type of event that there is. Raises ValueError, which names the nearest."""
    if event not in EVENT_TYPES:
        raise ValueError(f"there is no event {event[:40]!r}{meant(event, EVENT_TYPES)}")
    return event


class Subscriber(Frozen):
    """A subscriber, as the settings name it."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    url: Endpoint
    secret: SecretStr
    events: tuple[Annotated[str, AfterValidator(_known)], ...] | None = None
    """Types of events, such as `opened` and `resolved`; None is all."""
    texts: bool = False
    """Whether free text goes out too: what customers and agents wrote."""
    connect_timeout: float = Field(default=3.05, gt=0, le=30)
    read_timeout: float = Field(default=10.0, gt=0, le=30)


def now_utc() -> datetime:
    """Return the time of the host."""
    return datetime.now(UTC)


class WebhookOut:
    """Implements `Sink`. `now` returns the time of sending, which the signature covers."""

    def __init__(self, db: Database, subscriber: Subscriber, now: Callable[[], datetime] = now_utc) -> None:
        """Check the secret. Raises ValueError for one that is none."""
        signing_key(subscriber.secret)
        self.destination = Destination(name=f"webhook:{subscriber.name}", events=subscriber.events)
        self._db = db
        self._subscriber = subscriber
        self._now = now

    def send(self, row: WebhookRow) -> None:
        news = read(self._db, row)
        if news is None:
            return
        to = self._subscriber
        body = json.dumps(payload(news, texts=to.texts), sort_keys=True).encode()
        name = f"{row.ticket_id}.{row.epoch}.{row.seq}"
        headers = {"Content-Type": "application/json"} | headers_for(to.secret, name, self._now(), body)
        post(f"The subscriber {to.name}", to.url, body, headers, (to.connect_timeout, to.read_timeout))


def payload(news: News, *, texts: bool) -> dict[str, Any]:
    """Return the body of a webhook: what happened, and how the ticket stood then."""
    event, ticket = news.event, news.then
    data: dict[str, Any] = {
        "ticket": ticket.id,
        "source": ticket.source,
        "external_id": ticket.external_id,
        "account": ticket.account.id,
        "seq": event.seq,
        "event": _body(event),
        "by": event.actor.id,
        "role": event.actor.role.value,
        **_state(ticket),
    }
    if texts:
        data["texts"] = {name: text for name, text in event.texts.items() if text}
    return {"type": f"ticket.{event.body.type}", "timestamp": event.at.isoformat(), "data": data}


def _body(event: Event) -> dict[str, Any]:
    return event.body.model_dump(mode="json", exclude=set(OPENLY))


def _state(ticket: Ticket) -> dict[str, Any]:
    deadline = sla_deadline(ticket)
    return {
        "plan": ticket.account.plan.value,
        "status": ticket.status.value,
        "tier": ticket.tier.value,
        "priority": ticket.priority.value,
        "category": ticket.category.value,
        "assignee": ticket.assignee,
        "team": ticket.route.team if ticket.route else None,
        "waits_on": ticket.waits_on.value,
        "sla": sla_state(ticket).value,
        "sla_deadline": deadline.isoformat() if deadline else None,
        "refs": list(ticket.refs()),
    }

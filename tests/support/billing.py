"""Billing as a receiver of webhooks, and the relay that sends to it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from integrations.standins.chat import ChatStandIn
from integrations.standins.common import Exchange
from integrations.standins.run import CHAT_SECRET, Control, served
from services.webhooks.billing import Billing, BillingOut
from store import webhook_outbox
from store.database import Database
from workers.webhook_relay import WebhookRelay


class Receiver(Control):
    """Billing, and each request as it came in."""

    def __init__(self, url: str, requests: list[Exchange]) -> None:
        super().__init__(url)
        self.requests = requests

    def told(self) -> list[tuple[str, str]]:
        return [(one.headers["webhook-id"], json.loads(one.body)["type"]) for one in self.requests]


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Billing, for as long as the context lasts."""
    came: list[Exchange] = []
    with served(ChatStandIn(CHAT_SECRET, observer=came.append).app) as url:
        yield Receiver(url, came)


def relay(database: Database, receiver: Receiver, **given: Any) -> WebhookRelay:
    sink = BillingOut(database, Billing(url=f"{receiver.url}/hook", secret=CHAT_SECRET))
    with database.begin() as session:
        webhook_outbox.register(session, [sink.destination])
    return WebhookRelay(database, sink, **given)


def later(by: timedelta) -> Any:
    """A clock that is ahead of this machine's."""
    return lambda: datetime.now(UTC) + by


def killed(*_: Any, **__: Any) -> None:
    """What a process does that is killed at this point."""
    raise KeyboardInterrupt

"""Notices as signed webhooks (Standard Webhooks): one POST per notice to one address."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from integrations.calls import post
from integrations.chat.port import Message, WebhookConfig
from integrations.standard_webhooks import headers_for, signing_key


def _now() -> datetime:
    return datetime.now(UTC)


def payload(message: Message) -> dict[str, Any]:
    """Return the body of a delivery. Between tries only what is read at sending may change: the subject and the
    link."""
    return {
        "type": "tierline.notice",
        "timestamp": message.at.isoformat(),
        "data": message.model_dump(mode="json", exclude={"at"}),
    }


class WebhookSink:
    """Implements `NoticeSink`. `now` returns the time of sending, which the signature covers."""

    def __init__(self, config: WebhookConfig, now: Callable[[], datetime] = _now) -> None:
        signing_key(config.secret)  # a malformed secret is found at start, not with the first notice
        self._config = config
        self._now = now

    def send(self, message: Message) -> None:
        config = self._config
        body = json.dumps(payload(message), sort_keys=True).encode()
        headers = {"Content-Type": "application/json"} | headers_for(config.secret, message.id, self._now(), body)
        post("The notice webhook", config.url, body, headers, (config.connect_timeout, config.read_timeout))

"""Any other pager, by signed webhook (Standard Webhooks): one POST per call to one address.

The webhook's id is made of the alert's key and the act, so it is the same on every try, and a receiver that drops ids
that it has seen wakes nobody twice. What it tells us back has the same form (`integrations.pager.webhook`).
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from integrations.calls import post
from integrations.chat.port import WebhookConfig
from integrations.pager.port import Page, PageRef
from integrations.standard_webhooks import headers_for, signing_key


def _now() -> datetime:
    return datetime.now(UTC)


class WebhookPager:
    """Implements `PagerPort`. `now` returns the time of sending, which the signature covers."""

    def __init__(self, config: WebhookConfig, now: Callable[[], datetime] = _now) -> None:
        signing_key(config.secret)  # a malformed secret is found at start, not with the first page
        self._config = config
        self._now = now

    def page(self, page: Page) -> None:
        self._send("trigger", page, page.model_dump(mode="json"))

    def acknowledge(self, ref: PageRef) -> None:
        self._send("acknowledge", ref, {"dedup_key": ref.dedup_key, "level": ref.level})

    def resolve(self, ref: PageRef) -> None:
        self._send("resolve", ref, {"dedup_key": ref.dedup_key, "level": ref.level})

    def _send(self, act: str, ref: PageRef, data: dict[str, Any]) -> None:
        config = self._config
        # No time in the body: it never changes between tries, so repeats are equal byte for byte.
        body = json.dumps({"type": f"page.{act}", "data": data}, sort_keys=True).encode()
        signed = headers_for(config.secret, f"{ref.dedup_key}:{act}"[:255], self._now(), body)
        headers = {"Content-Type": "application/json"} | signed
        post("The paging webhook", config.url, body, headers, (config.connect_timeout, config.read_timeout))

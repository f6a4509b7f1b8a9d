"""PagerDuty's Events API v2, with one plain POST per call. PagerDuty: https://developer.pagerduty.com/docs/events-api-v2/trigger-events/

Its own SDK repeats without limit on 429 and refuses a stand-in on this machine; there is little left to gain
from it.
"""

import json
from typing import Any

from integrations.calls import post
from integrations.pager.port import Page, PagerConfig, PageRef, marked

_DETAIL_LIMIT = 5_000
"""Characters of one detail."""
_DETAIL_BYTES = 9_000
"""Bytes of one detail, as they are sent. Fifty of them stay under the 512 KB that an event may have."""


def trigger_event(page: Page) -> dict[str, Any]:
    """Return what a page says to Events v2, without the routing key.

    The summary becomes the title of the incident at PagerDuty, and its webhooks tell the title and no key of an alert:
    so the title begins with the key (`integrations.pager.webhook` reads it there).
    """
    return {
        "event_action": "trigger",
        "dedup_key": page.dedup_key,
        "payload": {
            "summary": marked(page.dedup_key, page.summary),
            "severity": page.severity,
            "source": page.source,
            "custom_details": {name: _cut(text) for name, text in page.details.items()},
        },
        "links": [{"href": link.url, "text": link.text} for link in page.links],
    }


def _cut(text: str) -> str:
    """Return the beginning of a detail, as much as the limits let through. What JSON escapes counts as it is
    written."""
    written = 2
    for place, char in enumerate(text[:_DETAIL_LIMIT]):
        written += len(json.dumps(char, ensure_ascii=False).encode()) - 2
        if written > _DETAIL_BYTES:
            return text[:place]
    return text[:_DETAIL_LIMIT]


class PagerDutyClient:
    """Implements `PagerPort`. PagerDuty answers 202: queued, which is all that it ever says here."""

    def __init__(self, config: PagerConfig) -> None:
        self._config = config

    def page(self, page: Page) -> None:
        """Send a `trigger` event. PagerDuty merges it with an open alert of the same key, and then calls nobody.

        PagerDuty: https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
        """
        about_us = {"client": "Tierline"}
        if self._config.client_url:
            about_us["client_url"] = self._config.client_url
        self._send(page, trigger_event(page) | about_us)

    def acknowledge(self, ref: PageRef) -> None:
        """Send an `acknowledge` event for the alert of the page's key.

        PagerDuty: https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
        """
        self._send(ref, {"event_action": "acknowledge", "dedup_key": ref.dedup_key})

    def resolve(self, ref: PageRef) -> None:
        """Send a `resolve` event for the alert of the page's key.

        PagerDuty: https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
        """
        self._send(ref, {"event_action": "resolve", "dedup_key": ref.dedup_key})

    def _send(self, ref: PageRef, event: dict[str, Any]) -> None:
        config = self._config
        body = {"routing_key": config.routing_key(ref.level).get_secret_value()} | event
        post(
            "The pager",
            f"{config.url}/v2/enqueue",
            json.dumps(body, ensure_ascii=False).encode(),
            {"Content-Type": "application/json"},
            (config.connect_timeout, config.read_timeout),
        )

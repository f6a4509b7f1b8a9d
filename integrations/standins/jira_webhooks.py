"""The Jira stand-in's webhooks to subscribers: signed, and sent again for as long as Jira does.

Faults make them get lost, come five times, come in reverse or come from somebody else; `/standin/webhooks` shows what
was sent, and how it was answered.
"""

import hmac
import json
import threading
from collections import deque
from typing import Any, NamedTuple
from uuid import uuid4

import requests
from pydantic import BaseModel

from integrations.standins.common import Faults, Subscriber, now

Json = dict[str, Any]

TRIES = 5
PAUSE = 0.2
"""Seconds between two tries. Jira's are minutes."""
AGAIN = {408, 409, 425, 429}
"""Answers after which Jira tries again, beside all from 500 on."""
COPIES = 5


class Sent(BaseModel):
    """One delivery, and how its last try was answered; status 0 is not at all."""

    id: str
    event: str
    key: str
    tries: int = 0
    status: int = 0
    lost: bool = False


class Delivery(NamedTuple):
    """What is still to be sent to one subscriber."""

    to: Subscriber
    sent: Sent
    body: bytes


class Webhooks:
    """Sends from a thread of its own, which starts with the first subscriber."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._to: Subscriber | None = None
        self._lock = threading.Condition()
        self._waiting: deque[Delivery] = deque()
        self._held: list[Delivery] = []
        self._sent: list[Sent] = []

    def subscribe(self, to: Subscriber) -> None:
        """Send webhooks to this receiver from now on, of what happens from now on: what still waited for the receiver
        before is dropped."""
        with self._lock:
            first, self._to = self._to is None, to
            self._waiting.clear()
            self._held.clear()
        if first:
            threading.Thread(target=self._run, name="jira-webhooks", daemon=True).start()

    def send(self, event: str, key: str, body: Json) -> None:
        """Queue a webhook for something that happened. It is sent soon, and nobody waits for it."""
        content = {"timestamp": int(now().timestamp() * 1000), "webhookEvent": event} | body
        with self._lock:
            if self._to is None:
                return
            sent = Sent(id=uuid4().hex, event=event, key=key, lost=self._faults.meets("webhook_lost"))
            copies = COPIES if self._faults.meets("webhook_repeated") else 1
            self._sent.append(sent)
            if not sent.lost:
                # Held back here, and not by the thread: it may not have got to it when the fault is cleared.
                queue = self._held if self._faults.meets("webhook_reversed") else self._waiting
                queue.extend([Delivery(self._to, sent, json.dumps(content).encode())] * copies)
            self._lock.notify()

    def sent(self) -> list[Sent]:
        """Return all that was sent, in the order in which it happened."""
        with self._lock:
            return [sent.model_copy() for sent in self._sent]

    def _run(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while True:
                self._send(session, *self._next())

    def _next(self) -> Delivery:
        """Return the next one to send."""
        with self._lock:
            while True:
                if not self._faults.meets("webhook_reversed"):
                    self._waiting.extendleft(self._held)  # each to the front: the last one is first
                    self._held.clear()
                if self._waiting:
                    return self._waiting.popleft()
                self._lock.wait(0.05)  # a fault that is cleared notifies nobody

    def _send(self, session: requests.Session, to: Subscriber, sent: Sent, body: bytes) -> None:
        secret = "somebody else's" if self._faults.meets("webhook_forged") else to.secret.get_secret_value()
        headers = {
            "Content-Type": "application/json",
            "X-Hub-Signature": "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex(),
            "X-Atlassian-Webhook-Identifier": sent.id,
        }
        for again in range(TRIES):
            retry = {"X-Atlassian-Webhook-Retry": str(again)} if again else {}
            status = _answer(session, to.url, body, headers | retry)
            with self._lock:
                sent.tries, sent.status = sent.tries + 1, status
                if 0 < status < 500 and status not in AGAIN:
                    return
                self._lock.wait(PAUSE)


def _answer(session: requests.Session, url: str, body: bytes, headers: dict[str, str]) -> int:
    try:
        return session.post(url, data=body, headers=headers, timeout=10).status_code
    except requests.RequestException:
        return 0

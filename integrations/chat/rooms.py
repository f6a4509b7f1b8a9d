"""Notices to a chat, by incoming webhooks: Slack, Teams, Mattermost and what speaks the same.

There is no idempotency in it: after an answer that did not come, a message may appear twice. So each ends with a mark
of its own, by which a reader sees a repeat.
"""

import hashlib
import json
from collections.abc import Mapping

from pydantic import SecretStr, TypeAdapter

from domain.policy.digest import DIGEST
from integrations.calls import Endpoint, Rejected, post
from integrations.chat.addresses import address_of, reaches_all_of
from integrations.chat.port import Message
from integrations.chat.room import escaped

CONNECT, READ = 3.05, 10.0
"""Seconds."""
_ADDRESS = TypeAdapter(Endpoint)


class ChatSink:
    """Implements `Carrier` by one incoming webhook for each person, part, or for everybody."""

    def __init__(self, rooms: Mapping[str, SecretStr]) -> None:
        """`rooms` are addresses of webhooks, which are secrets. Raises ValueError, without the address."""
        for name, url in rooms.items():
            try:
                _ADDRESS.validate_python(url.get_secret_value())
            except ValueError:
                raise ValueError(f"{name}: an https address is needed (http is for this machine)") from None
        self._rooms = rooms

    def reaches(self, audience: str) -> bool:
        return reaches_all_of(self._rooms, audience)

    def finds(self, message: Message) -> bool:
        return address_of(self._rooms, message) is not None

    def send(self, message: Message) -> None:
        url = address_of(self._rooms, message)
        if url is None:
            raise Rejected(f"the chat has no room for {message.audience}", 404)
        body = json.dumps({"text": chat_text(message)}).encode()
        post("The chat", url, body, {"Content-Type": "application/json"}, (CONNECT, READ))


def chat_text(message: Message) -> str:
    """Return the text as the chat gets it: nothing in it is markup, so no customer's word calls a whole company."""
    priority = f"{message.priority} " if message.priority else ""
    subject = f": {message.subject}" if message.subject else ""
    due = f" Next due {message.deadline:%Y-%m-%d %H:%M} UTC." if message.deadline else ""
    whom = f" For {message.recipient}." if message.recipient != message.audience else ""
    link = f"\n{message.link}" if message.link else ""
    text = f"{priority}{message.title}{subject}.{due}{whom}"
    if message.kind == DIGEST:
        text = f"{text}\n{message.text}"
    return f"{escaped(text)}{escaped(link)}\n[{mark(message.id)}]"


def mark(key: str) -> str:
    """Return the mark of a notice: the same on every try."""
    return hashlib.sha256(key.encode()).hexdigest()[:10]

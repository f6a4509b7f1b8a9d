"""The channels that notices go through: chat, e-mail, and the generic webhook.

The generic webhook takes what is meant for it, and what the other two do not reach: it says the channel, and its
receiver knows how to reach people. So nothing is dropped.
"""

from collections.abc import Iterable
from typing import Protocol

from integrations.calls import Rejected
from integrations.chat.port import Message, NoticeSink


class Carrier(NoticeSink, Protocol):
    """What carries the notices of one channel to those whose addresses it knows."""

    def reaches(self, audience: str) -> bool:
        """Return whether it reaches a part, whoever has it."""

    def finds(self, message: Message) -> bool:
        """Return whether it has an address for this one."""


class Channels:
    """Implements `NoticeSink`: sends each notice through the channel that it names."""

    def __init__(self, *, chat: Carrier | None, email: Carrier | None, webhook: NoticeSink | None) -> None:
        self._own: dict[str, Carrier | None] = {"chat": chat, "email": email}
        self._webhook = webhook

    def send(self, message: Message) -> None:
        own = self._own.get(message.channel)
        if own is not None and own.finds(message):
            return own.send(message)
        if self._webhook is None:
            raise Rejected(f"nothing carries {message.channel} to {message.audience}", 404)
        return self._webhook.send(message)

    def way(self, channel: str, audience: str) -> str:
        """Return in a word what carries a channel to a part: `chat`, `email`, `webhook`; empty: nothing does."""
        own = self._own.get(channel)
        if own is not None and own.reaches(audience):
            return channel
        return "webhook" if self._webhook else ""

    def lacking(self, named: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the channels and parts, of those that are `named`, that nothing carries."""
        return sorted({(channel, audience) for channel, audience in named if not self.way(channel, audience)})

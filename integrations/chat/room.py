"""A room for incidents, by incoming webhook (Slack, Mattermost and what speaks the same).

There is no id and no idempotency in it: a message may appear twice, and none can be changed afterwards. So every text
begins with a mark of its own, by which a reader sees a repeat.
"""

import json
from typing import Annotated, Any, Protocol

from pydantic import BeforeValidator, Field, SecretStr, TypeAdapter

from domain.core.text import clean
from domain.core.values import Frozen
from integrations.calls import Endpoint, post

TEXT_LIMIT = 4000
"""Characters of one message; a chat cuts off, or refuses, what is much longer."""
_CUT = " [cut here: the rest stands in Tierline]"
_ADDRESS = TypeAdapter(Endpoint)


def _fitting(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = clean(value).strip()
    return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - len(_CUT)] + _CUT


class RoomMessage(Frozen):
    """One message."""

    mark: str = Field(pattern=r"^[ -~]{1,300}$")
    """What it begins with, as in `incident-7 #3`: two with the same mark are one that was sent twice."""
    text: Annotated[str, BeforeValidator(_fitting)]
    """Made to fit, never refused."""
    everyone: bool = False
    """Whether it calls everybody who is in the room."""


class RoomPort(Protocol):
    """Safe to call from any thread."""

    def post(self, message: RoomMessage) -> None:
        """Show the message to the room. After `Unknown` it may be there already; send it again all the same."""


class RoomConfig(Frozen):
    url: SecretStr
    """The webhook's whole address. It is a secret: whoever has it can write."""
    connect_timeout: float = Field(default=3.05, gt=0, le=60)
    """Seconds."""
    read_timeout: float = Field(default=5.0, gt=0, le=300)
    """Seconds between two bytes of an answer."""


class IncomingWebhook:
    """Implements `RoomPort` by a Slack incoming webhook.

    Slack: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/
    """

    def __init__(self, config: RoomConfig) -> None:
        """Take the room's address. Raises ValueError, which does not name it, unless it may be sent secrets."""
        try:
            self._url = _ADDRESS.validate_python(config.url.get_secret_value())
        except ValueError:
            raise ValueError("an https address is needed (http is for this machine)") from None
        self._timeout = (config.connect_timeout, config.read_timeout)

    def post(self, message: RoomMessage) -> None:
        body = json.dumps({"text": room_text(message)}).encode()
        post("The incident room", self._url, body, {"Content-Type": "application/json"}, self._timeout)


def room_text(message: RoomMessage) -> str:
    """Return the text as the chat gets it: nothing in it is markup, so no customer's word can call a whole company."""
    call = "<!channel> " if message.everyone else ""
    return f"{call}[{escaped(message.mark)}] {escaped(message.text)}"


def escaped(text: str) -> str:
    """Escape Slack's three characters: without them there is no link, no mention and no command in a text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

"""What Zendesk's event webhooks say. Pure: signature over time and raw body, replay window, and the three words that
matter. Whatever else is in a delivery is read from Zendesk itself, so that a forged or stale one changes nothing.

Zendesk: https://developer.zendesk.com/documentation/webhooks/verifying/ and
https://developer.zendesk.com/api-reference/webhooks/event-types/webhook-event-types/
"""

import base64
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import SecretStr

from domain.core.values import Frozen

REPLAY_WINDOW = timedelta(minutes=5)
"""How far a delivery's time may be from ours, on either side. Zendesk signs each try anew."""
SIGNATURE = "x-zendesk-webhook-signature"
SIGNED_AT = "x-zendesk-webhook-signature-timestamp"
BODY_LIMIT = 1_048_576
"""Bytes: an event comes with its comment, which has 65,536 characters at most, several times."""
_EVENT = "zen:event-type:ticket."
HEARD = (
    "created", "comment_added", "comment_made_private", "status_changed", "priority_changed", "requester_changed",
    "merged", "undeleted",
)  # fmt: skip
"""What leads to a look at the ticket. Any other event is answered, and forgotten."""
ENDS: Mapping[str, Literal["spam", "deleted"]] = {
    "marked_as_spam": "spam",
    "soft_deleted": "deleted",
    "permanently_deleted": "deleted",
}
"""After what a ticket is there no more (G13)."""


class BadSignature(Exception):
    """Not from Zendesk, changed on the way, or too old or too new. The text holds nothing of it."""


class NotUnderstood(Exception):
    """Genuine, and in no form that we know. The text holds nothing of it."""


class News(Frozen):
    """Something happened to a ticket."""

    id: str
    """Zendesk's id of the event: the same however often it is delivered."""
    ticket: int
    ended: Literal["", "spam", "deleted"] = ""
    """How it says that the ticket has ended. Believed once Zendesk shows the ticket no longer."""


def verify(
    secrets: Iterable[SecretStr],
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    window: timedelta = REPLAY_WINDOW,
) -> None:
    """Raise BadSignature unless one of `secrets` signed it just now. `headers`: names in lower case."""
    stamped = headers.get(SIGNED_AT, "")
    if not (stamped.isascii() and len(stamped) <= 40):
        raise BadSignature("the time of signing is missing")
    given = headers.get(SIGNATURE, "").encode()
    # Every secret is compared, each in constant time: how long it takes tells nothing.
    fitting = [hmac.compare_digest(given, signature(secret, stamped, body)) for secret in secrets]
    if not any(fitting):
        raise BadSignature("no signature fits")
    try:
        at = datetime.fromisoformat(stamped)
    except ValueError:
        raise BadSignature("the time of signing is no time") from None
    if abs(now - (at if at.tzinfo else at.replace(tzinfo=UTC))) > window:
        raise BadSignature("the time of signing is outside the replay window")


def signature(secret: SecretStr, stamped: str, body: bytes) -> bytes:
    """Return the Base64 of HMAC-SHA256 over the time and the raw body, with nothing in between."""
    key = secret.get_secret_value().encode()
    return base64.b64encode(hmac.digest(key, stamped.encode() + body, "sha256"))


def read(body: bytes) -> News | None:
    """Return what a genuine delivery says; None if it does not concern us. Raises NotUnderstood."""
    try:
        event: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise NotUnderstood("it is no JSON") from None
    if not isinstance(event, dict) or not isinstance(event.get("type"), str):
        raise NotUnderstood("it is no event of Zendesk's")
    happened = event["type"].removeprefix(_EVENT)
    if happened == event["type"] or happened not in (*HEARD, *ENDS):
        return None
    subject = re.fullmatch(r"zen:ticket:([0-9]{1,18})", str(event.get("subject", "")))
    detail = event.get("detail")
    number = subject[1] if subject else str(detail.get("id", "")) if isinstance(detail, dict) else ""
    name = event.get("id")
    if not re.fullmatch(r"[1-9][0-9]{0,17}", number) or not isinstance(name, str) or not 1 <= len(name) <= 255:
        raise NotUnderstood("it does not say which ticket it is about")
    return News(id=name, ticket=int(number), ended=ENDS.get(happened, ""))

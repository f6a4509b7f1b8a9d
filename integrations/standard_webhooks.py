"""Signed webhooks after the Standard Webhooks specification, for what we send and for what we receive.

The signature covers id, time and the raw body, so none of them can be changed, and the time bounds how long a
recorded delivery can be played back. Within that window the receiver drops ids that it has seen.
"""

import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

REPLAY_WINDOW = timedelta(minutes=5)
"""How far a delivery's time may be from ours, on either side."""

PROOF = ("webhook-id", "webhook-timestamp", "webhook-signature")
"""The headers that every delivery has."""

_SVIX = "svix-"
"""How Svix, who began the specification, and its users still begin the names of these headers."""
_PREFIX = "whsec_"


class BadSignature(Exception):
    """The delivery is not from who it says, was changed, or is too old or too new. The text holds no
    secret.
    """


def headers_for(secret: SecretStr, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the three headers of one delivery. `at`: when it is sent, not when its content happened."""
    seconds = str(int(at.timestamp()))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{_signature(secret, message_id, seconds, body)}",
    }


def usual_names(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return headers with those of Svix (`svix-id`) under the names of the specification, unless one of these is there.
    `headers`: names in lower case. Svix: https://docs.svix.com/receiving/verifying-payloads/how-manual
    """
    if any(name in headers for name in PROOF):
        return headers
    named = {name: headers.get(name.replace("webhook-", _SVIX, 1)) for name in PROOF}
    return {**headers, **{name: value for name, value in named.items() if value is not None}}


def verify(
    secrets: Iterable[SecretStr],
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    window: timedelta = REPLAY_WINDOW,
) -> str:
    """Return the id of a genuine delivery, to drop repeats by. `headers`: names in lower case.

    Any of `secrets` may have signed, so that one can be replaced without a gap. Raises BadSignature.
    """
    message_id, seconds = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not 1 <= len(message_id) <= 255:
        raise BadSignature("webhook-id is missing or too long")
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) <= 11):
        raise BadSignature("webhook-timestamp is not a number of seconds")
    given = [value for version, _, value in _signatures(headers) if version == "v1"]
    expected = [_signature(secret, message_id, seconds, body) for secret in secrets]
    # A list, so that every pair is compared, each in constant time: how long it takes tells nothing.
    matches = [hmac.compare_digest(one.encode(), other.encode()) for one in given for other in expected]
    if not any(matches):
        raise BadSignature("no signature fits")
    if abs(now - datetime.fromtimestamp(int(seconds), UTC)) > window:
        raise BadSignature("webhook-timestamp is outside the replay window")
    return message_id


def _signatures(headers: Mapping[str, str]) -> list[tuple[str, str, str]]:
    return [signature.partition(",") for signature in headers.get("webhook-signature", "").split()[:10]]


def _signature(secret: SecretStr, message_id: str, seconds: str, body: bytes) -> str:
    signed = f"{message_id}.{seconds}.".encode() + body
    return base64.b64encode(hmac.digest(signing_key(secret), signed, "sha256")).decode()


def signing_key(secret: SecretStr) -> bytes:
    """Return the bytes that a `whsec_` secret stands for. Raises ValueError, without the secret in its text."""
    encoded = secret.get_secret_value().removeprefix(_PREFIX)
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not 24 <= len(key) <= 64:
        raise ValueError("a webhook secret is whsec_ and the base64 of 24 to 64 bytes")
    return key

"""What Jira's webhooks say. Pure: the signature over the raw body, the replay window, and which issue to look at.

A body is a hint and nothing more: the issue is read again before anything is believed of it. So all that is kept is
which issue it was, and nothing that anybody wrote.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import SecretStr

from domain.core.values import Frozen
from integrations.jira.config import is_issue_key, is_issue_number

REPLAY_WINDOW = timedelta(minutes=35)
"""How old a delivery may be. Jira tries again, with the same body, for up to half an hour; and clocks differ."""
AHEAD = timedelta(minutes=5)
"""How far Jira's clock may be ahead of ours."""
BODY_LIMIT = 2_097_152
"""Bytes. An issue with long comments comes whole."""
SIGNATURE = "x-hub-signature"

NEWS = frozenset(
    {"jira:issue_updated", "jira:issue_deleted", "comment_created", "comment_updated", "comment_deleted"}
)  # fmt: skip
"""What may be news to a ticket. An issue that moves to another project is `jira:issue_updated`; what is created has no
ticket yet; a link between issues changes nothing that tickets hear of, and comes with an update where it does."""


class BadSignature(Exception):
    """Not proven to come from Jira, or to be fresh. The text holds nothing of the content."""


class NotUnderstood(Exception):
    """Genuine, and in no form that we know. The text holds nothing of the content."""


class JiraHint(Frozen):
    """An issue that may have changed."""

    id: str
    """The delivery's id, the same on every try: a digest of what is signed."""
    event: str
    issue: str
    """Jira's number of the issue, which it keeps when it moves."""
    key: str
    by: str = ""
    """Whose doing it was, by account id; empty where Jira does not say. To tell our own doings: never stored."""


def hint(secrets: Iterable[SecretStr], headers: Mapping[str, str], body: bytes, now: datetime) -> JiraHint | None:
    """Return what a delivery says; None where it is nothing to a ticket. `headers`: names in lower case.

    Any of `secrets` may have signed, so that one can be replaced without a gap. Raises BadSignature, NotUnderstood.
    """
    _verify(secrets, headers, body)
    content = _read(body)
    _check_age(content.get("timestamp"), now)
    event = content.get("webhookEvent")
    if event not in NEWS:
        return None
    issue = content.get("issue")
    if not isinstance(issue, dict):
        raise NotUnderstood("it names no issue")
    number, key = str(issue.get("id")), str(issue.get("key"))
    if not is_issue_number(number) or not is_issue_key(key):
        raise NotUnderstood("it names no issue")
    return JiraHint(id=_delivery_id(body), event=event, issue=number, key=key, by=_actor(content))


def _verify(secrets: Iterable[SecretStr], headers: Mapping[str, str], body: bytes) -> None:
    """Verify `X-Hub-Signature: sha256=<hex>`, over the body as it came."""
    if len(body) > BODY_LIMIT:
        raise BadSignature("the body is too large to be looked at")
    keys = [secret.get_secret_value().encode() for secret in secrets]
    expected = ["sha256=" + hmac.digest(key, body, "sha256").hex() for key in keys]
    given = headers.get(SIGNATURE, "")
    # A list, so that every secret is compared, each in constant time: how long it takes tells nothing.
    matches = [hmac.compare_digest(given.strip().encode(), one.encode()) for one in expected]
    if not any(matches):
        raise BadSignature("the signature does not fit")


def _read(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise NotUnderstood("the body is no JSON") from None
    if not isinstance(content, dict):
        raise NotUnderstood("the body is no JSON object")
    return content


def _check_age(timestamp: Any, now: datetime) -> None:
    """Check `timestamp`, in milliseconds and signed with the rest: a delivery that is played back later is refused."""
    if isinstance(timestamp, bool) or not isinstance(timestamp, int) or not 0 < timestamp < 10**15:
        raise BadSignature("it has no timestamp")
    age = now.timestamp() - timestamp / 1000
    if not -AHEAD.total_seconds() <= age <= REPLAY_WINDOW.total_seconds():
        raise BadSignature("its timestamp is outside the replay window")


def _delivery_id(body: bytes) -> str:
    """Return a digest of the body, which is the same on every try of Jira's.

    Not the identifier in Jira's header: it is not signed, so whoever has caught one body could play it back under any
    number of them.
    """
    return "sha256-" + hashlib.sha256(body).hexdigest()


def _actor(content: dict[str, Any]) -> str:
    """Return whose doing it was: who edited or wrote the comment, else who changed the issue."""
    comment = content.get("comment")
    people = (
        [comment.get("updateAuthor"), comment.get("author")] if isinstance(comment, dict) else [content.get("user")]
    )
    found = (person.get("accountId") for person in people if isinstance(person, dict))
    return next((str(account)[:128] for account in found if account), "")

"""What pagers tell us: who took a page, and where it went. PagerDuty's V3 webhooks, and our own signed format.

Pure: the signature over the raw body, the replay window, and the few words that matter. A person's name never leaves
this module: what is kept is their id at the pager.
"""

import hmac
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from pydantic import AwareDatetime, BaseModel, Field, SecretStr, ValidationError

from domain.base import Frozen, Instant
from domain.document import one_line
from integrations.chat.signing import BadSignature, verify
from integrations.pager.port import DedupKey

REPLAY_WINDOW = timedelta(hours=1)
"""How old a delivery of PagerDuty may be: it tries for twenty minutes, and signs no time of sending. What is played
back within the window has the id of the first one, and is dropped by it."""
_AHEAD = timedelta(minutes=5)
"""How far another's clock may be ahead of ours."""

Act = Literal["acknowledged", "resolved", "escalated", "reassigned"]
SIGNATURE = "x-pagerduty-signature"
BODY_LIMIT = 256_000
"""Bytes. PagerDuty sends no more than that."""


class NotUnderstood(Exception):
    """Genuine, and in no form that we know. The text holds nothing of the content."""


class PagerNews(Frozen):
    """What happened to one alert."""

    id: str = Field(min_length=1, max_length=255)
    """The pager's own id of this event: the same however often it is delivered."""
    act: Act
    dedup_key: DedupKey
    by: str = Field(default="", max_length=100)
    """Who did it, by their id at the pager. "" where it does not say."""
    at: Instant


class _Named(BaseModel):
    id: str = ""


class _Incident(BaseModel):
    incident_key: str | None = None


class _Event(BaseModel):
    id: str
    event_type: str
    occurred_at: AwareDatetime
    agent: _Named | None = None
    data: _Incident


class _PagerDuty(BaseModel):
    event: _Event


class _OurData(BaseModel):
    dedup_key: str
    by: str = ""


class _Ours(BaseModel):
    type: str
    timestamp: AwareDatetime
    data: _OurData


def from_pagerduty(
    secrets: Iterable[SecretStr], headers: Mapping[str, str], body: bytes, now: datetime
) -> PagerNews | None:
    """What a V3 webhook says; None where it is nothing to us. `headers`: names in lower case.

    Any of `secrets` may have signed: each subscription has one of its own, and one can be replaced without a gap.
    Raises BadSignature, NotUnderstood.
    """
    given = [part.strip() for part in headers.get(SIGNATURE, "").split(",")[:10]]
    expected = [f"v1={hmac.digest(s.get_secret_value().encode(), body, 'sha256').hex()}" for s in secrets]
    # A list, so that every pair is compared, each in constant time: how long it takes tells nothing.
    matches = [hmac.compare_digest(one.encode(), other.encode()) for one in given for other in expected]
    if not any(matches):
        raise BadSignature("no signature fits")
    event = _read(_PagerDuty, body).event
    if not now - REPLAY_WINDOW <= event.occurred_at <= now + _AHEAD:
        raise BadSignature("occurred_at is outside the replay window")
    agent = event.agent.id if event.agent else ""
    return _news(event.id, event.event_type, event.data.incident_key or "", agent, event.occurred_at)


def from_signed(
    secrets: Iterable[SecretStr], headers: Mapping[str, str], body: bytes, now: datetime
) -> PagerNews | None:
    """What a pager says in our own format; None where it is nothing to us. `headers`: names in lower case.

        {"type": "page.acknowledged", "timestamp": "2026-11-21T03:01:00Z",
         "data": {"dedup_key": "incident-7", "by": "u17"}}

    Raises BadSignature, NotUnderstood.
    """
    delivery = verify(secrets, headers, body, now)
    said = _read(_Ours, body)
    return _news(delivery, said.type, said.data.dedup_key, said.data.by, said.timestamp)


def _read(form: Any, body: bytes) -> Any:
    try:
        return form.model_validate(json.loads(body[:BODY_LIMIT]))
    except (ValueError, ValidationError, RecursionError):
        raise NotUnderstood("the body is in no form that is known") from None


def _news(id: str, kind: str, dedup_key: str, by: str, at: datetime) -> PagerNews | None:
    act = kind.rpartition(".")[2]
    if act not in get_args(Act):
        return None
    try:
        return PagerNews.model_validate(
            {"id": id, "act": act, "dedup_key": dedup_key, "by": one_line(by, 100), "at": at}
        )
    except ValidationError:
        return None  # an alert that cannot be ours

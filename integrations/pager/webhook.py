"""Webhooks of pagers: who took a page, and where it went. PagerDuty's V3 webhooks, and our own signed format.

PagerDuty: https://developer.pagerduty.com/docs/webhooks/v3-overview/

Pure: the signature over the raw body, the replay window, and the few words that matter. A person's name never leaves
this module: what is kept is their id at the pager.
"""

import hmac
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from domain.core.text import one_line
from domain.core.values import Frozen, Instant
from integrations.pager.port import DedupKey, key_in
from integrations.standard_webhooks import BadSignature, verify

REPLAY_WINDOW = timedelta(hours=49)
"""How old a delivery of PagerDuty may be: it repeats one for up to 48 hours, and never again one that was refused; it
signs no time of sending. What is played back within the window has the id of the first one, which is signed, and is
dropped by it: so a delivery must be remembered for longer than this."""
_AHEAD = timedelta(minutes=5)
"""How far another's clock may be ahead of ours."""

Act = Literal["acknowledged", "unacknowledged", "resolved", "reopened", "escalated", "reassigned"]
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
    dedup_key: Literal[""] | DedupKey
    """The page's key; "" where only the pager's own API can tell (`incident`)."""
    in_title: bool = False
    """The key was read from a title, which people can write."""
    incident: str = Field(default="", pattern=r"^[0-9A-Za-z]{0,50}$")
    """PagerDuty's own id of the incident that it made of the page. "" where there is none."""
    by: str = Field(default="", max_length=100)
    """Who did it, by their id at the pager. "" where it does not say."""
    by_person: bool = True
    """A person did it, and not a service, an integration or a time-out."""
    rings: bool = False
    """The page rings again afterwards: nobody has it."""
    at: Instant


class _Loose(BaseModel):
    """What another system sends: a number for a name is that name, and a null says nothing."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, sent: Any) -> Any:
        return {name: value for name, value in sent.items() if value is not None} if isinstance(sent, dict) else sent


class _Agent(_Loose):
    id: str = ""
    type: str = ""


class _Incident(_Loose):
    id: str = ""
    type: str = ""
    status: str = ""
    incident_key: str | None = None
    title: str | None = None


class _Event(_Loose):
    id: str
    event_type: str
    occurred_at: AwareDatetime
    agent: _Agent | None = None
    data: _Incident


class _PagerDuty(BaseModel):
    event: _Event


class _OurData(_Loose):
    dedup_key: str
    by: str = ""
    machine: bool = False
    """A rule, a time limit or another program did it."""


class _Ours(_Loose):
    type: str
    timestamp: AwareDatetime
    data: _OurData


def from_pagerduty(
    secrets: Iterable[SecretStr], headers: Mapping[str, str], body: bytes, now: datetime
) -> PagerNews | None:
    """Return what a V3 webhook says; None where it is nothing to us. `headers`: names in lower case.

    An incident that PagerDuty made of an alert, as it does of every page of ours, has no key: the page's key is that
    at the front of its title. Where both are missing, only its id is known.

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
    agent, data = event.agent or _Agent(), event.data
    title_key = "" if data.incident_key else key_in(data.title or "")
    return _news(
        event.event_type,
        id=event.id,
        dedup_key=data.incident_key or title_key,
        in_title=bool(title_key),
        incident=data.id if data.type == "incident" else "",
        by=agent.id,
        by_person=agent.type.startswith("user"),
        rings=data.status == "triggered",
        at=event.occurred_at,
    )


def from_signed(
    secrets: Iterable[SecretStr], headers: Mapping[str, str], body: bytes, now: datetime
) -> PagerNews | None:
    """Return what a pager says in our own format; None where it is nothing to us. `headers`: names in lower case.

        {"type": "page.acknowledged", "timestamp": "2026-11-21T03:01:00Z",
         "data": {"dedup_key": "incident-7", "by": "u17"}}

    Who names nobody in `by`, or says `"machine": true`, tells of no person. Raises BadSignature, NotUnderstood.
    """
    delivery = verify(secrets, headers, body, now)
    event = _read(_Ours, body)
    data = event.data
    person = bool(data.by.strip()) and not data.machine
    return _news(
        event.type, id=delivery, dedup_key=data.dedup_key, by=data.by, by_person=person, rings=True, at=event.timestamp
    )


def _read(form: Any, body: bytes) -> Any:
    try:
        return form.model_validate(json.loads(body[:BODY_LIMIT]))
    except (ValueError, ValidationError, RecursionError):
        raise NotUnderstood("the body is in no form that is known") from None


def _news(kind: str, *, by: str, **values: Any) -> PagerNews | None:
    act = kind.rpartition(".")[2]
    if act not in get_args(Act) or not (values["dedup_key"] or values.get("incident")):
        return None
    try:
        return PagerNews.model_validate(values | {"act": act, "by": one_line(by, 100)})
    except ValidationError:
        return None  # an alert that cannot be ours

"""The pager's webhooks: somebody took a page, or something else happened to it. The incident gets it as a Signal.

Which page it was says the pager's key, or the front of the title, or PagerDuty's own API. A title is written by people:
it is believed only where it names a page that an open incident has sent. Whoever can edit the title of such a page at
the pager can acknowledge the page there as well.
"""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr
from temporalio.client import Client

from activities.support.signalling import NotRunning, deliver_to_incident
from domain.core.enums import Role
from domain.core.failures import Unavailable
from domain.incident.commands import PageAcknowledged, ReportPagerAct
from domain.incident.state import AREA_PAGE
from integrations.calls import Rejected
from integrations.pager.alerts import PagerDutyAlerts
from integrations.pager.webhook import BODY_LIMIT, SIGNATURE, NotUnderstood, PagerNews, from_pagerduty, from_signed
from integrations.standard_webhooks import PROOF, BadSignature
from services.incidents import resume_incident
from services.intake.identities import identity_of
from services.intake.sources import PAGER
from services.webhooks.deliveries import Delivery, Later, Unreadable, Unverified
from store import incidents
from store.database import Database

Read = Callable[[Sequence[SecretStr], Mapping[str, str], bytes, datetime], PagerNews | None]
READERS: dict[str, tuple[Read, Sequence[str]]] = {
    "pagerduty": (from_pagerduty, (SIGNATURE,)),
    "webhook": (from_signed, PROOF),
}
"""What is understood, by the kind of pager, and the headers that prove it."""

_TAKEN = ("acknowledged", "resolved")
"""What says that somebody has it, if a person did it. An alert that is resolved at the pager was seen, and no more than
that: the incident is resolved where its packages and its tickets are known."""
_RINGS = {
    "unacknowledged": "unacknowledged",
    "reopened": "reopened",
    "escalated": "escalated",
    "reassigned": "escalated",
}
"""After what nobody has it any more. Of a page that was passed on: if the pager says that it rings."""
_GONE = 404
ADOPTION = timedelta(minutes=2)
"""How long after its page was answered an incident may still come that takes it over: its ticket asks for one every
minute. What is answered then and led nowhere was about something that is over."""


class NotYet(Later):
    """The page was sent before it stands in the incident's record, and is not there yet: it is looked for again."""


class PagerHook:
    """Implements `Hook`. An incident that is over, or that we never had, is normal: people tidy up at the pager."""

    name = "pager"
    longest = BODY_LIMIT

    def __init__(
        self,
        client: Client,
        db: Database,
        kind: str,
        secrets: Sequence[SecretStr],
        alerts: PagerDutyAlerts | None = None,
    ) -> None:
        """`kind` is that of the pager, as in PAGER_KIND; any of `secrets` may have signed; `alerts` says which pages
        an incident at PagerDuty is made of, where its title does not."""
        self._client = client
        self._db = db
        self._read, self.proof = READERS[kind]
        self._secrets = secrets
        self._alerts = alerts

    def accept(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Sequence[Delivery]:
        try:
            news = self._read(self._secrets, headers, body, now)
        except BadSignature as error:
            raise Unverified(str(error)) from None
        except NotUnderstood as error:
            raise Unreadable(str(error)) from None
        if news is None or not (news.dedup_key or self._alerts):
            return []
        payload = {
            "act": news.act,
            "key": news.dedup_key,
            "in_title": news.in_title,
            "incident": news.incident,
            "by": news.by,
            "by_person": news.by_person,
            "rings": news.rings,
            "at": news.at.isoformat(),
            "received": now.isoformat(),
        }
        # In order for each incident, whichever step of its ladder was answered.
        about = _incidents_own(news.dedup_key) if news.dedup_key else f"pagerduty {news.incident}"
        return [Delivery(id=news.id, about=about, payload=payload)]

    async def act(self, delivery: Delivery) -> str | None:
        payload = delivery.payload
        if payload["act"] in ("escalated", "reassigned") and not payload.get("rings"):
            return None  # where a page went at the pager is on record with the delivery
        if payload["key"]:
            await self._deliver(delivery, payload["key"], identity_of(PAGER, delivery.id))
            return None
        for key in await asyncio.to_thread(self._keys, payload["incident"]):
            await self._deliver(delivery, key, identity_of(PAGER, f"{delivery.id}:{key}"))
        return None

    async def _deliver(self, delivery: Delivery, key: str, id: str) -> None:
        """Notify the incident whose page has this key."""
        payload = delivery.payload
        number = await asyncio.to_thread(self._number, key, bool(payload.get("in_title")))
        if number is None:
            return
        if number == 0:
            if datetime.now(UTC) < datetime.fromisoformat(payload["received"]) + ADOPTION:
                raise NotYet
            return
        who = {"by": payload["by"] or "pager", "role": Role.INTEGRATION, "id": id, "received": payload["received"]}
        page = {"page": key[:200], "occurred": payload.get("at")}  # what was stored by an earlier version has no `at`
        taken = payload["act"] in _TAKEN and payload.get("by_person", True)
        what = _RINGS.get(payload["act"], payload["act"])
        fact = PageAcknowledged(**who, **page) if taken else ReportPagerAct(**who, **page, what=what)
        try:
            await deliver_to_incident(self._client, self._db, number, fact)
        except NotRunning:
            if not await self._resume(number):
                raise
            await deliver_to_incident(self._client, self._db, number, fact)

    async def _resume(self, number: int) -> bool:
        """See that an incident that is open goes on, so that it learns who took its page. Returns False if it is over.

        Raises Later.
        """
        try:
            return await resume_incident(self._client, self._db, number)
        except Unavailable as error:
            raise Later(str(error)) from None

    def _keys(self, incident: str) -> list[str]:
        """Return the keys of the pages that PagerDuty has made an incident of; none where the incident is gone."""
        if self._alerts is None:
            return []  # the token was taken out of the settings since
        try:
            return self._alerts.keys(incident)
        except Rejected as refused:
            if refused.status == _GONE:
                return []
            raise

    def _number(self, key: str, in_title: bool) -> int | None:
        """Return the incident that a page is about; None for none of ours, 0 for one that may be on record soon.

        Its id is the page's key, unless a ticket had to page without an incident.
        """
        own = _incidents_own(key)
        kind, _, number = own.partition("-")
        named = int(number) if kind == "incident" and re.fullmatch(r"[1-9][0-9]{0,8}", number) else None
        if named is not None and not in_title:
            return named
        with self._db.begin() as session:
            found = incidents.find_by_page(session, own)
            if found is None and (own.startswith(AREA_PAGE) or (named and incidents.is_open(session, named))):
                return 0
            return found


def _incidents_own(dedup_key: str) -> str:
    """Return the key that all steps of a ladder have in common."""
    return dedup_key.partition(":")[0]

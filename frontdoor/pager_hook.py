"""What the pager tells us: that somebody took a page. It reaches the incident as the Signal `page_acknowledged`."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.incident import AREA_PAGE, workflow_id
from domain.incident_commands import PageAcknowledged
from domain.words import Role
from frontdoor.deliveries import Delivery, Unreadable, Unverified
from integrations.chat.signing import PROOF, BadSignature
from integrations.pager.webhook import BODY_LIMIT, SIGNATURE, NotUnderstood, PagerNews, from_pagerduty, from_signed
from store import incidents
from store.database import Database

Read = Callable[[Sequence[SecretStr], Mapping[str, str], bytes, datetime], PagerNews | None]
READERS: dict[str, tuple[Read, Sequence[str]]] = {
    "pagerduty": (from_pagerduty, (SIGNATURE,)),
    "webhook": (from_signed, PROOF),
}
"""What is understood, by the kind of pager, and the headers that prove it."""

_TAKEN = ("acknowledged", "resolved")
"""What says that somebody has it. An alert that is resolved at the pager was seen, and no more than that: the incident
is resolved where its packages and its tickets are known."""
ADOPTION = timedelta(minutes=2)
"""How long after its page was answered an incident may still come that takes it over: its ticket asks for one every
minute. What is answered then and led nowhere was about something that is over."""


class NotYet(Exception):
    """A ticket had to page without an incident, and it is not there yet: it is looked for again."""


class PagerHook:
    """Implements `Hook`. An incident that is over, or that we never had, is normal: people tidy up at the pager."""

    name = "pager"
    longest = BODY_LIMIT

    def __init__(self, client: Client, db: Database, kind: str, secrets: Sequence[SecretStr]) -> None:
        """`kind` is that of the pager, as in PAGER_KIND; any of `secrets` may have signed."""
        self._client = client
        self._db = db
        self._read, self.proof = READERS[kind]
        self._secrets = secrets

    def accept(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Sequence[Delivery]:
        try:
            news = self._read(self._secrets, headers, body, now)
        except BadSignature as error:
            raise Unverified(str(error)) from None
        except NotUnderstood as error:
            raise Unreadable(str(error)) from None
        if news is None:
            return []
        payload = {"act": news.act, "key": news.dedup_key, "by": news.by, "received": now.isoformat()}
        # In order for each incident, whichever rung of its ladder was answered.
        return [Delivery(id=news.id, about=_incidents_own(news.dedup_key), payload=payload)]

    async def act(self, delivery: Delivery) -> str | None:
        said = delivery.payload
        if said["act"] not in _TAKEN:
            return None  # where a page went at the pager is on record with the delivery
        number = await asyncio.to_thread(self._number, delivery.about)
        if number is None:
            until = datetime.fromisoformat(said["received"]) + ADOPTION
            if said["key"].startswith(AREA_PAGE) and datetime.now(UTC) < until:
                raise NotYet
            return None
        fact = PageAcknowledged(
            by=said["by"] or "pager", role=Role.INTEGRATION, id=f"pager:{delivery.id}"[:200], received=said["received"]
        )
        handle = self._client.get_workflow_handle(workflow_id(number))
        try:
            await handle.signal(fact.do, fact.model_dump(mode="json"))
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
        return None

    def _number(self, key: str) -> int | None:
        """The incident that a page is about: its id is the page's key, unless a ticket had to page without one."""
        kind, _, number = key.partition("-")
        if kind == "incident" and number.isascii() and number.isdecimal() and len(number) <= 9:
            return int(number)
        with self._db.begin() as session:
            return incidents.find_by_page(session, key)


def _incidents_own(dedup_key: str) -> str:
    """The key that all rungs of a ladder have in common."""
    return dedup_key.partition(":")[0]

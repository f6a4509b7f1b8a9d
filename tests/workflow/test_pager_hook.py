"""What the pager tells us, from the request to the incident's Signal: verified, kept once, and in nobody's way."""

import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from pydantic import SecretStr
from sqlalchemy import insert, text, update
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from domain.incident.state import workflow_id
from integrations.pager.alerts import PagerDutyAlerts
from integrations.pager.client import PagerDutyClient
from integrations.pager.port import Page
from integrations.standard_webhooks import headers_for
from integrations.standins.pager import API_TOKEN
from integrations.standins.run import pager_config, running
from services.webhooks.deliveries import Deliveries, Delivery, Unreadable, Unverified
from services.webhooks.pager import NotYet, PagerHook
from store.database import Database
from store.tables.incidents import IncidentRow
from workflows.incident.messages import IncidentStart
from workflows.incident.workflow import IncidentWorkflow

SECRET, OTHER = SecretStr("pager-secret"), SecretStr("another-secret")
SIGNING = SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")


class Pager:
    """A pager at our door, and the incidents behind it: real workflows, for which no worker runs."""

    def __init__(self, client: Client, db: Database) -> None:
        self._client = client
        self.db = db
        self.hook = PagerHook(client, db, "pagerduty", [OTHER, SECRET])
        self.deliveries = Deliveries(db, [self.hook])
        self._started: list[str] = []

    async def incident(self) -> int:
        """An incident that is open."""
        number = int(uuid4().int % 10**8) + 10**8
        handle = await self._client.start_workflow(
            IncidentWorkflow.run, IncidentStart(), id=workflow_id(number), task_queue=f"nobody-{number}"
        )
        self._started.append(handle.id)
        return number

    def pages(self, number: int) -> None:
        """It stands on record that the incident has paged."""
        with self.db.begin() as session:
            row = {"number": number, "area": f"A{number}", "separate_key": "", "opened_at": datetime.now(UTC)}
            session.execute(insert(IncidentRow).values(**row, page_keys=[f"incident-{number}"]))

    async def end(self) -> None:
        for name in self._started:
            await self._client.get_workflow_handle(name).terminate()
        self._started.clear()

    async def say(
        self,
        key: str | None,
        act: str = "acknowledged",
        *,
        id: str = "",
        secret: SecretStr = SECRET,
        title: str = "",
        agent: str = "user_reference",
        status: str = "",
        age: timedelta = timedelta(0),
    ) -> int:
        """Deliver, and act on it. Returns how much of it was new."""
        event = {
            "id": id or uuid4().hex,
            "event_type": f"incident.{act}",
            "occurred_at": (datetime.now(UTC) - age).isoformat(),
            "agent": {"id": "PLH1HKV", "type": agent, "summary": "Ada Lovelace"},
            "data": {"id": "PGR0VU2", "type": "incident", "incident_key": key, "title": title, "status": status},
        }
        body = json.dumps({"event": event}).encode()
        digest = hmac.digest(secret.get_secret_value().encode(), body, "sha256").hex()
        received = await self.deliveries.receive("pager", {"x-pagerduty-signature": f"v1={digest}"}, body)
        await self.deliveries.work()
        return received.new

    async def heard(self, number: int) -> list[dict[str, Any]]:
        """The Signals that an incident got."""
        history = await self._client.get_workflow_handle(workflow_id(number)).fetch_history()
        signals = [
            event.workflow_execution_signaled_event_attributes
            for event in history.events
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
        ]
        return [{"signal": signal.signal_name} | json.loads(signal.input.payloads[0].data) for signal in signals]


@pytest_asyncio.fixture
async def pager(temporal_dev: Client, db: Database) -> AsyncIterator[Pager]:
    found = Pager(temporal_dev, db)
    yield found
    await found.end()


@pytest.mark.parametrize("step", ["", ":1:2", ":3:1"])
async def test_whichever_step_is_answered_the_incident_hears_it(pager: Pager, step: str) -> None:
    number = await pager.incident()
    await pager.say(f"incident-{number}{step}")

    (signal,) = await pager.heard(number)
    assert (signal["signal"], signal["by"], signal["role"]) == ("page_acknowledged", "PLH1HKV", "integration")
    assert datetime.fromisoformat(signal["received"]).tzinfo is not None
    assert "Lovelace" not in json.dumps(signal)


async def test_an_acknowledgement_is_known_by_the_front_of_the_title_where_there_is_no_key(pager: Pager) -> None:
    """As PagerDuty sends it for whatever was made by an alert."""
    number = await pager.incident()
    pager.pages(number)
    await pager.say(None, title=f"[incident-{number}:2:1] P0 in API (edited)")

    (signal,) = await pager.heard(number)
    assert (signal["signal"], signal["page"]) == ("page_acknowledged", f"incident-{number}:2:1")


async def test_a_title_leads_only_to_an_open_incident_that_has_paged(pager: Pager) -> None:
    """Whoever can name an incident at the pager, as by a mail, must not stop the ladder of one that pages later."""
    number = await pager.incident()
    await pager.say(None, title=f"[incident-{number}] never on record")
    assert await pager.heard(number) == []


async def test_what_is_answered_before_the_page_is_on_record_is_not_lost(pager: Pager) -> None:
    number = await pager.incident()
    said = {"act": "acknowledged", "key": f"incident-{number}", "in_title": True, "by": "p"}
    said["received"] = said["at"] = datetime.now(UTC).isoformat()
    delivery = Delivery(id="e1", about=f"incident-{number}", payload=said)
    with pager.db.begin() as session:
        row = {"number": number, "area": "API", "separate_key": "", "opened_at": datetime.now(UTC)}
        session.execute(insert(IncidentRow).values(**row))
    with pytest.raises(NotYet):
        await pager.hook.act(delivery)
    with pager.db.begin() as session:
        session.execute(update(IncidentRow).values(page_keys=[f"incident-{number}"]))
    await pager.hook.act(delivery)
    assert len(await pager.heard(number)) == 1


@pytest.mark.parametrize(
    ("act", "agent"),
    [
        ("resolved", "service_reference"),
        ("resolved", "inbound_integration_reference"),
        ("acknowledged", "integration_reference"),
        ("unacknowledged", "user_reference"),
        ("reopened", "user_reference"),
    ],
)
async def test_what_no_person_did_is_no_acknowledgement_and_the_incident_hears_it(
    pager: Pager, act: str, agent: str
) -> None:
    number = await pager.incident()
    await pager.say(f"incident-{number}", act, agent=agent)

    (signal,) = await pager.heard(number)
    assert (signal["signal"], signal["what"], signal["page"]) == ("pager_acted", act, f"incident-{number}")


async def test_a_delivery_is_taken_for_as_long_as_pagerduty_repeats_it(pager: Pager) -> None:
    number = await pager.incident()
    assert await pager.say(f"incident-{number}", id="late", age=timedelta(hours=48)) == 1
    assert await pager.say(f"incident-{number}", id="late", age=timedelta(hours=48)) == 0
    assert len(await pager.heard(number)) == 1
    with pytest.raises(Unverified):
        await pager.say(f"incident-{number}", age=timedelta(hours=50))


async def test_the_pager_s_own_api_says_what_a_page_is_whose_title_was_changed(
    pager: Pager, temporal_dev: Client
) -> None:
    number = await pager.incident()
    with running() as standins:
        config = pager_config(standins.pager.url)
        PagerDutyClient(config).page(Page(dedup_key=f"incident-{number}:1:2", summary="P0", severity="critical"))
        reader = PagerDutyAlerts(config.model_copy(update={"api_url": standins.pager.url, "api_token": API_TOKEN}))
        (alert,) = standins.pager.see("alerts")["alerts"]
        hook = PagerHook(temporal_dev, pager.db, "pagerduty", [SECRET], reader)
        now = datetime.now(UTC)
        for name in (f"P{alert['id']:06}", "PGONE"):
            said = {"act": "acknowledged", "key": "", "incident": name, "by": "p"}
            said["received"] = said["at"] = now.isoformat()
            await hook.act(Delivery(id=f"e-{name}", payload=said))

    (signal,) = await pager.heard(number)
    assert (signal["signal"], signal["page"]) == ("page_acknowledged", f"incident-{number}:1:2")


async def test_a_delivery_that_comes_twice_is_one(pager: Pager) -> None:
    number = await pager.incident()
    assert await pager.say(f"incident-{number}", id="e1") == 1
    assert await pager.say(f"incident-{number}", id="e1") == 0
    assert len(await pager.heard(number)) == 1


async def test_what_was_acted_on_and_not_noted_is_told_again_under_the_same_id(pager: Pager) -> None:
    """The process that died in between: the incident drops the second by its id."""
    number = await pager.incident()
    body = {"act": "acknowledged", "key": f"incident-{number}", "by": "p", "received": datetime.now(UTC).isoformat()}
    delivery = Delivery(id="e1", about=f"incident-{number}", payload=body)
    await pager.hook.act(delivery)
    await pager.hook.act(delivery)

    assert [signal["id"] for signal in await pager.heard(number)] == ["pager:e1", "pager:e1"]


async def test_resolved_at_the_pager_somebody_has_it_and_the_incident_is_not_resolved_by_that(pager: Pager) -> None:
    number = await pager.incident()
    await pager.say(f"incident-{number}", "resolved")
    assert [signal["signal"] for signal in await pager.heard(number)] == ["page_acknowledged"]


@pytest.mark.parametrize("act", ["escalated", "reassigned"])
async def test_where_a_page_went_at_the_pager_is_on_record_and_no_acknowledgement(pager: Pager, act: str) -> None:
    number = await pager.incident()
    assert await pager.say(f"incident-{number}", act) == 1
    assert await pager.heard(number) == []


async def test_an_incident_that_is_over_or_was_never_ours_is_normal(pager: Pager) -> None:
    for key in ("incident-999999999", "incident-0", "incident-x", "incident-99999999999999", "whatever"):
        assert await pager.say(key) == 1
    with pager.db.session() as session:
        rows = session.execute(text("SELECT handled_at, error FROM inbox")).all()
    assert all(row.handled_at and not row.error for row in rows)


async def test_an_open_incident_whose_workflow_does_not_run_hears_of_it_later(pager: Pager) -> None:
    number = await pager.incident()
    pager.pages(number)
    await pager.end()
    await pager.say(f"incident-{number}")
    with pager.db.session() as session:
        (row,) = session.execute(text("SELECT handled_at, not_before, error FROM inbox")).all()
    assert (row.handled_at, row.error) == (None, "NotRunning")
    assert row.not_before is not None


async def test_the_page_of_an_area_leads_to_the_incident_that_took_it_over(pager: Pager) -> None:
    number = await pager.incident()
    with pager.db.begin() as session:
        row = {"number": number, "area": "API", "separate_key": "", "opened_at": datetime.now(UTC)}
        session.execute(insert(IncidentRow).values(**row, page_keys=["area-api", f"incident-{number}"]))
    await pager.say("area-api")
    assert len(await pager.heard(number)) == 1


async def test_what_is_answered_before_the_incident_has_taken_the_page_over_is_not_lost(pager: Pager) -> None:
    """Both come when the database is back; who has answered is not paged once more."""
    number, now = await pager.incident(), datetime.now(UTC)
    answered = {"act": "acknowledged", "key": "area-api", "by": "p", "received": now.isoformat()}
    delivery = Delivery(id="e1", about="area-api", payload=answered)
    with pager.db.begin() as session:
        row = {"area": "API", "opened_at": now, "page_keys": ["area-api"]}
        earlier = {"number": number + 1, "separate_key": "", "closed_at": now - timedelta(days=1)}
        session.execute(insert(IncidentRow).values(**row | earlier))  # that one is over: it is not about it
    with pytest.raises(NotYet):
        await pager.hook.act(delivery)
    with pager.db.begin() as session:
        session.execute(insert(IncidentRow).values(number=number, separate_key="x", **row))
    await pager.hook.act(delivery)
    assert len(await pager.heard(number)) == 1

    late = answered | {"key": "area-other", "received": (now - timedelta(minutes=3)).isoformat()}
    assert await pager.hook.act(Delivery(id="e2", about="area-other", payload=late)) is None


async def test_without_a_signature_that_fits_nothing_is_kept(pager: Pager) -> None:
    number = await pager.incident()
    with pytest.raises(Unverified):
        await pager.say(f"incident-{number}", secret=SecretStr("guessed"))
    assert await pager.heard(number) == []


def test_what_is_genuine_and_says_nothing_is_told_apart_from_what_is_forged(pager: Pager) -> None:
    body = b"{}"
    digest = hmac.digest(SECRET.get_secret_value().encode(), body, "sha256").hex()
    with pytest.raises(Unreadable):
        pager.hook.accept({"x-pagerduty-signature": f"v1={digest}"}, body, datetime.now(UTC))


async def test_a_pager_of_another_make_speaks_standard_webhooks(pager: Pager, temporal_dev: Client) -> None:
    number, now = await pager.incident(), datetime.now(UTC)
    hook = PagerHook(temporal_dev, pager.db, "webhook", [SIGNING])
    for place, data in enumerate(({"by": "u17"}, {}, {"by": "rule-4", "machine": True}), 1):
        said = {"type": "page.acknowledged", "timestamp": now.isoformat()}
        body = json.dumps(said | {"data": {"dedup_key": f"incident-{number}"} | data}).encode()
        (delivery,) = hook.accept(headers_for(SIGNING, f"m{place}", now, body), body, now)
        await hook.act(delivery)

    person, nobody, machine = await pager.heard(number)
    assert (person["signal"], person["id"], person["by"]) == ("page_acknowledged", "pager:m1", "u17")
    assert [(one["signal"], one["what"]) for one in (nobody, machine)] == [("pager_acted", "acknowledged")] * 2


@pytest.mark.parametrize("act", ["escalated", "reassigned"])
async def test_a_page_that_was_passed_on_and_rings_again_is_nobodys(pager: Pager, act: str) -> None:
    number = await pager.incident()
    await pager.say(f"incident-{number}", act, status="triggered")
    (signal,) = await pager.heard(number)
    assert (signal["signal"], signal["what"]) == ("pager_acted", "escalated")

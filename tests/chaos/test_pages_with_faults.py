"""Pages over real sockets, with faults: nobody is woken twice for one step of the ladder, and nobody is left asleep."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
import requests

from activities.pager import INSTEAD
from domain.incident.state import Incident
from domain.incident.state import workflow_id as incident_id
from integrations.standins.run import PAGER_SECRET
from store.database import lock
from tests.support.people import Office, Offices, RealTicket, foreseen
from tests.support.processes import Processes, without
from tests.support.scale import SCALE
from tests.support.waiting import RPC_PATIENCE, until

pytestmark = pytest.mark.long

LADDER = [("", "on-call"), (":1:2", "on-call"), (":2:1", "next level"), (":3:1", "manager")]
"""The key of each step behind the incident's id, and the service that it wakes."""


class RealIncident:
    """A P0, its incident, and whom it woke."""

    def __init__(self, case: RealTicket) -> None:
        self.case = case
        self.house = case.house
        self.office = case.office

    @classmethod
    async def begins(cls, people: Office, **form: str) -> "RealIncident":
        return cls(await people.open("premium", "P0", **form))

    async def number(self) -> int:
        async def look() -> int | None:
            return next(iter(self.office.incidents(self.case.id)), None)

        return await until(look, "an incident is open")

    def alerts(self) -> list[dict[str, Any]]:
        """Every alert of every step."""
        keys = {incident_id(number) for number in self.office.incidents(self.case.id)}
        alerts: list[dict[str, Any]] = self.house.pager.see("alerts")["alerts"]
        return [alert for alert in alerts if alert["dedup_key"].partition(":")[0] in keys]

    def steps(self) -> list[tuple[str, str]]:
        """The key of each alert behind the incident's id, and its service, in the order in which they were opened."""
        told = [(alert["dedup_key"].partition(":"), alert["service"]) for alert in self.alerts()]
        return [(f"{colon}{rest}", service) for (_, colon, rest), service in told]

    def elsewhere(self) -> list[str]:
        """The summaries of the pages that the second channel took."""
        keys = {incident_id(number) for number in self.office.incidents(self.case.id)}
        pages = self.house.chat.see("messages")["pages"]
        mine = [page["data"] for page in pages if page["type"] == "page.trigger"]
        return [page["summary"] for page in mine if page["dedup_key"].partition(":")[0] in keys]

    async def until_step(self, count: int) -> list[dict[str, Any]]:
        async def look() -> list[dict[str, Any]] | None:
            alerts = self.alerts()
            return alerts if len(alerts) >= count else None

        return await until(look, f"{count} steps are paged")

    async def see(self) -> Incident:
        handle = self.office.client.get_workflow_handle(incident_id(await self.number()))
        seen: Incident = await handle.query("incident", result_type=Incident, rpc_timeout=RPC_PATIENCE)
        return seen

    async def until(self, what: str, condition: Callable[[Incident], Any]) -> Incident:
        async def look() -> Incident | None:
            incident = await self.see()
            return incident if condition(incident) else None

        return await until(look, f"the incident is {what}", among=(Exception,))

    async def acknowledge(self) -> None:
        """Somebody takes it on, and the pager has heard so: what this test sends is no part of the next one's story."""
        await self.office.respond_to(await self.number(), "acknowledge")
        busy = {"page", "page_elsewhere", "acknowledge_pages"}
        await self.until(
            "taken on", lambda i: i.acknowledged_at and not busy & {effect.kind for effect in i.pending_effects}
        )


@pytest_asyncio.fixture
async def hasty(house: Processes) -> AsyncIterator[Processes]:
    """The house with the default policy: the second channel is asked after three seconds at this speed."""
    await house.replace("worker", TIERLINE_POLICY="", TIERLINE_SPEED="30")
    yield house
    await house.replace("worker")


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "commit_then_drop", "times": 2},
        {"kind": "commit_then_504", "times": 2},
        {"kind": "rate_limited", "times": 2},
        {"kind": "server_error", "times": 2},
        {"kind": "slow", "seconds": 1, "times": 2},
    ],
    ids=lambda fault: str(fault["kind"]),
)
async def test_whatever_the_pager_does_one_alert_wakes_one_step(
    house: Processes, office: Offices, fault: dict[str, Any]
) -> None:
    people = await office(60)
    failing, form = foreseen()
    house.pager.fault(path="/v2/enqueue", says=failing, **fault)
    outage = await RealIncident.begins(people, **form)

    await outage.until("paged", lambda i: i.pages and i.pages[0].state == "accepted")
    await outage.acknowledge()

    steps = outage.steps()
    assert steps
    assert steps == LADDER[: len(steps)]
    assert outage.elsewhere() == []


@pytest.mark.parametrize("protection", ["", "one key for all tries of a page"])
async def test_the_key_is_what_keeps_a_repeat_from_waking_people_again(
    house: Processes, office: Offices, protection: str
) -> None:
    """The negative control: with another key for each try, the same story has two alerts for one step."""
    people = await office(60)
    await house.replace("worker", **without(protection))
    failing, form = foreseen()
    house.pager.fault("commit_then_drop", path="/v2/enqueue", times=1, says=failing)
    outage = await RealIncident.begins(people, **form)
    try:
        await outage.until("paged", lambda i: i.pages and i.pages[0].state == "accepted")
        await outage.acknowledge()
        first = [key for key, service in outage.steps() if service == "on-call" and not key.startswith(":1:2")]
        assert len(first) == (2 if protection else 1)
    finally:
        await house.replace("worker")


async def test_a_pager_that_is_down_falls_over_to_the_second_channel_which_says_so(
    hasty: Processes, office: Offices
) -> None:
    """After three seconds at this speed. When the pager is back, that step is not paged again; the next one is."""
    people = await office(60)
    hasty.pager.fault("down")
    outage = await RealIncident.begins(people)

    async def taken() -> list[str] | None:
        return outage.elsewhere() or None

    assert (await until(taken, "the second channel has it"))[0].startswith(INSTEAD)
    await outage.until("paged elsewhere", lambda i: i.pages[0].state == "elsewhere")
    assert len(outage.elsewhere()) == 1
    hasty.pager.clear()
    await outage.until_step(1)
    await outage.acknowledge()

    assert ("", "on-call") not in outage.steps()
    assert outage.steps()[0] in LADDER[1:]


async def test_with_both_channels_down_whichever_is_back_first_wakes_somebody(
    hasty: Processes, office: Offices
) -> None:
    people = await office(60)
    hasty.pager.fault("down")
    hasty.chat.fault("down", path="/page")
    outage = await RealIncident.begins(people)
    await outage.until("failing at the pager", lambda i: i.pages and i.pages[0].state == "failed")

    hasty.pager.clear()
    await outage.until_step(1)
    assert outage.elsewhere() == []
    hasty.chat.clear()
    await outage.acknowledge()


async def test_a_worker_killed_at_random_climbs_the_whole_ladder_and_wakes_each_step_once(
    house: Processes, office: Offices
) -> None:
    people = await office(60)
    # A step is a quarter of a minute. A worker may be away for longer than that, so there is no second channel here.
    await house.replace("worker", TIERLINE_SPEED="20", SECOND_URL="", ROOM_URL="")
    moments = random.Random(5)
    outages = [await RealIncident.begins(people) for _ in range(3)]
    try:
        for _ in range(3 * SCALE):
            await asyncio.sleep(moments.uniform(0.2, 3.0))  # the random moment
            house.kill("worker")
            await house.up("worker")
        for outage in outages:
            await outage.until_step(len(LADDER))
            await outage.until("unanswered", lambda i: i.unanswered)
            # A page whose attempt died with the worker is tried again later, so the next one may come before it.
            assert sorted(outage.steps()) == LADDER
            await outage.acknowledge()
    finally:
        await house.replace("worker")


async def test_m7_a_p0_of_an_acknowledged_incident_whose_join_is_slow_pages_nobody_again(
    house: Processes, office: Offices
) -> None:
    """The area's lock is held for longer than a ticket once waited before it had its area paged, and the worker is
    killed meanwhile: joining is slow then, the database is not down."""
    people = await office(1)
    area = uuid4().hex[:12]
    await house.replace("worker", TIERLINE_SPEED="1")
    first = await RealIncident.begins(people, product_area=area)
    try:
        await first.until_step(1)
        await first.acknowledge()
        with people.db.begin() as session:
            lock(session, "incident", area, "")
            began = datetime.now(UTC)
            second = await RealIncident.begins(people, product_area=area)
            house.kill("worker")
            await house.up("worker")
            await until(lambda: datetime.now(UTC) - began > timedelta(seconds=16), "joining has taken that long")
            house.kill("worker")
            await house.up("worker")

        assert await second.number() == await first.number()
        await first.until("joined by both", lambda i: len(i.tickets) == 2 and all(t.notified_up_to for t in i.tickets))
        assert first.steps() == LADDER[:1]
        keys = [alert["dedup_key"] for alert in house.pager.see("alerts")["alerts"]]
        assert [key for key in keys if key.startswith("area-")] == []
        assert first.elsewhere() == []
    finally:
        await house.replace("worker")


async def test_whoever_acknowledges_at_the_pager_stops_the_ladder(house: Processes, office: Offices) -> None:
    """By the signed webhook of the pager, through the API. What is resolved there is still ours to resolve."""
    people = await office(60)
    await house.up("api")
    house.pager.subscribe(f"{house.api_url}/webhooks/pager", PAGER_SECRET.get_secret_value())
    outage = await RealIncident.begins(people)
    alert = (await outage.until_step(1))[0]

    click(house, alert, "acknowledge")

    incident = await outage.until("acknowledged", lambda i: i.state == "acknowledged")
    assert incident.next_page is None
    click(house, alert, "resolve")  # somebody tidies up at the pager: the incident is still ours to resolve
    await people.respond_to(incident.number, "mitigate")
    assert (await outage.see()).state == "mitigated"
    steps = outage.steps()
    assert steps == LADDER[: len(steps)]


def click(house: Processes, alert: dict[str, Any], act: str) -> None:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(f"{house.pager.url}/alerts/{alert['id']}", data={"act": act}, timeout=60,
                              allow_redirects=False)  # fmt: skip
    assert answer.status_code == 303


async def test_with_everything_but_the_pager_down_somebody_is_woken_and_what_fails_is_shown(
    house: Processes, office: Offices
) -> None:
    """Jira and the room fail: that is degraded, with a retry, and no page waits for it."""
    people = await office(60)
    await house.replace("worker", TIERLINE_SPEED="60")
    house.jira.fault("server_error")
    house.chat.fault("server_error", path="/room")
    outage = await RealIncident.begins(people)
    try:
        await outage.until_step(1)
        await outage.acknowledge()
        # Ten minutes of the policy, ten seconds here.
        incident = await outage.until("degraded", lambda i: {"issue", "room"} <= {e.kind for e in i.degraded})
        assert incident.state == "acknowledged"
        house.jira.clear()
        house.chat.clear()
        healed = await outage.until("whole again", lambda i: not i.pending_effects)
        assert healed.issue_key
    finally:
        await house.replace("worker")

"""Incidents over HTTP: declared once for an area, given every command, listed page by page, read."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from temporalio.client import Client

from domain.core.enums import Role
from tests.support.served_api import Api
from tests.support.waiting import RPC_PATIENCE, until


class ApiIncident:
    """One incident, by its address."""

    def __init__(self, api: Api, number: int) -> None:
        self.api = api
        self.number = number
        self.path = f"/api/v1/incidents/{number}"

    async def act(self, name: str, role: Role = Role.ENGINEER, key: str | None = None, **body: Any) -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        return await self.api.post(f"{self.path}/{name}", body, role=role, headers=headers)

    async def see(self) -> Any:
        return (await self.api.get(self.path)).json()

    async def seen(self, condition: Callable[[Any], Any]) -> Any:
        """As soon as it meets the condition."""

        async def met() -> Any:
            seen = await self.see()
            return seen if condition(seen) else None

        return await until(met)


async def declared(api: Api, area: str, priority: str = "P1") -> ApiIncident:
    response = await api.post("/api/v1/incidents", {"product_area": area, "priority": priority}, role=Role.ENGINEER)
    assert response.status_code == 201, response.text
    return ApiIncident(api, response.json()["incident"])


async def test_an_incident_is_declared_once_while_it_is_open_for_its_area(api: Api) -> None:
    form = {"product_area": "Declared twice", "priority": "P0"}

    first = await api.post("/api/v1/incidents", form)
    again = await api.post("/api/v1/incidents", form)

    assert (first.status_code, again.status_code) == (201, 200)
    number = first.json()["incident"]
    assert again.json() == {"incident": number, "created": False}
    assert first.headers["Location"] == f"/api/v1/incidents/{number}"
    seen = await ApiIncident(api, number).see()
    assert (seen["id"], seen["product_area"], seen["priority"], seen["live"]) == (
        f"incident-{number}", "Declared twice", "P0", True,
    )  # fmt: skip
    wrong = await api.post("/api/v1/incidents", {"priority": "P2"})
    assert (wrong.status_code, list(wrong.json()["fields"])) == (422, ["priority"])
    await ApiIncident(api, number).act("cancel", reason="Enough.")


async def test_g6_one_person_declares_so_many_and_is_told_what_to_do_about_the_next(
    serve: Callable[..., AbstractAsyncContextManager[Api]], shared_database: str, temporal_dev: Client, working: None
) -> None:
    async with serve(shared_database, temporal_dev) as api:
        eager, calm = (api.token(Role.AGENT, name=name) for name in ("too-eager", "calm"))

        async def declares(area: str, token: str) -> Any:
            return await api.post("/api/v1/incidents", {"product_area": area}, token=token)

        answers = [await declares(f"Eager {n}", eager) for n in range(4)]
        again = await declares("Eager 0", eager)
        another = await declares("Eager 3", calm)
        for answer in (*answers[:3], another):
            await ApiIncident(api, answer.json()["incident"]).act("cancel", reason="Enough.")

    assert [answer.status_code for answer in answers] == [201, 201, 201, 409]
    assert answers[3].json()["type"] == "urn:tierline:does_not_fit"
    assert "too-eager has opened 3 incidents within 10 min" in answers[3].json()["detail"]
    assert "incidents.opened_by_one" in answers[3].json()["detail"]
    assert (again.status_code, another.status_code) == (200, 201)


async def test_who_acts_is_what_the_token_says_and_a_refusal_says_what_is_allowed(api: Api) -> None:
    outage = await declared(api, "Who acts")

    taken = await outage.act("acknowledge", comment="Looking.")
    refused = await outage.act("acknowledge", role=Role.LEAD)
    named = await outage.act("hand_over", to="ben", by="somebody")
    missing = await outage.act("update")
    posted = await outage.act("update", status="We found it.")
    not_theirs = await outage.act("approve", role=Role.AGENT)
    approved = await outage.act("approve", role=Role.LEAD)

    assert (taken.status_code, taken.json()["did"], taken.json()["state"]) == (200, ["acknowledged"], "acknowledged")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:tierline:does_not_fit")
    assert "mitigate" in refused.json()["would_fit"]
    assert (named.status_code, missing.json()["missing"]) == (403, ["status"])
    assert (posted.status_code, not_theirs.status_code, approved.status_code) == (200, 403, 200)
    row = next(row for row in reversed(api.refusals()) if row.code == "does_not_fit")
    assert (row.command, row.actor_id, row.channel) == (f"incident-{outage.number} acknowledge", "lead-1", "api")
    await outage.act("cancel", reason="Enough.")
    told = await timeline(outage, "cancelled")
    by = {entry["type"]: (entry["by"], entry["role"]) for entry in told}
    assert (by["acknowledged"], by["update_approved"]) == (("engineer-1", "engineer"), ("lead-1", "lead"))


async def timeline(outage: ApiIncident, kind: str, limit: int = 100) -> list[dict[str, Any]]:
    """All of it, page by page, once it has an event of this type: the journal follows within moments."""

    async def read() -> list[dict[str, Any]] | None:
        entries: list[dict[str, Any]] = []
        after: int | None = 0
        while after is not None:
            page = (await outage.api.get(f"{outage.path}/timeline?limit={limit}&after={after}")).json()
            assert len(page["entries"]) <= limit
            entries += page["entries"]
            after = page["next"]
        return entries if kind in [entry["type"] for entry in entries] else None

    found: list[dict[str, Any]] = await until(read)
    return found


async def test_the_same_key_gets_the_first_answer_also_when_it_was_the_end(api: Api) -> None:
    outage = await declared(api, "Sent again")
    first = await outage.act("acknowledge", key="ack-1")
    again = await outage.act("acknowledge", key="ack-1")
    last = await outage.act("cancel", key="cancel-1", reason="A false alarm.")
    await timeline(outage, "cancelled")
    await outage.seen(lambda seen: not seen["live"] and not seen["outstanding"])
    sent_again = await outage.act("cancel", key="cancel-1", reason="A false alarm.")
    another = await outage.act("cancel", reason="A false alarm.")

    assert (first.status_code, again.json()) == (200, first.json())
    assert (last.status_code, sent_again.status_code, sent_again.json()) == (200, 200, last.json())
    assert (another.status_code, another.json()["type"]) == (409, "urn:tierline:closed")


async def test_a_timeline_is_read_page_by_page_in_words(api: Api) -> None:
    outage = await declared(api, "Paged", "P0")
    await outage.act("acknowledge", comment="Looking.")
    await outage.act("cancel", reason="A false alarm.")
    whole = await timeline(outage, "cancelled")
    assert [entry["seq"] for entry in whole] == list(range(1, len(whole) + 1))
    assert (await timeline(outage, "cancelled", limit=2))[: len(whole)] == whole
    said = [entry["told"] for entry in whole if entry["told"]]
    assert said[0] == f"P0 in Paged: incident-{outage.number} was declared. Commander: on-call."
    assert "Acknowledged by engineer-1.\nLooking." in said


async def test_incidents_are_listed_the_newest_first_filtered_and_page_by_page(api: Api) -> None:
    area = "A list of its own"
    outages = []
    for priority in ("P0", "P1", "P1"):
        outage = await declared(api, area, priority)
        outages.append(outage.number)
        if len(outages) < 3:
            await outage.act("cancel", reason="Enough.")
            # The area is free for the next one.
            await outage.seen(lambda seen: seen["state"] == "cancelled" and "close" not in seen["outstanding"])

    async def numbers(**params: Any) -> list[int]:
        found: list[int] = []
        after = None
        while True:
            asked = {"area": area, "after": after} | params
            page = (await api.get("/api/v1/incidents", params=asked, role=Role.CSM)).json()
            found += [line["number"] for line in page["incidents"]]
            after = page["next"]
            if after is None:
                return found

    async def journalled() -> bool:
        return len(await numbers(state="cancelled")) == 2 and bool(await numbers())

    await until(journalled)
    assert await numbers() == outages[2:]
    for limit in (1, 2, 3):
        assert await numbers(ended=True, limit=limit) == outages[::-1]
    assert await numbers(ended=True, priority="P0") == outages[:1]
    assert await numbers(state="cancelled") == outages[1::-1]
    await ApiIncident(api, outages[2]).act("cancel", reason="Enough.")


async def test_a_ticket_joins_one_incident_and_there_must_be_one(api: Api) -> None:
    """In two, it would tell what it owes to one of them, and the other could never be resolved (G6)."""
    ticket = await api.open()
    first, second = await declared(api, "Joined"), await declared(api, "Joined as well")

    typed = ticket.replace("-", "").upper()
    joined = await first.act("join", ticket=typed)
    assert joined.status_code == 200
    await first.seen(lambda seen: [one["id"] for one in seen["tickets"] if one["told"]] == [ticket])

    async def told() -> bool:
        return "incident_changed" in (await api.get(f"/api/v1/tickets/{ticket}/timeline")).text

    await until(told)
    refused = await second.act("join", ticket=ticket)
    unknown = await second.act("join", ticket="0000-0000-0000")

    assert (
        refused.json()["detail"] == f"ticket-{ticket} is part of incident-{first.number}: let it leave that one first"
    )
    assert (unknown.status_code, unknown.json()["type"]) == (404, "urn:tierline:not_found")
    left = await first.act("leave", ticket=typed, reason="Another cause.")
    assert (left.status_code, left.json()["did"]) == (200, ["ticket_left"]), left.text
    for outage in (first, second):
        assert (await outage.act("cancel", reason="Enough.")).status_code == 200


@pytest.mark.parametrize("number", ["999999999", "nonsense", "incident-", "-1"])
async def test_what_there_is_not_is_not_found(api: Api, number: str) -> None:
    outage = ApiIncident(api, 0)
    outage.path = f"/api/v1/incidents/{number}"
    for response in (
        await api.get(outage.path), await api.get(f"{outage.path}/timeline"), await outage.act("acknowledge"),
    ):  # fmt: skip
        assert (response.status_code, response.json()["type"]) == (404, "urn:tierline:not_found")


async def test_an_incident_has_its_name_as_people_say_it(api: Api) -> None:
    outage = await declared(api, "By name")
    assert (await api.get(f"/api/v1/incidents/incident-{outage.number}")).json()["number"] == outage.number
    await outage.act("cancel", reason="Enough.")


async def test_a_command_that_ended_an_incident_gets_its_first_answer_from_another_process_too(
    api: Api, serve: Callable[..., AbstractAsyncContextManager[Api]], shared_database: str, temporal_dev: Client
) -> None:
    incident = await declared(api, "Ended and asked again")
    first = await incident.act("cancel", key="cancel-1", reason="A false alarm.")
    assert first.status_code == 200
    handle = temporal_dev.get_workflow_handle(f"incident-{incident.number}")
    await handle.result(rpc_timeout=RPC_PATIENCE)

    async with serve(shared_database, temporal_dev) as another:
        again = await ApiIncident(another, incident.number).act("cancel", key="cancel-1", reason="A false alarm.")
        other = await ApiIncident(another, incident.number).act("cancel", key="cancel-2", reason="A false alarm.")

    assert (again.status_code, again.json()) == (200, first.json())
    assert (other.status_code, other.json()["type"]) == (409, "urn:tierline:closed")

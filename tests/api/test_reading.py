"""What is read comes from the journal; Temporal says whether the workflow runs; nobody is queried needlessly."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from domain.core.enums import Role
from domain.ticket.state import workflow_id
from tests.support.served_api import Api
from tests.support.timeskipping import Namespaces
from tests.support.waiting import until
from workers.embedded.temporal import free_port
from workflows import ports
from workflows.ticket.workflow import TicketWorkflow

Serve = Callable[..., AbstractAsyncContextManager[Api]]


async def seen_when(api: Api, path: str, condition: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """What is read, as soon as it is so."""

    async def met() -> dict[str, Any] | None:
        seen: dict[str, Any] = (await api.get(path)).json()
        return seen if condition(seen) else None

    found: dict[str, Any] = await until(met)
    return found


def path_of(ticket: str) -> str:
    return f"/api/v1/tickets/{ticket}"


async def test_a_ticket_is_read_while_no_worker_runs(
    serve: Serve, database_url: str, temporal_namespaces: Namespaces
) -> None:
    client = await temporal_namespaces.fresh()
    async with serve(database_url, client) as api:
        ticket = await api.open(subject="Export fails")

        seen = (await api.get(path_of(ticket))).json()

    assert (seen["subject"], seen["live"], seen["workflow_status"]) == ("Export fails", True, "running")


async def test_what_a_worker_was_asked_by_readers_is_nothing_unless_the_journal_is_behind(
    serve: Serve, database_url: str, temporal_namespaces: Namespaces
) -> None:
    """The journal stands still here: only the workflow knows of the note."""
    client = await temporal_namespaces.fresh()
    held = asyncio.Event()

    @activity.defn(name=ports.RECORD_EVENTS.name)
    async def record_events(request: ports.JournalRequest) -> ports.Nothing:
        await held.wait()
        raise ApplicationError("Mr. Smith <smith@example.com> has locked the table", type="DatabaseDown")

    async with (
        serve(database_url, client) as api,
        Worker(client, task_queue=ports.TICKETS, workflows=[TicketWorkflow], activities=[record_events]),
    ):
        ticket = await api.open()
        answer = (await api.post(f"{path_of(ticket)}/note", {"text": "Seen."})).json()

        plain = (await api.get(path_of(ticket))).json()
        asked = (await api.get(f"{path_of(ticket)}?seq={answer['seq']}")).json()
        too_far = await api.get(f"{path_of(ticket)}?seq={10**10}")

        assert (plain["seq"], asked["seq"], too_far.status_code) == (1, answer["seq"], 422)
        assert plain["live"]
        assert asked["live"]

        held.set()
        waits = await seen_when(api, path_of(ticket), lambda seen: seen["pending_activities"])
        [waiting] = waits["pending_activities"]
        assert waiting["activity"] == ports.RECORD_EVENTS.name
        assert waiting["attempt"] >= 2
        assert waiting["reason"].endswith("<[e-mail address removed]> has locked the table")
        await client.get_workflow_handle(workflow_id(ticket)).terminate()


async def test_a_ticket_whose_workflow_was_terminated_says_that_its_clocks_stand_still(
    api: Api, temporal_dev: Client
) -> None:
    ticket = await api.open()
    await temporal_dev.get_workflow_handle(workflow_id(ticket)).terminate("by a test")

    seen = (await api.get(path_of(ticket))).json()

    assert (seen["live"], seen["workflow_status"], seen["status"]) == (False, "terminated", "new")
    assert seen["note"] == (
        "the workflow of this ticket is not running (terminated): its clocks stand still until it is resumed"
    )


async def test_an_incident_whose_workflow_was_terminated_says_so(api: Api, temporal_dev: Client) -> None:
    declared = {"product_area": "Terminated", "priority": "P1"}
    number = (await api.post("/api/v1/incidents", declared, role=Role.ENGINEER)).json()["incident"]
    path = f"/api/v1/incidents/{number}"
    await seen_when(api, path, lambda seen: seen.get("seq"))
    await temporal_dev.get_workflow_handle(f"incident-{number}").terminate("by a test")

    seen = await seen_when(api, path, lambda seen: not seen.get("live", True))

    assert (seen["workflow_status"], seen["note"].partition(":")[0]) == (
        "terminated",
        "the workflow of this incident is not running (terminated)",
    )


async def test_without_temporal_the_journal_is_shown_with_a_note(api: Api, serve: Serve, shared_database: str) -> None:
    ticket = await api.open(subject="Still there")
    async with serve(shared_database, f"127.0.0.1:{free_port()}") as alone:
        seen = (await alone.get(path_of(ticket))).json()

    assert (seen["subject"], seen["live"], seen["workflow_status"]) == ("Still there", False, "unknown")
    assert seen["note"].startswith("Temporal does not answer")
    assert seen["note"].endswith("; this is what the journal knows")

"""An incident's life: one page for many tickets, every change told once, and nobody left behind."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from domain.incident import Incident
from domain.words import Priority
from tests.support.timeskipping import VirtualTime
from tests.workflow.stage import Handle, Stage, on_stage, play_all, until
from workflows import ports
from workflows import search_attributes as sa
from workflows.incident import IncidentStart, IncidentWorkflow, Join

PAGE = ports.PAGE.name


class Response:
    """One incident on the stage, and what the world heard of it."""

    def __init__(self, stage: Stage, area: str = "API") -> None:
        self.world = stage.world
        self._client = stage.time.client
        self.number = int(uuid4().int % 10**9)
        self.key = f"incident-{self.number}"
        self._start = IncidentStart(incident=Incident(number=self.number, product_area=area, priority=Priority.P0))
        self.handle: Handle = self._client.get_workflow_handle(self.key)

    async def join(self, ticket: str) -> None:
        """Join as the activity does: with the start of the workflow, or as a Signal to the one that runs."""
        await self._client.start_workflow(
            IncidentWorkflow.run,
            self._start,
            id=self.key,
            task_queue=ports.TICKETS,
            start_signal="join",
            start_signal_args=[Join(ticket=ticket, effect_key=f"ticket-{ticket}:incident:2", priority=Priority.P0)],
        )

    async def act(self, command: str, **act: Any) -> Any:
        return await self.handle.execute_update(command, {"by": "ron"} | act)

    async def seen(self, condition: Callable[[Incident], Any]) -> Incident:
        async def met() -> Incident | None:
            incident = await self.handle.query("incident", result_type=Incident)
            return incident if condition(incident) else None

        seen: Incident = await until(met)
        return seen

    async def quiet(self) -> Incident:
        """The incident, once it has been paged and everybody was told what there is."""
        return await self.seen(lambda incident: incident.paged and incident.told == incident.version)

    def pages(self) -> list[ports.PageRequest]:
        return [page for page in self.world.pages if page.dedup_key == self.key]

    def told(self, ticket: str) -> list[tuple[int, str]]:
        """What a ticket makes of what it was told: each version once."""
        versions = {telling.version: telling.state for telling in self.tellings() if ticket in telling.tickets}
        return sorted(versions.items())

    def tellings(self) -> list[ports.TellRequest]:
        return [telling for telling in self.world.told if telling.number == self.number]


async def many_tickets_join_and_one_page_goes_out(stage: Stage) -> None:
    response = Response(stage)
    await asyncio.gather(*(response.join(f"t{number}") for number in range(12)))
    incident = await response.seen(lambda i: len(i.tickets) == 12 and i.paged and i.told == 1)

    await response.join("t3")  # an effect that was carried out twice

    assert len((await response.quiet()).tickets) == 12
    [page] = response.pages()
    assert (page.severity, page.summary) == ("critical", f"P0 in API: {response.key}")
    assert {response.told(joined.ticket) == [(1, "declared")] for joined in incident.tickets} == {True}


async def every_version_is_told_once_and_who_joins_late_hears_the_latest(stage: Stage) -> None:
    response = Response(stage)
    await response.join("first")
    await response.quiet()
    await response.act("acknowledge")
    await response.quiet()
    before = len(response.tellings())
    await response.act("mitigate", comment="Traffic is on the other site.")
    await response.quiet()
    assert len(response.tellings()) == before + 1

    await response.join("late")
    await response.quiet()

    assert response.told("first") == [(1, "declared"), (2, "acknowledged"), (3, "mitigated")]
    assert response.told("late") == [(3, "mitigated")]
    assert response.tellings()[-1].comment == "Traffic is on the other site."
    assert len(response.pages()) == 1


async def resolve_ends_the_page_and_closes_the_row(stage: Stage) -> None:
    response = Response(stage)
    await response.join("t1")
    await response.quiet()
    assert (await response.act("resolve", comment="It was DNS."))["state"] == "resolved"

    end = await response.handle.result()

    assert (end["state"], end["told"], end["version"]) == ("resolved", 2, 2)
    assert response.told("t1") == [(1, "declared"), (2, "resolved")]
    assert [page.dedup_key for page in response.world.ended if page.dedup_key == response.key] == [response.key]
    assert [row.number for row in response.world.closed if row.number == response.number] == [response.number]
    known = (await response.handle.describe()).typed_search_attributes
    assert (known[sa.STATUS], known[sa.WAITS_ON], known[sa.REFS]) == ("resolved", "nobody", [response.key])


async def who_joins_while_it_ends_is_told_as_well(stage: Stage) -> None:
    response = Response(stage)
    await response.join("t1")
    await response.quiet()
    response.world.held[f"close-{response.number}"] = asyncio.Event()
    await response.act("cancel")
    await until(lambda: _true(any(row.number == response.number for row in response.world.closed)))
    await response.join("late")
    await response.seen(lambda incident: len(incident.tickets) == 2)

    response.world.held.pop(f"close-{response.number}").set()
    await response.handle.result()

    assert response.told("late") == [(2, "cancelled")]


async def what_does_not_fit_is_refused_and_leaves_no_history(stage: Stage) -> None:
    response = Response(stage)
    await response.join("t1")
    await response.act("mitigate")
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await response.act("acknowledge")
    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == "does_not_fit"
    assert refused.value.cause.details[0]["would_fit"] == ["resolve", "cancel"]
    for args in ((), ([],), ("x",), ({"comment": "x" * 20_001},), ({}, {})):
        with pytest.raises(WorkflowUpdateFailedError):
            await response.handle.execute_update("resolve", args=args)

    history = (await response.handle.fetch_history()).events
    accepted = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED
    assert sum(event.event_type == accepted for event in history) == 1
    assert (await response.quiet()).state == "mitigated"


async def a_join_that_cannot_be_read_changes_nothing(stage: Stage) -> None:
    response = Response(stage)
    await response.join("t1")
    for args in ((), ({},), ("t2",), ({"ticket": "t2"}, {}), (b"\x00",)):
        await response.handle.signal("join", args=args)
    await response.act("acknowledge")

    assert [joined.ticket for joined in (await response.quiet()).tickets] == ["t1"]


async def with_the_pager_down_tickets_are_told_and_the_response_goes_on(stage: Stage) -> None:
    response = Response(stage)
    response.world.down[PAGE].add(response.key)
    await response.join("t1")
    await response.act("acknowledge")
    await response.seen(lambda incident: incident.told == 2)
    known = (await response.handle.describe()).typed_search_attributes
    assert known[sa.WAITS_ON] == "pager"
    await response.act("resolve")

    end = await response.handle.result()

    assert (end["state"], end["told"]) == ("resolved", 3)
    assert not response.pages()


async def it_says_what_it_waits_on(stage: Stage) -> None:
    response = Response(stage, area="")
    await response.join("t1")
    await response.quiet()

    known = (await response.handle.describe()).typed_search_attributes

    assert (known[sa.STATUS], known[sa.PRIORITY], known[sa.WAITS_ON]) == ("declared", "P0", "responders")
    assert known[sa.WAITS_SINCE] <= datetime.now(UTC)
    assert response.pages()[0].summary == f"P0 in the service: {response.key}"
    await response.handle.terminate()


async def _true(value: bool) -> bool:
    return value


SCENES = [
    many_tickets_join_and_one_page_goes_out,
    every_version_is_told_once_and_who_joins_late_hears_the_latest,
    resolve_ends_the_page_and_closes_the_row,
    who_joins_while_it_ends_is_told_as_well,
    what_does_not_fit_is_refused_and_leaves_no_history,
    a_join_that_cannot_be_read_changes_nothing,
    with_the_pager_down_tickets_are_told_and_the_response_goes_on,
    it_says_what_it_waits_on,
]


@pytest.mark.parametrize("cached", [1000, 0])
async def test_incidents(temporal_env: VirtualTime, subtests: pytest.Subtests, cached: int) -> None:
    """With no cache every workflow task replays the whole history: what is not deterministic shows."""
    async with on_stage(temporal_env, cached=cached) as stage:
        await play_all(stage, subtests, SCENES)

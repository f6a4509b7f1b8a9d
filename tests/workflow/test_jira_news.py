"""News of issues: what webhooks name is collected for a moment and looked at; the sweep looks at everything."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from tests.support.stage import SUGGESTED
from tests.support.timeskipping import VirtualTime, real_time, virtual_time
from tests.support.waiting import until
from tests.support.world import EXPECTED
from workers.worker import schedule_sweep
from workflows import ports
from workflows.tracker.news import AT_ONCE, IssueNewsWorkflow
from workflows.tracker.sweep import IssueSweepWorkflow


class Jira:
    """The activities that look at issues. They remember what they were asked, and fail as they are told to."""

    def __init__(self) -> None:
        self.looks: list[tuple[str, ...]] = []
        self.pages: list[str] = []
        self.fails: list[ApplicationError] = []
        """What the next looks meet, first to last; then all goes well."""
        self.held: asyncio.Event | None = None
        self.sweep: Callable[[str], ports.LookResult] = lambda _: ports.LookResult(links=0, notified=0)

    def activities(self) -> list[Callable[..., Any]]:
        return [self.read_issues, self.sweep_issues, self.look_for_twins]

    @activity.defn(name=ports.READ_ISSUES.name)
    async def read_issues(self, request: ports.ReadIssuesRequest) -> ports.LookResult:
        if self.fails:
            raise self.fails.pop(0)
        self.looks.append(request.issues)
        if self.held:
            await self.held.wait()
        return ports.LookResult(links=len(request.issues), notified=0)

    @activity.defn(name=ports.SWEEP_ISSUES.name)
    async def sweep_issues(self, request: ports.SweepRequest) -> ports.LookResult:
        self.pages.append(request.after)
        return self.sweep(request.after)

    @activity.defn(name=ports.LOOK_FOR_TWINS.name)
    async def look_for_twins(self, _request: ports.Nothing) -> ports.TwinsResult:
        self.pages.append("twins")
        return ports.TwinsResult(looked=0, twins=0)


class JiraNews:
    """Where news comes in, under a workflow id and on queues of its own."""

    def __init__(self, client: Client, jira: Jira) -> None:
        self.jira = jira
        self.client = client
        self.id = f"jira-news-{uuid4().hex}"
        self.queue = self.id

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        """What collects the news."""
        return self.client.get_workflow_handle(self.id)

    async def hear(self, *issues: Any) -> WorkflowHandle[Any, Any]:
        """Several webhooks, one after the other."""
        for issue in issues:
            await self.client.start_workflow(
                IssueNewsWorkflow.run,
                id=self.id,
                task_queue=self.queue,
                start_signal="issue_changed",
                start_signal_args=[issue],
            )
        return self.handle

    async def sweep(self) -> ports.LookResult:
        result: ports.LookResult = await self.client.execute_workflow(
            IssueSweepWorkflow.run, id=f"sweep-{self.id}", task_queue=self.queue
        )
        return result


@asynccontextmanager
async def at_work(client: Client, *heard: Any) -> AsyncIterator[JiraNews]:
    """An office with workers. What is `heard` before they begin is of one moment, however long it takes to say."""
    jira = Jira()
    office = JiraNews(client, jira)
    await office.hear(*heard)
    workflows = Worker(client, task_queue=office.queue, workflows=[IssueNewsWorkflow, IssueSweepWorkflow])
    looks = Worker(client, task_queue=ports.TRACKER, activities=jira.activities())
    async with workflows, looks:
        yield office


async def test_many_words_of_one_moment_are_one_look_in_which_each_issue_comes_once(temporal_dev: Client) -> None:
    async with at_work(temporal_dev, "1", "2", "1", "3", "2", "1") as office:
        await office.handle.result()

    assert office.jira.looks == [("1", "2", "3")]


async def test_what_is_heard_after_the_end_begins_anew(temporal_dev: Client) -> None:
    async with at_work(temporal_dev) as office:
        await (await office.hear("1")).result()
        await (await office.hear("1")).result()

    assert office.jira.looks == [("1",), ("1",)]


async def test_a_look_takes_so_many_and_the_next_takes_the_rest(temporal_dev: Client) -> None:
    issues = [str(number) for number in range(AT_ONCE + 1)]
    async with at_work(temporal_dev, *issues) as office:
        await office.handle.result()

    assert [len(look) for look in office.jira.looks] == [AT_ONCE, 1]
    assert sorted(issue for look in office.jira.looks for issue in look) == sorted(issues)


async def test_what_changes_while_it_is_looked_at_is_looked_at_again(temporal_dev: Client) -> None:
    async with at_work(temporal_dev) as office:
        office.jira.held = asyncio.Event()
        await office.hear("1")
        await until(lambda: _looked(office, 1))
        handle = await office.hear("1")
        office.jira.held.set()

        await handle.result()

    assert office.jira.looks == [("1",), ("1",)]


async def test_while_jira_is_down_nothing_that_was_heard_is_lost(temporal_dev: Client) -> None:
    async with at_work(temporal_dev, "1", "2") as office:
        down = ApplicationError("down", type="Unreachable", category=EXPECTED)
        office.jira.fails = [down, down]

        await office.handle.result()

    assert office.jira.looks == [("1", "2")]


async def test_what_jira_refuses_to_be_asked_is_left_to_the_sweep(temporal_dev: Client) -> None:
    async with at_work(temporal_dev) as office:
        office.jira.fails = [ApplicationError("no", type=ports.REFUSED, non_retryable=True, category=EXPECTED)]
        handle = await office.hear("1")

        await handle.result()

    assert office.jira.looks == []


async def test_what_waits_is_carried_over_when_the_history_grows_long() -> None:
    async with (
        virtual_time(f"limit.historyCount.suggestContinueAsNew={SUGGESTED}") as time,
        at_work(time.client) as office,
    ):
        office.jira.held = asyncio.Event()
        handle = await office.hear("1")
        await until(lambda: _looked(office, 1))
        issues = [str(number) for number in range(AT_ONCE + 1)]
        await office.hear(*issues)
        office.jira.held.set()

        await handle.result()

        first = await handle.describe()
        runs = [run async for run in office.client.list_workflows(f"WorkflowId='{office.id}'")]
    assert len(runs) > 1, f"{first.run_id} did not continue as new: this proves nothing"
    assert sorted({issue for look in office.jira.looks for issue in look}) == sorted(issues)


@pytest.mark.parametrize("nonsense", [None, 7, {"issue": "1"}, ["1"], b"\x00"])
async def test_what_is_no_issue_is_passed_over(temporal_dev: Client, nonsense: Any) -> None:
    async with at_work(temporal_dev, nonsense, "1") as office:
        await office.handle.result()

    assert office.jira.looks == [("1",)]


async def test_the_sweep_goes_on_page_by_page_to_the_end(temporal_dev: Client) -> None:
    following = {"": "a", "a": "b", "b": None}
    async with at_work(temporal_dev) as office:
        office.jira.sweep = lambda after: ports.LookResult(links=100, notified=1, last=following[after])

        result = await office.sweep()

    assert office.jira.pages == ["", "a", "b", "twins"]
    assert (result.links, result.notified) == (300, 3)


async def test_what_is_out_of_sight_fails_the_sweep_when_every_page_has_had_its_turn(temporal_dev: Client) -> None:
    async with at_work(temporal_dev) as office:
        pages = {
            "": ports.LookResult(links=100, notified=0, out_of_sight=100, last="a"),
            "a": ports.LookResult(links=5, notified=2),
        }
        office.jira.sweep = pages.__getitem__

        with pytest.raises(WorkflowFailureError) as failed:
            await office.sweep()

    assert office.jira.pages == ["", "a", "twins"]
    assert "none of 100 issues" in str(failed.value.cause)


async def test_a_run_of_the_sweep_looks_again_and_again_for_an_hour_and_leaves_the_rest_to_the_schedule(
    temporal_env: VirtualTime,
) -> None:
    async with at_work(temporal_env.client) as office:
        request = ports.SweepRequest(every=timedelta(minutes=30))
        run = await office.client.start_workflow(
            IssueSweepWorkflow.run, request, id=f"sweep-{office.id}", task_queue=office.queue
        )
        await until(lambda: office.jira.pages == ["", "twins"])

        await temporal_env.advance(run, timedelta(minutes=30))
        await run.result()

    assert office.jira.pages == ["", "twins"] * 2


async def test_another_pace_reaches_the_schedule_and_what_somebody_paused_stays_paused() -> None:
    async with real_time() as client:
        await schedule_sweep(client, timedelta(hours=2))
        schedule = client.get_schedule_handle("jira-sweep")
        await schedule.pause(note="Jira is moved.")

        await schedule_sweep(client, timedelta(hours=3))

        known = (await schedule.describe()).schedule
    assert [interval.every for interval in known.spec.intervals] == [timedelta(hours=3)]
    assert known.state.paused


async def _looked(office: JiraNews, times: int) -> bool:
    return len(office.jira.looks) >= times

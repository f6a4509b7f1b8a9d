"""What Temporal says of a workflow is kept for a few seconds for pages, where it runs and nothing hinders it."""

from temporalio.client import Client

from services.reading.running import KEPT_SECONDS, DescribedLately


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_workflow_that_runs_is_asked_about_once_in_some_seconds(temporal_dev: Client) -> None:
    async def connected() -> Client:
        return temporal_dev

    clock = Clock()
    lately = DescribedLately(clock)
    handle = await temporal_dev.start_workflow("Nobody", id="here", task_queue="nobody")
    assert (await lately.of(connected, "here")).status == "running"
    await handle.terminate()
    clock.now = KEPT_SECONDS - 1
    assert (await lately.of(connected, "here")).status == "running"
    clock.now = KEPT_SECONDS
    assert (await lately.of(connected, "here")).status == "terminated"


async def test_what_does_not_run_is_asked_about_each_time(temporal_dev: Client) -> None:
    async def connected() -> Client:
        return temporal_dev

    lately = DescribedLately(Clock())
    assert (await lately.of(connected, "later")).status == "none"
    await temporal_dev.start_workflow("Nobody", id="later", task_queue="nobody")
    assert (await lately.of(connected, "later")).status == "running"

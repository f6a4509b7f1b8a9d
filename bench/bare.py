"""A bare workflow: the same messages, timers and activities as a ticket, and nothing else. What Temporal costs."""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.ports as ports
    import workflows.search_attributes as search_attributes


def _update(name: str) -> Any:
    def update(self: Any, payload: dict[str, Any]) -> str:
        return self.hear(name)

    del update.__annotations__["self"]
    update.__name__ = update.__qualname__ = f"update_{name}"
    return workflow.update(name=name)(update)


@workflow.defn(name="BareWorkflow")
class BareWorkflow:
    """Hears a message, upserts one attribute, runs one activity, and re-arms its timer when a ticket would."""

    def __init__(self) -> None:
        self._heard: list[str] = []
        self._timer: asyncio.Task[None] | None = None

    @workflow.run
    async def run(self, opening: dict[str, Any]) -> str:
        self._arm()
        done = 0
        while "close" not in self._heard[:done]:
            await self._next_message(done)
            done = len(self._heard)
            workflow.upsert_search_attributes([search_attributes.STATUS.value_set(f"{done}")])
            if self._heard[-1] in ("take", "escalate", "resolve"):
                self._arm()
            await workflow.execute_activity(
                ports.RECORD_EVENTS.name,
                {"ticket_id": "x", "run_id": "x", "events": []},
                task_queue=ports.TICKETS,
                start_to_close_timeout=timedelta(seconds=30),
            )
            if done == 5:
                await workflow.execute_activity(
                    ports.CREATE_ISSUE.name,
                    {"ticket_id": "x", "effect_key": "x", "kind": "bug", "seq": 1},
                    task_queue=ports.TRACKER,
                    start_to_close_timeout=timedelta(seconds=30),
                )
        if self._timer:
            self._timer.cancel()
        return "done"

    async def _next_message(self, done: int) -> None:
        await workflow.wait_condition(lambda: len(self._heard) > done)

    take = _update("take")
    respond = _update("respond")
    escalate = _update("escalate")
    resolve = _update("resolve")
    close = _update("close")

    @workflow.signal(name="jira_changed")
    def jira_changed(self, payload: dict[str, Any]) -> None:
        self._heard.append("jira_changed")

    def hear(self, name: str) -> str:
        self._heard.append(name)
        return name

    def _arm(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = asyncio.create_task(workflow.sleep(timedelta(hours=1 + len(self._heard))))

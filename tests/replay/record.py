"""Records the histories that the replay tests replay.

    python -m tests.replay.record                  what has no history yet
    python -m tests.replay.record canonical ...    these again

Workflow code must make of recorded messages what it made of them then. So a history is never edited, and never
recorded again to make a test pass: it is what runs at somebody's right now. When a new path has come in, add its story
to `stories.py` and record it beside the old ones. To record one again is right only while no release has the old one.

What names the machine that recorded (identities, sticky queues, stack traces) is taken out: nothing replays it.
"""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHistory

from tests.replay.stories import IMPATIENT, STORIES, Story
from tests.support.stage import SUGGESTED, on_stage
from tests.support.timeskipping import virtual_time

HISTORIES = Path(__file__).parent.parent / "histories"


def main(names: Sequence[str]) -> None:
    """Record what is missing, or the stories of these names."""
    wanted = [story for story in STORIES + IMPATIENT if story.__name__ in names or not (names or recorded(story))]
    if unknown := set(names) - {story.__name__ for story in wanted}:
        sys.exit(f"no story is called {', '.join(sorted(unknown))}: see tests/replay/stories.py")
    HISTORIES.mkdir(exist_ok=True)
    asyncio.run(_record([story for story in wanted if story in STORIES]))
    impatient = [story for story in wanted if story in IMPATIENT]
    asyncio.run(_record(impatient, f"limit.historyCount.suggestContinueAsNew={SUGGESTED}"))


def recorded(story: Story) -> list[Path]:
    """The histories of a story: one for each of its runs."""
    return sorted(HISTORIES.glob(f"{story.__name__}.*.json"))


async def _record(stories: Sequence[Story], *settings: str) -> None:
    if not stories:
        return
    async with virtual_time(*settings) as time, on_stage(time) as stage:
        for story in stories:
            for number, run in enumerate(await story(stage), start=1):
                history = neutral(await run.fetch_history())
                (HISTORIES / f"{story.__name__}.{number}.json").write_text(history, encoding="utf-8")
            print(f"recorded {story.__name__}")


def neutral(history: WorkflowHistory) -> str:
    """The history as JSON, an event a line, with nothing in it of the machine that it was recorded on."""
    events = _scrubbed(json.loads(history.to_json())["events"])
    return '{"events": [\n' + ",\n".join(json.dumps(event) for event in events) + "\n]}\n"


def _scrubbed(value: Any) -> Any:
    if isinstance(value, list):
        return [_scrubbed(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("kind") == "TASK_QUEUE_KIND_STICKY":
        return value | {"name": "sticky"}
    gone = {"stackTrace", "workerVersion", "binaryChecksum"}
    return {name: "test" if name == "identity" else _scrubbed(item) for name, item in value.items() if name not in gone}


if __name__ == "__main__":
    main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)  # temporalio may abort at interpreter exit (sdk-python issue 300)

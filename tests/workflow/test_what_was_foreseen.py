"""A forecast of an open ticket, followed by letting it run: what was foreseen is what happens, to the instant."""

from datetime import timedelta
from typing import Any

import pytest

from domain.ticket.forecast import Foreseen, if_nobody_acts
from tests.support.durations import MINUTE
from tests.support.packages import T2_PACKAGE
from tests.support.stage import Play, Stage, on_stage
from tests.support.timeskipping import VirtualTime

AHEAD = timedelta(hours=4, minutes=30)
REPEATED = ("limit_reminded", "effect_done", "incident_changed")
"""What a forecast has once, or not at all: reminders are one entry, and other systems answer at once."""


async def in_tier_1(stage: Stage) -> Play:
    play = await stage.open(plan="premium", priority="P1")
    await play.send("take", at=0 * MINUTE)
    return play


async def with_a_complete_package(stage: Stage) -> Play:
    play = await in_tier_1(stage)
    await play.send("fill", fields=T2_PACKAGE)
    return play


async def waiting(stage: Stage) -> Play:
    play = await in_tier_1(stage)
    await play.send("wait", question="Which browser?")
    return play


async def promised(stage: Stage) -> Play:
    play = await in_tier_1(stage)
    due = play.opened_at + timedelta(hours=3)
    await play.send("promise", due=due.isoformat(), text="We call back.")
    return play


def types_and_instants(coming: list[Foreseen]) -> list[tuple[str, Any, Any]]:
    bodies = [(one.event.body, one.at) for one in coming]
    return [(body.type, getattr(body, "due", None), at) for body, at in bodies if body.type not in REPEATED]


@pytest.mark.parametrize("scene", [in_tier_1, with_a_complete_package, waiting, promised], ids=lambda one: one.__name__)
async def test_what_was_foreseen_is_what_happens(temporal_env: VirtualTime, scene: Any) -> None:
    async with on_stage(temporal_env) as stage:
        play = await scene(stage)
        known = await play.see()

        coming = if_nobody_acts(known, known.as_of, play.opened_at + AHEAD)
        await play.at(AHEAD)

        events = [event for event in await play.journalled() if event.seq > known.seq]
        happened = [(event.body, event.at) for event in events if event.body.type not in REPEATED]
        assert types_and_instants(coming) == [(body.type, getattr(body, "due", None), at) for body, at in happened]
        assert coming or scene is waiting

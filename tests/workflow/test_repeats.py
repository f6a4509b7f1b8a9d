"""The same command id again is the same command: it gets its first answer, whichever way it comes."""

import pytest

from tests.support.packages import T2_PACKAGE
from tests.support.stage import Stage, on_stage, play_all, refusal
from tests.support.timeskipping import VirtualTime
from workflows.shell import REMEMBERED


async def by_the_id_of_the_update(stage: Stage) -> None:
    play = await stage.open()
    payload = {"by": "ada", "text": "Once."}

    first = await play.update("note", payload, id="note-1")
    again = await play.update("note", payload, id="note-1")

    assert again == first
    assert [event.texts for event in await play.journalled() if event.body.type == "noted"] == [{"text": "Once."}]


async def by_the_id_in_the_payload_whatever_the_id_of_the_update(stage: Stage) -> None:
    play = await stage.open()

    first = await play.send("note", id="note-1", text="Once.")
    again = await play.send("note", id="note-1", text="Once.")
    await play.signal("note", id="note-1", text="Once.")

    assert again == first
    assert (await play.refused("note", id="note-1", text="Twice."))["code"] == "conflict"
    assert (await play.see()).seq == first["seq"]


async def by_signal_first_and_by_update_then(stage: Stage) -> None:
    play = await stage.open()

    await play.signal("take", id="take-1")
    taken = await play.seen(lambda ticket: ticket.assignee)
    answer = await play.send("take", id="take-1")

    assert (answer["seq"], answer["did"], answer["assignee"]) == (taken.seq, ["taken"], "ada")


async def after_a_refusal_a_better_try_with_the_same_id_is_new(stage: Stage) -> None:
    play = await stage.open()
    await play.send("take")

    assert (await play.refused("escalate", id="up-1"))["code"] == "missing_fields"
    await play.signal("escalate", id="up-1")
    await play.seen(lambda ticket: ticket.seq == 3)  # that refusal stands on the timeline
    better = await play.send("escalate", id="up-1", fields=T2_PACKAGE)

    assert better["did"] == ["filled", "escalated"]
    assert await play.send("escalate", id="up-1", fields=T2_PACKAGE) == better


async def a_refused_update_may_come_again_under_its_own_update_id(stage: Stage) -> None:
    play = await stage.open()
    early = await refusal(play.update("step", {"by": "ada", "text": "Looked."}, id="step-1"))
    assert early["code"] == "does_not_fit"
    await play.send("take")

    assert (await play.update("step", {"by": "ada", "text": "Looked."}, id="step-1"))["did"] == ["step_noted"]


async def facts_come_again_and_out_of_order(stage: Stage) -> None:
    play = await stage.open(priority="P0")
    joined = await play.seen(lambda ticket: ticket.incident)
    fact = {"by": "incident-7", "role": "system", "number": 7}
    for version, state in ((3, "mitigated"), (2, "acknowledged"), (3, "mitigated")):
        await play.handle.signal("incident_changed", fact | {"version": version, "state": state})
    await play.send("note", text="That was all.")

    seen = await play.see()

    assert seen.incident is not None
    assert (seen.incident.state, seen.seq) == ("mitigated", joined.seq + 2)


async def only_the_latest_answers_are_kept_and_an_id_is_known_beyond_that(stage: Stage) -> None:
    play = await stage.open()
    for number in range(REMEMBERED + 1):
        await play.send("note", id=f"note-{number}", text="x")

    assert (await play.send("note", id=f"note-{REMEMBERED}", text="x"))["seq"] == REMEMBERED + 2
    assert (await play.refused("note", id="note-0", text="x"))["code"] == "given_before"  # the journal has its answer


SCENES = [
    by_the_id_of_the_update,
    by_the_id_in_the_payload_whatever_the_id_of_the_update,
    by_signal_first_and_by_update_then,
    after_a_refusal_a_better_try_with_the_same_id_is_new,
    a_refused_update_may_come_again_under_its_own_update_id,
    facts_come_again_and_out_of_order,
    only_the_latest_answers_are_kept_and_an_id_is_known_beyond_that,
]


async def test_the_same_id_again(temporal_env: VirtualTime, subtests: pytest.Subtests) -> None:
    async with on_stage(temporal_env) as stage:
        await play_all(stage, subtests, SCENES)

"""What is refused: by name, at once by Update, on the timeline by Signal; and whatever is sent, the ticket lives."""

from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from domain.ticket.events import Event
from tests.support.durations import MINUTE
from tests.support.packages import RECORD, T2_GATE, T2_PACKAGE
from tests.support.stage import Play, Stage, on_stage, play_all, refusal
from tests.support.timeskipping import VirtualTime

pytestmark = pytest.mark.long

NOT_JSON = RawValue(Payload(metadata={"encoding": b"json/plain"}, data=b'{"do": "take"'))
NOT_AN_ENCODING = RawValue(Payload(metadata={"encoding": b"carrier/pigeon"}, data=b"coo"))
HUGE = "x" * 1_900_000


async def refused_signal(play: Play, signal: str, *args: Any) -> Event:
    """Send a Signal that the ticket cannot take, and return what stands on its timeline for it."""
    before = (await play.see()).seq
    await play.handle.signal(signal, args=args)
    seen = await play.seen(lambda ticket: ticket.seq > before)
    assert seen.seq == before + 1
    event = (await play.journalled())[-1]
    assert event.body.type == "message_refused"
    assert (await play.send("note", text="It lives."))["did"] == ["noted"]
    return event


async def g3_update_and_signal_name_the_four_fields_in_the_same_order(stage: Stage) -> None:
    play = await stage.open()
    await play.send("take")

    by_update = await play.refused("escalate")
    by_signal = await refused_signal(play, "advance", {"do": "escalate", "by": "ada"})

    assert by_update["code"] == by_signal.body.code == "missing_fields"
    assert by_update["missing"] == list(by_signal.body.missing) == T2_GATE
    assert by_signal.texts["message"] == by_update["message"]


async def g3_white_space_is_missing(stage: Stage) -> None:
    play = await stage.open()
    await play.send("take")
    blank = T2_PACKAGE | {"customer_impact": " \t\n", "logs_or_screenshots": "\u200b\u00a0"}

    by_update = await play.refused("escalate", fields=blank)
    by_signal = await refused_signal(play, "advance", {"do": "escalate", "fields": blank})

    assert by_update["missing"] == list(by_signal.body.missing) == ["customer_impact", "logs_or_screenshots"]
    assert not (await play.see()).fields


async def unknown_and_malformed_fields_are_refused_by_name_and_never_repeated(stage: Stage) -> None:
    play = await stage.open()
    payload = {"colour": "secret-1", "by": "", "over": "secret-2", "id": "x" * 300}

    by_update = await play.refused("take", **payload)
    by_signal = await refused_signal(play, "advance", {"do": "take"} | payload)

    assert by_update["code"] == by_signal.body.code == "malformed"
    assert set(by_update["fields"]) == {"colour", "by", "over", "id"}
    for name in by_update["fields"]:
        assert name in by_signal.texts["message"]
    assert "secret" not in str(by_update) + by_signal.texts["message"]


async def an_oversized_field_is_refused_by_name(stage: Stage) -> None:
    play = await stage.open()
    await play.send("take")

    by_update = await play.refused("fill", fields={"steps_taken": "x" * 20_001, "bug_report": {"summary": HUGE}})
    by_signal = await refused_signal(play, "advance", {"do": "note", "text": HUGE})

    assert {name.split(".")[-1] for name in by_update["fields"]} >= {"summary"}
    assert any("steps_taken" in name for name in by_update["fields"])
    assert by_signal.texts["message"].startswith("text: ")


async def so_many_unknown_fields_that_their_names_would_not_fit_an_answer(stage: Stage) -> None:
    play = await stage.open()
    payload = dict.fromkeys((f"unknown-{n}" for n in range(5_000)), 0)

    by_update = await play.refused("take", **payload)
    by_signal = await refused_signal(play, "advance", {"do": "take"} | payload)

    assert len(by_update["fields"]) == 50
    assert len(by_signal.texts["message"]) <= 1000


async def what_does_not_fit_says_what_would(stage: Stage) -> None:
    play = await stage.open()
    refused = await play.refused("reopen", reason="Why not.")
    assert refused["code"] == "does_not_fit"
    assert {"take", "resolve", "escalate"} <= set(refused["would_fit"])
    assert "reopen" not in refused["would_fit"]


async def a_signal_that_cannot_be_read_stands_on_the_timeline(stage: Stage) -> None:
    play = await stage.open()
    unreadable: dict[str, tuple[Any, ...]] = {
        "not JSON": (NOT_JSON,),
        "no argument": (),
        "two arguments": ({"do": "take"}, {"do": "take"}),
        "binary": (b"\x00\xff",),
        "null": (None,),
        "a list": ([{"do": "take"}],),
        "a text": ("take",),
        "a number": (float("nan"),),
        "an unknown encoding": (NOT_AN_ENCODING,),
    }
    for what, args in unreadable.items():
        for signal in ("advance", "jira_changed", "incident_changed"):
            event = await refused_signal(play, signal, *args)
            assert (event.body.code, event.body.what) == ("malformed", signal), what
    assert (await play.see()).status == "new"


async def a_command_that_nobody_knows_stands_on_the_timeline(stage: Stage) -> None:
    play = await stage.open()
    for payload in ({}, {"do": None}, {"do": "tkae"}, {"do": "effect_done", "key": "x"}, {"do": ["take"]}):
        event = await refused_signal(play, "advance", payload)
        assert (event.body.code, event.body.what) == ("unknown_command", "advance")


async def a_signal_of_an_unknown_name_stands_on_the_timeline(stage: Stage) -> None:
    play = await stage.open()
    for args in ((), ({"by": "ada"},), (NOT_JSON,), (1, 2, 3)):
        event = await refused_signal(play, "tkae", *args)
        assert (event.body.code, event.body.what) == ("unknown_command", "tkae")
    event = await refused_signal(play, "n" * 900)
    assert len(event.body.what) == 100


async def an_update_of_the_wrong_shape_comes_back_refused(stage: Stage) -> None:
    play = await stage.open()
    shapes: list[tuple[Any, ...]] = [
        ([],), ("take",), (None,), (), (1, 2), ({"by": "ada"}, {}), (b"\x00",), (NOT_JSON,), (NOT_AN_ENCODING,), (3.5,),
    ]  # fmt: skip
    for args in shapes:
        assert (await refusal(play.update("take", *args)))["code"] == "malformed", args
    assert (await play.refused("escalate", fields=[1]))["fields"].keys() == {"fields"}
    assert (await play.refused("take", received="yesterday"))["fields"].keys() == {"received"}

    assert await play.count("WORKFLOW_EXECUTION_UPDATE_ACCEPTED") == 0
    assert (await play.send("take"))["did"] == ["taken"]


async def a_fact_from_outside_needs_the_role_of_an_outside_system(stage: Stage) -> None:
    play = await stage.open()
    fact = {"key": "SUP-1", "category": "done", "version": "2035-06-04T10:00:00Z"}

    event = await refused_signal(play, "jira_changed", fact | {"by": "ada", "role": "agent"})

    assert event.body.code == "not_allowed"


async def instants_at_the_edge_of_time_do_no_harm(stage: Stage) -> None:
    play = await stage.open()
    for received in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"):
        assert (await play.refused("take", received=received))["fields"].keys() == {"received"}
    await play.send("note", text="Early.", received="0001-01-02T00:00:00Z")
    await play.send("note", text="Late.", received="9999-12-30T00:00:00Z")
    first, second = [event for event in await play.journalled() if event.body.type == "noted"]
    assert play.opened_at <= first.at <= second.at <= await stage.time.now(play.handle)


async def to_cancel_the_workflow_ends_nothing_and_stands_on_the_timeline(stage: Stage) -> None:
    play = await stage.open()
    await play.send("take", at=0 * MINUTE)
    await play.handle.cancel()
    refused = (await play.journalled("message_refused"))[-1]
    assert (refused.body.what, refused.body.code) == ("cancel", "does_not_fit")

    await play.at(11 * MINUTE)

    assert await play.timeline("limit_noted") == [("limit_noted", 10 * MINUTE)]
    await play.handle.signal("renew")
    await play.send("resolve", **RECORD)
    await play.send("close")
    assert (await play.handle.result()).status == "closed"


SCENES = [
    g3_update_and_signal_name_the_four_fields_in_the_same_order,
    g3_white_space_is_missing,
    unknown_and_malformed_fields_are_refused_by_name_and_never_repeated,
    an_oversized_field_is_refused_by_name,
    so_many_unknown_fields_that_their_names_would_not_fit_an_answer,
    what_does_not_fit_says_what_would,
    a_signal_that_cannot_be_read_stands_on_the_timeline,
    a_command_that_nobody_knows_stands_on_the_timeline,
    a_signal_of_an_unknown_name_stands_on_the_timeline,
    an_update_of_the_wrong_shape_comes_back_refused,
    a_fact_from_outside_needs_the_role_of_an_outside_system,
    instants_at_the_edge_of_time_do_no_harm,
    to_cancel_the_workflow_ends_nothing_and_stands_on_the_timeline,
]


async def test_refusals(temporal_env: VirtualTime, subtests: pytest.Subtests) -> None:
    async with on_stage(temporal_env) as stage:
        await play_all(stage, subtests, SCENES)

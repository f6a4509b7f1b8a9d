"""Messages to one workflow go one call after the other, and what waits goes together with the next call."""

import asyncio
from collections.abc import Sequence

import pytest

from activities.support.turns import MOST, Turns


class Calls:
    """The calls that were made, each held until it is let go."""

    def __init__(self) -> None:
        self.made: list[tuple[str, list[int]]] = []
        self.under_way = 0
        self.may_end = asyncio.Event()
        self.turns: Turns[str, int, bool] = Turns(self._call)

    async def _call(self, workflow: str, messages: Sequence[int]) -> bool:
        self.made.append((workflow, list(messages)))
        self.under_way += 1
        try:
            await self.may_end.wait()
        finally:
            self.under_way -= 1
        if -1 in messages:
            raise ConnectionError("no answer")
        return True

    def sending(self, message: int, workflow: str = "one") -> asyncio.Task[bool]:
        return asyncio.create_task(self.turns.send(workflow, message))


async def begun() -> None:
    """Let everything run until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_what_comes_while_a_call_is_under_way_goes_together_with_the_next_in_its_order() -> None:
    # Given a call under way
    calls = Calls()
    first = calls.sending(1)
    await begun()
    assert calls.made == [("one", [1])]

    # When three more messages come, then no second call begins
    others = [calls.sending(number) for number in (2, 3, 4)]
    await begun()
    assert calls.under_way == 1

    # And once the first is over, one call carries the three
    calls.may_end.set()
    assert await asyncio.gather(first, *others) == [True] * 4
    assert calls.made == [("one", [1]), ("one", [2, 3, 4])]


async def test_a_call_carries_no_more_than_it_may() -> None:
    calls = Calls()
    calls.may_end.set()
    await asyncio.gather(*(calls.sending(number) for number in range(2 * MOST + 1)))
    assert [len(messages) for _, messages in calls.made] == [MOST, MOST, 1]
    assert [number for _, messages in calls.made for number in messages] == list(range(2 * MOST + 1))


async def test_a_call_to_one_workflow_waits_for_none_to_another() -> None:
    calls = Calls()
    tasks = [calls.sending(1, "one"), calls.sending(2, "two")]
    await begun()
    assert calls.under_way == 2
    calls.may_end.set()
    await asyncio.gather(*tasks)


async def test_who_gives_up_waiting_takes_the_message_back_and_holds_up_nobody() -> None:
    calls = Calls()
    first = calls.sending(1)
    await begun()
    given_up, kept = calls.sending(2), calls.sending(3)
    await begun()
    given_up.cancel()
    await begun()
    calls.may_end.set()
    assert await asyncio.gather(first, kept) == [True, True]
    assert given_up.cancelled()
    assert calls.made == [("one", [1]), ("one", [3])]


async def test_who_gives_up_during_the_call_does_not_end_it_for_the_others() -> None:
    calls = Calls()
    first = calls.sending(1)
    await begun()
    second, third = calls.sending(2), calls.sending(3)
    calls.may_end.set()
    await first
    calls.may_end.clear()
    await begun()
    assert calls.made[-1] == ("one", [2, 3])
    second.cancel()
    await begun()
    calls.may_end.set()
    assert await third


async def test_a_call_that_fails_fails_for_all_that_it_carried_and_for_no_other() -> None:
    calls = Calls()
    first = calls.sending(1)
    await begun()
    failing = [calls.sending(-1), calls.sending(2)]
    calls.may_end.set()
    assert await first
    for task in failing:
        with pytest.raises(ConnectionError, match="no answer"):
            await task
    assert await calls.sending(3)

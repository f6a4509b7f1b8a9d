"""Those who call one workflow wait for each other before they call."""

import asyncio

from activities.support.turns import Turns


async def test_calls_to_one_workflow_are_made_one_after_the_other_in_the_order_in_which_they_came() -> None:
    turns, under_way, order = Turns[int](), 0, []

    async def call(number: int) -> None:
        nonlocal under_way
        async with turns.of(1):
            under_way += 1
            assert under_way == 1
            await asyncio.sleep(0)
            order.append(number)
            under_way -= 1

    await asyncio.gather(*map(call, range(5)))
    assert order == [0, 1, 2, 3, 4]


async def test_a_call_to_one_workflow_waits_for_none_to_another() -> None:
    turns = Turns[int]()
    async with turns.of(1), turns.of(2):
        pass


async def test_who_gives_up_waiting_holds_up_nobody() -> None:
    turns, given_up = Turns[int](), asyncio.Event()

    async def give_up() -> None:
        try:
            async with asyncio.timeout(0), turns.of(1):
                raise AssertionError("the turn is taken")
        except TimeoutError:
            given_up.set()

    async with turns.of(1):
        await give_up()
    async with turns.of(1):
        assert given_up.is_set()


async def test_a_turn_that_fails_is_over() -> None:
    turns = Turns[int]()
    for _ in range(2):
        try:
            async with turns.of(1):
                raise ConnectionError
        except ConnectionError:
            continue

"""What a process does beside its work never ends in silence."""

import asyncio

import pytest

from cli.processes import until_one_ends


async def _for_ever() -> None:
    await asyncio.Event().wait()


async def _broken() -> None:
    raise KeyError("a bug")


async def _over() -> None:
    return


async def test_a_bug_in_a_task_that_runs_for_ever_ends_the_process_and_is_raised() -> None:
    told, well = asyncio.create_task(_for_ever()), asyncio.create_task(_for_ever())
    with pytest.raises(KeyError, match="a bug"):
        await until_one_ends(told, [well, asyncio.create_task(_broken())])
    told.cancel()
    assert well.cancelling()


async def test_such_a_task_that_returns_is_a_bug_as_well() -> None:
    told = asyncio.create_task(_for_ever())
    with pytest.raises(RuntimeError, match="come to its end"):
        await until_one_ends(told, [asyncio.create_task(_over())])
    told.cancel()


async def test_told_to_stop_it_ends_all_of_them_and_says_nothing() -> None:
    tasks = [asyncio.create_task(_for_ever()) for _ in range(3)]
    await until_one_ends(asyncio.create_task(_over()), tasks[:2], tasks[2:])
    assert all(task.cancelling() for task in tasks)


async def test_a_bug_in_what_is_done_meanwhile_is_raised_at_the_end() -> None:
    meanwhile = asyncio.create_task(_broken())
    await asyncio.wait([meanwhile])
    with pytest.raises(KeyError, match="a bug"):
        await until_one_ends(asyncio.create_task(_over()), [asyncio.create_task(_for_ever())], [meanwhile])

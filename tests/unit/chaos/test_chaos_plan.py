"""The plan of a chaos run: drawn from its seed alone, with everything in it."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from chaos.__main__ import as_json, as_table
from chaos.checks import Check
from chaos.plan import FAULTS, KILLED, STEPS, Way, draw
from chaos.run import Result

SEEDS = st.integers(0, 10_000)
TICKETS, KILLS = st.integers(4, 120), st.integers(0, 60)


@given(SEEDS, TICKETS, KILLS)
def test_the_same_numbers_draw_the_same_plan(seed: int, tickets: int, kills: int) -> None:
    assert draw(seed, tickets, kills) == draw(seed, tickets, kills)


@given(SEEDS, TICKETS, KILLS)
def test_a_plan_has_every_way_and_as_many_kills_as_asked_in_order_within_its_requests(
    seed: int, tickets: int, kills: int
) -> None:
    plan = draw(seed, tickets, kills)
    assert len(plan.ways) == tickets
    assert set(plan.ways) == set(Way)
    assert plan.kills == kills
    moments = [one.after for one in plan.disturbances]
    assert moments == sorted(moments)
    assert all(0 <= moment < sum(STEPS[way] for way in plan.ways) for moment in moments)


@given(SEEDS, st.integers(len(KILLED), 60))
def test_whoever_asks_for_five_kills_has_each_service_killed_and_meets_each_fault(seed: int, kills: int) -> None:
    names = Counter(one.what for one in draw(seed, 20, kills).disturbances)
    killed = {name: names[f"kill {name}"] for name in KILLED}
    assert max(killed.values()) - min(killed.values()) <= 1
    assert min(killed.values()) >= 1
    assert set(FAULTS) <= set(names)


def test_another_seed_is_another_plan() -> None:
    assert draw(1, 20, 10) != draw(2, 20, 10)


def test_the_table_names_the_seed_and_some_of_what_differs() -> None:
    plan = draw(7, 4, 0)
    differences = [f"ticket {number}: 2 issues" for number in range(7)]
    found = Result(4, 0, 20, [Check("one issue", 9, differences), Check("replays", 4, [])])
    table = as_table(plan, found, 3)
    assert "--seed 7" in table
    assert "    ticket 4: 2 issues" in table
    assert "    and 2 more" in table
    assert "ticket 5" not in table
    assert "--seed" not in as_table(plan, found._replace(checks=found.checks[1:]), 3)
    assert '"differences": []' in as_json(plan, found, 3)

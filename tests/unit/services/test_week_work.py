"""F3: what agents did in each week, and what one agent more would have changed."""

from datetime import UTC, datetime, timedelta

import pytest

from services.reports.work import Effort, OneMore, effort, efforts, one_more
from store.week_report import Worked
from tests.support.durations import DAY, HOUR, MINUTE

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
"""A Monday."""
WEEK = timedelta(weeks=1)
MIDNIGHT = NINE - 9 * HOUR


def worked(
    ticket: str,
    arrived: datetime,
    taken: datetime,
    ended: datetime,
    *,
    agent: str = "ada",
    team: str = "A",
    channel: str = "email",
    plan: str = "premium",
    account: str = "acme",
) -> Worked:
    return Worked(ticket, channel, plan, "P2", team, agent, arrived, taken, ended, account)


def queue(count: int) -> list[Worked]:
    """So many tickets that all came at nine, each of which took the only agent an hour, one after the other."""
    return [worked(str(number), NINE, NINE + number * HOUR, NINE + (number + 1) * HOUR) for number in range(count)]


def test_f3_what_agents_did_is_that_of_the_work_which_ended_between_two_edges() -> None:
    work = [
        worked("1", NINE, NINE, NINE + HOUR),
        worked("2", NINE, NINE, NINE + 2 * HOUR, agent="ben", channel="chat", plan="free", account="b"),
        worked("3", NINE + WEEK, NINE + WEEK, NINE + WEEK + 3 * HOUR),
        worked("4", NINE + WEEK, NINE + WEEK + 3 * HOUR, NINE + WEEK + 4 * HOUR),
    ]
    edges = [MIDNIGHT - WEEK, MIDNIGHT, MIDNIGHT + WEEK, MIDNIGHT + 2 * WEEK]

    assert efforts(work, edges) == [
        Effort(0, 0, 0, {}, {}, {}),
        Effort(3.0, 3.5, 2, {"email": 1.0, "chat": 2.0}, {"premium": 1.0, "free": 2.0}, {"acme": 1.0, "b": 2.0}),
        Effort(4.0, 4.25, 1, {"email": 4.0}, {"premium": 5.0, "free": 2.0}, {"acme": 5.0, "b": 2.0}),
    ]
    assert effort(work, *edges[-2:]) == efforts(work, edges)[-1]


def test_f3_work_that_ends_at_an_edge_is_of_the_time_that_begins_there() -> None:
    work = [worked("1", NINE, NINE, NINE + HOUR)]
    before, after = efforts(work, [MIDNIGHT, NINE + HOUR, NINE + DAY])
    assert (before.in_hand, before.at_work, before.agents, before.by_plan) == (0, 1.0, 0, {})
    assert (after.in_hand, after.at_work, after.agents, after.by_plan) == (1.0, 0.25, 1, {"premium": 1.0})


def test_f3_one_agent_more_halves_a_queue_that_came_at_once() -> None:
    # Alone: 0, 1, ... 7 hours, of which the median is 3.5; with one more 0, 0, 1, 1, 2, 2, 3, 3.
    assert one_more(queue(8)) == OneMore(
        team="A", agents=1, pieces=8, recorded=3.5, as_it_was=3.5, with_one_more=1.5, fits=True
    )


def test_f3_one_agent_more_comes_to_the_team_with_the_most_work() -> None:
    others = [
        worked(f"b{number}", NINE, NINE + number * HOUR, NINE + (number + 1) * HOUR, agent=agent, team="B")
        for number, agent in enumerate(("ben", "cy"))
    ]
    found = one_more([*others, *queue(3)])
    assert found == OneMore(team="A", agents=1, pieces=3, recorded=1.0, as_it_was=1.0, with_one_more=0.0, fits=True)


def test_f3_where_nobody_took_anything_one_agent_more_says_nothing() -> None:
    assert one_more([]) is None


@pytest.mark.parametrize(("late", "fits"), [(65, True), (67, False)])
def test_f3_work_that_waits_longer_than_twice_the_simulated_and_6_minutes_is_left_by_habit(
    late: int, fits: bool
) -> None:
    half, later = 30 * MINUTE, NINE + late * MINUTE
    work = [
        worked("1", NINE, NINE, NINE + half),
        worked("2", NINE, later, later + half),
        worked("3", NINE, later + half, later + 2 * half),
    ]
    found = one_more(work)
    assert found
    assert (found.recorded, found.as_it_was, found.fits) == (late / 60, 0.5, fits)


@pytest.mark.parametrize(("waited", "fits"), [(47, False), (49, True)])
def test_f3_work_that_waits_less_than_half_the_simulated_and_6_minutes_less_was_not_done_one_after_the_other(
    waited: int, fits: bool
) -> None:
    # Three tickets at once in one hand, for three hours: an hour each. The simulation takes them one by one.
    work = [worked(str(n), NINE - waited * MINUTE, NINE, NINE + 3 * HOUR) for n in range(3)]
    found = one_more(work)
    assert found
    assert (found.recorded, found.as_it_was, found.fits) == (waited / 60, pytest.approx(1 + waited / 60), fits)

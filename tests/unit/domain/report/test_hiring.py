"""F3: the signs that more people are needed, at their thresholds, and since when; and how large support is."""

from collections.abc import Sequence
from datetime import date

import pytest

from domain.policy.reports import HiringRow, ReportRow, StageRow
from domain.report.hiring import Scale, State, Trigger, backlog, responses, satisfaction, scale, utilisation
from domain.report.week import Share, Span, week_of, weeks_up_to

ROW = HiringRow(responses_kept=95, responses_weeks=3, satisfied=85, utilisation=80, backlog_weeks=3)
LAST = week_of(date(2026, 3, 30))
"""2026-W14."""


def weeks(count: int) -> list[Span]:
    return weeks_up_to(LAST, count - 1)


def kept(*counts: int, of: int = 100) -> list[Share]:
    return [Share(count=count, of=of) for count in counts]


def verdict(one: Trigger) -> tuple[State, str, str]:
    return one.state, one.since, one.now


FEW = Share(count=0, of=4)
"""Of so few no percentage is given."""


@pytest.mark.parametrize(
    ("shares", "state", "since"),
    [
        (kept(94, 94, 94), "met", "2026-W12"),
        (kept(95, 94, 94), "not met", "2026-W13"),  # two weeks are no three; 95 % is not under 95 %
        (kept(94, 94, 95), "not met", ""),
        (kept(94, 95, 94), "not met", "2026-W14"),
        (kept(96, 94, 94, 94), "met", "2026-W12"),
        (kept(94, 94, 94, 94), "met", "2026-W11"),
        (kept(94, 94, 94, 94, 96), "not met", ""),
        (kept(9_499, 9_499, 9_499, of=10_000), "met", "2026-W12"),
        (kept(9_500, 9_500, 9_500, of=10_000), "not met", ""),
        ([*kept(0, 0), FEW], "not known", ""),
        ([*kept(0, 0), FEW, *kept(0, 0)], "not met", "2026-W13"),
        ([FEW, *kept(0, 0, 0, of=5)], "met", "2026-W12"),
    ],
)
def test_f3_responses_are_late_if_three_weeks_in_a_row_are_under_95_percent(
    shares: list[Share], state: State, since: str
) -> None:
    found = responses(ROW, weeks(len(shares)), shares)
    assert verdict(found) == (state, since, str(shares[-1]))
    assert found.weeks == tuple((week.name, str(one)) for week, one in zip(weeks(len(shares)), shares, strict=True))
    assert (found.name, found.says) == (
        "responses", "under 95 % of first responses within the contract, 3 weeks in a row",
    )  # fmt: skip


@pytest.mark.parametrize(("needed", "state"), [(1, "met"), (2, "met"), (4, "not met")])
def test_f3_how_many_weeks_in_a_row_are_needed_is_the_policys(needed: int, state: State) -> None:
    assert responses(HiringRow(responses_weeks=needed), weeks(3), kept(95, 94, 94)).state == state
    assert backlog(HiringRow(backlog_weeks=needed), weeks(3), [1, 2, 2], [1, 1, 1]).state == state


@pytest.mark.parametrize(
    ("good", "state", "since", "now"),
    [
        (kept(20, 20, 20, 24), "met", "2026-W11", "84 of 100 (84 %)"),
        (kept(21, 21, 21, 22), "not met", "", "85 of 100 (85 %)"),  # exactly 85 % is not under 85 %
        (kept(22, 22, 21, 21), "not met", "", "86 of 100 (86 %)"),
        # The fifth week back is no longer counted: 25, 25, 20 and 14 are 84; the four weeks before had 86 %.
        (kept(16, 25, 25, 20, 14), "met", "2026-W14", "84 of 100 (84 %)"),
        (kept(0, 25, 25, 20, 16), "not met", "", "86 of 100 (86 %)"),
        (kept(25, 25, 25, 9, 9, 9), "met", "2026-W12", "52 of 100 (52 %)"),
    ],
)
def test_f3_customers_are_dissatisfied_if_under_85_percent_of_the_ratings_of_four_weeks_are_good(
    good: list[Share], state: State, since: str, now: str
) -> None:
    good = [Share(count=one.count, of=25) for one in good]
    found = satisfaction(ROW, weeks(len(good)), good)
    assert verdict(found) == (state, since, now)
    assert (found.name, found.says) == ("satisfaction", "under 85 % of ratings are 4 or 5, over four weeks")


def test_f3_few_ratings_are_not_known_until_four_weeks_have_five_together() -> None:
    one, two = Share(count=0, of=1), Share(count=0, of=2)
    assert verdict(satisfaction(ROW, weeks(4), [one, one, one, one])) == ("not known", "", "0 of 4")
    assert verdict(satisfaction(ROW, weeks(4), [one, one, one, two])) == ("met", "2026-W14", "0 of 5 (0 %)")
    assert verdict(satisfaction(ROW, weeks(5), [two, one, one, one, one])) == ("not known", "", "0 of 4")
    assert verdict(satisfaction(ROW, weeks(1), [Share(count=0, of=0)])) == ("not known", "", "none")


@pytest.mark.parametrize(
    ("used", "state", "since", "now"),
    [
        ([79.9], "not met", "", "at most 80 %"),
        ([80.0], "not met", "", "at most 80 %"),
        ([80.1], "met", "2026-W14", "at most 80 %"),
        ([None, 79.0, 81.0, 95.0, 81.0], "met", "2026-W12", "at most 81 %"),
        ([81.0, 80.0, 81.0], "met", "2026-W14", "at most 81 %"),
        ([81.0, None, 81.0, 81.0], "met", "2026-W13", "at most 81 %"),
        ([81.0, 81.0, 80.0], "not met", "", "at most 80 %"),
        ([81.0, None], "not known", "", "not known"),
    ],
)
def test_f3_utilisation_is_too_high_over_80_percent_at_once(
    used: Sequence[float | None], state: State, since: str, now: str
) -> None:
    found = utilisation(ROW, weeks(len(used)), used)
    assert verdict(found) == (state, since, now)
    assert (found.name, found.says) == ("utilisation", "over 80 % of the time at work something is in hand")
    assert [figure == "not known" for _, figure in found.weeks] == [one is None for one in used]


@pytest.mark.parametrize(
    ("opened", "ended", "state", "since", "now"),
    [
        ([6, 6, 6], [5, 5, 5], "met", "2026-W12", "+1"),
        ([5, 6, 6], [5, 5, 5], "not met", "2026-W13", "+1"),  # as many as came is no growth
        ([6, 6, 5], [5, 5, 5], "not met", "", "+0"),
        ([6, 6, 6, 4], [5, 5, 5, 5], "not met", "", "-1"),
        ([9, 6, 6, 6, 7], [9, 5, 5, 5, 5], "met", "2026-W11", "+2"),
        ([6, 6, 4, 6, 6, 6], [5, 5, 5, 5, 5, 5], "met", "2026-W12", "+1"),
        ([0], [0], "not met", "", "+0"),
    ],
)
def test_f3_the_backlog_grows_if_more_came_than_ended_three_weeks_in_a_row(
    opened: list[int], ended: list[int], state: State, since: str, now: str
) -> None:
    found = backlog(ROW, weeks(len(opened)), opened, ended)
    assert verdict(found) == (state, since, now)
    assert (found.name, found.says) == ("backlog", "the backlog grows 3 weeks in a row")
    assert [int(figure) for _, figure in found.weeks] == [came - went for came, went in zip(opened, ended, strict=True)]


# -- How large support is ----------------------------------------------------------------------------------------

STAGES = {
    "scale": StageRow(customers=20_000, agents=(10, 30)),
    "start": StageRow(customers=500, agents=(1, 2)),
    "growth": StageRow(customers=5_000, agents=(3, 8)),
}
"""Not in order: the order is that of their customers."""


@pytest.mark.parametrize(
    ("customers", "agents", "stage", "usual", "fits"),
    [
        (0, 1, "start", (1, 2), "as usual"),
        (500, 2, "start", (1, 2), "as usual"),
        (500, 3, "start", (1, 2), "more agents"),
        (501, 2, "growth", (3, 8), "fewer agents"),
        (501, 3, "growth", (3, 8), "as usual"),
        (5_000, 8, "growth", (3, 8), "as usual"),
        (5_000, 9, "growth", (3, 8), "more agents"),
        (5_001, 9, "scale", (10, 30), "fewer agents"),
        (20_001, 30, "scale", (10, 30), "as usual"),  # the last stage holds for more, too
        (20_001, 31, "scale", (10, 30), "more agents"),
        (20_001, 0, "scale", (10, 30), ""),
    ],
)
def test_f3_the_stage_of_support_is_the_first_that_has_room_for_its_customers(
    customers: int, agents: int, stage: str, usual: tuple[int, int], fits: str
) -> None:
    found = scale(ReportRow(stages=STAGES), customers=customers, tickets=7, agents=agents)
    assert (found.customers, found.tickets, found.agents) == (customers, 7, agents)
    assert (found.stage, found.usual_agents, found.fits) == (stage, usual, fits)


def test_f3_the_ratio_is_of_customers_to_agents_and_not_known_without_agents() -> None:
    row = ReportRow(customers_per_agent=(400, 600))
    found = scale(row, customers=1_250, tickets=0, agents=2)
    assert (found.ratio, found.usual_ratio) == (625.0, (400, 600))
    assert scale(row, customers=1_250, tickets=0, agents=0).ratio is None


def test_f3_what_the_policy_says_of_customers_and_agents_goes_before_what_is_counted() -> None:
    row = ReportRow(customers=1_200, agents=3, stages=STAGES)
    assert scale(row, customers=10, tickets=4, agents=9) == Scale(
        customers=1_200, tickets=4, agents=3, stage="growth", usual_agents=(3, 8), usual_ratio=(400, 600)
    )


def test_f3_without_stages_nothing_is_usual() -> None:
    found = scale(ReportRow(), customers=10, tickets=4, agents=9)
    assert (found.stage, found.usual_agents, found.fits) == ("", None, "")

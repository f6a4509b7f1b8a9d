"""F3: speed against quality: a dot for each category of which enough is known, at its place."""

from itertools import pairwise
from math import log

import pytest

from domain.report.week import Share
from services.reports.figures import Quality
from web.speed_and_quality import scatters


def of(category: str, seconds: float | None, good: tuple[int, int], back: tuple[int, int] = (0, 0)) -> Quality:
    return Quality(
        category=category, resolved=back[1] - back[0], first_response=seconds,
        satisfied=Share(count=good[0], of=good[1]), reopened=Share(count=back[0], of=back[1]),
        with_article=Share(count=0, of=0),
    )  # fmt: skip


def test_f3_a_category_stands_by_its_first_response_and_its_share_of_satisfied_customers() -> None:
    fast, slow = of("how-to", 600, (9, 10), (1, 20)), of("bug", 6 * 3_600, (3, 6), (10, 40))
    satisfied, reopened = scatters([slow, fast])
    assert (satisfied.name, reopened.name) == ("satisfied", "reopened")
    assert [(dot.name, dot.y) for dot in satisfied.dots] == [("how-to", 0.9), ("bug", 0.5)]
    assert [(dot.name, dot.y) for dot in reopened.dots] == [("how-to", 0.05), ("bug", 0.25)]
    assert [label for _, label in satisfied.ticks] == ["10 min", "1 h", "8 h"]
    assert [place for place, _ in satisfied.ticks] == pytest.approx([0, log(6) / log(48), 1])
    assert [dot.x for dot in satisfied.dots] == pytest.approx([0, log(36) / log(48)])
    assert satisfied.description.endswith("how-to: 10 min, 90 %; bug: 6.0 h, 50 %.")


def test_f3_what_is_too_little_to_say_is_left_out_and_one_dot_alone_shows_nothing() -> None:
    few, unknown = of("bug", 60, (4, 4), (0, 50)), of("how-to", None, (9, 9), (0, 9))
    (only,) = scatters([few, unknown, of("data", 70, (5, 5), (1, 9))])
    assert (only.name, [dot.name for dot in only.dots]) == ("reopened", ["bug", "data"])
    assert scatters([]) == []


def test_f3_names_of_categories_that_stand_close_are_not_written_over_each_other() -> None:
    names = ("a", "b", "c", "d")
    for good, back in (((50, 50), (0, 50)), ((49, 50), (1, 50))):
        for plot in scatters([of(name, 600 + place, good, back) for place, name in enumerate(names)]):
            labels = sorted(dot.label for dot in plot.dots)
            assert all(after - before > 0.099 for before, after in pairwise(labels))
            assert all(-0.1 <= one <= 1.1 for one in labels)


@pytest.mark.parametrize(
    ("seconds", "ticks"),
    [
        ((5, 20), ["1 min", "10 min"]),
        ((60, 60), ["1 min", "10 min"]),
        ((600, 3_600), ["10 min", "1 h"]),
        ((700, 90_000), ["10 min", "1 h", "8 h", "1 d", "7 d"]),
        ((9e5, 9e6), ["1 d", "7 d"]),
    ],
)
def test_f3_the_axis_of_speed_holds_every_dot(seconds: tuple[float, float], ticks: list[str]) -> None:
    (found,) = scatters([of(f"c{place}", one, (3, 9)) for place, one in enumerate(seconds)])
    assert [label for _, label in found.ticks] == ticks
    assert all(0 <= dot.x <= 1 for dot in found.dots)

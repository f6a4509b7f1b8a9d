"""How long the calendar takes: adding 8 hours, and a year, of support time (`python -m bench.calendar`).

The targets, on one core: 8 hours in at most 20 microseconds, a year in at most ten times that.
"""

import json
from datetime import UTC, datetime, timedelta
from timeit import repeat
from typing import Any

from services.policy_file.calendars import build_calendar, known_span

_ROUNDS, _TIMES = 5, 20_000


def measure() -> dict[str, Any]:
    """Measure the microseconds that an addition takes, the best of five rounds, over starts spread through a year.

    The calendar has two windows a day, German holidays and three years of knowledge; its index is built before,
    and how long that took is `index_ms`.
    """
    now = datetime(2026, 1, 1, tzinfo=UTC)
    start, horizon = known_span(now)
    week = {day: [["09:00", "12:00"], ["13:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
    calendar = build_calendar("business", "Europe/Berlin", week, country="DE", start=start, horizon=horizon)
    starts = [now + timedelta(minutes=26 * n) for n in range(_TIMES)]
    year = calendar.elapsed(now, now + timedelta(days=365))

    def first_use() -> None:
        fresh = calendar.model_copy(update={"name": "not seen before"})
        fresh.elapsed(start, horizon)

    def adding(budget: timedelta) -> float:
        def work() -> None:
            for one in starts:
                calendar.add(one, budget)

        return min(repeat(work, number=1, repeat=_ROUNDS)) / _TIMES * 1e6

    eight_hours, a_year = adding(timedelta(hours=8)), adding(year)
    return {
        "add_8h_us": round(eight_hours, 2),
        "add_year_us": round(a_year, 2),
        "ratio": round(a_year / eight_hours, 2),
        "index_ms": round(min(repeat(first_use, number=1, repeat=_ROUNDS)) * 1e3, 2),
        "kilobytes": round(len(calendar.model_dump_json()) / 1024, 1),
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))

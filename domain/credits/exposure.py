"""What open clocks would cost if nobody acts: the credits (F2) that their due instants would lead to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from domain.clocks.clock import Clock
from domain.core.enums import Metric, Side
from domain.credits.breaches import Owed
from domain.credits.credit import Credit, basis_of, credit_id, followed, reckoned


class Threat(NamedTuple):
    """A contract clock that runs."""

    metric: Metric
    due: datetime


def threats(clocks: Iterable[Clock]) -> Iterator[Threat]:
    """Yield the contract clocks that run and have not lapsed, with their due instants as they are known now."""
    for clock in clocks:
        if clock.side is Side.CONTRACT and clock.running and clock.due:
            yield Threat(clock.metric, clock.due)


def exposed(coming: Iterable[Owed], owed: Iterable[Credit]) -> list[Credit]:
    """Return the credits that `coming` breaches would add to those that are `owed` in their months, by due instant.

    What is owed for a problem already is owed once.
    """
    known = list(owed)
    there = {(one.account, one.metric, one.problem) for one in known if one.current}
    new: list[Credit] = []
    for key, several in groupby(sorted(coming, key=_key), key=_key):
        basis = basis_of(several)
        credit = followed(*key, None, basis) if key not in there else None
        if credit:
            new.append(credit.model_copy(update={"id": credit_id(*key, 0)}))
    months: Mapping[tuple[str, str], Sequence[Credit]] = {
        month: [one for one in (*known, *new) if (one.account, one.month) == month]
        for month in {(one.account, one.month) for one in new}
    }
    granted = {one.id: one for month in months.values() for one in reckoned(month)}
    return sorted((granted[one.id] for one in new), key=lambda one: (one.due, one.account, one.id))


def _key(one: Owed) -> tuple[str, Metric, str]:
    return one.account, one.metric, one.problem

"""What became of the contract clocks of a ticket (F8), kept with its record: a statement reads thousands of them, and
moments or whole clocks would take most of its time.

They are as of an event, by its number: a worker of an older version writes a record, and leaves them behind.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from domain.clocks.clock import Clock
from domain.credits.kept import Counted, became, counted
from domain.report.record import Record
from domain.ticket.state import Ticket
from store.journal.upcast import Json

_TOGETHER = 100
Written = Sequence[Any]
"""What became of a clock: metric, outcome, when it was due, and when it was met, as `written` writes them."""


def stored(record: Record, ticket: Ticket) -> Json:
    """Return what became of a ticket's contract clocks, as it is stored; `ticket` is as of the record."""
    return {"seq": record.seq, "clocks": [_line(one) for one in became(record.moments, ticket.clocks)]}


def read(texts: Sequence[str | None]) -> Iterator[list[Written] | None]:
    """Yield what `stored` made of the clocks of many tickets, each as PostgreSQL writes it; None where it is None.

    Many of them are read as one document: to begin a document takes longer than to read four clocks. Not all of them:
    Python's collector of cycles looks at each list that lives longer.
    """
    for first in range(0, len(texts), _TOGETHER):
        yield from json.loads(f"[{','.join([one or 'null' for one in texts[first : first + _TOGETHER]])}]")


def of_clocks(clocks: Iterable[Clock]) -> list[Written]:
    """Return what became of those clocks that count, as it would be stored."""
    return [_line(one) for clock in clocks if (one := counted(clock))]


def _line(one: Counted) -> Written:
    return [one.metric.value, one.outcome, _text(one.due), _text(one.met_at)]


def _text(at: datetime | None) -> str | None:
    return written(at) if at else None


def written(at: datetime) -> str:
    """Write an instant as it is stored: in UTC, so that texts have the order of the instants."""
    return at.astimezone(UTC).isoformat()

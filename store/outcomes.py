"""What became of the contract clocks of a ticket (F8), kept with its record: a statement reads thousands of them, and
moments or whole clocks would take most of its time.

They are as of an event, by its number: a worker of an older version writes a record, and leaves them behind.
"""

import json
from collections.abc import Iterable
from datetime import datetime

from domain.clocks.clock import Clock
from domain.core.enums import Metric
from domain.credits.kept import Counted, became, counted
from domain.report.record import Record
from domain.ticket.state import Ticket
from store.journal.upcast import Json

_METRICS = {one.value: one for one in Metric}


def stored(record: Record, ticket: Ticket) -> Json:
    """Return what became of a ticket's contract clocks, as it is stored; `ticket` is as of the record."""
    found = became(record.moments, ticket.clocks)
    clocks = [[one.metric.value, one.outcome, _text(one.due), _text(one.met_at)] for one in found]
    return {"seq": record.seq, "clocks": clocks}


def read(texts: Iterable[str | None]) -> list[list[Counted] | None]:
    """Return what `stored` made of the clocks of many tickets, each as PostgreSQL writes it; None where it is None.

    All of them are read as one document: to begin a document takes longer than to read four clocks.
    """
    many = json.loads(f"[{','.join(one or 'null' for one in texts)}]")
    return [
        [Counted(_METRICS[metric], outcome, _instant(due), _instant(met)) for metric, outcome, due, met in clocks]
        if clocks is not None else None
        for clocks in many
    ]  # fmt: skip


def counted_of(clocks: Iterable[Clock]) -> list[Counted]:
    """Return what became of those clocks that count."""
    return [one for clock in clocks if (one := counted(clock))]


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None

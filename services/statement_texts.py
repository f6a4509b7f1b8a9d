"""A statement (F8) as JSON and as CSV: its tickets and clocks are written as they are read."""

import csv
import io
import re
from datetime import datetime
from decimal import Decimal
from json.encoder import encode_basestring as quoted

from pydantic_core import to_json

from services.statement import Month, TicketLine

_QUOTED = re.compile(r'[",\r\n]').search
_NO_LINES = b'"tickets":[],"clocks":[]'
"""What stands once in the JSON of a statement without lines: in a text the marks would be escaped."""


def as_json(found: Month) -> bytes:
    """Return a statement as pydantic writes it, in a tenth of the time."""
    tickets = to_json([dict(zip(TicketLine.model_fields, facts, strict=True)) for facts in found.tickets])
    clocks = ",".join([
        f'{{"ticket":{quoted(ticket)},"metric":"{metric}","outcome":"{outcome}",'
        f'"due":{_in_json(due) if due else "null"},"met_at":{_in_json(met_at) if met_at else "null"}}}'
        for ticket, metric, outcome, due, met_at in found.clocks
    ])  # fmt: skip
    lines = b'"tickets":%b,"clocks":[%b]' % (tickets, clocks.encode())
    return found.head.model_dump_json().encode().replace(_NO_LINES, lines, 1)


def _in_json(at: str) -> str:
    """Write an instant in UTC as pydantic does."""
    return f'"{at[:-6]}Z"'


COLUMNS = ("kind", "id", "what", "state", "at", "due", "percent", "amount", "tickets")


def as_csv(found: Month) -> str:
    """Return a statement as one CSV table: a line for each ticket, clock, credit, refund and incident, told apart by
    `kind`. The last column of a refund is its currency.

    What a spreadsheet would take for a formula is marked as text.
    """
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(COLUMNS)
    out.writelines([
        f"ticket,{_cell(ticket)},{_cell(_text(category))},{status},{opened_at.isoformat()},,,,{_cell(_text(reference))}\r\n"
        for ticket, reference, _, category, opened_at, _, status, _ in found.tickets
    ])  # fmt: skip
    out.writelines([
        f"clock,{_cell(ticket)},{metric},{outcome},{met_at or ''},{due or ''},,,\r\n"
        for ticket, metric, outcome, due, met_at in found.clocks
    ])  # fmt: skip
    head = found.head
    table.writerows(
        ("credit", one.credit, one.metric, one.state, "", _at(one.due), _number(one.percent), _number(one.amount),
         " ".join(one.tickets))
        for one in head.credits
    )  # fmt: skip
    table.writerows(
        ("refund", one.ticket, _text(one.reason), one.state, _at(one.approved_at), "", "", _number(one.amount),
         one.currency)
        for one in head.refunds
    )  # fmt: skip
    table.writerows(
        ("incident", one.incident, _text(one.area), one.status, _at(one.opened_at), "", "", "", "")
        for one in head.incidents
    )
    return out.getvalue()


def _cell(words: str) -> str:
    """Write a text as one cell, as the module `csv` does."""
    return '"' + words.replace('"', '""') + '"' if _QUOTED(words) else words


def _text(words: str) -> str:
    return f"'{words}" if words.startswith(("=", "+", "-", "@", "\t", "\r")) else words


def _at(instant: datetime | None) -> str:
    return instant.isoformat() if instant else ""


def _number(value: Decimal | None) -> str:
    return "" if value is None else f"{value:f}"

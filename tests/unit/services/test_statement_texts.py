"""F8: a statement's JSON is what pydantic writes, and its CSV what the module `csv` writes, whatever stands in it."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from domain.core.enums import Metric, Plan
from domain.credits.credit import CreditState
from services.statement import CreditLine, Month, Statement, StatementIncident, StatementRefund, TicketLine
from services.statement_texts import COLUMNS, as_csv, as_json
from store.outcomes import written
from store.refunds import RefundState

SINCE, UNTIL = datetime(2026, 2, 28, 23, tzinfo=UTC), datetime(2026, 3, 31, 22, tzinfo=UTC)
TEXTS = st.text(max_size=8) | st.sampled_from(
    ["", '"', ",", "\r\n", "=HYPERLINK(1)", "@now", "\t-", '"tickets":[],"clocks":[]', "Zürich ✓", "\\", "\x00\x1f\x7f"]
)
"""What may stand in an id, in a reference, in the name of a category."""
INSTANTS = st.datetimes(SINCE.replace(tzinfo=None), UNTIL.replace(tzinfo=None)).map(lambda at: at.replace(tzinfo=UTC))
WHOLE_SECONDS = INSTANTS.map(lambda at: at.replace(microsecond=0))
INSTANT = INSTANTS | WHOLE_SECONDS
WRITTEN = st.none() | INSTANT.map(written)
TICKETS = st.tuples(
    TEXTS, TEXTS, st.sampled_from(("P0", "P3")), TEXTS, INSTANT, st.none() | INSTANT, st.just("closed"),
    st.none() | st.integers(1, 9_999),
)  # fmt: skip
CLOCKS = st.tuples(TEXTS, st.sampled_from([one.value for one in Metric]), st.just("kept"), WRITTEN, WRITTEN)


def a_month(name: str, at: datetime, tickets: list[tuple[object, ...]], clocks: list[tuple[str, ...]]) -> Month:
    """A month with these lines, and one of each other kind."""
    owed = CreditLine(
        credit=name, metric=Metric.RESOLUTION, problem=name, state=CreditState.APPLIED, due=at, percent=Decimal("5"),
        amount=None, tickets=(name, name),
    )  # fmt: skip
    paid = StatementRefund(
        ticket=name, reason=name, state=RefundState.APPROVED, approved_at=at, amount=Decimal("9.50"), currency="EUR"
    )
    outage = StatementIncident(incident=7, area=name, status="open", opened_at=at, mitigated_at=at, resolved_at=None)
    head = Statement(
        account=name, plan=Plan.PREMIUM, month="2026-03", zone="Europe/Berlin", since=SINCE, until=UNTIL, opened=1,
        resolved=1, kept=1, missed=1, waived=1, credited=Decimal("1.5"), without_amount=1, complete=True, tickets=[],
        clocks=[], credits=[owed], refunds=[paid], incidents=[outage],
    )  # fmt: skip
    return Month(head, tickets, clocks)  # type: ignore[arg-type]


def as_text(value: object) -> str:
    return "" if value is None else value.isoformat() if isinstance(value, datetime) else str(value)


def marked(words: str) -> str:
    return f"'{words}" if words[:1] and words[0] in "=+-@\t\r" else words


@given(TEXTS, INSTANT, st.lists(TICKETS, max_size=4), st.lists(CLOCKS, max_size=6))
def test_f8_a_statement_as_json_is_what_the_description_of_the_api_says(
    name: str, at: datetime, tickets: list[tuple[object, ...]], clocks: list[tuple[str, ...]]
) -> None:
    found = a_month(name, at, tickets, clocks)
    assert as_json(found) == found.whole().model_dump_json().encode()
    assert Statement.model_validate_json(as_json(found)) == found.whole()
    assert list(TicketLine.model_fields)[-1] == "incident"


@given(TEXTS, INSTANT, st.lists(TICKETS, max_size=4), st.lists(CLOCKS, max_size=6))
def test_f8_a_statement_as_csv_can_be_read_back_and_holds_no_formula(
    name: str, at: datetime, tickets: list[tuple[object, ...]], clocks: list[tuple[str, ...]]
) -> None:
    whole = (found := a_month(name, at, tickets, clocks)).whole()
    expected: list[tuple[object, ...]] = [COLUMNS]
    for one in whole.tickets:
        words = marked(one.category), one.status, one.opened_at, "", "", "", marked(one.reference)
        expected.append(("ticket", one.ticket, *words))
    for clock in whole.clocks:
        expected.append(("clock", clock.ticket, clock.metric, clock.outcome, clock.met_at, clock.due, "", "", ""))
    expected.append(("credit", name, "resolution", "applied", "", at, "5", "", f"{name} {name}"))
    expected.append(("refund", name, marked(name), "approved", at, "", "", "9.50", "EUR"))
    expected.append(("incident", 7, marked(name), "open", at, "", "", "", ""))
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([as_text(cell) for cell in line] for line in expected)
    assert as_csv(found) == out.getvalue()

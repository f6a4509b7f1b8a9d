"""Tickets about one problem share a label; the label says nothing of the customer."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.tracker.fingerprint import PREFIX, fingerprint, signature
from tests.support.reported_ticket import OPENING, ReportedTicket, escalated

LABEL = re.compile(r"tierline-fp-[0-9a-f]{12}")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("GET /api/charts/17?year=2025 500", 'INFO "GET /api/charts/18 HTTP/1.1" 500'),
        ("POST https://eu.example.com/reports 503", "POST https://us.example.com/reports -> 503"),
        (
            "KeyError: 'north'",
            "Traceback (most recent call last)\n  File \"a.py\", line 7\nValueError: first\nKeyError: 'south'",
        ),
        (
            "com.example.ReadException: no data for series 7f3c2a1b in /var/lib/a.db",
            "2026-01-05 ERROR com.example.io.ReadException: No data for series 11 in /srv/b.db\n\tat a.B.c(B.java:3)",
        ),
        (
            "RuntimeException: wrapped\nCaused by: java.io.IOException: disk 3 full",
            "ServletException: outer 4\n  at x\nCaused by: IOException: disk 4 full",
        ),
        ("ORA-00942: table or view does not exist", "code ORA-00942 at 12:03:04"),
        (
            "TypeError: cannot read 0d3a4b5c-1111-2222-3333-444455556666 of ada@example.com",
            "TypeError: cannot read ffffffff-1111-2222-3333-444455556666 of bob@example.org",
        ),
    ],
)
def test_what_varies_from_one_occurrence_to_the_next_does_not_count(one: str, other: str) -> None:
    assert signature(one) == signature(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("GET /charts 500", "GET /charts 404"),
        ("GET /charts 500", "POST /charts 500"),
        ("GET /charts 500", "GET /reports 500"),
        ("KeyError: 'a'", "ValueError: 'a'"),
        ("ReadException: no data", "ReadException: no space"),
        ("ORA-00942", "ORA-00943"),
    ],
)
def test_another_error_is_another_problem(one: str, other: str) -> None:
    assert signature(one) != signature(other)


def test_words_without_an_error_have_no_signature() -> None:
    assert signature("The chart stays empty. I expected 500 bars; got none") == ""


def test_tickets_about_the_same_error_share_a_label_whoever_wrote_it_where() -> None:
    in_the_log = escalated({"logs_or_screenshots": "12:00:01 GET /charts/1 500"})
    by_the_customer = ReportedTicket({"subject": "Help", "description": "It says: GET /charts/99 500 (again)"})
    for case in (in_the_log, by_the_customer):
        assert LABEL.fullmatch(fingerprint(case.ticket, case.texts))
    assert fingerprint(in_the_log.ticket, in_the_log.texts) == fingerprint(
        by_the_customer.ticket, by_the_customer.texts
    )


def test_the_same_error_in_another_area_is_another_problem() -> None:
    one, other = ReportedTicket(product_area="Dashboard"), ReportedTicket(product_area="billing")
    same = ReportedTicket(product_area=" dashboard ")
    assert fingerprint(one.ticket, one.texts) == fingerprint(same.ticket, same.texts)
    assert fingerprint(one.ticket, one.texts) != fingerprint(other.ticket, other.texts)


def test_without_an_error_the_title_counts_and_without_a_title_there_is_no_label() -> None:
    one = ReportedTicket(OPENING | {"subject": "Chart 17 stays empty!"})
    other = ReportedTicket(OPENING | {"subject": "chart 4 stays  EMPTY", "description": "Other words."})
    nothing = ReportedTicket({"subject": "", "description": "???"})
    assert fingerprint(one.ticket, one.texts) == fingerprint(other.ticket, other.texts)
    assert fingerprint(nothing.ticket, nothing.texts) == ""


def test_a_report_carries_the_label() -> None:
    case = escalated()
    assert case.report().fingerprint == fingerprint(case.ticket, case.texts)


@given(st.text(st.characters(), max_size=200), st.text(st.characters(), max_size=60))
def test_any_text_gives_a_label_or_none_and_never_a_word_of_it(text: str, area: str) -> None:
    case = ReportedTicket({"subject": text, "description": text}, product_area=area)
    label = fingerprint(case.ticket, case.texts)
    assert label == "" or LABEL.fullmatch(label)
    assert label == fingerprint(case.ticket, case.texts)


@given(st.integers(0, 10**9), st.uuids(), st.sampled_from(["GET /orders/{} failed: 500", "LoadError: row {} of {}"]))
def test_no_number_and_no_uuid_makes_a_difference(number: int, uuid: object, form: str) -> None:
    assert signature(form.format(number, uuid)) == signature(form.format(uuid, number)) != ""


def test_the_prefix_is_a_label_that_jira_takes() -> None:
    assert " " not in PREFIX

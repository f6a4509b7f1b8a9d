"""F7: the link of a survey cannot be guessed, forged, or used for another ticket; and it ends."""

import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import SecretStr

from domain.core.ids import ticket_id
from domain.core.refusal import Refused
from services.security.survey_links import LinkEnded, SurveyLinks

CLOSED = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
VALID = timedelta(days=30)
OLD, NEW = SecretStr("an-old-secret-of-32-characters-0"), SecretStr("a-new-secret-of-32-characters-00")
TICKET, OTHER = ticket_id("api", "1"), ticket_id("api", "2")


def links(*secrets: SecretStr) -> SurveyLinks:
    return SurveyLinks("https://support.example.com/", secrets or (OLD,), VALID)


def test_a_link_leads_to_its_ticket_until_it_ends() -> None:
    token = links().token(TICKET, CLOSED)
    assert links().link(TICKET, CLOSED) == f"https://support.example.com/survey/{token}"
    assert links().ticket(token, CLOSED + VALID - timedelta(seconds=1)) == TICKET
    with pytest.raises(LinkEnded):
        links().ticket(token, CLOSED + VALID)


def test_the_same_closing_has_the_same_link_so_a_notice_that_is_sent_again_says_the_same() -> None:
    assert links().token(TICKET, CLOSED) == links().token(TICKET, CLOSED)


@given(some.text(alphabet=string.ascii_lowercase + string.digits + ".-", max_size=90))
def test_what_is_guessed_leads_nowhere(guess: str) -> None:
    with pytest.raises(Refused, match="no link"):
        links().ticket(guess, CLOSED)


@given(some.integers(min_value=0), some.sampled_from(string.ascii_lowercase + string.digits + ".-A\n "))
def test_no_letter_of_a_link_can_be_changed(place: int, letter: str) -> None:
    token = links().token(TICKET, CLOSED)
    at = place % len(token)
    forged = token[:at] + letter + token[at + 1 :]
    if forged != token:
        with pytest.raises(Refused, match="no link"):
            links().ticket(forged, CLOSED)


def test_the_signature_of_one_ticket_or_end_is_none_of_another() -> None:
    ticket, ends, signature = links().token(TICKET, CLOSED).split(".")
    for forged in (f"{OTHER}.{ends}.{signature}", f"{ticket}.{int(ends) + 86_400}.{signature}"):
        with pytest.raises(Refused):
            links().ticket(forged, CLOSED)


def test_another_secret_signs_nothing_that_counts() -> None:
    with pytest.raises(Refused):
        links(NEW).ticket(links(OLD).token(TICKET, CLOSED), CLOSED)


def test_while_a_secret_is_replaced_both_are_read_and_the_first_signs() -> None:
    both = links(NEW, OLD)
    assert both.ticket(links(OLD).token(TICKET, CLOSED), CLOSED) == TICKET
    assert both.token(TICKET, CLOSED) == links(NEW).token(TICKET, CLOSED)


def test_a_secret_that_can_be_guessed_is_refused_without_showing_it() -> None:
    with pytest.raises(ValueError, match="32 characters") as refused:
        links(SecretStr("short"))
    assert "short" not in str(refused.value).replace("shorter", "")

"""The page on Jira lists what does not leave: each word and form that it names is found, and each kind has its row."""

import re

import pytest

from domain.documents.redaction import WORDS, redact
from tests.support.root import ROOT

PAGE = (ROOT / "docs" / "connect-your-jira.md").read_text("utf-8")
TABLE = PAGE.partition("| what | by which form |")[2].partition("\n\n")[0]
ROWS = {
    what.strip(): forms.strip() for _, what, forms, _ in (re.split(r"(?<!\\)\|", row) for row in TABLE.split("\n")[2:])
}

KINDS = {
    "e-mail addresses": {"email"}, "passwords": {"secret"}, "codes": {"secret"}, "keys and tokens": {"secret"},
    "card numbers, IBANs": {"card", "iban"}, "bank accounts": {"account"}, "phone numbers": {"phone"},
    "social security numbers (US)": {"ssn"}, "numbers of papers": {"id"}, "dates of birth": {"birth"},
    "user names in home folders": {"user"}, "IP addresses": {"ip"},
}  # fmt: skip
"""Row of the table -> the kinds of findings that it is about."""

SAID = {
    "codes": "447193", "bank accounts": "12345678", "numbers of papers": "AB1234567", "dates of birth": "12.04.1980",
}  # fmt: skip
"""Row whose words are listed one by one -> what a person writes after such a word."""

NAMED = [
    (row, quoted or plain)
    for row in SAID
    for quoted, plain in re.findall(r'"([^"]+)"|\b([A-Z]{3,5}|Aadhaar)\b', ROWS[row].partition("; by themselves")[0])
]


def test_every_kind_has_its_row_and_every_row_its_kind() -> None:
    assert set(KINDS) == set(ROWS)
    assert set().union(*KINDS.values()) == set(WORDS)


@pytest.mark.parametrize(("row", "word"), NAMED)
def test_what_stands_after_a_word_of_the_table_is_removed(row: str, word: str) -> None:
    assert set(redact(f"{word}: {SAID[row]}").removed) == KINDS[row]


@pytest.mark.parametrize(
    ("row", "form", "said"),
    [
        ("e-mail addresses", "`%40`", "jane%40example.com"),
        ("e-mail addresses", "`(at)`", "jane (at) example.com"),
        ("passwords", "`--password`", "tool --password swordfish"),
        ("passwords", "`mysql -p`", "mysql -u root -pswordfish"),
        ("passwords", "`sshpass -p`", "sshpass -p swordfish ssh host"),
        ("passwords", "`unzip -P`", "unzip -P swordfish a.zip"),
        ("passwords", "`credentials: ada:...`", "credentials: ada:sw0rdfish"),
        ("card numbers, IBANs", '"CVV"', "CVV 123"),
        ("phone numbers", "`+`", "+49 30 1234567"),
        ("phone numbers", "`00`", "0049 30 1234567"),
        ("social security numbers (US)", "`123-45-6789`", "123-45-6789"),
        ("social security numbers (US)", '"SSN"', "SSN 078051120"),
        ("numbers of papers", "`AB 12 34 56 C`", "AB 12 34 56 C"),
        ("numbers of papers", "a Brazilian CPF with dots", "123.456.789-09"),
        ("user names in home folders", "`/home/NAME/`", "/home/jdoe/app"),
        ("user names in home folders", "`/Users/NAME/`", "/Users/jane.doe/Library"),
        ("user names in home folders", r"`C:\Users\NAME\`", r"C:\Users\Jane Doe\AppData"),
    ],
)  # fmt: skip
def test_each_form_of_the_table_is_removed(row: str, form: str, said: str) -> None:
    assert form in ROWS[row]
    assert set(redact(said).removed) <= KINDS[row] != set()
    assert redact(said).removed


def test_what_the_table_says_that_stays_does_stay() -> None:
    said = "git@github.com:acme/app.git"
    assert f"not `{said}`" in ROWS["e-mail addresses"]
    assert redact(f"clone {said}, order no. 0049 1234567").removed == {}

"""Accounts from a CSV file: every fault with its line and column, and nothing of it used unless all is well."""

from decimal import Decimal
from pathlib import Path

import pytest

from domain.core.enums import Health, Plan
from domain.ticket.state import Account
from integrations.crm import csv_file
from integrations.crm.csv_file import CsvFile
from integrations.crm.port import CrmFault
from services.intake.enrichment import faults_of
from tests.support.policy import POLICY


@pytest.fixture
def csv(tmp_path: Path):
    def write(text: str | bytes) -> CsvFile:
        file = tmp_path / "accounts.csv"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return CsvFile(file, lambda account: faults_of(POLICY, account))

    return write


def faults(source: CsvFile) -> list[str]:
    with pytest.raises(CrmFault) as caught:
        list(source.accounts())
    assert all("\n" not in line for line in caught.value.faults)
    return [line.removeprefix("accounts.csv, ") for line in caught.value.faults]


def test_every_column_is_read_in_any_order(csv):
    source = csv(
        "plan,id,arr,fee,health,csm,zone,region\r\n"
        "Enterprise,acme,60000.50,5000,RED,carol,Europe/Vienna,AT-9\r\n"
        "free,initech,,,,,,\r\n"
    )
    assert list(source.accounts()) == [
        Account(
            id="acme", plan=Plan.ENTERPRISE, health=Health.RED, arr=Decimal("60000.50"), fee=Decimal(5000),
            csm="carol", zone="Europe/Vienna", region="AT-9",
        ),
        Account(id="initech", plan=Plan.FREE),
    ]  # fmt: skip


def test_id_and_plan_are_enough_and_blank_lines_and_a_mark_at_the_start_do_no_harm(csv):
    source = csv(b"\xef\xbb\xbfid,plan\n\nacme,premium\n  \n")
    assert [account.id for account in source.accounts()] == ["acme"]


def test_every_fault_is_named_with_its_line_and_column(csv):
    source = csv(
        "id,plan,arr,zone,region\n"
        "acme,gold,1,,\n"
        "beta,free,1e5,,\n"
        ",free,,,\n"
        "acme2,free\n"
        "gamma,free,,Mars/Olympus,\n"
        "delta,free,,,DE-XX\n"
        "eps,premium,,,\n"
        "eps,premium,,,\n"
        '"two\nlines",free,,,\n'
    )
    assert faults(source) == [
        "line 2, column plan: 'gold' is none of free, standard, premium, enterprise",
        "line 3, column arr: '1e5' is no amount: write digits, and a point before the cents, as 12000.50",
        "line 4, column id: is empty",
        "line 5: has 2 fields, and there are 5 columns",
        "line 6, column zone: 'Mars/Olympus' is not an IANA time zone, as Europe/Berlin is",
        "line 7, column region: DE has no region 'XX' with own holidays",
        "line 9, column id: the same as in line 8",
        "line 11, column id: holds a character that cannot be seen",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "line 1: there is no column id: the first line names the columns, "),
        ("name,plan\n", "line 1: there is no column id"),
        ("id,plan,email\nacme,free,a@b.c\n", "line 1: 'email' is no column"),
        ("id,plan,plan\nacme,free,free\n", "line 1, column plan: is there twice"),
        (b"id,plan\n\xff\xfe,free\n", "line 2: is not UTF-8 text; in a spreadsheet, save it as 'CSV UTF-8'"),
        ('id,plan\n"acme,free\n', "line 2: is no CSV"),
    ],
)
def test_a_file_of_another_kind_is_told_in_one_line(csv, text, fault):
    assert faults(csv(text))[0].startswith(fault)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(CrmFault, match="No such file"):
        list(CsvFile(tmp_path / "none.csv").accounts())


def test_what_stands_in_a_wrong_file_is_not_repeated(csv):
    source = csv("id,plan\nacme,Jane Doe lives in 12 High Street\n")
    assert "Jane" not in str(faults(source))


def test_only_the_first_faults_are_told_one_by_one(csv):
    source = csv("id,plan\n" + "".join(f"a{place},gold\n" for place in range(50)))
    with pytest.raises(CrmFault) as caught:
        list(source.accounts())
    assert (len(caught.value.faults), caught.value.more) == (csv_file.SHOWN, 50 - csv_file.SHOWN)


def test_a_file_has_a_bound(csv, monkeypatch):
    monkeypatch.setattr(csv_file, "MOST", 2)
    assert faults(csv("id,plan\na,free\nb,free\nc,free\nd,free\n")) == ["line 4: more than 2 accounts"]


def recognised(source: CsvFile) -> tuple[str, str]:
    list(source.accounts())
    assert source.recognised is not None
    return source.recognised.encoding, source.recognised.separator


HEAD = "id,plan,arr\nacme,standard,100\n"


@pytest.mark.parametrize(
    ("text", "encoding", "separator"),
    [
        (HEAD, "UTF-8", "commas"),
        (HEAD.replace(",", ";"), "UTF-8", "semicolons"),
        (HEAD.replace(",", "\t"), "UTF-8", "tabs"),
        (HEAD.replace(",", "|"), "UTF-8", "bars"),
        ("sep=;\r\n" + HEAD.replace(",", ";"), "UTF-8", "semicolons"),
        ("sep=,\n" + HEAD, "UTF-8", "commas"),
        ('"sep=^"\n' + HEAD.replace(",", "^"), "UTF-8", "'^'"),
        ("\ufeff" + HEAD, "UTF-8", "commas"),
        ("\ufeffsep=;\n" + HEAD.replace(",", ";"), "UTF-8", "semicolons"),
        (("\ufeff" + HEAD.replace(",", "\t")).encode("utf-16-le"), "UTF-16", "tabs"),
        (("\ufeff" + HEAD).encode("utf-16-be"), "UTF-16", "commas"),
        (HEAD.replace(",", "\t").encode("utf-16-le"), "UTF-16", "tabs"),
        (HEAD.encode("utf-16-be"), "UTF-16", "commas"),
        ('"id";"plan";"arr"\r\n"acme";"standard";"100"\r\n', "UTF-8", "semicolons"),
        (HEAD.replace("\n", "\r"), "UTF-8", "commas"),  # as a Macintosh of old ends its lines
        (HEAD.replace(",", "\u00a0,\u00a0"), "UTF-8", "commas"),
    ],
)
def test_what_spreadsheets_write_is_recognised(csv, text, encoding, separator):
    source = csv(text)
    assert list(source.accounts()) == [Account(id="acme", plan=Plan.STANDARD, arr=Decimal(100))]
    assert recognised(source) == (encoding, separator)


def test_bytes_of_another_encoding_are_named_with_their_line_and_what_to_do(csv):
    source = csv("id,plan,csm\r\nacme,standard,carol\r\nmüller,standard,jürgen\r\n".encode("cp1252"))
    assert faults(source) == ["line 3: is not UTF-8 text; in a spreadsheet, save it as 'CSV UTF-8'"]


def test_a_line_is_named_as_the_file_counts_it_after_a_line_that_says_the_separator(csv):
    assert faults(csv("sep=;\nid;plan\nacme;gold\n")) == [
        "line 3, column plan: 'gold' is none of free, standard, premium, enterprise"
    ]


def test_empty_columns_at_the_end_are_no_columns(csv):
    source = csv("id,plan,arr,,\nt1,standard,100,,\nt2,standard,200\n,,,,\n")
    assert [account.id for account in source.accounts()] == ["t1", "t2"]
    assert source.recognised.columns == ("id", "plan", "arr")
    assert faults(csv("id,plan,,\nt1,standard,,more\n")) == ["line 2: has 4 fields, and there are 2 columns"]
    assert faults(csv("id,,plan\nt1,,standard\n"))[0].startswith("line 1: column 2 has no name")


def test_a_decimal_comma_is_one_where_commas_do_not_separate(csv):
    (account,) = csv("id;plan;arr;fee\nsemi;standard;12000,50;7,5\n").accounts()
    assert (account.arr, account.fee) == (Decimal("12000.50"), Decimal("7.5"))
    assert "'12,000' is no amount" in faults(csv("id;plan;arr\nsemi;standard;12,000\n"))[0]  # of two readings, none
    assert "is no amount" in faults(csv('id,plan,arr\nsemi,standard,"12000,50"\n'))[0]


def test_a_misspelt_column_is_named_with_what_may_be_meant(csv):
    assert faults(csv("id,plan,helth\na,free,red\n")) == [
        "line 1: 'helth' is no column (did you mean health?): they are id, plan, health, arr, fee, csm, zone, region"
    ]


def test_of_an_account_only_what_has_a_column_is_said(csv):
    source = csv("id,plan,arr\nacme,standard,\n")
    (account,) = source.accounts()
    assert account.model_fields_set == {"id", "plan", "arr"}
    assert source.recognised.absent == ("health", "fee", "csm", "zone", "region")


def test_an_id_is_one_however_its_accents_are_composed(csv):
    assert [one.id for one in csv("id,plan\nmu\u0308ller,free\n").accounts()] == ["m\u00fcller"]
    assert faults(csv("id,plan\nmu\u0308ller,free\nm\u00fcller,free\n")) == ["line 3, column id: the same as in line 2"]


@pytest.mark.parametrize("name", [".", ".."])
def test_an_id_that_no_address_can_name_is_refused(csv, name):
    assert faults(csv(f"id,plan\n{name},free\n")) == ["line 2, column id: cannot be . or ..: no address could name it"]


def test_ids_with_a_slash_and_the_like_are_taken(csv):
    names = ["acme/emea", "o'brien+emea@example.com", "100% Pure", "a?b#c"]
    assert [one.id for one in csv("id,plan\n" + "".join(f"{name},free\n" for name in names)).accounts()] == names

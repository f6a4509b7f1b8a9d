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
from services.policy_file.load import load_policy

POLICY = load_policy()


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
        (b"id,plan\n\xff\xfe,free\n", "accounts.csv: is not UTF-8 text"),
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

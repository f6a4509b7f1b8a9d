"""Accounts from a CSV file: a heading that names the columns, then one account a line.

Every fault is named with its line and column, all of them before anything is used. Nothing of a field is repeated
but what is no more than a word: a file of the wrong kind must not end up in a terminal or a log.
"""

import csv
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from domain.core.enums import Health, Plan
from domain.ticket.state import Account
from integrations.crm.port import CrmFault

COLUMNS = ("id", "plan", "health", "arr", "fee", "csm", "zone", "region")
NEEDED = ("id", "plan")
MOST = 1_000_000
"""Accounts of one file."""
LONGEST = 200
"""Characters of a field."""
SHOWN = 20
"""Faults that are told one by one."""

Check = Callable[[Account], dict[str, str]]
"""What is wrong with an account that a file cannot know: column -> reason. Zones are for the front door to say."""


class CsvFile:
    """Implements `Crm`."""

    def __init__(self, path: Path, check: Check = lambda _account: {}) -> None:
        self._path = path
        self._check = check

    def accounts(self) -> Iterator[Account]:
        """Every account of the file. Raises CrmFault at its end, if anything in it is wrong."""
        faults = _Faults(self._path.name)
        with self._rows(faults) as rows:
            columns = _heading(next(rows, None), faults)
            seen: dict[str, int] = {}
            for line, row in rows:
                if not any(field.strip() for field in row):
                    continue
                account = _account(columns, row, line, faults)
                if account is None:
                    continue
                for column, reason in self._check(account).items():
                    faults.add(line, column, reason)
                if account.id in seen:
                    faults.add(line, "id", f"the same as in line {seen[account.id]}")
                seen.setdefault(account.id, line)
                if len(seen) > MOST:
                    faults.add(line, "", f"more than {MOST:,} accounts")
                    break
                yield account
        faults.settle()

    @contextmanager
    def _rows(self, faults: "_Faults") -> Iterator[Iterator[tuple[int, list[str]]]]:
        try:
            with self._path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.reader(file, strict=True)
                yield ((reader.line_num, row) for row in reader)
        except OSError as error:
            raise CrmFault([f"{self._path}: cannot be read: {error.strerror}"]) from None
        except UnicodeDecodeError:
            raise CrmFault([f"{self._path.name}: is not UTF-8 text"]) from None
        except csv.Error as error:
            faults.stop(f"{self._path.name}, line {reader.line_num}: is no CSV: {error}")


class _Faults:
    """What is wrong with a file, as far as it is told."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._told: list[str] = []
        self._more = 0

    def add(self, line: int, column: str, reason: str) -> None:
        place = f"{self._name}, line {line}" + (f", column {column}" if column else "")
        if len(self._told) < SHOWN:
            self._told.append(f"{place}: {reason}")
        else:
            self._more += 1

    def stop(self, text: str) -> None:
        """Nothing after this can be read."""
        raise CrmFault([*self._told, text], self._more) from None

    def settle(self) -> None:
        if self._told:
            raise CrmFault(self._told, self._more)


def _heading(first: tuple[int, list[str]] | None, faults: _Faults) -> list[str]:
    """The columns, in the order of the file."""
    columns = [name.strip().lower() for name in first[1]] if first else []
    line = first[0] if first else 1
    for name in NEEDED:
        if name not in columns:
            faults.add(line, "", f"there is no column {name}: the first line names the columns, {', '.join(COLUMNS)}")
    for name in dict.fromkeys(columns):
        if name not in COLUMNS:
            faults.add(line, "", f"{_word(name)} is no column: they are {', '.join(COLUMNS)}")
        elif columns.count(name) > 1:
            faults.add(line, name, "is there twice")
    faults.settle()
    return columns


def _account(columns: list[str], row: list[str], line: int, faults: _Faults) -> Account | None:
    """The account of a line; None if anything in it is wrong, which is noted."""
    if len(row) != len(columns):
        faults.add(line, "", f"has {len(row)} fields, and there are {len(columns)} columns")
        return None
    values: dict[str, Any] = {}
    for column, text in zip(columns, map(str.strip, row), strict=True):
        try:
            values[column] = _READ[column](text)
        except ValueError as error:
            faults.add(line, column, str(error))
    if len(values) < len(columns):
        return None
    return Account.model_validate({name: value for name, value in values.items() if value is not None})


def _plan(text: str) -> Plan:
    return Plan(_one_of(text, [plan.value for plan in Plan]))


def _health(text: str) -> Health | None:
    return Health(_one_of(text, [health.value for health in Health])) if text else None


def _one_of(text: str, words: list[str]) -> str:
    if text.lower() not in words:
        raise ValueError(f"{_word(text)} is none of {', '.join(words)}")
    return text.lower()


def _amount(text: str) -> Decimal | None:
    if not text:
        return None
    try:
        amount = Decimal(text) if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,4})?", text) else None
    except InvalidOperation:
        amount = None
    if amount is None:
        raise ValueError(f"{_word(text)} is no amount: write digits, and a point before the cents, as 12000.50")
    return amount


def _id(text: str) -> str:
    if not text:
        raise ValueError("is empty")
    return _plain(text) or ""


def _plain(text: str) -> str | None:
    if len(text) > LONGEST:
        raise ValueError(f"is longer than {LONGEST} characters")
    if not text.isprintable():
        raise ValueError("holds a character that cannot be seen")
    return text or None


_READ: dict[str, Callable[[str], Any]] = {
    "id": _id,
    "plan": _plan,
    "health": _health,
    "arr": _amount,
    "fee": _amount,
    "csm": _plain,
    "zone": _plain,
    "region": _plain,
}


def _word(text: str) -> str:
    """What a field says, if it is one word: anything else may be somebody's data."""
    return repr(text) if re.fullmatch(r"[\w.,+-]{1,30}", text) else "what is there"

"""Accounts from a CSV file: a heading that names the columns, then one account a line.

A column that is not there says nothing: what it would say stays as it was. An empty cell of a column that is there
clears what was known. Spreadsheets write other separators and encodings than commas and UTF-8: they are recognised
where the file shows them, and else named.

Every fault is named with its line and column, all of them before anything is used. Nothing of a field is repeated
but what is no more than a word: a file of the wrong kind must not end up in a terminal or a log.
"""

import csv
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TextIO

from domain.core.enums import Health, Plan
from domain.core.ids import account_id
from domain.ticket.state import Account
from integrations.crm.port import CrmFault

COLUMNS = ("id", "plan", "health", "arr", "fee", "csm", "zone", "region")
NEEDED = ("id", "plan")
MOST = 1_000_000
"""Accounts of one file."""
LONGEST = 200
"""Characters of a field."""
SHOWN = 20
"""Faults that are named one by one."""

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
"""Byte order marks, and what they say."""
_ENCODINGS = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16"}

Check = Callable[[Account], dict[str, str]]
"""Finds what is wrong with an account and cannot be known from the file, such as a zone: column -> reason."""


@dataclass(frozen=True)
class Recognised:
    """How a file was read."""

    encoding: str
    separator: str
    """`commas`, `semicolons`, `tabs`, `bars`; or the character itself."""
    columns: tuple[str, ...]

    @property
    def absent(self) -> tuple[str, ...]:
        """Return the columns that are not there, so that the file says nothing of them."""
        return tuple(name for name in COLUMNS if name not in self.columns)


class CsvFile:
    """Implements `Crm`. Of an account only what the file has columns for is set (`model_fields_set`)."""

    def __init__(self, path: Path, check: Check = lambda _account: {}) -> None:
        self._path = path
        self._check = check
        self.recognised: Recognised | None = None
        """How the file is read, once that is known."""

    def accounts(self) -> Iterator[Account]:
        """Yield every account of the file. Raises CrmFault at its end, if anything in it is wrong."""
        faults = _Faults(self._path.name)
        with self._rows(faults) as rows:
            columns = _heading(next(rows, None), faults)
            assert self.recognised is not None
            self.recognised = Recognised(self.recognised.encoding, self.recognised.separator, tuple(columns))
            decimal_comma = self.recognised.separator != SEPARATORS[","]
            seen: dict[str, int] = {}
            for line, row in rows:
                if not any(field.strip() for field in row):
                    continue
                account = _account(columns, row, line, faults, decimal_comma=decimal_comma)
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
        line = 1
        try:
            encoding = _encoding(self._path)
            with self._path.open(encoding=encoding, newline="") as file:
                separator, skipped = _separator(file)
                self.recognised = Recognised(_ENCODINGS[encoding], SEPARATORS.get(separator, repr(separator)), ())
                reader = csv.reader(file, strict=True, delimiter=separator)

                def rows() -> Iterator[tuple[int, list[str]]]:
                    nonlocal line
                    for row in reader:
                        line = reader.line_num + skipped
                        yield line, row
                    line = reader.line_num + skipped

                yield rows()
        except OSError as error:
            raise CrmFault([f"{self._path}: cannot be read: {error.strerror}"]) from None
        except UnicodeError:
            place = f", line {wrong}" if (wrong := _undecodable(self._path)) else ""
            faults.stop(f"{self._path.name}{place}: is not UTF-8 text; in a spreadsheet, save it as 'CSV UTF-8'")
        except csv.Error as error:
            faults.stop(f"{self._path.name}, line {reader.line_num + skipped}: is no CSV: {error}")


def _encoding(path: Path) -> str:
    """Return the encoding: UTF-16 if a mark at the start says so, or if every other byte is nothing; else UTF-8."""
    with path.open("rb") as file:
        head = file.read(400)
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    if len(head) >= 8 and not any(head[1::2]):
        return "utf-16-le"
    return "utf-16-be" if len(head) >= 8 and not any(head[::2]) else "utf-8"


def _undecodable(path: Path) -> int | None:
    """Return the line of the first byte that is not UTF-8; None in a file of another encoding."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return None


def _separator(file: TextIO) -> tuple[str, int]:
    """Return what stands between the fields, and how many lines come before the heading. The file is left at its
    heading.

    A first line `sep=;` says it, as spreadsheets write it. Else it is what cuts the heading into most names of columns;
    commas, if none does better.
    """
    start = file.tell()
    first = file.readline(10_000)
    if declared := re.fullmatch(r'"?sep=(.)"?\s*', first, re.IGNORECASE):
        return declared[1], 1
    file.seek(start)

    def known(separator: str) -> int:
        return len({name.strip().strip('"').strip().lower() for name in first.split(separator)} & set(COLUMNS))

    return max(SEPARATORS, key=known), 0


class _Faults:
    """What is wrong with a file: the first faults, and how many more there are."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._listed: list[str] = []
        self._more = 0

    def add(self, line: int, column: str, reason: str) -> None:
        place = f"{self._name}, line {line}" + (f", column {column}" if column else "")
        if len(self._listed) < SHOWN:
            self._listed.append(f"{place}: {reason}")
        else:
            self._more += 1

    def stop(self, text: str) -> None:
        """Note a fault after which nothing can be read."""
        raise CrmFault([*self._listed, text], self._more) from None

    def settle(self) -> None:
        if self._listed:
            raise CrmFault(self._listed, self._more)


def _heading(first: tuple[int, list[str]] | None, faults: _Faults) -> list[str]:
    """Return the columns, in the order of the file. Empty ones at the end are those of a spreadsheet, and say
    nothing."""
    columns = [name.strip().lower() for name in first[1]] if first else []
    while columns and not columns[-1]:
        columns.pop()
    line = first[0] if first else 1
    for name in NEEDED:
        if name not in columns:
            faults.add(line, "", f"there is no column {name}: the first line names the columns, {', '.join(COLUMNS)}")
    for place, name in enumerate(columns, 1):
        if not name:
            faults.add(line, "", f"column {place} has no name: they are {', '.join(COLUMNS)}")
        elif name not in COLUMNS:
            close = get_close_matches(name, COLUMNS, n=1)
            meant = f" (did you mean {close[0]}?)" if close and close[0] not in columns else ""
            faults.add(line, "", f"{_word(name)} is no column{meant}: they are {', '.join(COLUMNS)}")
        elif columns.index(name) < place - 1:
            faults.add(line, name, "is there twice")
    faults.settle()
    return columns


def _account(
    columns: list[str], row: list[str], line: int, faults: _Faults, *, decimal_comma: bool = False
) -> Account | None:
    """Return the account of a line; None if anything in it is wrong, which is noted. What has a column is set, and no
    more."""
    fields = [field.strip() for field in row]
    while len(fields) > len(columns) and not fields[-1]:
        fields.pop()
    if len(fields) != len(columns):
        faults.add(line, "", f"has {len(fields)} fields, and there are {len(columns)} columns")
        return None
    values: dict[str, Any] = {}
    for column, text in zip(columns, fields, strict=True):
        if decimal_comma and column in ("arr", "fee"):
            text = re.sub(r"^([0-9]+),([0-9]{1,2})$", r"\1.\2", text)
        try:
            values[column] = _READ[column](text)
        except ValueError as error:
            faults.add(line, column, str(error))
    return Account.model_validate(values) if len(values) == len(columns) else None


def _plan(text: str) -> Plan:
    return Plan(_one_of(text, [plan.value for plan in Plan]))


def _health(text: str) -> Health:
    """Return the health in a cell; an empty cell says nothing of it."""
    return Health(_one_of(text, [health.value for health in Health])) if text else Health.GREEN


def _one_of(text: str, words: list[str]) -> str:
    if text.lower() not in words:
        raise ValueError(f"{_word(text)} is none of {', '.join(words)}")
    return text.lower()


def _amount(text: str) -> Decimal | None:
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,4})?", text, re.ASCII):
        raise ValueError(f"{_word(text)} is no amount: write digits, and a point before the cents, as 12000.50")
    return Decimal(text)


def _id(text: str) -> str:
    if not text:
        raise ValueError("is empty")
    return account_id(_plain(text) or "")


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
    """Return what a field says, if it is one word: anything else may be somebody's data."""
    return repr(text) if re.fullmatch(r"[\w.,+-]{1,30}", text) else "what is there"

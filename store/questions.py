"""Questions that every page asks: each statement is written as SQL once, with its constants, and then only asked.

SQLAlchemy makes a statement anew each time that it is asked, finds its text in a cache, and looks at each value on the
way there and back. That takes several times as long as the answer of PostgreSQL itself, so what is asked many times a
second skips it. The driver turns the values into Python's, as it does for SQLAlchemy. Several questions can be asked
together, as one statement: a page waits for one answer instead of ten.
"""

import json
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any

from sqlalchemy import BindParameter, DateTime, Numeric, Select, literal_column
from sqlalchemy.dialects.postgresql import psycopg2
from sqlalchemy.orm import Session
from sqlalchemy.sql.visitors import replacement_traverse

_DIALECT = psycopg2.dialect()  # type: ignore[no-untyped-call]
_PLACE = "<<{}>>"
_ANSWERS = "answers"
"""In the `info` of a session: what was asked together."""


class Question:
    """A statement whose parameters are given by name when it is asked."""

    def __init__(self, statement: Select[*tuple[Any, ...]]) -> None:
        self._statement = statement

    def ask(self, session: Session, **given: Any) -> Sequence[Any]:
        """Return the rows of the answer, of a question that was asked together with others its answer as of then.
        Binary columns come as memory views."""
        known: _Answer | None = session.info.get(_ANSWERS, {}).get(self)
        if known is not None and known.given == given:
            return known.rows
        return session.connection().exec_driver_sql(self._sql, given).all()

    @cached_property
    def _sql(self) -> str:
        return self.written("")

    def written(self, prefix: str) -> str:
        """Return the statement with its constants, in the driver's spelling, its parameters' names behind a prefix."""
        sql, names = self._parts
        for name in names:
            sql = sql.replace(_PLACE.format(name), f"%({prefix}{name})s")
        return sql

    def as_json(self, prefix: str) -> str:
        """Return an expression that makes all rows of the answer one JSON text."""
        names = [f"c{number}" for number in range(len(self._columns))]
        values = (
            f"one.{name}::text" if isinstance(column.type, Numeric) else f"one.{name}"
            for name, column in zip(names, self._columns, strict=True)
        )
        return (
            f"(SELECT json_agg(json_build_array({', '.join(values)}))::text "
            f"FROM ({self.written(prefix)}) AS one ({', '.join(names)}))"
        )

    def rows(self, answer: str | None) -> list[Any]:
        """Return the rows of which `as_json` made a text, as `ask` has them."""
        found: list[list[Any]] = json.loads(answer) if answer else []
        for row in found:
            for place, read in self._read:
                if row[place] is not None:
                    row[place] = read(row[place])
        return [self._row(*row) for row in found]

    @cached_property
    def _parts(self) -> tuple[str, Sequence[str]]:
        """Write the statement with its constants; return it and the names of its parameters, which are places in it."""
        names: set[str] = set()

        def place(element: Any, **_: Any) -> Any:
            if isinstance(element, BindParameter) and element.required:
                names.add(element.key)
                return literal_column(_PLACE.format(element.key), element.type)
            return None

        asked: Any = replacement_traverse(self._statement, {}, place)
        return str(asked.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True})), sorted(names)

    @cached_property
    def _columns(self) -> Sequence[Any]:
        return tuple(self._statement.selected_columns)

    @cached_property
    def _row(self) -> Callable[..., Any]:
        return namedtuple("_row", [column.key for column in self._columns], rename=True)

    @cached_property
    def _read(self) -> Sequence[tuple[int, Callable[[str], Any]]]:
        """Return how values are read that JSON has no word for: by their places."""
        kinds = ((DateTime, datetime.fromisoformat), (Numeric, Decimal))
        return tuple(
            (place, read)
            for place, column in enumerate(self._columns)
            for kind, read in kinds
            if isinstance(column.type, kind)
        )


Asked = dict[Question, dict[str, Any]]
"""Questions, each with its parameters."""


class _Answer:
    """What a question was told, and with which parameters it was asked."""

    def __init__(self, given: Mapping[str, Any], rows: list[Any]) -> None:
        self.given = given
        self.rows = rows


@lru_cache(maxsize=200)
def _one_statement(asked: tuple[Question, ...]) -> str:
    return "SELECT " + ", ".join(question.as_json(f"q{number}_") for number, question in enumerate(asked))


@contextmanager
def asked_together(session: Session, asked: Asked) -> Iterator[None]:
    """Ask several questions as one statement. In the block, whoever asks one of them again in this session, with the
    same parameters, gets that answer."""
    given = {
        f"q{number}_{name}": value for number, values in enumerate(asked.values()) for name, value in values.items()
    }
    row = session.connection().exec_driver_sql(_one_statement(tuple(asked)), given).one()
    session.info[_ANSWERS] = {
        question: _Answer(values, question.rows(answer))
        for (question, values), answer in zip(asked.items(), row, strict=True)
    }
    try:
        yield
    finally:
        del session.info[_ANSWERS]

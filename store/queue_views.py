"""The views of the queue: which tickets each has, and how many."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    DateTime,
    Select,
    Text,
    and_,
    bindparam,
    func,
    or_,
    select,
    text,
    true,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import Session

from domain.core.enums import SlaState, Tier, WaitsOn
from store.queries import ACTIVE, Page, in_order, page_of, queue_lines
from store.questions import Question
from store.tables.tickets import TicketRow

_OPEN = TicketRow.status.in_(ACTIVE)
IS_ASKED = text("tickets.asked <> '{}'")
"""As the index of the column says it."""


def has_flag(name: str) -> ColumnElement[bool]:
    """Return the condition that a ticket has one of the flags of `domain.ticket.derived.flags`."""
    return TicketRow.flags.bool_op("@>")(array([name]))


def has_one_of(*names: str) -> ColumnElement[bool]:
    """Return the condition that a ticket has at least one of these flags."""
    return TicketRow.flags.bool_op("&&")(array(names))


Of = str | BindParameter[str]
When = datetime | BindParameter[datetime]


def conditions(person: Of, tomorrow: When) -> Mapping[str, ColumnElement[bool]]:
    """Return the condition of each view, by name, for a `person`.

    `tomorrow` is when the person's day ends, for what is promised today. What is at risk (F10) counts whenever it is
    due.
    """
    of_active = {name: and_(_OPEN, condition) for name, condition in _of_active(person).items()}
    return {**of_active, **_with_resolved(person, tomorrow)}


def _of_active(person: Of) -> Mapping[str, ColumnElement[bool]]:
    """Return what each view of active tickets asks of one."""
    state, waits = TicketRow.sla_state, TicketRow.waits_on
    at_risk = [SlaState.WARNED.value, SlaState.TARGET_MISSED.value]
    return {
        "all": true(),
        "mine": TicketRow.assignee == person,
        "unassigned": TicketRow.assignee.is_(None),
        "limit": has_flag("limit_running"),
        "incomplete": has_flag("package_incomplete"),
        "at-risk": state.in_(at_risk),
        "breached": state == SlaState.BREACHED.value,
        "attention": has_flag("attention"),
        "loop": has_flag("close_the_loop"),
        "customer": waits == WaitsOn.CUSTOMER.value,
        "tracker": waits.in_([WaitsOn.ENGINEERING.value, WaitsOn.TRACKER.value]),
        "incident": waits.in_([WaitsOn.INCIDENT.value, WaitsOn.PAGER.value]),
        **{tier.value: TicketRow.tier == tier.value for tier in Tier},
    }


def _with_resolved(person: Of, tomorrow: When) -> Mapping[str, ColumnElement[bool]]:
    """Return the condition of each view that has resolved tickets too: a follow-up is promised for later (G16).

    Nothing knows who is in a team: a question to one (G15) is in `questions`, which has them all.
    """
    asked = and_(IS_ASKED, TicketRow.asked.bool_op("&&")(array([person])))
    due = or_(TicketRow.promise_due < tomorrow, has_flag("promise_at_risk"))
    promised = and_(TicketRow.promise_due.is_not(None), due)
    either = TicketRow.status.in_((*ACTIVE, "resolved"))
    return {"asked": and_(either, asked), "questions": and_(either, IS_ASKED), "promised": and_(either, promised)}


OF_PERSON = "mine"
"""The view of active tickets that is another one for each person."""
_PERSON, _TOMORROW = bindparam("person", type_=Text()), bindparam("tomorrow", type_=DateTime(timezone=True))


@cache
def _lines(name: str, limit: int) -> Question:
    return Question(in_order(queue_lines().where(conditions(_PERSON, _TOMORROW)[name])).limit(limit + 1))


NAMES = tuple(conditions(_PERSON, _TOMORROW))
"""Every view."""
SHARED = tuple(name for name in _of_active(_PERSON) if name != OF_PERSON)
"""The views that have the same tickets for everybody, and active ones only."""


@cache
def _counting(names: tuple[str, ...]) -> Select[*tuple[Any, ...]]:
    """Return one statement that counts the tickets of views. It reads the active tickets once for all views that have
    no others, and counts each of the others by an index of its own."""
    alone = _with_resolved(_PERSON, _TOMORROW)
    of_active = _of_active(_PERSON)
    columns = [func.count().filter(of_active[name]).label(name) for name in names if name in of_active]
    subqueries = [
        select(func.count()).select_from(TicketRow).where(alone[name]).correlate(None).scalar_subquery().label(name)
        for name in names
        if name in alone
    ]
    return select(*columns, *subqueries).where(_OPEN)


def first_page(session: Session, name: str, person: str, tomorrow: datetime, limit: int) -> Page:
    """Return how a view begins for a person, as `queries.queue` does, by a statement that is made once."""
    return page_of(_lines(name, limit).ask(session, person=person, tomorrow=tomorrow), limit)


class Own(NamedTuple):
    """The counts of views that are another one for each person, or have resolved tickets."""

    counts: Mapping[str, int]
    changed_at: datetime | None
    """When a ticket was changed last, as far as it can be seen; None: there is none."""


def own_counts(session: Session, person: str, tomorrow: datetime) -> Own:
    """Count the tickets of the views that are not SHARED, by indexes of their own."""
    [row] = _OWN.ask(session, person=person, tomorrow=tomorrow)
    found: dict[str, Any] = row._asdict()
    return Own(found, found.pop("changed_at"))


def _own() -> Select[*tuple[Any, ...]]:
    of = conditions(_PERSON, _TOMORROW)
    counted = [
        select(func.count()).select_from(TicketRow).where(of[name]).scalar_subquery().label(name)
        for name in NAMES
        if name not in SHARED
    ]
    return select(*counted, select(func.max(TicketRow.updated_at)).scalar_subquery().label("changed_at"))


_OWN = Question(_own())


def counts(session: Session, person: str, tomorrow: datetime, names: Iterable[str]) -> dict[str, int]:
    """Count the tickets of some views for a person, by a statement that is made once."""
    statement = _counting(tuple(names))
    return dict(session.execute(statement, {"person": person, "tomorrow": tomorrow}).mappings().one())

"""The views of the queue: which tickets each has, and how many."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    DateTime,
    Select,
    Text,
    and_,
    bindparam,
    func,
    select,
    text,
    true,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import Session

from domain.core.enums import SlaState, Tier, WaitsOn
from store.queries import ACTIVE, Page, in_order, queue_lines, read_page
from store.tables.tickets import TicketRow

_OPEN = TicketRow.status.in_(ACTIVE)
_PROMISING = (*ACTIVE, "resolved")
"""A follow-up is promised for after the resolution (G16)."""


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


def conditions(person: Of, names: Sequence[str], tomorrow: When) -> Mapping[str, ColumnElement[bool]]:
    """Return the condition of each view, by name, for a `person` who is also asked by the names of teams.

    `tomorrow` is when the person's day ends, for what is promised today.
    """
    state, waits = TicketRow.sla_state, TicketRow.waits_on
    at_risk = [SlaState.WARNED.value, SlaState.TARGET_MISSED.value]
    of_all = {
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
    asked = and_(IS_ASKED, TicketRow.asked.bool_op("&&")(array([person, *names])))
    promised = and_(TicketRow.promise_due.is_not(None), TicketRow.promise_due < tomorrow)
    return {name: and_(_OPEN, condition) for name, condition in of_all.items()} | {
        "asked": and_(TicketRow.status.in_(_PROMISING), asked),
        "promised": and_(TicketRow.status.in_(_PROMISING), promised),
    }


@cache
def _bound() -> Mapping[str, ColumnElement[bool]]:
    """Return the conditions for whichever person, and whichever evening."""
    person, tomorrow = bindparam("person", type_=Text()), bindparam("tomorrow", type_=DateTime(timezone=True))
    return conditions(person, (), tomorrow)


@cache
def _lines(name: str, limit: int) -> Select[*tuple[Any, ...]]:
    return in_order(queue_lines().where(_bound()[name])).limit(limit + 1)


@cache
def _all_counts() -> Select[*tuple[Any, ...]]:
    return _counting(_bound())


def first_page(session: Session, name: str, person: str, tomorrow: datetime, limit: int) -> Page:
    """Return how a view begins for a person, as `queries.queue` does, by a statement that is made once."""
    return read_page(session, _lines(name, limit), limit, {"person": person, "tomorrow": tomorrow})


def all_counts(session: Session, person: str, tomorrow: datetime) -> dict[str, int]:
    """Count the tickets of every view for a person, by a statement that is made once."""
    known = {"person": person, "tomorrow": tomorrow}
    return dict(session.execute(_all_counts(), known).mappings().one())


def counts(session: Session, of: Mapping[str, ColumnElement[bool]]) -> dict[str, int]:
    """Count the tickets of each view, all at once."""
    return dict(session.execute(_counting(of)).mappings().one())


def _counting(of: Mapping[str, ColumnElement[bool]]) -> Select[*tuple[Any, ...]]:
    columns = [func.count().filter(condition).label(name) for name, condition in of.items()]
    # No view has a closed ticket. Anything finer would make PostgreSQL read them all: no index serves such an "or".
    return select(*columns).where(TicketRow.status.in_(_PROMISING))

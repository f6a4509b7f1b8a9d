"""The views of the queue: which tickets each has, and how many."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, select, text, true
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import Session

from domain.core.enums import SlaState, Tier, WaitsOn
from store.queries import ACTIVE
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


def conditions(person: str, names: Sequence[str], tomorrow: datetime) -> Mapping[str, ColumnElement[bool]]:
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


def counts(session: Session, of: Mapping[str, ColumnElement[bool]]) -> dict[str, int]:
    """Count the tickets of each view, all at once."""
    columns = [func.count().filter(condition).label(name) for name, condition in of.items()]
    # No view has a closed ticket. Anything finer would make PostgreSQL read them all: no index serves such an "or".
    return dict(session.execute(select(*columns).where(TicketRow.status.in_(_PROMISING))).mappings().one())

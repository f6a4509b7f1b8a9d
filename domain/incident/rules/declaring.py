"""How an incident begins, and the messages to it that could not be taken."""

from collections.abc import Iterator
from typing import Literal

from domain.aggregate.event import Envelope
from domain.aggregate.rule import Rule
from domain.core.enums import Priority, Role
from domain.core.input_types import Name
from domain.core.values import Frozen
from domain.incident.rules.basics import effect_of
from domain.incident.state import (
    Effect,
    Incident,
)
from domain.incident.terms import IncidentTerms


class Declare(Frozen):
    """How an incident begins. It is not paged for before its first ticket has joined, unless it is declared by hand."""

    number: int
    product_area: str = ""
    priority: Priority
    terms: IncidentTerms
    drill: bool = False
    by: Name = "tierline"
    role: Role = Role.SYSTEM


class Declared(Frozen):
    """The incident begins, under these terms."""

    type: Literal["declared"] = "declared"
    number: int
    product_area: str = ""
    priority: Priority
    terms: IncidentTerms
    drill: bool = False


class MessageRefused(Frozen):
    """A Signal that could not be read, or did not fit."""

    type: Literal["message_refused"] = "message_refused"
    code: str
    what: str


def begin(event: Envelope, body: Declared) -> Incident:
    """Make the first state of an incident: the first page is due at once."""
    update_due = event.at + body.terms.of(body.priority).first_update
    return Incident(
        number=body.number,
        product_area=body.product_area,
        drill=body.drill,
        by_hand=event.actor.role is not Role.SYSTEM,
        terms=body.terms,
        as_of=event.at,
        priority=body.priority,
        state_since=event.at,
        declared_at=event.at,
        commander=body.terms.commander,
        next_page=event.at,
        update_due=update_due,
        update_reminder_at=update_due,
    )


def _effects(_before: Incident | None, after: Incident, event: Envelope) -> Iterator[Effect]:
    if isinstance(event.body, Declared):
        yield effect_of(after, event, "issue")


RULE = Rule[Incident](effects=_effects)

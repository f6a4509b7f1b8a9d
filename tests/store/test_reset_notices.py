"""F5: when a reset rewrites the past of a ticket or an incident, the notices of its dead branch go with that branch."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from domain.core.enums import Priority, Role
from domain.incident import commands as i
from domain.ticket import commands as c
from store.database import Database
from store.tables.integrations import OutboxRow
from tests.support.nouns import LATER, NOUNS, Noun, Story
from tests.support.ticket_life import MONDAY

TICKET, INCIDENT = NOUNS
JOIN = i.JoinTicket(
    by="ticket-b", role=Role.SYSTEM, ticket="b", effect_key="ticket-b:incident:2", since=MONDAY, version=2,
    priority=Priority.P0,
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A notice that a deadline causes, and what keeps it from being caused."""

    noun: Noun
    notice: str
    due: timedelta
    prevented: Callable[[Story], Story]
    other: Callable[[Story], Story]
    """Something else that moves the sequence of events on, and prevents nothing."""


CASES = [
    Case(
        TICKET,
        "target_missed",
        timedelta(hours=10),
        lambda story: story.give(c.Respond(by="ada", text="Hello.")),
        lambda story: story.say("Hm."),
    ),
    Case(
        INCIDENT,
        "incident_update_due",
        timedelta(minutes=16),
        lambda story: story.say("We look into it."),
        lambda story: story.give(JOIN),
    ),
]


def of(database: Database, name: str) -> list[OutboxRow]:
    with database.session() as session:
        return list(session.scalars(select(OutboxRow).where(OutboxRow.name == name).order_by(OutboxRow.id)))


@pytest.fixture(params=CASES, ids=lambda case: case.noun.name)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


def test_a_notice_that_the_new_branch_does_not_cause_is_cancelled(database: Database, case: Case) -> None:
    common = case.noun.open(database)
    common.fork().wait_until(MONDAY + case.due).record(database, "run-old")
    assert {row.state for row in of(database, case.notice)} == {"pending"}

    case.prevented(common.fork()).record(database, "run-new")

    assert {(row.state, row.orphaned) for row in of(database, case.notice)} == {("cancelled", True)}


@pytest.mark.parametrize("state", ["pending", "sent"])
def test_a_notice_that_the_new_branch_causes_again_is_the_same_notice(
    database: Database, case: Case, state: str
) -> None:
    common = case.noun.open(database)
    common.fork().wait_until(MONDAY + case.due).record(database, "run-old")
    with database.begin() as session:
        session.execute(update(OutboxRow).values(state=state))
    before = [(row.id, row.key, state) for row in of(database, case.notice)]

    case.other(common.fork()).wait_until(MONDAY + case.due + LATER).record(database, "run-new")

    assert before
    assert [(row.id, row.key, row.state) for row in of(database, case.notice)] == before

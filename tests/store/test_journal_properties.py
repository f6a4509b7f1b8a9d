"""Whatever a ticket lives through: what is stored is what the events make of it."""

import uuid
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.core.enums import Plan, Priority
from domain.core.refusal import Refused
from store import journal
from store.database import Database
from tests.support.ticket_life import COMMANDS, Life, life

MOVES = st.lists(
    st.tuples(st.sampled_from(sorted(COMMANDS)), st.integers(0, 40_000), st.booleans()), min_size=1, max_size=14
)
"""Commands, how many seconds pass before each, and whether what has come so far is written down then."""


def lived(plan: Plan, priority: Priority, moves: list[tuple[str, int, bool]]) -> tuple[Life, list[int]]:
    """The life that results, what does not fit left out, and where its batches end."""
    one, ends = life(uuid.uuid4().hex, plan=plan, priority=priority), []
    for name, seconds, written in moves:
        try:
            one.do(name, timedelta(seconds=seconds), **COMMANDS[name])
        except Refused:
            one.wait_until(one.ticket.as_of + timedelta(seconds=seconds))
        if written:
            ends.append(len(one.events))
    return one, [*ends, len(one.events)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(Plan), st.sampled_from(Priority), MOVES)
def test_the_projection_equals_the_fold(
    database: Database, plan: Plan, priority: Priority, moves: list[tuple[str, int, bool]]
) -> None:
    one, ends = lived(plan, priority, moves)
    begin = 0
    for end in ends:
        with database.begin() as session:
            if one.events[begin:end]:
                journal.append(session, one.ticket.id, "run", one.events[begin:end])
        begin = end

    with database.session() as session:
        assert journal.load(session, one.ticket.id) == one.ticket
        assert journal.fold(session, one.ticket.id) == one.ticket
        assert [entry.event for entry in journal.timeline(session, one.ticket.id)] == one.events


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MOVES, MOVES, st.integers(0, 14))
def test_a_rewritten_past_folds_to_the_new_branch(
    database: Database, old: list[tuple[str, int, bool]], new: list[tuple[str, int, bool]], common: int
) -> None:
    name = uuid.uuid4().hex
    first, second = life(name), life(name)
    for one, moves in ((first, old), (second, [*old[:common], *new])):
        for command, seconds, _ in moves:
            try:
                one.do(command, timedelta(seconds=seconds), **COMMANDS[command])
            except Refused:
                one.wait_until(one.ticket.as_of + timedelta(seconds=seconds))
    with database.begin() as session:
        journal.append(session, first.ticket.id, "run-1", first.events)
    with database.begin() as session:
        appended = journal.append(session, second.ticket.id, "run-2", second.events)

    shared = all(a == b for a, b in zip(first.events, second.events, strict=False))
    with database.session() as session:
        if shared:  # nothing clashes: the longer of the two stands
            longer = max(first, second, key=lambda one: one.ticket.seq)
            assert (appended.epoch, appended.state) == (1, longer.ticket)
        else:
            assert (appended.epoch, appended.state) == (2, second.ticket)
        assert journal.fold(session, first.ticket.id) == journal.load(session, first.ticket.id) == appended.state

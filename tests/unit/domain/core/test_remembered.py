"""What pure functions made is remembered by which objects they were asked about."""

import gc
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from domain.aggregate.aggregate import Recording
from domain.clocks.clock import Suspension
from domain.core.actor import SYSTEM, Actor
from domain.core.enums import Role
from domain.core.remembered import MOST, remembered
from domain.core.values import as_instant, built
from domain.ticket.aggregate import TICKET

AT = datetime(2026, 1, 5, 9, tzinfo=UTC)


@pytest.fixture
def asked() -> list[Any]:
    """What the function was really asked."""
    return []


def test_the_same_objects_get_the_first_answer(asked: list[Any]) -> None:
    @remembered
    def first(many: tuple[object, ...], more: object) -> object:
        asked.append(many)
        return many[0]

    one, other = (object(),), (object(),)
    assert [first(one, None), first(other, None), first(one, None)] == [one[0], other[0], one[0]]
    assert asked == [one, other]
    first(one, 1)
    assert len(asked) == 3, "one argument was another"


def test_what_was_asked_about_stays_alive_so_that_nothing_else_takes_its_place(asked: list[Any]) -> None:
    @remembered
    def number(value: list[int]) -> int:
        return value[0]

    answers = []
    for each in range(MOST // 2):
        answers.append(number([each]))  # freed at once, were it not kept: the next one would have its address
        gc.collect(0)
    assert answers == list(range(MOST // 2))


def test_it_begins_anew_instead_of_growing(asked: list[Any]) -> None:
    @remembered
    def same(value: object) -> object:
        asked.append(value)
        return value

    kept = [(number,) for number in range(MOST + 1)]
    for value in kept:
        same(value)
    same(kept[0])
    assert len(asked) == MOST + 2


def test_a_function_may_be_remembered_for_fewer_answers(asked: list[Any]) -> None:
    @partial(remembered, most=2)
    def same(value: object) -> object:
        asked.append(value)
        return value

    kept = [(number,) for number in range(3)]
    for value in (*kept, kept[2], kept[0]):
        same(value)
    assert asked == [*kept, kept[0]]


def test_a_copy_is_what_pydantic_makes() -> None:
    whole = Suspension(start=AT)
    changed = whole.model_copy(update={"end": AT})
    assert (whole.end, changed.end, changed.start) == (None, AT, AT)
    assert changed.model_fields_set == {"start", "end"}
    assert changed == Suspension(start=AT, end=AT)
    assert hash(changed) == hash(Suspension(start=AT, end=AT))


def test_what_is_built_equals_what_is_validated() -> None:
    actor = built(Actor, {"id": "ada", "role": Role.AGENT})
    assert actor == Actor(id="ada", role=Role.AGENT)
    assert actor.model_dump_json() == Actor(id="ada", role=Role.AGENT).model_dump_json()


def test_an_instant_has_a_zone() -> None:
    assert as_instant(datetime.fromisoformat("2026-01-05T10:00+01:00")).isoformat() == "2026-01-05T09:00:00+00:00"
    with pytest.raises(ValueError, match="no UTC offset"):
        as_instant(datetime(2026, 1, 5, 9))


def test_only_events_of_the_noun_are_recorded() -> None:
    with pytest.raises(TypeError, match="Actor is no event of a ticket"):
        Recording(TICKET, None, AT, AT).record(SYSTEM)

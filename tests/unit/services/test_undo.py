"""Undo: what one command changed is taken back by another one, unless somebody has changed it since."""

from typing import Any

import pytest

from domain.core.refusal import Refused
from services.undo import Undo, undo_of
from tests.support.ticket_case import Case, given

BULK = "desk:session:form:ticket"


def undone(case: Case, me: str = "ada") -> Undo:
    return undo_of(case.events, BULK, me)


def test_who_took_an_unheld_ticket_gives_it_back_to_the_queue() -> None:
    case = given()
    case.do("take", at="09:10", by="ada", id=BULK)
    assert undone(case) == Undo("release", {"over": True, "reason": "Taken back: it was done to many tickets at once."})


@pytest.mark.parametrize(
    ("me", "undo"), [("ada", Undo("take", {"over": True})), ("lea", Undo("assign", {"to": "ada", "over": True}))]
)
def test_what_was_assigned_goes_back_to_who_held_it(me: str, undo: Undo) -> None:
    case = given()
    case.do("take", at="09:10", by="ada")
    case.do("assign", at="09:20", by="lea", to="bob", over=True, id=BULK)
    case.do("note", at="09:21", by="bob", text="I look at it.")
    assert undone(case, me) == undo


def test_a_priority_goes_back_to_what_it_was_and_nothing_else_does() -> None:
    case = given(priority="P3")
    case.do("amend", at="09:05", by="ada", product_area="export")
    case.do("prioritise", at="09:10", by="ada", priority="P2", reason="Many wait.", id=BULK)
    undo = undone(case)
    assert (undo.command, undo.payload["priority"]) == ("prioritise", "P3")
    case.do(undo.command, at="09:12", by="ada", **undo.payload)
    assert (case.ticket.priority, case.ticket.product_area) == ("P3", "export")


def test_fields_that_were_amended_go_back() -> None:
    case = given()
    case.do("amend", at="09:10", by="ada", product_area="export", tags=["q4"], id=BULK)
    undo = undone(case)
    assert undo == Undo("amend", {"product_area": "", "tags": ()})
    case.do(undo.command, at="09:12", by="ada", **undo.payload)
    assert (case.ticket.product_area, case.ticket.tags) == ("", ())


@pytest.mark.parametrize(
    ("later", "code"),
    [({"do": "take", "by": "bob", "over": True}, "moved_on"), (None, None)],
)
def test_what_somebody_has_changed_since_stays(later: dict[str, Any] | None, code: str | None) -> None:
    case = given()
    case.do("take", at="09:10", by="ada", id=BULK)
    if later is None:
        assert undone(case).command == "release"
        return
    case.do(later.pop("do"), at="09:20", **later)
    with pytest.raises(Refused, match="who holds it was changed again since") as refused:
        undone(case)
    assert refused.value.code == code


def test_what_is_not_on_record_or_changed_nothing_of_that_kind_is_named() -> None:
    case = given()
    with pytest.raises(Refused, match="not on record yet"):
        undone(case)
    case.do("note", at="09:10", by="ada", text="Same cause.", id=BULK)
    with pytest.raises(Refused, match="nothing that can be taken back"):
        undone(case)

"""F3: what of a resolution is worth telling the team."""

from domain.ticket.rules.resolution import LONGEST_WIN, Resolved
from services.reading.timeline import summary_of
from tests.support.packages import RECORD
from tests.support.ticket_case import Case, in_tier


def resolved(**said: str) -> Case:
    case = in_tier("T1")
    case.do("resolve", at="10:00", **(RECORD | said))
    return case


def test_f3_what_is_worth_telling_stands_apart_in_the_event_and_the_timeline_says_that_there_is_something() -> None:
    case = resolved(win="A restart of the exporter frees its lock.")
    (event,) = case.of("resolved")
    assert event.body.win is True
    assert event.texts["win"] == "A restart of the exporter frees its lock."
    assert "exporter" not in event.body.model_dump_json()
    assert summary_of(event.body) == "resolved: solved, worth telling the team"


def test_f3_nothing_is_told_where_nothing_or_only_blanks_are_said() -> None:
    for said in ({}, {"win": " \t"}):
        case = resolved(**said)
        (event,) = case.of("resolved")
        assert (event.body.win, "win" in event.texts) == (False, False)
        assert summary_of(event.body) == "resolved: solved"


def test_f3_what_is_told_is_short() -> None:
    refused = in_tier("T1").refused("resolve", "10:00", **(RECORD | {"win": "x" * (LONGEST_WIN + 1)}))
    assert refused.code == "malformed"
    assert list(refused.fields) == ["win"]
    assert len(resolved(win="x" * LONGEST_WIN).of("resolved")[0].texts["win"]) == LONGEST_WIN


def test_f3_a_resolution_from_before_tells_nothing_and_is_stored_as_it_was() -> None:
    stored = {"type": "resolved", "resolution": "solved", "occurred": "2026-03-02T10:00:00Z"}
    body = Resolved.model_validate(stored)
    assert body.win is False
    assert "win" not in resolved().last("resolved").model_dump(exclude_defaults=True)

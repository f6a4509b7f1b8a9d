"""The kinds of a ticket's effects are grouped once; SQL and patches rely on how they are spelt."""

from typing import get_args

from domain.ticket.effect_kinds import ISSUE, JOINING, ON_TRACKER, EffectKind

KINDS = set(get_args(EffectKind))


def test_what_waits_for_the_tracker_is_what_is_spelt_so_in_the_database() -> None:
    """`store.late_effects` finds these tickets by the beginning of the word."""
    assert set(ON_TRACKER) == {kind for kind in KINDS if kind.startswith("jira")}


def test_each_kind_is_in_one_group() -> None:
    assert not set(ISSUE) & set(JOINING)
    assert KINDS - set(ON_TRACKER) - set(JOINING) == {"tell_incident", "terms"}

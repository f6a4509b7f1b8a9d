"""What must be equal of two lives of one ticket, where one was lived by the real workflow and one by the core alone."""

from typing import Any

from services.backtest import Outcome

OUTSIDE = ("effect_done",)
"""What the outside world reports back has its own pace, in the workflow."""


def way(outcome: Outcome) -> list[tuple[Any, ...]]:
    """Every event in order: its type, its instant, who did it, and its own facts but for the sequence in a key."""
    return [
        (event.body.type, event.at, event.occurred, event.actor, event.body.model_dump(exclude={"key", "terms"}))
        for event in outcome.events
        if event.body.type not in OUTSIDE
    ]


def as_told(outcome: Outcome) -> dict[str, Any]:
    """All that an outcome says, with the way that the ticket went."""
    return {
        "status": outcome.status,
        "refusals": list(outcome.refusals),
        "kept": sorted(outcome.kept),
        "way": way(outcome),
    }

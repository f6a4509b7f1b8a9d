"""Incidents of a log that `counted_by_hand` can count: simple ones, whose times spread over all that is promised."""

import random
from datetime import UTC, datetime, timedelta

from integrations.recorded.log import Recorded, RecordedEvent, State
from tests.support.counted_by_hand import Simple

OPENED = datetime(2026, 1, 5, 7, 0, 0, tzinfo=UTC)


def simple(number: int) -> Simple:
    """An incident whose times spread over all that the promises tell apart; no two fall on one second."""
    dice = random.Random(number)
    taken = dice.randint(1, 4_000) + 0.0
    handed_up = taken + dice.randint(60, 3_000) if dice.random() < 0.5 else None
    last = max(taken, handed_up or 0.0)
    waited = None
    if dice.random() < 0.5:
        asked = last + dice.choice([37, 1_711, 6_007, 15_013]) + dice.randint(0, 600)
        waited = (asked, asked + dice.randint(500, 90_000))
    resolved = (
        (waited[1] if waited else last) + dice.choice([101, 8_009, 20_011, 70_001, 200_003]) + dice.randint(0, 600)
    )
    return Simple(str(number), dice.choice(["High", "Medium", "Low"]), taken, waited, handed_up, resolved)


def recorded(one: Simple, opened: datetime = OPENED) -> Recorded:
    """The incident as a log has it."""
    moments: list[tuple[float, State, int]] = [(0.0, State.QUEUED, 1), (one.taken, State.IN_PROGRESS, 1)]
    tier = 1
    if one.handed_up is not None:
        tier = 2
        moments.append((one.handed_up, State.QUEUED, 2))
    if one.waited:
        moments += [(one.waited[0], State.WAIT_USER, tier), (one.waited[1], State.QUEUED, tier)]
    moments.append((one.resolved, State.RESOLVED, tier))
    events = tuple(
        RecordedEvent(at=opened + timedelta(seconds=at), state=state, tier=tier, team="G", actor="ada")  # type: ignore[arg-type]
        for at, state, tier in moments
    )
    facts = {"id": one.id, "opened_at": opened, "product": "P", "country": "de", "closed_at": events[-1].at}
    return Recorded.model_validate(facts | {"impact": one.impact, "events": events}, strict=False)

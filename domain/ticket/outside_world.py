"""What the outside world would answer to a ticket's effects, where a ticket is played ahead or played again."""

from domain.ticket.effect_kinds import ISSUE, JOINING
from domain.ticket.rules.pending_effects import EffectDone
from domain.ticket.state import Effect


def done_at_once(effect: Effect, tracker: str) -> EffectDone:
    """Return the result that `effect` would have if nothing outside failed.

    No real issue or incident stands behind it: the issue is called `<tracker>-<seq>`, the incident has the number of
    the event that asked for it.
    """
    if effect.kind in ISSUE:
        return EffectDone(key=effect.key, jira_key=f"{tracker}-{effect.seq}")
    return EffectDone(key=effect.key, incident=effect.seq if effect.kind in JOINING else None)

"""How a calendar whose horizon comes near goes on: what was promised stays (C15)."""

from domain.calendars.calendar import Calendar, Offset


def prolonged(known: Calendar, later: Calendar) -> Calendar:
    """Return `known` with what `later` says of the time after its horizon, and `later`'s horizon.

    The weekly hours are those of `known`. What it lists after its own horizon it does not know, and `later` does.
    Returns `known` itself if `later` is not known for longer.
    """
    if later.horizon <= known.horizon:
        return known
    last = known.horizon.date()
    offset = [one for one in later.offsets if one.since <= known.horizon][-1:] or list(later.offsets[:1])
    changed = [Offset(since=known.horizon, seconds=one.seconds) for one in offset]
    until = (known.offsets[0], *(one for one in known.offsets[1:] if one.since < known.horizon))
    return known.model_copy(
        update={
            "closed": (
                *(one for one in known.closed if one.day <= last),
                *(one for one in later.closed if one.day > last),
            ),
            "own": (
                *(one for one in known.own if one.day <= last),
                *(one for one in later.own if one.day > last),
            ),
            "offsets": (
                *until,
                *(one for one in changed if one.seconds != until[-1].seconds),
                *(one for one in later.offsets if one.since > known.horizon),
            ),
            "horizon": later.horizon,
            "holidays": known.holidays or later.holidays,
            "time_zones": later.time_zones,
        }
    )

"""How long to wait between tries, and for how long something was tried. Pure."""

from datetime import timedelta


def pause(attempts: int, first: timedelta, longest: timedelta) -> timedelta:
    """The wait after so many tries: twice as long after each, up to a bound."""
    return min(first * float(2 ** min(attempts - 1, 20)), longest)


def tried_for(attempts: int, first: timedelta, longest: timedelta) -> timedelta:
    """The least time between the first of so many tries and the last. Time in which nobody tried does not count."""
    growing = min(attempts, 30)
    waits = sum((pause(n, first, longest) for n in range(1, growing)), timedelta(0))
    return waits + (attempts - growing) * longest

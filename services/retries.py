"""How long to wait between tries, and for how long something was tried. Pure."""

from datetime import timedelta
from typing import NamedTuple


class BackOff(NamedTuple):
    """Waits that double after each try, up to a bound."""

    first: timedelta
    longest: timedelta

    def pause(self, attempts: int) -> timedelta:
        """Return the wait after so many tries."""
        return min(self.first * float(2 ** min(attempts - 1, 20)), self.longest)

    def tried_for(self, attempts: int) -> timedelta:
        """Return the least time between the first of so many tries and the last. Time in which nobody tried does not
        count."""
        growing = min(attempts, 30)
        waits = sum((self.pause(n) for n in range(1, growing)), timedelta(0))
        return waits + (attempts - growing) * self.longest

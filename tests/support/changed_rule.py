"""A worker of a build in which a rule has changed: `python -m tests.support.changed_rule worker`.

The limit of a ticket that is taken within support hours counts on the wall, and otherwise by the plan's calendar: the
other way round. No patch and no core version tells old tickets apart, so an old ticket that is replayed by this build
comes to other events than those that are on record.
"""

import sys
from datetime import datetime
from typing import Literal

import domain.ticket.rules.handling as handling
from cli.main import main
from domain.ticket.rules.t1_limit import clock_at
from domain.ticket.state import Ticket


def changed(ticket: Ticket, at: datetime) -> Literal["plan", "wall"]:
    """Return what the limit counts by, by the changed rule."""
    return "plan" if clock_at(ticket, at) == "wall" else "wall"


if __name__ == "__main__":
    handling.clock_at = changed  # type: ignore[attr-defined]
    sys.argv[0] = "tierline"
    main()

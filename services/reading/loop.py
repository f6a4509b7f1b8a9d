"""Closing the loop: the tickets of an issue that engineering is done with, and which customers know already (F10)."""

from collections.abc import Sequence
from typing import NamedTuple

from domain.core.refusal import Refused
from store import loop
from store.database import Database
from store.loop import OfIssue, Progress
from store.queries import Line

MOST = 50
"""Tickets of one issue that are written to at once."""
ISSUES = 20


class ToNotify(NamedTuple):
    """A ticket whose customer should learn that engineering is done."""

    line: Line
    progress: Progress


class Loop(NamedTuple):
    """The tickets of one issue, and the other issues that engineering is done with."""

    issue: str
    """Empty: engineering is done with none."""
    tickets: Sequence[ToNotify]
    """Those whose customers know nothing yet come first."""
    issues: Sequence[OfIssue]


def read(db: Database, issue: str) -> Loop:
    """Read the tickets of an issue; of the one for which most wait, where none is named.

    Raises Refused (`not_found`) for an issue that no ticket waits for, DatabaseDown.
    """
    with db.session() as session:
        issues = loop.issues(session, ISSUES)
        key = issue or (issues[0].key if issues else "")
        lines = loop.tickets(session, key, MOST) if key else ()
        if issue and not lines:
            raise Refused("not_found", f"engineering is done with no ticket of {issue[:40]!r}")
        progress = loop.progress_of(session, [line.id for line in lines])
    listed = [ToNotify(line, progress[line.id]) for line in lines if line.id in progress]
    return Loop(key, sorted(listed, key=lambda one: one.progress.customer_knows), issues)

"""What the first tickets of an incident say, read for a page or an issue."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow

from domain.tracker.reported import Reported
from store import journal
from store.database import Database, DatabaseDown

FIRST = 5
"""Tickets that are named. The others are found in Tierline."""
PATIENCE = 2.0
"""Seconds that a page waits for them at most: somebody is to be woken, with or without."""

Read = Callable[[Sequence[str]], Sequence[Reported]]
"""(ids of tickets) -> what the first of them say; nothing where that cannot be known now."""


def nothing(_tickets: Sequence[str]) -> Sequence[Reported]:
    """Know nothing of any ticket."""
    return ()


def read_reported(db: Database, tickets: Sequence[str]) -> list[Reported]:
    """Return what the first of these tickets say, in their order. Raises DatabaseDown."""
    found: list[Reported] = []
    with db.session() as session:
        for ticket_id in tickets[:FIRST]:
            if ticket := journal.load(session, ticket_id):
                found.append(Reported.of(ticket, journal.texts(session, ticket_id, ["1.subject", "1.description"])))
    return found


class Hurried:
    """Reads what tickets say, and gives up soon: a page never waits for the database."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="reported")

    def __call__(self, tickets: Sequence[str]) -> Sequence[Reported]:
        """Return what the first of these tickets say; nothing where the database is away or slow."""
        if not tickets:
            return ()
        try:
            return self._threads.submit(read_reported, self._db, tickets).result(PATIENCE)
        except (DatabaseDown, TooSlow):
            return ()

"""Presence: who has a ticket open, and who is writing, so that two people do not do the same work.

It is a hint that expires by itself, never a lock. Every open page says every 15 seconds that it is there. To spare the
database, a process writes a person's presence on a ticket at most once in 10 seconds, and reads the one small table of
it after such a write, otherwise at most once in 2 seconds, however many pages are open. Several API processes see each
other through that table.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

from store import presence as rows
from store.database import Database, DatabaseDown

OPEN_LASTS = timedelta(seconds=75)
"""How long after its last word a page counts as open. Browsers let a hidden page speak only once a minute."""
WRITING_LASTS = timedelta(seconds=25)
"""How long after the last key somebody counts as writing."""
WRITTEN_EVERY = timedelta(seconds=10)
READ_EVERY = timedelta(seconds=2)
MOST_REMEMBERED = 10_000
"""Pages whose last write a process remembers."""


class Other(NamedTuple):
    """Somebody else who has the ticket open."""

    actor: str
    writes: bool


class _Noted(NamedTuple):
    at: datetime
    wrote: datetime | None


class Presence:
    """Who is where, as one process knows it. Threads may share it."""

    def __init__(self, db: Database, now: Callable[[], datetime] | None = None) -> None:
        self._db = db
        self._now = now or db.clock.now
        self._noted: dict[tuple[str, str], _Noted] = {}
        self._known: Mapping[str, Sequence[rows.Present]] = {}
        self._read_at: datetime | None = None
        self._lock = threading.Lock()

    def note(self, ticket: str, actor: str, *, writes: bool = False) -> None:
        """Note that a person has a ticket open, and perhaps writes. While the database is away, nothing is noted."""
        now = self._now()
        with self._lock:
            last = self._noted.get((ticket, actor))
            recent = last is not None and now - last.at < WRITTEN_EVERY
            told = last is not None and last.wrote is not None and now - last.wrote < WRITTEN_EVERY
            if recent and (told or not writes):
                return
            if len(self._noted) >= MOST_REMEMBERED:
                self._noted = {key: one for key, one in self._noted.items() if now - one.at < WRITTEN_EVERY}
            self._noted[ticket, actor] = _Noted(now, now if writes else last and last.wrote)
        with suppress(DatabaseDown), self._db.begin() as session:
            rows.note(session, ticket, actor, now, writes=writes)
        with self._lock:
            self._read_at = None  # so that whoever looks next here sees it

    def others(self, ticket: str, actor: str) -> list[Other]:
        """Return who else has a ticket open, those who write first. While the database is away: nobody."""
        now = self._now()
        with self._lock:
            if self._read_at is None or now - self._read_at >= READ_EVERY:
                self._read_at = now
                self._known = self._read(now)
            present = self._known.get(ticket, ())
        found = [
            Other(one.actor, one.wrote_at is not None and now - one.wrote_at < WRITING_LASTS)
            for one in present
            if one.actor != actor and now - one.seen_at < OPEN_LASTS
        ]
        return sorted(found, key=lambda one: (not one.writes, one.actor))

    def _read(self, now: datetime) -> Mapping[str, Sequence[rows.Present]]:
        by_ticket: dict[str, list[rows.Present]] = defaultdict(list)
        with suppress(DatabaseDown), self._db.questions() as session:
            for one in rows.since(session, now - OPEN_LASTS):
                by_ticket[one.ticket].append(one)
        return by_ticket

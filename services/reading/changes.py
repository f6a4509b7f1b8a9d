"""Live changes: what open pages are sent when a ticket or an incident changes.

One poller for each process looks at what changed lately, while somebody follows and for a short time after. Each look
overlaps the looks before it, since a transaction may become visible later than one that began after it; what was
reported before is not reported again.

Places in time are milliseconds of the database's clock. A page knows when it began to read (`page_position`); whatever
is reported with a later `at` may be missing on it. A follower that comes back says up to where it has heard.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from domain.incident.state import workflow_id
from store import changes
from store.changes import Change
from store.database import Database, DatabaseDown

EVERY = 0.4
"""Seconds between two looks."""
WINDOW = timedelta(seconds=15)
"""How far back a look goes: longer than a transaction of ours may take to become visible."""
LINGER = 60.0
"""Seconds for which the looks go on after the last follower left: most come back with their next page."""
MOST_FOLLOWERS = 2_000
"""Browsers that one process sends changes to."""
MOST_TOPICS = 2_000
"""Topics that one report names. Beyond them it says that anything may have changed."""
OLDEST = timedelta(hours=1)
"""How far back a follower that comes back is sent what changed; before that, anything may have."""
UNSURE = timedelta(milliseconds=100)
"""How far two processes may differ in what the database's clock shows."""
FRESH = 5_000
"""Milliseconds after which the last look that succeeded is too old to say that nothing has changed."""
_REMEMBERED = 10_000
"""Topics of which the process knows when they changed last."""


class Moved(NamedTuple):
    """How a ticket or an incident has changed."""

    seq: int
    """The number of its newest event."""
    at: int
    """When this was seen: pages that began to read before may not show it."""


class Report(NamedTuple):
    """What changed between two places in time."""

    since: int
    upto: int
    """Where to go on from: everything that could be seen then is in this report, or in those before it."""
    topics: Mapping[str, Moved] | None
    """By the ticket's id, or `incident-<number>`. None: anything may have changed."""


class TooMany(Exception):
    """This process follows for as many browsers as it can."""


def page_position(now: datetime) -> int:
    """Return from where on changes may be missing on a page that begins to read `now`."""
    return _milliseconds(now - UNSURE)


async def journal_reached(db: Database, ticket: str, seq: int, patience: float = 2.0) -> bool:
    """Wait until the journal has event `seq` of a ticket, for some seconds at most. Returns whether it has.

    The journal follows the workflow within moments. Raises DatabaseDown.
    """

    def is_recorded() -> bool:
        with db.session() as session:
            return changes.seq_of(session, ticket) >= seq

    return await _until(is_recorded, patience)


async def incident_reached(db: Database, number: int, seq: int, patience: float = 2.0) -> bool:
    """Wait for an incident's journal as `journal_reached` does for a ticket's. Raises DatabaseDown."""

    def is_recorded() -> bool:
        with db.session() as session:
            return changes.incident_seq(session, number) >= seq

    return await _until(is_recorded, patience)


async def _until(is_recorded: Callable[[], bool], patience: float) -> bool:
    until = asyncio.get_running_loop().time() + patience
    while not await asyncio.to_thread(is_recorded):
        if asyncio.get_running_loop().time() >= until:
            return False
        await asyncio.sleep(0.03)  # a poll of the bounded wait
    return True


class _Follower:
    """One browser. However many changes come while it is busy, they are one report."""

    def __init__(self) -> None:
        self.pending: dict[str, Moved] | None = {}
        self.woken = asyncio.Event()

    def put(self, topics: Mapping[str, Moved]) -> None:
        if self.pending is not None:
            self.pending |= topics
            if len(self.pending) > MOST_TOPICS:
                self.pending = None
        self.woken.set()

    def take(self) -> dict[str, Moved] | None:
        taken, self.pending = self.pending, {}
        self.woken.clear()
        return taken


class _Look(NamedTuple):
    """What one look at the database found."""

    began: int
    ended: int
    found: list[Change]


class Changes:
    """Tells followers what changes."""

    def __init__(self, db: Database, *, every: float = EVERY, linger: float = LINGER) -> None:
        self._db = db
        self._every = every
        self._linger = linger
        self._followers: set[_Follower] = set()
        self._poller: asyncio.Task[None] | None = None
        self._log: OrderedDict[str, tuple[datetime, Moved]] = OrderedDict()
        """Of each topic the last change: when it was written, and as it is reported. The latest stands last."""
        self._log_from: int | None = None
        """All that was seen to change after this is in the log. None: there is no log yet."""
        self._looked = 0
        """When the last look began."""
        self._closed = False

    async def follow(self, since: int, beat: float) -> AsyncIterator[Report]:
        """Yield what has changed after `since` at once, then whatever changes; nothing else for `beat` seconds is
        reported as well, as long as the database says so.

        Raises TooMany, DatabaseDown at the beginning.
        """
        with self._following() as follower:
            report = await self._since(since)
            while True:
                yield report
                with suppress(TimeoutError):
                    await asyncio.wait_for(follower.woken.wait(), beat)
                if self._closed:
                    return
                report = Report(report.upto, max(report.upto, self._looked), follower.take())

    @property
    def is_fresh(self) -> bool:
        """Return whether the database was looked at a moment ago."""
        return page_position(self._db.clock.now()) - self._looked <= FRESH

    def close(self) -> None:
        """End every follower's iteration, and take no more: the process is about to stop."""
        self._closed = True
        for follower in self._followers:
            follower.woken.set()
        if self._poller is not None:
            self._poller.cancel()

    @contextmanager
    def _following(self) -> Iterator[_Follower]:
        if self._closed or len(self._followers) >= MOST_FOLLOWERS:
            raise TooMany
        follower = _Follower()
        self._followers.add(follower)
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll())
        try:
            yield follower
        finally:
            self._followers.discard(follower)

    async def _since(self, since: int) -> Report:
        """Report what has changed after `since`: from the log where it goes back so far, else from the database."""
        if self._log_from is None:
            await self._look_again()
        assert self._log_from is not None
        if since >= self._log_from:
            topics = {topic: moved for topic, (_, moved) in self._log.items() if moved.at > since}
            return _bounded(since, self._looked, topics)
        if since < _milliseconds(self._db.clock.now() - OLDEST):
            return Report(since, self._looked, None)
        look = await asyncio.to_thread(self._look, since)
        return _bounded(since, look.began, {topic_of(one): Moved(one.seq, look.ended) for one in look.found})

    async def _poll(self) -> None:
        alone = 0.0
        while alone <= self._linger:
            alone = 0.0 if self._followers else alone + self._every
            with suppress(DatabaseDown):  # pages say themselves that they may be old; the next look finds all
                await self._look_again()
            await asyncio.sleep(self._every)  # the pace of the looks, not a wait for anything
        self._log.clear()
        self._log_from = None

    async def _look_again(self) -> None:
        """Look, and notify the followers of what is new. The first look begins the log, and is no news. Raises
        DatabaseDown."""
        look = await asyncio.to_thread(self._look, self._looked if self._log_from is not None else None)
        fresh = self._note(look)
        if self._log_from is None:
            self._log_from = look.ended
        else:
            for follower in self._followers if fresh else ():
                follower.put(fresh)
        while len(self._log) > _REMEMBERED:
            _, (_, dropped) = self._log.popitem(last=False)
            self._log_from = max(self._log_from, dropped.at)
        self._looked = look.began

    def _look(self, since: int | None) -> _Look:
        """Find what was written after `since`, or what was just now; and what became visible late."""
        with self._db.session() as session:
            began = self._db.clock.now()
            after = (began if since is None else datetime.fromtimestamp(since / 1000, UTC)) - WINDOW
            found = changes.changed_after(session, after, _REMEMBERED)
        return _Look(page_position(began), _milliseconds(self._db.clock.now()), found)

    def _note(self, look: _Look) -> dict[str, Moved]:
        """Put a look into the log. Returns what is new in it."""
        fresh = {}
        for one in look.found:
            topic = topic_of(one)
            known = self._log.get(topic)
            if known is None or known[0] != one.written:
                fresh[topic] = Moved(one.seq, look.ended)
                self._log[topic] = one.written, fresh[topic]
                self._log.move_to_end(topic)
        return fresh


def _bounded(since: int, upto: int, topics: dict[str, Moved]) -> Report:
    return Report(since, max(since, upto), topics if len(topics) <= MOST_TOPICS else None)


def topic_of(change: Change) -> str:
    """Return how reports and pages name a ticket or an incident."""
    return workflow_id(change.key) if isinstance(change.key, int) else change.key


def _milliseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)

"""The journal of one noun: events are appended in order, together with the state that they make.

Events arrive at least once, from runs that may have been reset. So an append compares them with what is there:

- the same event in its place is a repeat, and nothing happens;
- another event in its place means that the workflow was reset and its past rewritten. The old branch from there on is
  marked as superseded and kept, and the new one goes on under the next epoch;
- a gap means that something is still under way, or a bug; it is refused, to be tried again.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, insert, select, update
from sqlalchemy.orm import Session

from domain.aggregate.aggregate import Aggregate
from domain.aggregate.event import Envelope, State
from store.database import PLAIN
from store.database import lock as advisory_lock
from store.journal.content import storable
from store.journal.upcast import Json, Versions
from store.questions import Asked, Question
from store.tables.journal import EventColumns, TextColumns

K = TypeVar("K", str, int)
"""The id of a ticket, the number of an incident."""
E = TypeVar("E", bound=Envelope)
S = TypeVar("S", bound=State)

Also = Callable[[Session, S | None, S, E], None]
"""What else an append does in its transaction: given the state before and after it, and the last new event."""

log = logging.getLogger("tierline.journal")

INTAKE = "intake"
"""The run id of what is recorded at intake, before the workflow starts."""
CLOSED = "closed"
"""The run id of what happens after the workflow's end."""


class Gap(Exception):
    """An event does not follow the last one that is recorded. The same append may succeed later."""


class DeadRun(Exception):
    """A run that was reset, and whose successor has written already, comes with another past. Nothing was written.

    Trying again is useless; what the run wanted to record did not happen.
    """


class Appended(NamedTuple, Generic[S]):
    """Where a journal stands after an append."""

    epoch: int
    seq: int
    state: S
    new: int
    """How many events were written: 0 for a repeat."""


@dataclass(frozen=True)
class Entry(Generic[E]):
    """One line of a timeline."""

    event: E
    epoch: int
    run_id: str
    recorded_at: datetime
    """When the journal got the event, by the database's clock."""
    superseded: bool
    """The event belongs to a past that a workflow reset rewrote."""
    erased: tuple[str, ...]
    """The texts that came with the event and were erased since; they are empty in `event`."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Journal(Generic[K, E, S]):
    """One noun's tables, and what is special about it."""

    noun: str
    aggregate: Aggregate[S]
    owner: type[Any]
    """The table of the nouns themselves: `epoch`, `seq`, the projection and the state."""
    owner_key: str
    events: type[EventColumns]
    text_rows: type[TextColumns]
    key: str
    """The column of `events` and `text_rows` that names the owner."""
    versions: Versions
    key_of: Callable[[S], K]
    digest: Callable[[E], str]
    """Tells a repeat from another event of the same type in the same place."""
    event_columns: Callable[[Session, E], Json]
    """The columns that this noun's event rows add."""
    body_of: Callable[[Any], Json]
    """The body in an event row, in the form in which it was written."""
    to_event: Callable[[Session, Any, Json, Mapping[str, str]], E]
    """Make the event of a row, given the body in today's form. A text that is not given is an empty string."""
    columns: Callable[[S], Json]
    """The projection: the columns of the owner's row but for `seq` and `epoch`."""
    to_state: Callable[[Session, Any], S | None]
    """Make the state of an owner's row; None if no event of it is recorded yet."""
    of_state: Sequence[str]
    """The columns of an owner's row that `to_state` needs."""
    recorded: Callable[[Session, Sequence[tuple[E, S]], int], None]
    """What else is written with new events, each with the state after it, under an epoch."""
    rewritten: Callable[[Session, Any, Sequence[E], int], None] = lambda *_: None
    """What else goes with a branch that is superseded from a sequence on. May raise ValueError to refuse it."""
    remade: Callable[[Session, K, bool], Sequence[str]] = lambda *_: ()
    """What else is made anew with the projection, given whether to write it. Returns the names of what differed."""
    keeps_texts: Callable[[Any, E], bool] = lambda *_: True
    """Whether the texts of an event are stored, given the owner's row."""
    stored: Callable[[S], S] = lambda state: state
    """The part of a state that is stored."""

    # -- Writing -------------------------------------------------------------------------------------------------

    def append(
        self, session: Session, key: K, run_id: str, events: Sequence[E], *, also: Also[S, E] | None = None
    ) -> Appended[S]:
        """Record events of one ticket or incident, with everything that follows from them in the database.

        In the caller's transaction, so all or nothing; one writer at a time for each owner. Raises Gap, DeadRun, and
        ValueError for events that are none or belong to another owner.
        """
        return self._append(session, self._locked(session, key), key, run_id, events, also)

    def open_once(
        self, session: Session, key: K, events: Sequence[E], *, also: Also[S, E] | None = None
    ) -> Appended[S]:
        """Record first events at intake; what is there already stays as it is, and is returned.

        For requests that may come twice and be decided twice, at different instants.
        """
        row = self._locked(session, key)
        if row and (state := self.to_state(session, row)):
            return Appended(row.epoch, row.seq, state, 0)
        return self._append(session, row, key, INTAKE, events, also)

    def _append(
        self, session: Session, row: Any, key: K, run_id: str, events: Sequence[E], also: Also[S, E] | None
    ) -> Appended[S]:
        """Append under the owner's lock."""
        batch = [storable(event) for event in events]
        self._check(key, batch)
        before, epoch = (self.to_state(session, row), row.epoch) if row else (None, 1)
        if row and (clash := self._clash(session, key, batch)):
            self._refuse_dead(session, key, run_id, clash)
            epoch += 1
            before = self._supersede(session, row, key, run_id, batch, clash, epoch)
        elif epoch > 1 and run_id != CLOSED:
            self._refuse_dead(session, key, run_id)
        seq = before.seq if before else 0
        fresh = [event for event in batch if event.seq > seq]
        if before and not fresh:
            return Appended(epoch, seq, before, 0)
        if fresh[0].seq != seq + 1:
            raise Gap(f"{self._name(key)} is at {seq}: event {fresh[0].seq} does not follow")
        after = self._write(session, row, key, run_id, before, fresh, epoch)
        if also:
            also(session, before, after, fresh[-1])
        return Appended(epoch, after.seq, after, len(fresh))

    def _check(self, key: K, batch: Sequence[E]) -> None:
        if not batch:
            raise ValueError(f"{self._name(key)}: there is nothing to append")
        for place, event in enumerate(batch):
            if event.seq != batch[0].seq + place:
                last = batch[place - 1].seq
                raise Gap(f"{self._name(key)}: in one batch, event {event.seq} does not follow {last}")

    def _locked(self, session: Session, key: K) -> Any:
        """Lock the owner's row for this transaction; of one that is not there, the right to make it."""
        query = self._owner(key).with_for_update()
        row = session.scalars(query).one_or_none()
        if row is None:
            advisory_lock(session, self.noun, str(key))
            row = session.scalars(query).one_or_none()
        return row

    def _clash(self, session: Session, key: K, batch: Sequence[E]) -> int | None:
        """Find the first place in which the journal has another event than the batch.

        The type is compared beside the digest, which need not cover it: bodies of two types may be equal.
        """
        sent = {event.seq: (event.body.type, self.digest(event)) for event in batch}
        query = select(self.events.seq, self.events.type, self.events.digest)
        there = session.execute(query.where(*self._live(key, batch[0].seq)).order_by(self.events.seq))
        return next((seq for seq, *known in there if seq in sent and sent[seq] != tuple(known)), None)

    def _refuse_dead(self, session: Session, key: K, run_id: str, clash: int | None = None) -> None:
        """Raise DeadRun if a run was reset and its successor has written.

        Of two runs with different pasts the later one is alive: a reset ends the run that it starts from. A run that
        has written before, and is not the last that wrote, is a late attempt of one that has ended. Superseded rows
        count: a reset may have rewritten all that a run wrote. Without a clash, the run's past must have been
        superseded: then it does not go on from the new one, even where what it brings would follow by its number.
        """
        live = select(self.events.run_id).where(*self._live(key)).order_by(self.events.seq.desc())
        last = session.scalars(live.limit(1)).one()
        written = select(self.events.run_id).where(self._of(self.events, key), self.events.run_id == run_id)
        if clash is None:
            written = written.where(self.events.superseded)
        if last != run_id and session.scalars(written.limit(1)).first():
            where = f"at event {clash}" if clash else "with another past"
            raise DeadRun(f"{self._name(key)}: run {run_id} was reset, {last} has taken over {where}")

    def _supersede(
        self, session: Session, row: Any, key: K, run_id: str, batch: Sequence[E], clash: int, epoch: int
    ) -> S | None:
        """Mark the old branch from the clash on as superseded. Returns the state before it."""
        self.rewritten(session, row, batch, clash)
        log.warning(
            "%s: run %s has another event %d than the journal; the old branch is superseded, epoch %d begins",
            *(self._name(key), run_id, clash, epoch),
        )
        dead = update(self.events).where(*self._live(key, clash)).values(superseded=True)
        session.execute(dead, execution_options=PLAIN)
        return self.fold(session, key)

    def _write(
        self, session: Session, row: Any, key: K, run_id: str, before: S | None, fresh: Sequence[E], epoch: int
    ) -> S:
        state, steps, records, words = before, [], [], []
        for event in fresh:
            state = self.aggregate.evolve(state, event)
            steps.append((event, state))
            place = {self.key: key, "epoch": epoch, "seq": event.seq}
            records.append(place | {"run_id": run_id} | self._record(session, event))
            if row is None or self.keeps_texts(row, event):
                words += [{**place, "name": name, "text": text} for name, text in event.texts.items()]
        assert state is not None
        if self.key_of(state) != key:
            raise ValueError(f"events of {self._name(self.key_of(state))} were brought as those of {key}")
        after = self.stored(state)
        self._project(session, row, after, epoch)
        session.execute(insert(self.events), records)
        if words:
            session.execute(insert(self.text_rows), words)
        self.recorded(session, steps, epoch)
        return after

    def _record(self, session: Session, event: E) -> Json:
        return {
            "type": event.body.type,
            "version": self.versions.of(event.body.type),
            "at": event.at,
            "detected": event.detected,
            "actor_id": event.actor.id,
            "actor_role": event.actor.role.value,
            "digest": self.digest(event),
        } | self.event_columns(session, event)

    def _project(self, session: Session, row: Any, after: S, epoch: int) -> None:
        """Write the projection. Under the owner's lock, so nothing can have come between."""
        record = {"seq": after.seq, "epoch": epoch} | self.columns(after)
        if row is None:
            session.execute(insert(self.owner).values(record))
            return
        for name, value in record.items():
            setattr(row, name, value)
        session.flush()

    def rebuild(self, session: Session, key: K, *, write: bool = True) -> Sequence[str] | None:
        """Make the projection of one owner anew from its live events. Returns the names of the columns that differed,
        and of what else is made with it; None if the journal knows no such owner, or no event of it.

        In the caller's transaction. When the owner changed last stays as it was, and nothing else follows: no notice,
        no webhook, no alert. With `write` off, nothing is changed.
        """
        row = self._locked(session, key)
        after = self.fold(session, key) if row is not None else None
        if after is None:
            return None
        record = {"seq": after.seq} | {name: v for name, v in self.columns(after).items() if name != "updated_at"}
        changed: list[str] = [name for name, value in record.items() if getattr(row, name) != value]
        if write and changed:
            same = getattr(self.owner, self.owner_key) == key
            values = {name: record[name] for name in changed}
            session.execute(update(self.owner).where(same).values(**values), execution_options=PLAIN)
        return [*changed, *self.remade(session, key, write)]

    # -- Reading -------------------------------------------------------------------------------------------------

    def load(self, session: Session, key: K, *, lock: bool = False) -> S | None:
        """Return the state as it is stored; None if there is none.

        With `lock`, nobody else changes it until the transaction ends.
        """
        if lock:
            row = session.scalars(self._owner(key).with_for_update()).one_or_none()
        else:
            rows = self._one_owner.ask(session, key=key)
            row = rows[0] if rows else None
        return self.to_state(session, row) if row else None

    def load_many(self, session: Session, keys: Sequence[K]) -> dict[K, S]:
        """Return the states as they are stored, by key, in one query; those that are not there are left out."""
        rows = session.scalars(select(self.owner).where(getattr(self.owner, self.owner_key).in_(keys)))
        found = ((getattr(row, self.owner_key), self.to_state(session, row)) for row in rows)
        return {key: state for key, state in found if state is not None}

    def keys_after(self, session: Session, after: K, limit: int) -> Sequence[K]:
        """Return the next keys in order, behind `after`."""
        key = getattr(self.owner, self.owner_key)
        return session.scalars(select(key).where(key > after).order_by(key).limit(limit)).all()

    def fold(self, session: Session, key: K) -> S | None:
        """Make the state of the live events, from the journal alone; None if there are none.

        It equals `load`, always: what is stored there is this, kept up to date.
        """
        state: S | None = None
        for row in self._rows(session, key):
            state = self.aggregate.evolve(state, self.event(session, row))
        return self.stored(state) if state else None

    def timeline(
        self,
        session: Session,
        key: K,
        *,
        superseded: bool = False,
        after: int = 0,
        upto: int | None = None,
        limit: int | None = None,
        known: Mapping[str, str] | None = None,
        known_upto: int = 0,
    ) -> list[Entry[E]]:
        """Return every live event in order, with its texts; with `superseded`, also dead branches, epoch by epoch.

        `after`, `upto` and `limit` ask for a part: from the event that follows `after` to `upto`, so many at most.
        `known`: the texts of the live events up to `known_upto`, as `texts` returns them, for who has asked for them
        already.
        """
        rows = list(self._rows(session, key, superseded=superseded, after=after, upto=upto, limit=limit))
        if not rows:
            return []
        last = max(row.seq for row in rows)
        if known is not None and not superseded and last <= known_upto:
            by_seq: dict[str, dict[str, str]] = {}
            for ref, text in known.items():
                seq, _, name = ref.partition(".")
                by_seq.setdefault(seq, {})[name] = text
            return [self._entry(session, row, by_seq.get(str(row.seq), {})) for row in rows]
        words: dict[tuple[int, int], dict[str, str]] = {}
        for epoch, number, name, text in self._words_between.ask(session, key=key, after=after, upto=last):
            words.setdefault((epoch, number), {})[name] = text
        return [self._entry(session, row, words.get((row.epoch, row.seq), {})) for row in rows]

    def texts(self, session: Session, key: K, refs: Iterable[str] | None = None) -> dict[str, str]:
        """Return the texts of the live events, by `<sequence>.<name>`; with `refs`, only those.

        What was erased, or never was, is left out.
        """
        found = {f"{row.seq}.{row.name}": row.text for row in self._words.ask(session, key=key)}
        wanted = found if refs is None else set(refs)
        return {ref: text for ref, text in found.items() if ref in wanted}

    def asked_by_load(self, key: K) -> Asked:
        """Return what `load` and `texts` ask, to be asked together with other questions."""
        return {self._one_owner: {"key": key}, self._words: {"key": key}}

    def asked_by_timeline(self, key: K) -> Asked:
        """Return what `timeline` asks of all live events, to be asked together with other questions."""
        return {self._live_rows: {"key": key}}

    def event(self, session: Session, row: Any, texts: Mapping[str, str] | None = None) -> E:
        """Return the event of a row in today's form. A text that is not given (erased, or not asked for) is empty."""
        body = self.versions.upcast(row.type, row.version, self.body_of(row))
        return self.to_event(session, row, body, texts or {})

    def _rows(
        self,
        session: Session,
        key: K,
        *,
        superseded: bool = False,
        after: int = 0,
        upto: int | None = None,
        limit: int | None = None,
    ) -> Iterable[Any]:
        if not superseded and after == 0 and upto is None and limit is None:
            return self._live_rows.ask(session, key=key)
        query = select(self.events).where(self._of(self.events, key), self.events.seq > after).limit(limit)
        if upto is not None:
            query = query.where(self.events.seq <= upto)
        if superseded:
            return session.scalars(query.order_by(self.events.epoch, self.events.seq))
        return session.scalars(query.where(~self.events.superseded).order_by(self.events.seq))

    def _entry(self, session: Session, row: Any, texts: Mapping[str, str]) -> Entry[E]:
        event = self.event(session, row, texts)
        erased = tuple(name for name in event.texts if name not in texts)
        return Entry(event, row.epoch, row.run_id, row.recorded_at, row.superseded, erased)

    # -- Both ----------------------------------------------------------------------------------------------------

    def _name(self, key: K) -> str:
        return f"{self.noun} {key}"

    @cached_property
    def _one_owner(self) -> Question:
        """Select the row of a noun, by the parameter `key`. Made once, as every page and many activities ask it."""
        columns = (getattr(self.owner, name) for name in self.of_state)
        return Question(select(*columns).where(getattr(self.owner, self.owner_key) == bindparam("key")))

    @cached_property
    def _live_rows(self) -> Question:
        """Select the live events of a noun, by the parameter `key`: their columns, which are read faster than objects.
        Made once."""
        mine = getattr(self.events, self.key) == bindparam("key")
        events: Any = self.events
        query = select(*events.__table__.columns).where(mine, ~self.events.superseded)
        return Question(query.order_by(self.events.seq))

    @cached_property
    def _words_between(self) -> Question:
        """Select the texts of a noun's events from the one that follows `after` to `upto`. Made once."""
        words = self.text_rows
        mine: ColumnElement[bool] = getattr(words, self.key) == bindparam("key")
        query = select(words.epoch, words.seq, words.name, words.text)
        return Question(query.where(mine, words.seq > bindparam("after"), words.seq <= bindparam("upto")))

    @cached_property
    def _words(self) -> Question:
        """Select the texts of the live events of a noun, by the parameter `key`. Made once."""
        words, events = self.text_rows, self.events
        key: BindParameter[Any] = bindparam("key")
        mine = (getattr(words, self.key) == key) & (getattr(events, self.key) == key) & ~events.superseded
        same = (words.epoch == events.epoch) & (words.seq == events.seq)
        query = select(words.seq, words.name, words.text).join(events, same).where(mine)
        return Question(query.order_by(words.seq, words.name))

    def _owner(self, key: K) -> Select[Any]:
        query = select(self.owner).where(getattr(self.owner, self.owner_key) == key)
        return query.execution_options(populate_existing=True)

    def _of(self, table: type[EventColumns] | type[TextColumns], key: K) -> ColumnElement[bool]:
        found: ColumnElement[bool] = getattr(table, self.key) == key
        return found

    def _live(self, key: K, first: int = 1) -> tuple[ColumnElement[bool], ...]:
        return self._of(self.events, key), self.events.seq >= first, ~self.events.superseded

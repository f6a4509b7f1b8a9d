"""The journal of incidents: every event in order, and the incident that they make, in the same transaction.

As with tickets (`store.journal`), events arrive at least once, from runs that may have been reset: the same event in
its place is a repeat; another one means that the past was rewritten, so the old branch is superseded and kept, and the
new one goes on under the next epoch; a gap is refused, to be tried again.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from domain.incident.aggregate import INCIDENT, notices
from domain.incident.events import IncidentEvent, TicketJoined
from domain.incident.state import Incident
from store import outbox
from store.journal import DeadRun, Gap
from store.records import Json, sha256
from store.tables.incidents import IncidentRow, IncidentTicketRow
from store.tables.journal import IncidentEventRow, IncidentTextRow

__all__ = ["DeadRun", "Entry", "Gap", "append", "listed", "load", "timeline"]

log = logging.getLogger("tierline.journal")


def append(session: Session, number: int, run_id: str, events: Sequence[IncidentEvent]) -> int:
    """Record events of one incident, the notices that they cause (F5) and the projection. Returns how many were new.

    In the caller's transaction, so all or nothing; one writer at a time for each incident. Raises Gap and DeadRun.
    """
    events = [_storable(event) for event in events]
    row = session.get_one(IncidentRow, number, with_for_update=True, populate_existing=True)
    digests = {event.seq: sha256(event.model_dump(mode="json", exclude_defaults=True)) for event in events}
    incident = _supersede(session, row, run_id, digests) or _as_stored(row)
    seq = incident.seq if incident else 0
    fresh = [event for event in events if event.seq > seq]
    if not fresh:
        return 0
    if fresh[0].seq != seq + 1:
        raise Gap(f"incident-{number} is at {seq}: event {fresh[0].seq} does not follow")
    for event in fresh:
        incident = INCIDENT.evolve(incident, event)
        _write(session, row, run_id, event, digests[event.seq])
        for notice in notices(incident, event):
            # Under an epoch of its own: what a dead branch has sent is another notice.
            key = notice.key if row.epoch == 1 else f"{notice.key}:e{row.epoch}"
            outbox.put_or_renew(session, notice.model_copy(update={"key": key}))
    assert incident is not None
    _project(row, incident)
    session.flush()
    return len(fresh)


def load(session: Session, number: int) -> Incident | None:
    """The incident as it is, without free text; None if there is none, or none of its events is recorded yet."""
    row = session.get(IncidentRow, number, populate_existing=True)
    return _as_stored(row) if row else None


def listed(
    session: Session,
    *,
    over: bool = False,
    area: str | None = None,
    priority: str | None = None,
    state: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[Incident]:
    """The incidents of which something is still asked, the newest first; with `over`, the others as well.

    `area`, `priority` and `state` pick some of them; `before` those with a lower number, for the next page.
    """
    query = select(IncidentRow).where(IncidentRow.state.is_not(None)).order_by(IncidentRow.number.desc()).limit(limit)
    if not over and state is None:
        query = query.where(IncidentRow.status.not_in(("reviewed", "cancelled")))
    wanted = {IncidentRow.area: area, IncidentRow.priority: priority, IncidentRow.status: state}
    query = query.where(*(column == value for column, value in wanted.items() if value is not None))
    if before is not None:
        query = query.where(IncidentRow.number < before)
    return [incident for row in session.scalars(query) if (incident := _as_stored(row))]


@dataclass(frozen=True)
class Entry:
    """One line of an incident's timeline."""

    event: IncidentEvent
    epoch: int
    run_id: str
    recorded_at: datetime
    """When the journal got it, by the database's clock."""


def timeline(session: Session, number: int, *, upto: int | None = None) -> list[Entry]:
    """Every live event in order, with its texts; as far as the event `upto`, if it is given."""
    live = (IncidentEventRow.number == number, ~IncidentEventRow.superseded)
    query = select(IncidentEventRow).where(*live).order_by(IncidentEventRow.seq)
    rows = session.scalars(query if upto is None else query.where(IncidentEventRow.seq <= upto)).all()
    texts: dict[tuple[int, int], dict[str, str]] = {}
    for text in session.scalars(select(IncidentTextRow).where(IncidentTextRow.number == number)):
        texts.setdefault((text.epoch, text.seq), {})[text.name] = text.text
    return [
        Entry(_event(row, texts.get((row.epoch, row.seq), {})), row.epoch, row.run_id, row.recorded_at) for row in rows
    ]


def _storable(event: IncidentEvent) -> IncidentEvent:
    """The event as PostgreSQL takes it: without NUL."""
    content = event.model_dump_json()
    return IncidentEvent.model_validate_json(content.replace("\\u0000", "\ufffd")) if "\\u0000" in content else event


def _supersede(session: Session, row: IncidentRow, run_id: str, digests: dict[int, str]) -> Incident | None:
    """Mark a branch that the batch contradicts as dead. Returns the incident before it; None where nothing clashes."""
    live = (IncidentEventRow.number == row.number, ~IncidentEventRow.superseded)
    known = session.execute(select(IncidentEventRow.seq, IncidentEventRow.digest).where(*live))
    clash = min((seq for seq, digest in known if digests.get(seq, digest) != digest), default=None)
    if clash is None:
        return None
    runs = session.scalars(select(IncidentEventRow.run_id).where(*live).order_by(IncidentEventRow.seq)).all()
    if runs[-1] != run_id and run_id in runs:
        raise DeadRun(f"incident-{row.number}: run {run_id} was reset, {runs[-1]} has taken over at event {clash}")
    log.warning("incident-%d: run %s has another event %d than the journal", row.number, run_id, clash)
    dead = update(IncidentEventRow).where(*live, IncidentEventRow.seq >= clash).values(superseded=True)
    session.execute(dead, execution_options={"synchronize_session": False})
    row.epoch += 1
    before = [entry.event for entry in timeline(session, row.number)]
    row.seq, row.state = 0, None
    return INCIDENT.fold(before) if before else None


def _write(session: Session, row: IncidentRow, run_id: str, event: IncidentEvent, digest: str) -> None:
    place = {"number": row.number, "epoch": row.epoch, "seq": event.seq}
    content = event.model_dump(mode="json")
    content["texts"] = dict.fromkeys(event.texts, "")
    record = {
        **place,
        "type": event.body.type,
        "at": event.at,
        "detected": event.detected,
        "actor_id": event.actor.id,
        "actor_role": event.actor.role.value,
        "event": content,
        "digest": digest,
        "run_id": run_id,
    }
    session.execute(insert(IncidentEventRow), [record])
    if event.texts:
        words = [{**place, "name": name, "text": text} for name, text in event.texts.items()]
        session.execute(insert(IncidentTextRow), words)
    if isinstance(event.body, TicketJoined):
        heard = update(IncidentTicketRow).where(IncidentTicketRow.effect_key == event.body.effect_key)
        session.execute(heard.values(heard=True), execution_options={"synchronize_session": False})


def _project(row: IncidentRow, incident: Incident) -> None:
    """The columns that queries need, and the state, without the words that it carries until they are told."""
    row.seq, row.status, row.priority = incident.seq, incident.state, incident.priority.value
    row.commander, row.drill = incident.commander, incident.drill
    row.acknowledged_at, row.mitigated_at = incident.acknowledged_at, incident.mitigated_at
    row.resolved_at, row.reviewed_at = incident.resolved_at, incident.reviewed_at
    row.page_keys = sorted({page.dedup_key for page in incident.pages})
    row.state = _without_words(incident)


def _without_words(incident: Incident) -> Json:
    wordless: dict[str, object] = {
        "news": {"__all__": {"comment", "draft"}},
        "updates": {"__all__": {"text"}},
        "undone": {"__all__": {"text"}},
    }
    state: Json = incident.model_dump(mode="json", exclude=wordless)  # type: ignore[arg-type]
    return state


def _as_stored(row: IncidentRow) -> Incident | None:
    return Incident.model_validate(row.state) if row.state else None


def _event(row: IncidentEventRow, texts: dict[str, str]) -> IncidentEvent:
    content = row.event | {"texts": {name: texts.get(name, "") for name in row.event["texts"]}}
    return IncidentEvent.model_validate(content)

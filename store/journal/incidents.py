"""The journal of incidents: their tables, and what is written with their events: notices (F5), joins that arrived."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from domain.aggregate.effect import kind_in
from domain.incident.aggregate import INCIDENT, notices
from domain.incident.events import IncidentEvent, TicketJoined
from domain.incident.rules.pending_effects import EffectDone
from domain.incident.state import Incident
from store import outbox
from store.database import PLAIN
from store.journal import upcast
from store.journal.content import content_of, sha256
from store.journal.journal import Journal
from store.journal.upcast import Json
from store.tables.incidents import IncidentRow, IncidentTicketRow
from store.tables.journal import IncidentEventRow, IncidentTextRow


def _digest(event: IncidentEvent) -> str:
    """Return the digest as every version has written it. It does not cover the body's type."""
    return sha256(content_of(event))


def _event_columns(_session: Session, event: IncidentEvent) -> Json:
    return {"event": event.model_dump(mode="json") | {"texts": dict.fromkeys(event.texts, "")}}


def _to_event(_session: Session, row: IncidentEventRow, body: Json, texts: Mapping[str, str]) -> IncidentEvent:
    known = {name: texts.get(name, "") for name in row.event["texts"]}
    return IncidentEvent.model_validate(row.event | {"body": body, "texts": known})


def _columns(incident: Incident) -> Json:
    return {
        "status": incident.state,
        "priority": incident.priority.value,
        "commander": incident.commander,
        "drill": incident.drill,
        "acknowledged_at": incident.acknowledged_at,
        "mitigated_at": incident.mitigated_at,
        "resolved_at": incident.resolved_at,
        "reviewed_at": incident.reviewed_at,
        "page_keys": sorted({page.dedup_key for page in incident.pages}),
        "state": incident.model_dump(mode="json"),
        "updated_at": func.now(),
    }


def _to_state(_session: Session, row: IncidentRow) -> Incident | None:
    return Incident.model_validate(row.state) if row.state else None


def _without_words(incident: Incident) -> Incident:
    """Return the incident without the words that it carries until they are sent: they stand in the texts alone."""
    news = tuple(one.model_copy(update={"comment": "", "draft": ""}) for one in incident.announcements)
    updates = tuple(one.model_copy(update={"text": ""}) for one in incident.updates)
    pending_effects = tuple(one.model_copy(update={"text": ""}) for one in incident.pending_effects)
    return incident.model_copy(update={"announcements": news, "updates": updates, "pending_effects": pending_effects})


def _recorded(session: Session, steps: Sequence[tuple[IncidentEvent, Incident]], epoch: int) -> None:
    outbox.put(session, [(event.seq, notice) for event, then in steps for notice in notices(then, event)], epoch)
    for event, _ in steps:
        if isinstance(event.body, TicketJoined):
            _mark_known(session, steps[-1][1].number, event, event.body)
        if isinstance(event.body, EffectDone) and kind_in(event.body.key) == "close":
            # The activity has done so; but a database that was restored from an older copy may have lost it.
            mine = (IncidentRow.number == steps[-1][1].number, IncidentRow.closed_at.is_(None))
            session.execute(update(IncidentRow).where(*mine).values(closed_at=event.at), execution_options=PLAIN)


def _mark_known(session: Session, number: int, event: IncidentEvent, joined: TicketJoined) -> None:
    """Record that the incident knows of a ticket. One that asked to join has a row, unless the database has lost it."""
    if joined.by_hand:
        mark = update(IncidentTicketRow).where(IncidentTicketRow.effect_key == joined.effect_key)
        session.execute(mark.values(known=True), execution_options=PLAIN)
        return
    row = {"effect_key": joined.effect_key, "number": number, "ticket_id": joined.ticket, "joined_at": event.at}
    there = upsert(IncidentTicketRow).values(row | {"known": True})
    session.execute(there.on_conflict_do_update(index_elements=["effect_key"], set_={"heard": True}))


def _rewritten(session: Session, row: IncidentRow, _events: Sequence[IncidentEvent], seq: int) -> None:
    """Cancel the notices that the events from `seq` on caused."""
    outbox.orphan(session, seq, incident=row.number)


INCIDENTS = Journal[int, IncidentEvent, Incident](
    noun="incident",
    aggregate=INCIDENT,
    owner=IncidentRow,
    owner_key="number",
    events=IncidentEventRow,
    text_rows=IncidentTextRow,
    key="number",
    versions=upcast.INCIDENTS,
    key_of=lambda incident: incident.number,
    digest=_digest,
    event_columns=_event_columns,
    body_of=lambda row: row.event["body"],
    to_event=_to_event,
    columns=_columns,
    to_state=_to_state,
    of_state=("state",),
    recorded=_recorded,
    rewritten=_rewritten,
    stored=_without_words,
)


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
    """List the incidents of which something is still asked, the newest first; with `over`, the others as well.

    `area`, `priority` and `state` pick some of them; `before` those with a lower number, for the next page.
    """
    query = select(IncidentRow).where(IncidentRow.state.is_not(None)).order_by(IncidentRow.number.desc()).limit(limit)
    if not over and state is None:
        query = query.where(IncidentRow.status.not_in(("reviewed", "cancelled")))
    wanted = {IncidentRow.area: area, IncidentRow.priority: priority, IncidentRow.status: state}
    query = query.where(*(column == value for column, value in wanted.items() if value is not None))
    if before is not None:
        query = query.where(IncidentRow.number < before)
    return [incident for row in session.scalars(query) if (incident := _to_state(session, row))]

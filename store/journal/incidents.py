"""The journal of incidents: their tables, and what else is written with their events: notices (F5) and heard joins."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from domain.incident.aggregate import INCIDENT, notices
from domain.incident.events import IncidentEvent, TicketJoined
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
    }


def _to_state(_session: Session, row: IncidentRow) -> Incident | None:
    return Incident.model_validate(row.state) if row.state else None


def _without_words(incident: Incident) -> Incident:
    """Return the incident without the words that it carries until they are told: they stand in the texts alone."""
    news = tuple(one.model_copy(update={"comment": "", "draft": ""}) for one in incident.news)
    updates = tuple(one.model_copy(update={"text": ""}) for one in incident.updates)
    undone = tuple(one.model_copy(update={"text": ""}) for one in incident.undone)
    return incident.model_copy(update={"news": news, "updates": updates, "undone": undone})


def _recorded(session: Session, steps: Sequence[tuple[IncidentEvent, Incident]], epoch: int) -> None:
    for event, incident in steps:
        for notice in notices(incident, event):
            # Under an epoch of its own: what a dead branch has sent is another notice.
            key = notice.key if epoch == 1 else f"{notice.key}:e{epoch}"
            outbox.put_or_renew(session, notice.model_copy(update={"key": key}))
        if isinstance(event.body, TicketJoined):
            heard = update(IncidentTicketRow).where(IncidentTicketRow.effect_key == event.body.effect_key)
            session.execute(heard.values(heard=True), execution_options=PLAIN)


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
    recorded=_recorded,
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

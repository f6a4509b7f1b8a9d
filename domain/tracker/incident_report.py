"""What engineering's tracker gets of an incident: its issue, the review that follows it, and the review's actions.

Pure functions of the incident and its events. Everything that a person wrote goes through
`domain.documents.redaction`; people stand here by their ids alone.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from domain.core.text import one_line, one_line_utf16, utf16_units
from domain.core.values import Frozen
from domain.documents.document import Block, Document, Line, bullets, code, heading, line, link, paragraph, strong
from domain.documents.redaction import redact
from domain.incident import events as e
from domain.incident.aggregate import INCIDENT
from domain.incident.phrases import effect_in_words
from domain.incident.state import Incident, workflow_id
from domain.incident.wording import line as said
from domain.tracker.reported import Reported

SUMMARY_LIMIT = 255
"""Characters that an issue tracker keeps of a summary."""
TOLD_FIRST, TOLD_LAST = 40, 160
"""Of a timeline that is longer, its beginning and its end are shown."""
ENTRY_LIMIT = 500
"""Characters of one entry of a timeline."""
TICKETS = 100
"""How many tickets are named."""

TicketUrl = Callable[[str], str]
"""Where a person finds a ticket."""


class IncidentReport(Frozen):
    """A draft for the tracker."""

    summary: str
    """One line of at most 255 UTF-16 units."""
    document: Document


def incident_issue(
    events: Sequence[e.IncidentEvent], url: str, ticket_url: TicketUrl, reported: Sequence[Reported] = ()
) -> IncidentReport:
    """Return the issue of the incident that `events` make. `url` says where people find it, `reported` what its first
    tickets say: what is broken, for whom, since when."""
    incident, entries = _entries(events)
    area = incident.product_area or "the service"
    about = next((one.subject for one in reported if one.subject), "")
    name = workflow_id(incident.number)
    return _report(incident, f"{area}: {about} ({name})" if about else f"{area}: {name}", [
        _where(incident, url),
        *_reported(reported, ticket_url),
        bullets([_fact("Severity", incident.priority), _fact("State", incident.state),
                 _fact("Commander", incident.commander), _fact("Declared", _utc(incident.declared_at))]),
        *_tickets(incident, ticket_url),
        *_timeline(entries),
        paragraph("What happens from here on stands in the comments."),
    ])  # fmt: skip


def review_issue(events: Sequence[e.IncidentEvent], url: str, ticket_url: TicketUrl) -> IncidentReport:
    """Return what the review begins with: all that is known already, so that people need to add only what they
    learnt."""
    incident, entries = _entries(events)
    due = f" The review is due by {_utc(incident.review_due)}." if incident.review_due else ""
    return _report(incident, f"Review of {workflow_id(incident.number)}", [
        _where(incident, url, due),
        heading("Times"),
        bullets(list(_times(incident))),
        heading("Response"),
        bullets(list(_response(incident, events))),
        *_tickets(incident, ticket_url),
        *_timeline(entries),
        *_to_fill_in("What happened, and why", "What went well", "What went wrong", "Where we were lucky"),
        heading("Actions"),
        paragraph("Record each with its owner: it becomes an issue that is linked to this one."),
    ])  # fmt: skip


def action_issue(events: Sequence[e.IncidentEvent], seq: int, url: str) -> IncidentReport:
    """Return the action that the event `seq` recorded. LookupError if there is none."""
    incident, _ = _entries(events)
    event = next((event for event in events if event.seq == seq), None)
    if event is None or not isinstance(event.body, e.ActionAdded):
        raise LookupError(f"{workflow_id(incident.number)} recorded no action at {seq}")
    text = _safe(event.texts.get("text", "")) or "(no words)"
    facts = [_fact("Owner", event.body.owner)]
    if event.body.due:
        facts.append(_fact("Due", _utc(event.body.due)))
    return _report(incident, f"{workflow_id(incident.number)}: {text}", [
        paragraph(text), bullets(facts), _where(incident, url)
    ])  # fmt: skip


def note(text: str) -> Document:
    """Return a change of the incident, as a comment of its issue."""
    first, _, rest = _safe(text).partition("\n")
    blocks: list[Block] = [paragraph(strong(first or "(no words)"))]
    return Document(blocks=(*blocks, *([paragraph(rest)] if rest.strip() else [])))


# -- Its parts -----------------------------------------------------------------------------------------------


def entries(events: Iterable[e.IncidentEvent]) -> Iterator[tuple[e.IncidentEvent, str]]:
    """Yield each event, and what it is in words, as the incident stood then; "" for what people need not read."""
    incident: Incident | None = None
    for event in events:
        incident = INCIDENT.evolve(incident, event)
        yield event, said(incident, event) or _besides(event)


class _Entry(Frozen):
    at: datetime
    text: str


def _entries(events: Sequence[e.IncidentEvent]) -> tuple[Incident, list[_Entry]]:
    """Return the incident, and what may be read of its timeline."""
    lines = [(event, text) for event, text in entries(events) if text]
    return INCIDENT.fold(events), [
        _Entry(at=event.at, text=one_line(_safe(text), ENTRY_LIMIT)) for event, text in lines
    ]


def _besides(event: e.IncidentEvent) -> str:
    """Return what a review asks about, and is not posted to the room."""
    match event.body:
        case e.Paged(level=level, round=round_, audience=audience):
            again = f", time {round_}" if round_ > 1 else ""
            return f"Paged level {level} ({audience}){again}."
        case e.PageAdopted():
            return "Paged already, by the ticket."
        case e.TicketJoined(ticket=ticket):
            return f"ticket-{ticket} joined."
        case e.TicketsNotified(missed=missed) if missed:
            return f"Could not be notified yet: {', '.join(f'ticket-{ticket}' for ticket in missed)}."
        case e.EffectFailed(key=key):
            return f"Refused by the other side: {effect_in_words(key)}."
        case e.EffectOverdue(key=key):
            return f"Pending for too long: {effect_in_words(key)}."
        case e.ActionAdded(owner=owner):
            return f"An action was recorded for {owner}."
        case _:
            return ""


def _report(incident: Incident, title: str, blocks: Sequence[Block]) -> IncidentReport:
    drill = "DRILL " if incident.drill else ""
    before = f"[{drill}{incident.priority}] "
    summary = before + one_line_utf16(_safe(title), SUMMARY_LIMIT - utf16_units(before))
    return IncidentReport(summary=summary, document=Document(blocks=tuple(blocks)))


def _where(incident: Incident, url: str, more: str = "") -> Block:
    name = workflow_id(incident.number)
    area = _safe(incident.product_area) or "the service"
    return paragraph(link(name, url) if url else code(name), f" in {one_line(area, 100)}.{more}")


def _times(incident: Incident) -> Iterator[Line]:
    """Return detection, acknowledgement, mitigation and resolution: when, and how long it took."""
    reported = min((joined.since for joined in incident.tickets), default=incident.declared_at)
    reported = min(reported, incident.declared_at)
    yield _fact("First reported", _utc(reported))
    yield _fact("Detected", f"{_utc(incident.declared_at)}, {_span(incident.declared_at - reported)} after the report")
    for name, at in (
        ("Acknowledged", incident.acknowledged_at),
        ("Mitigated", incident.mitigated_at),
        ("Resolved", incident.resolved_at),
    ):
        took = f"{_utc(at)}, {_span(at - incident.declared_at)} after the detection" if at else "not recorded"
        yield _fact(name, took)


def _response(incident: Incident, events: Sequence[e.IncidentEvent]) -> Iterator[Line]:
    late = sum(isinstance(event.body, e.UpdateMissed) and event.body.times == 1 for event in events)
    yield _fact("Commander", incident.commander)
    yield _fact("Communications", incident.communications or incident.commander)
    yield _fact("Updates", f"{incident.updates_posted}, of which were late {late}")
    for page in incident.pages:
        became = {"elsewhere": "taken by the second channel", "failed": "not taken by the pager"}
        fate = became.get(page.state, page.state)
        yield _fact(f"Page, level {page.level}", f"{page.audience or 'on-call'}, {fate}")


def _tickets(incident: Incident, ticket_url: TicketUrl) -> Iterator[Block]:
    yield heading("Tickets")
    if not incident.tickets:
        yield paragraph("None.")
        return
    rows = [_ticket(joined.ticket, joined.issue_key, ticket_url) for joined in incident.tickets[:TICKETS]]
    if (more := len(incident.tickets) - TICKETS) > 0:
        rows.append(line(f"and {more} more"))
    yield bullets(rows)


def _ticket(ticket: str, bug: str | None, ticket_url: TicketUrl) -> Line:
    named = link(ticket, ticket_url(ticket))
    return line(named, ", bug ", code(bug)) if bug else line(named)


def _reported(reported: Sequence[Reported], ticket_url: TicketUrl) -> Iterator[Block]:
    """Yield what customers report, each with whose it is and since when."""
    if not reported:
        return
    yield heading("What is reported")
    for one in reported:
        yield paragraph(link(one.ticket, ticket_url(one.ticket)), " ", strong(one.subject or "(no subject)"))
        facts = [_fact("Customer", one.account), _fact("Since", _utc(one.since))]
        yield bullets([*facts, *([_fact("To be resolved by", _utc(one.due))] if one.due else [])])
    if words := next((one.words for one in reported if one.words), ""):
        yield paragraph(strong("In the customer's words: "), words)


def _timeline(entries: Sequence[_Entry]) -> Iterator[Block]:
    yield heading("Timeline")
    rows = [line(strong(_utc(entry.at)), f"  {entry.text}") for entry in entries]
    if len(rows) > TOLD_FIRST + TOLD_LAST:
        left_out = line(f"({len(rows) - TOLD_FIRST - TOLD_LAST} entries are left out here)")
        rows = [*rows[:TOLD_FIRST], left_out, *rows[-TOLD_LAST:]]
    yield bullets(rows)


def _to_fill_in(*titles: str) -> Iterator[Block]:
    for title in titles:
        yield heading(title)
        yield paragraph("(to be written in the review)")


def _fact(name: str, value: str) -> Line:
    return line(strong(f"{name}: "), one_line(_safe(value), 200))


def _safe(text: str) -> str:
    return redact(text).text.strip()


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _span(length: timedelta) -> str:
    """Return a span as people say it: `3 min 12 s`, `2 h 5 min`."""
    seconds = max(0, int(length.total_seconds()))
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds % 60} s"

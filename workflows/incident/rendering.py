"""What ops see of an incident in the Temporal UI: search attributes and current details. Ids, never names."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.search_attributes as sa
    from domain.core.enums import IncidentWaitsOn
    from domain.documents.markdown import inert, linked
    from domain.incident.aggregate import INCIDENT
    from domain.incident.phrases import headline, instant_text
    from domain.incident.state import Incident, Page, workflow_id
    from workflows.search_attributes import Attributes, keyword

SHOWN = 50
"""Tickets, pages and effects that the details list."""


def waits_on(incident: Incident) -> IncidentWaitsOn:
    """Return who or what has to move before the incident can."""
    if any(effect.kind in ("page", "page_elsewhere") for effect in incident.pending_effects):
        return IncidentWaitsOn.PAGER
    if incident.ended:
        return IncidentWaitsOn.NOBODY
    return IncidentWaitsOn.REVIEW if incident.over else IncidentWaitsOn.RESPONDERS


def attributes(incident: Incident) -> Attributes:
    """Return the search attributes of an incident; None is unset."""
    refs = [workflow_id(incident.number), incident.issue_key, incident.review_key]
    return {
        sa.STATUS: incident.state,
        sa.PRIORITY: incident.priority.value,
        sa.ASSIGNEE: keyword(incident.commander),
        sa.WAITS_ON: waits_on(incident).value,
        sa.WAITS_SINCE: incident.state_since,
        sa.REFS: [keyword(ref) for ref in refs if ref],
        sa.SLA_DEADLINE: incident.review_due if incident.over else incident.update_due,
    }


def details(incident: Incident) -> str:
    """Return the current details of an incident, in markdown."""
    title = headline(incident.number, incident.priority, inert(incident.product_area), drill=incident.drill)
    lines = [
        f"### {title} · {incident.state}",
        f"- **Waits on** {waits_on(incident)} since {instant_text(incident.state_since)}",
        f"- **Commander** {inert(incident.commander)}; "
        f"writes to customers: {inert(incident.communications or incident.commander)}",
    ]
    if deadline := INCIDENT.next_deadline(incident):
        lines.append(f"- **Next** {deadline.summary}, at {deadline.at:%Y-%m-%d %H:%M:%S} UTC")
    if incident.unanswered:
        lines.append("- **NOBODY CAME** The whole ladder was paged; `retry` pages it again")
    if not incident.over:
        lines.append(f"- **Update due** {instant_text(incident.update_due)}{' LATE' if incident.update_missed else ''}")
    if incident.issue_key:
        lines.append(f"- **Jira** {linked(incident.issue_key, incident.issue_url)}")
    if incident.review_due:
        review = f" {linked(incident.review_key, incident.review_url)}" if incident.review_key else ""
        lines.append(f"- **Review due** {instant_text(incident.review_due)}{review}")
    lines += [
        f"- **Packages owed** by {inert(f'ticket-{ticket}')}: {', '.join(map(inert, fields))}"
        for ticket, fields in list(incident.owing.items())[:SHOWN]
    ]
    for effect in incident.degraded[:SHOWN]:
        refused = ", REFUSED: correct it, then `retry`" if effect.failed else ""
        lines.append(f"- **DEGRADED** {effect.kind} since {instant_text(effect.since)}{refused}")
    if incident.pages:
        lines += ["", "#### Pages", *(_page(page) for page in incident.pages[-SHOWN:])]
    if incident.tickets:
        more = len(incident.tickets) - SHOWN
        lines += ["", f"#### Tickets ({len(incident.tickets)})"]
        lines += [f"- {inert(f'ticket-{joined.ticket}')}" for joined in incident.tickets[:SHOWN]]
        lines += [f"- and {more} more"] if more > 0 else []
    return "\n".join(lines)


def _page(page: Page) -> str:
    words = {"elsewhere": "taken by the second channel", "failed": "FAILED at the pager", "sending": "on its way"}
    return f"- {inert(page.audience or page.dedup_key)}, round {page.round}: {words.get(page.state, page.state)}"

"""What ops see of a ticket in the Temporal UI: search attributes, summary, current details. Ids, never names.

The UI draws summaries and details as markdown with HTML in it. Whatever came from outside stands there through `inert`.
"""

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.search_attributes as sa
    from domain.documents.markdown import inert, linked
    from domain.ticket.aggregate import next_deadline
    from domain.ticket.derived import proposal, sla_deadline, sla_state
    from domain.ticket.rules.escalation import ABOVE, owed_debt
    from domain.ticket.rules.gates import missing
    from domain.ticket.state import ACTIVE, IssueLink, Ticket
    from workflows.search_attributes import Attributes, keyword


def attributes(ticket: Ticket) -> Attributes:
    """Return the search attributes of a ticket; None is unset."""
    return {
        sa.STATUS: ticket.status.value,
        sa.TIER: ticket.tier.value,
        sa.PRIORITY: ticket.priority.value,
        sa.PLAN: ticket.account.plan.value,
        sa.ACCOUNT: keyword(ticket.account.id),
        sa.ASSIGNEE: ticket.assignee and keyword(ticket.assignee),
        sa.SLA_STATE: sla_state(ticket).value,
        sa.WAITS_ON: ticket.waits_on.value,
        sa.REFS: [keyword(ref) for ref in ticket.refs()] or None,
        sa.SLA_DEADLINE: sla_deadline(ticket),
        sa.WAITS_SINCE: ticket.waits_since,
    }


def summary(ticket: Ticket) -> str:
    """Return the workflow's static summary: one line, set once."""
    return f"{ticket.priority} {ticket.category} for {ticket.account.plan} account {inert(ticket.account.id)}"


def origin(ticket: Ticket) -> str:
    """Return the workflow's static details, in markdown: where the ticket comes from and what it was promised."""
    lines = [
        f"- **Source** {inert(ticket.source)}, its id there {inert(ticket.external_id, 200)}",
        f"- **Opened** {_instant_text(ticket.opened_at)} by {ticket.channel}",
        f"- **Terms** policy {inert(ticket.terms.policy)}, plan {ticket.terms.plan.plan}, "
        f"support hours {inert(ticket.terms.calendar.name)} ({inert(ticket.terms.calendar.zone)})",
    ]
    if ticket.parent:
        lines.append(f"- **Follows** ticket {inert(ticket.parent)}")
    return "\n".join(lines)


def details(ticket: Ticket) -> str:
    """Return the current details, in markdown. Lists and not tables: the UI draws tables without rules.

    The summary is their headline too, since the static one is lost when the ticket continues as new.
    """
    lines = [
        f"### {summary(ticket)} · {ticket.status} in {ticket.tier}",
        f"- **Waits on** {ticket.waits_on} since {_instant_text(ticket.waits_since)}",
        f"- **Assignee** {inert(ticket.assignee or 'nobody')}",
        f"- **SLA** {sla_state(ticket)}",
    ]
    if ticket.route:
        lines.append(f"- **Team** {inert(ticket.route.team)}, by {', '.join(map(inert, ticket.route.why))}")
    if ticket.account_unknown:
        lines.append("- **Account** not known: its plan is assumed until it is matched")
    if ticket.channel_outside_plan:
        lines.append(f"- **Channel** {ticket.channel} is outside the plan")
    deadline = next_deadline(ticket)
    if deadline:
        lines.append(f"- **Next** {deadline.summary}, at {_instant_text(deadline.at)}")
    above = ABOVE.get(ticket.tier)
    if above and ticket.status in ACTIVE and (lacking := missing(ticket, above)):
        lines.append(f"- **Missing for {above}** {', '.join(map(inert, lacking))}")
    if debt := owed_debt(ticket):
        lines.append(f"- **Packages owed** since the P0 skipped the tiers, due {_instant_text(debt.due)}")
    if ticket.issue:
        lines.append(_issue(ticket, ticket.issue))
    if ticket.incident:
        draft = f", its update {ticket.incident.draft} waits as a draft" if ticket.incident.draft else ""
        lines.append(f"- **Incident** incident-{ticket.incident.number}, {ticket.incident.state}{draft}")
    lines += [
        f"- **Pending** {effect.kind} since {_instant_text(effect.since)}{', REFUSED' if effect.failed else ''}"
        for effect in ticket.pending_effects
    ]
    lines.append("\n#### Clocks")
    for clock in ticket.clocks:
        state = _clock_state(clock.met_at, clock.breach.word if clock.breach else None, clock.due)
        name = clock.metric.replace("_", " ")
        lines.append(f"- {clock.side} {name}: {state} ({inert(clock.leg.cell.source)})")
    return "\n".join(lines)


def _issue(ticket: Ticket, link: IssueLink) -> str:
    """Return the issue in one line. Its people are ids, as everywhere here."""
    words = [linked(link.key, link.url), inert(link.status) or "created"]
    words += [f"assigned to {inert(link.assignee)}"] if link.assignee else []
    words += [f"ended as {inert(link.resolution)}"] if link.resolution else []
    words += [f"fixed in {', '.join(map(inert, link.fix_versions))}"] if link.fix_versions else []
    words += [f"a duplicate of {inert(link.duplicate_of)}"] if link.duplicate_of else []
    proposed = proposal(ticket)
    words += [f"proposes {inert(proposed)}"] if proposed else []
    return f"- **Jira** {', '.join(words)}"


def _clock_state(met_at: datetime | None, breach: str | None, due: datetime | None) -> str:
    parts = []
    if breach:
        parts.append("missed" if breach == "upheld" else f"missed, {breach}")
    parts.append(f"met at {_instant_text(met_at)}" if met_at else f"due {_instant_text(due)}" if due else "paused")
    return ", ".join(parts)


def _instant_text(at: datetime | None) -> str:
    return f"{at.isoformat(' ', 'seconds')[:19]} UTC" if at else "-"  # a fiftieth of what strftime takes

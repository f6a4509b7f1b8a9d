"""F4: issues that may carry a ticket's problem already, to be offered before another is made.

Only offered: the same words are not always the same problem, so it is a person who links.
"""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from domain.core.enums import Category, Tier
from domain.core.refusal import Refused
from domain.core.values import Frozen
from domain.ticket.effect_kinds import ISSUE
from domain.ticket.rules.escalation import engineering_for
from domain.ticket.state import ACTIVE, Ticket, workflow_id
from domain.tracker.fingerprint import fingerprint
from integrations.calls import Failure
from integrations.tracker.port import TrackerPort
from store import journal, tracker_links
from store.database import Database


class Candidate(Frozen):
    """An open issue with the ticket's fingerprint."""

    key: str
    url: str
    summary: str = ""
    """Empty where Jira was not asked, or did not answer."""
    status: str = ""
    tickets: int = 0
    """How many tickets are linked to it."""


class Candidates(Frozen):
    """What was found, those of most tickets first."""

    fingerprint: str
    """"" where the ticket says too little to tell."""
    issues: tuple[Candidate, ...] = ()
    note: str = ""
    """Why Jira itself gave no answer; then these are the issues that Tierline knows of."""


def offered(session: Session, ticket: Ticket, texts: Mapping[str, str]) -> tuple[Candidate, ...]:
    """Return what the next hand-off may link instead of making another issue (F4): open issues with this ticket's
    fingerprint.

    Only where the next hand-off would make an issue, and only those that we know of: Jira is not asked.
    """
    if ticket.tier is Tier.T3 or ticket.status not in ACTIVE or engineering_for(ticket) not in ISSUE:
        return ()
    label = fingerprint(ticket, texts)
    known = tracker_links.similar(session, label, limit=3) if label else ()
    mine = workflow_id(ticket.id)
    return tuple(
        Candidate(key=issue.key, url=issue.url, tickets=len(issue.owners))
        for issue in known
        if mine not in issue.owners and _other_kind(ticket) not in issue.kinds
    )


def _other_kind(ticket: Ticket) -> str:
    """Return what an issue that is to carry this ticket's problem is not made for: a wish is no bug's duplicate,
    however alike they are told."""
    return "bug" if ticket.category is Category.FEATURE else "request"


def candidates(db: Database, jira: TrackerPort | None, ticket_id: str) -> Candidates:
    """Find issues like this ticket's problem: among our own links, which have no lag, and in the tracker, which knows
    issues that others made.

    Without `jira`, only the former. Raises Refused where there is no such ticket; DatabaseDown.
    """
    with db.session() as session:
        ticket = journal.load(session, ticket_id)
        if ticket is None:
            raise Refused("not_found", f"there is no ticket {ticket_id}")
        label = fingerprint(ticket, journal.texts(session, ticket_id))
        known = tracker_links.similar(session, label) if label else []
    if not label:
        return Candidates(fingerprint="")
    mine = workflow_id(ticket_id)
    found = {
        issue.key: Candidate(key=issue.key, url=issue.url, tickets=len(issue.owners))
        for issue in known
        if mine not in issue.owners and _other_kind(ticket) not in issue.kinds
    }
    left_out = {issue.key for issue in known} - found.keys()
    note = ""
    try:
        for seen in jira.similar(label) if jira else ():
            if seen.key not in left_out:
                counted = found.get(seen.key, Candidate(key=seen.key, url=seen.url))
                found[seen.key] = counted.model_copy(update={"summary": seen.summary, "status": seen.status})
    except Failure as failure:
        note = str(failure)
    ordered = sorted(found.values(), key=lambda issue: (-issue.tickets, issue.key))
    return Candidates(fingerprint=label, issues=tuple(ordered), note=note)

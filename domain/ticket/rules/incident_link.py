"""A ticket's part in an incident: what the incident tells it (G5, G6). What it tells the incident: `to_incident`.

Facts may arrive twice and in any order: each carries the incident's own version, and what is older than what is known
is dropped without a trace.
"""

from domain.core.enums import Role
from domain.ticket import commands as c
from domain.ticket import events as e
from domain.ticket.rules.effect_results import answer
from domain.ticket.rules.escalation import go_apart
from domain.ticket.rules.evidence import answer_customer
from domain.ticket.rules.incident_debt import asked
from domain.ticket.state import ACTIVE, Actor, Ticket
from domain.ticket.story import Story


def incident_changed(story: Story, command: c.IncidentUpdate) -> None:
    """The incident changed. Resolved, it brings the ticket to its agent."""
    if not _is_news(story.ticket, command):
        return
    if command.left:
        return _leave(story, command)
    link = story.ticket.incident
    over_before = link is not None and link.number == command.number and not link.open
    body = e.IncidentChanged(number=command.number, state=command.state, version=command.version, added=command.added)
    story.record(body, texts={"comment": command.comment})
    _hear_update(story, command)
    if command.state in ("resolved", "cancelled") and not over_before:
        answer(story, "incident")


def _is_news(ticket: Ticket, command: c.IncidentUpdate) -> bool:
    """Whether the fact is of the ticket's incident, and newer than what is known of it."""
    link = ticket.incident
    if link is not None and link.number == command.number:
        return command.version > link.version and (link.state != "left" or command.added or asked(ticket))
    if command.left or command.added:
        return command.added or asked(ticket)
    # A new incident may speak before the effect that joined it has reported back.
    newer = link is None or (link.number < command.number and not link.open) or link.state == "left"
    return newer and asked(ticket)


def _leave(story: Story, command: c.IncidentUpdate) -> None:
    """A wrong join is undone: the ticket goes back to its agent, or to an incident of its own."""
    story.record(e.IncidentLeft(number=command.number, version=command.version), texts={"reason": command.comment})
    if story.ticket.status not in ACTIVE:
        return
    if command.left == "own":
        go_apart(story)
    else:
        answer(story, "incident")


def _hear_update(story: Story, command: c.IncidentUpdate) -> None:
    """An update comes as a draft, which the agent may send with `respond`. Approved at the incident it goes out, in
    the name of the person who approved it (C5), unless the agent has answered meanwhile."""
    ticket = story.ticket
    if not command.draft.strip() or command.update is None or ticket.closed:
        return
    if command.approved_by is None:
        story.record(e.UpdateDrafted(number=command.number, update=command.update), texts={"draft": command.draft})
    elif ticket.incident and ticket.incident.draft == command.update:
        by = Actor(id=command.approved_by, role=Role.AGENT)
        story.record(e.Responded(), by=by, texts={"text": command.draft})
        answer_customer(story, story.at)

"""What the outside world reports: effects done or refused, the issue changed, the incident changed.

Facts may arrive twice and in any order: each carries its source's own version, and what is older than what is
known is dropped without a trace.
"""

import hashlib
from typing import Literal

from domain import commands as c
from domain import events as e
from domain.story import Story
from domain.ticket import ACTIVE, Escalator, JiraLink
from domain.tiers import INCIDENT, ISSUE
from domain.words import Tier


def effect_done(story: Story, command: c.EffectDone) -> None:
    """An effect was carried out. One that is not outstanding was reported before."""
    if any(effect.key == command.key for effect in story.ticket.undone):
        body = e.EffectDone(
            key=command.key, jira_key=command.jira_key, jira_url=command.jira_url, incident=command.incident
        )
        story.record(body)
        if command.calendar is not None:  # known for longer: every clock is counted on it from here on
            terms = story.ticket.terms.model_copy(update={"calendar": command.calendar})
            story.record(e.TermsReplaced(terms=terms))


def effect_failed(story: Story, command: c.EffectFailed) -> None:
    """An effect was refused for good: a person must act."""
    if any(effect.key == command.key and not effect.failed for effect in story.ticket.undone):
        story.record(e.EffectFailed(key=command.key), texts={"reason": command.reason})


def retry(story: Story, _command: c.Retry) -> None:
    """A person corrected what was refused: all that failed is tried again."""
    for effect in story.ticket.undone:
        if effect.failed:
            story.record(e.EffectRetried(key=effect.key))


def jira_changed(story: Story, command: c.JiraFact) -> None:
    """The linked issue changed. Done brings the ticket to its agent; nothing is solved by itself."""
    link = story.ticket.jira
    if link is None or link.key != command.key:
        # A new issue may speak before the effect that made it has reported back.
        if (link and link.open) or not any(effect.kind in ISSUE for effect in story.ticket.undone):
            return
    elif link.version and command.version <= link.version:
        return
    body = e.JiraChanged(
        key=command.key,
        category=command.category,
        status=command.status,
        resolution=command.resolution,
        version=command.version,
        said=_digest(command.comment) or (link.said if link and link.key == command.key else ""),
    )
    if link and link.key == command.key and _is_no_news(link, body):
        return
    story.record(body, texts={"comment": command.comment})
    if command.category == "done" and (link is None or link.key != command.key or link.open):
        _answer(story, "jira")


def _is_no_news(link: JiraLink, body: e.JiraChanged) -> bool:
    """The issue is newer, and says nothing new: a link was added, a field that is not ours.

    Nor is it news, at the first look, that nobody has touched a new issue.
    """
    if link.version is None:
        return body.category == "new" and not body.resolution and not body.said
    return _content(link) == _content(body)


def _content(known: JiraLink | e.JiraChanged) -> tuple[str, str, str | None, str]:
    """What engineering says: the version is not part of it."""
    return known.category, known.status, known.resolution, known.said


def _digest(comment: str) -> str:
    return hashlib.sha256(comment.encode()).hexdigest()[:16] if comment.strip() else ""


def incident_changed(story: Story, command: c.IncidentFact) -> None:
    """The incident changed. Resolved, it brings the ticket to its agent."""
    link = story.ticket.incident
    if link is None or link.number < command.number:
        # The incident may speak before the effect that joined it has reported back.
        joining = any(effect.kind in (*INCIDENT, "incident_if_open") for effect in story.ticket.undone)
        if (link and link.open) or not joining:
            return
    elif link.number != command.number or command.version <= link.version:
        return
    body = e.IncidentChanged(number=command.number, state=command.state, version=command.version)
    story.record(body, texts={"comment": command.comment})
    known_over = link is not None and link.number == command.number and not link.open
    if command.state in ("resolved", "cancelled") and not known_over:
        _answer(story, "incident")


def _answer(story: Story, by: Literal["jira", "incident"]) -> None:
    """The ticket goes back to the tier and agent that escalated it, unless it has moved on by then."""
    ticket = story.ticket
    if ticket.tier is not Tier.T3 or ticket.status not in ACTIVE:
        return
    if by == "jira" and ticket.incident and ticket.incident.open:
        return  # the incident is what it waits on
    sender = ticket.escalator or Escalator(tier=Tier.T2)
    story.record(e.Answered(by=by, tier=sender.tier, assignee=sender.agent))

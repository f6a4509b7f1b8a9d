"""What the outside world reports: effects done or refused. (The issue: `engineering`; the incident: `in_incident`.)

Facts may arrive twice and in any order: each carries its source's own version, and what is older than what is
known is dropped without a trace.
"""

from typing import Literal

from domain.core.enums import Tier
from domain.core.refusal import Refused
from domain.ticket import commands as c
from domain.ticket import events as e
from domain.ticket.rules.escalation import ISSUE, follow_terms, issue_for, with_engineering
from domain.ticket.rules.routing import reroute
from domain.ticket.state import ACTIVE, Escalator
from domain.ticket.story import Story


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


def match_account(story: Story, command: c.MatchAccount) -> None:
    """The account of a ticket became known. Told again, it is no news."""
    if story.ticket.account_unknown and command.account.id == story.ticket.account.id:
        ticket = story.ticket
        at_home = ticket.model_copy(update={"terms": command.terms})
        route = reroute(at_home, story.at)
        story.record(e.AccountMatched(terms=command.terms, account=command.account, route=route))
        follow_terms(story, before=ticket)


def retry(story: Story, command: c.Retry) -> None:
    """A person corrected what was refused: all that failed is tried again, an issue perhaps another way."""
    ticket = story.ticket
    failed = [effect for effect in ticket.undone if effect.failed]
    if (command.issue or command.new) and not any(effect.kind in ISSUE for effect in failed):
        raise Refused("does_not_fit", "no issue was refused, and no link to one", would_fit=["retry"])
    if command.issue and command.new:
        raise Refused("malformed", "either another issue or one of its own: give one of the two")
    other = "jira_link" if command.issue else issue_for(ticket) if command.new else None
    for effect in failed:
        kind = other if effect.kind in ISSUE else None
        story.record(e.EffectRetried(key=effect.key, kind=kind, issue=(command.issue or "") if kind else ""))


def answer(story: Story, by: Literal["jira", "incident"]) -> None:
    """The ticket goes back to the tier and agent that escalated it, unless it has moved on by then."""
    ticket = story.ticket
    if ticket.tier is not Tier.T3 or ticket.status not in ACTIVE:
        return
    if by == "jira" and ticket.incident and ticket.incident.open:
        return  # the incident is what it waits on
    if by == "incident" and with_engineering(ticket):
        return  # lowered meanwhile: its bug is what it waits on
    sender = ticket.escalator or Escalator(tier=Tier.T2)
    back = reroute(ticket, story.at, tier=sender.tier)
    story.record(e.Answered(by=by, tier=sender.tier, assignee=sender.agent, route=back))

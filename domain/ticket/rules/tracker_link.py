"""Engineering and support: what is said of the linked issue, and what is said to it (C7, G5).

Facts may arrive twice and in any order. Each brings all that is known of the issue, and the issue's own time of
change: what is older than what is known is dropped, and what says the same again is no news.
"""

import hashlib
from typing import Literal

from domain.core.enums import Resolution, Status, Tier
from domain.core.refusal import Refused
from domain.ticket import commands as c
from domain.ticket import events as e
from domain.ticket.derived import proposed
from domain.ticket.rules.effect_results import answer
from domain.ticket.rules.escalation import ISSUE, hand_up
from domain.ticket.rules.gates import said
from domain.ticket.state import ACTIVE, JiraLink, Ticket
from domain.ticket.story import Story

WAITS_FOR_FIX = (Resolution.WORKAROUND, Resolution.FEATURE_REQUEST, Resolution.DUPLICATE)
"""C7: how a ticket ends whose customer still waits for what engineering does."""

Turn = Literal["done", "gone", "reopened"]
Consequence = Literal["answer", "recall", "ship", "tell"]


def jira_changed(story: Story, command: c.IssueUpdate) -> None:
    """The linked issue changed, or engineering said something for support. Nothing is solved by itself.

    Of the same version, only comments are news: Jira's time of change may stand still where one is edited.
    """
    known = _link(story.ticket, command)
    if known is None or (known.version and command.version < known.version):
        return
    body = _changed(known, command)
    consequence: Consequence | None = None
    if command.version != known.version and not _is_no_news(known, body):
        consequence = _consequence(story.ticket, known, body)
        tell = _turn(known, body) if consequence == "tell" else None
        story.record(body.model_copy(update={"tell": tell}), texts={"assignee": command.assignee_name})
    for comment in command.comments:
        _hear(story, known, command.key, comment)
    match consequence:
        case "answer":
            answer(story, "jira")
        case "recall":
            _recall(story, command.key)
        case "ship":
            story.record(e.FixShipped(key=command.key, fix_versions=command.fix_versions))


def tell_engineering(story: Story, command: c.TellEngineering) -> None:
    """Support says something to engineering: once, as a comment on the issue."""
    link = story.ticket.jira
    assert link is not None, "checked by `fits`"
    if not said(command.text):
        raise Refused("missing_fields", "missing: text", missing=["text"])
    story.record(e.ToldEngineering(key=link.key), texts={"text": command.text})


def _link(ticket: Ticket, command: c.IssueUpdate) -> JiraLink | None:
    """The link that a fact is about; None if it is about no issue of this ticket."""
    link = ticket.jira
    if link and link.key in (command.key, command.was):
        return link
    # A new issue may speak before the effect that made it has reported back.
    if (link and link.open) or not any(effect.kind in ISSUE for effect in ticket.undone):
        return None
    return JiraLink(key=command.was or command.key, url=command.url, kind="bug")


def _changed(known: JiraLink, command: c.IssueUpdate) -> e.JiraChanged:
    return e.JiraChanged(
        key=command.key,
        was=known.key if known.key != command.key else None,
        url=command.url,
        category=command.category,
        status=command.status,
        resolution=command.resolution,
        assignee=command.assignee,
        fix_versions=command.fix_versions,
        duplicate_of=command.duplicate_of,
        version=command.version,
    )


def _is_no_news(known: JiraLink, body: e.JiraChanged) -> bool:
    """The issue is newer, and says nothing new: a link was added, a field that is not ours.

    Nor is it news, at the first look, in which column an issue stands that nobody has touched. What is no news leaves
    no event, and so does not move the known version on: a fact between the two that comes late is taken for newer.
    Whoever reads the issue corrects that (`store.jira_watch.note`).
    """
    if known.version is None:
        known = known.model_copy(update={"status": body.status})
    return _content(known) == _content(body)


def _content(issue: JiraLink | e.JiraChanged) -> tuple[object, ...]:
    """What engineering says: the version is not part of it."""
    return (
        issue.key, issue.category, issue.status, issue.resolution, issue.assignee, issue.fix_versions,
        issue.duplicate_of,
    )  # fmt: skip


def _turn(known: JiraLink, body: e.JiraChanged) -> Turn | None:
    """How the issue has turned. From done to done it has not: released is no other answer."""
    is_open = body.category in ("new", "indeterminate")
    if known.open == is_open:
        return None
    if is_open:
        return "reopened"
    return "gone" if body.category == "gone" else "done"


def _consequence(ticket: Ticket, known: JiraLink, body: e.JiraChanged) -> Consequence | None:
    """What follows for the ticket. Where it does not move by a turn of the issue, its agent hears of it."""
    if _ships(ticket, known, body):
        return "ship"
    turn = _turn(known, body)
    if turn is None:
        return None
    in_engineering = ticket.tier is Tier.T3 and ticket.status in ACTIVE
    if turn == "reopened":
        if in_engineering:
            return None
        return "recall" if known.answered and ticket.status in ACTIVE else "tell"
    return "answer" if in_engineering else "tell"


def _ships(ticket: Ticket, known: JiraLink, body: e.JiraChanged) -> bool:
    """C7: whether this is the fix that a customer waits for whose ticket ended without it. Told once (F5)."""
    fixed = proposed(ticket.terms, body.category, body.resolution) is Resolution.SOLVED
    return ticket.resolution in WAITS_FOR_FIX and fixed and not known.shipped


def _recall(story: Story, key: str) -> None:
    """What was done is not: the ticket goes back to engineering, also while it waits on the customer."""
    if story.ticket.status is Status.PENDING:
        story.record(e.WaitEnded(end=story.at, why="escalated"))
    hand_up(story, Tier.T3, "reopened", texts={"reason": f"Engineering has reopened {key}."})


def _hear(story: Story, known: JiraLink, key: str, comment: c.SupportWord) -> None:
    """Each comment once, by its id; other words under the same id are news."""
    digest = hashlib.sha256(comment.text.encode()).hexdigest()[:16]
    if not said(comment.text) or known.heard.get(comment.id) == digest:
        return
    body = e.EngineeringSaid(key=key, comment=comment.id, digest=digest, edited=comment.id in known.heard)
    story.record(body, texts={"comment": comment.text})

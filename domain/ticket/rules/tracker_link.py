"""F4: engineering and support. What is said of the linked issue, and what is said to it.

Facts may arrive twice and in any order. Each brings all that is known of the issue, and the issue's own time of
change: what is older than what is known is dropped, and what says the same again is no news.
"""

import hashlib
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field as Bounded
from pydantic import StringConstraints

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import Command
from domain.aggregate.event import Changes, Envelope
from domain.aggregate.rule import Notified, On, Reason, Rule
from domain.core.enums import Resolution, Role, Status, Tier
from domain.core.input_types import Short, Storable, Text
from domain.core.refusal import Refused
from domain.core.text import has_text
from domain.core.values import Frozen, Instant
from domain.ticket.derived import proposed
from domain.ticket.effect_kinds import ISSUE
from domain.ticket.rules.basics import effect_of, issue_marked, not_closed
from domain.ticket.rules.engineering import answer, turned
from domain.ticket.rules.escalation import hand_up
from domain.ticket.rules.pending_effects import issue_of
from domain.ticket.rules.promises import compare_with_release
from domain.ticket.rules.suspension import WaitEnded
from domain.ticket.state import (
    ACTIVE,
    Effect,
    IssueLink,
    Ticket,
)
from domain.tracker.snapshot import IssueSnapshot, SupportComment


class IssueUpdate(IssueSnapshot, Command):
    """The tracker says: the linked issue changed. Older than what is known is dropped."""

    do: Literal["jira_changed"] = "jira_changed"
    who: ClassVar[frozenset[Role]] = frozenset({Role.INTEGRATION, Role.SYSTEM, Role.OPS, Role.ADMIN})
    url: Annotated[str, Storable, StringConstraints(max_length=2_000)] = ""
    status: Short = ""
    fix_versions: tuple[Short, ...] = Bounded(default=(), max_length=20)
    version: Instant
    was: Short | None = None
    """The key that the issue had before it moved to another project."""
    assignee_name: Short = ""
    """How people in the tracker call who works on the issue."""
    comments: tuple[SupportComment, ...] = Bounded(default=(), max_length=50)
    """All comments for support that are there: those that are known already change nothing."""


class IssueChanged(IssueSnapshot):
    """The linked issue changed, in engineering's words."""

    type: Literal["jira_changed"] = "jira_changed"
    version: Instant
    was: str | None = None
    """The key that the issue had before it moved to another project."""
    tell: Literal["done", "gone", "reopened"] | None = None
    """What the agent is notified of, where the ticket does not move by it."""


class EngineeringSaid(Frozen):
    """A comment on the issue that engineering marked for support, or what it was changed to."""

    type: Literal["engineering_said"] = "engineering_said"
    key: str
    comment: str
    """The tracker's id of the comment."""
    digest: str
    edited: bool = False
    machine: bool = False
    """An app or an automation rule of the tracker wrote it, and no engineer (G12)."""


class TellEngineering(Command):
    """Say something to engineering: it becomes a comment on the linked issue, once. Your name stays here."""

    do: Literal["tell_engineering"] = "tell_engineering"
    text: Text = ""


class ToldEngineering(Frozen):
    """Support said something to engineering: it becomes a comment on the issue, without the agent's name."""

    type: Literal["told_engineering"] = "told_engineering"
    key: str


class FixShipped(Frozen):
    """The fix that the customer waits for has shipped, after the ticket ended without it (C7). Once for each issue."""

    type: Literal["fix_shipped"] = "fix_shipped"
    key: str
    fix_versions: tuple[str, ...] = ()


WAITS_FOR_FIX = (Resolution.WORKAROUND, Resolution.FEATURE_REQUEST, Resolution.DUPLICATE)
"""C7: how a ticket ends whose customer still waits for what engineering does."""


Turn = Literal["done", "gone", "reopened"]


Consequence = Literal["answer", "recall", "ship", "tell"]


def _issue_changed(recording: Recording[Ticket], command: IssueUpdate) -> None:
    """Record a change of the linked issue, or a comment for support. Nothing is resolved by itself (G5).

    Of the same version, only comments and the release date are news: the issue's time of change stands still where a
    comment is edited, and where the date of its fix version is moved.
    """
    known = _link(recording.state, command)
    if known is None or (known.version and command.version < known.version):
        return
    body = _changed(known, command)
    consequence: Consequence | None = None
    moved = command.release_date != known.release_date
    if (command.version != known.version or moved) and not _is_no_news(known, body):
        consequence = _consequence(recording.state, known, body)
        tell = _turn(known, body) if consequence == "tell" else None
        recording.record(body.model_copy(update={"tell": tell}), texts={"assignee": command.assignee_name})
        compare_with_release(recording, known)
    for comment in command.comments:
        _record_comment(recording, known, command.key, comment)
    match consequence:
        case "answer":
            answer(recording, "jira")
        case "recall":
            _recall(recording, command.key)
        case "ship":
            recording.record(FixShipped(key=command.key, fix_versions=command.fix_versions))


def _notify_engineering(recording: Recording[Ticket], command: TellEngineering) -> None:
    """Send a text of support to engineering: one comment on the issue."""
    link = recording.state.issue
    assert link is not None, "checked by `fits`"
    if not has_text(command.text):
        raise Refused("missing_fields", "missing: text", missing=["text"])
    recording.record(ToldEngineering(key=link.key), texts={"text": command.text})


def _may_write_to_engineering(ticket: Ticket) -> Reason:
    if reason := not_closed(ticket):
        return reason
    if ticket.issue is None:
        return "the ticket has no issue on the tracker: escalate first"
    return f"the issue {ticket.issue.key} is gone from the tracker" if ticket.issue.category == "gone" else None


def _link(ticket: Ticket, command: IssueUpdate) -> IssueLink | None:
    """Return the link that a change is about; None if it is about no issue of this ticket."""
    link = ticket.issue
    if link and link.key in (command.key, command.was):
        return link
    # A new issue may speak before the effect that made it has reported back.
    if (link and link.open) or not any(effect.kind in ISSUE for effect in ticket.pending_effects):
        return None
    return IssueLink(key=command.was or command.key, url=command.url, kind="bug")


def _changed(known: IssueLink, command: IssueUpdate) -> IssueChanged:
    return IssueChanged.of(command, was=known.key if known.key != command.key else None)


def _is_no_news(known: IssueLink, body: IssueChanged) -> bool:
    """Return whether the issue is newer and says nothing new: a link was added, or a field changed that is not ours.

    Nor is it news, at the first look, in which column an issue stands that nobody has touched. What is no news leaves
    no event, and so does not move the known version on: a fact between the two that comes late is taken for newer.
    Whoever reads the issue corrects that (`store.tracker_watch.note`).
    """
    if known.version is None:
        known = known.model_copy(update={"status": body.status})
    return known.content() == body.content()


def _turn(known: IssueLink, body: IssueChanged) -> Turn | None:
    """Return how the issue has turned. From done to done it has not: released is no other answer."""
    if known.open == body.open:
        return None
    if body.open:
        return "reopened"
    return "gone" if body.category == "gone" else "done"


def _consequence(ticket: Ticket, known: IssueLink, body: IssueChanged) -> Consequence | None:
    """Return what follows for the ticket. Where it does not move by a turn of the issue, its agent is notified."""
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


def _ships(ticket: Ticket, known: IssueLink, body: IssueChanged) -> bool:
    """Return whether this is the fix that a customer waits for whose ticket ended without it (C7). Told once (F5)."""
    fixed = proposed(ticket.terms, body.category, body.resolution) is Resolution.SOLVED
    return ticket.resolution in WAITS_FOR_FIX and fixed and not known.shipped


def _recall(recording: Recording[Ticket], key: str) -> None:
    """Send the ticket back to engineering, because the issue is no longer done; also while it waits on the customer."""
    if recording.state.status is Status.PENDING:
        recording.record(WaitEnded(end=recording.at, why="escalated"))
    hand_up(recording, Tier.T3, "reopened", texts={"reason": f"Engineering has reopened {key}."})


def _record_comment(recording: Recording[Ticket], known: IssueLink, key: str, comment: SupportComment) -> None:
    """Record each comment once, by its id; other words under the same id are news."""
    digest = hashlib.sha256(comment.text.encode()).hexdigest()[:16]
    if not has_text(comment.text) or known.heard.get(comment.id) == digest:
        return
    edited = comment.id in known.heard
    body = EngineeringSaid(key=key, comment=comment.id, digest=digest, edited=edited, machine=comment.machine)
    recording.record(body, texts={"comment": comment.text})


# -- What follows ----------------------------------------------------------------------------------------------


HEARD = 200
"""How many of engineering's comments a ticket remembers: many more than one look at the issue brings."""


MOVES = 10
"""How many of its former keys a ticket remembers."""


def _link_changed(ticket: Ticket, event: Envelope, body: IssueChanged) -> Changes:
    link = issue_of(ticket, body.was or body.key)
    values = {name: getattr(body, name) for name in IssueSnapshot.model_fields}
    if body.was and body.was not in link.formerly:
        values["formerly"] = (*link.formerly, body.was)[-MOVES:]
    assignee = f"{event.seq}.assignee" if body.assignee else None
    return {"issue": link.model_copy(update=values | {"url": body.url or link.url, "assignee_ref": assignee})}


def _commented(ticket: Ticket, event: Envelope, body: EngineeringSaid) -> Changes:
    """Remember the comment, so that none is taken twice."""
    link = issue_of(ticket, body.key)
    latest = sorted((link.heard | {body.comment: body.digest}).items(), key=lambda item: int(item[0]))
    update: Changes = {"heard": dict(latest[-HEARD:])}
    if not body.machine:
        update["said_ref"] = f"{event.seq}.comment"
    return {"issue": link.model_copy(update=update)}


def _effects(_before: Ticket | None, after: Ticket, event: Envelope) -> Iterator[Effect]:
    if isinstance(event.body, ToldEngineering):
        yield effect_of(after, event, "jira_comment")


def _notify_changed(ticket: Ticket, _event: Envelope, body: IssueChanged) -> Notified:
    return ("engineering_answered", turned(ticket, body.tell)) if body.tell else None


def _notify_shipped(_ticket: Ticket, _event: Envelope, body: FixShipped) -> Notified:
    versions = f" in {', '.join(body.fix_versions)}" if body.fix_versions else ""
    return "fix_shipped", f"The fix behind {body.key} has shipped{versions}"


RULE = Rule[Ticket](
    commands={IssueUpdate: On(_issue_changed), TellEngineering: On(_notify_engineering, _may_write_to_engineering)},
    events={
        IssueChanged: _link_changed,
        EngineeringSaid: _commented,
        FixShipped: lambda ticket, _event, _body: {"issue": issue_marked(ticket, shipped=True)},
    },
    effects=_effects,
    notices={IssueChanged: _notify_changed, FixShipped: _notify_shipped},
)

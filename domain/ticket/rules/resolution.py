"""G9, C7, C10: the end of a ticket, and its coming back. Resolve, close, reopen."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import StringConstraints

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import ANYBODY, STAFF, Command
from domain.aggregate.deadline import Deadline
from domain.aggregate.event import Changes, Envelope
from domain.aggregate.rule import Lapse, Notified, On, Rule
from domain.clocks import clock as clockwork
from domain.clocks.clock import Suspension
from domain.core.enums import Category, Metric, Resolution, Role, Status, Tier
from domain.core.input_types import Short, Storable, Text
from domain.core.refusal import Refused
from domain.core.text import has_text
from domain.core.values import Frozen, Instant
from domain.ticket.deadline_kinds import Kind
from domain.ticket.rules.basics import active, needed, resolved
from domain.ticket.rules.escalation import guess_due
from domain.ticket.rules.evidence import Evidenced, answer_customer, credited_instant, meet
from domain.ticket.rules.identity import is_shown
from domain.ticket.rules.promises import can_be_kept
from domain.ticket.rules.safe_send import check_seen
from domain.ticket.rules.suspension import WaitEnded, resumed, suspended
from domain.ticket.rules.t1_limit import clock_at
from domain.ticket.state import (
    Stay,
    Ticket,
)

LONGEST_WIN = 500
"""Characters of what is worth telling the team."""
Win = Annotated[str, StringConstraints(max_length=LONGEST_WIN), Storable]


class Resolve(Evidenced):
    """Resolve the ticket. Names what the record still needs for this kind of ticket."""

    do: Literal["resolve"] = "resolve"
    resolution: Resolution | None = None
    message: Text = ""
    """The message to the customer."""
    what_was_done: Text = ""
    root_cause: Text = ""
    kb_article: Short = ""
    kb_reason: Text = ""
    """Why there is no article; "gap" opens a draft."""
    identity_check: Text = ""
    parent: Short = ""
    customer_reason: Text = ""
    link: Short = ""
    """The request that a feature request became, where it is not the linked issue."""
    win: Win = ""
    """What of it is worth telling the team, in the report of the week (F3)."""


class Resolved(Frozen):
    """Resolved, with the record that G9 asks for."""

    type: Literal["resolved"] = "resolved"
    resolution: Resolution
    occurred: Instant
    over_limit: bool = False
    parent: str | None = None
    kb_article: str | None = None
    kb_gap: bool = False
    link: str | None = None
    by_customer: bool = False
    """The customer said so: nobody of ours has a record to fill in (G13)."""
    win: bool = False
    """It is worth telling the team (F3): what of it, stands in the text `win`."""


class Reopen(Command):
    """Reopen a resolved ticket, with the reason. The resolution clocks resume."""

    do: Literal["reopen"] = "reopen"
    who: ClassVar[frozenset[Role]] = ANYBODY
    reason: Text = ""


class Reopened(Frozen):
    """Resolved no longer: the resolution clocks resume (C10)."""

    type: Literal["reopened"] = "reopened"
    clock: Literal["plan", "wall"] = "plan"


class Close(Command):
    """Close a resolved ticket before its quiet period is over."""

    do: Literal["close"] = "close"
    who: ClassVar[frozenset[Role]] = ANYBODY


class Closed(Frozen):
    """The end: after the quiet period, by hand, by referral, or as it ended in the helpdesk (G13)."""

    type: Literal["closed"] = "closed"
    how: Literal["quiet", "by_hand", "referred", "merged", "deleted", "spam", "elsewhere"]
    parent: str | None = None
    """Of a merged one: the ticket that it was merged into."""


RECORD = (
    "message", "what_was_done", "root_cause", "kb_reason", "identity_check", "customer_reason",
)  # fmt: skip
"""The texts of a resolution's record."""


DISCARDED = ("deleted", "spam")
"""How a ticket ends that never was one (G13): its incident is left, and nobody is asked how we did."""
MEETS = (Resolution.SOLVED, Resolution.WORKAROUND, Resolution.FEATURE_REQUEST)
"""C7: what meets the resolution clocks. A feature request is acknowledged, with a link to it."""


def _resolve(recording: Recording[Ticket], command: Resolve) -> None:
    """Resolve the ticket if its record is complete (G9). A workaround keeps the link to the open issue (C7).

    C7: `won't fix` and `duplicate` are an end, but no resolution: they stop its clocks and do not meet them.
    """
    check_seen(recording, command)
    ticket = recording.state
    answered = any(k.metric is Metric.FIRST_RESPONSE and k.met_at for k in ticket.clocks)
    if lacking := missing_to_resolve(ticket, command, answered=answered):
        raise Refused("missing_fields", f"to resolve it: {', '.join(lacking)}", missing=lacking)
    assert command.resolution is not None
    occurred = max(credited_instant(recording, command), reopened_at(ticket))
    if ticket.status is Status.PENDING:
        occurred = max(occurred, ticket.suspensions[-1].start)
        recording.record(WaitEnded(end=occurred, why="resolved"))
    # The closing word to the customer is a person's message too (C5).
    if has_text(command.message) or has_text(command.customer_reason):
        answer_customer(recording, occurred)
    if command.resolution in MEETS:
        meet(recording, Metric.RESOLUTION, occurred)
    body = Resolved(
        resolution=command.resolution,
        occurred=occurred,
        over_limit=ticket.escalation_due,
        parent=command.parent or None,
        kb_article=command.kb_article or None,
        kb_gap=command.kb_reason.strip().lower() == "gap",
        link=command.link or None,
        win=has_text(command.win),
    )
    recording.record(body, occurred=occurred, texts={name: getattr(command, name) for name in (*RECORD, "win")})


def reopened_at(ticket: Ticket) -> datetime:
    """Return the last reopening, else the opening: what a resolution says of an earlier time was overruled by it."""
    return max((s.end for s in ticket.suspensions if s.why == "resolved" and s.end), default=ticket.opened_at)


def missing_to_resolve(ticket: Ticket, command: Resolve, *, answered: bool) -> list[str]:
    """Return what the record of a resolution still lacks, by type, category and tier (G9).

    `answered` says whether the customer has heard from a person (C5): if not, the resolution must say something.
    """
    need: list[str] = []
    if command.resolution is None:
        need.append("resolution")
    if not answered and command.resolution is not Resolution.WONT_FIX:  # its reason is a word to the customer
        need.append("message")
    match command.resolution:
        case Resolution.DUPLICATE:
            need.append("parent")
        case Resolution.WONT_FIX:
            need.append("customer_reason")
        case Resolution.FEATURE_REQUEST:
            need.append("message")
            if not ticket.issue:
                need.append("link")
        case Resolution.WORKAROUND:
            need.append("message")
    if command.resolution in (Resolution.SOLVED, Resolution.WORKAROUND, None):
        need += _missing_record(ticket)
    lacking = [name for name in dict.fromkeys(need) if not _is_filled(command, name)]
    # Of a choice between two, the name that most tickets need; none if the other is asked for anyway.
    choices = [name.split("|") for name in lacking]
    return [first for first, *other in choices if not any(name in lacking for name in other)]


def _missing_record(ticket: Ticket) -> list[str]:
    """Return what was done and why, by category; everything from T2 and T3 needs the full record."""
    identity = _missing_identity(ticket)
    if ticket.tier is Tier.T1 and ticket.category is Category.HOW_TO:
        return ["kb_article|message", *identity]
    need = ["what_was_done", *identity]
    short = (Category.BILLING, Category.ACCOUNT, Category.FEATURE, Category.CANCELLATION)
    if ticket.tier is Tier.T1 and ticket.category in short:
        return need
    return [*need, "root_cause", "kb_article|kb_reason"]


def _missing_identity(ticket: Ticket) -> list[str]:
    """Return what is missing to show who asks: the text (G9), or ways that add up to the policy's points (G19)."""
    if not needs_identity(ticket):
        return []
    if ticket.terms.gates.identity_needed:
        return [] if is_shown(ticket) else ["identity"]
    return ["identity_check"]


def needs_identity(ticket: Ticket) -> bool:
    """Return whether identity must have been checked: by the ticket's category or a tag (G9)."""
    gates = ticket.terms.gates
    return ticket.category in gates.identity_check or any(tag in gates.identity_tags for tag in ticket.tags)


def _is_filled(command: Resolve, name: str) -> bool:
    return any(has_text(getattr(command, part, None) or "") for part in name.split("|"))


def _reopen(recording: Recording[Ticket], command: Reopen) -> None:
    reopen(recording, command, needed(reason=command.reason)["reason"], recording.at)


def reopen(recording: Recording[Ticket], command: Command, reason: str, occurred: datetime) -> None:
    """Reopen the ticket (C10): the clocks resume from `occurred`; in Tier 1 a new stay begins (G1). Its limit ticks
    on the wall only if staff reopened it outside support hours: when a customer writes at night, nobody is at work."""
    clock = clock_at(recording.state, recording.at) if command.role in STAFF else "plan"
    recording.record(Reopened(clock=clock), occurred=occurred, texts={"reason": reason})


def _close(recording: Recording[Ticket], _command: Close) -> None:
    """Close by hand, before the quiet period is over. A promise that can still be kept holds it open (G16)."""
    if promised := can_be_kept(recording.state):
        numbers = ", ".join(str(one.number) for one in promised)
        message = f"promise {numbers} is open: keep it first, or be released from it"
        raise Refused("does_not_fit", message, would_fit=["keep", "reopen"])
    recording.record(Closed(how="by_hand"))


# -- Deadlines -------------------------------------------------------------------------------------------------


def _deadlines(ticket: Ticket) -> Iterator[Deadline]:
    if ticket.status is Status.RESOLVED and ticket.resolved_at and not can_be_kept(ticket):
        yield Deadline(ticket.resolved_at + ticket.terms.limits.quiet, Kind.QUIET, "Close after the quiet period")


def _quiet(recording: Recording[Ticket], _deadline: Deadline, lapse: Lapse) -> None:
    recording.record_lapse(Closed(how="quiet"), lapse.due)


# -- What follows ----------------------------------------------------------------------------------------------


def _resolved(ticket: Ticket, _event: Envelope, body: Resolved) -> Changes:
    record = {
        "resolution": body.resolution,
        "resolved_at": body.occurred,
        "parent": body.parent or ticket.parent,
        "kb_article": body.kb_article,
        "guess_due": None,
    }
    return suspended(ticket, Suspension(start=body.occurred, why="resolved"), Status.RESOLVED) | record


def _reopened(ticket: Ticket, event: Envelope, body: Reopened) -> Changes:
    changes: Changes = {
        "clocks": clockwork.unmeet(ticket.clocks),
        "resolution": None,
        "resolved_at": None,
        "reopenings": ticket.reopenings + 1,
        "guess_due": guess_due(ticket, ticket.terms, event.at),
    }
    if ticket.tier is Tier.T1:  # G1: reopening starts a new stay; who still holds the ticket has it in hand
        since = event.at if ticket.assignee else None
        changes["stays"] = ticket.stays + 1
        changes["stay"] = Stay(number=ticket.stays + 1, since=since, clock=body.clock)
    # C12: a customer who wrote earlier than we heard of it was waiting since then.
    return changes | resumed(ticket.model_copy(update=changes), event.occurred or event.at, Status.OPEN)


def _closed(ticket: Ticket, event: Envelope, body: Closed) -> Changes:
    """Return the end. What ends while it is active has its clocks stopped: none of them is met (G13)."""
    changes: Changes = {"closed_at": event.at, "guess_due": None}
    if body.how == "merged":
        changes |= {"resolution": Resolution.DUPLICATE, "parent": body.parent}
    if body.how in ("merged", "deleted", "spam", "elsewhere") and ticket.status is not Status.RESOLVED:
        changes |= suspended(ticket, Suspension(start=event.at, why="resolved"), Status.CLOSED)
    return changes | {"status": Status.CLOSED, "discarded": body.how in DISCARDED}


def _notify_reopened(ticket: Ticket, _event: Envelope, _body: Reopened) -> Notified:
    title = "A P0 that nobody has confirmed is open again: lower it, or it pages"
    return ("guessed_p0", title) if ticket.guess_due else None


RULE = Rule[Ticket](
    commands={
        Resolve: On(_resolve, active),
        Reopen: On(_reopen, resolved),
        Close: On(_close, resolved),
    },
    events={
        Resolved: _resolved,
        Reopened: _reopened,
        Closed: _closed,
    },
    deadlines=_deadlines,
    lapses={Kind.QUIET: _quiet},
    notices={Reopened: _notify_reopened},
)

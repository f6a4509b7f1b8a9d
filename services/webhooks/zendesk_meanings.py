"""What a change in Zendesk comes down to: the commands of ours that say the same. Pure.

- What the customer writes is a reply; that they set the ticket to solved resolves it (G13).
- An agent's public comment is a response, and meets the first response at its own time (C5, C12), as a call does at its
  beginning; with the ticket set to pending it is a question (C6); with the ticket set to solved it is a resolution,
  which the gates may refuse (G9): then a note there names what is missing, and the status is set back.
- What a trigger, an automation or a bot says is a note, and so is every private word (G12). A side conversation is
  internal.
- A priority that an agent sets there is ours too, as far as the settings say which is which.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.core.enums import Channel, Priority, Role
from domain.core.ids import ticket_id
from integrations.helpdesk.zendesk.port import Audit, Comment, HelpdeskTicket, History
from services.intake.request import OpenRequest
from services.intake.sources import ZENDESK
from services.webhooks.zendesk_authors import Author, Authors, Known, Listed, author_of, authors

SYSTEM = ZENDESK
"""Our name of it: the source of its tickets, which nobody else opens."""
SOURCE = "helpdesk"
"""The trusted source of its time stamps (C12)."""
SHORT, MOST = 200, 50
"""Of the form: characters of a word, and words."""
CHANNELS = {
    "chat": Channel.CHAT,
    "native_messaging": Channel.CHAT,
    "voice": Channel.PHONE,
    "slack": Channel.SLACK,
    "microsoft_teams": Channel.TEAMS,
    "mobile_sdk": Channel.IN_APP,
    "mobile": Channel.IN_APP,
    "web_widget": Channel.IN_APP,
}
"""Zendesk's channels as ours; anything else, forms of the help centre too, counts as mail."""
ROLES: Mapping[Author, Role] = {"customer": Role.CUSTOMER, "ours": Role.AGENT, "machine": Role.SYSTEM}
SILENCED = "An automation there set it to solved, and no person: it stays open until somebody resolves it."

Meaning = tuple[str, dict[str, Any]]
"""A command and its payload; `say` is a note of Tierline's own, which goes back there."""


class Reading(Known):
    """Which custom fields of Zendesk say what, by their numbers there, and who is who."""

    product_area: int | None = None
    priority: dict[str, Priority] = {}
    """Zendesk's word for a priority -> ours. What is not here changes nothing: a P0 pages people."""
    record: dict[str, int] = {}
    """Parts of a resolution's record (G9): `what_was_done`, `root_cause`, `kb_article`, `kb_reason`,
    `identity_check`, `resolution`, `parent`, `customer_reason`."""


@dataclass(frozen=True)
class HelpdeskCase:
    """A ticket of the helpdesk, with all that happened to it there, and by whom."""

    there: HelpdeskTicket
    history: History
    by: Mapping[int, Authors]
    """Who wrote and made each change, by its id."""
    listed: Listed
    known: Known

    @classmethod
    def of(cls, there: HelpdeskTicket, history: History, listed: Listed, known: Known) -> "HelpdeskCase":
        """Find out who is who in a ticket's history."""
        return cls(there, history, authors(there, history, listed, known), listed, known)

    def who(self, person: int, audit: Audit) -> Author:
        """Return who somebody was to the ticket at a change of it."""
        return author_of(person, audit.at, self.there, self.history, self.listed, self.known)


def opening_of(audits: Sequence[Audit]) -> int:
    """Return the change with which a ticket began: its comment is the description."""
    return next((audit.id for audit in audits if audit.opening), 0)


def first_status(case: HelpdeskCase) -> str:
    """Return the status that a ticket had before the first change of it."""
    changes = (audit.status_was for audit in case.history.audits if audit.status_was)
    return next(changes, "" if any(audit.status for audit in case.history.audits) else case.there.status)


def merged_away(case: HelpdeskCase) -> bool:
    """Return whether a ticket has ended by being merged into another one."""
    return any(merged_in(audit, case) for audit in case.history.audits)


def merged_in(audit: Audit, case: HelpdeskCase) -> bool:
    """Return whether the ticket was merged into another one by this change."""
    return audit.merge is not None and audit.merge.source == case.there.id


def opening_request(case: HelpdeskCase, reading: Reading, opened_at: datetime | None) -> OpenRequest:
    """Return the form of a ticket as it was written there.

    Where one of ours has opened it for the customer, a public first comment is a message to the customer, and not the
    customer's own words; on the phone, the customer was spoken with.
    """
    there, begun = case.there, opening_of(case.history.audits)
    first = next((audit for audit in case.history.audits if audit.id == begun), None)
    opener, ours = _opener(first, case)
    public = bool(first and first.comment and not first.aside and _was_public(first.comment, case))
    channel = CHANNELS.get(there.via, Channel.EMAIL)
    message = there.description if ours and public and channel is not Channel.PHONE else ""
    area = there.fields.get(str(reading.product_area), "") if reading.product_area else ""
    form = {name: text for name, text in there.fields.items() if len(text) <= SHORT} | {"via": there.via[:SHORT]}
    return OpenRequest.lenient(
        {
            "source": SYSTEM,
            "external_id": str(there.id),
            "account": {"id": there.organization or f"zendesk-user-{there.requester or 0}"},
            "channel": channel,
            "product_area": area[:SHORT],
            "priority": reading.priority.get(there.fields.get("priority", "")),
            "subject": there.subject,
            "description": "" if message else there.description,
            "message": message,
            "tags": there.tags,
            "form": dict(list(form.items())[-MOST:]),
            "parent": ticket_id(SYSTEM, str(there.follows)) if there.follows else None,
            "by": f"{SYSTEM}-{opener}",
            "role": Role.AGENT if ours else Role.CUSTOMER,
            "opened_at": opened_at,
        },
        opened_at or there.created_at,
    )


def _opener(first: Audit | None, case: HelpdeskCase) -> tuple[int, bool]:
    """Return who opened a ticket, and whether that is one of ours."""
    requester = case.there.requester or 0
    if first is None:
        return requester, False
    if first.comment and first.comment.answered_by and _answered_by_ours(first, first.comment, case):
        return first.comment.answered_by, True
    ours = case.by[first.id].wrote == "ours"
    return (first.by if ours else requester), ours


def _answered_by_ours(audit: Audit, comment: Comment, case: HelpdeskCase) -> bool:
    """Return whether the customer called, and one of ours spoke with them."""
    if not (comment.call and comment.answered_by):
        return False
    return case.who(comment.answered_by, audit) == "ours"


def meanings(audit: Audit, case: HelpdeskCase, reading: Reading) -> Iterator[Meaning]:
    """Yield the commands that a change comes down to, in order."""
    wrote, acted = case.by[audit.id]
    stamped = {"occurred": audit.at.isoformat(), "source": SOURCE}
    writer = {"by": f"{SYSTEM}-{audit.by}", "role": ROLES[wrote]}
    actor = {"by": f"{SYSTEM}-{audit.actor or audit.by}", "role": ROLES[acted]}
    comment = audit.comment
    if merged_in(audit, case):
        into = audit.merge.target if audit.merge else None
        yield "end", actor | _ended("merged") | {"into": ticket_id(SYSTEM, str(into)) if into else ""}
        return
    public = bool(comment and not audit.merge and not audit.aside and _was_public(comment, case))
    internal = not public or wrote == "machine" or (wrote == "ours" and comment and comment.voice and not comment.call)
    if comment and internal:
        # A private word is never the customer's; what a person of theirs noted is kept as a machine's note is.
        role = Role.AGENT if wrote == "ours" and not audit.merge else Role.SYSTEM
        yield "note", writer | {"text": comment.text, "public": public and wrote == "machine", "role": role}
        comment = None
    if acted == "ours" and (priority := reading.priority.get(audit.priority or "")):
        yield "prioritise", actor | {"priority": priority, "reason": "It was changed in the helpdesk."}
    solved = audit.status == "solved" and not audit.status_by_rule
    theirs, mine = (comment if wrote == whose else None for whose in ("customer", "ours"))
    if solved and acted == "customer":
        yield "solved", actor | {"text": theirs.text if theirs else ""} | stamped
    elif theirs:
        yield "reply", writer | {"text": theirs.text} | stamped
    if theirs and _answered_by_ours(audit, theirs, case):
        yield "respond", _call(theirs) | {"by": f"{SYSTEM}-{theirs.answered_by}", "role": Role.AGENT}
    if solved and acted == "ours":
        yield "resolve", actor | _record(case.there, mine, reading) | stamped
    if mine:
        yield "respond", writer | (_call(mine) if mine.call else {"text": mine.text} | stamped)
        if audit.status == "pending":
            yield "wait", writer | {"question": "As in the message before."} | stamped
    yield from _status(audit, acted, actor, comment=bool(comment))
    for hidden in sorted(audit.hidden):
        if before := _command_of(hidden, case):
            yield "hide", actor | {"message": before, "role": Role.INTEGRATION}


def _call(comment: Comment) -> dict[str, Any]:
    """Return the response that a call is: it counts from when the call began."""
    assert comment.call is not None
    return {"text": comment.text, "occurred": comment.call.isoformat(), "source": SOURCE}


def _status(audit: Audit, acted: Author, actor: dict[str, Any], *, comment: bool) -> Iterator[Meaning]:
    """Yield what a change of status means. A status is a fact, whoever set it; but a resolution is a person's (G9)."""
    automatic = acted == "machine" or audit.status_by_rule
    again = actor | {"reason": "It was reopened in the helpdesk."} | ({"role": Role.INTEGRATION} if automatic else {})
    if audit.status == "closed":
        yield "end", actor | _ended("closed")
    elif audit.status == "solved" and automatic:
        yield "say", {"text": SILENCED}
    elif _reopens(audit) and not (acted == "customer" and comment):  # whose words reopen it
        yield "reopen", again


def _reopens(audit: Audit) -> bool:
    """Return whether a change takes a ticket back from solved; where Zendesk does not say from what, it may be."""
    unsaid = audit.status_was is None and audit.comment is None and audit.status in ("open", "hold")
    return unsaid or (audit.status is not None and audit.status_was == "solved")


def _ended(how: str) -> dict[str, Any]:
    return {"how": how, "role": Role.INTEGRATION}


def _record(there: HelpdeskTicket, comment: Comment | None, reading: Reading) -> dict[str, Any]:
    """Return the record of a resolution (G9), as far as the agent filled in the fields for it."""
    filled = {name: there.fields.get(str(field)) for name, field in reading.record.items()}
    record = {"resolution": "solved"} | {name: value for name, value in filled.items() if value}
    return record | ({"message": comment.text} if comment else {})


def _was_public(comment: Comment, case: HelpdeskCase) -> bool:
    """Return whether the customer could see it when it was written: what was made private later was public then."""
    return comment.public or any(comment.id in audit.hidden for audit in case.history.audits)


def _command_of(comment: int, case: HelpdeskCase) -> str | None:
    """Return the id of the command by which a comment was taken here."""
    for audit in case.history.audits:
        if audit.comment and audit.comment.id == comment and not audit.marker:
            if audit.opening:
                return f"{SYSTEM}:open:{case.there.id}"
            command = {"customer": "reply", "ours": "respond", "machine": "note"}[case.by[audit.id].wrote]
            return f"{SYSTEM}:{audit.id}:{command}"
    return None

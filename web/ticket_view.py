"""What the pages of a ticket show: the page itself, its card, its escalation, its resolution."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

from starlette.requests import Request

from api.parts import Parts
from domain.core.ids import spoken
from domain.core.refusal import Refused
from domain.incident.state import workflow_id
from domain.ticket.derived import sla_deadline
from domain.ticket.rules import identity
from domain.ticket.rules.authors import Hidden
from domain.ticket.rules.resolution import needs_identity
from domain.ticket.state import ACTIVE, Ticket
from services.drafts import asked_by_drafts_of, drafts_of
from services.presence import Other, Presence
from services.reading.beside import Beside, ByWords, beside_and
from services.reading.changes import journal_reached
from services.reading.explained import explained
from services.reading.lookup import Seen, TimelinePage, asked_by_read_timeline, look_up, read_timeline
from services.reading.package import next_tier, package
from services.reading.ticket import timeline_view, view
from services.reading.time_left import left_of
from services.reply_templates import asked_by_offered, offered
from services.security.auth import Caller
from store.database import Database, DatabaseDown
from store.reply_templates import Offer
from web import forms
from web.gate import CARD, PREFIX, Form
from web.refusal import Refusal

NEWEST = 200
"""Entries of the timeline that the page shows."""
SPOKEN = {
    "opened": "customer", "replied": "customer", "automatic_reply": "customer", "responded": "ours",
    "wait_started": "ours", "resolved": "ours", "noted": "internal", "step_noted": "internal", "attached": "internal",
    "returned": "internal", "question_asked": "internal", "question_answered": "internal",
    "engineering_said": "internal", "told_engineering": "internal",
}  # fmt: skip
"""Events that are part of the conversation: who speaks."""
TOLD_IN = {"engineering_said": "engineering", "told_engineering": "to engineering"}
"""How what is internal is called, where "internal" would say too little."""
RECORD = ("what_was_done", "root_cause", "kb_reason", "identity_check", "win")
"""Texts of a resolution that the customer does not see."""
ACTS = {
    "assign": "Assign it to somebody", "release": "Release it to the queue", "return": "Hand it back",
    "prioritise": "Change the priority", "amend": "Correct what is known of it", "tell_engineering": "",
    "identify": "", "follow_up": "", "attention": "Ask for a lead's attention", "refer": "Refer to the community",
    "reopen": "", "close": "", "waive": "Waive a breach", "retry": "",
    "solved": "The customer says that it is solved", "rate": "Write down how satisfied the customer is",
    "end": "It ended in the helpdesk", "replace_terms": "Give it the terms of today",
}  # fmt: skip
"""Commands without a place of their own on the page, in their order -> what their form is called, where that is more
than the command's name."""
KINDS = {
    "Conversation": ("opened", "responded", "replied", "automatic_reply", "noted", "hidden", "wait", "resolved",
                     "reopened", "closed", "rated", "referred", "cancellation"),
    "Package": ("step_noted", "attached", "filled", "debt"),
    "Hand-over": ("taken", "assigned", "released", "escalated", "returned", "answered", "limit", "question",
                  "promise", "promised", "attention", "identity", "refund"),
    "Clocks": ("clock", "warned", "lapsed", "waived", "terms", "prioritised", "account_matched", "guess"),
    "Engineering": ("jira", "delivery_refused", "engineering", "told_engineering", "fix", "effect", "incident",
                    "update"),
}  # fmt: skip
"""Kinds of lines of the timeline, by how the types of their events begin. What is in none of them is "Other"."""


def id_of(request: Request) -> str:
    """Return the id of the ticket that an address names. Raises Refused (`not_found`)."""
    given: Any = request.path_params["ticket"]
    try:
        return spoken(given)
    except ValueError as error:
        raise Refused("not_found", str(error)) from None


def seq_of(request: Request) -> int:
    """Return the number of the event that a page must not be older than, as its address says; 0 for any."""
    seq = request.query_params.get("seq", "0")
    return int(seq) if seq.isdecimal() and len(seq) < 10 else 0


class Hideable(NamedTuple):
    """A message that can be said to be private now."""

    message: str
    """The id of the command that brought it."""
    at: str
    by: str
    beginning: str


def hideable(entries: list[dict[str, Any]], hidden: Collection[str]) -> list[Hideable]:
    """Return what was said to or by the customer and is not `hidden` yet, the newest first."""
    return [
        Hideable(one["command_id"], one["at"], one["by"], " ".join("".join(one["texts"].values()).split())[:60])
        for one in reversed(entries)
        if SPOKEN.get(one["type"]) in ("customer", "ours") and one["command_id"] and one["command_id"] not in hidden
    ]


class TicketView(NamedTuple):
    """A ticket as the journal has it now, for a page."""

    seen: Seen
    values: dict[str, Any]
    """What every template of a ticket needs."""


async def load(
    request: Request,
    ticket: str,
    *,
    seq: int = 0,
    refused: Refusal | None = None,
    typed: Form | None = None,
    draft_of: str = "",
) -> TicketView:
    """Read a ticket for a page that must not be older than event `seq`. Where nothing was `typed`, the page of the
    command `draft_of` holds what its draft has. Raises Refused, Unavailable."""
    parts: Parts = request.app.state.parts
    if refused:  # the page has what held the message back (G14): whoever sends it again has seen that
        seq = max([seq, *(move["seq"] for move in refused.came)])
    if seq:
        with suppress(DatabaseDown):  # then the workflow is asked
            await journal_reached(parts.db, ticket, seq)
    seen = await look_up(parts.db, parts.connected, ticket, seq, request.app.state.described)
    me: Caller = request.state.signed_in.caller
    state = request.app.state
    read = await asyncio.to_thread(_read, parts.db, state.presence, state.by_words, seen, me.actor)
    found, kept = read.timeline, read.drafts
    if typed is None and draft_of in kept:
        typed = kept[draft_of].form
    shown = view(seen)
    card = request.url.path.endswith(CARD)
    entries = timeline_view(found) if found else []
    clocks = explained(seen.ticket)["clocks"]
    values = {
        "ticket": shown,
        "state": seen.ticket,
        "base": f"{PREFIX}/tickets/{ticket}",
        "shows": _shows(seen.ticket),
        "suffix": CARD if card else "",
        "package": package(seen.ticket, seen.texts, found.entries if found else ()),
        "next_tier": next_tier(seen.ticket),
        "lacking": (shown["missing"] or {}).get("names", []),
        "beside": read.beside,
        "steps_noted": {" ".join(one["texts"].get("steps_taken", "").split()) for one in entries},
        "why": {(one["metric"], one["side"]): one for one in clocks},
        "left": left_of(seen.ticket, sla_deadline(seen.ticket), datetime.now(UTC)),
        "forms": forms.forms_for(shown["allowed_commands"], me.role),
        "templates": read.templates,
        "entries": entries,
        "asked": words_of(entries, "question_asked"),
        "promised": words_of(entries, "promised"),
        "wanted_attention": words_of(entries, "attention_asked")[-1:],
        "identity": identity_of(seen.ticket, entries),
        "refund_words": words_of(entries, "refund_requested"),
        "refund_currencies": sorted({one for row in seen.ticket.terms.refunds.limits.values() for one in row}),
        "hideable": hideable(entries, _hidden(found)),
        "refused": refused,
        "typed": typed or Form({}),
        "drafts": kept,
        "present": read.present,
    }
    return TicketView(seen, values)


def _hidden(found: TimelinePage | None) -> set[str]:
    return {one.event.body.message for one in (found.entries if found else ()) if isinstance(one.event.body, Hidden)}


def _shows(ticket: Ticket) -> str:
    """Return what a ticket's page shows, as `static/live.js` reads it: the ticket, and its incident's state."""
    return f"{ticket.id}={ticket.seq}" + (f" {workflow_id(ticket.incident.number)}" if ticket.incident else "")


class Identity(NamedTuple):
    """The identity checks that a resolution needs, and those that were done (G19)."""

    needed: int
    """Points that the policy asks for; 0: none, the check is described in words (G9)."""
    points: int
    ways: dict[str, int]
    """The policy's methods, each with its points."""
    done: tuple[str, ...]
    left: tuple[str, ...]
    checks: list[dict[str, Any]]
    """The lines of the timeline that say who checked, and when."""


def identity_of(ticket: Ticket, entries: list[dict[str, Any]]) -> Identity | None:
    """Return what stands of the identity checks; None where the policy asks for none, or the ticket has ended."""
    if ticket.status not in ACTIVE or not needs_identity(ticket):
        return None
    gates = ticket.terms.gates
    checks = [one for one in entries if one["type"] == "identity_checked"]
    left = tuple(way for way in gates.identity_points if way not in ticket.identity)
    return Identity(
        gates.identity_needed, identity.points(ticket), dict(gates.identity_points), ticket.identity, left, checks
    )


class Draft(NamedTuple):
    """What the person has typed into a form, and has not sent."""

    form: Form
    at: datetime


class _Read(NamedTuple):
    """What a ticket's page reads beside the ticket itself."""

    present: Sequence[Other]
    timeline: TimelinePage | None = None
    """None: the database is away, and the page says that it is not complete."""
    beside: Beside | None = None
    drafts: Mapping[str, Draft] = {}
    templates: Sequence[Offer] = ()


def _read(db: Database, presence: Presence, by_words: ByWords, seen: Seen, actor: str) -> _Read:
    present = _noted(presence, seen.ticket.id, actor)
    ticket = seen.ticket.id
    also = asked_by_drafts_of(ticket, actor) | asked_by_read_timeline(ticket) | asked_by_offered()
    with (
        suppress(DatabaseDown),
        db.one_session(),
        beside_and(db, seen.ticket, seen.texts, by_words, also) as found,
    ):
        typed = drafts_of(db, ticket, actor)
        return _Read(
            present,
            read_timeline(db, ticket, any_refused=bool(seen.refused), known=seen.texts, known_upto=seen.journal_seq),
            found,
            {
                command: Draft(Form({name: [text] for name, text in one.fields.items()}), one.saved_at)
                for command, one in typed.items()
            },
            offered(db, seen.ticket),
        )
    return _Read(present)


async def others_at(request: Request, ticket: str) -> list[Other]:
    """Note that the person has the ticket open. Returns who else has."""
    actor = request.state.signed_in.caller.actor
    return await asyncio.to_thread(_noted, request.app.state.presence, ticket, actor)


def _noted(presence: Presence, ticket: str, actor: str) -> list[Other]:
    presence.note(ticket, actor)
    return presence.others(ticket, actor)


def conversation(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what was said: who speaks, and in which texts. The record of a resolution stands apart from its words."""
    said = []
    for one in entries:
        texts = {name: text for name, text in one["texts"].items() if name != "subject"}
        if one["type"] not in SPOKEN or not any(texts.values()):
            continue
        quoted, customer = texts.pop("quoted", ""), texts.pop("customer", "")
        record = {name: texts.pop(name) for name in RECORD if name in texts}
        said.append(
            one | {
                "whose": SPOKEN[one["type"]], "told_in": TOLD_IN.get(one["type"], "internal"), "texts": texts,
                "quoted": quoted, "record": record, "for": customer,
                "subject": one["texts"].get("subject", "") if one["type"] == "replied" else "",
            }
        )  # fmt: skip
    return said


def words_of(entries: list[dict[str, Any]], type_: str) -> list[str]:
    """Return the words of all events of a type, the oldest first. The first question is number 1, and so on."""
    return [one["texts"].get("text") or one["texts"].get("reason", "") for one in entries if one["type"] == type_]


def kind_of(type_: str) -> str:
    """Return the kind of a line of the timeline."""
    for kind, beginnings in KINDS.items():
        if type_.startswith(beginnings):
            return kind
    return "Other"

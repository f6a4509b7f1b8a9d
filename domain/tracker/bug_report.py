"""What engineering gets: the bug report or the request that a ticket's packages make (G4, G5).

A pure function of the ticket and its texts. Everything that a person wrote goes through `domain.documents.redaction`
before it is placed, and "unknown" is written rather than left out, so that nobody wonders whether it was asked. The
document is made shorter than the description of an issue may be; what is cut says so, and where the whole of it stands.
Where anything is cut, there is the report in full besides, as a text for a file.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from json.encoder import encode_basestring
from typing import Literal, NamedTuple

from domain.clocks.clock import Clock
from domain.core.enums import Side
from domain.core.text import one_line, one_line_utf16, utf16_units
from domain.core.values import Frozen
from domain.documents import finding, redaction
from domain.documents.document import (
    Block,
    BulletList,
    CodeBlock,
    Document,
    Heading,
    Line,
    Link,
    OrderedList,
    Paragraph,
    Span,
    bullets,
    code,
    code_block,
    heading,
    line,
    link,
    numbers,
    paragraph,
    plain,
    shorten,
    strong,
)
from domain.documents.redaction import redact
from domain.policy.tracker import TrackerRow
from domain.ticket.rules.gates import arr_of
from domain.ticket.state import Ticket
from domain.tracker.fingerprint import fingerprint

SUMMARY_LIMIT = 255
"""Characters that an issue tracker keeps of a summary."""
ENVIRONMENT_LIMIT = 2_000
"""Characters of the environment field; the section in the document has the rest."""
ROOM = 30_000
"""How large a report may come out, of the 32,767 characters that an issue tracker keeps of a description."""

UNKNOWN = "unknown"
_ABSENT = {"not_reproducible": "not reproducible", "no_logs": "no logs exist", "not_applicable": "not applicable"}
_PER_SECTION = 40_000
"""Characters of one section that are looked at: more could not be shown, however short the others are."""
_PER_SECTION_IN_FULL = 1_000_000
"""The same for the report in full."""


Kind = Literal["bug", "request"]
DEFAULT_RULES = TrackerRow()


class Report(Frozen):
    """A draft for the tracker. Holds ids and what people wrote of the problem, never who they are."""

    summary: str
    """One line of at most 255 UTF-16 units, as in `[P2] dashboard: chart stays empty (ticket 4k7m-3q9x-tbd2)`."""
    document: Document
    environment: str
    """Where it happens, or "unknown"; empty for a request."""
    fingerprint: str
    """The label that tickets about the same problem share (`domain.tracker.fingerprint`); "" if nothing tells it."""
    removed: dict[str, int]
    """How many e-mail addresses, secrets and so on were taken out, by `domain.documents.finding.Kind`."""
    in_full: str = ""
    """The whole report as plain text, if `document` leaves out a part of a text; else ""."""


def issue_report(
    ticket: Ticket,
    texts: Mapping[str, str],
    kind: Kind,
    ticket_url: str | None,
    rules: TrackerRow = DEFAULT_RULES,
    wholes: Mapping[str, str] | None = None,
    attached: str = "",
) -> Report:
    """Return the report of `ticket`, as it stands at its latest event.

    `texts` holds the words by where they stand in the journal: `1.subject` and `1.description` of the opening, and
    every ref of the ticket's fields. What is missing there was erased, and the report says so. `rules` say how revenue
    is told, and whether IP addresses are removed as well. `wholes` holds, by the same places, the texts that were too
    long for the journal. `attached` is the name of the file that the report in full will be, "" for none. Never raises
    for any text.
    """
    words = _Words(ticket, texts, rules)
    title = words.title()
    environment = words.text("bug_report.environment") if kind == "bug" else ""
    parts = _parts(ticket, words, kind, ticket_url)
    fits = not wholes and _size(parts.whole().blocks) <= ROOM
    full = (
        None
        if fits
        else _parts(ticket, _Words(ticket, {**texts, **(wholes or {})}, rules, full=True), kind, ticket_url)
    )
    return Report(
        summary=_summary(ticket, words, title),
        document=parts.whole() if fits else _fitted(parts, ticket_url, attached),
        in_full=plain(full.whole()) if full else "",
        environment=_cut_end(environment, ENVIRONMENT_LIMIT),
        fingerprint=fingerprint(ticket, texts),
        removed=dict(words.removed),
    )


class _Parts(NamedTuple):
    """A report's blocks. Only those of `body` may be cut: the others are small."""

    head: list[Block]
    body: list[Block]
    tail: list[Block]

    def whole(self) -> Document:
        return Document(blocks=(*self.head, *self.body, *self.tail))


def _parts(ticket: Ticket, words: "_Words", kind: Kind, url: str | None) -> _Parts:
    body = list(_bug(ticket, words) if kind == "bug" else _request(ticket, words))
    head = [_who(ticket, words, url)]
    tail = [*_clocks(ticket), *_facts(ticket, words, kind)]
    tail.append(paragraph(_removal(words.removed)))  # last, when all is counted
    return _Parts(head, body, tail)


# -- The words ----------------------------------------------------------------------------------------------


class _Words:
    """The ticket's texts, redacted. Each is redacted once, so that it is counted once wherever it is shown."""

    def __init__(self, ticket: Ticket, texts: Mapping[str, str], rules: TrackerRow, *, full: bool = False) -> None:
        self._room = _PER_SECTION_IN_FULL if full else _PER_SECTION
        self._ticket = ticket
        self._texts = texts
        self._rules = rules
        self._known: dict[str, str] = {}
        self.removed: dict[finding.Kind, int] = {}

    def safe(self, text: str) -> str:
        """Return `text` redacted, as it may be sent out."""
        if text not in self._known:
            redacted = redact(text, ips=self._rules.remove_ips)
            for kind, count in redacted.removed.items():
                self.removed[kind] = self.removed.get(kind, 0) + count
            self._known[text] = redacted.text.strip()
        return self._known[text]

    def revenue(self) -> str:
        """Return the account's ARR, in the form that the policy allows."""
        return self._rules.revenue(arr_of(self._ticket))

    def name(self, text: str | None) -> str:
        """Return an id or a short word from outside, on one line; "unknown" if there is none."""
        return one_line(self.safe(text or ""), 100) or UNKNOWN

    def has(self, name: str) -> bool:
        """Return whether a field was filled with something, rather than declared absent."""
        field = self._ticket.fields.get(name)
        return field is not None and field.absent is None

    def each(self, name: str) -> list[str]:
        """Return the entries of a field, in order; the reason if it was declared absent (G3); "unknown" if it is
        empty."""
        field = self._ticket.fields.get(name)
        if field is None or not field.refs:
            return [UNKNOWN]
        if field.absent:
            return [f"{_ABSENT[field.absent]}: {self._at(field.refs[0])}"]
        entries: list[str] = []
        room = self._room
        for number, ref in enumerate(field.refs):
            if room <= 0:
                return [*entries, f"[{len(field.refs) - number} more in the ticket]"]
            entries.append(self._at(ref))
            room -= len(entries[-1])
        return entries

    def text(self, name: str) -> str:
        return "\n".join(self.each(name))

    def opening(self, name: Literal["subject", "description"]) -> str:
        """Return what the customer wrote at first, or "unknown"."""
        return self.safe(self._texts.get(f"1.{name}", "")) or UNKNOWN

    def title(self) -> str:
        """Return Tier 2's summary of the problem, else the customer's subject."""
        return self.text("bug_report.summary") if self.has("bug_report.summary") else self.opening("subject")

    def _at(self, ref: str) -> str:
        text = self._texts.get(ref)
        return "[no longer on record]" if text is None else self.safe(text) or UNKNOWN


def _summary(ticket: Ticket, words: _Words, title: str) -> str:
    """Return the summary line. The title is cut where needed, never the ticket's id."""
    area = one_line(words.safe(ticket.product_area), 60) or "unknown area"
    before, after = f"[{ticket.priority}] {area}: ", f" (ticket {ticket.id})"
    return before + one_line_utf16(title, SUMMARY_LIMIT - utf16_units(before) - utf16_units(after)) + after


def _cut_end(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "\u2026"


# -- The two forms ------------------------------------------------------------------------------------------


def _bug(ticket: Ticket, words: _Words) -> Iterator[Block]:
    """Return the sections of a bug report (G4), in the order in which an engineer reads."""
    yield from _section("What happened", words.title())
    yield from _section("What the customer wrote", words.opening("description"))
    yield from _section("Expected", words.text("bug_report.expected"))
    yield from _section("Actual", words.text("bug_report.actual"))
    yield heading("Steps to reproduce")
    yield _steps(words)
    yield from _section("Environment", words.text("bug_report.environment"))
    yield paragraph(f"Account region: {words.name(ticket.account.region)}")
    yield from _section("Frequency", words.text("bug_report.frequency"))
    yield from _section("Business impact", words.text("business_impact"))
    yield from _section("Customer impact", words.text("customer_impact"))
    yield _account(ticket, words)
    yield from _section("Workaround", words.text("workaround_status"))
    yield heading("What Tier 1 and Tier 2 tried")
    yield _list_or_word(words, "steps_taken")
    yield heading("Logs and screenshots")
    yield _logs(words)
    yield from _section("Communication plan", words.text("communication_plan"))


def _request(ticket: Ticket, words: _Words) -> Iterator[Block]:
    """Return the sections of a feature request, which needs no bug report (G5)."""
    yield heading("Who asks")
    yield _account(ticket, words)
    yield from _section("What", words.title())
    if (wish := words.opening("description")) != UNKNOWN:
        yield paragraph(wish)
    why = "business_impact" if words.has("business_impact") else "customer_impact"
    yield from _section("Why", words.text(why))
    if words.has("workaround_status"):
        yield from _section("Until then", words.text("workaround_status"))
    yield heading("Links")
    yield _list_or_word(words, "logs_or_screenshots")


def _section(title: str, text: str) -> tuple[Block, Block]:
    return heading(title), paragraph(text)


_NUMBERING = re.compile(r"\A\s*(?:(?:step\s{1,3})?\d{1,3}[.):]|[-*\u2022])\s+", re.IGNORECASE)


def _steps(words: _Words) -> Block:
    """Return the steps of the bug report, inherited from G3's package where it gives none (G4)."""
    name = "bug_report.steps" if words.has("bug_report.steps") else "reproduction_steps"
    if not words.has(name):
        return paragraph(words.text(name))
    rows = [_NUMBERING.sub("", row).strip() for row in words.text(name).split("\n")]
    return numbers([row for row in rows if row] or [UNKNOWN])


def _list_or_word(words: _Words, name: str) -> Block:
    return bullets(words.each(name)) if words.has(name) else paragraph(words.text(name))


def _logs(words: _Words) -> Block:
    """Return entries apart by an empty line, in a block that keeps their spaces."""
    name = "logs_or_screenshots"
    return code_block("\n\n".join(words.each(name))) if words.has(name) else paragraph(words.text(name))


# -- What Tierline knows of itself --------------------------------------------------------------------------


def _who(ticket: Ticket, words: _Words, url: str | None) -> Block:
    """Return whom to ask: ids, never the customer's name."""
    named = link(ticket.id, url) if url else code(ticket.id)
    asked = ", asked by account ", code(words.name(ticket.account.id))
    return paragraph("Ticket ", named, *asked, f". State of {_utc(ticket.as_of)}.")


def _account(ticket: Ticket, words: _Words) -> Block:
    """Return the account. Its ARR is exact, a band or left out, by policy, or said to be unknown; 0 is an amount."""
    return bullets(
        [
            line(strong("ARR: "), words.revenue()),
            line(strong("Plan: "), ticket.account.plan),
            line(strong("Account: "), code(words.name(ticket.account.id))),
        ]
    )


def _clocks(ticket: Ticket) -> Iterator[Block]:
    """Yield both sides of each metric (C1)."""
    yield heading("SLA clocks")
    yield bullets([_clock(ticket, clock) for clock in ticket.clocks] or ["No clock counts on this ticket."])


def _clock(ticket: Ticket, clock: Clock) -> Line:
    return line(strong(f"{clock.side}, {clock.metric.replace('_', ' ')}: "), ", ".join(_clock_facts(ticket, clock)))


def _clock_facts(ticket: Ticket, clock: Clock) -> Iterator[str]:
    breach = clock.breach
    if breach:
        lapsed = "breached" if clock.side is Side.CONTRACT else "missed"
        yield f"{lapsed}: was due {_utc(breach.due)}"
        if not breach.upheld:
            yield breach.word
    if clock.met_at:
        yield f"met {_utc(clock.met_at)}"
    elif breach:
        yield "not met yet"
    elif ticket.suspended and clock.due is None:
        yield "paused"
    if clock.due and not breach:
        yield f"due {_utc(clock.due)}"
    elif not (clock.due or breach or clock.met_at or ticket.suspended):
        yield "due later than the calendar is known"
    if not clock.binding:
        yield "best effort"


def _facts(ticket: Ticket, words: _Words, kind: Kind) -> Iterator[Block]:
    """Yield how the ticket came here (G8)."""
    facts: dict[str, str] = {
        "Priority": f"{ticket.priority}, not confirmed by a person" if ticket.priority_guessed else ticket.priority,
        "Category": ticket.category,
        "Product area": words.name(ticket.product_area),
        "Opened": f"{_utc(ticket.opened_at)} by {ticket.channel}",
        "Ask": words.name(ticket.escalator.agent if ticket.escalator else None),
    }
    if kind == "bug":
        code_change = "yes, says Tier 2" if words.has("bug_report.code_change") else UNKNOWN
        facts |= {
            "Escalated from": ticket.escalator.tier if ticket.escalator else UNKNOWN,
            "Needs a change of the code": code_change,
        }
        counts = {"Handed back between tiers": ticket.bounces, "Reopened": ticket.reopenings}
        facts |= {name: str(count) for name, count in counts.items() if count}
    yield heading("Escalation")
    yield bullets([line(strong(f"{name}: "), fact) for name, fact in facts.items()])
    if ticket.parent:
        yield paragraph("Follows ticket ", code(words.name(ticket.parent)), ".")


def _removal(removed: Mapping[finding.Kind, int]) -> str:
    listed = ", ".join(f"{redaction.WORDS[kind]} ({count})" for kind, count in removed.items())
    return f"Removed before it left support: {listed or 'nothing'}."


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


# -- Made to fit --------------------------------------------------------------------------------------------


def _fitted(parts: _Parts, url: str | None, attached: str) -> Document:
    """Return all of it in at most `ROOM`. Only what people wrote is cut: head and tail are small, and stay whole."""
    where: list[Span | str] = [link("the ticket", url) if url else "the ticket"]
    if attached:
        where = ["the attached file ", code(attached), ", and in ", *where]
    note = paragraph("Long texts are cut here. The whole of them is in ", *where, ".")
    fixed = _size((*parts.head, note, *parts.tail))
    # Only the longest blocks change from one try to the next: the others are measured once.
    known = {id(block): _block_size(block) for block in parts.body}

    def fits(document: Document) -> bool:
        return fixed + sum(known.get(id(block)) or _block_size(block) for block in document.blocks) <= ROOM

    shorter = shorten(Document(blocks=tuple(parts.body)), fits)
    return Document(blocks=(*parts.head, note, *shorter.blocks, *parts.tail))


_PER_BLOCK, _PER_ITEM, _PER_SPAN, _PER_BREAK = 60, 70, 75, 50
"""What the markup of a tracker's rich text adds, a little generously. No renderer of ours needs more."""


def _size(blocks: Iterable[Block]) -> int:
    """Return an upper bound of the rendered size, in UTF-16 units of JSON."""
    return sum(map(_block_size, blocks))


def _block_size(block: Block) -> int:
    items = len(block.items) if isinstance(block, BulletList | OrderedList) else 0
    # A line of code ends in a newline, any other in a node of its own.
    per_break = 0 if isinstance(block, CodeBlock) else _PER_BREAK
    return _PER_BLOCK + _PER_ITEM * items + sum(_text_size(text, per_break) for text in _texts(block))


def _texts(block: Block) -> Iterable[str]:
    match block:
        case BulletList() | OrderedList():
            return (_span_text(span) for item in block.items for span in item)
        case Paragraph():
            return map(_span_text, block.spans)
        case Heading() | CodeBlock():
            return (block.text,)


def _span_text(span: Span) -> str:
    return span.text + span.url if isinstance(span, Link) else span.text


def _text_size(text: str, per_break: int) -> int:
    escaped = encode_basestring(text)
    written = len(escaped) if escaped.isascii() else len(escaped.encode("utf-16-le")) // 2
    return _PER_SPAN + written + per_break * text.count("\n")

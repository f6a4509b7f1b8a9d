"""Texts as they come in: HTML becomes text, and what is too long is shortened in its middle, wherever it comes in.

Nothing is lost: the whole text is kept beside the ticket, under an id that is made of it, and the shortened text says
how many characters are left out and where they are.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from domain.core.size import MOST_BYTES, json_bytes
from services.intake.plain_text import is_html, plain, plain_line

LONGEST = 20_000
"""Characters of a text that an event keeps."""
SHORTER = 6_000
"""The same, where several texts together would be larger than a command may be."""
HEAD = 0.6
"""The share of what is kept that is the beginning; the rest is the end, where a log has its error."""
ROOM = 24 * 1024
"""Bytes of a command that are left for what is no text."""


class Kept(NamedTuple):
    """A text as it came."""

    why: str
    """`long` or `html`."""
    text: str


class Prepared(NamedTuple):
    """Texts that an event can keep, and what they were, where they were something else."""

    texts: dict[str, Any]
    kept: Mapping[str, Kept]
    """By the id under which it is kept: why, and the text."""


def prepare(ticket: str, content: dict[str, Any], *, html: Iterable[str] = (), lines: Iterable[str] = ()) -> Prepared:
    """Return the payload `said` with its texts as an event can keep them.

    `html` are the fields that may be HTML, of which `lines` are on one line. The same payload gives the same result.
    """
    kept: dict[str, Kept] = {}
    texts = dict(content)
    for name in html:
        text = texts.get(name)
        if isinstance(text, str) and text:
            texts[name] = (plain_line if name in lines else plain)(text)
            if is_html(text):
                kept[kept_id(text)] = Kept("html", text)
    whole = {name: text for name, text in texts.items() if isinstance(text, str) and len(text) > SHORTER}
    for name, text in whole.items():
        texts[name] = shortened(ticket, text, LONGEST)
    if json_bytes([texts[name] for name in whole]) > MOST_BYTES - ROOM:
        texts |= {name: shortened(ticket, text, SHORTER) for name, text in whole.items()}
    for name, text in whole.items():
        if texts[name] != text:
            kept[kept_id(text)] = Kept("long", text)
    return Prepared(texts, kept)


OUTGOING = {"respond": ("text",), "wait": ("question",), "resolve": ("message", "customer_reason")}
"""Command -> its texts that go to the customer: those are not shortened, unless they were sent already."""


def prepare_command(ticket: str, name: str, payload: dict[str, Any]) -> Prepared:
    """Return a command's payload with its texts as an event can keep them. A customer's may be HTML."""
    if not isinstance(payload, dict):
        return Prepared(payload, {})
    goes_out = () if payload.get("occurred") else OUTGOING.get(name, ())
    staying = {field: value for field, value in payload.items() if field not in goes_out}
    html = ("subject", "text") if name == "reply" else ()
    texts, kept = prepare(ticket, staying, html=html, lines=("subject",))
    return Prepared(payload | texts, kept)


def kept_id(text: str) -> str:
    """Return the id under which a text is kept: the same text has the same."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def shortened(ticket: str, text: str, longest: int) -> str:
    """Return a text of at most `longest` characters: its beginning, how much is left out, its end."""
    if len(text) <= longest:
        return text
    room = longest - 200  # for the mark
    head = int(room * HEAD)
    left_out = len(text) - room
    where = f"tierline ticket text {ticket} {kept_id(text)}"
    mark = f"[... {left_out:,} characters are left out here; the whole text: {where} ...]"
    return f"{text[:head]}\n\n{mark}\n\n{text[len(text) - (room - head) :]}"

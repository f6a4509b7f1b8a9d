"""What two tickets about one problem have in common: the product area, and the error that it shows itself by.

A pure function of the ticket and its texts. Whatever differs from one occurrence to the next (ids, numbers, times,
paths, quoted values, addresses) is levelled first; then only a short hash leaves, so no word of a customer does.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping

from domain.core.text import has_text
from domain.ticket.state import Ticket

PREFIX = "tierline-fp-"
"""What the label in the tracker begins with."""
LOOKED_AT = 20_000
"""Characters that are searched for an error, of all texts together."""
SIGNATURE_LIMIT = 160
"""Characters of the levelled message that count: what follows is detail."""

SOURCES = ("logs_or_screenshots", "bug_report.actual", "steps_taken", "bug_report.summary")
"""The fields that may show the error, the most literal first; after them, what the customer wrote."""


def fingerprint(ticket: Ticket, texts: Mapping[str, str]) -> str:
    """Return the label that tickets about the same problem share, as in `tierline-fp-3f9a0c11d2e4`; "" if nothing is
    known.

    `texts` holds the words by where they stand in the journal (see `bug_report`). Never raises for any text.
    """
    found = next(_signatures(ticket, texts), None) or _level(_title(ticket, texts))
    if not found:
        return ""
    area = " ".join(ticket.product_area.casefold().split())
    return PREFIX + hashlib.sha256(f"{area}\n{found}".encode("utf-8", "replace")).hexdigest()[:12]


def error_label(ticket: Ticket, texts: Mapping[str, str]) -> str:
    """Return the same label for a ticket whose texts show an error; "" where only its title would tell."""
    return fingerprint(ticket, texts) if error_shown(ticket, texts) else ""


def error_shown(ticket: Ticket, texts: Mapping[str, str]) -> str:
    """Return the error that a ticket's texts show, levelled: what its fingerprint is made of. "" if they show none."""
    return next(_signatures(ticket, texts), "")


def words_label(text: str) -> str:
    """Return a label that the same words share, whatever they hold of ids, numbers, times and quoted values; "" for no
    words. No word of it can be read back."""
    found = _level(text)
    return "words-" + hashlib.sha256(found.encode("utf-8", "replace")).hexdigest()[:12] if found else ""


def signature(text: str) -> str:
    """Return the error that a text shows, levelled; "" if it shows none.

    Of a chain of exceptions the cause counts, where it is told: the last `Caused by` of Java, the last line of
    Python's traceback. Else the first exception, then a request and its status, then a code such as ORA-00942.
    """
    text = text[:LOOKED_AT]
    if raised := list(_raised(text)):
        causes = [found for found in raised if text[: found.start()].endswith("Caused by: ")]
        chosen = causes[-1] if causes else raised[-1] if _TRACEBACK in text else raised[0]
        message = _MESSAGE.match(text, chosen.end())
        return f"{chosen['name'].casefold()} {_level(message[1]) if message else ''}".strip()
    if answered := _ANSWERED.search(text):
        return f"{answered['method'].casefold()} {_route(answered['target'])} {answered['status']}"
    if coded := _CODE.search(text):
        return coded[0].casefold()
    return ""


def _raised(text: str) -> Iterator[re.Match[str]]:
    """Yield the exceptions that are named. The end of a name is looked for first, and then its beginning: a scan for
    whole names would take ten times as long."""
    for end in _RAISED.finditer(text):
        if found := _NAME.search(text, max(0, end.start() - 200), end.end()):
            yield found


_TRACEBACK = "Traceback (most recent call last)"
_RAISED = re.compile(r"(?:Error|Exception|Panic|Fault)\b")
_NAME = re.compile(r"(?<![\w.])(?:[A-Za-z_]\w*\.)*(?P<name>[A-Za-z_]\w*)\Z")
_MESSAGE = re.compile(r"[ ]?:[ ]{0,3}([^\r\n]{0,400})")
_ANSWERED = re.compile(
    r"\b(?P<method>GET|POST|PUT|PATCH|DELETE)[ ](?P<target>\S{1,300})"
    r"[^\n]{0,80}?(?<![\d.:/-])(?P<status>[45]\d\d)(?![\d.:/-])"
)
_CODE = re.compile(r"\b[A-Z][A-Z0-9]{1,9}[-_ ](?=\d)[0-9A-F]{3,8}\b")

_VARYING = re.compile(
    r"""
      https?://\S{1,500} | \S{1,100}@\S{1,100}                             # addresses
    | "[^"\n]{0,200}" | '[^'\n]{0,200}' | `[^`\n]{0,200}` | \u201e[^\u201c\n]{0,200}\u201c   # quoted values
    | [0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}                         # UUIDs
    | (?<![^\s(=:,]) (?:[a-z]:)? [/\\] [^\s:,()]{1,300}                   # paths
    | \b(?=\w{0,40}\d)\w{1,60}\b                                          # whatever holds a digit
    """,
    re.X,
)
_HOST = re.compile(r"\Ahttps?://[^/]*")
_BETWEEN = re.compile(r"[^\w~]+")


def _level(text: str) -> str:
    """Return `text` in lower case, without punctuation, and with a mark for everything that varies."""
    marked = _VARYING.sub("~", text[:2_000].casefold())
    return _BETWEEN.sub(" ", marked).strip()[:SIGNATURE_LIMIT].rstrip()


def _route(target: str) -> str:
    """Return the address of a request without host, query and the ids in its path: `/api/charts/17?x=1` is
    `/api/charts/~`."""
    path = _HOST.sub("", target.casefold()).partition("?")[0].partition("#")[0]
    parts = [part if part.replace("-", "").replace("_", "").isalpha() else "~" for part in path.split("/") if part]
    return "/" + "/".join(parts)[:SIGNATURE_LIMIT]


def _signatures(ticket: Ticket, texts: Mapping[str, str]) -> Iterator[str]:
    room = LOOKED_AT
    for text in _spoken(ticket, texts):
        if error := signature(text[:room]):
            yield error
        if (room := room - len(text)) <= 0:
            return


def _spoken(ticket: Ticket, texts: Mapping[str, str]) -> Iterator[str]:
    for name in SOURCES:
        field = ticket.fields.get(name)
        if field and not field.absent:
            yield from (texts.get(ref, "") for ref in field.refs)
    yield texts.get("1.description", "")
    yield texts.get("1.subject", "")


def _title(ticket: Ticket, texts: Mapping[str, str]) -> str:
    """Return Tier 2's summary of the problem, else the customer's subject."""
    field = ticket.fields.get("bug_report.summary")
    summary = texts.get(field.refs[-1], "") if field and not field.absent else ""
    return summary if has_text(summary) else texts.get("1.subject", "")

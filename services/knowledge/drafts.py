"""Drafts of articles: from gaps that tickets showed (G9), and from what is searched for in vain.

Until somebody writes it, a draft's text is made of its tickets each time it is looked at: the question, what was
tried, what solved it, all redacted. So nothing of a ticket is kept here that nobody has read. A finished draft is
exported as a file of the knowledge base; the import of that file publishes it.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from domain.aggregate.command import STAFF
from domain.core.enums import Role
from domain.core.refusal import Refused
from domain.core.text import one_line
from domain.documents.redaction import redact
from services.knowledge.article_file import Article, Broken, Section, article_of
from store import help_figures, journal, kb
from store.database import Database
from store.kb import Draft
from store.tables.tickets import KbArticleRow

MOST = 200
"""Drafts that are listed."""
LONGEST = 100_000
"""Characters of a draft."""
_TICKETS = 5
"""Tickets of which a draft is made."""
_TEXT = 1_500
"""Characters of one text of a ticket in a draft."""
_PARTS = (
    ("What was asked", ("subject", "description")),
    ("What was tried", ("steps_taken",)),
    ("What solved it", ("what_was_done", "root_cause", "message")),
)


class Shown(NamedTuple):
    """A draft as people edit it."""

    draft: Draft
    slug: str
    """The file that it becomes; a guess where nobody has said it."""
    text: str
    """The file, with its front matter."""
    tickets: Sequence[str]
    """The tickets behind it."""


def listed(db: Database) -> list[Draft]:
    """Return the drafts that nobody has finished, the newest first. Raises DatabaseDown."""
    with db.session() as session:
        return kb.drafts(session, limit=MOST)


def shown(db: Database, number: int) -> Shown:
    """Return a draft with its text. Raises Refused (`not_found`), DatabaseDown."""
    with db.session() as session:
        row = kb.find(session, number)
        if row is None:
            raise Refused("not_found", f"there is no draft {number}")
        tickets = [row.ticket_id] if row.ticket_id else []
        if row.query is not None:
            tickets = list(help_figures.tickets_after(session, row.query, limit=_TICKETS))
        text = row.body or "".join(_made(row, [(one, journal.texts(session, one)) for one in tickets]))
    slug = row.slug or f"{Section.TROUBLESHOOTING}/draft-{row.id}"
    return Shown(kb.draft_of(row), slug, text, tickets)


def begin_from_search(db: Database, query: str, *, role: Role) -> int:
    """Open a draft for something that is searched for in vain, or find the one that there is. Returns its number.

    Raises Refused (`not_allowed`; `not_found` where nobody has searched for it), DatabaseDown.
    """
    check_may_write(role)
    with db.begin() as session:
        if not help_figures.was_in_vain(session, query):
            raise Refused("not_found", "nobody has searched for that in vain")
        return kb.draft_of_search(session, query, db.clock.now())


def save(db: Database, number: int, slug: str, text: str, revision: int, *, by: str, role: Role) -> None:
    """Keep what somebody has written into a draft: a whole file. Raises Refused (`malformed` with the line that is
    wrong, `conflict` where somebody else has changed it meanwhile, `not_allowed`, `not_found`), DatabaseDown."""
    check_may_write(role)
    check(slug, text)
    with db.begin() as session:
        _known(kb.change(session, number, revision, slug, text, by, db.clock.now()), number)


def discard(db: Database, number: int, revision: int, *, by: str, role: Role) -> None:
    """Give a draft up. Raises what `save` raises."""
    check_may_write(role)
    with db.begin() as session:
        _known(kb.retire(session, number, revision, by, db.clock.now()), number)


def check(slug: str, text: str) -> Article:
    """Return the article that a draft makes. Raises Refused (`malformed`) for what the import would refuse."""
    if len(text) > LONGEST:
        raise Refused("too_large", f"a draft has {LONGEST} characters at most")
    read = article_of(f"{slug}.md", text.replace("\r\n", "\n").encode("utf-8", "replace"))
    if isinstance(read, Broken):
        raise Refused("malformed", f"line {read.line}: {read.why}", fields={"text": read.why})
    if read.section not in set(Section) | {"playbooks"}:
        known = ", ".join(Section)
        raise Refused("malformed", f"{read.section!r} is no section: {known}", fields={"slug": "no section"})
    return read


def check_may_write(role: Role) -> None:
    """Refuse whoever writes no drafts. Raises Refused (`not_allowed`)."""
    if role not in STAFF:
        raise Refused("not_allowed", f"drafts are for people of support to write: your role is {role}")


def _known(result: str, number: int) -> None:
    if result == "gone":
        raise Refused("not_found", f"there is no open draft {number}")
    if result == "changed":
        raise Refused("conflict", "somebody has changed this draft meanwhile: look at it, then change it again")


def _made(row: KbArticleRow, tickets: Sequence[tuple[str, dict[str, str]]]) -> Iterator[str]:
    """Make a draft of what its tickets say, redacted."""
    title = row.query or next((texts.get("1.subject", "") for _, texts in tickets), "") or row.title
    yield "---\n"
    yield f"title: {_quoted(_safe(title, 150))}\n"
    if row.product_area:
        yield f"area: {_quoted(_safe(row.product_area, 150))}\n"
    yield f"owner: \nupdated: {row.created_at.date().isoformat()}\ndraft: {row.id}\n---\n"
    if row.query is not None:
        yield f'People search for "{_safe(row.query, 200)}" and find nothing.\n\n'
    for ticket, texts in tickets:
        for heading, names in _PARTS:
            said = [text for name in names for text in _texts(texts, name)]
            if said:
                yield f"## {heading} (ticket {ticket})\n\n" + "\n\n".join(said) + "\n\n"
    if not tickets:
        yield "Write the answer here.\n"


def _texts(texts: dict[str, str], name: str) -> Iterator[str]:
    numbered = sorted((int(ref.partition(".")[0]), ref) for ref in texts if ref.partition(".")[2] == name)
    for _, ref in numbered:
        if texts[ref].strip():
            yield redact(texts[ref], ips=True).text[:_TEXT].strip()


def _safe(text: str, limit: int) -> str:
    return one_line(redact(text, ips=True).text, limit)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

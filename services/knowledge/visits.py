"""A visit of somebody who looks for an answer: search, open, "did this help?", or a ticket that says what was tried.

What is kept of it says nothing about who it was: a random id, the redacted query, the articles. No address, no browser,
no account. Where the visit ends in a ticket, the ticket carries what was searched and read.
"""

import re
from secrets import token_hex
from typing import NamedTuple

from domain.core.refusal import Refused
from domain.documents.redaction import redact
from services.knowledge.searching import SHOWN, Results, query_of, search
from store import articles
from store import help_sessions as rows
from store.database import Database
from store.help_sessions import SelfServe
from store.tables.knowledge import ArticleRow

HELP_CENTRE = "help centre"
_ID = re.compile(r"[0-9a-f]{32}")


class Answers(NamedTuple):
    """What a visitor's search found, and in which session."""

    session: str
    results: Results


def look_for(
    db: Database, typed: str, *, session: str | None, channel: str, language: str | None = None, limit: int = SHOWN
) -> Answers:
    """Search for what a visitor typed, and note it in their session. Raises DatabaseDown."""
    results = search(db, typed, language=language, limit=limit)
    query = kept_form(typed)
    with db.begin() as transaction:
        now = db.clock.now()
        going_on = rows.begin(transaction, known(session), token_hex(16), channel, now)
        if query:
            rows.searched(transaction, going_on, query, len(results.found), now)
    return Answers(going_on, results)


def kept_form(typed: str) -> str:
    """Return what is kept of a query: without personal data that has a form, in small letters."""
    return redact(query_of(typed), ips=True).text.casefold()


def for_screen(
    db: Database, screen: str, *, session: str | None, channel: str, language: str | None = None, limit: int = SHOWN
) -> Answers:
    """Return the articles for a screen of the product. Nobody has searched, so nothing is noted but the visit.

    Raises DatabaseDown.
    """
    with db.begin() as transaction:
        going_on = rows.begin(transaction, known(session), token_hex(16), channel, db.clock.now())
        return Answers(going_on, Results(articles.on_screen(transaction, screen, language, limit), []))


def read(db: Database, slug: str, *, session: str | None, channel: str) -> tuple[str, ArticleRow]:
    """Return an article for a visitor, and note in their session that it was opened. Raises Refused (`not_found`),
    DatabaseDown."""
    with db.begin() as transaction:
        article = articles.find(transaction, slug)
        if article is None or article.section == articles.PLAYBOOKS:
            raise Refused("not_found", f"there is no article {slug[:200]!r}")
        now = db.clock.now()
        going_on = rows.begin(transaction, known(session), token_hex(16), channel, now)
        rows.opened(transaction, going_on, slug, now)
    return going_on, article


def say_whether_it_helped(db: Database, slug: str, helped: bool, *, session: str | None) -> None:
    """Note whether an article helped a visitor. Raises Refused (`not_found`) where they have not opened it,
    DatabaseDown."""
    with db.begin() as transaction:
        going_on = known(session)
        if going_on is None or not rows.voted(transaction, going_on, slug, helped, db.clock.now()):
            raise Refused("not_found", "this article was not opened in this session")


def known(session: str | None) -> str | None:
    """Return a session's id, as a caller gives it; None for what cannot be one."""
    return session if session and _ID.fullmatch(session) else None


def in_words(tried: SelfServe) -> str:
    """Write what was searched and read before a ticket, for whoever reads it; empty for nothing."""
    lines = [f"Searched for: {query}" for query in tried.queries]
    return "\n".join([*lines, *(f"Read: {slug}" for slug in tried.read)])

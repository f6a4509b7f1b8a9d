"""What stands beside a ticket on its page: its account, others who wait for its issue, tickets that look alike."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy.orm import Session

from domain.core.enums import Resolution
from domain.ticket.state import Account, Ticket
from services.knowledge.searching import search
from store import accounts, articles, kb
from store import beside as rows
from store.articles import Found
from store.beside import Alike, Other, Waiting
from store.database import Database
from store.kb import Gap
from store.queries import Line
from store.tables.knowledge import ArticleRow

SHOWN = 5
"""Tickets of each list."""
_WORD = re.compile(r"[^\W_]{4,40}")
MATCHING = 3
"""Articles that its subject finds, and playbooks."""
LOOKED_AT = 30
"""Tickets with the same words, the newest, of which those are shown that helped."""
HELPFUL = (Resolution.SOLVED, Resolution.WORKAROUND)
WORDS = (5, 3)
"""How many words of a subject another ticket must have all of: its longest ones, which are the rarest. Fewer are asked
for where that finds too few: so a subject that thousands of tickets have is not looked for by half of its words."""


class Article(NamedTuple):
    """An article that the resolutions of tickets with the same words name."""

    name: str
    tickets: int


class Beside(NamedTuple):
    """What stands beside a ticket."""

    account: Account
    """As the CRM or an import last had it; otherwise as the ticket has it."""
    active: int
    """Other active tickets of the account."""
    of_account: Sequence[Line]
    """Other active tickets of the account, the newest first."""
    waiting: Waiting | None
    """Who else waits for the ticket's issue; None where it has none."""
    of_issue: Sequence[Other]
    alike: Sequence[Alike]
    """Tickets of any account with the same words: those that are solved first, then the newest."""
    articles: Sequence[Article]
    """Articles that ended such tickets, those that ended most first."""
    gaps: Sequence[Gap]
    """Known gaps of the knowledge base in the ticket's area, the newest first."""
    matching: Sequence[Found] = ()
    """Articles that the ticket's subject finds, the best first."""
    playbooks: Sequence[ArticleRow] = ()
    """Checklists for its area or category."""


def beside(db: Database, ticket: Ticket, texts: Mapping[str, str]) -> Beside:
    """Find what stands beside a ticket. Raises DatabaseDown."""
    subject = texts.get("1.subject", "")
    matching = search(db, subject, limit=MATCHING).found if subject else ()
    with db.session() as session:
        account = accounts.find_account(session, ticket.account.id) or ticket.account
        others = rows.of_account(session, ticket.account.id, besides=ticket.id, limit=SHOWN + 1)
        more = len(others) > SHOWN
        found = _alike(session, ticket.id, subject)
        alike = sorted(found, key=lambda one: one.end.resolution not in HELPFUL)
        area = ticket.product_area
        key = ticket.issue.key if ticket.issue else None
        return Beside(
            account,
            rows.active_of_account(session, ticket.account.id, besides=ticket.id) if more else len(others),
            others[:SHOWN],
            rows.waiting_for(session, key, besides=ticket.id) if key else None,
            rows.others_of_issue(session, key, besides=ticket.id, limit=SHOWN) if key else (),
            alike[:SHOWN],
            _articles(alike),
            kb.gaps(session, area, besides=ticket.id, limit=SHOWN) if area else (),
            matching,
            articles.playbooks_for(session, area, ticket.category.value, limit=MATCHING),
        )


def _alike(session: Session, ticket: str, subject: str) -> list[Alike]:
    """Return other tickets with the distinctive words of a subject."""
    found: list[Alike] = []
    for words in dict.fromkeys(distinctive_words(subject, most) for most in WORDS):
        if words and len(found) < SHOWN:
            found = rows.with_same_words(session, words, besides=ticket, limit=LOOKED_AT)
    return found


def distinctive_words(subject: str, most: int) -> str:
    """Return the words of a subject by which similar tickets are searched: the longest, `most` of them, in the
    subject's order. Empty where the subject has fewer than two words, since a search for one word finds unrelated
    tickets."""
    words = list(dict.fromkeys(word.casefold() for word in _WORD.findall(subject[:500])))
    longest = sorted(words, key=len, reverse=True)[:most]
    return " ".join(word for word in words if word in longest) if len(longest) > 1 else ""


def _articles(alike: Sequence[Alike]) -> list[Article]:
    used = Counter(one.end.article for one in alike if one.end.article and one.end.resolution in HELPFUL)
    return [Article(name, tickets) for name, tickets in used.most_common(SHOWN)]

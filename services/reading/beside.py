"""What stands beside a ticket on its page: its account, others who wait for its issue, tickets that look alike."""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from math import inf
from time import monotonic
from typing import Any, NamedTuple, TypeVar

from sqlalchemy.orm import Session

from domain.core.enums import Resolution
from domain.ticket.state import Account, Ticket
from services.knowledge.searching import search
from store import accounts, articles, kb
from store import beside as rows
from store.articles import Found, Playbook
from store.beside import Alike, End, Other, Waiting
from store.database import Database
from store.kb import Gap
from store.queries import Line
from store.questions import Asked, asked_together

SHOWN = 5
"""Tickets of each list."""
_WORD = re.compile(r"[^\W_]{4,40}")
KEPT_SECONDS = 60.0
"""For how long what the words of a subject found is not looked for again."""
MOST_KEPT = 2_000
Found_ = TypeVar("Found_")
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
    """Tickets of any account with the same words: those that are solved first, then the newest. Which they are was
    found within the last minute."""
    articles: Sequence[Article]
    """Articles that ended such tickets, those that ended most first, as of then."""
    gaps: Sequence[Gap]
    """Known gaps of the knowledge base in the ticket's area, the newest first."""
    matching: Sequence[Found] = ()
    """Articles that the ticket's subject finds, the best first, as of then."""
    playbooks: Sequence[Playbook] = ()
    """Checklists for its area or category."""


class ByWords:
    """What the words of subjects found within the last minute: the page of a ticket is loaded again with each of its
    changes, and its subject finds the same. It keeps ids, and articles, which nobody is kept from. Threads may share
    it."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._kept: dict[Hashable, tuple[float, Any]] = {}
        """Those that were found last stand last."""

    def find(self, what: Hashable, search: Callable[[], Found_]) -> Found_:
        """Return what was found within the last minute, or else what `search` finds."""
        now = self._clock()
        found: Found_
        at, found = self._kept.get(what, (-inf, None))
        if now - at >= KEPT_SECONDS:
            found = search()
            kept = {one: known for one, known in self._kept.copy().items() if now - known[0] < KEPT_SECONDS}
            self._kept = dict(list(kept.items())[-MOST_KEPT:]) | {what: (now, found)}
        return found


def beside(db: Database, ticket: Ticket, texts: Mapping[str, str], by_words: ByWords | None = None) -> Beside:
    """Find what stands beside a ticket; `by_words` is what was found lately. Raises DatabaseDown."""
    with beside_and(db, ticket, texts, by_words, {}) as found:
        return found


@contextmanager
def beside_and(
    db: Database, ticket: Ticket, texts: Mapping[str, str], by_words: ByWords | None, also: Asked
) -> Iterator[Beside]:
    """Find what stands beside a ticket, and ask `also` other questions with it, as one statement: in the block, who
    asks them in the session of a block of `Database.one_session` gets their answers. Raises DatabaseDown."""
    by_words = by_words or ByWords()
    subject = texts.get("1.subject", "")
    matching = (
        by_words.find(("articles", subject), lambda: search(db, subject, limit=MATCHING).found) if subject else ()
    )
    with db.session() as session:
        area, key = ticket.product_area, ticket.issue.key if ticket.issue else None
        alike = _alike(session, ticket, subject, by_words)
        with asked_together(session, _asked(ticket, alike) | also):
            others = rows.of_account(session, ticket.account.id, besides=ticket.id, limit=SHOWN + 1)
            more = len(others) > SHOWN
            found = Beside(
                accounts.find_account(session, ticket.account.id) or ticket.account,
                rows.active_of_account(session, ticket.account.id, besides=ticket.id) if more else len(others),
                others[:SHOWN],
                rows.waiting_for(session, key, besides=ticket.id) if key else None,
                rows.others_of_issue(session, key, besides=ticket.id, limit=SHOWN) if key else (),
                rows.alike(session, [id_ for id_, _ in alike[:SHOWN]]),
                _articles([end for _, end in alike]),
                kb.gaps(session, area, besides=ticket.id, limit=SHOWN) if area else (),
                matching,
                articles.playbooks_for(session, area, ticket.category.value, limit=MATCHING),
            )
            yield found


def _alike(session: Session, ticket: Ticket, subject: str, by_words: ByWords) -> list[tuple[str, End]]:
    """Return the other tickets with the same words, those that helped first."""
    found = [one for one in _with_same_words(session, subject, by_words) if one[0] != ticket.id]
    return sorted(found, key=lambda one: one[1].resolution not in HELPFUL)


def _asked(ticket: Ticket, alike: Sequence[tuple[str, End]]) -> Asked:
    """Return what is asked of what stands beside a ticket, once it is known which tickets are alike."""
    ids, key = [id_ for id_, _ in alike[:SHOWN]], ticket.issue.key if ticket.issue else None
    asked = rows.asked_beside(ticket.account.id, key, besides=ticket.id, ids=ids, limit=SHOWN)
    asked |= accounts.asked_by_find_account(ticket.account.id)
    if ticket.product_area:
        asked |= kb.asked_by_gaps(ticket.product_area, besides=ticket.id, limit=SHOWN)
    return asked | articles.asked_by_playbooks_for(ticket.product_area, ticket.category.value, limit=MATCHING)


def _with_same_words(session: Session, subject: str, by_words: ByWords) -> list[tuple[str, End]]:
    """Return tickets with the distinctive words of a subject, its own among them."""
    found: list[tuple[str, End]] = []
    for words in dict.fromkeys(distinctive_words(subject, most) for most in WORDS):
        if words and len(found) <= SHOWN:
            # The last one may be the beginning of a word: of the longest, since fewest begin like it.
            longest_last = " ".join(sorted(words.split(), key=len))
            ask = partial(rows.with_same_words, session, longest_last, limit=LOOKED_AT + 1)
            found = by_words.find(("tickets", words), ask)
    return found


def distinctive_words(subject: str, most: int) -> str:
    """Return the words of a subject by which similar tickets are searched: the longest, `most` of them, in the
    subject's order. Empty where the subject has fewer than two words, since a search for one word finds unrelated
    tickets."""
    words = list(dict.fromkeys(word.casefold() for word in _WORD.findall(subject[:500])))
    longest = sorted(words, key=len, reverse=True)[:most]
    return " ".join(word for word in words if word in longest) if len(longest) > 1 else ""


def _articles(ends: Sequence[End]) -> list[Article]:
    used = Counter(end.article for end in ends if end.article and end.resolution in HELPFUL)
    return [Article(name, tickets) for name, tickets in used.most_common(SHOWN)]

"""Searching the knowledge base: what somebody typed, as terms; then the articles that have them.

First an article must have every term; where that finds too few, one is enough, and articles with more of them come
first. A word that stands in no article brings along the words that look like it, and each term what means the same.
"""

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy.orm import Session

from domain.core.text import clean, strip_invisible
from store import articles as rows
from store.articles import Found
from store.database import Database

LONGEST = 200
"""Characters of a query that are looked at."""
MOST_TERMS = 12
ENOUGH = 3
"""Articles with every term: with fewer, those with some of the terms are looked for too."""
RAREST = 4
"""Terms of which an article must have one then: the rarest, since a word that stands everywhere tells little. Where
that finds too few still, any term is enough."""
SHOWN = 10
_WORD = re.compile(r"[^\W_](?:[^\W_]|['\u2019.+#-](?=[^\W_]))*[+#]{0,2}")
_LONGEST_PHRASE = 3
"""Words of the longest phrase that has synonyms."""
_SHORT, _MIDDLE = 4, 6
"""Letters from which on a word may have one wrong letter, and two."""


class Results(NamedTuple):
    """What a search found."""

    found: Sequence[Found]
    instead: Sequence[str]
    """Words that were looked for beside misspelt ones."""


def query_of(typed: str) -> str:
    """Return what somebody typed on one line, bounded."""
    return " ".join(strip_invisible(clean(typed[: 4 * LONGEST])).split())[:LONGEST]


def search(
    db: Database, typed: str, *, language: str | None = None, limit: int = SHOWN, playbooks: bool = False
) -> Results:
    """Search for what somebody typed, in one language or in all. Raises DatabaseDown."""
    words = [word.casefold() for word in _WORD.findall(query_of(typed))][:MOST_TERMS]
    if not words:
        return Results([], [])
    with db.session() as session:
        chosen = [language] if language else rows.languages(session)
    if not chosen:
        return Results([], [])
    with db.session(transaction=True) as session, rows.searching(session):
        phrases = {phrase for size in range(1, _LONGEST_PHRASE + 1) for phrase in _phrases(words, size)}
        same = rows.synonyms(session, sorted(phrases))
        terms, instead = [], []
        known = rows.known_words(session, words)
        for term in _terms(words, same):
            guesses = _guesses(rows.words_like(session, term[0], limit=20), term[0]) if _odd(term, known) else []
            terms.append([*term, *guesses])
            instead += guesses
        rarest = sorted(range(len(terms)), key=lambda place: known.get(terms[place][0], 0))[:RAREST]
        found = _best(session, terms, chosen, rarest, limit, playbooks)
    return Results(found, instead)


def _best(
    session: Session,
    terms: Sequence[Sequence[str]],
    languages: Sequence[str],
    rarest: Sequence[int],
    limit: int,
    playbooks: bool,
) -> list[Found]:
    found: list[Found] = []
    for wanted in (None, rarest, range(len(terms))):
        if wanted is None or (len(found) < min(ENOUGH, limit) and len(terms) > 1):
            some = [
                rows.search(session, terms, one, wanted=wanted, limit=limit, playbooks=playbooks) for one in languages
            ]
            known = {one.slug for one in found}
            more = [one for each in some for one in each if one.slug not in known]
            found += sorted(more, key=lambda one: (-one.score, one.slug))
    return rows.with_snippets(session, terms, found[:limit])


def _phrases(words: Sequence[str], size: int) -> list[str]:
    return [" ".join(words[place : place + size]) for place in range(len(words) - size + 1)]


def _terms(words: Sequence[str], same: dict[str, list[str]]) -> list[list[str]]:
    """Cut a query into terms: the longest phrases that have synonyms, and single words; each with its synonyms."""
    terms = []
    place = 0
    while place < len(words):
        size = next((size for size in (3, 2) if " ".join(words[place : place + size]) in same), 1)
        phrase = " ".join(words[place : place + size])
        terms.append([phrase, *same.get(phrase, [])])
        place += size
    return terms


def _odd(term: Sequence[str], known: Collection[str]) -> bool:
    """Return whether a term is a word that stands in no article, and long enough to be compared."""
    word = term[0]
    return len(term) == 1 and " " not in word and len(word) >= _SHORT and word.isalpha() and word not in known


def _guesses(alike: Sequence[str], word: str) -> list[str]:
    """Return the words that differ from a word by a letter or two, those that differ least: two at most."""
    most = 1 if len(word) < _MIDDLE else 2
    near = [(distance(word, one), place) for place, one in enumerate(alike)]
    best = sorted(pair for pair in near if pair[0] <= most)
    return [alike[place] for how_far, place in best if how_far == best[0][0]][:2]


def distance(one: str, other: str) -> int:
    """Return by how many letters two words differ: left out, put in, changed, or two that changed places."""
    rows_: list[list[int]] = [list(range(len(other) + 1))]
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, its in enumerate(other, 1):
            best = min(rows_[-1][j] + 1, row[j - 1] + 1, rows_[-1][j - 1] + (letter != its))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == its:
                best = min(best, rows_[-2][j - 2] + 1)
            row.append(best)
        rows_.append(row)
    return rows_[-1][-1]

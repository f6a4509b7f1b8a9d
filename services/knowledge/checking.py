"""What is wrong with a folder of articles, beyond what cannot be read: found from the files alone, without a network.

A link to another site is not followed. An article is older than the last release of its product area where a release
note about the area has a later day.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import combinations
from typing import Literal, NamedTuple

from services.knowledge.article_file import Article, Section
from services.knowledge.importing import Folder, walk

Kind = Literal["broken", "dead_link", "no_owner", "no_day", "outdated", "duplicate"]
KINDS: dict[Kind, str] = {
    "broken": "cannot be read",
    "dead_link": "dead link",
    "no_owner": "no owner",
    "no_day": "no day on which it was last seen to be right",
    "outdated": "older than the last release of its area",
    "duplicate": "says the same as another",
}
SHINGLE = 6
"""Words of each of the overlapping pieces by which texts are compared."""
ALIKE = 0.8
"""How much of their pieces two texts share that say the same."""
_COMMON = 25
"""A piece that stands in more articles than this is boilerplate, and tells nothing."""
_WORD = re.compile(r"\w+")


class Finding(NamedTuple):
    """Something that somebody should look at."""

    path: str
    line: int
    kind: Kind
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {KINDS[self.kind]}: {self.text}"


def check(read: Folder) -> list[Finding]:
    """Return what is wrong with a folder, by file and line."""
    found = [Finding(one.path, one.line, "broken", one.why) for one in read.broken]
    found += _dead_links(read)
    releases = _releases(read.articles)
    for one in read.articles:
        found += _of_itself(one, releases)
    found += _duplicates(list(walk(read)))
    return sorted(found)


def _dead_links(read: Folder) -> Iterator[Finding]:
    known = {one.slug: one for one in read.articles}
    broken = {one.path.removesuffix(".md") for one in read.broken}
    for one in read.articles:
        for link in one.rendered.links:
            line = one.first_line + link.line - 1
            target = known.get(link.target)
            if target is None:
                if link.target not in broken and link.target not in set(Section):
                    yield Finding(_path(one), line, "dead_link", f"{link.written} leads to no article")
            elif target.section == "playbooks" and one.section != "playbooks":
                yield Finding(_path(one), line, "dead_link", f"{link.written} leads to a playbook: customers see none")
            elif link.heading and link.heading not in target.rendered.ids:
                yield Finding(_path(one), line, "dead_link", f"{link.written}: there is no such heading")


def _releases(articles: Sequence[Article]) -> dict[str, date]:
    """Return the day of the last release of each area."""
    latest: dict[str, date] = {}
    for one in articles:
        if one.section == Section.RELEASE_NOTES and one.matter.updated:
            for area in {one.matter.area, *one.matter.areas} - {""}:
                latest[area] = max(latest.get(area, one.matter.updated), one.matter.updated)
    return latest


def _of_itself(one: Article, releases: dict[str, date]) -> Iterator[Finding]:
    matter, path = one.matter, _path(one)
    if not matter.owner:
        yield Finding(path, 1, "no_owner", "say `owner:` in the front matter")
    if matter.updated is None:
        yield Finding(path, 1, "no_day", "say `updated: 2026-11-30` in the front matter")
        return
    released = releases.get(matter.area)
    if released and matter.updated < released and one.section != Section.RELEASE_NOTES:
        yield Finding(path, 1, "outdated", f"last seen on {matter.updated}, {matter.area} was released on {released}")


def _duplicates(articles: Sequence[Article]) -> Iterator[Finding]:
    """Find articles of one language with the same title, or with nearly the same words. It looks only at pairs that
    share a piece, so it takes little more time with every further article."""
    titles: dict[tuple[str, str], Article] = {}
    where: dict[bytes, list[int]] = defaultdict(list)
    sizes = []
    for place, one in enumerate(articles):
        key = (one.matter.language, " ".join(_WORD.findall(one.matter.title.casefold())))
        if other := titles.get(key):
            yield Finding(_path(one), 1, "duplicate", f"{_path(other)} has the same title")
        titles.setdefault(key, one)
        pieces = _pieces(one)
        sizes.append(len(pieces))
        for piece in pieces:
            where[piece].append(place)
    shared: Counter[tuple[int, int]] = Counter()
    for places in where.values():
        if 1 < len(places) <= _COMMON:
            shared.update(combinations(places, 2))
    for (first, second), count in shared.items():
        if count >= ALIKE * min(sizes[first], sizes[second]):
            text = f"{_path(articles[first])} says nearly the same"
            yield Finding(_path(articles[second]), 1, "duplicate", text)


def _pieces(one: Article) -> set[bytes]:
    words = _WORD.findall(one.rendered.plain.casefold())
    count = max(1, len(words) - SHINGLE + 1)
    texts = (f"{one.matter.language} {' '.join(words[place : place + SHINGLE])}" for place in range(count))
    return {hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts}


def _path(one: Article) -> str:
    return f"{one.slug}.md"

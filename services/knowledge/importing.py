"""The import of a folder of articles: the files are the truth, and the database is made to say the same.

All of it is written in one transaction, behind a lock: whoever searches meanwhile finds the articles of before, and an
import that dies has changed nothing. The same folder again changes nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from domain.core.refusal import Refused
from domain.core.text import one_line
from services.knowledge.article_file import MOST_FILES, Article, Broken, files_of, read_article, unknown_folders
from store import articles as rows
from store import kb
from store.database import Database, lock
from store.tables.base import Json

SYNONYMS = "synonyms.txt"
BATCH = 250
"""Articles between two signs of life."""
MOST_SYNONYMS = 2_000
_LONGEST_PHRASE = 60

Progress = Callable[[int, int], None]
"""Is called with how many files are read, and of how many."""


class Imported(NamedTuple):
    """What an import did."""

    new: int
    changed: int
    unchanged: int
    removed: int
    broken: Sequence[Broken]
    """Files that could not be read. What was imported of them before stays."""


class Folder(NamedTuple):
    """What stands in a folder."""

    articles: Sequence[Article]
    unchanged: Sequence[str]
    """The slugs of files that were not read anew, since their digests were known."""
    broken: Sequence[Broken]
    synonyms: Sequence[Sequence[str]]


def read_folder(
    folder: Path, progress: Progress = lambda _done, _all: None, known: Mapping[str, str] = MappingProxyType({})
) -> Folder:
    """Read every file of a folder whose digest is not the `known` one of its slug. Raises Refused where the folder
    holds no articles, or too many."""
    paths = _files(folder)
    found: list[Article] = []
    unchanged: list[str] = []
    broken: list[Broken] = []
    for number, path in enumerate(paths, 1):
        match read_article(folder, path, known):
            case Article() as one:
                found.append(one)
            case Broken() as one:
                broken.append(one)
            case one:
                unchanged.append(one.slug)
        if number % BATCH == 0 or number == len(paths):
            progress(number, len(paths))
    groups, faults = read_synonyms(folder)
    return Folder(found, unchanged, [*broken, *faults], groups)


def import_folder(db: Database, folder: Path, progress: Progress = lambda _done, _all: None) -> Imported:
    """Make the knowledge base that of a folder. Articles whose files are gone go too; a broken file changes nothing of
    its own article, and stops no other. Raises Refused where the folder holds no articles, DatabaseDown."""
    with db.session() as session:
        known = rows.digests(session)
    read = read_folder(folder, progress, known)
    there = {one.slug for one in read.articles} | {one.path.removesuffix(".md") for one in read.broken}
    there |= set(read.unchanged)
    with db.begin() as session:
        lock(session, "knowledge")
        if rows.digests(session) != known:
            raise Refused("conflict", "somebody else has imported articles meanwhile: import again")
        changed = read.articles
        gone = sorted(known.keys() - there)
        times = dict.fromkeys(("imported_at", "written_at", "revised_at"), db.clock.now())
        rows.keep(session, (_row(one) | times for one in changed))
        rows.drop(session, gone)
        rows.keep_synonyms(session, read.synonyms)
        kb.publish(session, [one.matter.draft for one in changed if one.matter.draft])
        if changed or gone:
            rows.count_words(session)
    new = sum(one.slug not in known for one in changed)
    return Imported(new, len(changed) - new, len(read.unchanged), len(gone), read.broken)


def read_synonyms(folder: Path) -> tuple[list[list[str]], list[Broken]]:
    """Read which words and phrases mean the same: a group on each line, with commas between, `#` before a remark."""
    try:
        lines = (folder / SYNONYMS).read_text("utf-8").splitlines()
    except FileNotFoundError:
        return [], []
    except (OSError, UnicodeDecodeError):
        return [], [Broken(SYNONYMS, 1, "it cannot be read as UTF-8")]
    groups: list[list[str]] = []
    faults = []
    for number, line in enumerate(lines, 1):
        phrases = [" ".join(one.split()).casefold() for one in line.partition("#")[0].split(",")]
        phrases = list(dict.fromkeys(one for one in phrases if one))
        if any(len(one) > _LONGEST_PHRASE for one in phrases):
            faults.append(Broken(SYNONYMS, number, f"a phrase has more than {_LONGEST_PHRASE} characters"))
        elif len(phrases) == 1:
            faults.append(Broken(SYNONYMS, number, f"{phrases[0]} stands alone: name what means the same"))
        elif phrases:
            groups.append(phrases)
    if len(groups) > MOST_SYNONYMS:
        return groups[:MOST_SYNONYMS], [*faults, Broken(SYNONYMS, 1, f"only {MOST_SYNONYMS} lines are taken")]
    return groups, faults


def _files(folder: Path) -> list[Path]:
    try:
        paths = files_of(folder)
        strange = unknown_folders(folder)
    except OSError as error:
        raise Refused("malformed", f"{folder} cannot be read: {error.strerror}") from None
    if strange:
        named = one_line(", ".join(strange), 200)
        raise Refused("malformed", f"these folders are no sections, and hold Markdown: {named}")
    if not paths:
        raise Refused("malformed", f"{folder} holds no articles: its folders are the sections, such as troubleshooting")
    if len(paths) > MOST_FILES:
        raise Refused("too_large", f"{folder} has {len(paths)} files: {MOST_FILES} at most")
    return paths


def _row(one: Article) -> Json:
    matter = one.matter.model_dump(exclude={"draft"})
    lists = {name: list(matter.pop(name)) for name in ("tags", "screens", "categories", "areas")}
    return (
        matter
        | lists
        | {
            "slug": one.slug,
            "section": one.section,
            "topic": one.topic,
            "steps": list(one.rendered.steps),
            "markdown": one.markdown,
            "html": one.rendered.html,
            "plain": one.rendered.plain,
            "headings": " ".join(one.rendered.headings),
            "digest": one.digest,
        }
    )


def walk(read: Folder) -> Iterator[Article]:
    """Yield the articles, without the playbooks."""
    return (one for one in read.articles if one.section != rows.PLAYBOOKS)

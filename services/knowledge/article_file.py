"""Articles and playbooks as files: Markdown with front matter in YAML. The files are the truth.

The path below the folder says what an article is: `troubleshooting/exports/two-currencies.md` is the article
`troubleshooting/exports/two-currencies`, in the section `troubleshooting`, under the topic `exports`. What stands in
`playbooks/` is for people of support only, and is never shown to customers.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import yaml
from pydantic import ConfigDict, Field, StringConstraints, ValidationError, field_validator

from domain.core.faults import in_words
from domain.core.input_types import Short
from domain.core.text import one_line
from domain.core.values import Frozen
from services.knowledge.rendering import VERSION, Rendered, render

MOST_BYTES = 256 * 1024
"""Of one file."""
MOST_FILES = 50_000
_PART = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_LONGEST_SLUG = 200
_FENCE = "---"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where it was built along


class Section(StrEnum):
    """The seven sections of the knowledge base."""

    GETTING_STARTED = "getting-started"
    PRODUCT_GUIDES = "product-guides"
    TROUBLESHOOTING = "troubleshooting"
    BILLING_AND_ACCOUNT = "billing-and-account"
    SECURITY_AND_COMPLIANCE = "security-and-compliance"
    RELEASE_NOTES = "release-notes"
    FAQ = "faq"


PLAYBOOKS = "playbooks"
"""The folder of checklists for people of support."""
TITLES = {
    Section.GETTING_STARTED: "Getting started",
    Section.PRODUCT_GUIDES: "Product guides",
    Section.TROUBLESHOOTING: "Troubleshooting",
    Section.BILLING_AND_ACCOUNT: "Billing and account",
    Section.SECURITY_AND_COMPLIANCE: "Security and compliance",
    Section.RELEASE_NOTES: "Release notes",
    Section.FAQ: "Frequently asked questions",
}

Words = Annotated[tuple[Short, ...], Field(max_length=50)]


class FrontMatter(Frozen):
    """What stands before the text of a file. A name that is not here is a mistake, and is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Annotated[Short, StringConstraints(min_length=1)]
    summary: Short = ""
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")] = "en"
    area: Short = ""
    """The area of the product that it is about, as tickets name it."""
    owner: Short = ""
    """Who keeps it right: a person, or a team."""
    updated: date | None = None
    """The day on which somebody last saw that it is right; of a release note, the day of the release."""
    tags: Words = ()
    screens: Words = ()
    """The screens of the product on which it helps."""
    draft: Annotated[int, Field(ge=1, le=10**12)] | None = None
    """The draft that this file finishes, as `kb export` wrote it."""
    categories: Words = ()
    """Of a playbook: the categories of tickets that it is for."""
    areas: Words = ()
    """Of a playbook: the product areas that it is for."""

    @field_validator("tags", "screens", "categories", "areas", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        listed = value if isinstance(value, list) else [value]
        return tuple(str(one) if isinstance(one, int) and not isinstance(one, bool) else one for one in listed)


class Article(NamedTuple):
    """A file, read and rendered."""

    slug: str
    section: str
    """One of the seven, or `playbooks`."""
    topic: str
    """The folders below the section; empty for none."""
    matter: FrontMatter
    markdown: str
    rendered: Rendered
    digest: str
    first_line: int
    """The line of the file on which its body begins."""


class Unchanged(NamedTuple):
    """A file that is as it was when it was last imported."""

    slug: str


class Broken(NamedTuple):
    """A file that cannot be read: where, and why. It stops nothing else."""

    path: str
    line: int
    why: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.why}"


def files_of(folder: Path) -> list[Path]:
    """Return the files of a knowledge base, sorted. Hidden ones, and those beside the sections' folders, are none.

    Raises OSError where the folder cannot be read.
    """
    known = {*Section, PLAYBOOKS}
    found = (path for part in sorted(folder.iterdir()) if part.name in known and part.is_dir() for path in _below(part))
    return sorted(found)


def unknown_folders(folder: Path) -> list[str]:
    """Return the names of folders that hold Markdown and are no section. Raises OSError."""
    known = {*Section, PLAYBOOKS}
    others = (part for part in sorted(folder.iterdir()) if part.is_dir() and part.name not in known)
    return [one.name for one in others if not one.name.startswith(".") and next(one.rglob("*.md"), None) is not None]


def _below(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*.md"):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path


def read_article(folder: Path, path: Path, known: Mapping[str, str]) -> Article | Broken | Unchanged:
    """Read one file of the folder, and render it, unless its digest is the `known` one of its slug."""
    named = path.relative_to(folder).as_posix()
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        return Broken(named, 1, error.strerror or "it cannot be read")
    slug = named.removesuffix(".md")
    return Unchanged(slug) if known.get(slug) == _digest(slug, raw) else article_of(named, raw)


def _digest(slug: str, raw: bytes) -> str:
    return hashlib.sha256(f"{VERSION}\x00{slug}\x00".encode() + raw).hexdigest()


def article_of(named: str, raw: bytes) -> Article | Broken:
    """Return the article that a file's content is. `named` is its path below the folder."""
    slug = named.removesuffix(".md")
    parts = slug.split("/")
    if len(raw) > MOST_BYTES:
        return Broken(named, 1, f"it has more than {MOST_BYTES // 1024} KiB")
    if wrong := next((part for part in parts if not _PART.fullmatch(part)), None):
        return Broken(named, 1, f"{wrong!r}: names have small letters, digits and hyphens")
    if len(slug) > _LONGEST_SLUG or len(parts) < 2:
        return Broken(named, 1, f"its path has a section, and at most {_LONGEST_SLUG} characters")
    try:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        return Broken(named, raw[: error.start].count(b"\n") + 1, "it is not UTF-8")
    lines = text.split("\n")
    if lines[0].rstrip() != _FENCE:
        return Broken(named, 1, f"it begins with a line {_FENCE}, and front matter after it")
    end = next((place for place, line in enumerate(lines[1:], 1) if line.rstrip() == _FENCE), None)
    if end is None:
        return Broken(named, len(lines), f"the front matter has no end: a line {_FENCE}")
    matter = _matter(named, lines[1:end])
    if isinstance(matter, Broken):
        return matter
    markdown = "\n".join(lines[end + 1 :]).strip("\n") + "\n"
    lead = next((place for place, line in enumerate(lines[end + 1 :]) if line), 0)
    if not markdown.strip():
        return Broken(named, end + 1, "it has no text")
    topic = "/".join(parts[1:-1])
    return Article(slug, parts[0], topic, matter, markdown, render(markdown, slug), _digest(slug, raw), end + 2 + lead)


def _yaml(text: str) -> Any:
    """Read YAML without aliases: a few lines of them can stand for millions. Raises yaml.YAMLError, ValueError."""
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="aliases are not read", problem_mark=event.start_mark)  # type: ignore[arg-type]
    return yaml.load(text, Loader=_LOADER)


def _matter(named: str, lines: list[str]) -> FrontMatter | Broken:
    """Read the front matter, which begins on the file's second line."""
    try:
        said = _yaml("\n".join(lines))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line if error.problem_mark else 0
        return Broken(named, line + 2, one_line(error.problem or "it is no YAML", 200))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return Broken(named, 2, one_line(str(error), 200))
    if not isinstance(said, dict):
        return Broken(named, 2, "the front matter has lines such as `title: ...`")
    try:
        return FrontMatter.model_validate({str(name): value for name, value in said.items() if value is not None})
    except ValidationError as error:
        fault = error.errors()[0]
        name = str(fault["loc"][0]) if fault["loc"] else ""
        place = next((number for number, line in enumerate(lines, 2) if line.startswith(f"{name}:")), 2)
        return Broken(named, place, one_line(f"{name}: {in_words(fault, FrontMatter.model_fields)}", 200))

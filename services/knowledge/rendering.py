"""Markdown as a page shows it: rendered without raw HTML, then cleaned, so that a text can only ever be text."""

import re
from collections.abc import Iterator, Sequence
from posixpath import join, normpath
from typing import NamedTuple

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

from domain.core.text import clean, strip_invisible

VERSION = "1"
"""Part of each article's digest: an import after a change of this file renders every article anew."""
PREFIX = "/help/"
_STEP = re.compile(r"\[[ xX]\][ \t]+(.+)", re.DOTALL)
_TAGS = {
    "h2", "h3", "h4", "h5", "h6", "p", "ul", "ol", "li", "strong", "em", "s", "code", "pre", "blockquote", "hr", "br",
    "a", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}} | {f"h{level}": {"id"} for level in range(2, 7)}
_SCHEMES = {"http", "https", "mailto"}
_OUTSIDE = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//")


class Link(NamedTuple):
    """A link of an article to another article, or to a heading."""

    target: str
    """The article's slug; its own for a link inside the article."""
    heading: str
    """The heading's id; empty for none."""
    line: int
    """Of the body, counted from 1."""
    written: str


class Rendered(NamedTuple):
    """An article, rendered."""

    html: str
    plain: str
    """Its words, a block on each line: what is searched, and what snippets are cut from."""
    headings: tuple[str, ...]
    ids: frozenset[str]
    """The ids of its headings."""
    links: tuple[Link, ...]
    steps: tuple[str, ...]
    """The entries of its checklists (`- [ ] ...`), in order."""


def render(markdown: str, slug: str) -> Rendered:
    """Render the body of the article `slug`. Raw HTML in it is shown as text, pictures as their description."""
    tokens = _PARSER.parse(strip_invisible(clean(markdown)))
    links: list[Link] = []
    headings: list[str] = []
    ids: list[str] = []
    blocks: list[str] = []
    steps: list[str] = []
    for place, token in enumerate(tokens):
        if token.type == "inline":
            line = token.map[0] + 1 if token.map else 1
            links += _relink(token.children or (), slug, line)
            words = _words(token.children or ())
            blocks.append(words)
            before = tokens[place - 1]
            if before.type == "heading_open":
                headings.append(words)
                ids.append(_id_of(words, ids))
                before.attrSet("id", ids[-1])
            if step := _STEP.fullmatch(words):
                steps.append(" ".join(step.group(1).split()))
        elif token.type in ("heading_open", "heading_close") and token.tag == "h1":
            token.tag = "h2"  # a page has one first heading, its title
        elif token.type in ("fence", "code_block"):
            blocks.append(token.content)
    html = nh3.clean(
        _PARSER.renderer.render(tokens, _PARSER.options, {}),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer",
    )
    plain = "\n".join(one.strip() for one in blocks if one.strip())
    return Rendered(html, plain, tuple(headings), frozenset(ids), tuple(links), tuple(steps))


def address_of(slug: str) -> str:
    """Return the address of an article in the help centre."""
    return PREFIX + slug


def _parser() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    made.add_render_rule("image", _as_description)
    return made


def _as_description(_renderer: object, tokens: Sequence[Token], place: int, _options: object, _env: object) -> str:
    """Show a picture as its description: what an article says must not be fetched from elsewhere."""
    return str(nh3.clean_text(tokens[place].content))


def _relink(children: Sequence[Token], slug: str, line: int) -> Iterator[Link]:
    """Point links to other files at the pages of their articles, and name each."""
    for token in children:
        if token.type in ("softbreak", "hardbreak"):
            line += 1
        if token.type != "link_open":
            continue
        written = str(token.attrGet("href") or "")
        if _OUTSIDE.match(written):
            continue
        path, _, heading = written.partition("#")
        target = _target(path, slug)
        token.attrSet("href", address_of(target) + (f"#{heading}" if heading else "") if path else f"#{heading}")
        yield Link(target, heading, line, written)


def _target(path: str, slug: str) -> str:
    if not path:
        return slug
    if path.startswith(PREFIX):
        return path.removeprefix(PREFIX).removesuffix(".md")
    folder = slug.rpartition("/")[0]
    return normpath(path.lstrip("/") if path.startswith("/") else join(folder, path)).removesuffix(".md")


def _words(children: Sequence[Token]) -> str:
    return "".join(
        " " if token.type in ("softbreak", "hardbreak") else token.content
        for token in children
        if token.type in ("text", "code_inline", "image", "softbreak", "hardbreak", "text_special")
    )


def _id_of(words: str, known: Sequence[str]) -> str:
    base = re.sub(r"[^\w]+", "-", words.casefold()).strip("-")[:80] or "part"
    name, number = base, 1
    while name in known:
        number += 1
        name = f"{base}-{number}"
    return name


_PARSER = _parser()

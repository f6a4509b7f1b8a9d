"""A small neutral document, for what leaves Tierline as text: bug reports, comments, notices.

A pure function builds it from a ticket; each outside system has its own renderer in `integrations/`;
`plain` here is for terminals and mail. Customers' words only ever stand in a span or a code
block, so no renderer has to guess what is text and what is markup. Texts are cleaned when a value is made: a
document never holds a control character, a terminal escape or half a surrogate pair, whoever renders it.
"""

import re
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from domain.core.text import clean, one_line
from domain.core.values import Frozen

HEADING_LIMIT = 255
"""Characters that a heading keeps. A heading is a title, not a place for a log."""

HEAD = 0.6
"""The share of what is kept of a text that is its beginning; the rest is its end."""

_URL = re.compile(r"https?://[^\s<>\"\\^`{|}\x00-\x1f\x7f]{1,2000}\Z", re.IGNORECASE)


def is_web_address(url: str) -> bool:
    """Return whether a renderer may make `url` clickable: http or https, and nothing that could end an attribute."""
    return _URL.match(url) is not None


def _web_address(url: str) -> str:
    if not is_web_address(url):
        raise ValueError("a link needs an http or https address")
    return url


def _clean_input(value: Any) -> Any:
    return clean(value) if isinstance(value, str) else value


def _heading_input(value: Any) -> Any:
    return one_line(value, HEADING_LIMIT) if isinstance(value, str) else value


CleanText = Annotated[str, BeforeValidator(_clean_input)]
"""Text without control characters (see `clean`)."""


class Text(Frozen):
    """Words inside a line; `strong` sets them off."""

    type: Literal["text"] = "text"
    text: CleanText
    strong: bool = False


class Code(Frozen):
    """A name or a value inside a line that must be read literally."""

    type: Literal["code"] = "code"
    text: CleanText


class Link(Frozen):
    """Words that lead to a web address, http or https. Use `link` when the address comes from outside."""

    type: Literal["link"] = "link"
    text: CleanText
    url: Annotated[str, AfterValidator(_web_address)]


Span = Annotated[Text | Code | Link, Field(discriminator="type")]
Line = tuple[Span, ...]


class Heading(Frozen):
    type: Literal["heading"] = "heading"
    level: int = Field(ge=1, le=6)
    text: Annotated[str, BeforeValidator(_heading_input)]


class Paragraph(Frozen):
    type: Literal["paragraph"] = "paragraph"
    spans: Line


class BulletList(Frozen):
    type: Literal["bullets"] = "bullets"
    items: tuple[Line, ...] = Field(min_length=1)


class OrderedList(Frozen):
    type: Literal["numbers"] = "numbers"
    items: tuple[Line, ...] = Field(min_length=1)


class CodeBlock(Frozen):
    """Text that keeps its spaces and lines: a log, a trace, a request."""

    type: Literal["code_block"] = "code_block"
    text: CleanText
    language: str | None = Field(default=None, pattern=r"^[a-z0-9+#-]{1,30}$")


Block = Annotated[Heading | Paragraph | BulletList | OrderedList | CodeBlock, Field(discriminator="type")]


class Document(Frozen):
    blocks: tuple[Block, ...] = ()


# -- How to write one ---------------------------------------------------------------------------------------


def strong(text: str) -> Text:
    return Text(text=text, strong=True)


def code(text: str) -> Code:
    return Code(text=text)


def link(text: str, url: str) -> Link | Text:
    """Return a link, or the same words as plain text when `url` is not a web address, or empty."""
    return Link(text=text, url=url) if is_web_address(url) else Text(text=f"{text} ({url})" if url else text)


def line(*parts: Span | str) -> Line:
    return tuple(Text(text=part) if isinstance(part, str) else part for part in parts)


def heading(text: str, level: int = 2) -> Heading:
    return Heading(text=text, level=level)


def paragraph(*parts: Span | str) -> Paragraph:
    return Paragraph(spans=line(*parts))


def bullets(items: Iterable[Line | str]) -> BulletList:
    """Return a list with dots. Raises ValidationError when there is no item."""
    return BulletList(items=tuple(line(item) if isinstance(item, str) else item for item in items))


def numbers(items: Iterable[Line | str]) -> OrderedList:
    """Return a numbered list. Raises ValidationError when there is no item."""
    return OrderedList(items=tuple(line(item) if isinstance(item, str) else item for item in items))


def code_block(text: str, language: str | None = None) -> CodeBlock:
    return CodeBlock(text=text, language=language)


# -- As plain text ------------------------------------------------------------------------------------------


def plain(document: Document) -> str:
    """Return the document for a terminal or a mail: blocks apart by an empty line, links with their address."""
    return "\n\n".join(_plain_block(block) for block in document.blocks)


def _plain_block(block: Block) -> str:
    match block:
        case Heading():
            return f"{block.text}\n{('=' if block.level == 1 else '-') * len(block.text)}"
        case Paragraph():
            return _plain_line(block.spans)
        case BulletList():
            return "\n".join(f"- {_plain_line(item)}" for item in block.items)
        case OrderedList():
            return "\n".join(f"{n}. {_plain_line(item)}" for n, item in enumerate(block.items, 1))
        case CodeBlock():
            return "\n".join(f"    {row}" for row in block.text.split("\n"))


def _plain_line(spans: Line) -> str:
    return "".join(f"{s.text} <{s.url}>" if isinstance(s, Link) else s.text for s in spans)


# -- Made to fit --------------------------------------------------------------------------------------------


def shorten(document: Document, fits: Callable[[Document], bool]) -> Document:
    """Return a version of `document` for which `fits` is true, as long as may be.

    Every block gets the same allowance, found by halving, and only longer blocks are cut: a huge log shrinks
    while the sections around it stay whole. One text is cut in its middle, since a log has its error at the end; a list
    or a mixed line at its end. What is cut says how much is missing. Should not even that fit, blocks are left out from
    the end. Raises ValueError when `fits` refuses the empty document.
    """
    if fits(document):
        return document
    kept, refused = -1, max(_length(block) for block in document.blocks) + 1
    while refused - kept > 1:
        middle = (kept + refused) // 2
        if fits(_capped(document, middle)):
            kept = middle
        else:
            refused = middle
    shorter = _capped(document, max(kept, 0))
    while not fits(shorter):
        if not shorter.blocks:
            raise ValueError("nothing fits, not even an empty document")
        shorter = Document(blocks=shorter.blocks[:-1])
    return shorter


def _capped(document: Document, allowance: int) -> Document:
    # Not validated again: each block is one of these already, and `shorten` tries a dozen documents.
    return Document.model_construct(blocks=tuple(_cut(block, allowance) for block in document.blocks))


def _length(block: Block) -> int:
    match block:
        case Heading() | CodeBlock():
            return len(block.text)
        case Paragraph():
            return sum(len(span.text) for span in block.spans)
        case BulletList() | OrderedList():
            return sum(len(span.text) for item in block.items for span in item)


def _cut(block: Block, allowance: int) -> Block:
    missing = _length(block) - allowance
    if isinstance(block, Heading) or missing <= 0:
        return block
    marker = f"[cut here: {missing:,} more characters]"
    match block:
        case CodeBlock():
            return block.model_copy(update={"text": _without_middle(block.text, allowance, f"\n{marker}\n")})
        case Paragraph(spans=(Text() as only,)):
            return Paragraph(
                spans=(only.model_copy(update={"text": _without_middle(only.text, allowance, f" {marker} ")}),)
            )
        case Paragraph():
            return Paragraph(spans=(*_cut_line(block.spans, allowance), Text(text=f" {marker}")))
        case BulletList() | OrderedList():
            return type(block)(items=(*_cut_items(block.items, allowance), (Text(text=marker),)))


def _without_middle(text: str, allowance: int, marker: str) -> str:
    end = int(allowance * (1 - HEAD))
    return f"{text[: allowance - end]}{marker}{text[len(text) - end :]}"


def _cut_items(items: tuple[Line, ...], allowance: int) -> Iterable[Line]:
    for item in items:
        if allowance <= 0:
            return
        yield _cut_line(item, allowance)
        allowance -= sum(len(span.text) for span in item)


def _cut_line(spans: Line, allowance: int) -> Line:
    kept: list[Span] = []
    for span in spans:
        if allowance <= 0:
            break
        kept.append(span.model_copy(update={"text": span.text[:allowance]}))
        allowance -= len(span.text)
    return tuple(kept)

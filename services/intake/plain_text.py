"""Make plain text of HTML: mail programs and forms send it, and every reader of a text expects words.

The parser is lexbor's, by way of selectolax: it takes any input as a browser does.
"""

import html
import re
from typing import Any, NamedTuple

_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "center",
        "dd",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "html",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "tbody",
        "tfoot",
        "thead",
        "tr",
        "ul",
    ]
)
_DROPPED = frozenset(
    ["head", "style", "script", "template", "noscript", "title", "svg", "object", "iframe", "select", "textarea"]
)
_INLINE = "a|abbr|b|big|code|del|em|font|i|ins|kbd|label|mark|q|s|small|span|strike|strong|sub|sup|td|th|tt|u"
_KNOWN = f"{'|'.join(sorted(_BLOCKS | _DROPPED - {'object'}))}|{_INLINE}"

_ALONE = re.compile(r"<(?:!doctype\s+html|html|body|br\s*/?|img\s|hr\s*/?)[^<>]{0,500}>?", re.I)
"""Tags that nobody types by chance, and that need no closing one."""
_BEGINS = re.compile(r"\s*<(?:p|div|table|ul|ol|h[1-6]|blockquote|pre|style)(?:\s[^<>]{0,500})?>", re.I)
_CLOSING = re.compile(rf"</({_KNOWN})\s*>", re.I)
_ENTITY = re.compile(r"&(?:nbsp|#160|#xa0|amp|lt|gt|quot|apos|#39|#x27);", re.I)
_TYPED_BY_NOBODY = re.compile(
    r"&(?:nbsp|ensp|emsp|thinsp|#32|#x20|#160|#xa0|#8194|#8195|#8201|#8239);"
    r"|(?<=\w)&(?:#0?39|#x27|apos|rsquo|#8217|#x2019);(?=\w)",
    re.I,
)
"""Entities that stand for a space, or for the apostrophe in a word."""
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])|mso-hide\s*:\s*all", re.I)
_QUOTES = frozenset(
    {"gmail_quote", "gmail_quote_container", "yahoo_quoted", "protonmail_quote", "tutanota_quote", "zmail_extra"}
    | {"mail-editor-reference-message-container", "olk_src_body_section", "zendesk_quote", "quoted-message"}
)
"""Classes and ids of the elements in which mail programs put what they quote."""
_SIGNATURES = frozenset(
    {"gmail_signature", "moz-signature", "ms-outlook-mobile-signature", "#signature", "#x_signature", "zmail_signature"}
    | {"yahoo_signature", "ymail_signature", "protonmail_signature_block", "protonmail_signature_block-user"}
    | {"mobile-signature", "applemailsignature", "tutanota_signature"}
)
"""The same of signatures. With a hash, of ids only: the word is also about other things."""
_MOST_TAGS = 20_000
"""Of one text: a parser takes quadratic time for as many that are open within each other. Beyond, tags are just cut
out."""
_DEEPEST = 400
"""Elements within each other that are looked into; browsers stop near there as well."""


def is_html(text: str) -> bool:
    """Return whether a text is HTML: it has a tag with its closing one, or a tag that needs none.

    A text that merely names a tag, or compares numbers (`a < b`), is none.
    """
    if "<" not in text:
        return False
    if _ALONE.search(text) or _BEGINS.match(text):
        return True
    lowered = text.lower()
    return any(
        re.search(rf"<{closing[1]}(?:\s[^<>]*)?>", lowered[: closing.start()])
        for closing in [match for _, match in zip(range(50), _CLOSING.finditer(lowered), strict=False)]
    )


def plain(text: str) -> str:
    """Return a text without HTML: blocks become lines, entities characters; styles, scripts and what is hidden go.

    Links keep their address, pictures their description, quotations their mark (`> `). What is no HTML stays as it is,
    but where it has an entity that stands for a space or for the apostrophe in a word, which no person types.
    """
    if is_html(text):
        return _of_html(text)
    return html.unescape(text).replace("\xa0", " ") if _TYPED_BY_NOBODY.search(text) else text


def plain_line(text: str) -> str:
    """Return the same for a text of one line, such as a subject, where any entity is one that was left over."""
    if is_html(text):
        return " ".join(_of_html(text).split())
    return html.unescape(text).replace("\xa0", " ") if _ENTITY.search(text) else text


def _of_html(text: str) -> str:
    if text.count("<") > _MOST_TAGS:
        return html.unescape(re.sub(r"<[^<>]{0,2000}>", " ", text)).replace("\xa0", " ").strip()
    from selectolax.lexbor import LexborHTMLParser  # here: only whoever meets HTML loads it

    root = LexborHTMLParser(text).root
    written = _Text()
    if root is not None:
        _walk(root, written)
    return written.done()


class _Open(NamedTuple):
    """What is to be done when an element ends."""

    tag: str
    after: str = ""


def _walk(root: Any, written: "_Text") -> None:
    """Go through the tree without recursion: how deep it is was the sender's choice."""
    stack: list[Any] = [root]
    depth = 0
    while stack:
        node = stack.pop()
        if isinstance(node, _Open):
            depth -= 1
            written.close(node)
            continue
        tag = node.tag
        if tag == "-text":
            written.add(node.text_content or "")
        elif tag and not tag.startswith("-") and tag != "!doctype" and not _is_hidden(node, tag):
            if tag == "br":
                written.line()
                continue
            if tag == "img":
                written.add(f" [image: {alt}] " if (alt := (node.attributes.get("alt") or "").strip()) else "")
                continue
            depth += 1
            tag = _meant(node, tag, written)
            stack.append(_Open(tag, written.open(node, tag)))
            if depth <= _DEEPEST:
                children = []
                child = node.child
                while child is not None:
                    children.append(child)
                    child = child.next
                stack += reversed(children)
            else:
                written.add(node.text() or "")


def _meant(node: Any, tag: str, written: "_Text") -> str:
    """Return the tag of an element, `blockquote` where a mail program quotes in it; begin a signature that it holds.

    What stands first is not marked: whoever forwards a message without a word means it.
    """
    if tag not in ("div", "blockquote", "section", "span", "p", "table", "pre"):
        return tag
    attributes = node.attributes
    name = (attributes.get("id") or "").casefold()
    names = {*(attributes.get("class") or "").casefold().split(), name, f"#{name}"}
    if not (written.begun or written.under_way):
        return tag
    if names & _SIGNATURES:
        written.block()
        written.add("--")
        written.line()
    return "blockquote" if names & _QUOTES else tag


def _is_hidden(node: Any, tag: str) -> bool:
    if tag in _DROPPED:
        return True
    attributes = node.attributes
    return "hidden" in attributes or bool(_HIDDEN.search(attributes.get("style") or ""))


class _Text:
    """Lines of text, as they are put together."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._now: list[str] = []
        self._quoted = 0
        self._pre = 0
        self._items: list[int | None] = []
        self._cells = False
        self._gapped = False
        """Whether an empty line is due before the next one."""
        self.begun = False
        """Whether a line says anything yet."""
        self._mark = ""
        """What begins the next line: the mark of a list's item."""

    @property
    def under_way(self) -> bool:
        """Return whether the line that is being written says anything yet."""
        return bool("".join(self._now).strip())

    def add(self, text: str) -> None:
        if self._pre:
            first, *rest = text.replace("\r\n", "\n").split("\n")
            self._now.append(first)
            for line in rest:
                self.line()
                self._now.append(line)
            return
        self._now.append(re.sub(r"[ \t\r\n\f\xa0]+", " ", text))

    def line(self) -> None:
        """End the line, also where it is empty."""
        text = "".join(self._now)
        text = text.rstrip() if self._pre else re.sub(r" {2,}", " ", text).strip()
        self.begun = self.begun or bool(text)
        if self._gapped and text:
            self._lines.append("")
        self._gapped = self._gapped and not text
        self._lines.append(f"{'> ' * self._quoted}{self._mark}{text}".rstrip())
        self._now, self._mark = [], ""

    def block(self) -> None:
        """End the line, if it says anything."""
        if "".join(self._now).strip():
            self.line()
        else:
            self._now = []

    def open(self, node: Any, tag: str) -> str:
        """Begin an element. Returns what is written where it ends."""
        if tag in _BLOCKS:
            self.block()
        match tag:
            case "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "table" | "ul" | "ol" | "pre":
                self._gap()
            case "blockquote":
                self._quoted += 1
        match tag:
            case "pre":
                self._pre += 1
            case "ol":
                self._items.append(1)
            case "ul":
                self._items.append(None)
            case "li":
                self._mark = self._item()
            case "tr":
                self._cells = False
            case "td" | "th":
                self._now.append(" | " if self._cells else "")
                self._cells = True
            case "a":
                return self._address(node)
        return ""

    def close(self, ended: _Open) -> None:
        tag = ended.tag
        self._now.append(ended.after)
        if tag in _BLOCKS:
            self.block()
        match tag:
            case "blockquote":
                self._quoted -= 1
            case "pre":
                self._pre -= 1
            case "ol" | "ul" if self._items:
                self._items.pop()
        match tag:
            case "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "table" | "ul" | "ol" | "pre" | "blockquote":
                self._gap()

    def done(self) -> str:
        self.block()
        text = "\n".join(self._lines)
        return re.sub(r"\n{3,}", "\n\n", text).strip("\n")

    def _gap(self) -> None:
        """Leave an empty line before what follows; within lists and quotations, none."""
        self._gapped = self._gapped or bool(self._lines and not self._items and not self._quoted)

    def _item(self) -> str:
        indent = "  " * (len(self._items) - 1)
        if not self._items or self._items[-1] is None:
            return f"{indent}- "
        self._items[-1] += 1
        return f"{indent}{self._items[-1] - 1}. "

    @staticmethod
    def _address(node: Any) -> str:
        """Return the address behind a link, unless the link shows it."""
        address = (node.attributes.get("href") or "").strip()
        if not re.match(r"(?:https?://|mailto:|tel:)\S+$", address, re.I):
            return ""
        shown = "".join((node.text() or "").split())
        bare = re.sub(r"^(?:https?://|mailto:|tel:)", "", address, flags=re.I).rstrip("/")
        return "" if bare in shown else f" ({address[:500]})"

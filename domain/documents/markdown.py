"""Values from outside, in text that somebody else's program draws as markdown: the Temporal UI, above all.

That UI takes HTML in markdown as well. A ticket's source, the name of an area or of an assignee are what somebody typed
elsewhere: none of them may become a link, a picture or a heading on a page that people believe.
"""

import re

from domain.core.text import clean, strip_invisible
from domain.documents.document import is_web_address

VALUE = 120
"""Characters of a value that one line shows."""

_WORDS = re.compile(r"[^\W_]+(?:[ _-][^\W_]+)*")
"""Letters and digits, with single spaces, hyphens and underscores between them: what no markdown means anything by. No
dot (`www.example.com` becomes a link), no colon, no at sign."""
_NOT_IN_ADDRESS = re.compile(r"[()\[\]&]")
"""What stands in no address of an issue, and could end the link or begin something else in it."""


def inert(text: str, limit: int = VALUE) -> str:
    """Show a value as itself: on one line, cut to `limit` characters, without any effect.

    Plain words stay as they are. All else becomes a code span, the one thing in which neither markdown nor HTML nor an
    address means anything, so that no list of dangerous characters has to be complete. A backtick would end the span:
    an apostrophe stands for it.
    """
    if len(text) <= limit and _WORDS.fullmatch(text):  # most are: nothing of it would change below
        return text
    line = " ".join(strip_invisible(clean(text)).split())
    line = line if len(line) <= limit else line[: limit - 1] + "\u2026"
    if not line or _WORDS.fullmatch(line):
        return line
    return "`" + line.replace("`", "'") + "`"


def linked(words: str, url: str | None) -> str:
    """Show words that lead to an issue's page, where its address can be nothing else than an address; else the words
    alone."""
    if url and is_web_address(url) and not _NOT_IN_ADDRESS.search(url):
        return f"[{inert(words)}]({url})"
    return inert(words)

"""How something is looked for in a text by its form: what kind of thing, and an expression or a function that finds it.

Every expression is linear in the length of the text: repetitions are bounded, possessive (`++`, never given back)
or cannot start inside one another, so nobody can stall a worker with a hostile text.
"""

import re
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

Kind = Literal["email", "phone", "secret", "card", "iban", "ip", "ssn", "id", "account", "birth", "user"]

Span = tuple[int, int]
"""Where a finding starts and ends."""
Finder = Callable[[str], Iterator[Span]]


class Rule(NamedTuple):
    kind: Kind
    find: Finder
    hints: tuple[str, ...] = ("",)
    """One of these stands in every finding, in lower case. Texts without any need not be searched, which is fast."""

    def may_be_in(self, low: str) -> bool:
        # No generator: this runs some twenty times for each of a report's thirty texts.
        for hint in self.hints:  # noqa: SIM110
            if hint in low:
                return True
        return False


def found_by(text: str, rule: Rule) -> list[Span]:
    """Return what the rule finds, in order; what overlaps goes together."""
    found: list[Span] = []
    for start, end in rule.find(text):
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def each(pattern: re.Pattern[str], fits: Callable[[str], bool] = bool) -> Finder:
    """Find what `pattern` matches: its named group, or all of it where it has none, if that `fits`."""

    def find(text: str) -> Iterator[Span]:
        for match in pattern.finditer(text):
            group = match.lastgroup or 0
            if fits(match[group]):
                yield match.span(group)

    return find

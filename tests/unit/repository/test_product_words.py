"""The words of the product: the core names no issue tracker, and docstrings say what a function does."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.support.root import ROOT

TRACKERS = re.compile(r"[\w-]*(?:jira|atlassian|github|gitlab|youtrack|bugzilla|redmine)[\w-]*", re.IGNORECASE)
STORED = {
    "jira", "jira_bug", "jira_request", "jira_link", "jira_comment", "jira_priority", "jira_changed", "jira_key",
    "jira_url",
}  # fmt: skip
"""Words of histories, journals and policy files. They mean the issue tracker, whichever it is."""
REMOVED_FROM_TEXTS = {"domain/documents/known_tokens.py", "domain/documents/redaction.py"}
"""Files that know what secrets and addresses of well-known services look like."""
PRODUCT = (
    "domain", "workflows", "activities", "integrations", "store", "services", "api", "web", "cli", "workers",
    "tierline", "bench", "chaos",
)  # fmt: skip
NO_VERBS = {
    "A", "After", "All", "An", "Another", "Any", "As", "Before", "Both", "By", "Each", "Either", "Every",
    "False", "For", "From", "How", "If", "In", "It", "Never", "No", "Nobody", "None", "Not", "Nothing", "Of",
    "On", "One", "Only", "Other", "Our", "Since", "So", "Such", "That", "The", "There", "These", "They", "This",
    "Those", "To", "True", "Twice", "Until", "We", "What", "When", "Where", "Whether", "Which", "While", "Who",
    "Whoever", "Why", "With", "Without",
}  # fmt: skip
"""Words with which no sentence in the imperative begins."""


def test_the_core_names_no_issue_tracker() -> None:
    named = {f"{file}:{number}: {word}" for file, number, word in _trackers_in_the_core() if word not in STORED}
    assert named == set()


def test_every_stored_word_is_still_in_use() -> None:
    assert {word for _, _, word in _trackers_in_the_core()} >= STORED


def _trackers_in_the_core() -> Iterator[tuple[str, int, str]]:
    """Yield every word of the core in which a tracker's name stands: file, line, word."""
    for path in sorted((ROOT / "domain").rglob("*.py")):
        file = str(path.relative_to(ROOT))
        if file in REMOVED_FROM_TEXTS:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for word in TRACKERS.findall(line):
                yield file, number, word


def test_a_docstring_of_a_function_begins_with_what_the_function_does() -> None:
    """`ruff` finds other forms of a verb (D401); this finds what is no verb. Those of `__init__` name parameters."""
    wrong = [f"{place}: {words}" for place, words in _first_lines() if not _begins_with_a_verb(words)]
    assert wrong == []


@pytest.mark.parametrize("words", ["The queue.", "Whether it is due.", "Seconds until then.", "`at` is the instant."])
def test_what_is_no_sentence_in_the_imperative_is_found(words: str) -> None:
    assert not _begins_with_a_verb(words)
    assert _begins_with_a_verb("Address the customer.")


def _first_lines() -> Iterator[tuple[str, str]]:
    """Yield the first line of the docstring of every function of the product, with its place."""
    for room in PRODUCT:
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name != "__init__":
                    words = ast.get_docstring(node)
                    if words:
                        yield f"{path.relative_to(ROOT)}:{node.lineno}", words.splitlines()[0]


def _begins_with_a_verb(words: str) -> bool:
    """Whether the first word may be a verb in the imperative: none of those that never are, and no plural."""
    first = words.split()[0].rstrip(",.:;")
    plural = first.endswith("s") and not first.endswith("ss")
    return first.isalpha() and first.istitle() and first not in NO_VERBS and not plural

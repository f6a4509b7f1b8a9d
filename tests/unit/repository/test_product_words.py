"""The words of the product: the core knows an issue tracker, and no tracker by name."""

import re
from collections.abc import Iterator

from tests.support.root import ROOT

TRACKERS = re.compile(r"[\w-]*(?:jira|atlassian|github|gitlab|youtrack|bugzilla|redmine)[\w-]*", re.IGNORECASE)
STORED = {
    "jira", "jira_bug", "jira_request", "jira_link", "jira_comment", "jira_priority", "jira_changed", "jira_key",
    "jira_url",
}  # fmt: skip
"""Words of histories, journals and policy files. They mean the issue tracker, whichever it is."""
SECRETS = "domain/documents/known_tokens.py"
"""What the secrets of well-known services look like, which are removed from texts."""


def test_the_core_names_no_issue_tracker() -> None:
    named = {f"{file}:{number}: {word}" for file, number, word in _trackers_in_the_core() if word not in STORED}
    assert named == set()


def test_every_stored_word_is_still_in_use() -> None:
    assert {word for _, _, word in _trackers_in_the_core()} >= STORED


def _trackers_in_the_core() -> Iterator[tuple[str, int, str]]:
    """Yield every word of the core in which a tracker's name stands: file, line, word."""
    for path in sorted((ROOT / "domain").rglob("*.py")):
        file = str(path.relative_to(ROOT))
        if file == SECRETS:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for word in TRACKERS.findall(line):
                yield file, number, word

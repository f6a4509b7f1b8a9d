"""No edit of code that replays goes unnoticed, and whoever made it is told what to do."""

import json
from pathlib import Path

import pytest

from tests.replay.fingerprint import FINGERPRINT, Change, accepted, changes, digests, explain, fingerprint, reachable

SOURCE = '''
"""A module."""
from datetime import timedelta

LIMIT = 15
"""Minutes."""


class Clock:
    """A clock."""

    due: int = 0

    def lapse(self, at):
        """It lapses."""
        return at > self.due  # strictly
'''


def test_the_code_that_replays_is_the_code_that_was_accepted() -> None:
    found = changes(accepted(), fingerprint())

    assert not found, explain(found)


def test_comments_docstrings_formatting_and_imports_do_not_count() -> None:
    other = (
        SOURCE.replace('"""A module."""', "# Another.")
        .replace("from datetime import timedelta", "import json")
        .replace('"""It lapses."""', '"""It has been."""\n        # So it is.')
        .replace("return at > self.due  # strictly", "return (\n            at > self.due\n        )")
        .replace('"""Minutes."""', '"""In minutes."""')
    )
    assert other != SOURCE
    assert digests(other) == digests(SOURCE)


@pytest.mark.parametrize(
    ("old", "new", "function"),
    [
        ("at > self.due", "at >= self.due", "Clock.lapse"),
        ("LIMIT = 15", "LIMIT = 16", "(the rest)"),
        ("due: int = 0", "due: int | None = 0", "Clock.(the rest)"),
        ("class Clock:", "class Clock(Base):", "(the rest)"),
        ("def lapse(self, at)", "def lapse(self, at, by=1)", "Clock.lapse"),
        ("    def lapse", "    @cached\n    def lapse", "Clock.lapse"),
    ],
)
def test_an_edit_is_found_where_it_was_made(old: str, new: str, function: str) -> None:
    found = changes({"a.py": digests(SOURCE)}, {"a.py": digests(SOURCE.replace(old, new))})

    assert found == [Change("a.py", function, "changed")]


def test_new_and_lost_functions_are_named() -> None:
    renamed = {"a.py": digests(SOURCE.replace("def lapse", "def expire"))}

    found = [str(change) for change in changes({"a.py": digests(SOURCE)}, renamed)]

    assert found == ["a.py: Clock.expire is new", "a.py: Clock.lapse is gone"]


def test_the_explanation_names_the_functions_the_patch_and_the_command() -> None:
    text = explain([Change("domain/ticket/rules/sla.py", "_miss", "changed")])

    for word in (
        "domain/ticket/rules/sla.py: _miss changed",
        "workflow.patched",
        "core_version",
        "fingerprint --accept",
    ):
        assert word in text


def test_all_that_a_workflow_runs_is_covered_and_nothing_else() -> None:
    files = reachable()

    names = ("aggregate/aggregate", "ticket/aggregate", "ticket/rules/escalation", "calendars/calendar")
    assert {f"domain/{name}.py" for name in names} <= set(files)
    assert {"workflows/ticket/workflow.py", "workflows/handlers.py", "workflows/ports.py"} <= set(files)
    assert not {"domain/tracker/bug_report.py", "domain/policy/policy.py"} & set(
        files
    )  # the service's, and an activity's


def test_the_fingerprint_is_kept_in_order() -> None:
    text = Path(FINGERPRINT).read_text(encoding="utf-8")

    assert text == json.dumps(json.loads(text), indent=1, sort_keys=True) + "\n"

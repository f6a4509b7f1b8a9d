"""The house: every room is there, the lock is clean, and the Makefile explains itself."""

import ast
import re
import subprocess
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from tests.support.root import ROOT

ROOMS = [
    "domain", "workflows", "activities", "integrations", "store", "services", "api", "web", "cli", "workers",
    "tests", "bench", "chaos",
]  # fmt: skip
TARGETS = ["help", "demo", "up", "test", "check", "bench", "chaos", "lock", "images", "clean"]


RUN_BY_PEOPLE = {
    "tests.mutate",
    "tests.replay.record",
    "tests.replay.stories",
    "tests.replay.incident_stories",
    "tests.replay.fingerprint",
}
"""Programs of a suite, which its tests may import."""


def make(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", *words], cwd=ROOT, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_of_the_house_is_there(room: str) -> None:
    assert (ROOT / room).is_dir()


def test_what_is_installed_are_the_rooms_that_hold_the_program() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    installed = {name.rstrip("*") for name in project["tool"]["setuptools"]["packages"]["find"]["include"]}
    assert installed == set(ROOMS) - {"tests", "bench", "chaos"} | {"tierline"}
    assert set(project["tool"]["importlinter"]["root_packages"]) == installed


def test_make_alone_lists_every_target_with_what_it_does() -> None:
    done = make()
    assert done.returncode == 0
    listed = dict(re.findall(r"^make (\S+) +(\S.*)$", done.stdout, re.MULTILINE))
    assert sorted(listed) == sorted(TARGETS)


def test_a_missing_python_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    done = make("demo", "PYTHON=no-such-python", f"VENV={tmp_path / 'venv'}")
    assert done.returncode != 0
    assert done.stdout == ""
    assert done.stderr.splitlines()[0].startswith("Tierline needs Python 3.11 or newer")


def test_an_old_python_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = make("demo", f"PYTHON={old}", f"VENV={tmp_path / 'venv'}")
    assert done.returncode != 0
    assert done.stdout == ""
    assert "is older" in done.stderr.splitlines()[0]


@pytest.mark.parametrize(
    "suite", sorted(path.name for path in (ROOT / "tests").iterdir() if (path / "__init__.py").exists())
)
def test_no_test_borrows_from_another_test(suite: str) -> None:
    """What several tests need is in tests/support, or in the conftest.py of their own folder."""
    borrowed = []
    for file in (ROOT / "tests" / suite).rglob("*.py"):
        own = {
            ".".join((*folder.relative_to(ROOT).parts, "conftest")) for folder in file.parents if ROOT in folder.parents
        }
        for name in _imported_from_tests(file):
            if not name.startswith("tests.support") and name not in own | RUN_BY_PEOPLE:
                borrowed.append(f"{file.relative_to(ROOT)}: {name}")
    assert borrowed == []


def _imported_from_tests(file: Path) -> set[str]:
    """The modules below `tests` that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            package = ".".join(file.relative_to(ROOT).parts[: -node.level]) if node.level else ""
            module = ".".join(part for part in (package, node.module) if part)
            named = [f"{module}.{alias.name}" for alias in node.names]
            modules = [name for name in named if (ROOT / f"{name.replace('.', '/')}.py").exists()]
            found |= set(modules or [module])
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.partition(".")[0] == "tests"}


def test_no_two_tests_have_the_same_file_name() -> None:
    names = Counter(file.name for file in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, times in names.items() if times > 1] == []

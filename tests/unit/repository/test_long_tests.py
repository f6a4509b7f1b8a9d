"""Which tests are long: everybody can tell by the folder, `make test` leaves them out, and CI runs them."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.root import ROOT

WITHOUT_ARGS = '-m "not long"'
CI = ["make check", "make test", 'make test ARGS="-m long"']

SHORT = {
    "e2e/test_desk.py": "a ticket's whole way through real Temporal and PostgreSQL",
    "chaos/test_sent_again.py": "one kill in the middle of the work",
    "web/test_in_a_browser.py": "one page in a real browser",
}
"""Modules of the folders and kinds below that are not long, each with what it guards in `make test` alone."""


def short_tests(file: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The tests of a module that `make test` alone runs."""
    tree = ast.parse(file.read_text())
    if "pytest.mark.long" in _set_for_all(tree):
        return []
    found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [
        test
        for test in found
        if test.name.startswith("test_") and "pytest.mark.long" not in map(ast.unparse, test.decorator_list)
    ]


def short_browser_tests(file: Path) -> list[str]:
    """The tests of a module that need a browser and that `make test` alone runs."""
    tree = ast.parse(file.read_text())
    needs = {
        ast.unparse(node.targets[0])
        for node in tree.body
        if isinstance(node, ast.Assign) and "CHROMIUM is None" in ast.unparse(node.value)
    }
    return [
        test.name
        for test in short_tests(file)
        if "pytestmark" in needs
        or any(ast.unparse(one) in needs or "CHROMIUM is None" in ast.unparse(one) for one in test.decorator_list)
    ]


@pytest.mark.parametrize("folder", ["e2e", "chaos"])
def test_all_tests_of_the_whole_product_are_long_but_those_that_are_named_here(folder: str) -> None:
    modules = sorted((ROOT / "tests" / folder).glob("test_*.py"))
    short = [f"{folder}/{file.name}" for file in modules if short_tests(file)]
    assert short == sorted(name for name in SHORT if name.startswith(f"{folder}/"))


def test_all_tests_in_a_browser_are_long_but_those_that_are_named_here() -> None:
    modules = sorted(file for file in (ROOT / "tests").rglob("test_*.py") if "CHROMIUM" in file.read_text())
    short = [file for file in modules if short_browser_tests(file)]
    assert [str(file.relative_to(ROOT / "tests")) for file in short] == ["web/test_in_a_browser.py"]


@pytest.mark.parametrize("name", SHORT)
def test_what_is_named_here_is_there_and_is_not_long(name: str) -> None:
    assert short_tests(ROOT / "tests" / name)


@pytest.mark.parametrize(
    ("args", "said"),
    [("", WITHOUT_ARGS), ("tests/e2e", "tests/e2e"), ("-k kill", "-k kill"), ("-m long", "-m long")],
)
def test_make_test_leaves_long_tests_out_only_where_nothing_is_asked_for(args: str, said: str) -> None:
    done = subprocess.run(["make", "-n", "test", f"ARGS={args}"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    (ran,) = re.findall(r"^\S+ -m pytest (.*)$", done.stdout, re.MULTILINE)
    assert ran == f"-n 3 --dist worksteal {said}"


def test_ci_runs_the_commands_that_a_person_runs_and_all_tests() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    script = (ROOT / ".ci" / "run").read_text()
    assert re.findall(r"run: (make .*)", workflow) == CI
    assert re.findall(r"^make .*$", script, re.MULTILINE) == CI


def _set_for_all(tree: ast.Module) -> str:
    """What a module says of all its tests."""
    return "".join(
        ast.unparse(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
    )

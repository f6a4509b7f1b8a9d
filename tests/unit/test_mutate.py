"""The runner that breaks the code on purpose: it finds what no test notices, and names nothing that a test does."""

import ast
import os
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from tests import mutate
from tests.support.root import ROOT

RULE = '''
"""A rule."""

LIMIT = 3


def is_due(after: int, paused: bool) -> bool:
    if paused:
        return False
    return after >= LIMIT
'''
TESTS = """
from {package}.rule import is_due

def test_it_is_due_from_the_limit_on():
    assert is_due(3, False)
    assert not is_due(2, False)
"""
PAUSED = """
def test_what_is_paused_is_not_due():
    assert not is_due(9, True)
"""


def changed(source: str) -> list[str]:
    """What the runner makes of a source, as it names it."""
    return [mutant.told for mutant in mutate.mutants(source)]


@pytest.mark.parametrize(
    ("source", "lies"),
    [
        ("x = a < b", ["a < b -> a <= b"]),
        ("x = a is b", ["a is b -> a is not b"]),
        ("x = a in b", ["a in b -> a not in b"]),
        ("x = a and b", ["a and b -> a or b", "a and b -> b", "a and b -> a"]),
        ("x = not a", ["not a -> a"]),
        ("x = True", ["True -> False"]),
        ("x = 7", ["7 -> 8"]),
        ("x = a + b", ["a + b -> a - b"]),
        ("x = min(a)", ["min -> max"]),
        ("x = [a for a in b if a]", ["for a in b if a -> for a in b"]),
        ("raise x", ["raise x -> pass"]),
        ("tell(a)", ["tell(a) -> pass"]),
        ("def f():\n    return a", ["return a -> return None"]),
        ("def f():\n    return None", []),
        ("x: int = 7", []),
        ("'words'", []),
    ],
)
def test_each_lie_is_one_small_change(source: str, lies: list[str]) -> None:
    assert [" ".join(told.split()) for told in changed(source)] == lies


def test_each_mutant_is_changed_alone_and_the_tree_is_whole_again_at_the_end() -> None:
    whole = ast.unparse(ast.parse(RULE))
    trees = [ast.unparse(mutant.tree) for mutant in mutate.mutants(RULE)]
    assert len(set(trees)) == len(trees)
    assert whole not in trees
    assert ast.unparse(ast.parse(RULE)) == whole


def test_the_mutant_of_a_module_stands_at_its_line() -> None:
    assert {(mutant.line, mutant.told.split()[0]) for mutant in mutate.mutants(RULE)} >= {(4, "3"), (10, "after")}


FACTORY = """
def finder(word):
    def find(text):
        return word in text
    return find

def later(text):
    return not text

FIND = finder("x")
"""


def test_what_a_module_has_called_at_its_import_is_made_anew() -> None:
    """A closure in a table would keep the code of the unchanged function."""
    in_function = {mutant.line: mutant.in_function for mutant in mutate.mutants(FACTORY)}
    assert in_function == {4: False, 5: False, 8: True}


def test_the_nearest_tests_are_those_of_the_longest_name_and_each_entry_leads_to_files() -> None:
    assert mutate.nearest("store.journal.journal")[0].endswith("tests/store/test_journal.py")
    assert mutate.nearest("domain.ticket.rules.t1_limit") == mutate.nearest("domain.ticket.rules")
    for name in mutate.NEAREST:
        assert mutate.nearest(name), name
        assert all(mutate._path(module).exists() for module in mutate.modules_of(name)), name
    with pytest.raises(LookupError, match="name some with --tests"):
        mutate.nearest("nowhere.at_all")


def test_of_several_modules_each_has_its_turn() -> None:
    order = [name for name, _ in mutate.in_turn({"a": "x = 1\ny = 2\nz = 3", "b": "x = 1"})]
    assert order == ["a", "b", "a", "a"]
    lines = [mutant.line for _, mutant in mutate.in_turn({"a": "x = 1\ny = 2\nz = 3"}, step=2)]
    assert lines == [1, 3]


def ran(folder: Path, tests: str, *more: str) -> subprocess.CompletedProcess[str]:
    """The runner over a rule and its tests, in a tree of its own that has the runner's own files."""
    package = "domain"
    for name in (package, "tests"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "__init__.py").touch()
    (folder / package / "rule.py").write_text(RULE)
    (folder / "tests" / "mutate.py").write_text((ROOT / "tests" / "mutate.py").read_text())
    (folder / "tests" / "test_rule.py").write_text(tests.format(package=package))
    command = [sys.executable, "-m", "tests.mutate", "domain.rule", "--tests", "tests/test_rule.py", *more]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=180, check=False
    )


def test_what_no_test_notices_survives_and_what_one_notices_does_not(tmp_path: Path) -> None:
    weak = ran(tmp_path, TESTS)
    assert weak.returncode == 0, weak.stderr
    assert "domain/rule.py:9: False  ->  True" in weak.stdout, "no test is paused"
    assert "after >= LIMIT" not in weak.stdout, "its limit is tested from both sides"

    strong = ran(tmp_path, TESTS + PAUSED)
    assert strong.stdout.splitlines()[-1].endswith(" 0 survived"), strong.stdout


def test_the_tree_stays_as_it_is(tmp_path: Path) -> None:
    ran(tmp_path, TESTS)
    assert (tmp_path / "domain" / "rule.py").read_text() == RULE


def test_tests_that_are_red_without_any_change_are_said_to_be(tmp_path: Path) -> None:
    found = ran(tmp_path, TESTS + "\ndef test_red():\n    assert False\n")
    assert found.returncode == 2
    assert "red without any change" in found.stderr


def test_a_run_ends_with_its_budget_and_says_how_far_it_came(tmp_path: Path) -> None:
    found = ran(tmp_path, TESTS, "--budget", "0")
    assert found.stdout.splitlines()[-1].startswith("0 of ")


def test_a_mutant_that_loops_is_found_by_its_cpu_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutate, "PATIENCE", 1)

    def loops() -> None:
        while True:
            pass

    mutant = next(mutate.mutants("x = 1"))._replace(in_function=True)
    monkeypatch.setattr(mutate, "graft", lambda name, tree: None)
    assert not mutate.survives("domain.core.text", mutant, mutate.Judges((), [loops]))
    assert mutate.survives("domain.core.text", mutant, mutate.Judges((), [lambda: None]))


def test_a_module_that_its_tests_never_import_is_named_and_does_not_make_them_red(tmp_path: Path) -> None:
    found = ran(tmp_path, "def test_nothing():\n    assert 1\n")
    assert found.returncode == 2
    assert "The tests of domain.rule never import it: name others with --tests." in found.stderr
    assert "red" not in found.stderr


def test_tests_that_take_long_by_themselves_are_not_red(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutate, "PATIENCE", 1)
    monkeypatch.setattr(mutate, "graft", lambda name, tree: None)
    mutant = next(mutate.mutants("x = 1"))._replace(in_function=True)

    def works_for_two_seconds() -> None:
        ends = time.process_time() + 2
        while time.process_time() < ends:
            pass

    assert not mutate.survives("domain.core.text", mutant, mutate.Judges((), [works_for_two_seconds]))
    assert mutate.survives("domain.core.text", mutant, mutate.Judges((), [works_for_two_seconds], patience=30))


def test_the_quickest_tests_come_first_and_the_one_that_is_red_before_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutate, "graft", lambda name, tree: None)
    mutant = next(mutate.mutants("x = 1"))._replace(in_function=True)
    red = False

    def slow() -> None:
        ends = time.process_time() + 0.2
        while time.process_time() < ends:
            pass

    def quick() -> None:
        pass

    def strict() -> None:
        assert not red

    judges = mutate.Judges((), [slow, strict, quick])
    assert mutate.survives("domain.core.text", mutant, judges)
    assert judges.calls is not None
    assert judges.calls[-1] is slow
    judges.calls[:] = [quick, slow, strict]
    red = True
    assert not mutate.survives("domain.core.text", mutant, judges)
    assert judges.calls == [strict, quick, slow]


WRAPPED = """
from functools import cached_property
from pydantic import BaseModel, field_validator

class Rule(BaseModel):
    days: tuple[int, ...]

    @field_validator("days")
    @classmethod
    def _sort(cls, days):
        return tuple(sorted(days))

    @cached_property
    def first(self):
        return self.days[0]

    @staticmethod
    def most():
        return 3
"""


def test_a_function_in_a_class_is_changed_whatever_stands_around_it(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("wrapped")
    monkeypatch.setitem(sys.modules, "wrapped", module)
    exec(WRAPPED, module.__dict__)
    rule = module.__dict__["Rule"]
    assert (rule(days=(2, 1)).days, rule(days=(2, 1)).first, rule.most()) == ((1, 2), 1, 3)
    changed_source = WRAPPED.replace("sorted(days)", "days").replace("self.days[0]", "self.days[1]")
    mutate.graft("wrapped", ast.parse(changed_source.replace("return 3", "return 4")))
    assert (rule(days=(2, 1)).days, rule(days=(2, 1)).first, rule.most()) == ((2, 1), 1, 4)

"""Break the code on purpose, one small change at a time, and see whether a test turns red.

    python -m tests.mutate                       every module of NEAREST in turn, for at most 15 minutes of CPU time
    python -m tests.mutate domain.ticket.rules.t1_limit -v       one module, naming each mutant
    python -m tests.mutate services.retries --tests tests/api/test_deliveries_kept.py       any module, any tests

A mutant is a module with one comparison, condition, constant or statement changed. Each runs in a process of its own,
forked from one that has everything loaded already, with the changed code in place of the file's: nothing in the tree is
touched. What survives is a rule without a test among the nearest ones, or a change that changes nothing.
"""

import argparse
import ast
import contextlib
import copy
import importlib
import importlib.abc
import importlib.util
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from importlib.machinery import ModuleSpec
from itertools import islice
from operator import itemgetter
from pathlib import Path
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
OURS = ("activities", "api", "cli", "domain", "integrations", "services", "store", "tests", "web", "workers",
        "workflows")  # fmt: skip
"""The packages that are imported anew around a changed module."""
NEAREST: dict[str, tuple[str, ...]] = {
    "domain.ticket.rules": ("tests/unit/rules",),
    "domain.incident.rules": ("tests/unit/rules",),
    "domain.clocks": ("tests/unit/rules",),
    "domain.aggregate": ("tests/unit/rules",),
    "domain.calendars": ("tests/unit/domain/calendars",),
    "domain.calendars.places": ("tests/unit/services/policy_file/test_dates_and_places.py",),
    "domain.calendars.prolonged": ("tests/unit/services/policy_file/test_prolonged.py",),
    "domain.documents": ("tests/unit/domain/documents",),
    "domain.documents.markdown": ("tests/unit/workflows/test_markup.py",),
    "services.security.auth": ("tests/store/test_token_rows.py", "tests/unit/services/security/test_auth.py"),
    "services.webhooks.deliveries": ("tests/api/test_deliveries.py", "tests/api/test_deliveries_kept.py"),
    "store.inbox": ("tests/api/test_deliveries.py", "tests/api/test_deliveries_kept.py"),
    "store.journal.journal": ("tests/store/test_journal.py", "tests/store/test_reset.py"),
    "store.leased_queue": ("tests/store/test_outbox.py", "tests/store/test_outbox_branches.py"),
    "store.outbox": ("tests/store/test_outbox.py", "tests/store/test_outbox_branches.py"),
    "store.refusals": ("tests/store/test_turned_away.py",),
    "store.tokens": ("tests/store/test_token_rows.py",),
    "api.guard": ("tests/unit/api", "tests/api/test_guard.py", "tests/store/test_token_rows.py",
                  "tests/store/test_turned_away.py", "tests/unit/services/security/test_auth.py"),
}  # fmt: skip
"""A module, or a package with all that is in it -> the tests that are to notice. The longest name that fits counts."""
BUDGET = 900
"""Seconds of CPU time for one run, in which each module has its turn again and again."""
NO_PARAMETERS = SimpleNamespace(params={})
PATIENCE = 60
"""Seconds of CPU time that one mutant may take: one that loops is found, too, and a busy machine makes nothing red."""
PATIENT = 4
"""How many times as long as the unchanged code a mutant may take, where that is more than `PATIENCE`."""
WAITS = 1_800
"""Seconds that one mutant may take in all: one that waits for ever is found, too."""
MEMORY = 2 << 30
"""Bytes that a mutant may take in plain calls."""

SPARED = (ast.AnnAssign, ast.JoinedStr, ast.Assert)
"""Defaults of values, words for people, and what only the type checker needs to hear."""
COMPARE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add}
OTHER_NAME = {"min": "max", "max": "min", "any": "all", "all": "any"}


def variants(node: ast.AST) -> Iterator[ast.AST]:
    """What a node may become: each a small lie about the rule that it holds."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in COMPARE:
            yield _with(node, ops=[COMPARE[type(op)]()])
        case ast.BoolOp(op=op, values=values):
            yield _with(node, op=ast.Or() if isinstance(op, ast.And) else ast.And())
            for left_out in range(len(values)):
                kept = [value for place, value in enumerate(values) if place != left_out]
                yield _with(node, values=kept) if len(kept) > 1 else kept[0]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield ast.Constant(value + 1)
        case ast.BinOp(op=op) if type(op) in ARITHMETIC:
            yield _with(node, op=ARITHMETIC[type(op)]())
        case ast.Name(id=name) if name in OTHER_NAME:
            yield ast.Name(OTHER_NAME[name], ast.Load())
        case ast.If(test=test) | ast.IfExp(test=test):
            yield _with(node, test=ast.UnaryOp(ast.Not(), test))
        case ast.comprehension(ifs=[_, *_]):
            yield _with(node, ifs=[])
        case ast.Expr(value=value) if not isinstance(value, ast.Constant):
            yield ast.Pass()
        case ast.Raise() | ast.AugAssign() | ast.Continue():
            yield ast.Pass()
        case ast.Return(value=ast.expr() as value) if ast.unparse(value) not in ("None", "False"):
            yield ast.Return(ast.Constant(None))
        case ast.Dict(keys=keys, values=values) if len(keys) > 1:
            for left_out in range(len(keys)):
                rest = [place for place in range(len(keys)) if place != left_out]
                yield _with(node, keys=[keys[i] for i in rest], values=[values[i] for i in rest])


def _with(node: ast.AST, **change: object) -> ast.AST:
    new = copy.copy(node)
    for name, value in change.items():
        setattr(new, name, value)
    return new


class Mutant(NamedTuple):
    line: int
    told: str
    """What was changed into what."""
    tree: ast.Module
    in_function: bool


def mutants(source: str) -> Iterator[Mutant]:
    """The module with one variant of one node, for every variant of every node. Each is good until the next one."""
    tree = ast.parse(source)
    in_functions = set(_in_functions(tree))
    for parent in ast.walk(tree):
        if isinstance(parent, SPARED):
            continue
        for field, value in ast.iter_fields(parent):
            places = value if isinstance(value, list) else [value]
            for place, node in enumerate(places):
                if not isinstance(node, ast.AST):
                    continue
                for variant in variants(node):
                    new = [*places[:place], variant, *places[place + 1 :]] if isinstance(value, list) else variant
                    setattr(parent, field, new)
                    line = getattr(node, "lineno", getattr(parent, "lineno", 0))
                    told = f"{_short(node)}  ->  {_short(variant)}"
                    yield Mutant(line, told, ast.fix_missing_locations(tree), id(parent) in in_functions)
                    setattr(parent, field, value)


def _in_functions(tree: ast.Module) -> Iterator[int]:
    """Which nodes run only when a test runs: those in a function that the module itself has not called yet. What such a
    call has made, as a closure in a table, keeps the code of then."""
    outside = [one for one in tree.body if not isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    calls = [node.func for one in outside for node in ast.walk(one) if isinstance(node, ast.Call)]
    called = {function.id for function in calls if isinstance(function, ast.Name)}
    for one in tree.body:
        if isinstance(one, ast.FunctionDef) and one.name in called:
            continue
        for top in ast.walk(one):
            if isinstance(top, ast.FunctionDef):
                yield from map(id, ast.walk(top))


def _short(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())[:70]


WRAPPERS: dict[type, str] = {
    property: "fget", classmethod: "__func__", staticmethod: "__func__", cached_property: "func",
}  # fmt: skip
"""What stands around a function in a class -> where it keeps it."""


def graft(name: str, tree: ast.Module) -> None:
    """Give every function of the imported module `name` the code that it has in `tree`. Whoever holds a function
    holds the changed one; a second import of everything would take most of a run."""
    fresh = ModuleType(name)
    fresh.__dict__.update(__name__=name, __file__=name)
    exec(compile(tree, name, "exec"), fresh.__dict__)
    _regraft(vars(sys.modules[name]), vars(fresh), name)


def _regraft(known: Mapping[str, Any], fresh: Mapping[str, Any], name: str) -> None:
    for key, new in fresh.items():
        old = known.get(key)
        for wrapper, inner in WRAPPERS.items():
            if isinstance(new, wrapper):
                new, old = getattr(new, inner), getattr(old, inner, None)
        if getattr(new, "__module__", None) != name or type(new) is not type(old):
            continue
        if isinstance(new, FunctionType) and isinstance(old, FunctionType):
            old.__code__, old.__defaults__, old.__kwdefaults__ = new.__code__, new.__defaults__, new.__kwdefaults__
        elif isinstance(new, type):
            _regraft(vars(old), vars(new), name)


class Swap(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from a changed tree instead of its file: for what is not in a function."""

    def __init__(self, name: str, tree: ast.Module) -> None:
        self.name, self.tree = name, tree

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        return importlib.util.spec_from_loader(name, self) if name == self.name else None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.tree, self.name, "exec"), module.__dict__)


def swap(name: str, tree: ast.Module) -> None:
    """Have everything of ours imported anew, with `tree` as the module `name`."""
    for known in [known for known in sys.modules if known.split(".")[0] in OURS]:
        del sys.modules[known]
    sys.meta_path.insert(0, Swap(name, tree))


Test = Callable[[], object]


class Judges(NamedTuple):
    """The tests that are to notice a change."""

    files: tuple[str, ...]
    calls: list[Test] | None
    """Each test as a call; None where one uses a fixture, so that pytest itself must run them."""
    patience: float = 0
    """Seconds of CPU time that a mutant may take, where that is more than `PATIENCE`."""


def nearest(name: str) -> tuple[str, ...]:
    """The tests of a module, by the longest entry of NEAREST that it is in. Raises LookupError if there is none."""
    fits = [prefix for prefix in NEAREST if f"{name}.".startswith(f"{prefix}.")]
    if not fits:
        raise LookupError(f"no tests are known for {name}: name some with --tests")
    return tuple(str(file) for at in NEAREST[max(fits, key=len)] for file in _test_files(ROOT / at))


def _test_files(at: Path) -> list[Path]:
    """One file, or those of a folder but for the slow ones."""
    return [at] if at.is_file() else sorted(one for one in at.rglob("test_*.py") if "properties" not in one.name)


def modules_of(prefix: str) -> list[str]:
    """A module, or all modules of a package."""
    at = ROOT / prefix.replace(".", "/")
    if not at.is_dir():
        return [prefix]
    files = sorted(at.rglob("*.py"))
    return [".".join(one.relative_to(ROOT).with_suffix("").parts) for one in files if one.name != "__init__.py"]


def collect(files: Sequence[str]) -> Judges:
    """The tests of these files, as pytest finds them."""
    items: list[Any] = []

    class Collector:
        def pytest_collection_finish(self, session: pytest.Session) -> None:
            items.extend(session.items)

    pytest.main(["--collect-only", *QUIET, *files], plugins=[Collector()])
    calls: list[Test] = []
    for item in items:
        given = getattr(item, "callspec", NO_PARAMETERS).params
        if set(item._fixtureinfo.argnames) - set(given):
            return Judges(tuple(files), None)
        calls.append(partial(item.obj, **given))
    return Judges(tuple(files), calls)


QUIET = ("-q", "-x", "--assert=plain", "-p", "no:cacheprovider")


def survives(name: str, mutant: Mutant, judges: Judges) -> bool:
    """Whether all tests are green with the mutant in place of module `name`. The one that is red goes to the front:
    it is likely to find the next mutant, too. Where all are green, the quickest go first from then on."""
    read, write = os.pipe()
    child = os.fork()
    if child:
        os.close(write)
        with os.fdopen(read) as told:
            numbers = [int(number) for number in told.read().split()]
        green = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        if judges.calls and green and len(numbers) == len(judges.calls):
            judges.calls[:] = [call for _, call in sorted(zip(numbers, judges.calls, strict=True), key=itemgetter(0))]
        elif judges.calls and numbers and not green:
            judges.calls.insert(0, judges.calls.pop(numbers[0]))
        return green
    signal.alarm(WAITS)
    patience = int(max(PATIENCE, judges.patience))
    resource.setrlimit(resource.RLIMIT_CPU, (patience, patience))
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    took: list[int] = []
    try:
        if judges.calls is None:
            (graft if mutant.in_function else swap)(name, mutant.tree)
            os._exit(int(pytest.main([*QUIET, *judges.files])))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        calls = judges.calls
        if mutant.in_function:
            graft(name, mutant.tree)
        else:
            swap(name, mutant.tree)
            calls = collect(judges.files).calls or []
        for call in calls:
            began = time.process_time_ns()
            call()
            took.append(time.process_time_ns() - began)
        if mutant.in_function:
            os.write(write, " ".join(map(str, took)).encode())
        os._exit(0 if calls else 1)
    except BaseException:
        if mutant.in_function:
            os.write(write, str(len(took)).encode())
        os._exit(1)


def in_turn(sources: Mapping[str, str], step: int = 1) -> Iterator[tuple[str, Mutant]]:
    """One mutant of each module after the other, so that a bounded run looks at all of them. `step`: each so many-th
    only, so that it comes to the end of long ones."""
    waiting = {name: islice(mutants(source), None, None, step) for name, source in sources.items()}
    while waiting:
        for name in list(waiting):
            mutant = next(waiting[name], None)
            if mutant is None:
                del waiting[name]
            else:
                yield name, mutant


def _path(name: str) -> Path:
    return ROOT / f"{name.replace('.', '/')}.py"


def _spent() -> float:
    return sum(usage.ru_utime + usage.ru_stime for usage in map(resource.getrusage, (0, resource.RUSAGE_CHILDREN)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", default=list(NEAREST), help="modules or packages")
    parser.add_argument("--tests", nargs="+", help="tests that are to notice, in place of the nearest ones")
    parser.add_argument("--budget", type=float, default=BUDGET, help="seconds of CPU time")
    parser.add_argument("--step", type=int, default=1, help="take each so many-th mutant of a module only")
    parser.add_argument("-v", "--verbose", action="store_true", help="name each mutant as it runs")
    args = parser.parse_args()

    os.chdir(ROOT)
    names = list(dict.fromkeys(name for prefix in args.modules for name in modules_of(prefix)))
    files = {name: tuple(args.tests or nearest(name)) for name in names}
    with open(os.devnull, "w") as silence, contextlib.redirect_stdout(silence):
        judges = {one: collect(one) for one in dict.fromkeys(files.values())}  # once, and shared by every fork
    sources = {name: _path(name).read_text() for name in names}
    for name in [name for name in names if name not in sys.modules]:
        print(f"The tests of {name} never import it: name others with --tests.", file=sys.stderr)
        del sources[name]
    for tests, name in {files[name]: name for name in sources}.items():
        before = _spent()
        unchanged = Mutant(0, "nothing", ast.parse(sources[name]), True)
        if not survives(name, unchanged, judges[tests]._replace(patience=WAITS)):
            print(f"The tests of {name} are red without any change: mend them first.", file=sys.stderr)
            return 2
        judges[tests] = judges[tests]._replace(patience=PATIENT * (_spent() - before))
    if not sources:
        return 2

    known = sum(1 for source in sources.values() for _ in mutants(source))
    ran, survived = 0, []
    for name, mutant in in_turn(sources, args.step):
        if _spent() > args.budget:
            break
        alive = survives(name, mutant, judges[files[name]])
        ran += 1
        if alive:
            survived.append((name, mutant.line, mutant.told))
        if args.verbose:
            print(f"{'survived' if alive else 'killed  '} {name}:{mutant.line} {mutant.told}", flush=True)
    for name, line, told in sorted(survived):
        print(f"{_path(name).relative_to(ROOT)}:{line}: {told}")
    print(f"{ran} of {known} mutants run, {ran - len(survived)} killed, {len(survived)} survived")
    return 0


if __name__ == "__main__":
    sys.exit(main())

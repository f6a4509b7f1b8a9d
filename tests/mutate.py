"""Break the rules on purpose, one small change at a time, and see whether a test turns red.

    python -m tests.mutate                       every rule module, for at most 15 minutes of CPU time
    python -m tests.mutate domain.limit -v       one module, naming each mutant

A mutant is a module of `domain/` with one comparison, condition, constant or statement changed. Each runs in a
process of its own, forked from one that has the libraries loaded already, with the changed source in place of the
file: nothing in the tree is touched. What survives is either a rule without a test, or a change that changes nothing.
"""

import argparse
import ast
import copy
import importlib.abc
import importlib.util
import os
import random
import resource
import signal
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parent.parent
RULES = ("clocks", "evolve", "standing", "settle", "tiers", "gates", "limit", "evidence", "closing", "outside",
         "decide", "fits", "effects", "story")  # fmt: skip
TESTS = ("test_clocks", "test_clocks_changed", "test_evidence", "test_limit", "test_gates", "test_tiers",
         "test_effects", "test_decide")  # fmt: skip
BUDGET = 900
"""Seconds of CPU time for one run; what does not fit is left out at random, always the same."""
PATIENCE = 60
"""Seconds that one mutant may take: one that loops is found, too."""

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
        case ast.Dict(keys=keys) if len(keys) > 1:
            for left_out in range(len(keys)):
                kept = [place for place in range(len(keys)) if place != left_out]
                yield _with(node, keys=[keys[i] for i in kept], values=[node.values[i] for i in kept])


def _with(node: ast.AST, **change: object) -> ast.AST:
    new = copy.copy(node)
    for name, value in change.items():
        setattr(new, name, value)
    return new


def mutants(source: str) -> Iterator[tuple[int, str, ast.Module]]:
    """(line, what was changed, the changed module) for every variant of every node."""
    tree = ast.parse(source)
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
                    told = f"{_short(node)}  ->  {_short(variant)}"
                    line = getattr(node, "lineno", getattr(parent, "lineno", 0))
                    yield line, told, ast.fix_missing_locations(copy.deepcopy(tree))
                    setattr(parent, field, value)


def _short(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())[:70]


class Swap(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from a changed tree instead of its file."""

    def __init__(self, name: str, tree: ast.Module) -> None:
        self.name, self.tree = name, tree

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        return importlib.util.spec_from_loader(name, self) if name == self.name else None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.tree, self.name, "exec"), module.__dict__)


def survives(name: str, tree: ast.Module) -> bool:
    """Whether all tests of the rules are green with `tree` in place of module `name`."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    signal.alarm(PATIENCE)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    try:
        import pytest

        sys.meta_path.insert(0, Swap(name, tree))
        tests = [str(ROOT / "tests" / "unit" / "rules" / f"{test}.py") for test in TESTS]
        os._exit(pytest.main(["-x", "-q", "-c", os.devnull, "--noconftest", "-p", "no:cacheprovider", *tests]))
    except BaseException:
        os._exit(1)


def _spent() -> float:
    return sum(usage.ru_utime + usage.ru_stime for usage in map(resource.getrusage, (0, resource.RUSAGE_CHILDREN)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", default=[f"domain.{name}" for name in RULES])
    parser.add_argument("--budget", type=float, default=BUDGET, help="seconds of CPU time")
    parser.add_argument("-v", "--verbose", action="store_true", help="name each mutant as it runs")
    args = parser.parse_args()

    # Loaded once, and shared by every fork. Nothing of ours: that is what changes.
    import holidays  # noqa: F401
    import hypothesis  # noqa: F401
    import pydantic  # noqa: F401
    import pytest  # noqa: F401

    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    sys.dont_write_bytecode = True
    if not survives("nothing", ast.Module([], [])):
        print("The tests are red without any change: mend them first.", file=sys.stderr)
        return 2

    sources = {name: (ROOT / f"{name.replace('.', '/')}.py").read_text() for name in args.modules}
    todo = [(name, number) for name, source in sources.items() for number, _ in enumerate(mutants(source))]
    random.Random(7).shuffle(todo)
    ran, survived = 0, []
    for name, number in todo:
        if _spent() > args.budget:
            break
        line, told, tree = next(found for place, found in enumerate(mutants(sources[name])) if place == number)
        alive = survives(name, tree)
        ran += 1
        if alive:
            survived.append((name, line, told))
        if args.verbose:
            print(f"{'survived' if alive else 'killed  '} {name}:{line} {told}", flush=True)
    for name, line, told in sorted(survived):
        print(f"{name.replace('.', '/')}.py:{line}: {told}")
    print(f"{ran} of {len(todo)} mutants run, {ran - len(survived)} killed, {len(survived)} survived")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The fingerprint of all code that replays: which function changed, when histories cannot tell.

    python -m tests.replay.fingerprint             what changed since the fingerprint was accepted
    python -m tests.replay.fingerprint --accept    replay the histories, then take the code as it is

Histories cover paths, not lines: an edit of a line that no recorded history passes goes unnoticed until an open ticket
stops at it. So the syntax tree of every function in `workflows/`, and in what they import of `domain/`, has a digest in
`fingerprint.json`. Comments, docstrings, formatting and imports do not count.
"""

import ast
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.root import ROOT

FINGERPRINT = Path(__file__).parent / "fingerprint.json"
ACCEPT = "python -m tests.replay.fingerprint --accept"
BODY = "(the rest)"
"""What stands in a module or class outside of its functions: constants, fields."""

Fingerprint = dict[str, dict[str, str]]
"""File -> function -> digest."""


class Change(NamedTuple):
    """A function that is not as it was accepted."""

    file: str
    function: str
    how: str

    def __str__(self) -> str:
        return f"{self.file}: {self.function} {self.how}"


def fingerprint(root: Path = ROOT) -> Fingerprint:
    """The digests of every function that a workflow can reach."""
    return {file: digests((root / file).read_text(encoding="utf-8")) for file in reachable(root)}


def accepted() -> Fingerprint:
    known: Fingerprint = json.loads(FINGERPRINT.read_text(encoding="utf-8"))
    return known


def reachable(root: Path = ROOT) -> list[str]:
    """The files of `workflows/`, and those of `domain/` that they import, by whatever way around."""
    waiting = [str(path.relative_to(root)) for path in sorted((root / "workflows").rglob("*.py"))]
    found: set[str] = set()
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting += _imported(ast.parse((root / file).read_text(encoding="utf-8")), root)
    return sorted(found)


def digests(source: str) -> dict[str, str]:
    """The digest of each function of a module, and of what stands around them."""
    return {name: _digest(nodes) for name, nodes in _parts(ast.parse(source)) if nodes}


def changes(old: Fingerprint, new: Fingerprint) -> list[Change]:
    """What is different, in the order of files and functions."""
    found: list[Change] = []
    for file in sorted(old | new):
        before, after = old.get(file, {}), new.get(file, {})
        for function in sorted(before | after):
            if function not in before:
                found.append(Change(file, function, "is new"))
            elif function not in after:
                found.append(Change(file, function, "is gone"))
            elif before[function] != after[function]:
                found.append(Change(file, function, "changed"))
    return found


def explain(found: list[Change]) -> str:
    """What to do about changes, for whoever made them."""
    listed = "\n".join(f"  {change}" for change in found)
    return f"""Code that open tickets replay through has changed:
{listed}

After a deploy, every open ticket is replayed from its history through this code, and must come to the same commands
and events. So ask of each of these: could a message that was recorded before lead to something else now?

  No (a text, a renamed variable, a new command, an order that nobody sees): nothing more to do.
  Yes, in workflows/: keep the old way for histories that have it,
      if workflow.patched("what-changed"):  (the new way)
      else:                                 (the old way)
  Yes, in domain/: branch on the ticket's or incident's `terms.core_version`, and raise CORE_VERSION for new ones, in
      domain/clocks/terms.py or domain/incident/terms.py.
      Fields of what stands in histories (events, commands, tickets, terms) are only ever added, with defaults.

Then accept the code as it is. This replays the recorded histories first:
  {ACCEPT}
Commit the new fingerprint together with the change. CONTRIBUTING.md has more: "Changing workflow code safely"."""


def accept() -> int:
    """Write the fingerprint of the code as it is, if all histories replay. The exit code."""
    if code := pytest.main(["-q", "-p", "no:cacheprovider", str(Path(__file__).parent / "test_histories.py")]):
        print("Not accepted: a recorded history does not replay, and open tickets would not either.")
        return int(code)
    found = changes(accepted() if FINGERPRINT.exists() else {}, fingerprint())
    FINGERPRINT.write_text(json.dumps(fingerprint(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"Accepted: {len(found)} changes. Commit tests/replay/fingerprint.json with them.")
    return 0


def _imported(tree: ast.Module, root: Path) -> Iterator[str]:
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            file = Path(*name.split(".")).with_suffix(".py")
            if name.startswith(("domain.", "workflows.")) and (root / file).exists():
                yield str(file)


def _parts(tree: ast.Module) -> Iterator[tuple[str, list[ast.stmt]]]:
    """Each function by its qualified name, and around them the rest of each class and of the module."""

    def walk(prefix: str, body: list[ast.stmt]) -> Iterator[tuple[str, list[ast.stmt]]]:
        rest: list[ast.stmt] = []
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{prefix}{node.name}", [node]
            elif isinstance(node, ast.ClassDef):
                yield from walk(f"{prefix}{node.name}.", node.body)
                rest.append(ast.ClassDef(node.name, node.bases, node.keywords, [], node.decorator_list))
            else:
                rest.append(node)
        yield f"{prefix}{BODY}", rest

    yield from walk("", tree.body)


def _digest(nodes: list[ast.stmt]) -> str:
    return hashlib.sha256(_canonical(nodes).encode()).hexdigest()[:16]


def _canonical(node: object) -> str:
    """A text of the tree that is the same in every version of Python: fields that are empty are left out."""
    if isinstance(node, list):
        return f"[{','.join(text for item in node if (text := _canonical(item)))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    if _says_nothing(node):
        return ""
    fields = ((name, getattr(node, name, None)) for name in node._fields if name not in ("ctx", "kind", "type_comment"))
    told = ",".join(f"{name}={_canonical(value)}" for name, value in fields if value not in (None, []))
    return f"{type(node).__name__}({told})"


def _says_nothing(node: ast.AST) -> bool:
    """Docstrings and imports, also those that the sandbox is told to pass through."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.With):
        return all(_says_nothing(statement) for statement in node.body)
    return isinstance(node, ast.Import | ast.ImportFrom | ast.Pass)


def main() -> int:
    if "--accept" in sys.argv:
        return accept()
    found = changes(accepted(), fingerprint())
    print(explain(found) if found else "Nothing changed.")
    return int(bool(found))


if __name__ == "__main__":
    ended = main()
    sys.stdout.flush()
    os._exit(ended)  # temporalio may abort at interpreter exit (sdk-python issue 300)

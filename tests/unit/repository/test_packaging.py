"""What is installed, by whom: the locks agree with `pyproject.toml`, and `pyproject.toml` with what we import."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from tests.support.root import ROOT

PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT: dict[str, Any] = PYPROJECT["project"]
ROOMS = PYPROJECT["tool"]["importlinter"]["root_packages"]
LOCKS = ["requirements.lock", "requirements.image.lock"]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def names(requirements: list[Any]) -> set[str]:
    """The packages that a list of requirements names; included groups count with theirs."""
    plain = [line for line in requirements if isinstance(line, str)]
    groups = [PYPROJECT["dependency-groups"][line["include-group"]] for line in requirements if isinstance(line, dict)]
    return {canonical(re.split(r"[<>=\[;]", line)[0].strip()) for line in plain}.union(*map(names, groups))


CORE = names(PROJECT["dependencies"])
SERVERS = names(PROJECT["optional-dependencies"]["embedded"])
ASSISTANTS = names(PROJECT["optional-dependencies"]["mcp"])
TRACES = names(PROJECT["optional-dependencies"]["otel"])
DEV = names(PYPROJECT["dependency-groups"]["dev"])
BUILD = names(PYPROJECT["dependency-groups"]["build"])


def locked(file: str) -> dict[str, str]:
    """Package -> its version, marker and hashes."""
    text = (ROOT / file).read_text()
    return dict(re.findall(r"^([a-z0-9.\-]+)(==(?:.*\\\n)*.*)$", text, re.MULTILINE))


@pytest.mark.parametrize("file", LOCKS)
def test_a_lock_names_no_index_and_no_place_and_every_package_has_hashes(file: str) -> None:
    lock = (ROOT / file).read_text()
    assert not re.search(r"://|index-url|find-links|file:|^-", lock, re.MULTILINE)
    packages = re.findall(r"^([a-z0-9.\-]+)==\S+(?: ; .*?)? \\\n    --hash=sha256:[0-9a-f]{64}", lock, re.MULTILINE)
    assert len(packages) == len(re.findall(r"^\S+==", lock, re.MULTILINE)) > 0


def test_the_lock_of_make_holds_all_that_the_project_names() -> None:
    assert set(locked("requirements.lock")) >= CORE | SERVERS | ASSISTANTS | TRACES | DEV


def test_the_lock_of_the_image_holds_what_tierline_needs_to_run_and_nothing_else() -> None:
    image = locked("requirements.image.lock")
    assert set(image) >= CORE | TRACES | BUILD
    assert not (SERVERS | ASSISTANTS | DEV - BUILD) & set(image)


def test_the_image_runs_what_was_tested() -> None:
    image, tested = locked("requirements.image.lock"), locked("requirements.lock")
    assert {name: lines.split(" ")[0] for name, lines in image.items()} == {
        name: tested[name].split(" ")[0] for name in image
    }


def imported(rooms: list[str]) -> set[str]:
    """The packages that the code of these folders imports, by the name under which they are installed."""
    ours = {*ROOMS, "tests", "bench", "chaos", "deploy", "docs"}
    found: set[str] = set()
    for file in (file for room in rooms for file in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules = [node.module]
            found |= {module.partition(".")[0] for module in modules}
    known = metadata.packages_distributions()
    return {_declared(known.get(name, [name])) for name in found - ours - sys.stdlib_module_names}


def _declared(packages: list[str]) -> str:
    """Of the packages that share one name to import, the first that the project declares; else the first."""
    alike = sorted({canonical(name) for name in packages})
    return next((name for name in alike if name in CORE | ASSISTANTS | TRACES | DEV), alike[0])


def test_whatever_the_program_imports_is_declared() -> None:
    assert imported(ROOMS) - CORE - {"opentelemetry-api"} == ASSISTANTS


def test_opentelemetry_is_imported_by_what_only_a_process_that_traces_imports() -> None:
    files = [file for room in ROOMS for file in (ROOT / room).rglob("*.py")]
    found = {str(file.relative_to(ROOT)) for file in files if "opentelemetry" in file.read_text(encoding="utf-8")}
    assert found == {"integrations/tracing/otel.py", "workers/tracing.py"}
    for line in (ROOT / "workers/tracing.py").read_text(encoding="utf-8").splitlines():
        assert "import" not in line or "opentelemetry" not in line or line.startswith("    ")


def test_whatever_tests_and_tools_import_is_declared_too() -> None:
    assert imported(["tests", "bench", "chaos", "deploy"]) - CORE - ASSISTANTS - TRACES - DEV == set()


def test_nothing_is_declared_that_nobody_imports() -> None:
    not_imported = {"tzdata"}  # zoneinfo reads its files
    assert CORE - imported(ROOMS) == not_imported


def test_what_only_developers_need_is_not_published() -> None:
    assert set(PROJECT["optional-dependencies"]) == {"embedded", "mcp", "otel"}
    assert not (SERVERS | ASSISTANTS | TRACES) & CORE


def test_the_module_is_the_command_whatever_lies_in_the_current_folder(tmp_path: Path) -> None:
    for name in ("api", "domain", "workers", "cli"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('the wrong one')")
    done = subprocess.run(
        [sys.executable, "-m", "tierline", "--version"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout.split()[:1]) == (0, ["tierline"]), done.stderr


def test_the_wheel_holds_every_room_and_what_it_reads(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    for room in ROOMS:
        shutil.copytree(ROOT / room, checkout / room, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, checkout)
    program = "import setuptools.build_meta as build; build.build_wheel('..')"
    subprocess.run([sys.executable, "-c", program], cwd=checkout, check=True, capture_output=True, timeout=240)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
        (meta,) = (archive.read(name).decode() for name in held if name.endswith(".dist-info/METADATA"))
    kinds = (".py", *(pattern[1:] for pattern in PYPROJECT["tool"]["setuptools"]["package-data"]["*"]))
    ours = {
        str(path.relative_to(checkout))
        for room in ROOMS
        for path in (checkout / room).rglob("*")
        if path.name.endswith(kinds)
    }
    assert ours <= held
    assert {"tierline/__main__.py", "services/policy_file/policy.toml"} <= held
    assert re.findall(r"^Provides-Extra: (.*)$", meta, re.MULTILINE) == ["embedded", "mcp", "otel"]

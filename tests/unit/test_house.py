"""The house: every room is there, the lock is clean, and the Makefile explains itself."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[2]
ROOMS = [
    "domain", "workflows", "activities", "integrations", "store", "services", "api", "cli", "workers", "tests",
    "bench",
]  # fmt: skip
TARGETS = ["help", "demo", "up", "test", "check", "bench", "lock", "images", "clean"]


def make(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", *words], cwd=HOUSE, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_of_the_house_is_there(room: str) -> None:
    assert (HOUSE / room).is_dir()


def test_what_is_installed_are_the_rooms_that_hold_the_program() -> None:
    project = tomllib.loads((HOUSE / "pyproject.toml").read_text())
    installed = {name.rstrip("*") for name in project["tool"]["setuptools"]["packages"]["find"]["include"]}
    assert installed == set(ROOMS) - {"tests", "bench"}
    assert set(project["tool"]["importlinter"]["root_packages"]) == installed


def test_the_lock_names_no_index_and_no_place_and_every_package_has_hashes() -> None:
    lock = (HOUSE / "requirements.lock").read_text()
    assert not re.search(r"://|index-url|find-links|file:|^-", lock, re.MULTILINE)
    packages = re.findall(r"^([a-z0-9.\-]+)==\S+(?: ; .*?)? \\\n    --hash=sha256:[0-9a-f]{64}", lock, re.MULTILINE)
    assert len(packages) == len(re.findall(r"^\S+==", lock, re.MULTILINE))


def test_the_lock_holds_every_dependency_that_the_project_names() -> None:
    project = tomllib.loads((HOUSE / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[<>=\[;]", line)[0].strip().lower() for line in wanted}
    locked = set(re.findall(r"^([a-z0-9.\-]+)==", (HOUSE / "requirements.lock").read_text(), re.MULTILINE))
    assert names - locked == set()


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


def test_ci_runs_the_two_commands_that_a_person_runs() -> None:
    workflow = (HOUSE / ".github" / "workflows" / "ci.yml").read_text()
    script = (HOUSE / ".ci" / "run").read_text()
    assert re.findall(r"run: (make .*)", workflow) == ["make check", "make test"]
    assert re.findall(r"^make .*$", script, re.MULTILINE) == ["make check", "make test"]

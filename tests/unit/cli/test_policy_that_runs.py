"""B7, A23: `policy check` reads the policy that runs, says which it read, and names every mistake at once."""

import json
from pathlib import Path

import pytest

from cli.main import run
from cli.output import Code
from services.policy_file.load import DEFAULT
from workers.run_file import publish


@pytest.fixture(autouse=True)
def _nothing_is_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    file = tmp_path / "broken.toml"
    file.write_text("version = 7\n")
    return file


def test_b7_it_is_the_file_that_the_environment_names(
    broken: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TIERLINE_POLICY", str(broken))
    assert run(["policy", "check"]) == Code.CONFIGURATION
    assert capsys.readouterr().err.startswith(f"{broken}:1: ")


def test_b7_it_is_the_file_of_what_runs_here(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with publish(Path(".tierline"), {"TIERLINE_POLICY": str(broken)}):
        assert run(["policy", "check"]) == Code.CONFIGURATION
    assert str(broken) in capsys.readouterr().err


def test_b7_what_was_read_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["policy", "check"]) == Code.DONE
    assert f"It was read from {DEFAULT.resolve()}, which is the shipped one." in capsys.readouterr().out.splitlines()
    mine = tmp_path / "mine.toml"
    mine.write_text(DEFAULT.read_text())
    monkeypatch.setenv("TIERLINE_POLICY", str(mine))
    assert run(["policy", "check"]) == Code.DONE
    assert f"It was read from {mine}." in capsys.readouterr().out.splitlines()
    assert run(["policy", "check", "--json"]) == Code.DONE
    assert json.loads(capsys.readouterr().out)["file"] == str(mine)


def test_a23_mistakes_between_keys_are_named_beside_those_of_keys(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = DEFAULT.read_text()
    wrong = text.replace('calendar = "business"', 'calendar = "busines"', 1).replace("t1_limit = ", "t1_limt = ", 1)
    assert wrong.count('busines"') == 1
    assert "t1_limt = " in wrong
    file = tmp_path / "two.toml"
    file.write_text(wrong)
    assert run(["policy", "check", str(file)]) == Code.CONFIGURATION
    told = capsys.readouterr().err
    assert "t1_limt" in told
    assert "busines" in told.replace("t1_limt", "")
    assert str(file) in told.splitlines()[0]

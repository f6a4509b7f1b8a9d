"""`tierline account import` says what it recognised, what it left as it was, and where a region is due (C16)."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.account import app
from workers.settings import load_settings


@pytest.fixture
def imported(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Import a file, with no Temporal to tell of it."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("TIERLINE_HOME", str(tmp_path / "home"))
    assert load_settings().database_url

    def run(text: str, *options: str):
        file = tmp_path / "accounts.csv"
        file.write_text(text, encoding="utf-8")
        return CliRunner().invoke(app, ["import", str(file), *options])

    return run


def test_people_are_told_how_the_file_was_read_and_what_is_not_known(imported) -> None:
    done = imported("sep=;\nid;plan;zone\nacme/emea;standard;europe/london\nbeta;free;CET\n")
    assert done.exit_code == 0, done.output
    assert "read as UTF-8, separated by semicolons; columns: id, plan, zone" in done.output
    assert "not in the file, and so as they were: health, arr, fee, csm, region" in done.output
    assert "2 new, 0 changed, 0 as they were" in done.output
    assert "note: account 'acme/emea': the regions of GB differ in their public holidays" in done.output
    assert "note: account 'beta': no public holidays count: the zone CET lies in no country" in done.output


def test_programs_are_told_the_same(imported) -> None:
    told = json.loads(imported("id,plan\nacme,standard\n", "--json").output)
    assert (told["new"], told["notes"], told["read"]["separator"]) == (1, [], "commas")
    assert told["read"]["absent"] == ["health", "arr", "fee", "csm", "zone", "region"]


def test_the_help_says_what_an_absent_column_and_an_empty_cell_do() -> None:
    said = " ".join(CliRunner().invoke(app, ["import", "--help"]).output.split())
    assert "so does what it has no column for" in said
    assert "An empty cell of a column that is there clears what was known" in said

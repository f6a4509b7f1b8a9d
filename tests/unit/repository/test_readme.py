"""What the pages name exists in the code, and docs/reference.md names every command, Update, Signal and setting."""

import json
import re
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic_core import PydanticUndefined

from cli.main import app
from cli.output import MEANING
from domain.core import enums as words
from domain.incident import commands as i
from domain.ticket import commands as c
from tests.support.root import ROOT
from workers.settings import Settings
from workflows.search_attributes import ATTRIBUTES
from workflows.ticket.workflow import TicketWorkflow

REFERENCE = (ROOT / "docs" / "reference.md").read_text()
PAGES = sorted(
    [
        *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY", "CHANGELOG")),
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "docs" / "decisions").glob("*.md"),
    ]
)
QUERIES = (ROOT / "docs" / "ops.md").read_text()

DEFINITION: Any = getattr(TicketWorkflow, "__temporal_workflow_definition")
UPDATES = [c_.model_fields["do"].default for c_ in c.UPDATES]
OF_INCIDENTS = i.BY_NAME


def rows(title: str) -> list[list[str]]:
    """The cells of the table whose header begins with `title`, without the header."""
    table = re.search(rf"^\| {re.escape(title)} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", REFERENCE, re.MULTILINE)
    assert table, f"docs/reference.md has no table {title!r}"
    return [[cell.strip() for cell in line.strip("|\n").split(" | ")] for line in table[1].splitlines()]


def named(title: str) -> list[str]:
    """What the first column of a table names, without its back quotes."""
    return [name for row in rows(title) for name in re.findall(r"`([^`]+)`", row[0])]


def payloads(title: str) -> dict[str, Any]:
    """The example payloads of a table, by what they are for; all that are JSON."""
    examples = {row[0].strip(" `"): row[-1].strip() for row in rows(title)}
    return {name: json.loads(text.strip("`")) for name, text in examples.items() if text.startswith("`{")}


def test_every_update_and_every_signal_is_in_the_reference_and_no_other() -> None:
    signals = {name for name in DEFINITION.signals if name}
    updates = set(DEFINITION.updates)
    assert (set(named("Update")), set(named("Signal"))) == (updates, signals)
    assert named("Update") == UPDATES
    assert named("message") == list(OF_INCIDENTS)


def test_the_example_payloads_are_what_the_code_takes() -> None:
    of_updates = payloads("Update")
    assert list(of_updates) == [name for name in UPDATES if name != "replace_terms"]
    for name, payload in of_updates.items():
        c.parse(payload, name)
    for name, payload in payloads("Signal").items():
        c.parse(payload, None if name == "advance" else name)
    for name, payload in payloads("message").items():
        i.parse(payload, name)


def test_every_command_of_the_terminal_is_in_the_reference_and_no_other() -> None:
    assert sorted(named("command")) == sorted(_commands_of(typer.main.get_command(app), "tierline"))


def test_no_page_speaks_of_a_command_that_does_not_exist() -> None:
    known = set(_commands_of(typer.main.get_command(app), "tierline"))
    known |= {command.replace("tierline ticket", "tierline") for command in known}  # which may be left out
    groups = {command.rsplit(" ", 1)[0] for command in known}
    for page in PAGES:
        for said in re.findall(r"(?:`|\$ |bin/)(tierline [a-z][a-z _-]*)", page.read_text()):
            words_of = re.split(r" -", said)[0].split()
            named = {" ".join(words_of[:3]), " ".join(words_of[:2])}
            assert named & known or " ".join(words_of) in groups, (page.name, said)


def test_every_file_and_folder_that_a_page_names_is_there() -> None:
    tops = "|".join(sorted(path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")))
    for page in PAGES:
        for named in re.findall(rf"`((?:{tops})/[A-Za-z0-9_./-]*)`", page.read_text()):
            assert (ROOT / named).exists(), (page.name, named)


def test_every_exit_code_is_in_the_reference() -> None:
    assert {row[0]: row[1] for row in rows("exit code")} == {str(int(code)): says for code, says in MEANING.items()}


def test_every_variable_that_is_read_is_in_the_reference_with_its_default() -> None:
    shown = {row[0].strip("`"): row[-1].strip("`") for row in rows("variable")}
    agent = shown.pop("TIERLINE_AGENT")  # the command line's own
    assert shown == {str(field.alias): _default(field.default) for field in Settings.model_fields.values()}
    assert agent == "your login name"


def test_no_page_speaks_of_a_variable_that_nothing_reads() -> None:
    known = {str(field.alias) for field in Settings.model_fields.values()} | {"TIERLINE_AGENT"}
    of_temporal_itself = {
        "TEMPORAL_NAMESPACE", "TEMPORAL_API_KEY", "TEMPORAL_TLS", "TEMPORAL_CODEC_AUTH",
        "TEMPORAL_CODEC_INCLUDE_CREDENTIALS",
    }  # fmt: skip
    of_compose = set(re.findall(r"^#? ?([A-Z][A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    for page in PAGES:
        said = set(
            re.findall(r"\b((?:TIERLINE|TEMPORAL|JIRA|PAGER|NOTICE)_[A-Z_]*[A-Z]|DATABASE_URL)\b", page.read_text())
        )
        assert said <= known | of_temporal_itself | of_compose, page.name


def test_queries_name_search_attributes_and_values_that_exist() -> None:
    values: dict[str, type[StrEnum]] = {
        "SlaState": words.SlaState, "WaitsOn": words.WaitsOn, "TicketStatus": words.Status, "Tier": words.Tier,
        "Priority": words.Priority, "Plan": words.Plan,
    }  # fmt: skip
    known = {key.name for key in ATTRIBUTES} | {"ExecutionStatus", "WorkflowType", "TemporalReportedProblems"}
    found = re.findall(r"\b([A-Z][A-Za-z]+) ?(?:[=<>] ?'([^']*)'|is not null)", _code(QUERIES))
    assert {name for name, _ in found} <= known
    for name, value in found:
        if name in values and value:
            assert value in list(values[name]), (name, value)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if not target.startswith(("http://", "https://", "#")):
            file, _, place = target.partition("#")
            assert (page.parent / file).is_file(), target
            assert not place or place in _anchors((page.parent / file).read_text()), target


def test_pictures_are_small_and_all_are_shown() -> None:
    pictures = sorted((ROOT / "docs" / "images").iterdir())
    assert all(picture.suffix == ".png" and picture.stat().st_size < 250_000 for picture in pictures)
    texts = "".join(page.read_text() for page in PAGES)
    assert [picture.name for picture in pictures if f"images/{picture.name}" not in texts] == []


def _commands_of(command: Any, path: str) -> list[str]:
    if not hasattr(command, "commands"):
        return [path]
    return [found for name, sub in command.commands.items() for found in _commands_of(sub, f"{path} {name}")]


def _default(value: Any) -> str:
    if value is None or value is PydanticUndefined:
        return "-"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _code(text: str) -> str:
    """Only what stands in back quotes or in blocks of code."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL))


def _anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}

"""The `tierline` command: what it takes, what it says, and how it ends."""

import io
import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
import typer
from sqlalchemy.exc import ProgrammingError
from temporalio.service import RPCError, RPCStatusCode

import cli.show
from cli import incident, options, ticket
from cli.commands import COMMON, TerminalCommand
from cli.main import app, run
from cli.output import MEANING, Code, code_of, expected, print_failure
from domain.core.failures import Unavailable
from domain.core.refusal import Refused
from domain.incident.aggregate import INCIDENT
from domain.ticket import commands as c
from domain.ticket.aggregate import TICKET
from domain.ticket.rules.package import ALWAYS_ABSENT_MAY_BE
from domain.ticket.rules.package_fields import BugReport, BusinessImpact, Package
from domain.ticket.state import Account
from services.field_help import COMMAND_HELPS
from services.intake.request import OpenRequest
from store.database import DatabaseDown
from tests.support.packages import BOTH_PACKAGES, T2_GATE


@pytest.fixture(autouse=True)
def _nothing_is_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No `tierline up` of a developer is found, and there is no database."""
    monkeypatch.chdir(tmp_path)


def commands() -> Iterator[tuple[str, ...]]:
    """Every command, as it is typed."""

    def walk(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        children = getattr(command, "commands", {})
        if not children:
            yield words
        for name, child in children.items():
            yield from walk(child, (*words, name))

    return walk(typer.main.get_command(app), ())


EVERY = sorted(commands())
WITHOUT_JSON = {("up",), ("mcp",), ("sla", "due")}
"""They have nothing to say but progress, or their answers are JSON already."""


# -- Help ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_every_command_explains_itself_with_an_example_and_speaks_json(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*words, "--help"]) == Code.DONE
    text = capsys.readouterr().out
    assert re.search(rf"Example:\s+(\S+=\S+ )*tierline {' '.join(words)}\b", text)
    assert words in WITHOUT_JSON or "--json" in text
    assert not re.search(r"^ +--.*(list\[|int range|%Y)", text, re.MULTILINE)  # words of Python


def test_the_commands_of_a_ticket_are_those_of_the_core() -> None:
    there = {words[1] for words in EVERY if words[0] == "ticket"}
    people_send = {kind.model_fields["do"].default for kind in c.UPDATES} - {"replace_terms"}
    assert there == people_send | {"open", "show", "list", "text"}


def test_help_names_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == Code.DONE
    text = capsys.readouterr().out
    assert set(MEANING) == set(Code)
    for code, meaning in MEANING.items():
        assert f"{code.value:>3}  {meaning}" in text


def test_a_group_without_a_command_shows_its_help_and_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ticket"]) == Code.USAGE
    assert "escalate" in capsys.readouterr().err


# -- Options -------------------------------------------------------------------------------------------------


COMMANDS = [*ticket.COMMANDS, *incident.COMMANDS.values()]


def spelt(command: TerminalCommand) -> str:
    return f"{command.noun.name} {command.name}"


@pytest.mark.parametrize("command", COMMANDS, ids=spelt)
def test_every_field_of_a_command_is_an_option(command: TerminalCommand) -> None:
    offered = {parameter.name for parameter in command.parameters()}
    fields = set(command.kind.model_fields)
    assert fields - {"do", "received", "edited", "unread", "survey", "fields"} - dict(command.fixed).keys() <= offered
    assert ("json_fields" in offered) == ("fields" in fields)


def test_every_field_of_every_command_has_its_help() -> None:
    """A field that was forgotten is named here; nothing else breaks by it."""
    without = {
        f"{aggregate.noun} {name}: {field}"
        for aggregate in (TICKET, INCIDENT)
        for name, kind in aggregate.offered.items()
        for field in kind.model_fields.keys() - COMMON - COMMAND_HELPS[aggregate.noun].keys() - {"terms"}
    }
    assert without == set()


def test_every_field_of_both_packages_is_an_option() -> None:
    offered = {parameter.name for parameter in options.package_options()}
    parts = {name if name == "code_change" else f"bug_{name}" for name in BugReport.model_fields}
    texts = set(Package.model_fields) - {"bug_report"}
    absent = {*ALWAYS_ABSENT_MAY_BE.values(), "not_applicable"}
    assert offered == parts | texts | absent | {"arr", "json_fields"}


def test_every_field_of_the_form_is_an_option() -> None:
    offered = {parameter.name for parameter in ticket.form_parameters()}
    assert set(OpenRequest.model_fields) - {"account", "opened_at", "unread"} <= offered
    assert {f"account_{name}" for name in Account.model_fields} <= offered


@pytest.mark.parametrize("command", COMMANDS, ids=spelt)
def test_every_example_is_a_command_that_lacks_only_a_database(
    command: TerminalCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    line = "\n".join(command.example()).replace("\\\n", "")
    assert run(shlex.split(line)[1:]) == Code.UNAVAILABLE
    assert "there is no database" in capsys.readouterr().err


def package(*words: str) -> dict[str, Any] | None:
    """The package that a terminal's words make."""
    found: list[dict[str, Any] | None] = []
    one = typer.Typer(add_completion=False)
    parameters = options.package_options()
    one.command()(options.as_function("fill", parameters, lambda given: found.append(options.package_of(given))))
    one(list(words), standalone_mode=False)
    return found[0]


def test_the_options_of_both_packages_make_both_packages() -> None:
    words = [
        *("--steps-taken", "Tried."), *("--customer-impact", "Blocked."), *("--reproduction-steps", "Open it."),
        *("--logs-or-screenshots", "a.log"), *("--bug-summary", "Hangs"), *("--bug-steps", "1. Open"),
        *("--bug-expected", "A file"), *("--bug-actual", "Nothing"), *("--bug-environment", "Firefox"),
        *("--bug-frequency", "always"), "--code-change", *("--business-impact", "Late."), *("--arr", "12000"),
        *("--workaround-status", "None."), *("--communication-plan", "Daily."),
    ]  # fmt: skip
    made = Package.model_validate(package(*words))
    assert all(getattr(made, name) for name in Package.model_fields)
    assert isinstance(made.bug_report, BugReport)
    assert all(getattr(made.bug_report, part) for part in BugReport.model_fields)
    assert isinstance(made.business_impact, BusinessImpact)
    assert (made.business_impact.text, made.business_impact.arr) == ("Late.", 12000)


@pytest.mark.parametrize(
    ("words", "field", "absent"),
    [
        (("--no-logs", "Never kept."), "logs_or_screenshots", "no_logs"),
        (("--not-reproducible", "Once."), "reproduction_steps", "not_reproducible"),
        (("--not-applicable", "workaround-status=A question."), "workaround_status", "not_applicable"),
    ],
)
def test_g3_a_field_that_does_not_exist_is_said_with_its_reason(
    words: tuple[str, ...], field: str, absent: str
) -> None:
    made = Package.model_validate(package(*words))
    assert getattr(made, field).absent == absent
    assert getattr(made, field).reason


def test_fields_as_json_and_as_options_are_one_package_and_options_win(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(json.dumps(BOTH_PACKAGES))
    made = package("--json-fields", "@p.json", "--arr", "unknown", "--bug-summary", "Other", "--steps-taken", "Mine")
    expected_one = BOTH_PACKAGES | {"steps_taken": "Mine"}
    expected_one["business_impact"] = {"text": "Month-end is late.", "arr": "unknown"}
    expected_one["bug_report"] = {**BOTH_PACKAGES["bug_report"], "summary": "Other"}
    assert made == expected_one
    assert package() is None


@pytest.mark.parametrize(
    "words",
    [
        ("--no-logs", "x", "--logs-or-screenshots", "a.log"),
        ("--not-applicable", "no reason"),
        ("--not-applicable", "nonsense=x"),
        ("--json-fields", "[1]"),
        ("--json-fields", "{"),
    ],
)
def test_a_package_that_contradicts_itself_is_wrong_usage(words: tuple[str, ...]) -> None:
    with pytest.raises(typer.BadParameter):
        package(*words)


def test_a_text_is_itself_or_comes_from_standard_input_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mail.txt").write_bytes("Grüße\nAda\n".encode())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"from a pipe\n")))
    assert options.read_text("plain", "--text") == "plain"
    assert options.read_text("@@ada: look", "--text") == "@ada: look"
    assert options.read_text("@mail.txt", "--text") == "Grüße\nAda"
    assert options.read_text("-", "--text") == "from a pipe"


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "cannot read"), (b"\xff", "not UTF-8"), (b"x" * 1_048_577, "larger than 1024 KiB")]
)
def test_a_file_that_cannot_be_a_text_is_told_by_the_option(
    tmp_path: Path, content: bytes | None, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (tmp_path / "mail.txt").write_bytes(content)
    assert run(["ticket", "note", "4k7m-3q9x-tbd2", "--text", "@mail.txt"]) == Code.USAGE
    line = capsys.readouterr().err
    assert "--text" in line
    assert reason in line


# -- How it ends ---------------------------------------------------------------------------------------------

TAKE = ["ticket", "take", "4k7m-3q9x-tbd2"]
OPEN = ["ticket", "open", "--account", "acme", "--subject", "Export fails"]


def broken_policy(tmp_path: Path) -> str:
    (tmp_path / "broken.toml").write_text("version = 7\n")
    return str(tmp_path / "broken.toml")


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "line"),
    [
        (["ticket", "amend", "4k7m-3q9x-tbd2", "--language", "??"], {}, Code.USAGE, "wrong usage: --language: "),
        (
            ["ticket", "rate", "4k7m-3q9x-tbd2", "--csat", "7"],
            {},
            Code.USAGE,
            "wrong usage: --csat: must be 5 or less. S",
        ),
        (
            [*OPEN, "--arr", "x"],
            {},
            Code.USAGE,
            "wrong usage: --arr: must be a number. See `tierline ticket open --help`",
        ),
        (
            [*OPEN, "--fee", "-5", "--language", "??"],
            {},
            Code.USAGE,
            "--fee: must be 0 or more; --language: must have ",
        ),
        (
            [*OPEN, "--account", "."],
            {},
            Code.USAGE,
            "wrong usage: --account: cannot be . or ..: no address could name ",
        ),
        (["ticket", "note", "4k7m-3q9x-tbd2", "--text", "x" * 20_001], {}, Code.USAGE, "wrong usage: --text: "),
        (["ticket", "note", "4k7m-3q9x-tbd2"], {}, Code.USAGE, "wrong usage: missing option --text. See `tierline "),
        (["nots", "4k7m-3q9x-tbd2"], {}, Code.USAGE, "No such command 'nots'. Did you mean 'note'? See"),
        (["queue", "--tir", "T1"], {}, Code.USAGE, "No such option: --tir (Possible options: --tier). See"),
        (["ticket", "rate", "4k7m-3q9x-tbd2"], {}, Code.USAGE, "Missing option '--csat'. See `tierline ticket rate"),
        (["ticket", "prioritise", "4k7m-3q9x-tbd2", "--priority", "P9"], {}, Code.USAGE, "'P9' is not one of"),
        (["nonsense"], {}, Code.USAGE, "No such command 'nonsense'"),
        (TAKE, {}, Code.UNAVAILABLE, "there is no database: start one with `tierline up`, or set DATABASE_URL"),
        (["queue"], {}, Code.UNAVAILABLE, "there is no database"),
        (["migrate"], {}, Code.UNAVAILABLE, "there is no database"),
        (["migrate"], {"DATABASE_URL": "postgresql://u@127.0.0.1:1/d"}, Code.UNAVAILABLE, "PostgreSQL at 127.0.0.1/d"),
        (
            ["migrate"],
            {"DATABASE_URL": "postgresql://u:p@127.0.0.1:1,127.0.0.1:2/d"},
            Code.UNAVAILABLE,
            "PostgreSQL at 127.0.0.1,127.0.0.1/d",
        ),
        (
            ["migrate"],
            {"DATABASE_URL": "postgresql://u:p@127.0.0.1:1/d?pgbouncer=true"},
            Code.UNAVAILABLE,
            "PostgreSQL at 127.0.0.1/d",
        ),
        (
            ["migrate"],
            {"DATABASE_URL": "postgresql://u:p@ss@127.0.0.1:1/d"},
            Code.CONFIGURATION,
            "DATABASE_URL: an @ in",
        ),
        (["ticket", "take", "nonsense"], {}, Code.NOT_FOUND, "'nonsense' is no ticket id"),
        (["ticket", "show", "nonsense"], {}, Code.NOT_FOUND, "'nonsense' is no ticket id"),
        (["queue"], {"TIERLINE_JIRA_RATE": "0"}, Code.CONFIGURATION, "TIERLINE_JIRA_RATE: "),
        (["worker"], {"DATABASE_URL": "postgresql://u@h/d"}, Code.CONFIGURATION, "JIRA_URL is not set"),
        (["relay"], {}, Code.CONFIGURATION, "NOTICE_URL is not set"),
    ],
)
def test_what_can_go_wrong_is_one_line_and_a_stable_code(
    arguments: list[str],
    environment: dict[str, str],
    code: Code,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert run(arguments) == code
    said = capsys.readouterr()
    assert line in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""


@pytest.mark.parametrize("command", [TAKE, ["worker"], ["relay"]], ids=["take", "worker", "relay"])
def test_a_broken_policy_is_found_at_start_with_its_line(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TIERLINE_POLICY", broken_policy(tmp_path))
    monkeypatch.setenv("NOTICE_URL", "http://127.0.0.1:1/hook")
    monkeypatch.setenv("NOTICE_SECRET", "whsec_" + "c3Rh" * 8)
    assert run(command) == Code.CONFIGURATION
    assert re.match(r"\S+broken\.toml:1: version: ", capsys.readouterr().err)


def test_with_json_a_failure_is_one_object_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*TAKE, "--json"]) == Code.UNAVAILABLE
    assert json.loads(capsys.readouterr().out)["code"] == "unavailable"
    assert run(["ticket", "rate", "4k7m-3q9x-tbd2", "--csat", "7", "--json"]) == Code.USAGE
    said = json.loads(capsys.readouterr().out)
    assert said.keys() == {"code", "message", "missing", "would_fit", "fields"}
    assert list(said["fields"]) == ["csat"]
    assert run(["ticket", "show", "nonsense", "--json"]) == Code.NOT_FOUND
    assert json.loads(capsys.readouterr().out)["code"] == "not_found"


@pytest.mark.parametrize(
    ("failure", "code"), [(RuntimeError("ours"), Code.BUG), (KeyboardInterrupt(), Code.INTERRUPTED)]
)
def test_a_bug_and_an_interruption_have_codes_of_their_own(
    failure: BaseException, code: Code, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> NoReturn:
        raise failure

    monkeypatch.setattr(cli.show, "backend", fails)
    assert run(["ticket", "show", "4k7m-3q9x-tbd2"]) == code


def test_a_refusal_names_what_is_missing_and_what_is_allowed_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        print_failure(Refused("missing_fields", "not yet", missing=T2_GATE, would_fit=["note"]), False) == Code.REFUSED
    )
    line = capsys.readouterr().err
    assert line == f"refused (missing_fields): not yet; missing: {', '.join(T2_GATE)}; allowed now: note\n"
    print_failure(Refused("missing_fields", f"T2 needs {', '.join(T2_GATE)}", missing=T2_GATE), False)
    assert capsys.readouterr().err.count("steps_taken") == 1


def test_a_database_of_another_schema_is_told_and_a_wrong_statement_is_a_bug() -> None:
    class NoSuchTable(Exception):
        pgcode = "42P01"

    class WrongSyntax(Exception):
        pgcode = "42601"

    assert expected(ProgrammingError("select 1", {}, NoSuchTable()))
    assert not expected(ProgrammingError("select 1", {}, WrongSyntax()))


def test_temporal_that_refuses_and_a_desk_that_waited_in_vain_are_unavailable() -> None:
    for error in (RPCError("no", RPCStatusCode.PERMISSION_DENIED, b""), Unavailable("no"), DatabaseDown("no")):
        assert expected(error)
        assert code_of(error) == Code.UNAVAILABLE

"""B2: what a command imports. The time that a command takes is, nearly all of it, that of its imports."""

import json
import subprocess
import sys
from collections.abc import Sequence

import pytest

from cli import groups
from cli.main import PARTS
from cli.ticket import COMMANDS as OF_TICKETS
from tests.support.root import ROOT

OF_SERVERS = {"fastapi", "starlette", "uvicorn", "sqlalchemy", "psycopg2", "temporalio", "jira", "jinja2", "psutil"}
TICKET = "4k7m-3q9x-tbd2"


def imported_by(*words: str, **environment: str) -> set[str]:
    """The packages that a command has imported when it ends, and our own folders."""
    program = (
        "import json, sys\n"
        "from cli.main import run\n"
        f"run({list(words)!r})\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})), file=sys.stderr)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "TIERLINE_HOME": "/nonexistent", **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return set(json.loads(ran.stderr.splitlines()[-1]))


@pytest.mark.parametrize("words", [["--version"], ["--help"], []], ids=str)
def test_b2_the_first_screen_needs_no_code_of_any_command(words: Sequence[str]) -> None:
    found = imported_by(*words)
    assert not found & OF_SERVERS
    assert not found & {"store", "api", "activities", "workflows", "integrations", "pydantic", "requests"}
    assert "services" not in found or "--version" in words  # which says what database of time zones there is


@pytest.mark.parametrize(
    "words",
    [
        ["queue"],
        ["ticket", "take", TICKET],
        ["ticket", "show", TICKET],
        ["ticket", "open", "--account", "acme", "--subject", "Export fails"],
        ["incident", "list"],
        ["incident", "ack", "7"],
        ["incident", "declare", "--area", "API"],
        ["sla", "explain", TICKET],
        ["sla", "forecast", TICKET],
        ["incident", "drill", "--help"],
    ],
    ids=" ".join,
)
def test_b2_through_an_api_a_command_needs_nothing_of_a_server(words: list[str]) -> None:
    """The API that it names does not answer: the command has gone all the way to it."""
    found = imported_by(*words, TIERLINE_API_URL="http://127.0.0.1:1")
    assert not found & OF_SERVERS
    assert not found & {"store", "api", "activities", "workflows", "integrations"}
    assert ("requests" in found) == ("--help" not in words)


def test_b2_the_first_screen_says_of_each_command_what_its_own_help_says() -> None:
    for name, part in PARTS.items():
        command = groups._make(name, part)
        assert " ".join((command.help or "").split()).startswith(part.help.rstrip(".")), name


def test_c1_both_spellings_and_other_names_find_a_command() -> None:
    group = groups._make("ticket", PARTS["ticket"])
    for typed in ("tell_engineering", "tell-engineering", "Tell-Engineering"):
        assert group.get_command(None, typed).name == "tell_engineering"
    assert group.get_command(None, "prioritize").name == "prioritise"
    incident = groups._make("incident", PARTS["incident"])
    named = {"hand_over": "hand-over", "acknowledge": "ack", "review_done": "review", "review-done": "review"}
    assert {typed: incident.get_command(None, typed).name for typed in named} == named
    assert group.get_command(None, "nonsense") is None


def test_c1_a_tickets_command_stands_without_its_group() -> None:
    from cli.main import app

    root = __import__("typer").main.get_command(app)
    assert all(root.get_command(None, command.name) for command in OF_TICKETS)
    assert root.get_command(None, "show") is not None


@pytest.mark.parametrize(("shell", "words"), [("bash", "tierline inci"), ("zsh", "tierline inci")])
def test_a21_a_shell_completes_commands(shell: str, words: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", "from cli.main import run; run([])"],
        cwd=ROOT,
        env={
            "PATH": "/usr/bin:/bin",
            "_TIERLINE_COMPLETE": f"complete_{shell}",
            "COMP_WORDS": words,
            "COMP_CWORD": "1",
            "_TYPER_COMPLETE_ARGS": words,
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "incident" in ran.stdout
    assert "ticket" not in ran.stdout


def test_a21_completion_can_be_installed() -> None:
    """The shell is found among the processes that began the command, so it is begun from one here."""
    typed = f"{sys.executable} -m tierline --show-completion; exit $?"
    shown = subprocess.run(["bash", "-c", typed], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert shown.returncode == 0, shown.stderr
    assert "_TIERLINE_COMPLETE=complete_bash" in shown.stdout

"""`tierline jira`: what a person sees before the first issue, against the stand-in and a real database."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.main import run
from cli.up import _report_jira
from domain.core.ids import ticket_id
from integrations.standins.run import Control, jira_config, jira_environment
from services.policy_file.load import DEFAULT
from store import journal
from store.database import Database
from tests.support.jira_side import raw
from tests.support.packages import BOTH_PACKAGES
from tests.support.ticket_life import RUN, life
from workers.settings import Settings

Tierline = Callable[..., tuple[int, str, str]]
NOBODY = "0000-0000-0000"


@pytest.fixture
def tierline(
    server: Control, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Tierline:
    """Runs a command against the stand-in: exit code, stdout, stderr."""
    config = jira_config(server.url)
    variables = {
        "DATABASE_URL": database_url,
        "JIRA_URL": config.url,
        "JIRA_EMAIL": config.email,
        "JIRA_API_TOKEN": config.token.get_secret_value(),
        "JIRA_PROJECT": config.project,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(["jira", *arguments])
        told = capsys.readouterr()
        return int(code), told.out, told.err

    return call


@pytest.fixture
def ticket(database_url: str) -> str:
    """A ticket on record, with both packages."""
    one = life("cli-1", subject="Mail ada@example.com").do("fill", fields=BOTH_PACKAGES)
    database = Database(database_url)
    with database.begin() as session:
        journal.append(session, one.ticket.id, RUN, one.events)
    database.dispose()
    return ticket_id("api", "cli-1")


def policy(folder: Path, edit: str) -> str:
    """The shipped policy with an edit in its table [jira]."""
    file = folder / "policy.toml"
    file.write_text(DEFAULT.read_text().replace("[jira]\n", f"[jira]\n{edit}\n", 1))
    return str(file)


def test_a_project_that_fits_is_said_to_fit(tierline: Tierline) -> None:
    code, out, err = tierline("check")
    assert (code, err) == (0, "")
    assert out.endswith("project ENG takes our issues\n")


def test_everything_that_does_not_fit_is_named_and_the_code_says_so(
    tierline: Tierline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIERLINE_POLICY", policy(tmp_path, "fields.bug.customfield_1 = 7"))
    code, out, err = tierline("check")
    assert (code, out) == (5, "")
    assert err == "issue type 'Bug' has no field 'customfield_1' on its create screen\n"
    assert json.loads(tierline("check", "--json")[1])["missing"] == [err.strip()]


def test_a_jira_that_does_not_answer_or_does_not_let_us_in_is_told_in_one_line(
    tierline: Tierline, server: Control
) -> None:
    server.fault("unauthorized")
    code, _, err = tierline("check")
    assert code == 5
    assert "Jira answered 401" in err
    assert err.count("\n") == 1


def test_a_dry_run_shows_what_would_be_sent_without_personal_data_and_sends_nothing(
    tierline: Tierline, server: Control, ticket: str
) -> None:
    before = server.see("requests")
    code, out, _ = tierline("dry-run", ticket)
    assert code == 0
    assert out.startswith("[P2] billing: Export hangs (ticket ")
    assert "  issuetype: Bug\n" in out
    assert "Steps to reproduce" in out
    assert "ada@example.com" not in out
    assert server.see("requests") == before


def test_as_json_it_is_the_exact_body(tierline: Tierline, ticket: str) -> None:
    body = json.loads(tierline("dry-run", ticket, "--json")[1])
    assert body["fields"]["project"] == {"key": "ENG"}
    assert body["properties"][0]["key"] == "support.escalation"
    assert body["fields"]["description"]["type"] == "doc"


def test_f4_similar_issues_are_listed_with_where_to_read_them(tierline: Tierline, server: Control, ticket: str) -> None:
    assert tierline("similar", ticket)[1].startswith("no open issue has this problem")
    body = json.loads(tierline("dry-run", ticket, "--json")[1])
    made = raw(server, "POST", "/rest/api/3/issue", body).json()["key"]

    _, out, _ = tierline("similar", ticket)

    assert out.startswith(f"{made} · To Do · not linked yet · [P2] billing: Export hangs")
    assert out.endswith(f"{server.url}/browse/{made}\n")


def test_a_ticket_that_is_not_there_is_told(tierline: Tierline) -> None:
    for command in ("dry-run", "similar"):
        code, _, err = tierline(command, NOBODY)
        assert code == 4
        assert "\n" not in err.strip()


def test_a16_up_says_what_your_jira_would_refuse(server: Control) -> None:
    said: list[str] = []
    good = {name: value for name, value in jira_environment(server.url).items() if name != "JIRA_WEBHOOK_SECRET"}
    _report_jira(Settings.model_validate(good), said.append)
    assert said == []

    _report_jira(Settings.model_validate(good | {"JIRA_API_TOKEN": "revoked"}), said.append)
    (sentence,) = said
    assert sentence.startswith(f"Jira: {server.url}: ")
    assert "401" in sentence
    assert "revoked" not in sentence

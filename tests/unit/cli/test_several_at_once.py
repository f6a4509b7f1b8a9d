"""A5: one command for several tickets. Each is told by itself, and one that refuses keeps it from no other."""

import json
from typing import Any

import pytest

from cli.main import run
from cli.output import Code
from domain.core.refusal import Refused

FIRST, SECOND, CLOSED = "4k7m-3q9x-tbd2", "6ga3-98gk-v7wg", "dzwq-7mgf-6xkd"


class Service:
    """What takes commands: it remembers them, and refuses what is for a closed ticket."""

    def __init__(self) -> None:
        self.took: list[tuple[str, str, str]] = []

    def handle(self, noun: str, id: str, command: str, payload: dict[str, Any]) -> dict[str, Any]:
        self.took.append((id, command, payload["text"]))
        if id == CLOSED:
            raise Refused("closed", "it is closed")
        return {"ticket": id, "did": ["noted"], "status": "open", "tier": "T1", "assignee": None, "waits_on": "agent",
                "sla": "on_track"}  # fmt: skip


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    found = Service()
    monkeypatch.setattr("cli.commands.backend", lambda: found)
    return found


def test_a5_each_of_several_tickets_gets_the_command_once(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ticket", "note", FIRST, SECOND, FIRST.upper(), FIRST, "--text", "Same cause."]) == Code.DONE
    assert {id for id, _, _ in service.took} == {FIRST, SECOND}
    assert set(service.took) == {(id, "note", "Same cause.") for id in (FIRST, SECOND)}
    assert capsys.readouterr().out.count("noted. open in T1") == len(service.took)


def test_a5_one_that_is_refused_keeps_it_from_no_other_and_is_named(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["ticket", "note", FIRST, CLOSED, SECOND, "--text", "x"]) == Code.REFUSED
    told = capsys.readouterr()
    assert [id for id, _, _ in service.took] == [FIRST, CLOSED, SECOND]
    assert told.out.count("noted.") == 2
    assert CLOSED in told.err
    assert "it is closed" in told.err


def test_a5_with_json_each_answer_is_an_object_of_its_own(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    run(["ticket", "note", FIRST, SECOND, "--text", "x", "--json"])
    answers = [json.loads(line) for line in capsys.readouterr().out.strip().replace("}\n{", "}\x00{").split("\x00")]
    assert [answer["ticket"] for answer in answers] == [FIRST, SECOND]

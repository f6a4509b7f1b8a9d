"""The same commands through an API as without one: what they print, and how they end."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client

from cli.output import Code
from domain.core.enums import Role
from tests.support.served_api import Api
from tests.support.terminal import Printed, command
from tests.support.timeskipping import way_to
from tests.support.waiting import until

CHANGING = {
    "id", "as_of", "external_id", "opened_at", "at", "detected", "received", "command_id", "workflow", "since", "due",
    "deadline", "met_at", "source",
}  # fmt: skip
"""What no two tickets have alike."""


class Terminal:
    """A shell with the variables of one way to Tierline."""

    def __init__(self, **environment: str) -> None:
        self._environment = environment

    async def __call__(self, *words: str) -> Printed:
        return await command(self._environment, *words)


@pytest.fixture
def through(api: Api) -> Terminal:
    """Through the API, as an agent."""
    return Terminal(TIERLINE_API_URL=api.url, TIERLINE_TOKEN=api.tokens[Role.AGENT])


@pytest.fixture
def direct(shared_database: str, temporal_dev: Client, without_limit: Path) -> Terminal:
    """With database and Temporal, as the same agent."""
    settings = {"DATABASE_URL": shared_database, "TIERLINE_AGENT": "agent-1", "TIERLINE_POLICY": str(without_limit)}
    return Terminal(**settings, **way_to(temporal_dev))


def alike(value: Any) -> Any:
    """A printed object, without what no two tickets have alike."""
    if isinstance(value, dict):
        return {key: alike(part) for key, part in value.items() if key not in CHANGING}
    return [alike(part) for part in value] if isinstance(value, list) else value


async def walk(way: Terminal) -> list[Any]:
    """One ticket's way: what each command ended with and printed, and the ticket as a program sees it at the end."""
    code, ticket, complaint = await way(
        *("ticket", "open", "--account", "acme", "--plan", "standard", "--priority", "P3", "--category", "bug"),
        *("--external-id", uuid4().hex, "--subject", "Export fails"),
    )
    assert (code, complaint) == (Code.DONE, "")
    ticket = ticket.strip()
    told: list[Any] = []
    for words in (
        ("take", ticket),
        ("note", ticket, "--text", "Same as last week.", "--id", "note-1"),
        ("note", ticket, "--text", "Same as last week.", "--id", "note-1"),
        ("escalate", ticket),
        ("escalate", ticket, "--json"),
        ("take", ticket),
        ("waive", ticket, "--metric", "resolution", "--reason", "x"),
        ("take", "0000-0000-0000"),
        ("show", "0000-0000-0000"),
        ("show", "nonsense"),
    ):
        code, out, err = await way("ticket", *words)
        told.append((code, out.replace(ticket, "ID"), err.replace(ticket, "ID")))
    _, shown, _ = await way("ticket", "show", ticket, "--seq", "3", "--json")
    _, explained, _ = await way("sla", "explain", ticket, "--json")
    _, foreseen, _ = await way("sla", "forecast", ticket, "--priority", "P1", "--json")
    cells = [clock["cell"] for clock in json.loads(explained)["clocks"]]
    coming = [(one["type"], one["notified"]) for one in json.loads(foreseen)["coming_then"]]
    return [*told, alike(json.loads(shown)), cells, coming]


async def test_a_tickets_way_prints_and_ends_the_same_either_way(through: Terminal, direct: Terminal) -> None:
    remote, own = await walk(through), await walk(direct)
    assert remote == own
    assert [code for code, _, _ in remote[:-3]] == [0, 0, 0, 1, 1, 1, 1, 4, 4, 4]


async def walk_an_incident(way: Terminal, area: str) -> list[Any]:
    """One incident's way from its declaration on: what each command ended with and printed."""
    code, number, complaint = await way("incident", "declare", "--area", area, "--priority", "P0")
    assert (code, complaint) == (Code.DONE, "")
    number = number.strip()
    told: list[Any] = []
    for words in (
        ("declare", "--area", area),
        ("declare", "--area", area, "--priority", "P3"),
        ("ack", number, "--comment", "Looking.", "--id", "ack-1"),
        ("ack", number, "--comment", "Looking.", "--id", "ack-1"),
        ("ack", f"incident-{number}"),
        ("update", number),
        ("update", number, "--status", "Found it.", "--json"),
        ("approve", number),
        ("hand-over", number, "--to", "ben"),
        ("join", number, "--ticket", "0000-0000-0000"),
        ("leave", number, "--ticket", "0000-0000-0000", "--reason", "x"),
        ("lower", number, "--reason", "One site."),
        ("resolve", number, "--comment", "It was DNS."),
        ("cancel", number, "--reason", "x", "--json"),
        ("show", number),
        ("show", "999999999"),
        ("show", "nonsense"),
    ):
        code, out, err = await way("incident", *words)
        # What others report meanwhile is in the sequence as well; what is shown follows in the journal within moments.
        out = re.sub(r'"(seq|incident|version)": \d+', "", out if words != ("show", number) else "")
        out = "NUMBER" if out.strip() == number else out
        told.append([code, out.replace(f"incident-{number}", "IT"), err.replace(f"incident-{number}", "IT")])

    async def resolved() -> dict[str, Any] | None:
        _, listed, _ = await way("incident", "list", "--area", area, "--json")
        line = next(iter(json.loads(listed)["incidents"]), {})
        return line if line.get("state") == "resolved" else None

    line = await until(resolved)
    _, whole, _ = await way("incident", "show", number, "--json")
    return [*told, sorted(line), sorted(json.loads(whole)), line["commander"]]


async def test_an_incidents_way_prints_and_ends_the_same_either_way(through: Terminal, direct: Terminal) -> None:
    area = "Remote"
    remote = await walk_an_incident(through, area)
    own = await walk_an_incident(direct, f"{area} again")
    assert remote == json.loads(json.dumps(own).replace(f"{area} again", area))
    assert [part[0] for part in remote[:17]] == [0, 2, 0, 0, 1, 2, 0, 0, 0, 4, 1, 0, 0, 1, 0, 4, 4]


async def test_the_queue_is_the_same_either_way(through: Terminal, direct: Terminal, api: Api) -> None:
    await api.open()
    for words in (("queue", "--json"), ("queue", "--tier", "T1", "--limit", "3"), ("queue", "--next", "--json"),
                  ("queue", "--next", "--something-else"), ("queue", "--next", "--something-else", "--json"),
                  ("queue", "--status", "closed", "--json"), ("queue", "--assignee", "nobody")):  # fmt: skip
        async with asyncio.timeout(60):  # until nothing changes any more: earlier tickets may still be journalled
            remote, own = await through(*words), await direct(*words)
            while remote != (again := await through(*words)):
                remote, own = again, await direct(*words)
        assert remote == own


async def test_the_token_says_who_it_is_and_another_name_is_refused(through: Terminal, api: Api) -> None:
    ticket = await api.open()
    code, _, complaint = await through("ticket", "take", ticket, "--by", "somebody")
    assert (code, complaint) == (
        Code.REFUSED, "refused (not_allowed): only an integration speaks for others: this token is agent-1's\n",
    )  # fmt: skip
    code, _, complaint = await through("ticket", "take", ticket, "--role", "lead")
    assert code == Code.REFUSED
    assert "the role is what the token says" in complaint or "role" in complaint
    assert (await through("ticket", "take", ticket, "--by", "agent-1"))[0] == Code.DONE


@pytest.mark.parametrize(
    ("environment", "code", "words"),
    [
        ({"TIERLINE_TOKEN": "tl_nonsense"}, Code.CONFIGURATION, "TIERLINE_TOKEN: a token is needed"),
        ({"TIERLINE_API_URL": "http://127.0.0.1:1"}, Code.UNAVAILABLE, "no API answers at http://127.0.0.1:1"),
        ({"TIERLINE_API_URL": "nonsense"}, Code.CONFIGURATION, "TIERLINE_API_URL: must be an http:// or https://"),
    ],
)
async def test_what_is_wrong_with_the_way_is_told_in_one_line(
    api: Api, environment: dict[str, str], code: Code, words: str
) -> None:
    known = {"TIERLINE_API_URL": api.url, "TIERLINE_TOKEN": api.tokens[Role.AGENT]}
    way = Terminal(**known | environment)
    for typed in (("queue",), ("ticket", "take", "0000-0000-0000"), ("ticket", "show", "0000-0000-0000"),
                  ("incident", "list"), ("incident", "ack", "7"), ("incident", "show", "7")):  # fmt: skip
        ended, out, complaint = await way(*typed)
        assert (ended, out) == (code, "")
        assert words in complaint
        assert complaint.count("\n") == 1


async def test_a_token_is_created_listed_and_revoked(api: Api, shared_database: str) -> None:
    admin = Terminal(DATABASE_URL=shared_database)
    code, token, told = await admin("token", "create", "web-form", "--role", "integration", "--days", "7")
    token = token.strip()
    assert (code, told.count("\n")) == (0, 1)
    assert (await api.get("/version", token=token)).status_code == 200

    _, listed, _ = await admin("token", "list", "--json")
    (row,) = [one for one in json.loads(listed)["tokens"] if one["name"] == "web-form"]
    assert (row["role"], row["revoked_at"]) == ("integration", None)
    assert token.split("_", 2)[2] not in listed

    code, out, _ = await admin("token", "revoke", token)
    assert (code, out) == (0, f"token {row['id']} is revoked\n")
    assert (await admin("token", "revoke", "0000000000"))[0] == Code.NOT_FOUND
    assert (await admin("token", "create", " ", "--role", "agent"))[0] == Code.REFUSED
    assert (await admin("token", "create", "x", "--role", "system"))[0] == Code.USAGE

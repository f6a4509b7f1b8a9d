"""F9: reply templates over the API and at the terminal: who may do what, and what is refused."""

import asyncio
import json
from typing import Any
from uuid import uuid4

from temporalio.client import Client

from cli.output import Code
from domain.core.enums import Role
from tests.support.served_api import Api
from tests.support.terminal import Printed, command
from tests.support.timeskipping import way_to

BODY = "Hello,\n\n{{personal line}}\n\nAbout {{ticket}}: it works from {{when}} on.\n\n{{agent}}"
AT = "/api/v1/templates"


def a_template(**fields: Any) -> dict[str, Any]:
    return {"name": f"works-{uuid4().hex[:8]}", "situation": "It works again", "body": BODY} | fields


async def added(api: Api, **fields: Any) -> str:
    """A template that a lead has written, by its name."""
    form = a_template(**fields)
    made = await api.post(AT, form, role=Role.LEAD)
    assert (made.status_code, made.headers["Location"]) == (201, f"{AT}/{form['name']}"), made.text
    return str(form["name"])


async def test_f9_a_lead_writes_changes_and_retires_a_template_which_an_agent_reads(api: Api) -> None:
    name = await added(api, channel="chat", tone="calm")
    edited = await api.post(f"{AT}/{name}", {"version": 1, "channel": "any", "language": "de"}, role=Role.LEAD)
    assert edited.status_code == 200, edited.text
    read = (await api.get(f"{AT}/{name}")).json()
    assert (read["version"], read["updated_by"], read["retired"]) == (2, "lead-1", False)
    assert (read["channel"], read["language"], read["tone"], read["body"]) == (None, "de", "calm", BODY)
    for undone in (True, False):
        kept = (await api.post(f"{AT}/{name}/retire", {"retired": undone}, role=Role.LEAD)).json()
        again = (await api.post(f"{AT}/{name}/retire", {"retired": undone}, role=Role.LEAD)).json()
        assert kept == again
        assert kept["retired"] is undone
    listed = (await api.get(AT)).json()
    (line,) = [one for one in listed["templates"] if one["template"]["name"] == name]
    assert (listed["days"], line["template"]["version"], line["use"]["sent"]) == (90, 4, 0)


async def test_f9_only_leads_change_templates_and_programs_read_none(api: Api) -> None:
    name = await added(api)
    for role in (Role.AGENT, Role.ENGINEER, Role.CSM, Role.FINANCE):
        for path, form in (
            (AT, a_template()),
            (f"{AT}/{name}", {"version": 1, "tone": "x"}),
            (f"{AT}/{name}/retire", {}),
        ):
            refused = await api.post(path, form, role=role)
            assert (refused.status_code, refused.json()["type"]) == (403, "urn:tierline:not_allowed"), (role, path)
    for role in (Role.INTEGRATION, Role.BOT):
        for path in (AT, f"{AT}/{name}", f"{AT}/{name}/preview"):
            assert (await api.get(path, role=role)).status_code == 403
    other = await api.post(AT, a_template(by="somebody"), role=Role.LEAD)
    assert other.status_code == 403
    assert (await api.get(f"{AT}/{name}")).json()["version"] == 1


async def test_f9_sent_again_a_template_is_the_same_one_and_another_of_its_name_is_a_conflict(api: Api) -> None:
    form = a_template()
    first = await api.post(AT, form, role=Role.LEAD)
    assert (await api.post(AT, form, role=Role.LEAD)).json() == first.json()
    taken = await api.post(AT, form | {"tone": "calm"}, role=Role.LEAD)
    assert (taken.status_code, taken.json()["type"]) == (409, "urn:tierline:conflict")
    address = f"{AT}/{form['name']}"
    assert (await api.post(address, {"version": 1, "tone": "calm"}, role=Role.LEAD)).json()["version"] == 2
    late = await api.post(address, {"version": 1, "tone": "dry"}, role=Role.OPS)
    assert (late.status_code, late.json()["type"]) == (409, "urn:tierline:conflict")
    assert "lead-1 changed template" in late.json()["detail"]


async def test_f9_a_template_that_cannot_be_used_is_refused_with_what_is_wrong(api: Api) -> None:
    wrong = await api.post(AT, a_template(name="No Good", body="Hello."), role=Role.LEAD)
    assert (wrong.status_code, list(wrong.json()["fields"])) == (422, ["name"])
    bare = await api.post(AT, a_template(body="Hello."), role=Role.LEAD)
    assert "stands in it once" in bare.json()["fields"]["body"]
    name = await added(api)
    gone = await api.post(f"{AT}/{name}", {"version": 1, "body": "Hello."}, role=Role.LEAD)
    assert list(gone.json()["fields"]) == ["body"]
    misspelt = await api.post(f"{AT}/{name}", {"version": 1, "bodi": BODY}, role=Role.LEAD)
    assert "did you mean body?" in misspelt.json()["fields"]["bodi"]
    for path in (f"{AT}/nothing", f"{AT}/nothing/preview", f"{AT}/{name}/preview?ticket=0000-0000-0000"):
        assert (await api.get(path)).status_code == 404
    assert (await api.post(f"{AT}/nothing/retire", {}, role=Role.LEAD)).status_code == 404


async def test_f9_a_preview_is_filled_from_a_ticket_or_from_an_example(api: Api) -> None:
    name, ticket = await added(api), await api.open()
    seen = (await api.get(f"{AT}/{name}/preview?ticket={ticket}")).json()
    assert f"About {ticket}: it works from {{{{when}}}} on." in seen["text"]
    assert seen["text"].endswith("agent-1")
    assert seen["gaps"] == ["personal line", "when"]
    example = (await api.get(f"{AT}/{name}/preview")).json()
    assert "About 4k7m-3q9x-tbd2: it" in example["text"]


async def way(environment: dict[str, str], name: str, ticket: str, *role: str) -> list[Printed]:
    """A template's life at the terminal: what each command ended with and printed. `role` is said with each change."""
    told = []
    for words in (
        ("add", name, "--situation", "It works again", "--body", BODY, "--tone", "calm"),
        ("add", name, "--situation", "It works again"),
        ("add", name, "--situation", "Something else", "--body", BODY),
        ("edit", name),
        ("edit", name, "--channel", "chat", "--language", "de"),
        ("edit", name, "--any-channel", "--version", "1"),
        ("retire", name),
        ("retire", name, "--undo"),
        ("show", name),
        ("show", name, "--json"),
        ("preview", name, "--ticket", ticket),
        ("preview", name, "--ticket", "nonsense"),
        ("show", "nothing"),
        ("list", "--json"),
    ):
        changes = words[0] in ("add", "edit", "retire")
        ended = await command(environment, "template", *words, *(role if changes else ()))
        if words[0] == "list":
            (line,) = [one for one in json.loads(ended.out)["templates"] if one["template"]["name"] == name]
            ended = ended._replace(out=json.dumps(line["use"]))
        told.append(ended)
    return told


async def test_f9_a_templates_way_prints_and_ends_the_same_either_way(
    api: Api, shared_database: str, temporal_dev: Client
) -> None:
    ticket = await api.open()
    remote = {"TIERLINE_API_URL": api.url, "TIERLINE_TOKEN": api.tokens[Role.LEAD], "TIERLINE_AGENT": "lead-1"}
    direct = {"DATABASE_URL": shared_database, "TIERLINE_AGENT": "lead-1"} | way_to(temporal_dev)
    names = [f"either-{uuid4().hex[:8]}" for _ in range(2)]
    through = await way(remote, names[0], ticket)
    agents = await command(direct, "template", "add", names[1], "--situation", "x", "--body", BODY)
    assert (agents.code, "not_allowed" in agents.err) == (Code.REFUSED, True)
    with_role = await way(direct, names[1], ticket, "--role", "lead")
    assert [one.code for one in through] == [0, 2, 1, 2, 0, 1, 0, 0, 0, 0, 0, 4, 4, 0]

    def alike(told: list[Printed], name: str) -> list[tuple[int, str, str]]:
        return [(one.code, _undated(one.out.replace(name, "NAME")), one.err.replace(name, "NAME")) for one in told]

    assert alike(through, names[0]) == alike(with_role, names[1])
    listed = await command(remote, "template", "list")
    assert (listed.code, names[0] in listed.out, "either" in listed.err) == (Code.DONE, True, False)


def _undated(printed: str) -> str:
    lines = [line.partition(", 20")[0] for line in printed.splitlines()]
    return "\n".join(line.partition('"updated_at"')[0] for line in lines)


async def test_f9_a_text_may_come_from_a_file(api: Api, tmp_path: Any) -> None:
    file = tmp_path / "works.txt"
    await asyncio.to_thread(file.write_text, BODY + "\n")
    name = f"file-{uuid4().hex[:8]}"
    remote = {"TIERLINE_API_URL": api.url, "TIERLINE_TOKEN": api.tokens[Role.LEAD]}
    words = ("template", "add", name, "--situation", "From a file", "--body", f"@{file}")
    assert await command(remote, *words) == (Code.DONE, f"template {name} is written: version 1\n", "")
    assert (await api.get(f"{AT}/{name}")).json()["body"] == BODY

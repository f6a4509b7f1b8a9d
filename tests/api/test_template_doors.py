"""F9: a message of a template that is not finished goes out through no door, and each says what it lacks."""

import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio.client import Client

from domain.core.enums import Role
from domain.core.refusal import Refused
from domain.ticket.rules.templates import MESSAGES
from domain.ticket.state import workflow_id
from services.commands import FirstSent, send
from store.database import Database
from tests.support.desk_visitor import Visitor
from tests.support.generic_door import Door
from tests.support.served_api import Api
from tests.support.terminal import command
from tests.support.timeskipping import way_to
from workflows.ticket.messages import Answer

LINE = "I have run your export of March myself."
BODY = "Hello,\n\n{{personal line}}\n\nIt works from {{when}} on, as we have promised you."
Say = Callable[[str, str, dict[str, Any]], Awaitable[str]]
"""Says a message on a ticket by a command, and returns how it was refused; "" where it went out."""

UNFINISHED = {
    "a gap": (f"{LINE} It works from {{{{when}}}} on.", LINE, "when"),
    "the bare template": ("It works from noon on, as we have promised you.", "", "personal line"),
    "no line of one's own": (
        "It works from noon on, as we have promised you.",
        "as we have promised you",
        "personal line",
    ),
    "a line that does not stand in it": ("It works from noon on.", LINE, "personal line"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def template(api: Api) -> str:
    name = f"door-{uuid4().hex[:8]}"
    form = {"name": name, "situation": "It works again", "body": BODY}
    assert (await api.post("/api/v1/templates", form, role=Role.LEAD)).status_code == 201
    return name


def over_http(api: Api) -> Say:
    async def say(ticket: str, name: str, payload: dict[str, Any]) -> str:
        answer = await api.post(f"/api/v1/tickets/{ticket}/{name}", payload)
        told = answer.json()
        return "" if answer.status_code == 200 else f"{told['type']} {told['missing']}"

    return say


def at_the_terminal(environment: dict[str, str]) -> Say:
    async def say(ticket: str, name: str, payload: dict[str, Any]) -> str:
        words = [word for field, text in payload.items() for word in (f"--{field.replace('_', '-')}", text)]
        return (await command(environment, "ticket", name, ticket, *words)).err

    return say


def at_the_desk(api: Api) -> Say:
    async def say(ticket: str, name: str, payload: dict[str, Any]) -> str:
        visitor = Visitor(api)
        await visitor.sign_in()
        address = f"/desk/tickets/{ticket}"
        # A form as the page has it: what is sent stands in it, whatever the page would have put together.
        answer = await visitor.send(await visitor.get(address), f"{address}/{name}", payload)
        box = re.search(r'id="refused">(.*?)</div>', answer.text, re.DOTALL)
        return "" if answer.status_code == 303 else f"template_gap {box[1]}" if box else answer.text[:200]

    return say


def by_webhook(door: Door) -> Say:
    async def say(ticket: str, name: str, payload: dict[str, Any]) -> str:
        row = door.row(await door.send(f"ticket.{name}", {"ticket": ticket, "by": "ada"} | payload))
        return str(row.error or "")

    return say


def by_temporal(client: Client) -> Say:
    async def say(ticket: str, name: str, payload: dict[str, Any]) -> str:
        handle = client.get_workflow_handle(workflow_id(ticket))
        identity = uuid4().hex
        try:
            said = {"by": "ada", "role": "agent", "id": identity} | payload
            await send(handle, ticket, name, said, identity, Answer, FirstSent())
        except Refused as refused:
            return f"{refused.code} {refused.missing}"
        return ""

    return say


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize("door", ["api", "terminal through the api", "terminal", "desk", "temporal", "webhook"])
async def test_f9_what_is_not_finished_goes_out_through_no_door(
    api: Api, template: str, temporal_dev: Client, shared_database: str, door: str, name: str
) -> None:
    own = {"DATABASE_URL": shared_database} | way_to(temporal_dev)
    through = {"TIERLINE_API_URL": api.url, "TIERLINE_TOKEN": api.tokens[Role.AGENT]}
    webhook = Door(temporal_dev, Database(shared_database))
    say: Say = {
        "api": over_http(api),
        "terminal through the api": at_the_terminal(through),
        "terminal": at_the_terminal(own),
        "desk": at_the_desk(api),
        "temporal": by_temporal(temporal_dev),
        "webhook": by_webhook(webhook),
    }[door]
    ticket = str((await webhook.opened(priority="P3")).id) if door == "webhook" else await api.open()
    unfinished = dict(UNFINISHED)
    if door == "temporal":  # a workflow does not know the template's own words: the services before it do
        del unfinished["no line of one's own"]
    if door == "desk":  # it puts the line into the message, where it does not stand there
        del unfinished["a line that does not stand in it"]
    for why, (text, line, lacks) in unfinished.items():
        said = await say(ticket, name, {MESSAGES[name]: text, "template": template, "personal_line": line})
        assert "template_gap" in said, why
        assert door == "webhook" or lacks in said, why
    assert not {"responded", "wait_started"} & set(webhook.types(ticket))
    text = f"Hello, {LINE} It works from noon on, as we have promised you."
    assert await say(ticket, name, {MESSAGES[name]: text, "template": template, "personal_line": LINE}) == ""
    webhook.db.dispose()

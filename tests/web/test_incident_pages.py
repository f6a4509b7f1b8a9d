"""Incidents as pages: declared, worked and ended in the room alone; who may do what; drafts until they are approved."""

import re

import pytest

from domain.core.enums import Role
from tests.support.desk_visitor import Visitor
from tests.support.served_api import Api


async def declared(visitor: Visitor, area: str) -> str:
    """Declare an incident on the page of incidents. Returns the address of its room."""
    page = await visitor.get("/desk/incidents")
    answer = await visitor.send(page, "/desk/incidents", {"product_area": area, "priority": "P1"})
    assert answer.status_code == 303, answer.text
    assert (await visitor.get(answer.headers["Location"])).status_code == 200  # waits for the journal
    return str(answer.headers["Location"]).partition("?")[0]


async def send_command(visitor: Visitor, room: str, command: str, **fields: str) -> str:
    """Send a command by its form in the incident room. Returns the page of the room after the command."""
    answer = await visitor.send(await visitor.get(room), f"{room}/{command}", fields)
    assert answer.status_code == 303, answer.text
    return (await visitor.get(answer.headers["Location"])).text


async def test_an_incident_is_led_from_its_declaration_to_its_review_in_its_room(api: Api) -> None:
    lead = Visitor(api)
    await lead.sign_in(Role.LEAD)
    room = await declared(lead, "Room of its own")
    assert room in (await lead.get("/desk/incidents")).text
    assert "I have it" in (await lead.get(room)).text
    page = await send_command(lead, room, "acknowledge")
    assert "led by <strong>lead-1</strong>" in page
    ticket = await api.open(subject="No exports", priority="P2")
    page = await send_command(lead, room, "join", ticket=ticket)
    assert "No exports" in page
    page = await send_command(lead, room, "update", status="We found it.", impact="<b>No exports.</b>")
    assert "a draft: no customer sees it" in page
    assert "&lt;b&gt;No exports.&lt;/b&gt;" in page
    page = await send_command(lead, room, "approve", update="1")
    assert "approved by lead-1" in page
    page = await send_command(lead, room, "communications", to="mia")
    assert re.search(r"<dt>Communications</dt><dd>mia</dd>", page)
    assert re.search(r"<strong>[^<]+</strong> <span[^>]*>level 1</span><br>\s*<span class=\"small\">paged <time", page)
    assert re.search(r'<p class="due"><time [^>]*data-away>in [^<]+</time>', page), "the next update's countdown"
    page = await send_command(lead, room, "mitigate", comment="Exports run again.")
    assert '<span class="chip">mitigated</span>' in page
    page = await send_command(lead, room, "resolve", comment="All exports run.")
    assert '<span class="chip">resolved</span>' in page
    assert "The review is due <time" in page
    page = await send_command(lead, room, "review_done", summary="The disk is watched now.")
    assert '<span class="chip">reviewed</span>' in page
    assert "Post an update" not in page
    assert room not in (await lead.get("/desk/incidents")).text
    assert room in (await lead.get("/desk/incidents?ended=yes")).text


async def test_a_refused_act_is_said_in_the_room_and_what_was_typed_stays(api: Api) -> None:
    agent = Visitor(api)
    await agent.sign_in(Role.AGENT)
    room = await declared(agent, "Refused here")
    page = await agent.get(room)
    refused = await agent.send(page, f"{room}/update", {"impact": "Half of it is typed."})
    assert refused.status_code == 422
    assert "Half of it is typed." in refused.text
    assert "missing" in refused.text
    unknown = await agent.send(page, f"{room}/update", {"csrf": "0" * 128})
    assert unknown.status_code == 403
    assert (await agent.get("/desk/incidents/999999")).status_code == 404
    assert (await agent.get("/desk/incidents/nonsense")).status_code == 404


@pytest.mark.parametrize("role", [Role.CSM, Role.FINANCE])
async def test_who_does_not_respond_reads_and_is_offered_nothing(api: Api, role: Role) -> None:
    agent, reader = Visitor(api), Visitor(api)
    await agent.sign_in(Role.AGENT)
    room = await declared(agent, f"Read by {role}")
    await reader.sign_in(role)
    page = await reader.get(room)
    assert page.status_code == 200
    assert "Nothing is asked of you here." in page.text
    assert "Declare an incident" not in (await reader.get("/desk/incidents")).text
    hidden = Visitor.hidden(page, "/desk/sign-out")
    assert (await reader.post(f"{room}/acknowledge", hidden)).status_code == 403
    assert (await reader.post("/desk/incidents", hidden | {"product_area": "x"})).status_code == 403

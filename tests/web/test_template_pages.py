"""Reply templates at the desk (F9): who changes them, what is refused, how each did."""

import re
from typing import Any
from uuid import uuid4

from domain.core.enums import Role
from tests.support.desk_visitor import Visitor, at_ticket
from tests.support.served_api import Api

BODY = "Hello,\n\n{{personal line}}\n\nAbout {{ticket}}: it works from {{when}} on."
LINE = "I have run your export of March myself."
NEW = "/desk/new-template"


async def a_lead(api: Api) -> Visitor:
    visitor = Visitor(api)
    await visitor.sign_in(Role.LEAD)
    return visitor


async def made(visitor: Visitor, **fields: str) -> str:
    """A template that somebody made, by name."""
    name = f"works-{uuid4().hex[:8]}"
    given = {"name": name, "situation": "It works again", "language": "en", "body": BODY} | fields
    done = await visitor.send(await visitor.get(NEW), NEW, given)
    assert done.status_code == 303, done.text
    return given["name"]


async def respond(api: Api, ticket: str, template: str, **more: Any) -> Any:
    said = {"text": f"{LINE} It works from noon on.", "template": template, "personal_line": LINE} | more
    return await api.post(f"/api/v1/tickets/{ticket}/respond", said)


async def test_f9_a_lead_makes_a_template_and_changes_it_and_an_agent_reads_it(api: Api) -> None:
    lead = await a_lead(api)
    name = await made(lead, tone="calm")
    address = f"/desk/templates/{name}"
    assert f'<a href="{address}">It works again</a>' in (await lead.get("/desk/templates")).text
    form = await lead.get(address)
    kept = {"situation": "It works at last", "language": "en", "body": BODY}
    assert (await lead.send(form, address, kept)).status_code == 303
    late = await lead.send(form, address, kept | {"situation": "Too late"})
    assert late.status_code == 409
    assert "lead-1 changed template" in late.text
    assert 'value="Too late"' in late.text
    agent = Visitor(api)
    await agent.sign_in()
    assert "It works at last" in (await agent.get(address)).text
    assert (await agent.get(NEW)).status_code == 403
    assert (await agent.send(await agent.get(address), address, kept)).status_code == 403
    assert (await agent.get("/desk/templates/nothing")).status_code == 404


async def test_f9_a_template_that_cannot_be_used_is_not_kept_and_what_was_typed_stays(api: Api) -> None:
    lead = await a_lead(api)
    typed = {"name": "No Good", "situation": "<b>When</b>", "language": "en", "body": "Hello {{when}}</textarea>"}
    refused = await lead.send(await lead.get(NEW), NEW, typed)
    assert refused.status_code == 422
    assert "Hello {{when}}&lt;/textarea&gt;" in refused.text
    assert "&lt;b&gt;When&lt;/b&gt;" in refused.text
    again = await lead.send(refused, NEW, typed | {"name": "no-good"})
    assert "stands in it once" in again.text


async def test_f9_the_preview_marks_what_the_ticket_fills_and_what_the_agent_does(api: Api) -> None:
    lead = await a_lead(api)
    shown = await lead.send(await lead.get(NEW), NEW, {"do": "preview", "body": BODY, "language": "en"})
    assert '<mark class="personal">personal line</mark>' in shown.text
    assert '<mark class="filled" title="ticket">4k7m-3q9x-tbd2</mark>' in shown.text
    assert "<mark>when</mark>" in shown.text


async def test_f9_a_reply_names_its_template_and_each_template_says_how_it_did(api: Api) -> None:
    lead = await a_lead(api)
    name = await made(lead)
    tickets = [await api.open(subject="Export fails") for _ in range(3)]
    for ticket in tickets:
        assert (await respond(api, ticket, name)).status_code == 200
    wrote = {"text": "It fails again.", "customer": "sam"}
    assert (await api.post(f"/api/v1/tickets/{tickets[0]}/reply", wrote)).status_code == 200
    solved = {"resolution": "solved", "what_was_done": "x", "root_cause": "y", "kb_reason": "gap"}
    assert (await api.post(f"/api/v1/tickets/{tickets[1]}/resolve", solved)).status_code == 200
    rated = await api.post(f"/api/v1/tickets/{tickets[1]}/rate", {"csat": 5}, role=Role.LEAD)
    shown = (await lead.get(f"/desk/tickets/{tickets[1]}?seq={rated.json()['seq']}")).text
    assert f"wrote to the customer (template {name})" in shown
    line = (await lead.get("/desk/templates")).text.partition(name)[2].partition("</tr>")[0]
    assert [int(number) for number in re.findall(r"</span>(\d+)", line)] == [3, 3, 1, 1]
    assert "by 50 %" in line  # three of the six words of `BODY`: Hello, About, it
    assert "33 %" in line
    assert "of 1 rated" in line


async def test_f9_of_each_template_the_edited_messages_are_counted_and_how_much_was_changed(api: Api) -> None:
    lead = await a_lead(api)
    name = await made(lead)
    whole = f"Hello,\n\n{LINE}\n\nAbout {{}}: it works from noon on."
    for text in (whole, whole.replace("it works", "it should work"), whole.replace("About {}: ", "")):
        ticket = await api.open()
        sent = await respond(api, ticket, name, text=text.format(ticket))
        await lead.get(f"/desk/tickets/{ticket}?seq={sent.json()['seq']}")  # it waits until the journal has it
    line = (await lead.get("/desk/templates")).text.partition(name)[2].partition("</tr>")[0]
    assert [int(number) for number in re.findall(r"</span>(\d+)", line)] == [3, 2, 0]  # none came back
    assert "by 26 %" in line  # two of six words, and one of six


async def test_f9_the_same_command_again_is_the_same_though_the_template_was_changed_meanwhile(api: Api) -> None:
    lead = await a_lead(api)
    name = await made(lead)
    ticket = await api.open()
    said = {"text": f"{LINE} It works from noon on.", "template": name, "personal_line": LINE}
    way = {"headers": {"Idempotency-Key": uuid4().hex}}
    first = await api.post(f"/api/v1/tickets/{ticket}/respond", said, **way)
    changed = {"version": 1, "body": "{{personal line}} It works from noon on."}
    assert (await api.post(f"/api/v1/templates/{name}", changed, role=Role.LEAD)).status_code == 200
    again = await api.post(f"/api/v1/tickets/{ticket}/respond", said, **way)
    assert (again.status_code, again.json()["seq"]) == (200, first.json()["seq"])


async def test_f9_what_is_not_finished_or_names_no_template_is_refused(api: Api) -> None:
    name = await made(await a_lead(api))
    _visitor, ticket, _address = await at_ticket(api)
    gap = await respond(api, ticket, name, text=f"{LINE} It works from {{{{when}}}} on.")
    assert (gap.status_code, gap.json()["type"]) == (422, "urn:tierline:template_gap")
    assert gap.json()["missing"] == ["when"]
    bare = await respond(api, ticket, name, text="It works from noon on.")
    assert bare.json()["missing"] == ["personal line"]
    own = await respond(api, ticket, name, text="About it: it works from", personal_line="it works from")
    assert "says anyway" in own.json()["detail"]
    unknown = await respond(api, ticket, "nothing")
    assert (unknown.status_code, list(unknown.json()["fields"])) == (422, ["template"])


async def test_f9_what_was_begun_with_a_template_that_is_retired_still_goes_out(api: Api) -> None:
    lead = await a_lead(api)
    name = await made(lead)
    address = f"/desk/templates/{name}"
    kept = {"situation": "It works again", "language": "en", "body": BODY, "retired": "yes"}
    assert (await lead.send(await lead.get(address), address, kept)).status_code == 303
    assert "retired" in (await lead.get(address)).text
    _visitor, ticket, _address = await at_ticket(api)
    assert (await respond(api, ticket, name)).status_code == 200

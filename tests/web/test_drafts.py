"""Drafts at the desk, replies that begin with a template (F9), and who else has the ticket open, over HTTP."""

import re
from uuid import uuid4

import requests

from domain.core.enums import Role
from services import reply_templates
from store.drafts import Whose, note_sent
from tests.support.desk_visitor import Visitor, at_ticket
from tests.support.served_api import Api

BODY = "Hello,\n\n{{personal line}}\n\nAbout {{subject}}: it works from {{when}} on."
LINE = "I have run your export of March myself."


def kept_template(api: Api) -> str:
    name = f"works-{uuid4().hex[:8]}"
    made = reply_templates.make({"name": name, "situation": f"It works again {name}", "body": BODY})
    reply_templates.save(api.db, made, by="lena", role=Role.LEAD)
    return name


def of_form(page: requests.Response, command: str) -> str:
    """The form of a command, as it stands on the page."""
    return page.text.partition(f'data-command="{command}"')[2].partition("</form>")[0]


async def keep(visitor: Visitor, address: str, command: str, **fields: str) -> requests.Response:
    """Press a button of a form that keeps its draft. `do` says which."""
    page = await visitor.get(address)
    hidden = visitor.hidden(page, f"{address}/{command}")
    return await visitor.post(f"{address}/drafts/{command}", hidden | fields)


async def test_a_draft_is_there_at_the_next_visit_for_its_writer_alone_and_gone_when_it_is_sent(api: Api) -> None:
    visitor, _ticket, address = await at_ticket(api)
    kept = await keep(visitor, address, "respond", text="Half a </textarea> sentence")
    assert kept.headers["Location"] == f"{address}#act-respond"
    page = await visitor.get(address)
    assert "Half a &lt;/textarea&gt; sentence</textarea>" in of_form(page, "respond")
    assert re.search(r'id="act-respond" open', page.text)
    other = Visitor(api)
    await other.sign_in(Role.LEAD)
    assert "Half a" not in (await other.get(address)).text
    sent = await visitor.send(page, f"{address}/respond", {"text": "A whole sentence."})
    assert "Half a" not in (await visitor.get(sent.headers["Location"])).text


async def test_what_a_form_still_saves_after_it_was_sent_is_dropped(api: Api) -> None:
    visitor, ticket, address = await at_ticket(api)
    form = visitor.hidden(await visitor.get(address), f"{address}/note")
    await visitor.post(f"{address}/note", form | {"text": "Sent."})
    await visitor.post(f"{address}/drafts/note", form | {"text": "Sent, and late."})
    assert "late" not in of_form(await visitor.get(address), "note")
    with api.db.begin() as session:  # the control: another form's draft is kept
        note_sent(session, Whose(ticket, "agent-1", "note"), "another", api.db.clock.now())
    await visitor.post(f"{address}/drafts/note", form | {"text": "Typed anew."})
    assert "Typed anew." in of_form(await visitor.get(address), "note")


async def test_a_draft_is_given_up_by_its_button_and_by_emptying_it(api: Api) -> None:
    visitor, _ticket, address = await at_ticket(api)
    await keep(visitor, address, "note", text="One")
    await keep(visitor, address, "note", do="discard")
    assert "One" not in of_form(await visitor.get(address), "note")
    await keep(visitor, address, "note", text="Two")
    await keep(visitor, address, "note", text=" ")
    assert "Discard" not in of_form(await visitor.get(address), "note")


async def test_a_draft_is_bounded_and_of_a_ticket_and_of_a_form_that_there_is(api: Api) -> None:
    visitor, _ticket, address = await at_ticket(api)
    assert (await keep(visitor, address, "respond", text="x" * 70_000)).status_code == 413
    page = await visitor.get(address)
    assert (await visitor.post(f"{address}/drafts/respond", {"text": "No token."})).status_code == 403
    hidden = visitor.hidden(page, f"{address}/respond")
    assert (await visitor.post(f"{address}/drafts/take", hidden)).status_code == 404
    nowhere = "/desk/tickets/4k7m-3q9x-tbd2/drafts/note"
    assert (await visitor.post(nowhere, hidden | {"text": "x"})).status_code == 404


async def test_g9_what_was_typed_into_a_resolution_is_there_when_one_comes_back(api: Api) -> None:
    visitor, _ticket, address = await at_ticket(api)
    page = await visitor.get(f"{address}/resolve?resolution=workaround")
    typed = visitor.hidden(page, f"{address}/resolve") | {"what_was_done": "Rebuilt the index."}
    kept = await visitor.post(f"{address}/drafts/resolve", typed)
    assert kept.headers["Location"] == f"{address}/resolve#act-resolve"
    page = await visitor.get(f"{address}/resolve")
    assert "Rebuilt the index.</textarea>" in page.text
    assert "Resolve as workaround" in page.text


async def test_f9_a_reply_begins_with_a_template_and_is_held_until_its_gaps_and_the_personal_line_are_written(
    api: Api,
) -> None:
    name = kept_template(api)
    visitor, ticket, address = await at_ticket(api, subject="<b>Export</b> & more")
    begun = await keep(visitor, address, "respond", do="template", use=name)
    page = await visitor.get(begun.headers["Location"].partition("#")[0])
    form = of_form(page, "respond")
    assert "About Export &amp; more: it works from {{when}} on.</textarea>" in form
    assert 'name="gap.when"' in form
    shown = {"template": name, "text": "Hello,\n\n{{personal line}}\n\nIt works from {{when}} on."}
    held = await visitor.send(page, f"{address}/respond", shown)
    assert held.status_code == 422
    assert "<li>personal line</li><li>when</li>" in held.text
    half = await visitor.send(held, f"{address}/respond", shown | {"gap.when": "noon"})
    assert "<li>personal line</li></ul>" in half.text
    assert 'name="gap.when" value="noon"' in of_form(half, "respond")
    sent = await visitor.send(half, f"{address}/respond", shown | {"gap.when": "noon", "personal_line": LINE})
    assert sent.status_code == 303
    said = (await visitor.get(sent.headers["Location"])).text
    assert f"Hello,\n\n{LINE}\n\nIt works from noon on.</p>" in said
    assert f"wrote to the customer (template {name})" in said
    assert (await api.get(f"/api/v1/tickets/{ticket}")).status_code == 200


async def test_f9_what_was_typed_becomes_the_personal_line_and_one_can_go_on_without_the_template(api: Api) -> None:
    name = kept_template(api)
    visitor, _ticket, address = await at_ticket(api)
    await keep(visitor, address, "wait", do="template", use=name, question=LINE)
    form = of_form(await visitor.get(address), "wait")
    assert f"{LINE}</textarea>" in form.partition("gap.when")[0]
    fields = {"question": "{{personal line}} Since when? {{when}}", "personal_line": LINE, "template": name}
    await keep(visitor, address, "wait", do="plain", **fields)
    form = of_form(await visitor.get(address), "wait")
    assert f"{LINE} Since when? {{{{when}}}}</textarea>" in form
    assert 'name="template"' not in form


async def test_f9_what_a_form_still_saves_after_a_template_took_its_place_is_dropped(api: Api) -> None:
    visitor, _ticket, address = await at_ticket(api)
    template = kept_template(api)
    form = visitor.hidden(await visitor.get(address), f"{address}/respond")
    await visitor.post(f"{address}/drafts/respond", form | {"do": "template", "use": template})
    await visitor.post(f"{address}/drafts/respond", form | {"text": "Typed before: too late."})
    begun = await visitor.get(address)
    assert "too late" not in of_form(begun, "respond")
    assert 'id="respond-personal"' in of_form(begun, "respond")
    second = visitor.hidden(begun, f"{address}/respond")
    await visitor.post(f"{address}/drafts/respond", second | {"do": "plain", "text": "Without it."})
    await visitor.post(f"{address}/drafts/respond", second | {"text": "With it, and late."})
    assert "Without it." in of_form(await visitor.get(address), "respond")


async def test_who_else_has_the_ticket_open_is_shown_and_who_writes(api: Api) -> None:
    visitor, _ticket, address = await at_ticket(api)
    page = await visitor.get(address)
    assert "has it open" not in page.text
    lead = Visitor(api)
    await lead.sign_in(Role.LEAD)
    assert "agent-1 has it open" in (await lead.get(address)).text
    hidden = visitor.hidden(page, f"{address}/respond")
    typed = {"text": "We are"}
    kept = await visitor.post(f"{address}/drafts/respond", hidden | typed, headers={"HX-Request": "true"})
    assert kept.text.startswith("Draft kept")
    assert "<html" not in kept.text

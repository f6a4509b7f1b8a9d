"""Opening a ticket at the desk: for a customer who calls, once for each form, and by who may."""

import pytest

from domain.core.enums import Role
from tests.support.desk_visitor import Visitor
from tests.support.served_api import Api

NEW = "/desk/new"


async def at_the_form(api: Api, role: Role = Role.AGENT) -> tuple[Visitor, dict[str, str]]:
    """A person who is signed in, and the hidden fields of the form."""
    visitor = Visitor(api)
    await visitor.sign_in(role)
    return visitor, visitor.hidden(await visitor.get(NEW), NEW)


async def test_a_ticket_is_opened_for_a_customer_who_calls(api: Api) -> None:
    visitor, hidden = await at_the_form(api)
    said = {
        "account.id": "caller", "account.plan": "premium", "subject": "Login fails", "channel": "phone",
        "priority": "P2", "message": "We look at it now.", "tags": "login, sso",
    }  # fmt: skip
    opened = await visitor.post(NEW, hidden | said)
    assert opened.status_code == 303, opened.text
    ticket = opened.headers["Location"].rpartition("/")[2]
    shown = (await api.get(f"/api/v1/tickets/{ticket}")).json()
    assert shown["account"]["id"] == "caller"
    assert (shown["channel"], shown["priority"], shown["source"]) == ("phone", "P2", "api:desk")
    assert shown["tags"] == ["login", "sso"]
    page = await visitor.get(opened.headers["Location"])
    assert "We look at it now." in page.text


async def test_a_form_that_is_sent_twice_opens_one_ticket_and_another_form_another(api: Api) -> None:
    visitor, hidden = await at_the_form(api)
    said = {"account.id": "twice", "subject": "Sent twice"}
    first, again = [await visitor.post(NEW, hidden | said) for _ in range(2)]
    assert first.headers["Location"] == again.headers["Location"]
    _, other = await at_the_form(api)
    assert other["once"] != hidden["once"]


async def test_what_is_wrong_is_said_and_what_was_typed_stays(api: Api) -> None:
    visitor, hidden = await at_the_form(api)
    refused = await visitor.post(NEW, hidden | {"subject": "<b>Half typed</b>", "channel": "pigeon"})
    assert refused.status_code == 422
    assert "&lt;b&gt;Half typed&lt;/b&gt;" in refused.text
    assert "account" in refused.text
    assert (await visitor.post(NEW, {"subject": "no token"})).status_code == 403


@pytest.mark.parametrize(("role", "may"), [(Role.CSM, True), (Role.LEAD, True), (Role.FINANCE, False)])
async def test_who_opens_no_ticket_is_offered_no_form(api: Api, role: Role, may: bool) -> None:
    visitor = Visitor(api)
    await visitor.sign_in(role)
    queue = await visitor.get("/desk/queue")
    assert ('action="/desk/new"' in queue.text) is may
    assert (await visitor.get(NEW)).status_code == (200 if may else 403)
    hidden = visitor.hidden(queue, "/desk/sign-out")
    sent = await visitor.post(NEW, hidden | {"account.id": "x", "subject": "y", "once": f"role-{role}"})
    assert sent.status_code == (303 if may else 403)

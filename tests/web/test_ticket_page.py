"""A ticket's page: what it shows, and acts as plain forms."""

import re
from datetime import UTC, datetime, timedelta

from domain.core.enums import Role
from tests.support.desk_visitor import PACKAGE, Visitor, at_ticket
from tests.support.served_api import Api


async def test_an_act_is_a_form_whose_answer_the_page_shows(api: Api) -> None:
    visitor, _ticket, address = await at_ticket(api, subject="Export fails", description="Error 500 since Monday.")
    page = await visitor.get(address)
    assert "Error 500 since Monday." in page.text
    done = await visitor.send(page, f"{address}/respond", {"text": "We are looking into it.\r\nOne moment."})
    assert done.status_code == 303
    page = await visitor.get(done.headers["Location"])
    assert "We are looking into it.\nOne moment." in page.text
    assert "first response, contract: met" in page.text


async def test_a_form_that_is_sent_twice_is_one_command(api: Api) -> None:
    visitor, ticket, address = await at_ticket(api)
    fields = Visitor.hidden(await visitor.get(address), f"{address}/note") | {"text": "Same as last week."}
    first, second = await visitor.post(f"{address}/note", fields), await visitor.post(f"{address}/note", fields)
    assert first.headers["Location"] == second.headers["Location"]
    await visitor.get(first.headers["Location"])  # which waits for the journal
    entries = (await api.get(f"/api/v1/tickets/{ticket}/timeline")).json()["entries"]
    assert [one["type"] for one in entries].count("noted") == 1


async def test_a_refusal_names_all_that_is_missing_and_keeps_what_was_typed(api: Api) -> None:
    visitor, _ticket, address = await at_ticket(api)
    page = await visitor.get(
        (await visitor.send(await visitor.get(address), f"{address}/take", {})).headers["Location"]
    )
    some = {name: text for name, text in PACKAGE.items() if name != "fields.customer_impact"}
    refused = await visitor.send(page, f"{address}/escalate", some)
    assert refused.status_code == 422
    assert "<li>customer impact</li>" in refused.text
    assert "Cleared the cache.</textarea>" in refused.text
    moved = await visitor.send(refused, f"{address}/escalate", PACKAGE)
    assert moved.status_code == 303
    assert "open in T2" in (await visitor.get(moved.headers["Location"])).text


async def test_only_acts_that_fit_the_state_and_the_role_are_offered(api: Api) -> None:
    visitor, _ticket, address = await at_ticket(api)
    page = (await visitor.get(address)).text
    assert f"{address}/respond" in page
    assert f"{address}/reopen" not in page
    assert f"{address}/replace_terms" not in page
    away = await visitor.get("/desk/tickets/0000-0000-0000")
    assert away.status_code == 404


async def test_texts_of_a_ticket_are_text(api: Api) -> None:
    attack = "<script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}"
    visitor, _ticket, address = await at_ticket(api, subject=attack, description=attack)
    page = (await visitor.get(address)).text
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "{{7*7}}" in page


async def test_the_next_ticket_is_taken_by_one_button(api: Api) -> None:
    await api.open(subject="Take me", priority="P1")
    visitor = Visitor(api)
    await visitor.sign_in()
    taken = await visitor.send(await visitor.get("/desk/queue"), "/desk/queue/next", {})
    assert taken.status_code == 303
    assert "agent-1" in (await visitor.get(taken.headers["Location"])).text


async def test_g10_in_the_view_of_a_tier_the_next_ticket_is_one_of_that_tier(api: Api) -> None:
    await api.open(subject="Tier 1, and more urgent", priority="P1")
    handed = await api.open(subject="Tier 2", priority="P3")
    package = {name.removeprefix("fields."): text for name, text in PACKAGE.items()}
    done = await api.post(f"/api/v1/tickets/{handed}/escalate", {"fields": package})
    assert done.status_code == 200, done.text
    visitor = Visitor(api)
    await visitor.sign_in()
    await visitor.get(f"/desk/tickets/{handed}?seq={done.json()['seq']}")  # which waits for the journal
    taken = await visitor.send(await visitor.get("/desk/queue?view=T2"), "/desk/queue/next", {})
    assert taken.status_code == 303
    ticket = taken.headers["Location"].partition("?")[0].removeprefix("/desk/tickets/")
    assert (await api.get(f"/api/v1/tickets/{ticket}")).json()["tier"] == "T2"


async def test_g14_the_later_reply_is_held_back_and_says_why(api: Api) -> None:
    ada, ticket, address = await at_ticket(api)
    lena = Visitor(api)
    await lena.sign_in(Role.LEAD)
    as_ada_saw_it = await ada.get(address)
    first = await lena.send(await lena.get(address), f"{address}/respond", {"text": "We fixed it."})
    assert first.status_code == 303
    held = await ada.send(as_ada_saw_it, f"{address}/respond", {"text": "We are looking into it."})
    assert held.status_code == 409
    assert "Somebody answered: lead-1" in held.text
    assert "We are looking into it.</textarea>" in held.text
    sent = await ada.send(held, f"{address}/respond", {"text": "And it stays fixed."})
    assert sent.status_code == 303
    answered = (await api.get(f"/api/v1/tickets/{ticket}/timeline")).json()["entries"]
    assert [one["by"] for one in answered if one["type"] == "responded"] in (["lead-1"], ["lead-1", "agent-1"])


async def test_what_a_customer_said_on_the_phone_is_written_down_and_ends_the_waiting(api: Api) -> None:
    visitor, ticket, address = await at_ticket(api)
    waited = await api.post(f"/api/v1/tickets/{ticket}/wait", {"question": "Which browser?"})
    page = await visitor.get(f"{address}?seq={waited.json()['seq']}")
    assert 'name="known_by"' not in page.text, "what a program says of a message is not asked for"

    written = {"text": "Firefox 145, she says.", "customer": "dana"}
    answer = await visitor.send(page, f"{address}/reply", written)

    assert answer.status_code == 303
    after = (await visitor.get(answer.headers["Location"])).text
    assert re.search(r'<article class="message customer">\s*<header>.*for dana', after)
    assert "Firefox 145, she says." in after
    assert "waits on agent" in after


async def test_questions_and_promises_are_asked_for_and_shown(api: Api) -> None:
    visitor, _ticket, address = await at_ticket(api)
    page = await visitor.get(address)
    asked = await visitor.send(page, f"{address}/ask", {"to": "billing", "text": "Sent twice?"})
    page = await visitor.get(asked.headers["Location"])
    assert "<strong>billing</strong>" in page.text
    soon = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    promised = await visitor.send(page, f"{address}/promise", {"text": "An update.", "due": soon})
    page = await visitor.get(promised.headers["Location"])
    assert "Promise 1 by agent-1:" in page.text
    wrong = await visitor.send(page, f"{address}/promise", {"text": "An update.", "due": "some day"})
    assert wrong.status_code == 422
    assert "a day and a time" in wrong.text


async def test_f11_a_ticket_of_a_customer_who_cancels_says_so_until_it_is_corrected(api: Api) -> None:
    visitor, _ticket, address = await at_ticket(api, category="cancellation")
    says = '<span class="missed">wants to cancel</span>'
    page = await visitor.get(address)
    assert says in page.text
    sent = await visitor.send(page, f"{address}/amend", {"category": "how-to"})
    assert sent.status_code == 303, sent.text
    assert says not in (await visitor.get(sent.headers["Location"])).text

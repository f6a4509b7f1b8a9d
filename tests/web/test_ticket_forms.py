"""What a ticket's page says of its package, and the pages with which it is handed up and resolved."""

import re
from typing import Any

from domain.core.enums import Role
from tests.support.desk_visitor import PACKAGE, at_ticket
from tests.support.served_api import Api
from tests.support.waiting import until
from web.forms import forms_for

FOR_ENGINEERING: dict[str, Any] = {
    "bug_report": {
        "summary": "Export fails", "expected": "A file.", "actual": "Error 500.", "environment": "EU",
        "frequency": "Always.", "code_change": True,
    },
    "business_impact": {"text": "The month is open.", "arr": "unknown"},
    "workaround_status": "None.",
    "communication_plan": "Daily.",
}  # fmt: skip


async def test_g3_each_field_says_where_it_came_from_and_the_button_what_is_missing(api: Api) -> None:
    visitor, ticket, address = await at_ticket(api)
    await api.take(ticket)
    noted = await api.post(f"/api/v1/tickets/{ticket}/step", {"text": "Tried another browser."})
    page = (await visitor.get(f"{address}?seq={noted.json()['seq']}")).text
    assert re.search(r"steps taken</strong>\s*<span[^>]*>from a step by agent-1", page)
    assert "Escalate: 3 missing" in page
    assert "T2 still needs: customer impact, reproduction steps, logs or screenshots." in page
    assert "Tier 1 limit" in page


async def test_g4_the_issue_is_seen_before_it_is_made_and_without_what_is_removed(api: Api) -> None:
    visitor, ticket, address = await at_ticket(
        api, subject="Export fails", description="Write to sam@example.com.", priority="P2"
    )
    await api.take(ticket)
    form = await visitor.get(f"{address}/escalate")
    assert "As engineering would see it" in form.text
    assert form.text.index('name="fields.customer_impact"') < form.text.index("Other fields")
    assert "sam@example.com" not in form.text
    assert "Removed before it left support: e-mail" in form.text
    refused = await visitor.send(form, f"{address}/escalate", {"fields.customer_impact": "Nobody can export."})
    assert refused.status_code == 422
    assert "Nobody can export.</textarea>" in refused.text
    moved = await visitor.send(refused, f"{address}/escalate", PACKAGE)
    assert (
        "It becomes a bug on the tracker."
        in (await visitor.get(f"{address}/escalate?{moved.headers['Location'].partition('?')[2]}")).text
    )


async def test_g9_the_resolution_asks_for_what_its_way_of_ending_needs(api: Api) -> None:
    visitor, _ticket, address = await at_ticket(api, category="account")
    page = await visitor.get(f"{address}/resolve")
    assert "The record still needs: message to the customer, what was done, identity check." in page.text
    repeated = await visitor.get(f"{address}/resolve?resolution=duplicate")
    assert "The record still needs: message to the customer, parent." in repeated.text
    said = {"message": "It is yours now.", "what_was_done": "Changed the owner."}
    refused = await visitor.send(page, f"{address}/resolve", said)
    assert refused.status_code == 422
    assert "Changed the owner.</textarea>" in refused.text
    assert "worth telling the team" in page.text
    said |= {"identity_check": "Called back.", "win": "An owner is changed in two steps."}
    done = await visitor.send(refused, f"{address}/resolve", said)
    assert done.status_code == 303
    page = await visitor.get(done.headers["Location"])
    told = '<dd class="words">An owner is changed in two steps.</dd>'
    for words in ("resolved in T1", "resolved: solved, worth telling the team", told):
        assert words in page.text


def in_tier_2() -> dict[str, str]:
    """Tier 2's package, as the fields of a command."""
    return {name.removeprefix("fields."): text for name, text in PACKAGE.items()}


async def handed_on(api: Api, account: str, **more: str) -> tuple[str, str]:
    """A ticket that engineering has, and its issue's key."""
    ticket = await api.open(subject="Ledger export", priority="P2", account={"id": account, "plan": "standard"})
    await api.take(ticket)
    for said in ({"fields": in_tier_2()}, {"fields": FOR_ENGINEERING} | more):
        handed = await api.post(f"/api/v1/tickets/{ticket}/escalate", said)
        assert handed.status_code == 200, handed.text

    async def issue() -> str:
        shown = (await api.get(f"/api/v1/tickets/{ticket}")).json()
        return str((shown["links"]["jira"] or {}).get("key", ""))

    return ticket, await until(issue, "the ticket has its issue")


async def test_f4_an_issue_says_who_else_waits_for_it(api: Api) -> None:
    visitor, _ticket, _address = await at_ticket(api)
    first, key = await handed_on(api, "first-account")
    page = (await visitor.get(f"/desk/tickets/{first}")).text
    assert "nobody else waits for it" in page
    second, same = await handed_on(api, "second-account", issue=key)
    assert same == key
    page = (await visitor.get(f"/desk/tickets/{first}")).text
    assert "1 more ticket of 1 customer waits" in page
    assert f'<a href="/desk/tickets/{second}">second-account</a>' in page


async def test_f4_open_issues_with_the_same_error_come_first_and_are_linked_with_one_button(api: Api) -> None:
    visitor, _ticket, _address = await at_ticket(api)
    _first, key = await handed_on(api, "alike-1")
    second = await api.open(subject="Ledger export", priority="P2", account={"id": "alike-2", "plan": "standard"})
    await api.take(second)
    for name, said in (("escalate", in_tier_2()), ("fill", FOR_ENGINEERING)):
        handed = await api.post(f"/api/v1/tickets/{second}/{name}", {"fields": said})
        assert handed.status_code == 200, handed.text
    address = f"/desk/tickets/{second}/escalate"

    form = await visitor.get(f"{address}?seq={handed.json()['seq']}")

    assert form.text.index("Open issues with the same error") < form.text.index("Hand up")
    assert f"Link {key}</button>" in form.text
    links = [visitor.hidden(form, address, place) for place in range(form.text.count('<button class="quiet">Link '))]
    moved = await visitor.post(address, next(one for one in links if one["issue"] == key))
    assert moved.status_code == 303
    assert "open in T3" in (await visitor.get(moved.headers["Location"])).text

    async def linked() -> bool:
        shown = (await api.get(f"/api/v1/tickets/{second}")).json()
        return (shown["links"]["jira"] or {}).get("key") == key

    await until(linked, "the ticket has the issue of the first")


async def test_the_card_carries_the_package_and_stays_a_card(api: Api) -> None:
    visitor, ticket, address = await at_ticket(api, Role.AGENT)
    card = await visitor.get(f"{address}/card")
    assert "frame-ancestors 'none'" in card.headers["Content-Security-Policy"]
    assert "Package for T2" in card.text
    done = await visitor.send(card, f"{address}/note/card", {"text": "From the card."})
    assert done.headers["Location"].startswith(f"/desk/tickets/{ticket}/card?seq=")


def offered_on(page: str, address: str) -> set[str]:
    """The commands that a ticket's page has a form for, or leads to the form of."""
    forms = set(re.findall(rf'action="{address}/(\w+)"', page))
    return (forms | set(re.findall(rf'href="{address}/(escalate|resolve)"', page))) - {"presence"}


async def test_a_page_offers_the_commands_that_fit_the_ticket_and_the_role_and_no_other(api: Api) -> None:
    lead, ticket, address = await at_ticket(api, Role.LEAD, category="how-to")
    steps: list[tuple[str, dict[str, Any]]] = [
        ("take", {}), ("wait", {"question": "Which one?"}), ("solved", {"text": "Found it."}),
        ("reopen", {"reason": "It is back."}), ("end", {"how": "closed"}),
    ]  # fmt: skip
    unasked = {"answer", "keep"}  # there is no question, and no promise
    said = False
    for name, fields in [("", {}), *steps]:
        page = await lead.get(address)
        if name:
            forms = re.findall(rf'action="{address}/{name}"', page.text)
            assert forms, f"no form of {name}"
            sent = await lead.send(page, f"{address}/{name}", fields)
            assert sent.status_code == 303, sent.text
            page = await lead.get(sent.headers["Location"])
            said = said or name == "wait"
        allowed = (await api.get(f"/api/v1/tickets/{ticket}")).json()["allowed_commands"]
        known = set(forms_for(allowed, Role.LEAD)) - unasked
        if name == "take":
            known -= {"take"}  # they hold it
        known -= set() if said else {"hide"}  # there is no message
        assert offered_on(page.text, address) - {"take"} == known - {"identify", "take"}
    rated = await lead.send(page, f"{address}/rate", {"csat": "4"})
    assert rated.status_code == 303
    page = await lead.get(rated.headers["Location"])
    (message,) = re.findall(r'<option value="([^"]+)" >[^<]*Found it', page.text)
    hidden = await lead.send(page, f"{address}/hide", {"message": message})
    assert hidden.status_code == 303
    assert f'value="{message}"' not in (await lead.get(hidden.headers["Location"])).text


async def test_c8_a_lead_gives_a_ticket_the_terms_of_today_with_a_reason(api: Api) -> None:
    lead, ticket, address = await at_ticket(api, Role.LEAD)
    agent = await lead.get(address)
    sent = await lead.send(agent, f"{address}/replace_terms", {"reason": "Their contract was renewed."})
    assert sent.status_code == 303, sent.text
    await lead.get(sent.headers["Location"])
    entries = (await api.get(f"/api/v1/tickets/{ticket}/timeline")).json()["entries"]
    assert [one["texts"] for one in entries if one["type"] == "terms_replaced"] == [
        {"reason": "Their contract was renewed."}
    ]

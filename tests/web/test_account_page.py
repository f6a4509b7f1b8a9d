"""An account's page and the lists of accounts: who reads them, the notes that support and customer success share."""

from datetime import UTC, datetime
from urllib.parse import quote
from uuid import uuid4

from domain.core.enums import Plan, Role
from domain.ticket.state import Account
from services.account_notes import LONGEST
from services.erasure import Scope, erase, look
from store import accounts
from tests.support.desk_visitor import Visitor
from tests.support.hostile import HOSTILE
from tests.support.served_api import Api

NOTES = "/desk/account-notes"


def told(api: Api, *ids: str, csm: str | None = None) -> None:
    """Make accounts known, as an import does."""
    with api.db.begin() as session:
        accounts.save_accounts(session, [Account(id=one, plan=Plan.PREMIUM, csm=csm) for one in ids])


async def signed_in(api: Api, role: Role, *, name: str | None = None) -> Visitor:
    visitor = Visitor(api)
    await visitor.sign_in(role, token=api.token(role, name=name) if name else None)
    return visitor


async def write(visitor: Visitor, account: str, text: str) -> str:
    """Write a note, and return the page that shows it."""
    address = f"/desk/accounts/{quote(account, safe='')}"
    answer = await visitor.send(await visitor.get(address), NOTES, {"text": text})
    assert answer.status_code == 303, answer.text
    return (await visitor.get(answer.headers["Location"].partition("#")[0])).text


async def test_an_account_has_its_tickets_and_is_linked_from_ticket_and_queue(api: Api) -> None:
    account = f"page-{uuid4().hex[:8]}"
    ticket = await api.open(subject="Ledger is empty", priority="P1", account={"id": account, "plan": "premium"})
    agent = await signed_in(api, Role.AGENT)
    page = (await agent.get(f"/desk/accounts/{account}")).text
    assert f'<a href="/desk/tickets/{ticket}">Ledger is empty</a>' in page
    assert "1 active" in page
    assert "by no import: this is what its newest ticket says" in page
    for empty in ("Nothing of this account waits in engineering.", "No incident touched this account.",
                  "No ticket has ended.", "Nobody has written a note yet."):  # fmt: skip
        assert empty in page
    link = f'href="/desk/accounts/{account}"'
    assert link in (await agent.get(f"/desk/tickets/{ticket}")).text
    assert link in (await agent.get("/desk/queue?view=unassigned")).text


async def test_a_csm_sees_their_own_accounts_first_and_others_on_request(api: Api) -> None:
    mine, other, csm = (f"{name}-{uuid4().hex[:8]}" for name in ("mine", "other", "csm"))
    told(api, mine, csm=csm)
    told(api, other, csm="somebody-else")
    await api.open(account={"id": mine, "plan": "premium"}, priority="P1")
    carla = await signed_in(api, Role.CSM, name=csm)
    page = (await carla.get("/desk/accounts")).text
    assert f'href="/desk/accounts/{mine}"' in page
    assert other not in page
    assert other in (await carla.get(f"/desk/accounts?view=all&after={other[:-1]}")).text
    nobody = await signed_in(api, Role.LEAD, name=f"new-{uuid4().hex[:8]}")
    assert "No account names you" in (await nobody.get("/desk/accounts?view=mine")).text
    found = await carla.get(f"/desk/accounts?id={other}")
    assert found.headers["Location"] == f"/desk/accounts/{other}"


async def test_f1_an_account_shows_its_alerts_and_its_health_with_the_reasons(api: Api) -> None:
    account = f"risk-{uuid4().hex[:8]}"
    told(api, account)
    agent = await signed_in(api, Role.AGENT)
    address = f"/desk/accounts/{account}"
    calm = (await agent.get(address)).text
    assert "<dt>Alert</dt>" not in calm
    assert "<dt>The CRM</dt>" not in calm

    tickets = [await api.open(account={"id": account, "plan": "premium"}, priority="P1") for _ in range(7)]
    word = {"health": "red", "reason": "Logins <fell>.", "usage": {"active users": 12, "trend": "down"}}
    word["renewal"] = {"id": "<1>", "on": "2026-11-01", "outcome": "reduced", "arr": 90_000}
    answer = await api.post(f"/api/v1/accounts/{account}/health", word, role=Role.INTEGRATION)
    assert answer.status_code == 200, answer.text

    page = (await agent.get(address)).text
    alert = page[page.index("<dt>Alert</dt>") : page.index("</dd>", page.index("<dt>Alert</dt>"))]
    assert "7 urgent tickets or cancellations since" in alert
    assert [ticket for ticket in tickets if f'href="/desk/tickets/{ticket}"' in alert] == tickets
    assert '<span class="health red">red</span>, said by integration-1' in page
    assert "<dt>Renewal</dt><dd>2026-11-01: <span >reduced</span>, 90,000 a year from then on" in page
    assert ": Logins &lt;fell&gt;." in page
    assert "<dt>active users</dt><dd>12</dd>" in page
    assert "<dt>trend</dt><dd>down</dd>" in page
    assert '<span class="health red">health red</span>' in page  # and so goes what is decided of new tickets


async def test_an_account_that_nobody_knows_is_not_found_and_any_id_has_a_page(api: Api) -> None:
    agent = await signed_in(api, Role.AGENT)
    assert (await agent.get("/desk/accounts/nobody-knows-it")).status_code == 404
    odd = f"a/b c?d#e&{uuid4().hex[:6]}"
    await api.open(account={"id": odd, "plan": "standard"})
    address = (await agent.get(f"/desk/accounts?id={quote(odd)}")).headers["Location"]
    assert "1 active" in (await agent.get(address)).text
    assert "Seen here." in await write(agent, odd, "Seen here.")


async def test_support_and_customer_success_share_notes_and_others_only_read_them(api: Api) -> None:
    account = f"notes-{uuid4().hex[:8]}"
    told(api, account)
    agent, csm, engineer = [await signed_in(api, role) for role in (Role.AGENT, Role.CSM, Role.ENGINEER)]
    assert "Renewal is in May." in await write(csm, account, "Renewal is in May.")
    assert "csm-1" in await write(agent, account, "They call, they do not write.")
    page = await engineer.get(f"/desk/accounts/{account}")
    assert "Renewal is in May." in page.text
    assert NOTES not in page.text
    fields = Visitor.hidden(await agent.get(f"/desk/accounts/{account}"), NOTES)
    own = await engineer.get("/desk/queue")
    refused = await engineer.post(NOTES, fields | Visitor.hidden(own, "/desk/sign-out") | {"text": "Mine."})
    assert refused.status_code == 403
    assert "the role engineer reads notes" in refused.text


async def test_a_note_is_changed_and_removed_by_its_writer_or_a_lead(api: Api) -> None:
    account = f"edit-{uuid4().hex[:8]}"
    told(api, account)
    agent, csm, lead = [await signed_in(api, role) for role in (Role.AGENT, Role.CSM, Role.LEAD)]
    await write(agent, account, "Call on Mondays.")
    address = f"/desk/accounts/{account}"
    assert "Save the change" not in (await csm.get(address)).text
    fields = Visitor.hidden(await agent.get(address), NOTES, 1)
    stolen = fields | Visitor.hidden(await csm.get(address), NOTES) | {"do": "change", "text": "No."}
    assert (await csm.post(NOTES, stolen)).status_code == 403
    changed = await agent.post(NOTES, fields | {"do": "change", "text": "Call on Tuesdays."})
    assert changed.status_code == 303
    page = await lead.get(address)
    assert "Call on Tuesdays." in page.text
    assert "changed by agent-1" in page.text
    late = await agent.post(NOTES, fields | {"do": "change", "text": "Call on Fridays."})
    assert late.status_code == 409
    assert "Call on Fridays.</textarea>" in late.text
    assert (await lead.post(NOTES, Visitor.hidden(page, NOTES, 1) | {"do": "remove"})).status_code == 303
    assert "Nobody has written a note yet." in (await agent.get(address)).text
    gone = await agent.post(NOTES, fields | {"do": "change", "text": "Call on Fridays."})
    assert gone.status_code == 404
    assert "Call on Fridays.</textarea>" in gone.text


async def test_a_note_that_is_sent_twice_is_one_and_its_length_is_bounded(api: Api) -> None:
    account = f"once-{uuid4().hex[:8]}"
    told(api, account)
    agent = await signed_in(api, Role.AGENT)
    fields = Visitor.hidden(await agent.get(f"/desk/accounts/{account}"), NOTES) | {"text": "Only once."}
    for _ in range(2):
        assert (await agent.post(NOTES, fields)).status_code == 303
    page = await agent.get(f"/desk/accounts/{account}")
    assert page.text.count('<p class="words">Only once.</p>') == 1
    for text, status in (("x" * (LONGEST + 1), 413), (" \n", 422)):
        refused = await agent.send(page, NOTES, {"text": text})
        assert refused.status_code == status
    assert (await agent.send(page, NOTES, {"text": "x", "csrf": "0" * 128})).status_code == 403


async def test_what_is_hostile_in_a_note_or_an_id_is_text(api: Api) -> None:
    account = f"{HOSTILE[3]}{uuid4().hex[:6]}"
    told(api, account)
    agent = await signed_in(api, Role.AGENT)
    page = await write(agent, account, "\n".join(HOSTILE))
    listed = (await agent.get(f"/desk/accounts?view=all&after={quote(account[:-1])}")).text
    for text in (page, listed):
        assert "<script>alert" not in text
        assert "<img" not in text
        assert "onload=alert(1)>" not in text
    assert "{{7*7}}" in page


async def test_erasing_an_account_erases_its_notes(api: Api) -> None:
    account = f"gone-{uuid4().hex[:8]}"
    ticket = await api.open(account={"id": account, "plan": "standard"})
    agent = await signed_in(api, Role.AGENT)
    await write(agent, account, "Jane leaves in May.")
    by_hand = look(api.db, Scope(kind="ticket", id=ticket)).elsewhere()
    assert f"account {account}: read the notes on its page, which are about more than this person" in by_hand
    scope = Scope(kind="account", id=account)
    assert look(api.db, scope).notes == 1
    done = await erase(api.db, scope, at=datetime.now(UTC), actor="olga", reason="request 18")
    assert done.found.notes == 1
    assert "Jane leaves in May." not in (await agent.get(f"/desk/accounts/{account}")).text
    assert look(api.db, scope).gone


async def test_f1_the_accounts_that_a_team_shares_are_among_those_of_its_members(api: Api) -> None:
    """Premium shares a CSM, and the shipped policy says who that is; Enterprise has one by name."""
    shared, named = (f"{name}-{uuid4().hex[:8]}" for name in ("shared", "named"))
    told(api, shared)
    with api.db.begin() as session:
        accounts.save_accounts(session, [Account(id=named, plan=Plan.ENTERPRISE)])
    await api.open(account={"id": shared, "plan": "premium"}, priority="P1")
    carla = await signed_in(api, Role.CSM, name=f"carla-{uuid4().hex[:8]}")
    page = (await carla.get("/desk/accounts")).text
    assert f'href="/desk/accounts/{shared}"' in page
    assert "shared: customer-success" in page
    assert named not in page
    assert shared in (await carla.get("/desk")).text
    lead = await signed_in(api, Role.LEAD)
    assert shared not in (await lead.get("/desk/accounts?view=mine")).text

    assert "customer-success <span" in (await carla.get(f"/desk/accounts/{shared}")).text
    assert "a named CSM is due, none is set" in (await carla.get(f"/desk/accounts/{named}")).text

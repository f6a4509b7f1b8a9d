"""F6: refunds at the desk: requested on the ticket, decided by somebody else, and listed beside the credits."""

import html
import re
from uuid import uuid4

from domain.core.enums import Role
from services import refunds
from store.refunds import RefundState
from tests.support.desk_visitor import Visitor, at_ticket
from tests.support.served_api import Api

LIST = "/desk/credits/refunds"
HOSTILE = "<script>alert(1)</script> & 'quoted'"
ASKED = {"amount": "12.50", "currency": "EUR", "reason": "charged_twice", "text": HOSTILE}


async def visitor_in(api: Api, role: Role) -> Visitor:
    visitor = Visitor(api)
    await visitor.sign_in(role)
    return visitor


async def test_f6_a_refund_goes_its_way_on_the_pages(api: Api) -> None:
    account = f"refund-{uuid4().hex[:8]}"
    agent, ticket, address = await at_ticket(
        api, Role.AGENT, category="billing", account={"id": account, "plan": "premium", "zone": "UTC"}
    )
    page = await agent.get(address)
    wrong = await agent.send(page, f"{address}/request_refund", ASKED | {"amount": "12,50"})
    assert (wrong.status_code, 'value="12,50"' in wrong.text, "such as 12.50" in wrong.text) == (422, True, True)
    assert html.escape(HOSTILE, quote=False).replace("'", "&#39;") in wrong.text
    above = await agent.send(page, f"{address}/request_refund", ASKED | {"amount": "5000.01"})
    assert (above.status_code, "finance up to 5,000.00" in above.text) == (403, True)
    sent = await agent.send(page, f"{address}/request_refund", ASKED)
    assert sent.status_code == 303, sent.text
    own = await agent.get(sent.headers["Location"])
    assert "waits for approval" in own.text
    assert HOSTILE not in own.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in own.text
    assert f'action="{address}/withdraw_refund"' in own.text
    assert f'action="{address}/approve_refund"' not in own.text

    lead = await visitor_in(api, Role.LEAD)
    listed = await lead.get(f"{LIST}?account={account}")
    assert "12.50 EUR" in listed.text
    assert f'href="/desk/tickets/{ticket}#refunds">Approve or refuse' in listed.text
    page = await lead.get(sent.headers["Location"])
    approved = await lead.send(page, f"{address}/approve_refund", {})
    assert approved.status_code == 303, approved.text
    assert "billing has not answered yet" in (await lead.get(approved.headers["Location"])).text

    assert "No refund waits" in (await lead.get(f"{LIST}?account={account}")).text
    finance = await visitor_in(api, Role.FINANCE)
    page = await finance.get(f"{LIST}?state=approved&account={account}")
    (line,) = refunds.listed(api.db, account=account, states=[RefundState.APPROVED]).refunds
    assert line.billing_id is not None
    unset = await finance.send(page, LIST, {"refund": line.billing_id, "do": "send"})
    assert (unset.status_code, "set BILLING_URL" in unset.text) == (409, True)
    assert (await finance.send(page, LIST, {"refund": line.billing_id, "do": "apply"})).status_code == 303
    assert "noted by finance-1" in (await finance.get(f"{LIST}?state=applied&account={account}")).text
    assert "billing has it" in (await agent.get(address)).text
    month = f"{line.requested_at:%Y-%m}"
    statement = (await agent.get(f"/desk/statement?account={account}&month={month}")).text
    assert re.search(r"charged twice</td><td>12.50 EUR</td><td>applied", statement)


async def test_f6_what_is_refused_says_why_and_other_tickets_have_no_refunds(api: Api) -> None:
    agent, _, address = await at_ticket(api, Role.AGENT, category="billing")
    sent = await agent.send(await agent.get(address), f"{address}/request_refund", ASKED)
    lead = await visitor_in(api, Role.LEAD)
    page = await lead.get(sent.headers["Location"])
    blank = await lead.send(page, f"{address}/refuse_refund", {"text": " "})
    assert blank.status_code == 422
    refused = await lead.send(page, f"{address}/refuse_refund", {"text": HOSTILE})
    assert refused.status_code == 303
    after = (await agent.get(refused.headers["Location"])).text
    assert "refused by lead-1" in after
    assert HOSTILE not in after
    other, _, there = await at_ticket(api, Role.AGENT, category="bug")
    assert 'id="refunds"' not in (await other.get(there)).text

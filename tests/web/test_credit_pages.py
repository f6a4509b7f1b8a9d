"""F2, F8: credits and statements at the desk: who decides, what is refused, what the customer's month shows."""

import re
from collections.abc import Sequence
from html import unescape
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from domain.core.enums import Role
from services import credits
from store import credits as rows
from store import journal
from tests.support.breached_account import breached
from tests.support.desk_visitor import Visitor
from tests.support.served_api import Api
from tests.support.ticket_life import MONDAY, life
from web import credits as pages

AT = "/desk/credits"


async def visitor_in(api: Api, role: Role) -> Visitor:
    visitor = Visitor(api)
    await visitor.sign_in(role)
    return visitor


async def test_f2_a_lead_decides_on_the_page_and_others_read_it(api: Api) -> None:
    account, name = breached(api)
    agent, lead = await visitor_in(api, Role.AGENT), await visitor_in(api, Role.LEAD)
    read = await agent.get(f"{AT}?account={account}")
    assert ("500.00" in read.text, "<button name=" in read.text) == (True, False)
    form = await lead.get(f"{AT}?account={account}")
    unsaid = await lead.send(form, AT, {"credit": name, "do": "void", "reason": " "})
    assert (unsaid.status_code, "say why" in unsaid.text) == (422, True)
    assert (await lead.send(form, AT, {"credit": name, "do": "approve"})).status_code == 303
    again = await lead.send(form, AT, {"credit": name, "do": "nothing"})
    assert again.status_code == 404
    assert (await lead.send(form, AT, {"credit": name, "do": "apply"})).status_code == 303
    assert credits.detail(api.db, name).credit.state == "applied"


async def test_f2_what_open_clocks_would_cost_is_read_for_all_accounts_only_where_it_is_asked_for(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str | None] = []

    def counted(session: Session, account: str | None, limit: int) -> Sequence[Any]:
        read.append(account)
        return rows.open_clocks(session, account, limit)

    monkeypatch.setattr(credits, "rows", SimpleNamespace(**vars(rows) | {"open_clocks": counted}))
    account, _ = breached(api)
    lead = await visitor_in(api, Role.LEAD)
    ledger, of_one = await lead.get(AT), await lead.get(f"{AT}?account={account}")
    assert ("If nobody acts <" in ledger.text, "If nobody acts <" in of_one.text) == (False, True)
    assert read == [account]
    assert f'<a href="{AT}/exposure" >If nobody acts</a>' in ledger.text
    assert "If nobody acts <" in (await lead.get(f"{AT}/exposure")).text
    assert read == [account, None]


async def test_f2_the_navigation_leads_to_credits_those_who_deal_with_them(api: Api) -> None:
    for role in (Role.LEAD, Role.FINANCE, Role.CSM, Role.AGENT):
        home = (await (await visitor_in(api, role)).get("/desk")).text
        assert (f'href="{AT}"' in home) == (role is not Role.AGENT), role


async def test_f8_the_statement_is_a_page(api: Api) -> None:
    account, _ = breached(api)
    agent = await visitor_in(api, Role.AGENT)
    linked = await agent.get(f"/desk/accounts/{account}")
    assert f"/desk/statement?account={account}" in linked.text
    shown = await agent.get(f"/desk/statement?account={account}&month=2026-03")
    assert shown.status_code == 200
    assert "0 contract clocks kept, 1 missed, 0 waived. Credits: 500.00" in shown.text
    assert (await agent.get(f"/desk/statement?account={account}&month=2026-99")).status_code == 422
    assert (await agent.get("/desk/statement?account=nobody-here&month=2026-03")).status_code == 404


async def test_f8_a_long_statement_shows_what_was_missed_first_and_has_all_as_csv(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "STATEMENT_LINES", 2)
    account, _ = breached(api)
    kept = [life(uuid4().hex, account=account, at=MONDAY.replace(hour=9)).do("respond", text="We look.") for _ in "abc"]
    for one in kept:
        with api.db.begin() as session:
            journal.append(session, one.ticket.id, "run", one.events)
    lead = await visitor_in(api, Role.LEAD)
    shown = await lead.get(f"/desk/statement?account={account}&month=2026-03")
    assert "3 contract clocks kept, 1 missed" in shown.text
    assert "The first 2 tickets are listed, and 2 clocks" in shown.text
    assert (shown.text.count("<td>missed</td>"), shown.text.count("<td>kept</td>")) == (1, 1)
    (link,) = re.findall(r'href="([^"]+)" download', shown.text)
    table = await lead.get(f"/desk/statement{unescape(link)}")
    assert table.headers["content-disposition"] == 'attachment; filename="statement-2026-03.csv"'
    assert [line[:6] for line in table.text.splitlines()[1:]] == ["ticket"] * 4 + ["clock,"] * 4 + ["credit"]

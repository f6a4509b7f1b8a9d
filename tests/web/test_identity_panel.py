"""G19 at the desk: identity checks, where the policy asks for points, and what else stands beside a ticket."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from temporalio.client import Client

from domain.core.enums import Role
from tests.support.desk_visitor import at_ticket
from tests.support.root import ROOT
from tests.support.served_api import Api, an_api

RECORD = {"message": "It is yours now.", "what_was_done": "Changed the owner."}


@pytest_asyncio.fixture
async def strict(
    api: Api, temporal_dev: Client, shared_database: str, tmp_path: Path
) -> AsyncIterator[Api]:  # the workers of `api` serve it
    """An API whose policy asks for three points before account-sensitive tickets are resolved."""
    policy = (ROOT / "policy.toml").read_text(encoding="utf-8")
    changed = policy.replace("needed = 0 ", "needed = 3 ")
    assert changed != policy
    file = tmp_path / "policy.toml"
    file.write_text(changed, encoding="utf-8")
    async with an_api(shared_database, temporal_dev, TIERLINE_POLICY=str(file)) as served:
        yield served


async def test_g19_the_ticket_asks_for_checks_and_is_resolved_with_them_only(strict: Api) -> None:
    visitor, _ticket, address = await at_ticket(strict, category="account")
    page = await visitor.get(address)
    assert "0 of 3 points" in page.text
    resolve = await visitor.get(f"{address}/resolve")
    refused = await visitor.send(resolve, f"{address}/resolve", RECORD)
    assert refused.status_code == 422
    assert "<li>identity</li>" in refused.text
    anyone = await visitor.send(page, f"{address}/identify", {"way": "date_of_birth"})
    assert anyone.status_code == 403
    assert "proves nothing" in anyone.text.partition('id="refused"')[2]
    once = await visitor.send(anyone, f"{address}/identify", {"way": "named_administrator", "text": "<i>Sam</i>"})
    page = await visitor.get(once.headers["Location"])
    assert "1 of 3 points" in page.text
    assert "checked the customer&#39;s identity: named_administrator" in page.text
    assert "&lt;i&gt;Sam&lt;/i&gt;" in page.text
    assert '<option value="named_administrator">' not in page.text
    again = await visitor.send(await visitor.get(f"{address}/resolve"), f"{address}/resolve", RECORD)
    assert "<li>identity</li>" in again.text
    twice = await visitor.send(page, f"{address}/identify", {"way": "callback_to_known_number"})
    page = await visitor.get(twice.headers["Location"])
    assert "3 of 3 points" in page.text
    done = await visitor.send(await visitor.get(f"{address}/resolve"), f"{address}/resolve", RECORD)
    assert done.status_code == 303
    assert "resolved in T1" in (await visitor.get(done.headers["Location"])).text


async def test_g19_where_the_policy_asks_for_nothing_no_panel_and_no_command_stand_on_the_ticket(strict: Api) -> None:
    visitor, _ticket, address = await at_ticket(strict, category="how-to", priority="P3")
    page = await visitor.get(address)
    assert "Who asks" not in page.text


async def test_g9_what_looks_alike_says_how_it_ended_and_by_which_article(api: Api) -> None:
    words = {"subject": "Ledger totals differ after midnight", "product_area": "ledger"}
    for article in ("KB-17", "KB-17", "https://kb.example.com/midnight"):
        ticket = await api.open(category="how-to", **words)
        said = {"resolution": "solved", "message": "Like this.", "kb_article": article}
        assert (await api.post(f"/api/v1/tickets/{ticket}/resolve", said)).status_code == 200
    gap = await api.open(category="bug", **words)
    said = {"resolution": "solved", "message": "x", "what_was_done": "x", "root_cause": "y", "kb_reason": "gap"}
    assert (await api.post(f"/api/v1/tickets/{gap}/resolve", said)).status_code == 200
    visitor, _ticket, address = await at_ticket(api, Role.AGENT, **words)
    page = (await visitor.get(address)).text
    assert '<strong>KB-17</strong> <span class="dim">2 tickets</span>' in page
    assert '<a href="https://kb.example.com/midnight" rel="noreferrer">' in page
    assert "solved, " in page
    assert f'<a href="/desk/tickets/{gap}">{gap}</a>' in page.partition("No article yet in ledger")[2]
    resolve = await visitor.get(f"{address}/resolve?kb_article=KB-17")
    assert 'name="kb_article" value="KB-17"' in resolve.text

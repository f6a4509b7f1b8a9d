"""The home page: what waits for whoever is signed in, by role; and the navigation on every page."""

import re
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio

from domain.core.enums import Plan, Role
from domain.ticket.state import Account
from store import accounts
from tests.support.desk_visitor import Visitor
from tests.support.hostile import HOSTILE
from tests.support.served_api import Api, all_workers, an_api
from tests.support.timeskipping import Namespaces


@pytest_asyncio.fixture(loop_scope="session")
async def own(database_url: str, temporal_namespaces: Namespaces) -> AsyncIterator[Api]:
    """A Tierline of the test's own, whose queue has the test's tickets only."""
    temporal = await temporal_namespaces.fresh()
    async with all_workers(temporal, database_url), an_api(database_url, temporal) as served:
        yield served


async def at_home(api: Api, role: Role, name: str) -> Visitor:
    visitor = Visitor(api)
    signed_in = await visitor.sign_in(role, token=api.token(role, name=name))
    assert signed_in.headers["Location"] == "/desk"
    return visitor


async def test_who_holds_nothing_takes_the_next_ticket_from_home(api: Api) -> None:
    await api.open(subject="Take me first", priority="P1")
    agent = await at_home(api, Role.AGENT, f"new-{uuid4().hex[:6]}")
    page = await agent.get("/desk")
    for empty in ("You hold no ticket.", "Nobody has asked you anything.", "You have promised nothing for today."):
        assert empty in page.text
    assert "For the lead" not in page.text
    taken = await agent.send(page, "/desk/queue/next", {})
    ticket = taken.headers["Location"].partition("?")[0]
    await agent.get(taken.headers["Location"])  # which waits for the journal
    page = await agent.get("/desk")
    assert re.search(rf'<a class="button" href="{ticket}" aria-keyshortcuts="n">Go on with it', page.text)


async def test_who_asks_for_something_else_sees_why_and_takes_that(own: Api) -> None:
    first, second = [await own.open(subject=area, priority="P3", product_area=area) for area in ("Exports", "Billing")]
    held = await own.open(subject="Mine", priority="P3", product_area="Exports")
    agent = await at_home(own, Role.AGENT, "ada")
    taken = await own.post(f"/api/v1/tickets/{held}/take", {}, token=own.token(Role.AGENT, name="ada"))
    await agent.get(f"/desk/tickets/{held}?seq={taken.json()['seq']}")
    home = await agent.get("/desk")
    assert 'href="/desk?something_else=1">Something else</a>' in home.text
    assert "1 ticket in 1 area and 1 category. Most in Exports: 1 of 1" in home.text
    other = await agent.get("/desk?something_else=1")
    assert "Something else: you had 0 of Billing lately, and 1 of Exports; what it comes before can wait." in other.text
    answer = await agent.send(other, "/desk/queue/next", {})
    assert answer.headers["Location"].startswith(f"/desk/tickets/{second}?")
    await agent.get(answer.headers["Location"])
    assert "Most in Billing: 1 of 2" in (await agent.get("/desk")).text
    usual = await agent.send(await agent.get("/desk/queue"), "/desk/queue/next", {})
    assert usual.headers["Location"].startswith(f"/desk/tickets/{first}?")
    lead = Visitor(own)
    await lead.sign_in(Role.LEAD)
    assert '<th scope="row">ada</th>' in (await lead.get("/desk/week/variety")).text
    assert "Nobody worked at a ticket." in (await lead.get("/desk/week/variety?week=2019-W07")).text
    assert (await agent.get("/desk/week/variety")).status_code == 403


async def test_what_is_asked_of_somebody_is_at_their_home_and_is_text(api: Api) -> None:
    name = f"ada-{uuid4().hex[:6]}"
    ticket = await api.open(subject=HOSTILE[7])
    asked = await api.post(f"/api/v1/tickets/{ticket}/ask", {"to": name, "text": "Sent twice?"})
    agent = await at_home(api, Role.AGENT, name)
    await agent.get(f"/desk/tickets/{ticket}?seq={asked.json()['seq']}")
    page = (await agent.get("/desk")).text
    assert f'href="/desk/tickets/{ticket}"' in page
    assert "{{7*7}}" in page


async def test_a_lead_has_the_leads_figures_at_home(api: Api) -> None:
    page = (await (await at_home(api, Role.LEAD, "lea-1")).get("/desk")).text
    assert "For the lead" in page
    assert 'href="/desk/board#stuck"' in page


async def test_a_csm_has_their_accounts_at_home_and_takes_no_ticket(api: Api) -> None:
    name, account = f"carla-{uuid4().hex[:6]}", f"home-{uuid4().hex[:6]}"
    with api.db.begin() as session:
        accounts.save_accounts(session, [Account(id=account, plan=Plan.PREMIUM, csm=name)])
    csm = await at_home(api, Role.CSM, name)
    assert account not in (await csm.get("/desk")).text, "it has no open ticket"
    await api.open(account={"id": account, "plan": "premium"})
    page = (await csm.get("/desk")).text
    assert f'<a href="/desk/accounts/{account}"' in page
    assert page.count('aria-keyshortcuts="n"') == 1, "the first of them; others are shared by the team"
    assert "/desk/queue/next" not in page


@pytest.mark.parametrize(
    ("path", "current"),
    [
        ("/desk", [("Home", "page")]),
        ("/desk/queue?view=all", [("Queue", "page")]),
        ("/desk/incidents", [("Incidents", "page")]),
        ("/desk/incidents/999999", [("Incidents", "true")]),
        ("/desk/accounts?view=all", [("Accounts", "page")]),
        ("/desk/accounts/nobody", [("Accounts", "true")]),
        ("/desk/tickets/0000-0000-0000", [("Queue", "true")]),
        ("/desk/board", [("Board", "page")]),
        ("/desk/week?week=2026-W10", [("Week", "page")]),
        ("/desk/credits?state=proposed", [("Credits", "page")]),
        ("/desk/credits/exposure", [("Credits", "true")]),
    ],
)
async def test_the_navigation_marks_where_one_is(api: Api, path: str, current: list[tuple[str, str]]) -> None:
    visitor = Visitor(api)
    await visitor.sign_in(Role.LEAD)
    page = (await visitor.get(path)).text
    nav = page[page.index('<nav aria-label="Main">') : page.index("</nav>")]
    marked = re.findall(r'aria-current="(\w+)">(\w+)</a>', nav)
    assert [(title, kind) for kind, title in marked] == current
    for title in ("Home", "Queue", "Incidents", "Accounts", "Credits", "Board"):
        assert f">{title}</a>" in nav


async def test_both_front_doors_lead_home(api: Api) -> None:
    visitor = Visitor(api)
    assert (await visitor.get("/desk")).headers["Location"] == "/desk/sign-in?next=%2Fdesk"
    assert (await visitor.get("/")).headers["Location"] == "/desk"
    await visitor.sign_in()
    assert (await visitor.get("/desk")).status_code == 200

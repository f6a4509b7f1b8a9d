"""The queue's page: views that are addresses, with counts; and acts on many tickets at once."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest_asyncio

from domain.core.enums import Role
from tests.support.desk_visitor import Visitor
from tests.support.packages import T2_PACKAGE
from tests.support.served_api import Api, all_workers, an_api
from tests.support.timeskipping import Namespaces
from tests.support.waiting import until


async def settled(api: Api, ticket: str, answer: Any) -> None:
    """Wait until lists know of a command: they follow the workflow within moments."""
    visitor = Visitor(api)
    await visitor.sign_in()
    await visitor.get(f"/desk/tickets/{ticket}?seq={answer.json()['seq']}")


async def in_view(visitor: Visitor, name: str) -> set[str]:
    """The tickets of a view, whose count must be right."""
    page = await visitor.get(f"/desk/queue?view={name}")
    assert page.status_code == 200, page.text
    found = set(re.findall(r'name="ticket" value="([0-9a-z-]+)"', page.text))
    count = re.search(rf'view={name}" aria-current="page">[^<]*<span class="count">(\d+)</span>', page.text)
    assert count is not None
    assert int(count[1]) == len(found)
    return found


async def give(api: Api, ticket: str, command: str, role: Role = Role.AGENT, **fields: Any) -> None:
    answer = await api.post(f"/api/v1/tickets/{ticket}/{command}", fields, role=role)
    assert answer.status_code == 200, answer.text
    await settled(api, ticket, answer)


@pytest_asyncio.fixture(loop_scope="session")
async def own(database_url: str, temporal_namespaces: Namespaces) -> AsyncIterator[Api]:
    """A Tierline of the test's own, so that its counts are the test's."""
    temporal = await temporal_namespaces.fresh()
    async with all_workers(temporal, database_url), an_api(database_url, temporal) as served:
        yield served


async def test_each_view_has_the_tickets_that_it_says_and_counts_them(own: Api) -> None:
    mine, limit, waiting, promised, asked, noticed = [await own.open(priority="P3") for _ in range(6)]
    await give(own, mine, "take", role=Role.LEAD)
    await give(own, limit, "take")
    await give(own, waiting, "wait", question="Which browser?")
    today = datetime.now(UTC) + timedelta(minutes=1)
    await give(own, promised, "promise", text="An update.", due=today.isoformat())
    await give(own, asked, "ask", to="lead-1", text="A known bug?")
    await give(own, noticed, "attention", reason="Their renewal is due.")
    await give(own, noticed, "fill", fields=T2_PACKAGE)
    lead = Visitor(own)
    await lead.sign_in(Role.LEAD)
    assert await in_view(lead, "mine") == {mine}
    assert await in_view(lead, "limit") == {mine, limit}
    assert await in_view(lead, "customer") == {waiting}
    assert "of support time, stopped" in (await lead.get("/desk/queue?view=customer")).text
    assert "The clocks stand still: " in (await lead.get(f"/desk/tickets/{waiting}")).text
    assert await in_view(lead, "asked") == {asked}
    assert await in_view(lead, "attention") == {noticed}
    assert await in_view(lead, "incomplete") == {mine, limit, waiting, promised, asked}
    assert await in_view(lead, "all") == {mine, limit, waiting, promised, asked, noticed}
    if datetime.now(UTC).date() == today.date():  # a promise of tomorrow is none of today's
        assert await in_view(lead, "promised") == {promised}
    assert (await lead.get("/desk/queue?view=nonsense")).status_code == 404


async def test_one_act_on_many_tickets_has_a_result_for_each(api: Api) -> None:
    good, closed = await api.open(category="how-to"), "0000-0000-0000"
    visitor = Visitor(api)
    await visitor.sign_in()
    hidden = Visitor.hidden(await visitor.get("/desk/queue"), "/desk/queue/many")
    fields = hidden | {"command": "note", "text": "Same cause.", "ticket": [good, closed, good]}
    page = await visitor.post("/desk/queue/many", fields)
    assert page.status_code == 200
    assert "1 of 2 done" in page.text
    assert f"there is no ticket {closed}" in page.text
    again = await visitor.post("/desk/queue/many", fields)  # sent twice, it is one command for each ticket
    assert "1 of 2 done" in again.text
    notes = (await api.get(f"/api/v1/tickets/{good}/timeline")).json()["entries"]
    assert [one["type"] for one in notes].count("noted") <= 1
    nothing = await visitor.post("/desk/queue/many", hidden | {"command": "note", "text": "x"})
    assert nothing.status_code == 422
    forbidden = await visitor.post("/desk/queue/many", hidden | {"command": "waive", "ticket": good})
    assert forbidden.status_code == 404


async def test_g14_a_message_to_many_is_held_back_where_the_customer_wrote_since_the_page_was_loaded(own: Api) -> None:
    quiet, wrote = await own.open(), await own.open()
    for one in (quiet, wrote):
        await give(own, one, "note", text="Looked at it.")
    visitor = Visitor(own)
    await visitor.sign_in()
    page = await visitor.get("/desk/queue")
    seen = dict(re.findall(r'name="(seen\.[0-9a-z-]+)" value="(\d+)"', page.text))
    assert set(seen) == {f"seen.{quiet}", f"seen.{wrote}"}
    await give(own, wrote, "reply", role=Role.INTEGRATION, text="It is worse now.")
    fields = Visitor.hidden(page, "/desk/queue/many") | seen | {"command": "respond", "text": "Solved."}
    acted = await visitor.post("/desk/queue/many", fields | {"ticket": [quiet, wrote]})
    assert "1 of 2 done" in acted.text
    assert re.search(rf"{wrote}</a></td><td class=.missed.>refused</td><td>[^<]*customer", acted.text)


async def test_what_was_done_to_many_tickets_is_undone_with_a_result_for_each(api: Api) -> None:
    kept, taken_over = await api.open(), await api.open()
    visitor = Visitor(api)
    await visitor.sign_in()
    hidden = Visitor.hidden(await visitor.get("/desk/queue"), "/desk/queue/many")
    acted = await visitor.post("/desk/queue/many", hidden | {"command": "take", "ticket": [kept, taken_over]})
    assert "2 of 2 done" in acted.text
    assert "Undo for 2 tickets" in acted.text
    await give(api, taken_over, "take", role=Role.LEAD, over=True)
    undo = Visitor.hidden(acted, "/desk/queue/undo") | {"ticket": [kept, taken_over]}

    async def undone() -> bool:
        nonlocal page
        page = (await visitor.post("/desk/queue/undo", undo)).text
        return "not on record yet" not in page

    page = ""
    await until(undone, "lists know of both")

    assert "1 of 2 done" in page
    assert "who holds it was changed again since" in page
    assert "/desk/queue/undo" not in page, "an undo is not undone"

    async def released() -> bool:
        return (await api.get(f"/api/v1/tickets/{kept}")).json()["assignee"] is None

    await until(released, "nobody holds it")
    assert (await api.get(f"/api/v1/tickets/{taken_over}")).json()["assignee"] == "lead-1"
    noted = await visitor.post("/desk/queue/many", hidden | {"command": "note", "text": "x", "ticket": [kept]})
    assert "/desk/queue/undo" not in noted.text
    never = await visitor.post("/desk/queue/undo", undo | {"command": "note"})
    assert never.status_code == 404

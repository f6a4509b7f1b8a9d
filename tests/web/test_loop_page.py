"""F10: closing the loop at the desk, where it does not go well: who may not, what does not fit, what is sent twice."""

import re
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, update

from domain.core.enums import Role
from store.tables.tickets import TicketRow
from tests.support.desk_visitor import Visitor
from tests.support.served_api import Api
from tests.support.waiting import until
from web.forms import label_of

LOOP = "/desk/loop"
MESSAGE = "Version 4.13 mends the export."


async def visitor_in(api: Api, role: Role) -> Visitor:
    visitor = Visitor(api)
    await visitor.sign_in(role)
    return visitor


async def fields_of(visitor: Visitor, *tickets: str, text: str = MESSAGE) -> dict[str, Any]:
    """What the page's form sends, with a line to each customer."""
    hidden = Visitor.hidden(await visitor.get("/desk/queue"), "/desk/sign-out")
    lines = {f"line.{ticket}": f"Dear {ticket}." for ticket in tickets}
    return hidden | {"once": uuid4().hex, "text": text, "back": "loop"} | lines


async def count_replies(api: Api, ticket: str) -> int:
    """How often somebody wrote to the customer."""
    entries = (await api.get(f"/api/v1/tickets/{ticket}/timeline")).json()["entries"]
    return [one["type"] for one in entries].count("responded")


async def until_answered(api: Api, ticket: str) -> None:
    async def on_record() -> bool:
        return await count_replies(api, ticket) > 0

    await until(on_record, f"the customer of {ticket} was written to")


def result_of(page: str, ticket: str) -> tuple[str, str]:
    """What became of a ticket, and why, as the page of results says it."""
    found = re.search(rf"{ticket}</a></td><td class=.\w+.>(\w+)</td><td>([^<]*)", page)
    assert found, page
    return found[1], found[2]


@pytest.mark.parametrize("role", [Role.CSM, Role.FINANCE])
async def test_f10_who_may_not_write_to_customers_closes_no_loop(api: Api, role: Role) -> None:
    ticket = await api.open()
    visitor = await visitor_in(api, role)
    answer = await visitor.post(LOOP, await fields_of(visitor, ticket))
    assert "0 of 1 done" in answer.text
    done, why = result_of(answer.text, ticket)
    assert done == "refused"
    assert f"the role {role.value}" in why
    assert await count_replies(api, ticket) == 0


async def test_f10_what_does_not_fit_is_refused_for_itself_and_the_others_are_written_to(api: Api) -> None:
    good, newer, ended = await api.open(), await api.open(), await api.open(category="how-to")
    await api.take(ended)
    closed = await api.post(f"/api/v1/tickets/{ended}/close", {"reason": "A test."}, role=Role.LEAD)
    agent = await visitor_in(api, Role.AGENT)
    told = await api.post(f"/api/v1/tickets/{newer}/reply", {"text": "It is worse now."}, role=Role.INTEGRATION)
    assert told.status_code == 200, told.text
    gone = "0000-0000-0000"
    fields = await fields_of(agent, good, newer, gone, ended)
    answer = await agent.post(LOOP, fields | {f"seen.{good}": "1", f"seen.{newer}": "1", "line.nonsense": "To whom?"})
    assert answer.status_code == 200
    assert result_of(answer.text, good)[0] == "done"
    assert result_of(answer.text, newer)[0] == "refused"
    assert "customer" in result_of(answer.text, newer)[1]
    assert result_of(answer.text, gone) == ("refused", f"there is no ticket {gone}")
    assert result_of(answer.text, "nonsense")[0] == "refused"
    if closed.status_code == 200:
        assert result_of(answer.text, ended)[0] == "refused"
    await until_answered(api, good)
    assert await count_replies(api, newer) == 0


async def test_f10_a_message_that_is_sent_twice_reaches_each_customer_once(api: Api) -> None:
    tickets = [await api.open() for _ in range(2)]
    agent = await visitor_in(api, Role.AGENT)
    fields = await fields_of(agent, *tickets)
    for _ in range(2):
        assert "2 of 2 done" in (await agent.post(LOOP, fields)).text
    for one in tickets:
        await until_answered(api, one)
        assert await count_replies(api, one) == 1
    assert "2 of 2 done" in (await agent.post(LOOP, fields | {"once": uuid4().hex})).text  # written anew, it is another

    async def again() -> bool:
        return [await count_replies(api, one) for one in tickets] == [2, 2]

    await until(again, "each customer was written to once more")


@pytest.mark.parametrize("left_out", ["text", "line"])
async def test_f10_a_message_without_text_or_without_lines_is_refused_and_keeps_what_was_typed(
    api: Api, left_out: str
) -> None:
    key, ticket = f"ENG-{uuid4().int % 1_000_000}", await api.open()
    with api.db.begin() as session:
        flags = func.array_append(TicketRow.flags, "close_the_loop")
        session.execute(update(TicketRow).where(TicketRow.id == ticket).values(jira_key=key, flags=flags))
    agent = await visitor_in(api, Role.AGENT)
    page = await agent.get(f"{LOOP}?issue={key}")
    assert page.status_code == 200
    typed = {"text": MESSAGE, f"line.{ticket}": "Yours runs again."}
    del typed["text" if left_out == "text" else f"line.{ticket}"]
    refused = await agent.send(page, LOOP, typed | ({f"line.{ticket}": " \n"} if left_out == "line" else {}))
    assert refused.status_code == 422
    assert f"<li>{label_of(left_out, 'respond')}</li>" in refused.text
    for kept in typed.values():
        assert kept in refused.text
    assert await count_replies(api, ticket) == 0
    forged = await agent.post(LOOP, await fields_of(agent, ticket) | {"csrf": "0" * 128})
    assert forged.status_code == 403
    assert await count_replies(api, ticket) == 0

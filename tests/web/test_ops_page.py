"""The page for ops: what is stuck, breached and at risk, and each repair given from it."""

import re
from uuid import uuid4

import pytest
from sqlalchemy import text
from temporalio.client import Client

from domain.core.enums import Plan, Priority, Role
from domain.ticket.state import workflow_id
from store import journal
from tests.support.desk_visitor import Visitor
from tests.support.hostile import HOSTILE
from tests.support.served_api import Api
from tests.support.ticket_life import life
from tests.support.waiting import until

OPS = "/desk/ops"


async def at_ops(api: Api, role: Role = Role.OPS) -> Visitor:
    visitor = Visitor(api)
    await visitor.sign_in(role)
    return visitor


def form_of(page: str, act: str, about: str) -> dict[str, str]:
    """The hidden fields of the page's form for this act on this ticket; none where it has none."""
    for form in re.findall(rf'<form method="post" action="{OPS}/{act}">(.*?)</form>', page, re.DOTALL):
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
        if hidden.get("about") == about:
            return hidden
    return {}


@pytest.mark.parametrize("role", [Role.LEAD, Role.OPS, Role.ADMIN])
async def test_who_leads_reads_the_page_and_finds_it_in_the_navigation(api: Api, role: Role) -> None:
    page = await (await at_ops(api, role)).get(OPS)
    assert page.status_code == 200
    assert re.search(r'<a href="/desk/ops" aria-current="page">Ops</a>', page.text)


async def test_others_neither_read_it_nor_repair_anything(api: Api) -> None:
    visitor = await at_ops(api, Role.AGENT)
    page = await visitor.get(OPS)
    assert page.status_code == 403
    assert OPS not in (await visitor.get("/desk/queue")).text
    fields = Visitor.hidden(page, "/desk/sign-out") | {"about": "0000-0000-0000"}
    assert (await visitor.post(f"{OPS}/rebuild", fields)).status_code == 403


async def test_a_workflow_that_does_not_run_is_started_again_from_the_page(api: Api, temporal_dev: Client) -> None:
    ticket = await api.open(subject="Gone")
    handle = temporal_dev.get_workflow_handle(workflow_id(ticket))
    await handle.terminate("by hand")
    with api.db.begin() as session:
        session.execute(
            text("UPDATE tickets SET updated_at = updated_at - interval '5 minutes' WHERE id = :t"), {"t": ticket}
        )
    ops = await at_ops(api)

    async def listed() -> dict[str, str]:
        return form_of((await ops.get(OPS)).text, "resume", ticket)

    fields = await until(listed, "the ticket is on the page")
    done = await ops.post(f"{OPS}/resume", fields)

    assert done.status_code == 303
    after = (await ops.get(done.headers["Location"])).text
    assert f"{ticket} goes on from its journal" in after
    described = await handle.describe()
    assert described.status is not None
    assert described.status.name == "RUNNING"


async def test_what_is_breached_is_handed_over_from_the_page_and_a_refusal_is_shown(api: Api) -> None:
    # Given tickets of which one was due while nobody noticed, of an account with a hostile name
    missed = life(uuid4().hex, plan=Plan.ENTERPRISE, priority=Priority.P1, account=f"a{HOSTILE[0][:40]}")
    with api.db.begin() as session:
        journal.append(session, missed.ticket.id, "run-1", missed.events)
        session.execute(
            text("UPDATE tickets SET updated_at = now(), urgency = 0 WHERE id = :t"), {"t": missed.ticket.id}
        )
    ops = await at_ops(api)
    page = (await ops.get(OPS)).text
    assert "it was due, and no workflow has noticed" in page
    assert HOSTILE[0][:40] not in page or "<" not in HOSTILE[0][:40]
    fields = form_of(page, "reassign", missed.ticket.id)
    assert fields["about"] == missed.ticket.id

    blank = await ops.post(f"{OPS}/reassign", fields)
    assert blank.status_code == 422
    assert "missing" in blank.text
    unknown = await ops.post(f"{OPS}/retry", fields | {"about": "incident-999999"})
    assert unknown.status_code == 404
    done = await ops.post(f"{OPS}/rebuild", fields)
    assert done.status_code == 303
    handed = await ops.post(f"{OPS}/reassign", fields | {"to": "ben"})
    assert handed.status_code == 303

    async def held() -> bool:
        with api.db.session() as session:
            known = journal.load(session, missed.ticket.id)
        return known is not None and known.assignee == "ben"

    await until(held)

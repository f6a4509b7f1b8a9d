"""The pages for ops about all tickets: the comparison of journal and Temporal, and deadlines that are counted anew."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import text
from temporalio.client import Client

from domain.core.enums import Role
from domain.ticket.state import workflow_id
from services.policy_file.load import DEFAULT
from store import journal
from tests.support.desk_visitor import Visitor
from tests.support.served_api import Api, an_api
from tests.support.waiting import until

RECONCILE, RECALCULATE = "/desk/ops/reconcile", "/desk/ops/recalculate"


async def visiting(api: Api, role: Role = Role.OPS) -> Visitor:
    visitor = Visitor(api)
    await visitor.sign_in(role)
    return visitor


@pytest.mark.parametrize("address", [RECONCILE, RECALCULATE])
async def test_only_who_leads_reads_and_sends_these_pages_and_only_from_their_session(api: Api, address: str) -> None:
    agent, ops = await visiting(api, Role.AGENT), await visiting(api)
    page = await agent.get(address)
    assert page.status_code == 403
    assert (await agent.post(address, Visitor.hidden(page, "/desk/sign-out"))).status_code == 403
    assert (await ops.get(address)).status_code == 200
    assert (await ops.post(address, {"mend": "yes", "reason": "x", "ticket": "0000-0000-0000"})).status_code == 403


async def test_what_differs_is_named_and_mended_from_the_page(api: Api, temporal_dev: Client) -> None:
    # Given a ticket whose workflow was ended
    ticket = await api.open(subject="Gone")
    handle = temporal_dev.get_workflow_handle(workflow_id(ticket))
    await handle.terminate("by hand")
    with api.db.begin() as session:
        session.execute(
            text("UPDATE tickets SET updated_at = now() - interval '5 minutes' WHERE id = :t"), {"t": ticket}
        )
    ops = await visiting(api)
    form = Visitor.hidden(await ops.get(RECONCILE), RECONCILE)
    assert "mend" not in form

    # When ops compare, it is named, and still does not run
    async def named() -> str:
        page = (await ops.post(RECONCILE, form)).text
        return page if f">{ticket}</a>" in page else ""

    page = await until(named)
    assert "open in the journal, not running (terminated)" in page
    assert "had no running workflow" in page  # and that is on record
    described = await handle.describe()
    assert described.status is not None
    assert described.status.name == "TERMINATED"

    # And when they have it mended, it runs
    mended = await ops.post(RECONCILE, form | {"mend": "yes"})
    assert mended.status_code == 200
    assert re.search(rf"{ticket}</a></td><td class=\"words\">[^<]*</td><td>mended</td>", mended.text)
    described = await handle.describe()
    assert described.status is not None
    assert described.status.name == "RUNNING"


@pytest_asyncio.fixture(loop_scope="session")
async def generous(shared_database: str, temporal_dev: Client, tmp_path: Path) -> AsyncIterator[Api]:
    """The API under a policy that gives Standard twice as long for a resolution."""
    shipped = DEFAULT.read_text()
    edited = tmp_path / "policy.toml"
    edited.write_text(shipped.replace('resolution = "48h"', 'resolution = "96h"', 1))
    async with an_api(shared_database, temporal_dev, TIERLINE_POLICY=str(edited)) as served:
        yield served


async def test_c8_deadlines_are_previewed_and_counted_anew_with_a_reason_by_who_is_signed_in(
    api: Api, generous: Api
) -> None:
    ticket = await api.open(account={"id": f"std-{uuid4().hex[:8]}", "plan": "standard"})
    ops = await visiting(generous)

    async def listed() -> str:  # alone: the whole list shows 50, and other tests have tickets in it
        page = (await ops.get(f"{RECALCULATE}?ticket={ticket}")).text
        return page if f'name="ticket" value="{ticket}" aria-label' in page else ""

    page = await until(listed)
    form = Visitor.hidden(await ops.get(RECALCULATE), RECALCULATE) | {"ticket": ticket}
    assert "resolution of the contract" in page
    blank = await ops.post(RECALCULATE, form)
    assert (blank.status_code, "<li>reason</li>" in blank.text) == (422, True)
    assert (await ops.post(RECALCULATE, form | {"ticket": "<b>", "reason": "x"})).status_code in (400, 404, 422)

    # When it is sent with a reason, twice
    for _ in range(2):
        done = await ops.post(RECALCULATE, form | {"reason": "More time for Standard."})
        assert done.status_code == 200
        assert f"{ticket}</a>: has today" in done.text

    # Then it stands on the timeline once, with who and why
    async def told() -> list[tuple[str, str, str]]:
        with api.db.session() as session:
            return [
                (entry.event.actor.id, entry.event.actor.role.value, entry.event.texts.get("reason", ""))
                for entry in journal.timeline(session, ticket)
                if entry.event.body.type == "terms_replaced"
            ]

    assert [(role, reason) for _, role, reason in await until(told)] == [("ops", "More time for Standard.")]


async def test_one_ticket_is_looked_at_alone_and_what_cannot_be_counted_says_why(api: Api) -> None:
    ticket = await api.open(account={"id": f"std-{uuid4().hex[:8]}", "plan": "standard"})
    ops = await visiting(api)

    # Today's policy is the one under which the ticket was opened
    async def known() -> bool:
        return "No deadline of this ticket would change." in (await ops.get(f"{RECALCULATE}?ticket={ticket}")).text

    await until(known)

    # And what is no open ticket is refused with the reason
    unknown = await ops.get(f"{RECALCULATE}?ticket=0000-0000-0000")
    assert (unknown.status_code, "there is no ticket 0000-0000-0000" in unknown.text) == (404, True)
    odd = await ops.get(RECALCULATE + "?ticket=<b>x</b>")
    assert odd.status_code == 404
    assert "<b>x</b>" not in odd.text

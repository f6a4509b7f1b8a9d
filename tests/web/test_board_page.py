"""The lead board: who reads it, breaches waived and attention given from it, and its plots."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from xml.etree import ElementTree

import pytest
from temporalio.client import Client

from domain.core.enums import Role
from services.intake.request import OpenRequest
from services.policy_file.load import load_policy
from services.tickets import TicketService
from tests.support.desk_visitor import Visitor, form_of
from tests.support.hostile import HOSTILE
from tests.support.served_api import Api
from tests.support.waiting import until
from web.board import round_up

BOARD = "/desk/board"


async def at_board(api: Api, role: Role = Role.LEAD) -> Visitor:
    visitor = Visitor(api)
    await visitor.sign_in(role)
    return visitor


@pytest.mark.parametrize("role", [Role.LEAD, Role.OPS, Role.ADMIN])
async def test_who_leads_reads_the_board_and_finds_it_in_the_navigation(api: Api, role: Role) -> None:
    page = await (await at_board(api, role)).get(BOARD)
    assert page.status_code == 200
    assert re.search(r'<a href="/desk/board" aria-current="page">Board</a>', page.text)


@pytest.mark.parametrize("role", [Role.AGENT, Role.CSM, Role.ENGINEER, Role.FINANCE])
async def test_others_do_not_read_it_or_act_on_it(api: Api, role: Role) -> None:
    visitor = await at_board(api, role)
    page = await visitor.get(BOARD)
    assert page.status_code == 403
    assert BOARD not in (await visitor.get("/desk/queue")).text
    fields = Visitor.hidden(page, "/desk/sign-out") | {"ticket": "0000-0000-0000", "text": "x"}
    assert (await visitor.post(f"{BOARD}/attend", fields)).status_code == 403


async def test_g18_attention_is_given_from_the_board(api: Api) -> None:
    ticket = await api.open(subject=f"Look {HOSTILE[7]}")
    asked = {"reason": "They leave."}
    assert (await api.post(f"/api/v1/tickets/{ticket}/attention", asked, role=Role.CSM)).status_code == 200
    lead = await at_board(api)

    async def listed() -> str:
        page = (await lead.get(BOARD)).text
        return page if f'name="ticket" value="{ticket}"' in page else ""

    page = await until(listed, "attention is on the board")
    assert "asked for by csm-1" in page
    assert "{{7*7}}" in page
    fields = form_of(page, ticket)
    blank = await lead.post(f"{BOARD}/attend", fields)
    assert blank.status_code == 422
    assert "missing" in blank.text
    done = await lead.post(f"{BOARD}/attend", fields | {"text": "Called them."})
    assert done.status_code == 303
    assert f'name="ticket" value="{ticket}"' not in (await lead.get(done.headers["Location"])).text
    late = await lead.post(f"{BOARD}/attend", fields | {"text": "Again.", "once": uuid4().hex})
    assert late.status_code == 409
    assert "nobody has asked for attention" in late.text


async def breached(api: Api, temporal: Client) -> str:
    """A ticket that came in two days ago, and of which nobody has told us until now: its contract is breached."""
    form = {"source": "test", "external_id": uuid4().hex, "category": "bug", "priority": "P2", "subject": HOSTILE[7]}
    form |= {"account": {"id": f"late-{uuid4().hex[:8]}", "plan": "enterprise"}}
    came = {"opened_at": datetime.now(UTC) - timedelta(days=2), "by": "sam"}
    return (await TicketService(temporal, api.db, load_policy()).open(OpenRequest.parse(form | came))).ticket


async def test_c8_a_breach_is_waived_from_the_board_with_a_reason_and_stays_on_record(
    api: Api, temporal_dev: Client
) -> None:
    ticket = await breached(api, temporal_dev)
    lead = await at_board(api)

    async def listed() -> str:
        page = (await lead.get(BOARD)).text
        return page if f'name="ticket" value="{ticket}"' in page else ""

    page = await until(listed, "the breach is on the board")
    assert "{{7*7}}" in page
    fields = form_of(page, ticket)
    refused = await lead.post(f"{BOARD}/waive", fields)
    assert refused.status_code == 422
    assert "reason" in refused.text
    waived = await lead.post(f"{BOARD}/waive", fields | {"reason": "Agreed with the customer."})
    assert waived.status_code == 303
    again = (await lead.get(waived.headers["Location"])).text
    rest = [form_of(again, ticket)["metric"]] if f'name="ticket" value="{ticket}"' in again else []
    assert fields["metric"] not in rest
    entries = (await api.get(f"/api/v1/tickets/{ticket}/timeline")).json()["entries"]
    (entry,) = [one for one in entries if one["type"] == "waived"]
    assert (entry["by"], entry["texts"]) == ("lead-1", {"reason": "Agreed with the customer."})
    late = await lead.post(f"{BOARD}/waive", fields | {"reason": "Twice.", "once": uuid4().hex})
    assert late.status_code == 409


async def test_a_command_of_another_page_or_a_form_of_another_session_is_refused(api: Api) -> None:
    lead = await at_board(api)
    csrf = Visitor.hidden(await lead.get(BOARD), "/desk/sign-out")
    assert (await lead.post(f"{BOARD}/close", csrf)).status_code == 404
    assert (await lead.post(f"{BOARD}/waive", csrf | {"ticket": "nonsense"})).status_code == 404
    assert (await lead.post(f"{BOARD}/waive", {"csrf": "0" * 128})).status_code == 403


async def test_each_plot_has_a_title_a_description_and_its_figures_as_a_table(api: Api) -> None:
    page = (await (await at_board(api)).get(BOARD)).text
    plots = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(plots) == 3
    for drawn in plots:
        svg = ElementTree.fromstring(drawn)
        names = svg.attrib["aria-labelledby"].split()
        assert [svg[0].tag, svg[1].tag] == ["title", "desc"]
        assert [svg[0].attrib["id"], svg[1].attrib["id"]] == names
        assert all(element.attrib.keys().isdisjoint({"style", "onclick"}) for element in svg.iter())
        bars = [one for one in svg.iter() if one.tag in ("rect", "circle")]
        assert len(bars) == 13
    table = page[page.index('aria-label="Figures by week"') :]
    assert table[: table.index("</table>")].count("<tr>") == 14


@pytest.mark.parametrize(("most", "top"), [(0, 5), (5, 5), (6, 10), (11, 20), (21, 50), (97, 100), (101, 200)])
def test_the_scale_of_a_plot_ends_at_a_round_number(most: int, top: int) -> None:
    assert round_up(most) == top

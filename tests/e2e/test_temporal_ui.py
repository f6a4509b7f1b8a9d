"""What ops find in the Temporal UI, in a real browser, with twenty tickets up."""

import json
from pathlib import Path

import pytest
from playwright.async_api import expect
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from services.temporal_views import VIEWS, link
from tests.support.temporal_ui import CHROMIUM, WorkflowList, browser_page
from tests.support.twenty_tickets import QUERIES, open_twenty
from tests.support.waiting import until
from tests.support.working_tierline import a_tierline
from workers.embedded import EmbeddedTemporal

pytestmark = pytest.mark.long

SAVED = "() => localStorage.getItem('saved-workflow-queries')"
RUNNING = "WorkflowType='TicketWorkflow' and ExecutionStatus='Running'"


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: on Debian, apt-get install chromium")
async def test_three_typed_queries_find_exactly_the_right_tickets_of_twenty(home: Path, database_url: str) -> None:
    server = EmbeddedTemporal(home, port=0, ui_port=0)
    try:
        client = await Client.connect(server.start(), data_converter=pydantic_data_converter)
        async with a_tierline(client, database_url) as place, browser_page() as page:
            # Given twenty tickets that are up, some breached, some due to escalate, some with Jira down
            right = await open_twenty(client, place.db, place.outside.jira)
            expected = {RUNNING: 20} | {query: len(ids) for query, ids in right.items()}
            await until(lambda: _counts(client, expected))  # what is searched lags behind what is so

            # When somebody types the queries into the list of workflows
            listed = WorkflowList(page, server.ui_url)
            await listed.open()
            shown = {query: await listed.type(query) for query in QUERIES}

            # And opens the link of a view, which the UI keeps from then on
            view = next(one for one in VIEWS if one.name == "Breached")
            await page.goto(link(server.ui_url, "default", view), wait_until="domcontentloaded")
            kept = json.loads(await until(lambda: page.evaluate(SAVED)))["default"]
            await expect(page.get_by_text("Breached").first).to_be_visible()
    finally:
        server.stop()

    # Then each shows the tickets that are so, and no other
    assert shown == right
    assert [len(ids) for ids in right.values()] == [6, 4, 4]
    assert [(one["name"], one["query"], one["type"]) for one in kept] == [("Breached", view.query, "user")]


async def _counts(client: Client, expected: dict[str, int]) -> bool:
    return all([(await client.count_workflows(query)).count == count for query, count in expected.items()])

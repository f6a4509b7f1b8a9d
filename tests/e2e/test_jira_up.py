"""`tierline up` is told by Jira itself: its stand-in sends webhooks to the API, and the sweep is the safety net."""

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest
import requests

from domain.core.enums import Plan, Tier
from domain.ticket.state import Account, Ticket
from services.intake.request import OpenRequest
from services.policy_file.load import load_policy
from services.tickets import TicketService
from store import journal
from tests.e2e import house
from tests.workflow.stage import FIRST_PACKAGE, SECOND_PACKAGE, until

AN_HOUR = "3600"


async def test_engineerings_answer_is_back_long_before_the_next_sweep(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house, "SWEEP", AN_HOUR)
    with house.whole_house(home) as running:
        async with house.reached(running) as (client, db):
            desk = TicketService(client, db, load_policy(None))
            account = Account(id="acme", plan=Plan.ENTERPRISE)
            request = OpenRequest.parse({"external_id": uuid4().hex, "account": account, "priority": "P3"})
            ticket = (await desk.open(request)).ticket
            await desk.handle(ticket, "take", {"by": "ada"})
            await desk.handle(ticket, "escalate", {"by": "ada", "to": "T3", "fields": FIRST_PACKAGE | SECOND_PACKAGE})

            async def linked() -> Ticket | None:
                with db.session() as session:
                    found = journal.load(session, ticket)
                return found if found and found.jira else None

            async def back() -> bool:
                found = await linked()
                return found is not None and found.tier is Tier.T1

            issue = (await until(linked)).jira
            done = {"to": "Done", "resolution": "Fixed"}
            answer = await asyncio.to_thread(requests.post, issue.url, data=done, timeout=60)
            answer.raise_for_status()
            await until(back)

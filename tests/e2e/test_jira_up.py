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
from tests.support import local_tierline
from tests.support.packages import T2_PACKAGE, T3_PACKAGE
from tests.support.waiting import until

AN_HOUR = "3600"


async def test_engineerings_answer_is_back_long_before_the_next_sweep(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_tierline, "SWEEP", AN_HOUR)
    with local_tierline.whole_house(home) as running:
        async with local_tierline.reached(running) as (client, db):
            desk = TicketService(client, db, load_policy(None))
            account = Account(id="acme", plan=Plan.ENTERPRISE)
            request = OpenRequest.parse({"external_id": uuid4().hex, "account": account, "priority": "P3"})
            ticket = (await desk.open(request)).ticket
            await desk.handle(ticket, "take", {"by": "ada"})
            await desk.handle(ticket, "escalate", {"by": "ada", "to": "T3", "fields": T2_PACKAGE | T3_PACKAGE})

            async def linked() -> Ticket | None:
                with db.session() as session:
                    found = journal.load(session, ticket)
                return found if found and found.issue else None

            async def back() -> Ticket | None:
                found = await linked()
                return found if found and found.tier is Tier.T1 else None

            issue = (await until(linked)).issue
            done = {"to": "Done", "resolution": "Fixed"}
            answer = await asyncio.to_thread(requests.post, issue.url, data=done, timeout=60)
            answer.raise_for_status()
            assert (await until(back)).issue.resolution == "Fixed"

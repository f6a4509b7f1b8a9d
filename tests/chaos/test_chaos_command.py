"""`make chaos`: a short plan leaves nothing lost or doubled, and each check sees what it is there for."""

import sys
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
import requests
from sqlalchemy import text

from chaos import checks
from chaos.checks import CHECKS, Check, Seen
from chaos.people import Accepted
from chaos.plan import KILLED, Way, draw
from chaos.run import carried_out
from integrations.standins.run import EMAIL, PROJECT, ROUTING_KEYS, TOKEN
from tests.support.scale import SCALE

pytestmark = pytest.mark.long


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def left() -> AsyncIterator[Seen]:
    """What a short plan has left behind: every service was killed, every fault was met."""
    plan = draw(7, 6 * SCALE, len(KILLED) * SCALE)
    async with carried_out(plan, lambda line: print(line, file=sys.stderr)) as (seen, numbers):
        assert (numbers.lived, numbers.disturbances) == (len(plan.ways), len(plan.disturbances))
        yield seen


async def test_after_every_service_was_killed_nothing_is_lost_and_nothing_doubled(left: Seen) -> None:
    found = [await check(left) for check in CHECKS]
    assert {check.name: check.differences for check in found if check.differences} == {}
    assert [check.name for check in found if not check.looked_at] == []


# -- The negative controls: each is red where what it looks for is there -----------------------------------------


async def differences(check: checks.Look, left: Seen) -> str:
    """What a check finds, in one text."""
    found: Check = await check(left)
    return "\n".join(found.differences)


def one_that_went(left: Seen, way: Way) -> str:
    return next(lived.ticket for lived in left.lived if lived.way is way)


async def test_a_request_that_was_accepted_and_is_not_there_is_seen(left: Seen) -> None:
    ticket = one_that_went(left, Way.SOLVED)
    lost = left._replace(accepted=[*left.accepted, Accepted(ticket, 99, "note")])
    assert "note was accepted as event 99, which Temporal lacks" in await differences(checks.accepted, lost)
    unknown = left._replace(accepted=[Accepted("4k7m-3q9x-tbd2", 1, "opened")])
    assert "4k7m-3q9x-tbd2 was accepted and is not on record" in await differences(checks.accepted, unknown)


async def test_an_event_too_many_or_too_few_is_seen(left: Seen) -> None:
    solved = one_that_went(left, Way.SOLVED)
    wrong = [lived._replace(way=Way.ENGINEERING) if lived.ticket == solved else lived for lived in left.lived]
    assert f"ticket {solved}" in await differences(checks.ways, left._replace(lived=wrong))


async def test_a_deadline_that_is_on_record_at_another_instant_is_seen(left: Seen) -> None:
    wrong = [
        lived._replace(missed=tuple(one._replace(due=one.due + timedelta(milliseconds=1)) for one in lived.missed))
        for lived in left.lived
    ]
    assert "limit was due at" in await differences(checks.deadlines, left._replace(lived=wrong))


async def test_a_second_issue_of_one_hand_over_is_seen(left: Seen) -> None:
    ticket = one_that_went(left, Way.ENGINEERING)
    (label,) = [
        label
        for issue in left.house.jira.see("issues")["issues"]
        for label in issue["labels"]
        if label.startswith(f"tierline-ticket-{ticket}.")
    ]
    fields = {
        "project": {"key": PROJECT}, "issuetype": {"name": "Bug"}, "summary": "Twice", "labels": [label],
    }  # fmt: skip
    made = requests.post(
        f"{left.house.jira.url}/rest/api/3/issue", json={"fields": fields}, timeout=60,
        auth=(EMAIL, TOKEN.get_secret_value()),
    )  # fmt: skip
    assert made.status_code == 201, made.text
    assert f"{label} has 2 issues" in await differences(checks.issues, left)


async def test_a_second_page_of_one_step_is_seen(left: Seen) -> None:
    key = left.house.pager.see("alerts")["alerts"][0]["dedup_key"]
    event = {
        "routing_key": ROUTING_KEYS[0].get_secret_value(), "event_action": "trigger", "dedup_key": key,
        "payload": {"summary": "Again", "source": "test", "severity": "critical"},
    }  # fmt: skip
    requests.post(f"{left.house.pager.url}/v2/enqueue", json=event, timeout=60).raise_for_status()
    assert f"{key} was paged 2 times" in await differences(checks.pages, left)


async def test_a_notice_that_nobody_got_is_seen(left: Seen) -> None:
    ((key,),) = left.house.rows("SELECT key FROM outbox ORDER BY id LIMIT 1")
    change(left, "UPDATE outbox SET key = key || '-other' WHERE key = :key", key=key)
    found = await differences(checks.notices, left)
    assert f"notice {key}-other never arrived" in found
    assert f"notice {key} arrived and nobody owes it" in found


async def test_a_closed_ticket_that_the_store_has_as_open_is_seen(left: Seen) -> None:
    ticket = one_that_went(left, Way.SOLVED)
    change(left, "UPDATE tickets SET status = 'open', closed_at = NULL WHERE id = :id", id=ticket)
    assert f"ticket-{ticket} is open, and its workflow is completed" in await differences(checks.agree, left)


async def test_a_journal_that_leads_elsewhere_is_seen(left: Seen) -> None:
    ticket = one_that_went(left, Way.ENGINEERING)
    change(left, "UPDATE ticket_events SET actor_id = 'somebody' WHERE ticket_id = :id AND type = 'taken'", id=ticket)
    assert f"ticket {ticket}" in await differences(checks.journals, left)


def change(left: Seen, statement: str, **values: str) -> None:
    """Change a row past Tierline."""
    with left.office.db.begin() as session:
        assert session.execute(text(f"{statement} RETURNING 1"), values).all()

"""What holds of deliveries beside their order: bounds of time, what is an outage, what ops are told, whose they are."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from temporalio.service import RPCError, RPCStatusCode

from activities.support.ops_alerts import OpsAlerts
from activities.support.signalling import NotRunning
from domain.core.failures import Unavailable
from domain.core.refusal import Refused
from integrations.calls import RateLimited, Rejected, Unauthorized, Unknown, Unreachable
from integrations.standard_webhooks import PROOF, headers_for
from services.webhooks import deliveries as module
from services.webhooks.deliveries import BUG_TRIES, FIRST_RETRY, LEASE, LONGEST_RETRY, Deliveries, Later, Unverified
from store import inbox
from store.database import Database, DatabaseDown
from store.tables.integrations import InboxRow, OutboxRow
from tests.support.shop import SECRET, Shop
from tests.support.waiting import PATIENCE, until

HOUR_LONG = 3600.0


@pytest.fixture
def shop() -> Shop:
    return Shop()


def put(db: Database, *numbers: str, about: str = "") -> list[int]:
    """Store deliveries of the shop, each about something of its own unless `about` is said."""
    now = datetime.now(UTC)
    with db.begin() as session:
        kept = [inbox.keep(session, "shop", number, {}, now, about=about or number) for number in numbers]
    return [number for number in kept if number is not None]


def rows(db: Database) -> dict[str, InboxRow]:
    with db.session() as session:
        return {row.delivery_id: row for row in session.scalars(select(InboxRow))}


def titles(db: Database) -> list[str]:
    with db.session() as session:
        return list(session.scalars(select(OutboxRow.title).order_by(OutboxRow.id)))


@pytest.mark.parametrize(
    "outage",
    [
        Unknown("Zendesk answered 500"),
        Unreachable("Zendesk cannot be reached"),
        RateLimited("Zendesk answered 429"),
        Unauthorized("Zendesk answered 401"),
        RPCError("away", RPCStatusCode.UNAVAILABLE, b""),
        DatabaseDown("the database is away"),
        TimeoutError(),
        ConnectionResetError(),
        Later("its ticket is not open yet"),
        NotRunning("the ticket's workflow is not there yet"),
        Unavailable("the worker is away"),
    ],
    ids=lambda outage: type(outage).__name__,
)
async def test_what_does_not_work_for_a_time_is_tried_as_long_as_it_takes(
    db: Database, shop: Shop, outage: Exception
) -> None:
    put(db, "d-1")
    shop.fails["d-1"] = [outage] * (BUG_TRIES + 5)
    await Deliveries(db, [shop], ops=OpsAlerts(["ops"]), first_retry=timedelta(0)).work()
    assert (shop.acted, titles(db)) == (["d-1"], [])


async def test_a_bug_is_tried_ten_times_and_not_once_more(db: Database, shop: Shop) -> None:
    put(db, "d-1")
    shop.fails["d-1"] = [KeyError("x")] * (BUG_TRIES + 5)
    await Deliveries(db, [shop], first_retry=timedelta(0)).work()
    assert (BUG_TRIES, len(shop.fails["d-1"])) == (10, 5)
    row = rows(db)["d-1"]
    assert (row.attempts, row.error, row.stopped_at is not None) == (10, "bug: KeyError", True)


async def test_the_pauses_between_tries_double_up_to_ten_minutes(db: Database, shop: Shop) -> None:
    put(db, "d-1")
    shop.fails["d-1"] = [Unknown("away")] * 30
    pauses = []
    for _ in range(12):
        with db.begin() as session:
            session.connection().exec_driver_sql("UPDATE inbox SET not_before = NULL")
        before = datetime.now(UTC)
        await Deliveries(db, [shop]).work()
        until_then = rows(db)["d-1"].not_before
        assert until_then is not None
        # `work` took some time, which is the most by which this is too long.
        pauses.append((until_then - datetime.now(UTC), until_then - before))
    assert timedelta(seconds=1) == FIRST_RETRY
    assert timedelta(minutes=10) == LONGEST_RETRY
    for n, (least, most) in enumerate(pauses):
        assert least <= min(FIRST_RETRY * 2**n, LONGEST_RETRY) <= most


async def test_one_that_hangs_is_let_go_before_its_lease_is_over_and_tried_again(db: Database, shop: Shop) -> None:
    """So that no two act on it at once: it is no bug, and never set aside for it."""
    assert timedelta(seconds=module.PATIENCE) < LEASE
    put(db, "d-1")
    shop.hangs = {"d-1"}
    async with asyncio.timeout(PATIENCE):
        await Deliveries(db, [shop], lease=timedelta(seconds=0.2), first_retry=timedelta(hours=1)).work()
    row = rows(db)["d-1"]
    assert (row.attempts, row.error, row.handled_at, row.stopped_at) == (1, "TimeoutError", None, None)


class Watched(Deliveries):
    """Says how often it has looked and found nothing more to do."""

    looked = 0

    async def work(self) -> int:
        done = await super().work()
        self.looked += 1
        return done


async def test_what_comes_wakes_whoever_acts_on_it_and_a_repeat_is_not_new(db: Database, shop: Shop) -> None:
    deliveries = Watched(db, [shop], idle=HOUR_LONG)
    running = asyncio.create_task(deliveries.run())
    try:
        for number in ("d-1", "d-2"):
            before = deliveries.looked
            await until(lambda before=before: deliveries.looked > before or before)  # type: ignore[misc]
            body = json.dumps({"about": "a"}).encode()
            headers = headers_for(SECRET, number, datetime.now(UTC), body)
            looked = deliveries.looked
            assert await deliveries.receive("shop", headers, body) == (1, None)
            await until(lambda looked=looked: deliveries.looked > looked)  # type: ignore[misc]
            assert await deliveries.receive("shop", headers, body) == (0, None)
    finally:
        running.cancel()
        await asyncio.wait([running])
    assert shop.acted == ["d-1", "d-2"]


async def test_ops_hear_once_in_an_hour_of_what_is_refused_after_it_was_taken(db: Database, shop: Shop) -> None:
    numbers = [f"d-{n}" for n in range(20)]
    put(db, *numbers)
    for number in numbers:
        code = "closed" if number == "d-7" else "not_found"
        shop.fails[number] = [Refused(code, "there is none, says Jane")]
    await Deliveries(db, [shop], ops=OpsAlerts(["ops"])).work()
    told = titles(db)
    assert 2 <= len(told) <= 4  # of each reason one; two where an hour ends meanwhile
    assert all("shop" in title and "Jane" not in title and "tierline deliveries" in title for title in told)
    assert {row.error for row in rows(db).values()} == {"closed", "not_found"}
    assert await Deliveries(db, [shop]).work() == 0


async def test_a_delivery_is_kept_with_the_ticket_that_it_was_about(
    db: Database, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Erasing the ticket's person erases the delivery."""
    put(db, "d-1", "d-2")

    async def act(delivery: Any) -> str | None:
        return "4k7m3q9xtbd2" if delivery.id == "d-1" else None

    monkeypatch.setattr(shop, "act", act)
    await Deliveries(db, [shop]).work()
    assert {name: row.ticket_id for name, row in rows(db).items()} == {"d-1": "4k7m3q9xtbd2", "d-2": None}
    assert all(row.handled_at for row in rows(db).values())


def test_what_would_be_in_vain_is_refused_before_its_body_is_read(db: Database, shop: Shop) -> None:
    deliveries = Deliveries(db, [shop])
    assert deliveries.expect("shop", dict.fromkeys(PROOF, "x")) == shop.longest
    for missing in PROOF:
        with pytest.raises(Unverified, match=missing):
            deliveries.expect("shop", dict.fromkeys(PROOF, "x") | {missing: ""})
    with pytest.raises(Refused, match="nothing is received from 'other'"):
        deliveries.expect("other", {})


async def test_a_refusal_of_another_system_is_no_bug_of_ours(db: Database, shop: Shop) -> None:
    put(db, "d-1")
    shop.fails["d-1"] = [Rejected("Jira answered 404", 404)] * (BUG_TRIES + 1)
    await Deliveries(db, [shop], first_retry=timedelta(0)).work()
    assert shop.acted == ["d-1"]


async def test_of_one_source_only_so_many_are_acted_on_at_once_and_of_another_as_many_again(db: Database) -> None:
    one, other = Shop(), Shop()
    other.name = "stall"
    one.slow.clear()
    numbers = [f"d-{n}" for n in range(25)]
    put(db, *numbers[:4])
    now = datetime.now(UTC)
    with db.begin() as session:
        for number in numbers:
            inbox.keep(session, "stall", number, {}, now)
    working = asyncio.create_task(Deliveries(db, [one, other], idle=0.05).work())
    await until(lambda: len(other.acted) == 25)
    put(db, *numbers[4:])

    def claimed() -> int:
        count = "SELECT count(*) FROM inbox WHERE source = 'shop' AND attempts > 0"
        with db.session() as session:
            return session.connection().exec_driver_sql(count).scalar() or 0

    await until(lambda: claimed() >= module.AT_ONCE)
    assert claimed() == module.AT_ONCE
    one.slow.set()
    assert await working == 50
    assert sorted(one.acted) == sorted(numbers)

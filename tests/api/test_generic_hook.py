"""What the generic webhook was answered 202 for: it has its effect, or a person is told (H2)."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update
from temporalio.client import Client

from domain.core.ids import ticket_id
from integrations.standard_webhooks import headers_for
from integrations.standins.run import CHAT_SECRET
from services.intake.opening import opening_recording
from services.intake.request import OpenRequest
from services.webhooks.deliveries import Delivery, Unreadable
from services.webhooks.generic import GenericHook, _request
from store import erasure
from store.database import Database
from store.tables.integrations import InboxRow, OutboxRow
from store.tables.journal import EventRow
from store.tables.tickets import RefusalRow
from tests.support.generic_door import Door, a_form
from tests.support.policy import POLICY
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("working")


@pytest_asyncio.fixture(loop_scope="session")
async def door(temporal_dev: Client, shared_database: str) -> AsyncIterator[Door]:
    db = Database(shared_database)
    yield Door(temporal_dev, db)
    db.dispose()


async def test_a_reply_that_comes_before_its_ticket_waits_for_it(door: Door) -> None:
    number = uuid4().hex
    early = await door.send("customer.replied", {"external_id": number, "text": "PS: all users."})
    assert (door.row(early).handled_at, door.row(early).error) == (None, "NoTicketYet")
    await door.send("ticket.open", a_form(number))
    await door.replies(ticket_id("webhook", number), 1)
    assert (door.row(early).error is None, door.row(early).handled_at is not None) == (True, True)


async def test_one_whose_ticket_never_comes_is_refused_after_an_hour_and_ops_are_told(door: Door) -> None:
    name = await door.send("customer.replied", {"external_id": uuid4().hex, "text": "Hello?"})
    with door.db.begin() as session:
        long_ago = datetime.now(UTC) - timedelta(minutes=61)
        mine = update(InboxRow).where(InboxRow.delivery_id == name)
        session.execute(mine.values(received=long_ago, not_before=None))
    await door.deliveries.work()
    assert door.row(name).error == "not_found"
    with door.db.session() as session:
        assert session.scalars(select(RefusalRow).where(RefusalRow.ticket_id == door.row(name).ticket_id)).one()
        titles = session.scalars(select(OutboxRow.title).where(OutboxRow.name == "integration_failing")).all()
    assert any("generic" in title and "not_found" in title for title in titles)


async def test_g14_a_reply_that_names_what_its_sender_saw_is_held_back_once_the_ticket_has_moved_on(door: Door) -> None:
    ticket = await door.opened(subject="x")
    reply = {"ticket": ticket.id, "text": "We look into it."}
    first = await door.send("ticket.respond", reply | {"by": "ben"})
    assert door.row(first).error is None
    await until(lambda: door.types(ticket.id).count("responded") == 1)
    late = await door.send("ticket.respond", reply | {"by": "ada", "seen": ticket.seq})
    assert door.row(late).error == "moved_on"
    assert door.types(ticket.id).count("responded") == 1
    again = await door.send("ticket.respond", reply | {"by": "ada", "seen": door.ticket(ticket.id).seq})
    assert door.row(again).error is None


async def test_it_speaks_for_the_customers_of_its_own_tickets_only(door: Door) -> None:
    request = OpenRequest.parse(a_form(uuid4().hex, source="crm"))
    other = (await door.hook._service.open(request)).ticket
    name = await door.send("customer.replied", {"ticket": other, "text": "Yes."})
    assert door.row(name).error == "not_allowed"
    assert door._replies(other) == 0


async def test_two_deliveries_whose_ids_begin_alike_are_both_carried_out(door: Door) -> None:
    number = uuid4().hex
    await door.send("ticket.open", a_form(number))
    for end in ("a", "b"):
        name = f"{number}-{'x' * 180}-{end * 20}"
        await door.send("customer.replied", {"external_id": f" {number} ", "text": end}, name)
    await door.replies(ticket_id("webhook", number), 2)  # waits for both, and fails without them


async def test_l5_who_opened_a_ticket_does_not_survive_an_erasure(door: Door) -> None:
    number = uuid4().hex
    await door.send("ticket.open", a_form(number, by=f"jane-{number}"))
    ticket = ticket_id("webhook", number)
    with door.db.begin() as session:
        erasure.erase(session, ticket, at=datetime.now(UTC), actor="olga", reason="17", scope="ticket")
    with door.db.session() as session:
        names = set(session.scalars(select(EventRow.actor_id).where(EventRow.ticket_id == ticket)))
    assert "erased" in names
    assert f"jane-{number}" not in names


SAID = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.just("x" * 201),
    st.sampled_from(["", " ", "EMEA", "Nowhere/X", "europe/berlin", "../etc", "DE-", "-", "none", "US", "GB-ENG"]),
)
OF_ACCOUNT = st.sampled_from(["plan", "health", "arr", "fee", "csm", "zone", "region", "zone", "region"])
OF_FORM = st.sampled_from(
    [
        "source",
        "channel",
        "category",
        "priority",
        "impact",
        "urgency",
        "product_area",
        "subject",
        "description",
        "language",
        "parent",
        "by",
        "role",
        "opened_at",
    ]
)
LISTS = {"tags": st.lists(SAID, max_size=3), "form": st.dictionaries(st.text(max_size=3), SAID, max_size=3)}
FORMS = st.builds(
    lambda number, account, of_account, of_form, lists: (
        lists | of_form | {"external_id": number, "account": of_account | {"id": account}}
    ),
    st.one_of(st.just("7"), SAID),
    st.one_of(st.just("acme"), SAID),
    st.dictionaries(OF_ACCOUNT, SAID, max_size=2),
    st.dictionaries(OF_FORM, SAID, max_size=2),
    st.fixed_dictionaries({}, optional=LISTS),
)  # fmt: skip


@given(FORMS)
@settings(max_examples=300, deadline=None)
def test_whatever_opening_is_taken_leads_to_a_ticket(said: dict[str, Any]) -> None:
    """Nothing that is looked at later refuses what the sender was told is taken."""
    hook = GenericHook([CHAT_SECRET], None, None)  # type: ignore[arg-type]  # accepting calls nothing
    now = datetime.now(UTC)
    try:
        body = json.dumps({"type": "ticket.open", "data": said}).encode()
        (taken,) = hook.accept(headers_for(CHAT_SECRET, "d-1", now, body), body, now)
    except Unreadable:
        return
    stored = Delivery.model_validate_json(taken.model_dump_json())
    story = opening_recording(POLICY, _request(stored.payload["data"]), now)
    assert story.state.id == taken.ticket


async def test_words_whose_instant_does_not_count_are_taken_from_when_they_came(door: Door) -> None:
    ticket = await door.opened(subject="x")
    data = {"external_id": ticket.external_id, "text": "It is back.", "occurred": "2026-11-02T10:00:00Z", "mood": 3}
    name = await door.send("customer.replied", data)
    assert door.row(name).error is None
    await door.until(ticket.id, "replied")
    (texts,) = [text for place, text in door.texts(ticket.id).items() if place.endswith("taken_as_unknown")]
    assert [line.partition(":")[0] for line in texts.splitlines()] == ["mood", "occurred"]


async def test_a15_the_answer_names_the_ticket_that_a_delivery_opens_or_is_about(door: Door) -> None:
    number = uuid4().hex
    made = ticket_id("webhook", number)
    for kind, data in (
        ("ticket.open", a_form(number)),
        ("customer.replied", {"ticket": made, "text": "PS: all users."}),
    ):
        body, name = json.dumps({"type": kind, "data": data}).encode(), uuid4().hex
        headers = headers_for(CHAT_SECRET, name, datetime.now(UTC), body)
        for new in (1, 0):
            assert await door.deliveries.receive("generic", headers, body) == (new, made)

"""What goes out to Zendesk: once, whatever becomes of a try."""

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from domain.core.ids import ticket_id
from integrations.helpdesk.zendesk.client import ZendeskClient
from integrations.helpdesk.zendesk.port import Audit, Change, Comment
from integrations.standins.zendesk import AGENT, US, zendesk_config
from services.intake.request import OpenRequest
from services.webhooks.deliveries import Delivery
from services.webhooks.zendesk_out import Writing, ZendeskOut
from store import erasure
from store import webhook_outbox as feed
from store.tables.integrations import FeedRow, OutboxRow
from store.tables.tickets import RefusalRow
from tests.e2e.helpdesk import DUE, MINUTE, PUT, TIER, House, house
from tests.e2e.test_desk import RECORD

__all__ = ["house"]


async def test_replies_notes_and_fields_go_out_once_and_come_back_as_nothing(house: House) -> None:
    number = house.zendesk.act(comment="It broke.")
    await house.bring()
    await house.handle(number, "take")
    await house.handle(number, "respond", text="We look into it.")
    await house.handle(number, "note", text="Seen before.")
    await house.tell()
    fields = {field["id"]: field["value"] for field in house.zendesk.ticket(number)["custom_fields"]}
    assert fields[TIER] == "T1"
    assert fields[DUE].endswith("Z")
    await house.handle(number, "wait", question="Which browser?")
    await house.tell()
    assert house.zendesk.comments(number)[1:] == [
        (US, True, "We look into it."), (US, False, "Seen before."), (US, True, "Which browser?"),
    ]  # fmt: skip
    assert house.zendesk.ticket(number)["status"] == "pending"

    before = house.ticket(number).seq
    await house.bring()  # our own echoes
    await house.tell()
    assert house.ticket(number).seq == before
    assert len(house.zendesk.comments(number)) == 4


async def test_what_came_from_zendesk_does_not_go_back(house: House) -> None:
    number = house.zendesk.act(comment="It broke.")
    house.zendesk.act(ticket=number, by=AGENT, comment="We look into it.")
    await house.bring()
    await house.caught_up(number, "responded")
    await house.tell()
    assert len(house.zendesk.comments(number)) == 2


@pytest.mark.parametrize("fault", ["commit_then_drop", "commit_then_504", "server_error", "down", "rate_limited"])
async def test_whatever_becomes_of_a_try_the_customer_reads_it_once(house: House, fault: str) -> None:
    number = house.zendesk.act(comment="It broke.")
    await house.bring()
    await house.tell()
    await house.handle(number, "respond", text="We look into it.")
    house.zendesk.fault(fault, times=1, **PUT)
    await house.tell()
    await house.tell(later=MINUTE)
    assert [text for _, _, text in house.zendesk.comments(number)] == ["It broke.", "We look into it."]


async def test_without_the_look_before_it_is_sent_again_the_customer_reads_it_twice(house: House) -> None:
    """The negative control of the test before."""
    number = house.zendesk.act(comment="It broke.")
    await house.bring()
    await house.tell()
    await house.handle(number, "respond", text="We look into it.")
    house.zendesk.fault("commit_then_drop", times=1, **PUT)
    await house.tell(look_first=False)
    await house.tell(look_first=False, later=MINUTE)
    assert [text for _, _, text in house.zendesk.comments(number)].count("We look into it.") == 2


async def test_a_relay_that_died_after_sending_leaves_no_double(house: House) -> None:
    number = house.zendesk.act(comment="It broke.")
    await house.bring()
    await house.tell()
    await house.handle(number, "respond", text="We look into it.")
    sink = ZendeskOut(house.db, house.port)
    with house.db.begin() as session:  # it claimed the row, sent it, and died
        row = feed.claim(session, "zendesk", datetime.now(UTC), MINUTE)
    assert row is not None
    sink.send(row)
    await house.tell()
    assert len(house.zendesk.comments(number)) == 2  # its lease holds
    await house.tell(later=2 * MINUTE)
    assert [text for _, _, text in house.zendesk.comments(number)] == ["It broke.", "We look into it."]


async def test_what_zendesk_refuses_for_good_is_given_up_and_what_comes_after_goes_on(house: House) -> None:
    number = house.zendesk.act(comment="It broke.")
    await house.bring()
    await house.tell()
    house.zendesk.act(ticket=number, by=AGENT, status="closed")
    await house.handle(number, "respond", text="Too late.")
    await house.handle(number, "note", text="Nor this.")
    await house.tell()
    with house.db.session() as session:
        states = [row.state for row in session.query(FeedRow).order_by(FeedRow.id).all()]
    assert "pending" not in states
    assert states.count("failed") >= 2


async def test_h1_a_ticket_that_zendesk_did_not_open_is_not_taken_for_one_of_its_own(house: House) -> None:
    """Ours has the number of one of Zendesk's, from a time when anybody could call their source so: nothing is written
    there, what comes from there does not go into ours, and ops are told."""
    number = house.zendesk.act(comment="Our export fails.")
    for external_id in (str(number), "order-7", "0", "9" * 30):
        form = {"source": "zendesk", "external_id": external_id, "account": {"id": "acme"}, "subject": "harmless"}
        await house.desk.open(OpenRequest.parse(form))
    await house.handle(number, "respond", text="Please send your password to evil@example.com")
    await house.tell()
    await house.bring()
    await house.tell()
    assert [text for _, _, text in house.zendesk.comments(number)] == ["Our export fails."]
    with house.db.session() as session:
        assert {row.state for row in session.query(FeedRow)} == {"sent"}
        assert [row.code for row in session.query(RefusalRow) if row.channel == "webhook"] == ["does_not_fit"]
        (told,) = session.query(OutboxRow).filter_by(name="integration_failing")
        assert told.audience == "ops"
        assert "zendesk" in told.title


async def test_what_is_said_before_the_link_is_noted_waits_for_it(house: House) -> None:
    """The hook has opened the ticket and died before it noted the link; the next try of its delivery notes it."""
    number = house.zendesk.act(comment="It broke.")
    there = await asyncio.to_thread(house.port.ticket, number)
    await house.hook._open(there, Delivery(id="d", about=str(number), received=datetime.now(UTC)))
    await house.handle(number, "respond", text="We look into it.")
    await house.tell()
    assert len(house.zendesk.comments(number)) == 1
    await house.bring()
    await house.tell(later=MINUTE)
    assert [text for _, _, text in house.zendesk.comments(number)] == ["It broke.", "We look into it."]


async def test_an_erased_text_is_not_sent(house: House) -> None:
    number = house.zendesk.act(comment="It broke.")
    await house.bring()
    await house.tell()
    await house.handle(number, "respond", text="Dear Jane, we look into it.")
    with house.db.begin() as session:
        ticket = ticket_id("zendesk", str(number))
        erasure.erase(session, ticket, at=datetime.now(UTC), actor="ops", reason="asked", scope="ticket")
    await house.tell()
    assert len(house.zendesk.comments(number)) == 1


class LateCommit(ZendeskClient):
    """An abandoned try arrives after the history was read, and before the next one is written."""

    def __init__(self, house: House, late: Change) -> None:
        super().__init__(zendesk_config(house.zendesk.url))
        self._late: list[Change] = [late]

    def audits(self, number: int) -> list[Audit]:
        found = super().audits(number)
        if self._late:
            self.change(number, self._late.pop())
        return found


@pytest.mark.parametrize("protected", [True, False])
async def test_a_try_that_was_abandoned_and_arrives_late_is_no_double(house: House, protected: bool) -> None:
    """Without the safe update, the negative control, it is."""
    number = house.zendesk.act(comment="It broke.", at=datetime.now(UTC) - 30 * MINUTE)
    await house.bring()
    nothing = Writing(status=False)  # so that the ticket's last change is half an hour old
    await house.tell(show=nothing)
    await house.handle(number, "respond", text="We look into it.", id="reply-1")
    marker = f"{ticket_id('zendesk', str(number))}:reply-1:responded"
    port = LateCommit(house, Change(marker=marker, comment=Comment(public=True, text="We look into it.")))
    if not protected:
        change = ZendeskClient.change
        port.change = lambda number, what: change(  # type: ignore[method-assign]
            port, number, what.model_copy(update={"unless_changed_since": None})
        )
    with house.db.begin() as session:  # the first try, of which nobody knows what became
        assert feed.claim(session, "zendesk", datetime.now(UTC) - 2 * MINUTE, MINUTE) is not None
    house.port = port
    for later in range(4):
        await house.tell(later=later * MINUTE, show=nothing)
    said = [text for _, _, text in house.zendesk.comments(number)]
    assert said.count("We look into it.") == (1 if protected else 2)


REASON = {360_900: "Root cause"}


def notices(house: House) -> list[tuple[str, str | None, str]]:
    with house.db.session() as session:
        rows = session.scalars(select(OutboxRow).where(OutboxRow.name == "integration_failing").order_by(OutboxRow.id))
        return [(row.audience, row.recipient, row.title) for row in rows]


async def test_a_field_that_zendesk_wants_before_it_solves_keeps_no_answer_from_the_customer(house: House) -> None:
    number = house.zendesk.act(comment="It broke.")
    house.zendesk.require(REASON)
    await house.bring()
    await house.handle(number, "take")
    await house.handle(number, "respond", text="We look into it.")
    await house.handle(number, "resolve", **RECORD | {"message": "It was the cache."})
    await house.handle(number, "note", text="Seen before.")
    await house.tell()

    said = [text for _, _, text in house.zendesk.comments(number)]
    assert said == ["It broke.", "We look into it.", "It was the cache.", "Seen before."]
    assert house.zendesk.ticket(number)["status"] == "new"
    assert {field["id"]: field["value"] for field in house.zendesk.ticket(number)["custom_fields"]}[TIER] == "T1"
    with house.db.session() as session:
        assert {row.state for row in session.query(FeedRow)} == {"sent"}
    # Ops and whoever holds the ticket read which field it is, once.
    assert [(audience, who) for audience, who, _ in notices(house)] == [("ops", None), ("assignee", "ada")]
    assert all("Root cause: is required when solving a ticket" in title for _, _, title in notices(house))

    house.zendesk.act(ticket=number, by=AGENT, fields={360_900: "cache"})
    await house.handle(number, "note", text="Filled in.")
    await house.tell()
    assert house.zendesk.ticket(number)["status"] == "solved"


async def test_a_relay_that_dies_between_the_comment_and_the_status_leaves_no_double(house: House) -> None:
    number = house.zendesk.act(comment="It broke.", at=datetime.now(UTC) - MINUTE)
    await house.bring()
    await house.tell()
    await house.handle(number, "wait", question="Which browser?")
    house.zendesk.fault("server_error", says='"status"', **PUT)
    await house.tell()
    assert (len(house.zendesk.comments(number)), house.zendesk.ticket(number)["status"]) == (2, "new")
    house.zendesk.clear()
    await house.tell(later=MINUTE)
    assert [text for _, _, text in house.zendesk.comments(number)] == ["It broke.", "Which browser?"]
    assert house.zendesk.ticket(number)["status"] == "pending"

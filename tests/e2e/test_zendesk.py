"""Zendesk, there and back, with a real Temporal, PostgreSQL, workers, inbox and feed, over sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from pydantic import SecretStr
from temporalio.client import Client

from domain.ids import ticket_id
from domain.ticket import Account, Ticket
from domain.words import Channel, Metric, Plan, Status
from frontdoor.deliveries import Deliveries, Unverified
from frontdoor.desk import Desk
from frontdoor.policy import load_policy
from frontdoor.zendesk_hook import Reading, ZendeskHook
from frontdoor.zendesk_out import Writing, ZendeskOut
from integrations.helpdesk.zendesk.client import ZendeskClient
from integrations.helpdesk.zendesk.port import Audit, Change, Comment
from integrations.jira.client import JiraClient
from integrations.pager.client import PagerDutyClient
from integrations.standins import zendesk as standin
from integrations.standins.run import jira_config, pager_config
from integrations.standins.run import running as standins
from integrations.standins.zendesk import AGENT, CUSTOMER, SECRET, US, Delivery, ZendeskControl, signed, zendesk_config
from store import accounts, feed, helpdesk_links, journal
from store.database import Database
from store.models_outside import FeedRow, InboxRow
from workers.feed import Feeder
from workers.worker import Outside
from workers.worker import running as workers_running

POLICY = load_policy()
TIER, DUE, DONE, CAUSE, ARTICLE = 11, 12, 21, 22, 23
"""Custom fields of this Zendesk."""
MINUTE = timedelta(minutes=1)
PUT = {"method": "PUT", "path": "/api/v2/tickets/*"}


SHOWN = Writing(tier=TIER, sla_deadline=DUE)


class House:
    """All of it, moved by hand: what came in is acted on, and what goes out is sent, when a test says so."""

    def __init__(self, zendesk: ZendeskControl, client: Client, db: Database) -> None:
        self.zendesk, self.db = zendesk, db
        self.desk = Desk(client, db, POLICY)
        self.port = ZendeskClient(zendesk_config(zendesk.url))
        read = Reading(record={"what_was_done": DONE, "root_cause": CAUSE, "kb_article": ARTICLE})
        self.hook = ZendeskHook([SECRET], self.port, self.desk, db, read)
        self.deliveries = Deliveries(db, [self.hook], first_retry=timedelta(0))
        self._brought = 0
        with db.begin() as session:
            feed.register(session, [ZendeskOut.destination])

    async def receive(self, delivery: Delivery) -> int:
        return await self.deliveries.receive("zendesk", delivery.headers, delivery.body.encode())

    async def bring(self) -> None:
        """Every webhook that has not come yet, and what it leads to."""
        new = self.zendesk.deliveries()[self._brought :]
        self._brought += len(new)
        for delivery in new:
            await self.receive(delivery)
        await self.deliveries.work()

    async def tell(self, *, look_first: bool = True, later: timedelta = timedelta(0), show: Writing = SHOWN) -> None:
        """Everything that waits to go out, as if it were `later`."""

        def now() -> datetime:
            return datetime.now(UTC) + later

        sink = ZendeskOut(self.db, self.port, show, look_first=look_first, now=now)
        feeder = Feeder(self.db, sink, now=now)
        while await asyncio.to_thread(feeder.send_one):
            pass

    def ticket(self, number: int) -> Ticket:
        return self.stands(ticket_id("zendesk", str(number)))

    def stands(self, ticket: str) -> Ticket:
        with self.db.session() as session:
            found = journal.load(session, ticket)
        assert found is not None
        return found

    def types(self, ticket: str) -> list[str]:
        with self.db.session() as session:
            return [entry.event.body.type for entry in journal.timeline(session, ticket)]

    async def give(self, number: int, name: str, **payload: Any) -> None:
        """A command of ours, journalled."""
        ticket = ticket_id("zendesk", str(number))
        answer = await self.desk.give(ticket, name, {"by": "ada", "id": uuid4().hex} | payload)
        await until(lambda: self.stands(answer.ticket).seq >= answer.seq)

    async def caught_up(self, number: int, kind: str) -> None:
        await until(lambda: kind in self.types(ticket_id("zendesk", str(number))))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.02)


@pytest_asyncio.fixture(loop_scope="session")
async def house(temporal_dev: Client, database_url: str) -> AsyncIterator[House]:
    with ExitStack() as stack:
        zendesk, outside = stack.enter_context(standin.running(uuid4().int % 10**12)), stack.enter_context(standins())
        db = Database(database_url)
        world = Outside(
            db=db,
            jira=JiraClient(jira_config(outside.jira.url)),
            pager=PagerDutyClient(pager_config(outside.pager.url)),
            ticket_url=lambda ticket: f"http://127.0.0.1/{ticket}",
        )
        with db.begin() as session:
            accounts.save_account(session, Account(id="acme", plan=Plan.PREMIUM, csm="carol"))
        async with workers_running(temporal_dev, world):
            yield House(zendesk, temporal_dev, db)
        db.dispose()


# -- In ----------------------------------------------------------------------------------------------------------


async def test_a_ticket_is_opened_for_its_organisation_and_counts_from_its_own_creation(
    house: House,
) -> None:
    created = datetime.now(UTC).replace(microsecond=0) - 10 * MINUTE
    number = house.zendesk.act(
        comment="We were charged twice on our invoice.", subject="Invoice", at=created, via="chat"
    )
    await house.bring()
    ticket = house.ticket(number)
    assert (ticket.source, ticket.external_id, ticket.channel) == ("zendesk", str(number), Channel.CHAT)
    assert (ticket.account.id, ticket.account.plan, ticket.account_unknown) == ("acme", "premium", False)
    assert (ticket.opened_at, ticket.category, ticket.product_area) == (created, "billing", "billing")
    with house.db.session() as session:
        assert journal.texts(session, ticket.id)["1.description"] == "We were charged twice on our invoice."
        kept = session.query(InboxRow).filter_by(source="zendesk").one()
        assert (kept.about, kept.payload) == (str(number), {})  # no word of the customer's in the inbox


async def test_a_ticket_older_than_evidence_may_be_counts_from_when_we_heard_of_it(house: House) -> None:
    number = house.zendesk.act(comment="Old.", at=datetime.now(UTC) - timedelta(days=30))
    await house.bring()
    assert datetime.now(UTC) - house.ticket(number).opened_at < MINUTE


async def test_a_ticket_that_was_over_before_we_were_connected_is_left_alone(house: House) -> None:
    number = house.zendesk.act(comment="Long ago.", status="solved", at=datetime.now(UTC) - timedelta(days=30))
    house.zendesk.act(ticket=number, by=AGENT, status="closed")
    await house.bring()
    assert not _is_open(house, number)


async def test_c5_c12_an_agents_first_public_comment_counts_at_its_own_time(house: House) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    number = house.zendesk.act(comment="It broke.", at=now - 30 * MINUTE)
    house.zendesk.act(ticket=number, by=AGENT, comment="Careful: VIP.", public=False, at=now - 25 * MINUTE)
    house.zendesk.act(ticket=number, by=AGENT, comment="We look into it.", at=now - 20 * MINUTE)
    await house.bring()
    await house.caught_up(number, "responded")
    ticket = house.ticket(number)
    met = {clock.met_at for clock in ticket.clocks if clock.metric is Metric.FIRST_RESPONSE}
    assert met == {now - 20 * MINUTE}
    assert [kind for kind in house.types(ticket.id) if kind in ("noted", "responded")] == ["noted", "responded"]


async def test_c6_a_question_makes_it_pending_and_the_customers_answer_ends_that(house: House) -> None:
    number = house.zendesk.act(comment="It broke.")
    house.zendesk.act(ticket=number, by=AGENT, comment="Which browser?", status="pending")
    await house.bring()
    await until(lambda: house.ticket(number).status is Status.PENDING)
    house.zendesk.act(ticket=number, by=CUSTOMER, comment="Firefox.", status="open")
    await house.bring()
    await until(lambda: house.ticket(number).status is Status.OPEN)
    assert house.types(house.ticket(number).id).count("replied") == 1


async def test_five_copies_of_each_webhook_in_any_order_lead_to_everything_once(house: House) -> None:
    number = house.zendesk.act(comment="It broke.")
    house.zendesk.act(ticket=number, by=AGENT, comment="We look into it.")
    house.zendesk.act(ticket=number, comment="Thank you.")
    for delivery in [*house.zendesk.deliveries()[::-1]] * 5:
        await house.receive(delivery)
    await house.deliveries.work()
    await house.caught_up(number, "replied")
    kinds = house.types(house.ticket(number).id)
    assert [kinds.count(kind) for kind in ("opened", "responded", "replied")] == [1, 1, 1]


async def test_forged_stale_and_changed_webhooks_change_nothing(house: House) -> None:
    number = house.zendesk.act(comment="It broke.")
    (genuine,) = house.zendesk.deliveries()
    body = genuine.body.encode()
    for forged in (
        signed(body, SecretStr("guessed")),
        signed(body, at=datetime.now(UTC) - timedelta(minutes=6)),
        signed(body, at=datetime.now(UTC) + timedelta(minutes=6)),
        Delivery(headers=genuine.headers, body=genuine.body.replace(str(number), "7")),
        Delivery(headers={}, body=genuine.body),
    ):
        with pytest.raises(Unverified):
            await house.receive(forged)
    await house.deliveries.work()
    with house.db.session() as session:
        assert journal.load(session, ticket_id("zendesk", str(number))) is None
        assert session.query(InboxRow).count() == 0


async def test_a_lost_webhook_is_made_up_for_by_the_next_one(house: House) -> None:
    number = house.zendesk.act(comment="It broke.")
    house.zendesk.act(ticket=number, by=AGENT, comment="We look into it.")
    house.zendesk.act(ticket=number, comment="Thank you.")
    await house.receive(house.zendesk.deliveries()[-1])  # the others never came
    await house.deliveries.work()
    await house.caught_up(number, "replied")
    assert "responded" in house.types(house.ticket(number).id)


async def test_while_zendesk_is_down_a_delivery_waits_and_is_acted_on_later(house: House) -> None:
    number = house.zendesk.act(comment="It broke.")
    house.zendesk.fault("down", times=2, method="GET")
    await house.receive(house.zendesk.deliveries()[0])
    while not _is_open(house, number):
        await house.deliveries.work()


def _is_open(house: House, number: int) -> bool:
    with house.db.session() as session:
        return journal.load(session, ticket_id("zendesk", str(number))) is not None


async def test_g9_solved_there_without_its_record_is_named_and_set_back(house: House) -> None:
    number = house.zendesk.act(comment="It broke.")
    await house.bring()
    house.zendesk.act(ticket=number, by=AGENT, comment="It works again.", status="solved")
    await house.bring()
    await house.caught_up(number, "noted")
    assert house.ticket(number).status is not Status.RESOLVED
    await house.give(number, "take")
    await house.tell()
    said = house.zendesk.comments(number)
    assert (US, False, "Not resolved yet. Still missing: what_was_done, root_cause, kb_article.") in said
    assert house.zendesk.ticket(number)["status"] == "open"


async def test_g9_solved_there_with_its_record_is_resolved_here(house: House) -> None:
    number = house.zendesk.act(comment="It broke.")
    house.zendesk.act(
        ticket=number, by=AGENT, comment="It works again.", status="solved",
        fields={str(DONE): "Restarted. " * 100, str(CAUSE): "A full disk.", str(ARTICLE): "KB-7"},
    )  # fmt: skip
    await house.bring()
    await until(lambda: house.ticket(number).status is Status.RESOLVED)
    assert house.ticket(number).kb_article == "KB-7"


async def test_c10_what_is_written_after_closing_goes_on_as_a_linked_ticket(house: House) -> None:
    number = house.zendesk.act(comment="It broke.")
    await house.bring()
    first = house.ticket(number).id
    await house.give(number, "take")
    record = {"resolution": "solved", "message": "Done.", "what_was_done": "x", "root_cause": "y", "kb_reason": "gap"}
    await house.give(number, "resolve", **record)
    await house.give(number, "close")
    house.zendesk.act(ticket=number, comment="It is back.")
    await house.bring()
    linked = _linked(house, number)
    assert house.stands(linked).parent == first
    answer = await house.desk.give(linked, "respond", {"by": "ada", "text": "We look again.", "id": "again-1"})
    await until(lambda: house.stands(linked).seq >= answer.seq)
    await house.tell()
    assert (US, True, "We look again.") in house.zendesk.comments(number)


def _linked(house: House, number: int) -> str:
    with house.db.session() as session:
        link = helpdesk_links.find(session, "zendesk", str(number))
    assert link is not None
    return link.ticket_id


# -- Out ---------------------------------------------------------------------------------------------------------


async def test_replies_notes_and_fields_go_out_once_and_come_back_as_nothing(house: House) -> None:
    number = house.zendesk.act(comment="It broke.")
    await house.bring()
    await house.give(number, "take")
    await house.give(number, "respond", text="We look into it.")
    await house.give(number, "note", text="Seen before.")
    await house.tell()
    fields = {field["id"]: field["value"] for field in house.zendesk.ticket(number)["custom_fields"]}
    assert fields[TIER] == "T1"
    assert fields[DUE].endswith("Z")
    await house.give(number, "wait", question="Which browser?")
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
    await house.give(number, "respond", text="We look into it.")
    house.zendesk.fault(fault, times=1, **PUT)
    await house.tell()
    await house.tell(later=MINUTE)
    assert [text for _, _, text in house.zendesk.comments(number)] == ["It broke.", "We look into it."]


async def test_without_the_look_before_it_is_sent_again_the_customer_reads_it_twice(house: House) -> None:
    """The negative control of the test before."""
    number = house.zendesk.act(comment="It broke.")
    await house.bring()
    await house.tell()
    await house.give(number, "respond", text="We look into it.")
    house.zendesk.fault("commit_then_drop", times=1, **PUT)
    await house.tell(look_first=False)
    await house.tell(look_first=False, later=MINUTE)
    assert [text for _, _, text in house.zendesk.comments(number)].count("We look into it.") == 2


async def test_a_relay_that_died_after_sending_leaves_no_double(house: House) -> None:
    number = house.zendesk.act(comment="It broke.")
    await house.bring()
    await house.tell()
    await house.give(number, "respond", text="We look into it.")
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
    await house.give(number, "respond", text="Too late.")
    await house.give(number, "note", text="Nor this.")
    await house.tell()
    with house.db.session() as session:
        states = [row.state for row in session.query(FeedRow).order_by(FeedRow.id).all()]
    assert "pending" not in states
    assert states.count("failed") >= 2


async def test_an_erased_text_is_not_sent(house: House) -> None:
    number = house.zendesk.act(comment="It broke.")
    await house.bring()
    await house.tell()
    await house.give(number, "respond", text="Dear Jane, we look into it.")
    with house.db.begin() as session:
        journal.erase_texts(session, ticket_id("zendesk", str(number)))
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
    await house.give(number, "respond", text="We look into it.", id="reply-1")
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

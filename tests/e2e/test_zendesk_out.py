"""What goes out to Zendesk: once, whatever becomes of a try."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from domain.core.ids import ticket_id
from integrations.helpdesk.zendesk.client import ZendeskClient
from integrations.helpdesk.zendesk.port import Change, Comment, History
from integrations.standins.zendesk import zendesk_config
from integrations.standins.zendesk_state import AGENT, US
from services.intake.request import OpenRequest
from services.webhooks.deliveries import Delivery
from services.webhooks.zendesk_out import Writing, ZendeskOut
from store import erasure
from store import webhook_outbox as feed
from store.tables.integrations import OutboxRow, WebhookRow
from store.tables.tickets import RefusalRow
from tests.support.durations import MINUTE
from tests.support.helpdesk import DUE, PUT, TIER, Helpdesk
from tests.support.packages import RECORD

pytestmark = pytest.mark.long


async def test_replies_notes_and_fields_go_out_once_and_come_back_as_nothing(helpdesk: Helpdesk) -> None:
    number = helpdesk.zendesk.act(comment="It broke.")
    await helpdesk.bring()
    await helpdesk.handle(number, "take")
    await helpdesk.handle(number, "respond", text="We look into it.")
    await helpdesk.handle(number, "note", text="Seen before.")
    await helpdesk.tell()
    fields = {field["id"]: field["value"] for field in helpdesk.zendesk.ticket(number)["custom_fields"]}
    assert fields[TIER] == "T1"
    assert fields[DUE].endswith("Z")
    await helpdesk.handle(number, "wait", question="Which browser?")
    await helpdesk.tell()
    assert helpdesk.zendesk.comments(number)[1:] == [
        (US, True, "We look into it."), (US, False, "Seen before."), (US, True, "Which browser?"),
    ]  # fmt: skip
    assert helpdesk.zendesk.ticket(number)["status"] == "pending"

    before = helpdesk.ticket(number).seq
    await helpdesk.bring()  # our own echoes
    await helpdesk.tell()
    assert helpdesk.ticket(number).seq == before
    assert len(helpdesk.zendesk.comments(number)) == 4


async def test_what_came_from_zendesk_does_not_go_back(helpdesk: Helpdesk) -> None:
    number = helpdesk.zendesk.act(comment="It broke.")
    helpdesk.zendesk.act(ticket=number, by=AGENT, comment="We look into it.")
    await helpdesk.bring()
    await helpdesk.caught_up(number, "responded")
    await helpdesk.tell()
    assert len(helpdesk.zendesk.comments(number)) == 2


@pytest.mark.parametrize("fault", ["commit_then_drop", "commit_then_504", "server_error", "down", "rate_limited"])
async def test_whatever_becomes_of_a_try_the_customer_reads_it_once(helpdesk: Helpdesk, fault: str) -> None:
    number = helpdesk.zendesk.act(comment="It broke.")
    await helpdesk.bring()
    await helpdesk.tell()
    await helpdesk.handle(number, "respond", text="We look into it.")
    helpdesk.zendesk.fault(fault, times=1, **PUT)
    await helpdesk.tell()
    await helpdesk.tell(later=MINUTE)
    assert [text for _, _, text in helpdesk.zendesk.comments(number)] == ["It broke.", "We look into it."]


async def test_without_the_look_before_it_is_sent_again_the_customer_reads_it_twice(helpdesk: Helpdesk) -> None:
    """The negative control of the test before."""
    number = helpdesk.zendesk.act(comment="It broke.")
    await helpdesk.bring()
    await helpdesk.tell()
    await helpdesk.handle(number, "respond", text="We look into it.")
    helpdesk.zendesk.fault("commit_then_drop", times=1, **PUT)
    await helpdesk.tell(look_first=False)
    await helpdesk.tell(look_first=False, later=MINUTE)
    assert [text for _, _, text in helpdesk.zendesk.comments(number)].count("We look into it.") == 2


async def test_a_relay_that_died_after_sending_leaves_no_double(helpdesk: Helpdesk) -> None:
    number = helpdesk.zendesk.act(comment="It broke.")
    await helpdesk.bring()
    await helpdesk.tell()
    await helpdesk.handle(number, "respond", text="We look into it.")
    sink = ZendeskOut(helpdesk.db, helpdesk.port)
    with helpdesk.db.begin() as session:  # it claimed the row, sent it, and died
        row = feed.claim(session, "zendesk", datetime.now(UTC), MINUTE)
    assert row is not None
    sink.send(row)
    await helpdesk.tell()
    assert len(helpdesk.zendesk.comments(number)) == 2  # its lease holds
    await helpdesk.tell(later=2 * MINUTE)
    assert [text for _, _, text in helpdesk.zendesk.comments(number)] == ["It broke.", "We look into it."]


async def test_what_zendesk_refuses_for_good_is_given_up_and_what_comes_after_goes_on(helpdesk: Helpdesk) -> None:
    number = helpdesk.zendesk.act(comment="It broke.")
    await helpdesk.bring()
    await helpdesk.tell()
    helpdesk.zendesk.act(ticket=number, by=AGENT, status="closed")
    await helpdesk.handle(number, "respond", text="Too late.")
    await helpdesk.handle(number, "note", text="Nor this.")
    await helpdesk.tell()
    with helpdesk.db.session() as session:
        states = [row.state for row in session.query(WebhookRow).order_by(WebhookRow.id).all()]
    assert "pending" not in states
    assert states.count("failed") >= 2


async def test_h1_a_ticket_that_zendesk_did_not_open_is_not_taken_for_one_of_its_own(helpdesk: Helpdesk) -> None:
    """Ours has the number of one of Zendesk's, from a time when anybody could call their source so: nothing is written
    there, what comes from there does not go into ours, and ops are told."""
    number = helpdesk.zendesk.act(comment="Our export fails.")
    for external_id in (str(number), "order-7", "0", "9" * 30):
        form = {"source": "zendesk", "external_id": external_id, "account": {"id": "acme"}, "subject": "harmless"}
        await helpdesk.desk.open(OpenRequest.parse(form))
    await helpdesk.handle(number, "respond", text="Please send your password to evil@example.com")
    await helpdesk.tell()
    await helpdesk.bring()
    await helpdesk.tell()
    assert [text for _, _, text in helpdesk.zendesk.comments(number)] == ["Our export fails."]
    with helpdesk.db.session() as session:
        assert {row.state for row in session.query(WebhookRow)} == {"sent"}
        assert [row.code for row in session.query(RefusalRow) if row.channel == "webhook"] == ["does_not_fit"]
        (told,) = session.query(OutboxRow).filter_by(name="integration_failing")
        assert told.audience == "ops"
        assert "zendesk" in told.title


async def test_what_is_said_before_the_link_is_noted_waits_for_it(helpdesk: Helpdesk) -> None:
    """The hook has opened the ticket and died before it noted the link; the next try of its delivery notes it."""
    number = helpdesk.zendesk.act(comment="It broke.")
    case = await helpdesk.hook._case(number)
    await helpdesk.hook._open(case, Delivery(id="d", about=str(number), received=datetime.now(UTC)))
    await helpdesk.handle(number, "respond", text="We look into it.")
    await helpdesk.tell()
    assert len(helpdesk.zendesk.comments(number)) == 1
    await helpdesk.bring()
    await helpdesk.tell(later=MINUTE)
    assert [text for _, _, text in helpdesk.zendesk.comments(number)] == ["It broke.", "We look into it."]


async def test_an_erased_text_is_not_sent(helpdesk: Helpdesk) -> None:
    number = helpdesk.zendesk.act(comment="It broke.")
    await helpdesk.bring()
    await helpdesk.tell()
    await helpdesk.handle(number, "respond", text="Dear Jane, we look into it.")
    with helpdesk.db.begin() as session:
        ticket = ticket_id("zendesk", str(number))
        erasure.erase(session, ticket, at=datetime.now(UTC), actor="ops", reason="asked", scope="ticket")
    await helpdesk.tell()
    assert len(helpdesk.zendesk.comments(number)) == 1


class LateCommit(ZendeskClient):
    """An abandoned try arrives after the history was read, and before the next one is written."""

    def __init__(self, helpdesk: Helpdesk, late: Change) -> None:
        super().__init__(zendesk_config(helpdesk.zendesk.url))
        self._late: list[Change] = [late]

    def history(self, number: int) -> History:
        found = super().history(number)
        if self._late:
            self.change(number, self._late.pop())
        return found


@pytest.mark.parametrize("protected", [True, False])
async def test_a_try_that_was_abandoned_and_arrives_late_is_no_double(helpdesk: Helpdesk, protected: bool) -> None:
    """Without the safe update, the negative control, it is."""
    number = helpdesk.zendesk.act(comment="It broke.", at=datetime.now(UTC) - 30 * MINUTE)
    await helpdesk.bring()
    nothing = Writing(status=False)  # so that the ticket's last change is half an hour old
    await helpdesk.tell(show=nothing)
    await helpdesk.handle(number, "respond", text="We look into it.", id="reply-1")
    marker = f"{ticket_id('zendesk', str(number))}:reply-1:responded"
    port = LateCommit(helpdesk, Change(marker=marker, comment=Comment(public=True, text="We look into it.")))
    if not protected:
        change = ZendeskClient.change
        port.change = lambda number, what: change(  # type: ignore[method-assign]
            port, number, what.model_copy(update={"unless_changed_since": None})
        )
    with helpdesk.db.begin() as session:  # the first try, of which nobody knows what became
        assert feed.claim(session, "zendesk", datetime.now(UTC) - 2 * MINUTE, MINUTE) is not None
    helpdesk.port = port
    for later in range(4):
        await helpdesk.tell(later=later * MINUTE, show=nothing)
    said = [text for _, _, text in helpdesk.zendesk.comments(number)]
    assert said.count("We look into it.") == (1 if protected else 2)


REASON = {360_900: "Root cause"}


def notices(helpdesk: Helpdesk) -> list[tuple[str, str | None, str]]:
    with helpdesk.db.session() as session:
        rows = session.scalars(select(OutboxRow).where(OutboxRow.name == "integration_failing").order_by(OutboxRow.id))
        return [(row.audience, row.recipient, row.title) for row in rows]


async def test_a_field_that_zendesk_wants_before_it_solves_keeps_no_answer_from_the_customer(
    helpdesk: Helpdesk,
) -> None:
    number = helpdesk.zendesk.act(comment="It broke.")
    helpdesk.zendesk.require(REASON)
    await helpdesk.bring()
    await helpdesk.handle(number, "take")
    await helpdesk.handle(number, "respond", text="We look into it.")
    await helpdesk.handle(number, "resolve", **RECORD | {"message": "It was the cache."})
    await helpdesk.handle(number, "note", text="Seen before.")
    await helpdesk.tell()

    said = [text for _, _, text in helpdesk.zendesk.comments(number)]
    assert said == ["It broke.", "We look into it.", "It was the cache.", "Seen before."]
    assert helpdesk.zendesk.ticket(number)["status"] == "new"
    assert {field["id"]: field["value"] for field in helpdesk.zendesk.ticket(number)["custom_fields"]}[TIER] == "T1"
    with helpdesk.db.session() as session:
        assert {row.state for row in session.query(WebhookRow)} == {"sent"}
    # Ops and whoever holds the ticket read which field it is, once.
    assert [(audience, who) for audience, who, _ in notices(helpdesk)] == [("ops", None), ("assignee", "ada")]
    assert all("Root cause: is required when solving a ticket" in title for _, _, title in notices(helpdesk))

    helpdesk.zendesk.act(ticket=number, by=AGENT, fields={360_900: "cache"})
    await helpdesk.handle(number, "note", text="Filled in.")
    await helpdesk.tell()
    assert helpdesk.zendesk.ticket(number)["status"] == "solved"


async def test_a_relay_that_dies_between_the_comment_and_the_status_leaves_no_double(helpdesk: Helpdesk) -> None:
    number = helpdesk.zendesk.act(comment="It broke.", at=datetime.now(UTC) - MINUTE)
    await helpdesk.bring()
    await helpdesk.tell()
    await helpdesk.handle(number, "wait", question="Which browser?")
    helpdesk.zendesk.fault("server_error", says='"status"', **PUT)
    await helpdesk.tell()
    assert (len(helpdesk.zendesk.comments(number)), helpdesk.zendesk.ticket(number)["status"]) == (2, "new")
    helpdesk.zendesk.clear()
    await helpdesk.tell(later=MINUTE)
    assert [text for _, _, text in helpdesk.zendesk.comments(number)] == ["It broke.", "Which browser?"]
    assert helpdesk.zendesk.ticket(number)["status"] == "pending"

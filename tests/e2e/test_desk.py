"""The ticket service, with a real Temporal, PostgreSQL, worker and stand-ins."""

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import Client

from domain.core.enums import Status
from domain.core.refusal import Refused
from domain.ticket.state import Ticket, workflow_id
from services.intake.opening import opening_recording
from services.tickets import INTAKE, TicketService
from store import inbox, journal
from store.database import Database
from tests.support import counts
from tests.support.packages import RECORD
from tests.support.policy import POLICY
from tests.support.working_tierline import form


async def test_the_same_request_twice_is_one_ticket(desk: TicketService) -> None:
    request = form()
    first = await desk.open(request)
    second = await desk.open(request)
    assert (first.created, second.created) == (True, False)
    assert first.ticket == second.ticket
    await desk.handle(first.ticket, "resolve", {"by": "ada", **RECORD})
    await desk.handle(first.ticket, "close", {"by": "ada"})
    third = await desk.open(request)
    assert (third.ticket, third.created) == (first.ticket, False)


async def test_a_ticket_on_record_whose_workflow_never_started_starts_with_its_first_command(
    desk: TicketService, db: Database, temporal_dev: Client
) -> None:
    """The process died, or Temporal was away, between the record and the start."""
    story = opening_recording(POLICY, form(), datetime.now(UTC))
    with db.begin() as session:
        journal.open_once(session, story.state.id, story.events)

    answer = await desk.handle(story.state.id, "take", {"by": "ada"})

    assert answer.assignee == "ada"
    with db.begin() as session:
        assert [entry.event.body.type for entry in journal.timeline(session, story.state.id)][:1] == ["opened"]
    await temporal_dev.get_workflow_handle(workflow_id(story.state.id)).terminate()


async def test_c10_what_the_customer_writes_after_closing_opens_a_linked_ticket(
    desk: TicketService, db: Database
) -> None:
    receipt = await desk.open(form())
    await desk.handle(receipt.ticket, "resolve", {"by": "ada", **RECORD})
    await desk.handle(receipt.ticket, "close", {"by": "ada"})

    reply = {"by": "customer", "role": "customer", "text": "It is back.", "id": "mail-7"}
    linked = await desk.handle(receipt.ticket, "reply", reply)
    again = await desk.handle(receipt.ticket, "reply", reply)

    assert linked.ticket == again.ticket != receipt.ticket
    assert linked.status is Status.NEW
    with db.begin() as session:
        parent = journal.load(session, linked.ticket)
        assert parent is not None
        assert parent.parent == receipt.ticket


async def test_c8_a_closed_ticket_takes_a_waiver_over_the_journal_or_says_why_not(desk: TicketService) -> None:
    receipt = await desk.open(form())
    await desk.handle(receipt.ticket, "resolve", {"by": "ada", **RECORD})
    await desk.handle(receipt.ticket, "close", {"by": "ada"})
    answer = await desk.handle(receipt.ticket, "rate", {"by": "customer", "role": "customer", "csat": 4})
    assert answer.did == ("rated",)
    with pytest.raises(Refused) as refused:
        await desk.handle(receipt.ticket, "take", {"by": "ada"})
    assert refused.value.code == "closed"
    assert "rate" in refused.value.would_fit


async def test_a_refusal_is_on_record_and_an_unknown_ticket_is_said_to_be(desk: TicketService, db: Database) -> None:
    with pytest.raises(Refused) as refused:
        await desk.handle("0000-0000-0000", "take", {"by": "ada"})
    assert refused.value.code == "not_found"
    with pytest.raises(Refused) as malformed:
        await desk.handle("0000-0000-0000", "take", {"by": "ada", "colour": "red"})
    assert "colour" in malformed.value.fields
    with db.begin() as session:
        assert counts.refusals_count(session) == {"malformed": 1, "not_found": 1}


async def test_a_ticket_whose_service_died_before_the_start_is_started_without_anybody_asking(
    desk: TicketService, db: Database, temporal_dev: Client
) -> None:
    """A P0 that is on record must page, whoever died."""
    story = opening_recording(POLICY, form(priority="P0"), datetime.now(UTC))
    ticket = story.state.id
    with db.begin() as session:  # what the service commits before it starts anything
        journal.open_once(session, ticket, story.events)
        inbox.keep(session, INTAKE, ticket, {}, datetime.now(UTC), ticket_id=ticket)

    assert await desk.start_overdue(older=timedelta(hours=1)) == 0  # its service may still be at it
    assert await desk.start_overdue(older=timedelta(0)) == 1
    assert await desk.start_overdue(older=timedelta(0)) == 0

    handle = temporal_dev.get_workflow_handle(workflow_id(ticket))
    assert (await handle.query("ticket", result_type=Ticket)).id == ticket
    await handle.terminate()


async def test_what_the_service_started_itself_is_not_overdue(desk: TicketService) -> None:
    await desk.open(form())
    assert await desk.start_overdue(older=timedelta(0)) == 0

"""A ticket whose workflow is gone goes on from its journal; the database's clock counts, not a host's."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from temporalio.client import Client

from domain.ticket.state import workflow_id
from services.tickets import TicketService
from store import journal
from store.database import Database
from store.host_clock import host_now
from tests.support.packages import T3_PACKAGE
from tests.support.policy import POLICY
from tests.support.ticket_life import closed, life
from tests.support.working_tierline import Tierline, form, worked_on

pytestmark = pytest.mark.long


async def test_a_ticket_that_was_terminated_goes_on_with_its_next_command(place: Tierline) -> None:
    before = await worked_on(place)
    said = {"by": "ada", "text": "Said once.", "id": "note-1"}
    first = await place.tickets.handle(before.id, "note", said)
    before = await place.seen(before.id, lambda known: known.seq == first.seq)
    await place.end(before.id, delete=False)

    answer = await place.tickets.handle(before.id, "note", {"by": "ada", "text": "What now?"})

    assert answer.did == ("noted",)
    assert (await place.tickets.handle(before.id, "note", said)).seq == first.seq  # given before: nothing happens
    after = await place.seen(before.id, lambda known: known.seq == before.seq + 1)
    assert (after.assignee, after.fields, after.clocks) == (before.assignee, before.fields, before.clocks)
    assert place.epochs(before.id) == {(1, False)}


async def test_a_ticket_that_temporal_has_forgotten_goes_on_from_its_journal(place: Tierline) -> None:
    before = await worked_on(place)
    await place.end(before.id, delete=True)

    await place.tickets.handle(before.id, "note", {"by": "ada", "text": "What now?"})

    after = await place.seen(before.id, lambda known: known.seq == before.seq + 1)
    assert (after.assignee, after.fields, after.clocks) == (before.assignee, before.fields, before.clocks)
    assert place.epochs(before.id) == {(1, False)}


async def test_an_effect_keeps_its_key_so_an_issue_that_was_made_is_not_made_twice(place: Tierline) -> None:
    """The issue is made, and the ticket's workflow ends before it hears so."""
    before = await worked_on(place)
    await place.tickets.handle(before.id, "escalate", {"by": "ada", "fields": {}})
    await place.tickets.handle(before.id, "fill", {"by": "ben", "fields": T3_PACKAGE})
    await place.tickets.handle(before.id, "escalate", {"by": "ben", "fields": {}})
    linked = await place.seen(before.id, lambda known: known.issue)
    key = linked.issue.key if linked.issue else ""
    with place.db.begin() as session:  # the journal is put back to the escalation: the answer was never recorded
        session.execute(text("DELETE FROM feed WHERE ticket_id = :t"), {"t": linked.id})
        last = text("SELECT max(seq) FROM ticket_events WHERE ticket_id = :t AND type = 'escalated'")
        seq = session.execute(last, {"t": linked.id}).scalar_one()
        session.execute(text("DELETE FROM texts WHERE ticket_id = :t AND seq > :s"), {"t": linked.id, "s": seq})
        session.execute(text("DELETE FROM ticket_events WHERE ticket_id = :t AND seq > :s"), {"t": linked.id, "s": seq})
        known = journal.fold(session, linked.id)
        assert known is not None
        state = known.model_dump_json(exclude={"terms"})
        session.execute(
            text("UPDATE tickets SET seq = :s, state = cast(:x AS jsonb) WHERE id = :t"),
            {"t": linked.id, "s": seq, "x": state},
        )
        assert known.pending_effects
    await place.end(linked.id, delete=True)  # else its history would fill the journal up again

    await place.tickets.handle(linked.id, "note", {"by": "ada", "text": "What now?"})

    again = await place.seen(linked.id, lambda known: known.issue)
    assert again.issue is not None
    assert again.issue.key == key
    with place.db.session() as session:
        assert session.execute(text("SELECT count(*) FROM jira_links WHERE kind = 'bug'")).scalar_one() == 1


async def test_the_workflow_of_a_closed_ticket_does_not_start_again(place: Tierline) -> None:
    ticket = (await place.tickets.open(form())).ticket
    record = {"resolution": "solved", "what_was_done": "x", "root_cause": "y", "kb_reason": "gap", "message": "Done."}
    await place.tickets.handle(ticket, "resolve", {"by": "ada", **record})
    await place.tickets.handle(ticket, "close", {"by": "ada"})
    await place.client.get_workflow_handle(workflow_id(ticket)).result()
    run = (await place.client.get_workflow_handle(workflow_id(ticket)).describe()).run_id

    answer = await place.tickets.handle(ticket, "rate", {"by": "customer", "role": "customer", "csat": 4})

    assert answer.did == ("rated",)
    assert (await place.client.get_workflow_handle(workflow_id(ticket)).describe()).run_id == run


async def test_c10_a_follow_up_counts_from_when_the_customer_wrote(temporal_dev: Client, db: Database) -> None:
    """The reply waited in the inbox while Temporal was down."""
    story = closed(life())
    with db.begin() as session:
        journal.append(session, story.ticket.id, "run-1", story.events)
    wrote = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=5)
    reply = {"by": "acme", "role": "customer", "text": "Again!", "id": f"webhook:{uuid4()}"}

    answer = await TicketService(temporal_dev, db, POLICY).handle(story.ticket.id, "reply", reply, received=wrote)

    with db.session() as session:
        follow_up = journal.load(session, answer.ticket)
    assert follow_up is not None
    assert follow_up.opened_at == wrote
    await temporal_dev.get_workflow_handle(workflow_id(answer.ticket)).terminate()


async def test_c12_the_clock_of_the_host_that_takes_an_answer_does_not_count(
    place: Tierline, database_url: str
) -> None:
    """One host is ten minutes slow, another ten minutes fast: both take what they take at the same time."""
    for wrong in (timedelta(minutes=-10), timedelta(minutes=10)):
        db = Database(database_url, host_clock=lambda wrong=wrong: host_now() + wrong)  # type: ignore[misc]
        desk = TicketService(place.client, db, POLICY)
        ticket = (await desk.open(form())).ticket
        answer = await desk.handle(ticket, "respond", {"by": "ada", "text": "We look at it."})
        known = await place.seen(ticket, lambda known, seq=answer.seq: known.seq >= seq)  # type: ignore[misc]
        with place.db.session() as session:
            events = [entry.event for entry in journal.timeline(session, ticket)]
            recorded = [entry.recorded_at for entry in journal.timeline(session, ticket)]
        db.dispose()
        bound = timedelta(minutes=5)  # far less than the fault, far more than a loaded machine takes
        assert abs(known.opened_at - recorded[0]) < bound
        assert all(abs((event.received or event.at) - recorded[0]) < bound for event in events)
        await place.client.get_workflow_handle(workflow_id(ticket)).terminate()

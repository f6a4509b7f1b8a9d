"""What ends in Zendesk ends here, and who wrote there: over sockets, to the ticket and back (G12, G13)."""

from datetime import UTC, datetime

import pytest

from domain.core.enums import Metric, Priority, Resolution, Status
from domain.core.ids import ticket_id
from domain.ticket.state import Ticket
from integrations.standins.zendesk import event_body, signed
from integrations.standins.zendesk_state import AGENT, CUSTOMER, ITSELF
from services.webhooks.zendesk_out import Writing
from store import helpdesk_links, journal
from store.tables.integrations import InboxRow
from store.tables.tickets import RefusalRow
from tests.support.durations import MINUTE
from tests.support.helpdesk import Helpdesk
from tests.support.waiting import until

pytestmark = pytest.mark.long


def answered(ticket: Ticket) -> set[datetime | None]:
    return {clock.met_at for clock in ticket.clocks if clock.metric is Metric.FIRST_RESPONSE}


def known(helpdesk: Helpdesk, ticket: str) -> Ticket | None:
    with helpdesk.db.session() as session:
        return journal.load(session, ticket)


async def closed(helpdesk: Helpdesk, number: int) -> Ticket:
    await until(lambda: helpdesk.ticket(number).status is Status.CLOSED)
    return helpdesk.ticket(number)


@pytest.mark.parametrize("first", ["source", "target"])
async def test_g13_merged_there_it_ends_here_and_its_notice_answers_nobody(helpdesk: Helpdesk, first: str) -> None:
    source, target = (helpdesk.zendesk.act(comment="The export fails.") for _ in range(2))
    await helpdesk.bring()
    sent = len(helpdesk.zendesk.deliveries())
    helpdesk.zendesk.act(ticket=source, merge_into=target, by=AGENT)
    news = helpdesk.zendesk.deliveries()[sent:]
    mine = [one for one in news if f"ticket:{source if first == 'source' else target}" in one.body]
    for delivery in mine:  # what is said of the other one never comes
        await helpdesk.receive(delivery)
    await helpdesk.deliveries.work()
    ended = await closed(helpdesk, source)
    assert (ended.resolution, ended.parent) == (Resolution.DUPLICATE, helpdesk.ticket(target).id)
    await helpdesk.bring()
    await helpdesk.caught_up(target, "noted")
    assert (answered(ended), answered(helpdesk.ticket(target))) == ({None}, {None})
    assert helpdesk.ticket(target).status is Status.NEW
    assert "responded" not in helpdesk.types(ended.id) + helpdesk.types(helpdesk.ticket(target).id)
    assert helpdesk.types(ended.id).count("closed") == 1
    await helpdesk.tell()
    assert helpdesk.zendesk.ticket(source)["status"] == "closed"


async def test_g13_what_was_merged_before_we_heard_of_it_is_not_opened(helpdesk: Helpdesk) -> None:
    source, target = (helpdesk.zendesk.act(comment="Everything is down.") for _ in range(2))
    helpdesk.zendesk.act(ticket=source, merge_into=target, by=AGENT)
    await helpdesk.bring()
    await helpdesk.caught_up(target, "noted")
    assert known(helpdesk, ticket_id("zendesk", str(source))) is None


@pytest.mark.parametrize(("event", "how"), [("marked_as_spam", "spam"), ("soft_deleted", "deleted")])
async def test_g13_g6_deleted_or_spam_there_it_is_discarded_here_and_its_pages_are_called_off(
    helpdesk: Helpdesk, event: str, how: str
) -> None:
    helpdesk.read(priority={"urgent": Priority.P0})
    number = helpdesk.zendesk.act(comment="Cheap watches", subject="Everything is down 50 percent", priority="urgent")
    await helpdesk.bring()
    await until(lambda: bool(helpdesk.ticket(number).incident))
    helpdesk.zendesk.end(number, event)
    await helpdesk.bring()
    assert (await closed(helpdesk, number)).discarded
    await until(lambda: helpdesk.ticket(number).incident is not None and not helpdesk.ticket(number).incident.open)
    with helpdesk.db.session() as session:
        entries = [entry.event.body for entry in journal.timeline(session, helpdesk.ticket(number).id)]
        assert [body.how for body in entries if body.type == "closed"] == [how]
    await until(lambda: helpdesk.types(helpdesk.ticket(number).id)[-1] in ("incident_left", "effect_done"))


async def test_g13_an_event_for_a_ticket_that_is_gone_ends_it_as_well(helpdesk: Helpdesk) -> None:
    number = helpdesk.zendesk.act(comment="It broke.")
    await helpdesk.bring()
    helpdesk.zendesk.end(number, "soft_deleted")  # this news is lost; another one comes late
    await helpdesk.receive(signed(event_body("ticket.comment_added", number)))
    await helpdesk.deliveries.work()
    assert (await closed(helpdesk, number)).discarded
    with helpdesk.db.session() as session:
        assert session.query(RefusalRow).filter(RefusalRow.channel == "webhook").count() == 0


async def test_g13_a_deletion_that_is_not_true_ends_nothing(helpdesk: Helpdesk) -> None:
    number = helpdesk.zendesk.act(comment="It broke.")
    await helpdesk.bring()
    await helpdesk.receive(signed(event_body("ticket.soft_deleted", number)))
    await helpdesk.deliveries.work()
    with helpdesk.db.session() as session:
        assert all(row.handled_at for row in session.query(InboxRow))
    assert helpdesk.ticket(number).status is Status.NEW


async def test_g13_deleted_before_it_was_opened_it_never_is(helpdesk: Helpdesk) -> None:
    number = helpdesk.zendesk.act(comment="It broke.")
    helpdesk.zendesk.end(number, "soft_deleted")
    created, deleted = helpdesk.zendesk.deliveries()
    for delivery in (deleted, created):
        await helpdesk.receive(delivery)
    await helpdesk.deliveries.work()
    assert known(helpdesk, ticket_id("zendesk", str(number))) is None


async def test_g13_restored_there_it_goes_on_as_a_linked_ticket_once(helpdesk: Helpdesk) -> None:
    number = helpdesk.zendesk.act(comment="It broke.", subject="Export", at=datetime.now(UTC) - 60 * MINUTE)
    await helpdesk.bring()
    first = helpdesk.ticket(number).id
    helpdesk.zendesk.end(number, "soft_deleted")
    await helpdesk.bring()
    await closed(helpdesk, number)
    helpdesk.zendesk.end(number, "undeleted")
    await helpdesk.bring()
    helpdesk.zendesk.act(ticket=number, comment="Are you there?")
    await helpdesk.bring()
    with helpdesk.db.session() as session:
        link = helpdesk_links.find(session, "zendesk", str(number))
        assert link is not None
        ticket = journal.load(session, link.ticket_id)
        assert ticket is not None
        assert journal.texts(session, ticket.id)["1.description"] == "It broke."
    assert (ticket.parent, ticket.source) == (first, "follow-up")
    assert datetime.now(UTC) - ticket.opened_at < 5 * MINUTE
    await until(lambda: helpdesk.types(ticket.id).count("replied") == 1)


async def test_g13_solved_by_the_customer_it_is_resolved_here_and_stays_so_there(helpdesk: Helpdesk) -> None:
    number = helpdesk.zendesk.act(comment="It broke.")
    helpdesk.zendesk.act(ticket=number, by=AGENT, comment="Please try again.", status="open")
    await helpdesk.bring()
    await helpdesk.tell()
    helpdesk.zendesk.act(ticket=number, comment="Works now, thanks.", status="solved")
    await helpdesk.bring()
    await until(lambda: helpdesk.ticket(number).status is Status.RESOLVED)
    assert helpdesk.types(helpdesk.ticket(number).id)[-1] == "resolved"
    await helpdesk.handle(number, "note", text="Good.")
    await helpdesk.tell()
    assert helpdesk.zendesk.ticket(number)["status"] == "solved"


async def test_g13_a_newer_state_there_is_never_overwritten_by_ours(helpdesk: Helpdesk) -> None:
    """The customer solved it, and the news of it is lost or late: our own `take` does not open it again there."""
    number = helpdesk.zendesk.act(comment="It broke.")
    await helpdesk.bring()
    helpdesk.zendesk.act(ticket=number, status="solved")
    await helpdesk.handle(number, "take")
    await helpdesk.handle(number, "respond", text="We look into it.")
    await helpdesk.tell()
    assert helpdesk.zendesk.ticket(number)["status"] == "solved"
    assert "We look into it." in [text for _, _, text in helpdesk.zendesk.comments(number)]
    await helpdesk.bring()  # it comes after all
    await until(lambda: helpdesk.ticket(number).status is Status.RESOLVED)


async def test_g13_what_changes_right_before_our_status_makes_it_a_conflict_and_is_looked_at_again(
    helpdesk: Helpdesk,
) -> None:
    number = helpdesk.zendesk.act(comment="It broke.", at=datetime.now(UTC) - 10 * MINUTE)
    await helpdesk.bring()
    await helpdesk.handle(number, "take")
    read = helpdesk.port.ticket

    def read_then_customer_solves(asked: int):  # type: ignore[no-untyped-def]
        there = read(asked)
        helpdesk.port.ticket = read  # type: ignore[method-assign]
        helpdesk.zendesk.act(ticket=number, status="solved")
        return there

    helpdesk.port.ticket = read_then_customer_solves  # type: ignore[method-assign]
    await helpdesk.tell(show=Writing())
    await helpdesk.tell(show=Writing(), later=MINUTE)
    assert helpdesk.zendesk.ticket(number)["status"] == "solved"


async def test_g12_g13_an_automation_resolves_nothing_and_its_status_is_set_back(
    helpdesk: Helpdesk,
) -> None:
    number = helpdesk.zendesk.act(comment="It broke.")
    await helpdesk.bring()
    await helpdesk.handle(number, "wait", question="Which browser?")
    await helpdesk.tell()
    helpdesk.zendesk.act(ticket=number, by=ITSELF, by_rule=True, status="solved")
    await helpdesk.bring()
    await helpdesk.caught_up(number, "noted")
    await helpdesk.tell()
    assert helpdesk.ticket(number).status is Status.PENDING
    assert helpdesk.zendesk.ticket(number)["status"] == "pending"
    assert any("no person" in text and not public for _, public, text in helpdesk.zendesk.comments(number))


async def test_g13_closed_there_while_it_is_open_here_it_ends(helpdesk: Helpdesk) -> None:
    number = helpdesk.zendesk.act(comment="It broke.")
    await helpdesk.bring()
    helpdesk.zendesk.act(ticket=number, by=ITSELF, by_rule=True, status="closed")
    await helpdesk.bring()
    ended = await closed(helpdesk, number)
    assert (ended.resolution, ended.discarded) == (None, False)


async def test_c10_reopened_there_after_it_was_closed_here_it_goes_on_as_a_linked_ticket(helpdesk: Helpdesk) -> None:
    number = helpdesk.zendesk.act(comment="It broke.")
    await helpdesk.bring()
    first = helpdesk.ticket(number).id
    await helpdesk.handle(number, "take")
    record = {"resolution": "solved", "message": "Done.", "what_was_done": "x", "root_cause": "y", "kb_reason": "gap"}
    await helpdesk.handle(number, "resolve", **record)
    await helpdesk.tell()
    await helpdesk.handle(number, "close")
    helpdesk.zendesk.act(ticket=number, by=AGENT, status="open")
    await helpdesk.bring()
    with helpdesk.db.session() as session:
        link = helpdesk_links.find(session, "zendesk", str(number))
    assert link is not None
    assert helpdesk.stands(link.ticket_id).parent == first


async def test_g12_a_triggers_note_ends_no_waiting_and_reopens_nothing(helpdesk: Helpdesk) -> None:
    number = helpdesk.zendesk.act(comment="It broke.")
    helpdesk.zendesk.act(ticket=number, by=AGENT, comment="Which browser?", status="pending")
    helpdesk.zendesk.act(ticket=number, by=ITSELF, by_rule=True, comment="VIP: handle with care.", public=False)
    await helpdesk.bring()
    await helpdesk.caught_up(number, "noted")
    assert helpdesk.ticket(number).status is Status.PENDING
    with helpdesk.db.session() as session:
        (note,) = [
            one.event for one in journal.timeline(session, helpdesk.ticket(number).id) if one.event.body.type == "noted"
        ]
    assert (note.actor.id, note.actor.role, note.body.public) == ("zendesk--1", "system", False)


async def test_c5_opened_by_an_agent_for_the_customer_it_is_answered_by_its_public_message(helpdesk: Helpdesk) -> None:
    created = datetime.now(UTC).replace(microsecond=0) - 10 * MINUTE
    words = "We saw that your export fails and are looking into it."
    number = helpdesk.zendesk.act(by=AGENT, requester=CUSTOMER, comment=words, via="web", at=created)
    await helpdesk.bring()
    assert (answered(helpdesk.ticket(number)), helpdesk.types(helpdesk.ticket(number).id)[:2]) == (
        {created}, ["opened", "responded"],
    )  # fmt: skip
    await helpdesk.tell()
    assert len(helpdesk.zendesk.comments(number)) == 1


async def test_c5_a_call_back_is_a_response_from_when_it_began(helpdesk: Helpdesk) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    number = helpdesk.zendesk.act(comment="It broke.", at=now - 60 * MINUTE)
    call = {"call_duration": 210, "answered_by_id": AGENT, "started_at": (now - 54 * MINUTE).isoformat()}
    helpdesk.zendesk.act(ticket=number, by=AGENT, comment="Call to +49 30 1234567", call=call, at=now - 50 * MINUTE)
    await helpdesk.bring()
    await helpdesk.caught_up(number, "responded")
    assert answered(helpdesk.ticket(number)) == {now - 54 * MINUTE}


async def test_g12_c5_made_private_later_the_response_stays_one_and_a_line_says_so(helpdesk: Helpdesk) -> None:
    number = helpdesk.zendesk.act(comment="It broke.")
    helpdesk.zendesk.act(ticket=number, by=AGENT, comment="The password is x.")
    await helpdesk.bring()
    await helpdesk.caught_up(number, "responded")
    before = answered(helpdesk.ticket(number))
    helpdesk.zendesk.act(ticket=number, by=AGENT, hide=helpdesk.zendesk.comment_ids(number)[-1])
    await helpdesk.bring()
    await helpdesk.caught_up(number, "hidden")
    assert answered(helpdesk.ticket(number)) == before != {None}
    with helpdesk.db.session() as session:
        events = [one.event for one in journal.timeline(session, helpdesk.ticket(number).id)]
    (hidden,) = [event.body for event in events if event.body.type == "hidden"]
    assert hidden.message in {event.command_id for event in events if event.body.type == "responded"}

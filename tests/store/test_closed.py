"""After closing, the same core works over the journal, one writer at a time."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from domain.core.enums import Metric, Role
from domain.core.refusal import Refused
from domain.ticket import commands as c
from store import journal
from store.closed_tickets import NotClosed, command_closed
from store.database import Database
from store.tables.integrations import OutboxRow
from store.tables.journal import EventRow
from tests.support.packages import BOTH_PACKAGES
from tests.support.ticket_life import MONDAY, Life, closed, life, resolved

AFTER = MONDAY + timedelta(days=2)
LEAD = {"by": "lea", "role": Role.LEAD}


def recorded(database: Database, one: Life) -> Life:
    with database.begin() as session:
        journal.append(session, one.ticket.id, "run-1", one.events)
    return one


def breached_and_closed() -> Life:
    return closed(life(priority="P1").wait_until(MONDAY + timedelta(hours=6)))


def test_a_breach_is_waived_with_its_reason(database: Database) -> None:
    """C8."""
    one = recorded(database, breached_and_closed())
    waive = c.Waive(**LEAD, metric=Metric.FIRST_RESPONSE, reason="Their mail server was down.")

    story = command_closed(database, one.ticket.id, waive, AFTER)

    assert [event.body.type for event in story.events] == ["waived"]
    with database.session() as session:
        assert journal.load(session, one.ticket.id) == journal.fold(session, one.ticket.id) == story.state
        entry = journal.timeline(session, one.ticket.id)[-1]
    assert (entry.run_id, entry.event.texts) == (journal.CLOSED, {"reason": "Their mail server was down."})


def test_the_customer_rates_it(database: Database) -> None:
    one = recorded(database, closed(life()))

    story = command_closed(database, one.ticket.id, c.Rate(by="acme", role=Role.CUSTOMER, csat=5), AFTER)

    assert story.state.csat == 5


def test_the_customer_hears_when_the_fix_ships(database: Database) -> None:
    """C7: the link to the issue outlives the ticket."""
    one = life().do("take").do("fill", fields=BOTH_PACKAGES).do("escalate").do("take").do("escalate")
    effect = one.ticket.pending_effects[0]
    one.tell(c.ReportDone(by="tierline", role=Role.SYSTEM, key=effect.key, jira_key="SUP-1", jira_url="http://jira/1"))
    one.do("resolve", resolution="workaround", message="Until then: use Chrome.", what_was_done="A workaround.",
           root_cause="A bug.", kb_reason="A bug.").do("close")  # fmt: skip
    recorded(database, one)
    fact = c.IssueUpdate(by="jira", role=Role.INTEGRATION, key="SUP-1", category="done", status="Done", version=AFTER)

    command_closed(database, one.ticket.id, fact, AFTER)
    command_closed(database, one.ticket.id, fact, AFTER)  # an older version, or the same one, is dropped

    with database.session() as session:
        shipped = session.scalars(select(OutboxRow).where(OutboxRow.name == "fix_shipped")).all()
        assert journal.fold(session, one.ticket.id) == journal.load(session, one.ticket.id)
    assert [(row.audience, row.recipient) for row in shipped] == [("customer", "acme")]


def test_a_customers_message_is_refused_as_closed(database: Database) -> None:
    """C10: it opens a linked ticket, which is the service's to do."""
    one = recorded(database, closed(life()))

    with pytest.raises(Refused) as refused:
        command_closed(database, one.ticket.id, c.Reply(by="acme", role=Role.CUSTOMER, text="Again!"), AFTER)

    assert refused.value.code == "closed"


def test_nobody_is_left_to_try_an_effect_again(database: Database) -> None:
    one = recorded(database, closed(life()))
    with pytest.raises(Refused) as refused:
        command_closed(database, one.ticket.id, c.Retry(by="ada"), AFTER)
    assert refused.value.code == "closed"


def test_what_is_refused_leaves_nothing(database: Database) -> None:
    one = recorded(database, breached_and_closed())

    with pytest.raises(Refused):
        command_closed(
            database, one.ticket.id, c.Waive(by="ada", metric=Metric.FIRST_RESPONSE, reason="Please."), AFTER
        )

    with database.session() as session:
        assert journal.load(session, one.ticket.id) == one.ticket


def test_an_unknown_ticket_and_an_open_one_are_told_apart(database: Database) -> None:
    one = recorded(database, resolved(life()))
    with pytest.raises(Refused, match="there is no ticket"):
        command_closed(database, "nothing", c.Rate(csat=1), AFTER)
    with pytest.raises(NotClosed, match="is resolved"):
        command_closed(database, one.ticket.id, c.Rate(csat=1), AFTER)


def test_the_same_command_id_is_carried_out_once(database: Database) -> None:
    one = recorded(database, closed(life()))
    rate = c.Rate(id="r-1", by="acme", role=Role.CUSTOMER, csat=2)

    first = command_closed(database, one.ticket.id, rate, AFTER)
    again = command_closed(database, one.ticket.id, rate.model_copy(update={"csat": 5}), AFTER + timedelta(hours=1))

    assert again.events == first.events
    assert again.state == first.state


def test_four_at_once_take_turns(database: Database) -> None:
    one = recorded(database, closed(life()))
    barrier = threading.Barrier(4)
    written = one.ticket.opened_at

    def respond(number: int) -> None:
        barrier.wait()
        late = c.Respond(by="ada", text=f"Sent in time, {number}.", occurred=written, source="mail")
        command_closed(database, one.ticket.id, late, AFTER)

    threads = [threading.Thread(target=respond, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with database.session() as session:
        words = journal.texts(session, one.ticket.id)
        sent = session.scalars(
            select(EventRow).where(EventRow.seq > one.ticket.seq, EventRow.type == "responded")
        ).all()
        assert journal.load(session, one.ticket.id) == journal.fold(session, one.ticket.id)
    assert sorted(words[f"{row.seq}.text"] for row in sent) == [f"Sent in time, {n}." for n in range(1, 5)]
    assert {row.epoch for row in sent} == {1}

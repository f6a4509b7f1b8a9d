"""F2: an approved credit reaches billing once by its id, whatever dies in between, and is applied when it was taken."""

import json

import pytest
from sqlalchemy import update

from domain.core.enums import Role
from domain.core.refusal import Refused
from domain.policy.money import CreditsRow
from services import credits
from store import journal, webhook_outbox
from store.database import Database
from store.tables.integrations import WebhookRow
from tests.support.billing import Receiver, killed, later, relay
from tests.support.durations import HOUR, MINUTE
from tests.support.ticket_life import MONDAY, Life, life

RULES = CreditsRow()


def breached(database: Database, name: str = "1", arr: int = 120_000) -> Life:
    one = life(name, arr=arr).wait_until(MONDAY + 5 * HOUR)
    return recorded(database, one)


def recorded(database: Database, one: Life) -> Life:
    with database.begin() as session:
        journal.append(session, one.ticket.id, "run", one.events)
    return one


def waived(database: Database, one: Life) -> Life:
    return recorded(database, one.do("waive", HOUR, role="lead", metric="first_response", reason="Agreed."))


def approved(database: Database) -> str:
    (one,) = credits.listed(database).credits
    return credits.approve(database, RULES, one.id, "lea", Role.LEAD).id


def state(database: Database, name: str) -> str:
    return credits.detail(database, name).credit.state.value


def test_f2_billing_is_told_of_what_was_approved_and_its_answer_applies_it(
    database: Database, receiver: Receiver
) -> None:
    sending = relay(database, receiver)
    one = breached(database)
    assert not sending.send_one()  # nobody has approved it, and events of tickets are not for billing
    name = approved(database)
    assert sending.send_one()
    assert state(database, name) == "applied"
    (exchange,) = receiver.requests
    assert json.loads(exchange.body)["data"] == {
        "credit": name, "account": "acme", "month": "2026-03", "metric": "first_response",
        "problem": f"ticket:{one.ticket.id}", "percent": "5", "amount": "500.00", "approved_by": "lea",
    }  # fmt: skip
    assert not sending.send_one()
    waived(database, one)  # billing has it: it is to be taken back
    assert state(database, name) == "reversed"
    assert sending.send_one()
    assert receiver.told() == [(f"{name}.1.1", "credit.approved"), (f"{name}.1.2", "credit.reversed")]


def test_f2_a_relay_that_dies_between_sending_and_noting_it_sends_it_again_under_the_same_id(
    database: Database, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    sending = relay(database, receiver)
    breached(database)
    name = approved(database)
    with monkeypatch.context() as patch:
        patch.setattr(webhook_outbox.QUEUE, "done", killed)
        with pytest.raises(KeyboardInterrupt):
            sending.send_one()
    assert state(database, name) == "approved"  # it was noted with the answer, or not at all
    assert relay(database, receiver, now=later(2 * MINUTE)).send_one()
    assert state(database, name) == "applied"
    first, again = receiver.requests
    assert first.headers["webhook-id"] == again.headers["webhook-id"] == f"{name}.1.1"
    assert first.body == again.body
    assert len(receiver.see("messages")["messages"]) == 1  # billing drops the id that it has seen


def test_f2_what_is_waived_before_it_is_sent_never_reaches_billing(database: Database, receiver: Receiver) -> None:
    sending = relay(database, receiver)
    one = breached(database)
    name = approved(database)
    waived(database, one)
    assert state(database, name) == "voided"
    assert not sending.send_one()
    assert receiver.requests == []


def test_f2_what_is_waived_while_it_is_sent_is_taken_back_after_it(database: Database, receiver: Receiver) -> None:
    sending = relay(database, receiver)
    one = breached(database)
    name = approved(database)
    receiver.fault("commit_then_drop", times=1)  # billing has it, and we do not know
    sending.send_one()
    waived(database, one)
    assert state(database, name) == "reversed"
    again = relay(database, receiver, now=later(2 * MINUTE))
    while again.send_one():
        pass
    assert receiver.told() == [
        (f"{name}.1.1", "credit.approved"), (f"{name}.1.1", "credit.approved"), (f"{name}.1.2", "credit.reversed"),
    ]  # fmt: skip
    assert receiver.requests[0].body == receiver.requests[1].body
    assert state(database, name) == "reversed"


def test_f2_what_was_given_up_is_sent_again_on_request_under_the_same_id(
    database: Database, receiver: Receiver
) -> None:
    breached(database)
    name = approved(database)  # no billing is set up yet
    with pytest.raises(Refused, match="set BILLING_URL"):
        credits.send(database, RULES, name, Role.LEAD)
    sending = relay(database, receiver)
    assert not sending.send_one()
    credits.send(database, RULES, name, Role.LEAD)
    with database.begin() as session:  # as after three days without an answer
        session.execute(update(WebhookRow).values(state="failed", attempts=40))
    assert not sending.send_one()
    credits.send(database, RULES, name, Role.LEAD)
    assert sending.send_one()
    assert state(database, name) == "applied"
    with pytest.raises(Refused, match="nothing to send"):
        credits.send(database, RULES, name, Role.LEAD)
    assert {one for one, _ in receiver.told()} == {f"{name}.1.1"}

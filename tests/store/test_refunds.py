"""F6: what was approved reaches billing once by its id, whatever dies in between; what was not never does."""

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as drawn
from hypothesis import strategies as st
from sqlalchemy import delete

from domain.core.enums import Role
from domain.core.refusal import Refused
from domain.ticket import commands as c
from services import refunds
from store import journal, webhook_outbox
from store.closed_tickets import command_closed
from store.database import Database
from store.refunds import RefundLine, RefundState
from store.tables.credits import RefundRow
from tests.support.billing import Receiver, killed, later, relay
from tests.support.durations import DAY, MINUTE
from tests.support.policy import POLICY
from tests.support.ticket_life import Life, life, resolved

ASKED: dict[str, Any] = {"amount": "12.5", "currency": "EUR", "reason": "charged_twice", "text": "Invoice 2041."}


def about_billing(name: str = "1", **given: Any) -> Life:
    return life(name, **given).do("amend", category="billing")


def recorded(database: Database, one: Life, run: str = "run", first: int = 1) -> Life:
    with database.begin() as session:
        journal.append(session, one.ticket.id, run, one.events[first - 1 :])
    return one


def requested(database: Database, name: str = "1") -> Life:
    return recorded(database, about_billing(name).do("request_refund", **ASKED))


def approved(database: Database, name: str = "1") -> Life:
    return recorded(database, requested(database, name).do("approve_refund", MINUTE, by="lea", role="lead"))


def lines(database: Database, **of: Any) -> list[RefundLine]:
    return refunds.listed(database, **of).refunds


def billing_id(database: Database) -> str:
    (found,) = {one.billing_id for one in lines(database) if one.billing_id}
    return found


def test_f6_billing_gets_what_was_approved_and_its_answer_applies_it(database: Database, receiver: Receiver) -> None:
    sending = relay(database, receiver)
    one = requested(database)
    assert not sending.send_one()  # nobody has approved it
    recorded(database, one.do("approve_refund", MINUTE, by="lea", role="lead"))
    assert [(line.state, line.decided_by) for line in lines(database)] == [("approved", "lea")]
    assert sending.send_one()
    (line,) = lines(database, states=[RefundState.APPLIED])
    assert (line.applied_by, line.amount, line.currency) == ("billing", Decimal("12.50"), "EUR")
    (exchange,) = receiver.requests
    body = json.loads(exchange.body)
    assert body["data"] == {
        "refund": line.billing_id, "ticket": one.ticket.id, "account": "acme", "amount": "12.50", "currency": "EUR",
        "reason": "charged_twice", "requested_by": "ada", "approved_by": "lea",
    }  # fmt: skip
    assert (body["type"], body["timestamp"]) == ("refund.approved", one.events[-1].at.isoformat())
    assert receiver.told() == [(f"{line.billing_id}.1.1", "refund.approved")]
    assert line.billing_id.startswith(f"refund-{one.ticket.id}-1-")
    assert not sending.send_one()
    recorded(database, one)  # the journal gets the same events again, as after a time-out
    assert not sending.send_one()


def test_f6_a_relay_that_dies_between_sending_and_noting_it_sends_it_again_under_the_same_id(
    database: Database, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    sending = relay(database, receiver)
    approved(database)
    with monkeypatch.context() as patch:
        patch.setattr(webhook_outbox.QUEUE, "done", killed)
        with pytest.raises(KeyboardInterrupt):
            sending.send_one()
    assert lines(database)[0].state == "approved"  # it was noted with the answer, or not at all
    assert relay(database, receiver, now=later(2 * MINUTE)).send_one()
    assert lines(database)[0].state == "applied"
    first, again = receiver.requests
    assert (first.headers["webhook-id"], first.body) == (again.headers["webhook-id"], again.body)
    assert len(receiver.see("messages")["messages"]) == 1  # billing drops the id that it has seen


@pytest.mark.parametrize("end", ["refuse_refund", "withdraw_refund"])
def test_f6_what_was_refused_or_withdrawn_never_reaches_billing(
    database: Database, receiver: Receiver, end: str
) -> None:
    sending = relay(database, receiver)
    one = requested(database)
    recorded(database, one.do(end, MINUTE, by="lea", role="lead", text="No."))
    assert not sending.send_one()
    (line,) = lines(database)
    assert (line.state, line.billing_id) == ({"r": "refused", "w": "withdrawn"}[end[0]], None)
    with pytest.raises(Refused, match="there is no refund"):
        refunds.send(database, POLICY.refunds, "refund-x", Role.FINANCE)


def test_f6_a_refund_is_approved_on_a_closed_ticket_once_however_often_the_command_comes(
    database: Database, receiver: Receiver
) -> None:
    sending = relay(database, receiver)
    one = recorded(database, resolved(requested(database)).do("close", MINUTE))
    command = c.parse({"do": "approve_refund", "by": "lea", "role": "lead", "id": "once"})
    for _ in range(2):
        command_closed(database, one.ticket.id, command, one.ticket.as_of + DAY)
    while sending.send_one():
        pass
    assert receiver.told() == [(f"{billing_id(database)}.1.1", "refund.approved")]


def test_f6_a_reset_that_takes_an_approval_back_before_it_was_sent_calls_it_back(
    database: Database, receiver: Receiver
) -> None:
    sending = relay(database, receiver)
    one = requested(database)
    parted = one.fork()
    recorded(database, one.do("approve_refund", MINUTE, by="lea", role="lead"), "old")
    recorded(database, parted.do("note", 2 * MINUTE, text="The workflow was reset."), "new", len(parted.events))
    assert [line.state for line in lines(database)] == ["requested"]
    assert not sending.send_one()
    recorded(database, parted.do("approve_refund", MINUTE, by="lou", role="lead"), "new", len(parted.events))
    assert sending.send_one()
    assert [json.loads(one.body)["data"]["approved_by"] for one in receiver.requests] == ["lou"]


def test_f6_a_reset_that_takes_an_approval_back_after_it_was_sent_has_it_reversed_and_another_one_is_another(
    database: Database, receiver: Receiver
) -> None:
    sending = relay(database, receiver)
    one = requested(database)
    parted = one.fork()
    recorded(database, one.do("approve_refund", MINUTE, by="lea", role="lead"), "old")
    first = billing_id(database)
    assert sending.send_one()
    recorded(database, parted.do("note", 2 * MINUTE, text="The workflow was reset."), "new", len(parted.events))
    assert [line.state for line in lines(database)] == ["reversed", "requested"]
    recorded(database, parted.do("approve_refund", MINUTE, by="lea", role="lead"), "new", len(parted.events))
    while sending.send_one():
        pass
    (second,) = {line.billing_id for line in lines(database)} - {first}
    assert receiver.told() == [
        (f"{first}.1.1", "refund.approved"), (f"{first}.1.2", "refund.reversed"), (f"{second}.1.1", "refund.approved"),
    ]  # fmt: skip
    assert [line.state for line in lines(database)] == ["reversed", "applied"]


def test_f6_rows_that_were_lost_are_made_anew_with_the_same_id_and_what_billing_has_is_kept(
    database: Database, receiver: Receiver
) -> None:
    sending = relay(database, receiver)
    one = approved(database)
    name = billing_id(database)
    assert sending.send_one()
    with database.begin() as session:
        assert journal.TICKETS.rebuild(session, one.ticket.id) == []
    assert lines(database)[0].state == "applied"
    with database.begin() as session:
        session.execute(delete(RefundRow))
    with database.begin() as session:
        assert journal.TICKETS.rebuild(session, one.ticket.id, write=False) == ["refunds"]
        assert journal.TICKETS.rebuild(session, one.ticket.id) == ["refunds"]
    assert billing_id(database) == name
    assert not sending.send_one()  # it is on record that it was sent


def test_f6_where_billing_is_not_connected_a_person_of_finance_says_that_it_has_it(
    database: Database, receiver: Receiver
) -> None:
    approved(database)
    name = billing_id(database)
    rules = POLICY.refunds
    with pytest.raises(Refused, match="set BILLING_URL"):
        refunds.send(database, rules, name, Role.FINANCE)
    with pytest.raises(Refused, match="may not apply refunds: admin, finance, lead, ops may"):
        refunds.apply(database, rules, name, "ada", Role.AGENT)
    sending = relay(database, receiver)
    refunds.send(database, rules, name, Role.LEAD)
    assert refunds.apply(database, rules, name, "fin", Role.FINANCE).applied_by == "fin"
    assert refunds.apply(database, rules, name, "flo", Role.FINANCE).applied_by == "fin"
    assert not sending.send_one()  # it was called back
    with pytest.raises(Refused, match="nothing to send"):
        refunds.send(database, rules, name, Role.FINANCE)


def test_f6_what_is_being_sent_cannot_be_applied_by_hand(database: Database, receiver: Receiver) -> None:
    sending = relay(database, receiver)
    approved(database)
    receiver.fault("commit_then_drop", times=1)  # billing has it, and we do not know
    sending.send_one()
    with pytest.raises(Refused, match="is being sent"):
        refunds.apply(database, POLICY.refunds, billing_id(database), "fin", Role.FINANCE)
    assert relay(database, receiver, now=later(2 * MINUTE)).send_one()
    assert lines(database)[0].applied_by == "billing"


ACTS = st.tuples(
    st.sampled_from(["request_refund", *2 * ["approve_refund"], "refuse_refund", "withdraw_refund", "reset"]),
    st.sampled_from([("ada", "agent"), ("lea", "lead"), ("fin", "finance")]),
    st.sampled_from(["0.01", "19.99", "150", "200.01"]),
    st.sampled_from([None, 1, 2, 3]),
    st.booleans(),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@drawn(st.lists(ACTS, min_size=3, max_size=14))
def test_f6_whatever_happens_each_approval_is_handed_over_once_and_what_billing_keeps_is_what_is_approved(
    database: Database, receiver: Receiver, acts: list[Any]
) -> None:
    sending = relay(database, receiver)
    receiver.requests.clear()
    one, pasts, run = recorded(database, about_billing(uuid4().hex)), [], 0
    for act, (by, role), amount, number, sends in acts:
        pasts.append((one.fork(), len(one.events)))
        fields: dict[str, Any] = {} if number is None else {"refund": number}
        fields |= {"text": "No."} if "refuse" in act else {}
        fields = {**ASKED, "amount": amount} if act == "request_refund" else fields
        if act == "reset":
            (one, length), run = pasts[len(pasts) // 2], run + 1
            one, pasts = one.fork().do("note", (run + 1) * MINUTE, text=f"Reset {run}."), pasts[: len(pasts) // 2]
            recorded(database, one, f"run-{run}", length + 1)
        else:
            before = len(one.events)
            with suppress(Refused):
                one.do(act, MINUTE, by=by, role=role, **fields)
                recorded(database, one, f"run-{run}" if run else "run", before + 1)
        while sends and sending.send_one():
            pass
    while sending.send_one():
        pass
    told = [(json.loads(one.body)["type"], json.loads(one.body)["data"]) for one in receiver.requests]
    granted = {data["refund"]: Decimal(data["amount"]) for kind, data in told if kind == "refund.approved"}
    reversed_ = {data["refund"] for kind, data in told if kind == "refund.reversed"}
    assert len(told) == len(granted) + len(reversed_), "something was handed over twice"
    assert reversed_ <= set(granted)
    kept = {refund: amount for refund, amount in granted.items() if refund not in reversed_}
    stand = [refund for refund in one.ticket.refunds if refund.state == "approved"]
    assert sorted(kept.values()) == sorted(refund.amount for refund in stand)
    assert all(refund.by != refund.decided_by for refund in stand)
    with database.session() as session:
        assert journal.TICKETS.rebuild(session, one.ticket.id, write=False) == []

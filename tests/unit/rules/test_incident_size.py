"""An outage of thousands of tickets stays one incident: nothing that Temporal is handed grows near to its limit."""

from datetime import timedelta

import pytest
from pydantic import BaseModel
from temporalio.contrib.pydantic import pydantic_data_converter

from domain.core.enums import Priority
from domain.core.ids import ticket_id
from domain.incident.state import PACKED_FROM, Incident, Member
from domain.incident.ticket_updates import BATCH, next_batch
from tests.support.incident_case import IncidentCase, declared
from tests.support.packages import BOTH_PACKAGES
from tests.support.ticket_case import at
from workflows import ports
from workflows.incident.messages import IncidentCarried, IncidentStart

MANY = 2000
WARNED_OF = 512_000
"""Bytes of one payload from which on Temporal warns; at four times as many it stops the workflow."""


def outage_of(count: int) -> IncidentCase:
    """An incident with so many tickets, each of which owes all there is."""
    outage = declared("P0", "09:00", "t0")
    first = outage.incident.tickets[0]
    others = (_like(first, number) for number in range(1, count))
    outage.incident = outage.incident.model_copy(update={"tickets": (first, *others)})
    return outage


def _like(first: Member, number: int) -> Member:
    """As the core makes it of a ticket that joins: nothing is alike but the words."""
    ticket = ticket_id("mail", str(number))
    instant = at("09:00") + timedelta(microseconds=123_457 * number)
    return first.model_copy(
        update={
            "ticket": ticket,
            "effect_key": f"ticket-{ticket}:incident:2",
            "at": instant,
            "since": instant,
            "priority": Priority.P0,
            "owes": tuple(BOTH_PACKAGES),
        }
    )


def payload(value: BaseModel) -> bytes:
    """As a workflow hands it to Temporal."""
    return pydantic_data_converter.payload_converter.to_payloads([value])[0].data


def test_two_thousand_tickets_are_carried_over_in_a_fifth_of_what_temporal_warns_of():
    incident = outage_of(MANY).incident
    start = IncidentStart(carried=IncidentCarried(incident=incident))
    assert len(payload(start)) < WARNED_OF / 5
    assert len(payload(incident)) < WARNED_OF / 5  # as the query answers
    plain = sum(len(payload(joined)) for joined in incident.tickets)
    assert plain > WARNED_OF  # the negative control: as they are, they would not


@pytest.mark.parametrize("count", [1, PACKED_FROM - 1, PACKED_FROM, MANY])
def test_what_is_carried_over_or_journalled_is_the_same_incident(count):
    incident = outage_of(count).incident
    carried = IncidentStart.model_validate_json(payload(IncidentStart(carried=IncidentCarried(incident=incident))))
    assert carried.carried
    assert carried.carried.incident == incident
    written = incident.model_dump(mode="json")
    assert Incident.model_validate(written) == incident
    assert isinstance(written["tickets"], str) == (count >= PACKED_FROM)  # the others can be read in the UI


def test_two_thousand_tickets_are_told_in_messages_of_a_hundred():
    outage = outage_of(MANY)
    outage.do("acknowledge", "09:01", comment="x" * 20_000)
    told = []
    while telling := next_batch(outage.incident):
        request = ports.NotifyRequest(fact=telling.fact, tickets=telling.tickets)
        assert len(payload(request)) < WARNED_OF / 10
        told.append(len(telling.tickets))
        outage.do("told", "09:02", by="tierline", role="system", tickets=telling.tickets, version=telling.version)
    assert told == [BATCH] * (MANY // BATCH)
    assert outage.incident.announcements == ()


def test_g6_a_refusal_names_some_of_two_thousand_debtors_and_how_many_more_there_are():
    refused = outage_of(MANY).refused("resolve", "09:05")
    assert refused.message.endswith(" and 1949 more")  # the first one of them owes nothing
    assert len(refused.missing) == 50 * len(BOTH_PACKAGES)
    assert len(str(refused.as_dict())) < WARNED_OF / 10

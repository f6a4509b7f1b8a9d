"""A19: who acknowledges an incident here leads it (G6)."""

import pytest

from domain.incident.terms import CORE_VERSION
from tests.support.incident_case import UPDATE, IncidentCase, declared


def begun(version: int) -> IncidentCase:
    """An incident that was declared under a version of the core."""
    outage = declared("P0")
    terms = outage.incident.terms.model_copy(update={"core_version": version})
    outage.incident = outage.incident.model_copy(update={"terms": terms})
    return outage


def test_a19_who_acknowledges_is_the_commander_and_approves_updates():
    outage = declared("P0")
    outage.do("acknowledge", "09:01", by="ada", role="agent")
    assert (outage.incident.terms.core_version, outage.incident.commander) == (CORE_VERSION, "ada")
    outage.do("update", "09:10", by="ben", **UPDATE)
    outage.do("approve", "09:11", by="ada", role="agent")
    assert outage.last("update_approved") is not None


def test_a19_a_late_update_reminds_who_acknowledged():
    outage = declared("P0")
    outage.do("acknowledge", "09:01", by="ada")
    outage.wake("09:15")
    assert ("incident_update_due", "commander", "ada") in [notice[1:] for notice in outage.notices()]


def test_a19_whom_it_was_handed_over_to_stays_commander():
    outage = declared("P0")
    outage.do("hand_over", "09:01", to="eva")
    outage.do("acknowledge", "09:02", by="ada")
    assert outage.incident.commander == "eva"


def test_a19_who_takes_the_page_at_the_pager_leads_after_a_hand_over_only():
    outage = declared("P0")
    outage.do("page_acknowledged", "09:01", by="PX1", role="integration", page="incident-1")
    assert (outage.incident.state, outage.incident.commander) == ("acknowledged", "on-call")


@pytest.mark.parametrize("role", ["engineer", "lead"])
def test_a19_an_incident_from_before_keeps_its_on_call(role):
    outage = begun(1)
    outage.do("acknowledge", "09:01", by="ada", role=role)
    assert outage.incident.commander == "on-call"

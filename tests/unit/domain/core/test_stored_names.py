"""What is stored keeps its spelling, whatever the code calls a field: histories, journals and digests are data."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter

from domain.aggregate.command import Command
from domain.clocks.clock import Breach
from domain.clocks.terms import Terms
from domain.core.values import Frozen
from domain.incident.state import Incident
from domain.ticket.state import Ticket
from tests.support.incident_case import declared
from tests.support.ticket_case import at, in_tier, terms_of

STORED = {
    "Action.issue_key": "jira_key",
    "Breach.status": "standing",
    "FormerMember.notified": "told",
    "Incident.announcements": "news",
    "Incident.former_members": "leavers",
    "Incident.issue_key": "jira_key",
    "Incident.issue_url": "jira_url",
    "Incident.pending_effects": "undone",
    "Incident.review_reminder_at": "review_nag",
    "Incident.steps_paged": "rung",
    "Incident.update_reminder_at": "update_nag",
    "IncidentTerms.core_version": "rules",
    "Member.issue_key": "jira_key",
    "Member.notified_up_to": "told",
    "Paged.step": "rung",
    "Terms.core_version": "rules",
    "Ticket.issue": "jira",
    "Ticket.pending_effects": "undone",
}
"""Field -> the key under which it is stored, where that is another word."""


def _models(kind: type[Frozen]) -> Iterator[type[Frozen]]:
    for child in kind.__subclasses__():
        yield child
        yield from _models(child)


def _renamed() -> dict[str, str]:
    return {
        f"{model.__name__}.{name}": field.alias
        for model in _models(Frozen)
        if model.__module__.startswith("domain.")
        for name, field in model.model_fields.items()
        if field.alias
    }


def test_the_stored_name_of_a_field_never_changes() -> None:
    assert _renamed() == STORED


def test_a_command_has_one_spelling() -> None:
    assert [name for model in _models(Command) for name, field in model.model_fields.items() if field.alias] == []


def _breach() -> Breach:
    return Breach(due=at("12:00"), detected=at("12:01"), status="waived")


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (in_tier("T1").ticket, {"undone": [], "jira": None}),
        (declared().incident, {"news": [], "leavers": [], "rung": 0, "review_nag": None, "jira_key": None}),
        (terms_of("standard").model_copy(update={"core_version": 7}), {"rules": 7}),
        (_breach(), {"standing": "waived"}),
    ],
    ids=["ticket", "incident", "terms", "breach"],
)
def test_every_way_of_writing_it_down_uses_the_stored_names(value: Any, stored: dict[str, Any]) -> None:
    payload = pydantic_data_converter.payload_converter.to_payload(value)
    written = [value.model_dump(mode="json"), json.loads(value.model_dump_json()), json.loads(payload.data)]
    for one in written:
        assert {name: one[name] for name in stored} == stored
        assert not one.keys() & {name.partition(".")[2] for name in STORED if name.startswith(type(value).__name__)}


@pytest.mark.parametrize("value", [in_tier("T1").ticket, declared().incident, terms_of("standard"), _breach()])
def test_what_is_stored_is_read_again(value: Ticket | Incident | Terms | Breach) -> None:
    assert type(value).model_validate_json(value.model_dump_json()) == value

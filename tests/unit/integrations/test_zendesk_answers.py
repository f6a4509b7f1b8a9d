"""What Zendesk says of a ticket: no field that only describes it keeps it out, whatever stands in it."""

from typing import Any

import pytest

from integrations.helpdesk.zendesk.client import _ticket

TICKET: dict[str, Any] = {
    "id": 7001,
    "created_at": "2026-11-02T09:00:00Z",
    "updated_at": "2026-11-02T09:00:00Z",
    "status": "new",
    "subject": "It broke.",
    "description": "Since nine.",
    "requester_id": 300,
    "submitter_id": 300,
    "organization_id": 20,
    "via": {"channel": "email", "source": {"rel": None, "from": {}}},
    "tags": ["vip"],
    "custom_fields": [{"id": 1, "value": "API"}],
    "priority": "high",
    "type": "incident",
    "brand_id": 5,
    "email_cc_ids": [301],
    "collaborator_ids": [],
    "follower_ids": [],
}
NEEDED = {"id", "created_at", "updated_at", "status"}
VALUES: tuple[Any, ...] = (
    None, "", " ", True, False, 0, -1, 1.5, 10**30, "x" * 300, [], [None], ["x"], [[1]], {}, {"a": None}, [{"id": 1}],
    [{"id": None, "value": None}], [{"value": 3}], {"channel": None}, {"channel": 7, "source": None},
    {"channel": "web", "source": {"rel": "follow_up", "from": None}}, {"source": {"rel": "follow_up", "from": []}},
)  # fmt: skip


@pytest.mark.parametrize("field", sorted(TICKET.keys() - NEEDED))
def test_no_value_of_a_field_that_only_describes_keeps_a_ticket_out(field: str) -> None:
    for value in VALUES:
        read = _ticket({"ticket": TICKET | {field: value}})
        assert (read.id, read.status) == (7001, "new"), value
    assert _ticket({"ticket": {name: value for name, value in TICKET.items() if name != field}}).id == 7001


def test_organizations_that_are_not_there_are_named_by_their_numbers() -> None:
    for known in (None, [], [{"id": 21, "external_id": "other"}], [{"id": 20}], ["x"]):
        assert _ticket({"ticket": TICKET, "organizations": known}).organization == "20"
    for name, read in (("acme", "acme"), (4711, "4711")):
        assert _ticket({"ticket": TICKET, "organizations": [{"id": 20, "external_id": name}]}).organization == read


def test_fields_of_several_values_and_ticks_are_read_and_empty_ones_say_nothing() -> None:
    custom = [{"id": 1, "value": ["API", "web"]}, {"id": 2, "value": True}, {"id": 3, "value": None}, {"id": 4}]
    assert _ticket({"ticket": TICKET | {"custom_fields": custom}}).fields == {
        "priority": "high", "type": "incident", "brand_id": "5", "1": "API, web", "2": "True",
    }  # fmt: skip


def test_what_says_which_ticket_it_is_and_how_it_stands_is_never_guessed() -> None:
    for name in sorted(NEEDED):
        with pytest.raises((LookupError, ValueError)):
            _ticket({"ticket": {field: value for field, value in TICKET.items() if field != name}})

"""The reader of a bug or a page is led to the desk, not to a page of Temporal with a button to terminate."""

import re
from urllib.parse import urlsplit

import pytest

from tests.support.compose_file import EXAMPLE
from web import incident, ticket
from workers.local import links_to_the_desk
from workers.settings import Settings

PAGES = {route.path for route in (*ticket.ROUTES, *incident.ROUTES)}
DESK = {
    "TIERLINE_TICKET_URL": "http://127.0.0.1:8080/desk/tickets/{ticket}",
    "TIERLINE_INCIDENT_URL": "http://127.0.0.1:8080/desk/incidents/{incident}",
}


def test_b4_on_one_machine_links_lead_to_pages_that_the_desk_has() -> None:
    assert links_to_the_desk(Settings(), 8080) == DESK
    assert {urlsplit(address).path for address in DESK.values()} <= PAGES


def test_b4_the_example_for_containers_leads_there_too() -> None:
    told = dict(re.findall(r"^(?:# )?([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))
    assert told["API_PORT"] == "8080"
    assert {name: told[name] for name in DESK} == DESK


@pytest.mark.parametrize("name", DESK)
def test_an_address_that_is_set_stays(name: str) -> None:
    set_ = Settings.model_validate({name: DESK[name].replace("127.0.0.1:8080", "support.example.com")})
    assert links_to_the_desk(set_, 8080) == {other: DESK[other] for other in DESK if other != name}

"""Whose a ticket is: a source has an owner, and nobody else opens tickets, or speaks, under it (H1)."""

from typing import Any
from uuid import uuid4

import pytest

from domain.core.enums import Role
from domain.core.ids import ticket_id
from domain.core.refusal import Refused
from services.intake import sources
from services.security.auth import GRANTABLE
from store import journal
from tests.support.served_api import Api, a_form

OPENERS = [Role.AGENT, Role.LEAD, Role.ENGINEER, Role.OPS, Role.ADMIN, Role.CSM, Role.INTEGRATION]
TICKETS = "/api/v1/tickets"


@pytest.mark.parametrize("role", OPENERS)
@pytest.mark.parametrize(
    "source", ["zendesk", "ZENDESK", "zendesk:1", "webhook", "follow-up", "cli", "jira", "tierline"]
)
async def test_h1_the_sources_of_our_own_ways_in_are_refused_by_name(api: Api, role: Role, source: str) -> None:
    form = a_form(source=source, external_id=str(uuid4().int % 10**9))
    answer = await api.post(TICKETS, form, role=role)
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:tierline:not_allowed")
    assert "source" in answer.json()["detail"]
    with api.db.session() as session:
        assert journal.load(session, ticket_id(source, form["external_id"])) is None


async def test_h1_an_integration_opens_tickets_of_the_sources_that_its_token_is_bound_to(api: Api) -> None:
    form = api.token(Role.INTEGRATION, name="portal", sources=("web-form", "app"))
    mail = api.token(Role.INTEGRATION, name="mail", sources=("mail",))
    number = uuid4().hex
    first = await api.post(TICKETS, a_form(source="app", external_id=number), token=form)
    default = await api.post(TICKETS, unnamed(external_id=number), token=form)
    stolen = await api.post(TICKETS, a_form(source="app", external_id=uuid4().hex), token=mail)
    assert (first.status_code, first.json()["ticket"]) == (201, ticket_id("app", number))
    assert (default.status_code, default.json()["ticket"]) == (201, ticket_id("web-form", number))
    assert stolen.status_code == 403
    assert "mail" in stolen.json()["detail"]


async def test_h1_what_people_open_has_a_source_that_no_integration_can_claim(api: Api) -> None:
    number = uuid4().hex
    docs = await api.post(TICKETS, a_form(source="app", external_id=number), role=Role.AGENT)
    plain = await api.post(TICKETS, unnamed(external_id=number), role=Role.LEAD)
    assert docs.json()["ticket"] == ticket_id("api:app", number)
    assert plain.json()["ticket"] == ticket_id("api", number)
    for source in ("api", "api:app", "API:app", "cli"):
        bound = api.token(Role.INTEGRATION, name="portal", sources=("web-form", "api", "cli"))
        assert (await api.post(TICKETS, a_form(source=source, external_id=number), token=bound)).status_code == 403


@pytest.mark.parametrize("name", ["reply", "reopen", "close", "rate"])
async def test_h1_an_integration_speaks_for_the_customers_of_its_own_tickets_only(api: Api, name: str) -> None:
    mine = api.token(Role.INTEGRATION, name="mine", sources=("mine",))
    theirs = api.token(Role.INTEGRATION, name="theirs", sources=("theirs", "mine:x", "api"))
    ticket = (await api.post(TICKETS, a_form(source="mine"), token=mine)).json()["ticket"]
    body = {"text": "Yes.", "csat": 5, "reason": "It is back."}
    wanted = {key: body[key] for key in {"reply": ["text"], "rate": ["csat"], "reopen": ["reason"]}.get(name, [])}
    refused = await api.post(f"{TICKETS}/{ticket}/{name}", wanted, token=theirs)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:tierline:not_allowed")
    allowed = await api.post(f"{TICKETS}/{ticket}/{name}", wanted, token=mine)
    assert allowed.status_code in (200, 409), allowed.text  # 409: not in this state


async def test_h1_an_integration_speaks_for_tickets_that_people_opened_where_its_token_says_so(api: Api) -> None:
    ticket = await api.open()
    unbound = api.token(Role.INTEGRATION, name="portal", sources=("web-form",))
    bound = api.token(Role.INTEGRATION, name="portal", sources=("web-form", "api"))
    reply = f"{TICKETS}/{ticket}/reply"
    assert (await api.post(reply, {"text": "Yes."}, token=unbound)).status_code == 403
    assert (await api.post(reply, {"text": "Yes."}, token=bound)).status_code == 200


async def test_c10_who_spoke_for_a_closed_ticket_speaks_for_the_one_that_follows_it(api: Api) -> None:
    mine = api.token(Role.INTEGRATION, name="mine", sources=("mine",))
    ticket = (await api.post(TICKETS, a_form(source="mine", category="how-to"), token=mine)).json()["ticket"]
    done = {"resolution": "solved", "kb_article": "KB-17", "message": "Please see our article."}
    assert (await api.post(f"{TICKETS}/{ticket}/resolve", done)).status_code == 200
    assert (await api.post(f"{TICKETS}/{ticket}/close")).status_code == 200
    followed = (await api.post(f"{TICKETS}/{ticket}/reply", {"text": "It is back."}, token=mine)).json()["ticket"]
    assert followed != ticket
    assert (await api.post(f"{TICKETS}/{followed}/reply", {"text": "Still."}, token=mine)).status_code == 200
    other = api.token(Role.INTEGRATION, name="other", sources=("other",))
    assert (await api.post(f"{TICKETS}/{followed}/reply", {"text": "Me too."}, token=other)).status_code == 403


async def test_the_same_external_id_for_another_account_is_a_conflict_and_not_the_same_ticket(api: Api) -> None:
    form = a_form()
    assert (await api.post(TICKETS, form)).status_code == 201
    again = await api.post(TICKETS, form | {"subject": "Now with a subject"})
    assert (again.status_code, again.json()["created"]) == (200, False)
    other = await api.post(TICKETS, form | {"account": {"id": "other", "plan": "enterprise"}})
    assert (other.status_code, other.json()["type"]) == (409, "urn:tierline:does_not_fit")
    assert "another account" in other.json()["fields"]["external_id"]


@pytest.mark.parametrize(
    ("account", "unread"),
    [
        ({"zone": "", "region": ""}, []),
        ({"zone": "W. Europe Standard Time"}, []),
        ({"zone": "W. Europe Time"}, ["account.zone"]),
        ({"zone": "Mars/Base", "region": "EMEA"}, ["account.zone", "account.region"]),
    ],
)
async def test_h2_a_field_that_only_describes_keeps_no_ticket_out(
    api: Api, account: dict[str, Any], unread: list[str]
) -> None:
    blanks: dict[str, Any] = {"description": None, "product_area": None, "tags": None, "language": ""}
    form = a_form(**blanks, external_id=uuid4().int % 10**12, account={"id": 4711, "plan": "standard"} | account)
    answer = await api.post(TICKETS, form, role=Role.INTEGRATION)
    assert (answer.status_code, answer.json().get("taken_as_unknown", [])) == (201, unread), answer.text
    (first, *_) = (await api.get(f"{TICKETS}/{answer.json()['ticket']}/timeline")).json()["entries"]
    said = first["texts"].get("taken_as_unknown", "")
    assert [line.partition(":")[0] for line in said.splitlines()] == unread
    assert all(str(value) in said for name, value in account.items() if f"account.{name}" in unread)


@pytest.mark.parametrize("name", ["tierline", "Jira", "erased", "zendesk", "zendesk-20", "pager"])
async def test_l6_nobody_is_called_like_us(api: Api, name: str) -> None:
    ticket = await api.open()
    reply = await api.post(f"{TICKETS}/{ticket}/reply", {"text": "x", "by": name}, role=Role.INTEGRATION)
    opening = await api.post(TICKETS, a_form(by=name), role=Role.INTEGRATION)
    assert (reply.status_code, opening.status_code) == (403, 403)
    with pytest.raises(Refused, match="Tierline's own"):
        api.token(Role.AGENT, name=name)


async def test_l7_an_agent_does_not_rate_and_one_rating_stands_for_an_hour(api: Api) -> None:
    ticket = await api.open(category="how-to")
    done = {"resolution": "solved", "kb_article": "KB-17", "message": "Please see our article."}
    assert (await api.post(f"{TICKETS}/{ticket}/resolve", done)).status_code == 200
    rate = f"{TICKETS}/{ticket}/rate"
    assert (await api.post(rate, {"csat": 5}, role=Role.AGENT)).status_code == 403
    assert (await api.post(rate, {"csat": 2}, role=Role.INTEGRATION)).status_code == 200
    assert (await api.post(f"{TICKETS}/{ticket}/close")).status_code == 200
    assert (await api.post(rate, {"csat": 5}, role=Role.AGENT)).status_code == 403
    again = [await api.post(rate, {"csat": 5}, role=Role.INTEGRATION) for _ in range(3)]
    assert [one.status_code for one in again] == [409, 409, 409]


def test_a_token_is_bound_to_no_source_of_ours_and_only_an_integrations_to_any(api: Api) -> None:
    for bad in (("zendesk",), ("webhook:crm",), ("follow-up",), ("api:docs",), (" mail",), ("",)):
        with pytest.raises(Refused, match="source"):
            api.token(Role.INTEGRATION, name="portal", sources=bad)
    for role in set(GRANTABLE) - {Role.INTEGRATION}:
        with pytest.raises(Refused, match="only an integration"):
            api.token(role, name="ada", sources=("mail",))


def test_at_a_terminal_every_source_is_free_that_is_nobodys() -> None:
    assert [sources.of_terminal(said) for said in (None, "", "cli", "mail")] == ["cli", "cli", "cli", "mail"]
    for said in ("zendesk", "webhook:crm", "follow-up", "api", "Zendesk"):
        with pytest.raises(Refused, match="Tierline's own"):
            sources.of_terminal(said)


def unnamed(**fields: Any) -> dict[str, Any]:
    """A form that does not say where it comes from."""
    return {name: value for name, value in a_form(**fields).items() if name != "source"}

"""Who may do what at the desk: every route and every act, with every role and with none; and how fast it ends."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
import requests

from domain.core.enums import Role
from domain.incident.aggregate import INCIDENT
from domain.ticket.aggregate import TICKET
from domain.ticket.rules.templates import PERSONAL
from services.examples import EXAMPLES
from services.security import sessions
from services.security.auth import create_token
from store import tokens
from tests.support.desk_pages import routes
from tests.support.desk_visitor import Visitor
from tests.support.knowledge import places_of
from tests.support.served_api import Api
from tests.support.waiting import until
from web import live
from web.forms import form_of

pytestmark = pytest.mark.long

PEOPLE = frozenset({Role.AGENT, Role.LEAD, Role.ENGINEER, Role.CSM, Role.FINANCE, Role.OPS, Role.ADMIN})
STAFF = frozenset({Role.AGENT, Role.LEAD, Role.ENGINEER, Role.OPS, Role.ADMIN})
LEADS = frozenset({Role.LEAD, Role.OPS, Role.ADMIN})
CLOSE_TO_CUSTOMERS = STAFF | {Role.CSM}
OPEN = None
"""Nobody needs to be signed in."""

PAGES: dict[tuple[str, str], frozenset[Role] | None] = {
    **dict.fromkeys(
        [
            ("GET", "/"),
            ("GET", "/desk/static/{name}"),
            ("GET", "/desk/sign-in"),
            ("POST", "/desk/sign-in"),
            ("GET", "/desk/sign-in/card"),
            ("POST", "/desk/sign-in/card"),
            ("GET", "/desk/sign-in/openid"),
            ("GET", "/desk/sign-in/openid/back"),
            ("GET", "/survey/{token}"),
            ("POST", "/survey/{token}"),
        ],
        OPEN,
    ),
    **dict.fromkeys(
        [
            ("GET", "/desk"),
            ("GET", "/desk/queue"),
            ("POST", "/desk/queue/many"),  # each ticket of it is an act of its own
            ("POST", "/desk/queue/undo"),  # the same
            ("GET", "/desk/loop"),
            ("POST", "/desk/loop"),  # the same
            ("GET", "/desk/loop/wanted"),
            ("GET", "/desk/search"),
            ("GET", "/desk/search/entries"),
            ("GET", "/desk/live"),
            ("GET", "/desk/tickets/{ticket}"),
            ("GET", "/desk/tickets/{ticket}/card"),
            ("GET", "/desk/tickets/{ticket}/escalate"),
            ("GET", "/desk/tickets/{ticket}/escalate/card"),
            ("GET", "/desk/tickets/{ticket}/forecast"),
            ("POST", "/desk/tickets/{ticket}/presence"),
            ("POST", "/desk/tickets/{ticket}/drafts/{command}"),
            ("POST", "/desk/tickets/{ticket}/drafts/{command}/card"),
            ("GET", "/desk/helpdesk/{system}/{number}/card"),
            ("GET", "/desk/tickets/{ticket}/resolve"),
            ("GET", "/desk/tickets/{ticket}/resolve/card"),
            ("GET", "/desk/incidents"),
            ("GET", "/desk/incidents/{incident}"),
            ("GET", "/desk/accounts"),
            ("GET", "/desk/accounts/{account:path}"),
            ("GET", "/desk/credits"),
            ("GET", "/desk/credits/exposure"),
            ("GET", "/desk/credits/refunds"),
            ("GET", "/desk/statement"),
            ("GET", "/desk/templates"),
            ("GET", "/desk/templates/{name}"),
            ("GET", "/desk/answers"),
            ("GET", "/desk/answers/article/{slug:path}"),
            ("GET", "/desk/answers/drafts/{draft}"),
            ("POST", "/desk/sign-out"),
        ],
        PEOPLE,
    ),
    ("POST", "/desk/queue/next"): STAFF,
    ("POST", "/desk/answers/drafts"): STAFF,
    ("POST", "/desk/answers/drafts/{draft}"): STAFF,
    ("GET", "/desk/new"): CLOSE_TO_CUSTOMERS,
    ("POST", "/desk/new"): CLOSE_TO_CUSTOMERS,
    ("POST", "/desk/incidents"): STAFF,
    ("POST", "/desk/account-notes"): LEADS | {Role.AGENT, Role.CSM},
    ("POST", "/desk/credits"): frozenset({Role.LEAD, Role.FINANCE}),
    ("POST", "/desk/credits/refunds"): LEADS | {Role.FINANCE},
    ("GET", "/desk/board"): LEADS,
    ("GET", "/desk/board/satisfaction"): LEADS,
    ("POST", "/desk/board/{command}"): LEADS,
    ("GET", "/desk/week"): LEADS,
    ("GET", "/desk/week/compare"): LEADS,
    ("GET", "/desk/week/variety"): LEADS,
    ("GET", "/desk/week/release"): LEADS,
    ("GET", "/desk/ops"): LEADS,
    ("POST", "/desk/ops/{act}"): LEADS,
    ("GET", "/desk/ops/reconcile"): LEADS,
    ("POST", "/desk/ops/reconcile"): LEADS,
    ("GET", "/desk/ops/recalculate"): LEADS,
    ("POST", "/desk/ops/recalculate"): LEADS,
    ("GET", "/desk/lab"): LEADS,
    ("POST", "/desk/lab"): LEADS,
    ("GET", "/desk/lab/{trial}"): LEADS,
    ("GET", "/desk/new-template"): LEADS,
    ("POST", "/desk/new-template"): LEADS,
    ("POST", "/desk/templates/{name}"): LEADS,
}
"""Who sees a page, or may send its form. Acts on tickets and incidents have tables of their own."""

ON_TICKETS: dict[str, frozenset[Role]] = {
    **dict.fromkeys(
        (
            "take", "assign", "release", "respond", "note", "hide", "step", "attach", "fill", "wait", "escalate",
            "return", "refer", "resolve", "prioritise", "amend", "tell_engineering", "ask", "answer", "promise",
            "follow_up", "keep", "identify", "retry",
        ),
        STAFF,
    ),
    **dict.fromkeys(("request_refund", "withdraw_refund"), CLOSE_TO_CUSTOMERS | {Role.FINANCE}),
    **dict.fromkeys(("approve_refund", "refuse_refund"), PEOPLE - {Role.ENGINEER}),
    **dict.fromkeys(("reply", "reopen", "close", "attention", "rate"), CLOSE_TO_CUSTOMERS),
    **dict.fromkeys(("solved", "end", "attend", "waive", "replace_terms"), LEADS),
}  # fmt: skip
ON_INCIDENTS: dict[str, frozenset[Role]] = dict.fromkeys(
    (
        "acknowledge", "mitigate", "update", "approve", "hand_over", "communications", "join", "leave", "severity",
        "resolve", "cancel", "action", "review_done", "retry",
    ),
    STAFF,
)  # fmt: skip

ACTS = {
    ("POST", "/desk/tickets/{ticket}/{command}"),
    ("POST", "/desk/tickets/{ticket}/{command}/card"),
    ("POST", "/desk/incidents/{incident}/{command}"),
}
"""Routes of acts: who may send them depends on the act."""
TEMPLATE = {"name": "of-a-role", "situation": "any", "language": "en", "body": f"Hello,\n\n{{{{{PERSONAL}}}}}"}
FORMS = {
    "/desk/incidents": {"product_area": "API", "priority": "P1"},
    "/desk/new": {"account.id": "acme", "account.plan": "standard", "subject": "By hand", "priority": "P3"},
    "/desk/account-notes": {"account": "acme", "do": "add", "text": "They moved."},
    "/desk/answers/drafts": {"query": "qqzx of a role"},
    "/desk/answers/drafts/{draft}": {"slug": "faq/x", "text": "---\ntitle: X\n---\nText.", "do": "export"},
    "/desk/new-template": TEMPLATE,
    "/desk/templates/{name}": TEMPLATE,
}
"""What the form of a route needs, so that only the role decides."""


def test_the_tables_name_every_route_and_every_act() -> None:
    assert set(routes()) - set(PAGES) - ACTS == set(), "say in PAGES who may use a new route"
    assert set(TICKET.offered) == set(ON_TICKETS), "say in ON_TICKETS who may give a new command"
    assert set(INCIDENT.offered) == set(ON_INCIDENTS)


async def signed_in(api: Api, role: Role) -> tuple[Visitor, str]:
    """A person who is signed in, and the CSRF token of their forms."""
    visitor = Visitor(api)
    assert (await visitor.sign_in(role)).status_code == 303
    page = await visitor.get("/desk/queue")
    return visitor, visitor.hidden(page, "/desk/sign-out")["csrf"]


def filled(noun: Any, command: str) -> dict[str, str]:
    """A form of a command that is filled in as its example."""
    payload = EXAMPLES[noun.noun][command]
    fields = {}
    for field in form_of(command, noun).fields:
        value: Any = payload
        for part in field.name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if value is not None and not isinstance(value, dict):
            fields[field.name] = ",".join(value) if isinstance(value, list) else str(value)
    return fields


async def a_template(visitor: Visitor, csrf: str) -> str:
    """The name of a template that is there."""
    answer = await visitor.post("/desk/new-template", TEMPLATE | {"csrf": csrf})
    assert answer.status_code == 303, re.findall(r'role="alert".*', answer.text)
    return TEMPLATE["name"]


async def an_incident(api: Api, visitor: Visitor) -> str:
    """The number of an incident that is open."""
    somebody = api.token(Role.LEAD, name=f"lead-{uuid4().hex[:8]}")  # one person declares only so many (G6)
    declared = await api.post("/api/v1/incidents", {"product_area": "roles", "priority": "P1"}, token=somebody)
    number = str(declared.json()["incident"])

    async def room() -> bool:
        return (await visitor.get(f"/desk/incidents/{number}")).status_code == 200

    await until(room, "the incident's room")
    return number


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def places(api: Api) -> dict[str, str]:
    """What the addresses of routes name."""
    lead, csrf = await signed_in(api, Role.LEAD)
    return {
        "{ticket}": await api.open(subject="Who may"),
        "{incident}": await an_incident(api, lead),
        "{account:path}": "acme",
        "{name}": await a_template(lead, csrf),
        "{command}": "take",
        "{system}": "zendesk",
        "{number}": "1",
        "{trial}": "none",
        "{token}": "none",
        **places_of(api.db, "qqzx of a role"),
        "{act}": "rebuild",
    }


def at(path: str, places: dict[str, str]) -> str:
    for name, value in places.items():
        path = path.replace(name, "desk.css" if path.startswith("/desk/static") and name == "{name}" else value)
    return path + ("?since=0" if path == "/desk/live" else "")


async def ask(visitor: Visitor, method: str, path: str, form: dict[str, str]) -> requests.Response:
    if method == "POST":
        return await visitor.post(path, form)
    return await visitor.get(path, stream=path.startswith("/desk/live"))


@pytest.mark.parametrize(("method", "path"), routes())
async def test_without_a_session_only_what_is_open_is_open(
    api: Api, places: dict[str, str], method: str, path: str
) -> None:
    answer = await ask(Visitor(api), method, at(path, places), {"csrf": ""})
    with answer:
        if PAGES.get((method, path), PEOPLE) is OPEN:
            # 401: the form's own; 404: no provider is set up; `/` only leads to the desk, which asks who it is.
            assert answer.status_code in (200, 401, 404) or (path, answer.headers.get("Location")) == ("/", "/desk")
            return
        to_sign_in = answer.headers.get("Location", "").startswith("/desk/sign-in?next=")
        assert (answer.status_code, to_sign_in) == ((303, True) if method == "GET" else (401, False))


@pytest.mark.parametrize("role", sorted(PEOPLE))
async def test_each_role_may_use_the_routes_that_the_table_gives_it_and_no_others(
    api: Api, places: dict[str, str], role: Role
) -> None:
    visitor, csrf = await signed_in(api, role)
    await api.open(subject="To be taken")
    wrong = []
    for method, path in sorted(routes(), key=lambda one: one[1] == "/desk/sign-out"):
        may = PAGES.get((method, path))
        if may is None:  # it is open, or an act
            continue
        with await ask(visitor, method, at(path, places), FORMS.get(path, {}) | {"csrf": csrf}) as answer:
            refused = answer.status_code == 403
            if refused == (role in may) or answer.status_code in (401, 500, 503):
                wrong.append((method, path, answer.status_code))
    assert wrong == []
    assert (await visitor.get("/desk/queue")).status_code == 303  # the last route was to sign out


@pytest.mark.parametrize("role", sorted(PEOPLE))
async def test_each_role_may_give_the_commands_that_the_table_gives_it_and_no_others(api: Api, role: Role) -> None:
    visitor, csrf = await signed_in(api, role)
    ticket = await api.open(subject="Whose act")
    wrong = []
    incident = f"/desk/incidents/{await an_incident(api, visitor)}"
    nouns: list[Any] = [(TICKET, f"/desk/tickets/{ticket}", ON_TICKETS), (INCIDENT, incident, ON_INCIDENTS)]
    for noun, base, table in nouns:
        for command, may in sorted(table.items(), key=lambda one: role in one[1]):  # first what changes nothing
            form = filled(noun, command) | ({"ticket": ticket} if noun is INCIDENT else {}) | {"csrf": csrf}
            answer = await visitor.post(f"{base}/{command}", form)
            refused = answer.status_code == 403 and "is not for the role" in answer.text
            if refused == (role in may) or answer.status_code in (401, 500, 503):
                wrong.append((noun.noun, command, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("role", sorted(PEOPLE))
async def test_a_page_offers_only_what_the_role_may_do(api: Api, role: Role) -> None:
    ticket = await api.open(subject="What is offered")
    visitor, _ = await signed_in(api, role)
    page = (await visitor.get(f"/desk/tickets/{ticket}")).text
    offered = set(re.findall(rf' action="/desk/tickets/{ticket}/(\w+)"', page)) - {"presence"}
    assert offered <= {name for name, may in ON_TICKETS.items() if role in may}
    assert bool(offered) == (role is not Role.FINANCE)


@pytest.mark.parametrize("role", [Role.INTEGRATION, Role.BOT])
async def test_a_programs_token_signs_nobody_in(api: Api, role: Role) -> None:
    answer = await Visitor(api).sign_in(role)
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("way", ["sign out", "revoke", "end"])
async def test_whoever_is_signed_out_hears_and_does_nothing_more(
    api: Api, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """At once: with the next request, and on a stream that is open."""
    monkeypatch.setattr(live, "LOOK", 0.0)
    name = f"eva-{way.replace(' ', '-')}"
    token, row = create_token(api.db, name, Role.AGENT, timedelta(days=1), datetime.now(UTC))
    visitor = Visitor(api)
    await visitor.sign_in(token=token)
    ticket = await api.open(subject="Until now")
    page = await visitor.get(f"/desk/tickets/{ticket}")
    form = visitor.hidden(page, f"/desk/tickets/{ticket}/take")
    since = str(int(datetime.now(UTC).timestamp() * 1000))
    with await visitor.get(f"/desk/live?since={since}", stream=True) as stream:
        heard = stream.iter_lines()
        await asyncio.to_thread(next, heard)  # it has begun
        match way:
            case "sign out":
                await visitor.send(page, "/desk/sign-out", {})
            case "revoke":
                with api.db.begin() as session:
                    tokens.revoke(session, row.id, datetime.now(UTC))
            case "end":
                assert sessions.end_sessions(api.db, name) == 1
        assert (await visitor.get("/desk/queue")).status_code == 303
        assert (await visitor.post(f"/desk/tickets/{ticket}/take", form)).status_code in (401, 403)
        later = await api.open(subject="Not for them")
        rest = await asyncio.to_thread(list, heard)  # until the server ends it
    assert later not in str(rest)
    assert (await api.get(f"/api/v1/tickets/{ticket}")).json()["assignee"] is None

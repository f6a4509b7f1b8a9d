"""Whatever must not get in is refused in one line, changes nothing, and is on record. For every endpoint there is."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
import requests
from sqlalchemy import text

from api.body_limits import MOST_BYTES
from api.guard import OPEN
from domain.aggregate.command import STAFF
from domain.core.enums import Role
from domain.incident import commands as ic
from domain.ticket import commands as c
from services.security.auth import GRANTABLE
from store import tokens
from tests.support.endpoints import ALL, Endpoint
from tests.support.served_api import Api, a_form
from tests.support.waiting import until

DEEP = b'{"text":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
HUGE = b'{"text": "' + b"x" * 10_000_000 + b'"}'
ODD = {
    "a NUL": b'{"text": "a\\u0000b"}',
    "half a character": b'{"text": "\\ud800"}',
    "a NUL in a name": b'{"te\\u0000xt": "a"}',
    "no UTF-8": b'{"text": "\xff\xfe"}',
    "deep": DEEP,
    "not JSON": b"{text: 1}",
    "NaN": b'{"text": NaN}',
    "a number of 5000 digits": b'{"csat": ' + b"9" * 5000 + b"}",
}


GUARDED = [one for one in ALL if not OPEN.fullmatch(one.at("x"))]
TAKES_A_BODY = [one for one in ALL if one.method == "POST"]
COMMANDS = [one for one in TAKES_A_BODY if re.match(r"/api/v1/(tickets/{ticket}|incidents/{incident})/", one.path)]


class There(NamedTuple):
    """What there is, and must stay as it is."""

    ticket: str
    incident: str
    area: str
    """Of the product, where the incident is."""


def named(one: Endpoint) -> str:
    return f"{one.method} {one.path}"


@pytest.fixture(scope="module")
async def there(api: Api) -> There:
    """A ticket, and an incident that somebody has taken on: nothing of it is due in the next half hour."""
    area = f"Refusals {uuid4()}"  # a test run may set this up twice: the same area would join the first incident
    declared = await api.post("/api/v1/incidents", {"product_area": area, "priority": "P1"})
    incident = f"/api/v1/incidents/{declared.json()['incident']}"
    assert (await api.post(f"{incident}/acknowledge")).status_code == 200

    async def quiet() -> str | None:
        """Its number, once all that it asked for is done, and journalled."""
        seen = (await api.get(incident)).json()
        entries = (await api.get(f"{incident}/timeline?limit=500")).json()["entries"]
        caught_up = not seen["outstanding"] and entries and entries[-1]["seq"] == seen["seq"]
        return str(seen["number"]) if caught_up else None

    number = await until(quiet)
    return There(await api.open(), number, area)


def standing(api: Api, there: There) -> tuple[Any, ...]:
    """What a refusal must leave alone: the ticket, the incident, and that there are no others; deliveries."""
    counts = text(
        "SELECT (SELECT count(*) FROM tickets), (SELECT count(*) FROM ticket_events WHERE ticket_id = :ticket),"
        " (SELECT count(*) FROM incidents WHERE area = :area), (SELECT seq FROM incidents WHERE number = :incident),"
        " (SELECT count(*) FROM inbox)"
    )
    with api.db.session() as session:
        where = {"ticket": there.ticket, "incident": int(there.incident), "area": there.area}
        return tuple(session.execute(counts, where).one())


def is_refused(api: Api, response: requests.Response, status: int, code: str, *, by: str) -> None:
    problem = response.json()
    assert (response.status_code, problem["type"]) == (status, f"urn:tierline:{code}"), response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    assert problem["request_id"] == response.headers["X-Request-Id"]
    assert "\n" not in problem["detail"]
    assert 0 < len(problem["detail"]) <= 2000
    last = api.refusals()[-1]
    assert (last.code, last.actor_id) == (code, by)


def test_the_application_has_the_endpoints_that_are_looked_at_here() -> None:
    assert len(GUARDED) == len(ALL) - 3
    assert {one.path for one in ALL if one not in GUARDED} == {"/livez", "/docs", "/webhooks/{name}"}
    assert len(COMMANDS) == len({one.path for one in COMMANDS}) == len(c.UPDATES) + len(ic.UPDATES)


@pytest.mark.parametrize("one", GUARDED, ids=named)
async def test_without_a_good_token_nothing_is_answered(api: Api, there: There, one: Endpoint) -> None:
    before = standing(api, there)
    stale = api.token(Role.ADMIN, age=timedelta(days=2))
    revoked = api.token(Role.ADMIN)
    with api.db.begin() as session:
        tokens.revoke(session, revoked.split("_")[1], datetime.now(UTC))
    good = api.tokens[Role.ADMIN]
    forged = good[:-1] + ("A" if good[-1] != "A" else "B")
    for token in (None, "tl_nonsense", stale, revoked, forged):
        # Its id is on record where it is one of ours: that tells nothing of who knocks.
        shown = token.split("_")[1] if token and token.count("_") > 1 else None
        response = await api.ask(one.method, one.at(*there[:2]), role=None, token=token, json=a_form())
        is_refused(api, response, 401, "unauthenticated", by=f"token {shown}" if shown else "unknown")
        assert response.headers["WWW-Authenticate"] == "Bearer"
    assert standing(api, there) == before
    kept = str([vars(row) for row in api.refusals()[-5:]])
    assert not any(secret.split("_", 2)[2] in kept for secret in (stale, revoked, forged))


@pytest.mark.parametrize("one", COMMANDS, ids=named)
async def test_a_command_is_given_by_its_roles_only(api: Api, there: There, one: Endpoint) -> None:
    name = one.path.rpartition("/")[2]
    body = {"rate": {"csat": 5}}.get(name, {})
    kinds = ic.BY_NAME if "{incident}" in one.path else c.BY_NAME
    for role in sorted(set(GRANTABLE) - kinds[name].who):
        before = standing(api, there)
        response = await api.post(one.at(*there[:2]), body, role=role)
        is_refused(api, response, 403, "not_allowed", by=f"{role.value}-1")
        assert standing(api, there) == before


@pytest.mark.parametrize("path", ["queue", "queue/next", "accounts", "accounts/acme", "incidents", "incidents/1"])
async def test_an_integration_reads_no_lists_and_no_incidents(api: Api, path: str) -> None:
    response = await api.get(f"/api/v1/{path}", role=Role.INTEGRATION)
    is_refused(api, response, 403, "not_allowed", by="integration-1")


@pytest.mark.parametrize("role", sorted(set(GRANTABLE) - STAFF))
async def test_an_incident_is_declared_by_staff_only(api: Api, there: There, role: Role) -> None:
    before = standing(api, there)
    response = await api.post("/api/v1/incidents", {"product_area": there.area}, role=role)
    is_refused(api, response, 403, "not_allowed", by=f"{role.value}-1")
    assert standing(api, there) == before


async def test_finance_opens_no_ticket(api: Api) -> None:
    response = await api.post("/api/v1/tickets", a_form(), role=Role.FINANCE)
    is_refused(api, response, 403, "not_allowed", by="finance-1")


@pytest.mark.parametrize("one", TAKES_A_BODY, ids=named)
async def test_a_body_of_ten_megabytes_is_not_read(api: Api, there: There, one: Endpoint) -> None:
    before = standing(api, there)
    by = "admin-1" if one in GUARDED else "unknown"
    role = Role.ADMIN if one in GUARDED else None
    headers = {"Content-Type": "application/json"}
    told = await api.ask(one.method, one.at(*there[:2]), role=role, data=HUGE, headers=headers)
    is_refused(api, told, 413, "too_large", by=by)
    if one in GUARDED:  # a webhook's limit is its source's own, and no source is set up here
        untold = await api.ask(one.method, one.at(*there[:2]), role=role, data=in_chunks(HUGE), headers=headers)
        is_refused(api, untold, 413, "too_large", by=by)
    assert standing(api, there) == before


def in_chunks(body: bytes) -> Iterator[bytes]:
    """Without saying how long it is; a little more than what is taken, for who stops reading hangs up."""
    for start in range(0, MOST_BYTES + 65_536, 65_536):
        yield body[start : start + 65_536]


@pytest.mark.parametrize("one", [one for one in TAKES_A_BODY if one in GUARDED], ids=named)
async def test_what_cannot_be_read_is_refused_in_one_line(api: Api, there: There, one: Endpoint) -> None:
    before = standing(api, there)
    for what, body in ODD.items():
        headers = {"Content-Type": "application/json"}
        response = await api.ask(one.method, one.at(*there[:2]), role=Role.ADMIN, data=body, headers=headers)
        assert response.status_code == 400, what
        is_refused(api, response, 400, "unreadable", by="admin-1")
    assert standing(api, there) == before


@pytest.mark.parametrize("one", GUARDED, ids=named)
async def test_an_address_with_a_nul_is_refused(api: Api, one: Endpoint) -> None:
    response = await api.ask(one.method, f"{one.at('%00')}?after=%00", role=Role.ADMIN, json={})
    is_refused(api, response, 400, "unreadable", by="unknown")


async def test_however_often_a_stranger_knocks_it_fills_no_table(api: Api) -> None:
    def counts() -> tuple[int, int, int]:
        query = "SELECT (SELECT count(*) FROM refusals), count(*), coalesce(sum(times), 0) FROM turned_away"
        with api.db.session() as session:
            refused, rows, times = session.execute(text(query)).one()
        return refused, rows, times

    before = counts()
    for number in range(40):
        token = f"tl_{number:010d}_{'x' * 43}"
        response = await api.ask("GET", f"/api/v1/tickets/{number}", role=None, token=token)
        assert response.status_code == 401
    after = counts()

    assert after[0] == before[0]
    assert after[1] - before[1] <= 5  # a row for each minute that it took
    assert after[2] - before[2] == 40


async def test_what_was_typed_as_an_address_is_not_kept(api: Api) -> None:
    for path in ("accounts/jane@example.com", "tickets/jane@example.com/timeline", "jane@example.com"):
        assert (await api.get(f"/api/v1/{path}", role=Role.AGENT)).status_code == 404
    response = await api.post("/api/v1/tickets/jane@example.com/take", role=Role.AGENT)
    assert response.status_code == 404
    with api.db.session() as session:
        assert session.scalars(text("SELECT r::text FROM refusals r WHERE strpos(r::text, 'jane') > 0")).all() == []
    assert api.refusals()[-4].command == "GET /api/v1/accounts/{account}"

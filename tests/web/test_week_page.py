"""F3: the report of a week on the desk and over HTTP: who reads it, what it says, and that it is said safely."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import quote
from uuid import uuid4

import pytest
from sqlalchemy import update

from domain.core.enums import Plan, Role
from domain.report.week import week_of
from domain.ticket.state import Account
from services.policy_file.load import load_policy, resolve_terms
from services.policy_file.zones import zone_info
from services.reports import week as reports
from store import journal
from store.tables.tickets import TicketRow
from tests.support.desk_visitor import Visitor
from tests.support.hostile import HOSTILE
from tests.support.packages import RECORD, T2_PACKAGE
from tests.support.served_api import Api
from tests.support.ticket_life import life, resolved

WEEK, MINUTE = timedelta(weeks=1), timedelta(minutes=1)


def filled(api: Api, mark: str) -> str:
    """Tickets of last week whose words are of somebody who means harm. Returns the week."""
    policy, now = load_policy(), datetime.now(UTC)
    week = reports.last_week(now, policy)
    begins = reports.starts(week.first, zone_info(policy.report.zone)) + timedelta(days=1, hours=10)
    with api.db.begin() as session:
        for number in range(3):
            at = begins + number * MINUTE
            one = life(
                f"{mark}-{number}", plan=Plan.PREMIUM, account=mark, at=at, description="ValueError: no such key"
            )
            one.do("take", MINUTE).do("escalate", MINUTE, fields=T2_PACKAGE).do("return", MINUTE, reason=HOSTILE[7])
            one.do("take", MINUTE).do("resolve", MINUTE, **(RECORD | {"root_cause": HOSTILE[7]}))
            journal.append(session, one.ticket.id, "run-1", one.events)
    return week.name


async def test_f3_a_lead_reads_the_report_of_a_week_on_the_desk(api: Api) -> None:
    mark = f"week-{uuid4().hex[:8]}"
    week = filled(api, mark)
    lead = Visitor(api)
    await lead.sign_in(Role.LEAD)
    page = (await lead.get("/desk/week")).text
    assert f"<h1>Week {week}</h1>" in page
    assert "{{7*7}}" in page
    assert f"/desk/accounts/{mark}" in page
    assert "valueerror no such key" in page
    assert page.count("<script>") == 0
    for part in ("To talk about", "Clocks kept", "Hands", "What repeats", "Channels", "Hours of support", "went well"):
        assert part in page
    other = (await lead.get("/desk/week?week=2019-W07")).text
    assert "No two tickets were alike." in other
    assert (await lead.get("/desk/week?week=nonsense")).status_code == 422


async def test_f3_what_is_worth_telling_and_what_customers_wrote_stand_on_the_page_as_text(api: Api) -> None:
    policy, now, mark = load_policy(), datetime.now(UTC), uuid4().hex[:8]
    week = reports.last_week(now, policy)
    begins = reports.starts(week.first, zone_info(policy.report.zone)) + timedelta(days=1, hours=10)
    one = life(f"told-{mark}", plan=Plan.PREMIUM, account=mark, at=begins).do("take", MINUTE)
    one.do("resolve", MINUTE, **RECORD, win=f"{HOSTILE[0]} {mark} was learnt").do("close", MINUTE)
    praise = f"{HOSTILE[1]} {mark} was splendid"
    one.do("rate", MINUTE, by="u-1", role="customer", csat=5, comment=praise, survey=True)
    with api.db.begin() as session:
        journal.append(session, one.ticket.id, "run-1", one.events)
    lead = Visitor(api)
    await lead.sign_in(Role.LEAD)
    page = (await lead.get(f"/desk/week?week={week.name}")).text
    shared = page[page.index('<h2 id="share">') :]
    for words in (f"{mark} was learnt", f"{mark} was splendid", f"/desk/tickets/{one.ticket.id}"):
        assert words in shared
    for harm in HOSTILE[:2]:
        assert harm not in page
    told = await api.get(f"/api/v1/reports/weeks/{week.name}", role=Role.LEAD)
    assert f"{mark} was learnt" in told.text
    assert f"{mark} was splendid" not in told.text
    assert one.ticket.id in told.json()["wins"]["kudos_tickets"]


async def test_f3_programs_read_the_same_report_and_only_for_leads(api: Api) -> None:
    mark = f"week-{uuid4().hex[:8]}"
    week = filled(api, mark)
    answer = await api.get(f"/api/v1/reports/weeks/{week}", role=Role.LEAD)
    assert answer.status_code == 200
    told = answer.json()
    assert told["week"] == week
    assert told["so_far"] is False
    assert next(one for one in told["repeats"] if one["account"] == mark)["same"] == 3
    assert '"ada"' not in json.dumps(told)
    refused = await api.get("/api/v1/reports/weeks/2026-W60", role=Role.LEAD)
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:tierline:malformed")


@pytest.mark.parametrize("role", [Role.AGENT, Role.CSM])
async def test_f3_accounts_and_revenue_are_for_those_who_lead(api: Api, role: Role) -> None:
    week = week_of(datetime.now(UTC).date()).name
    assert (await api.get(f"/api/v1/reports/weeks/{week}", role=role)).status_code == 403


async def test_f3_two_times_are_compared_on_the_desk_and_over_http(api: Api) -> None:
    lead = Visitor(api)
    await lead.sign_in(Role.LEAD)
    page = await lead.get("/desk/week/compare")
    assert page.status_code == 200
    assert "first response, median" in page.text
    assert "deflected by articles" in page.text
    assert "nobody records how many there were" in page.text
    wrong = await lead.get("/desk/week/compare?before=2026-Q3&after=%22%3E%3Cscript%3E")
    assert wrong.status_code == 422
    assert "is no time" in wrong.text
    assert "<script>" not in wrong.text
    query = "/api/v1/reports/comparison?before=2025-Q1&after=2025-Q3"
    told = (await api.get(query, role=Role.LEAD)).json()
    assert (told["before"]["name"], told["after"]["name"], told["before"]["opened"]) == ("2025-Q1", "2025-Q3", 0)
    assert "deflected by articles" in [one["name"] for one in told["figures"]]
    assert (await api.get(query, role=Role.AGENT)).status_code == 403


async def test_f3_the_page_of_a_week_shows_targets_as_they_were_in_it(api: Api) -> None:
    policy = load_policy().model_copy(update={"targets": {"satisfaction": 80}})
    week, at = "2021-W10", datetime(2021, 3, 9, 10, tzinfo=UTC)
    terms = resolve_terms(policy, Account(id="aims", plan=Plan.PREMIUM), at)
    with api.db.begin() as session:
        for number in range(5):
            one = life(f"aims-{uuid4().hex}-{number}", account="aims", at=at)
            one.events[0] = one.events[0].model_copy(
                update={"body": one.events[0].body.model_copy(update={"terms": terms})}
            )
            resolved(one).do("close", MINUTE).do("rate", csat=5 if number < 3 else 1, role="customer")
            journal.append(session, one.ticket.id, "run-1", one.events)
    lead = Visitor(api)
    await lead.sign_in(Role.LEAD)
    page = (await lead.get(f"/desk/week?week={week}")).text
    assert '<li class="missed">ratings that are 4 or 5: 3 of 5 (60 %), target 80 %: missed for 1 week</li>' in page
    assert "3 of 5 (60 %), target 80 %</td>" in page
    assert "Targets, as they were in each week" not in (await lead.get("/desk/week?week=2019-W07")).text


async def test_f3_a_release_is_judged_on_the_desk_and_over_http(api: Api) -> None:
    version, area, at = f"<b>{uuid4().hex[:8]}</b>", f"a-{uuid4().hex[:8]}", datetime(2021, 3, 9, 10, tzinfo=UTC)
    one, key = life(uuid4().hex, at=at), f"REL-{uuid4().int % 1_000_000}"
    issue = {
        "key": key, "category": "done", "fix_versions": [version], "release_date": "2021-03-15",
        "version": "2021-03-09T12:00:00Z",
    }  # fmt: skip
    with api.db.begin() as session:
        journal.append(session, one.ticket.id, "run-1", one.events)
        row = session.get_one(TicketRow, one.ticket.id)
        state = row.state | {"jira": issue, "product_area": area}
        session.execute(update(TicketRow).where(TicketRow.id == row.id).values(jira_key=key, state=state))
    lead = Visitor(api)
    await lead.sign_in(Role.LEAD)
    page = await lead.get(f"/desk/week/release?version={quote(version)}&days=14")
    assert page.status_code == 200
    assert f"&lt;b&gt;{version[3:11]}&lt;/b&gt;, shipped on 2021-03-15" in page.text
    assert f"Known by: release date. Fixed: {key}. Areas: {area}." in page.text
    assert version not in page.text
    unknown = await lead.get("/desk/week/release?version=%3Cscript%3E")
    assert unknown.status_code == 404
    assert "the newest first" in unknown.text
    assert "&lt;script&gt;" in unknown.text

    address = "/api/v1/reports/release"
    told = (await api.get(f"{address}?version={quote(version)}", role=Role.LEAD)).json()
    assert (told["version"], told["issues"], told["areas"], told["so_far"]) == (version, [key], [area], False)
    assert "tickets a week of these issues" in [figure["name"] for figure in told["inside"]]
    asked_for = {"version=nonsense": 404, "version=%00": 400, "version=": 422, "": 422, "version=1&days=0": 422}
    for asked, status in asked_for.items():
        assert (await api.get(f"{address}?{asked}", role=Role.LEAD)).status_code == status
    for role in (Role.AGENT, Role.CSM):
        assert (await api.get(f"{address}?version={quote(version)}", role=role)).status_code == 403

"""Tickets over HTTP: opened once, given every command, read."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from temporalio.client import Client, WorkflowExecutionStatus

from domain.core.enums import Role
from domain.ticket.state import workflow_id
from tests.support.packages import T2_GATE
from tests.support.served_api import Api, a_form
from tests.support.waiting import until
from workflows.shell import REMEMBERED


def command(ticket: str, name: str) -> str:
    return f"/api/v1/tickets/{ticket}/{name}"


async def told(api: Api, ticket: str, count: int) -> list[dict[str, Any]]:
    """The timeline, once the journal has so many events: it follows the workflow within moments."""

    async def there() -> list[dict[str, Any]] | None:
        entries = (await api.get(f"/api/v1/tickets/{ticket}/timeline")).json()["entries"]
        return list(entries) if len(entries) >= count else None

    found: list[dict[str, Any]] = await until(there)
    return found


async def test_a_ticket_is_opened_once_for_its_source_and_external_id(api: Api) -> None:
    form = a_form(subject="Export fails")

    first = await api.post("/api/v1/tickets", form)
    again = await api.post("/api/v1/tickets", form)

    assert (first.status_code, again.status_code) == (201, 200)
    ticket = first.json()["ticket"]
    assert first.headers["Location"] == f"/api/v1/tickets/{ticket}"
    assert again.json() == {"ticket": ticket, "created": False, "started": True}
    seen = (await api.get(f"/api/v1/tickets/{ticket}")).json()
    assert (seen["subject"], seen["live"], seen["status"]) == ("Export fails", True, "new")


async def test_a_command_says_what_it_did_and_the_same_key_again_gets_the_first_answer(api: Api) -> None:
    ticket = await api.open()
    key = {"Idempotency-Key": "take-1"}

    first = await api.post(command(ticket, "take"), headers=key)
    again = await api.post(command(ticket, "take"), headers=key)
    new_try = await api.post(command(ticket, "take"))

    assert (first.status_code, first.json()["did"], first.json()["assignee"]) == (200, ["taken"], "agent-1")
    assert again.json() == first.json()
    assert (new_try.status_code, new_try.json()["type"]) == (409, "urn:tierline:does_not_fit")
    assert "escalate" in new_try.json()["would_fit"]


async def test_a_key_is_its_callers_own_and_with_another_command_a_conflict(api: Api) -> None:
    """Nobody gets another's answer, nor the answer to something else."""
    ticket = await api.open()
    key = {"Idempotency-Key": "zendesk:1:note"}  # nor does it pass for an id of our own
    first = await api.post(command(ticket, "note"), {"text": "one"}, headers=key)
    others = [
        await api.post(command(ticket, "note"), {"text": "two"}, headers=key),
        await api.post(command(ticket, "step"), {"text": "one"}, headers=key),
        await api.post(command(ticket, "note"), {"text": "one"}, headers=key, role=Role.LEAD),
    ]
    again = await api.post(command(ticket, "note"), {"text": "one"}, headers=key)

    assert [one.status_code for one in others] == [409, 409, 200]
    assert [one.json()["type"] for one in others[:2]] == ["urn:tierline:conflict"] * 2
    assert again.json() == first.json()
    _, *noted = await told(api, ticket, 3)
    assert [(entry["by"], entry["texts"]["text"]) for entry in noted] == [("agent-1", "one"), ("lead-1", "one")]
    assert all(entry["command_id"].startswith("api:") for entry in noted)


async def test_a_key_of_one_integration_is_not_that_of_another(api: Api) -> None:
    """Even where both carry the words of the same customer."""
    ticket = await api.open()
    tokens = [api.token(Role.INTEGRATION, name=name) for name in ("shop", "forum")]
    seqs = []
    for token in (*tokens, tokens[0]):
        reply = {"text": "Yes.", "by": "acme"}
        answer = await api.post(command(ticket, "reply"), reply, token=token, headers={"Idempotency-Key": "k-1"})
        seqs.append(answer.json()["seq"])
    assert seqs[0] != seqs[1]
    assert seqs[2] == seqs[0]


async def test_a_key_is_known_when_the_ticket_has_gone_on_as_new_and_its_answer_is_forgotten(
    api: Api, temporal_dev: Client
) -> None:
    ticket = await api.open()
    key = {"Idempotency-Key": "first"}
    first = await api.post(command(ticket, "note"), {"text": "one"}, headers=key)
    for number in range(REMEMBERED):
        await api.post(command(ticket, "note"), {"text": "x"}, headers={"Idempotency-Key": f"later-{number}"})
    handle = temporal_dev.get_workflow_handle(workflow_id(ticket))
    run = (await handle.describe()).run_id
    await handle.signal("renew")

    async def renewed() -> bool:
        return (await handle.describe()).run_id != run

    await until(renewed)
    await told(api, ticket, REMEMBERED + 2)

    again = await api.post(command(ticket, "note"), {"text": "one"}, headers=key)
    other = await api.post(command(ticket, "note"), {"text": "two"}, headers=key)

    assert (again.status_code, again.json()) == (200, first.json())
    assert (other.status_code, other.json()["type"]) == (409, "urn:tierline:conflict")
    assert len(await told(api, ticket, REMEMBERED + 2)) == REMEMBERED + 2


async def test_large_commands_at_once_are_refused_or_taken_and_do_not_end_the_ticket(
    api: Api, temporal_dev: Client
) -> None:
    ticket = await api.open()
    text = "\u6f22" * 20_000
    fits = {"fields": {"steps_taken": text, "customer_impact": text, "workaround_status": text}}
    too_large = {"fields": fits["fields"] | {"reproduction_steps": text}}

    def post(body: Any) -> requests.Response:
        url, headers = api.url + command(ticket, "fill"), {"Authorization": f"Bearer {api.tokens[Role.AGENT]}"}
        return requests.post(url, json=body, headers=headers, timeout=60)

    with ThreadPoolExecutor(16) as threads:  # of its own: the API that is served here uses the loop's
        loop = asyncio.get_running_loop()
        sent = [loop.run_in_executor(threads, post, body) for body in [fits, too_large] * 8]
        answers = await asyncio.gather(*sent, api.post(command(ticket, "note"), {"text": "x" + "\u0001" * 19_999}))

    assert [answer.status_code for answer in answers] == [200, 413] * 8 + [200]
    problem = answers[1].json()
    assert problem["type"] == "urn:tierline:too_large"
    assert set(problem["fields"]) < {f"fields.{name}" for name in too_large["fields"]}
    assert "\u6f22" not in answers[1].text
    opening = a_form(subject="\u0001" * 20_000, description=text, attachments=text)
    assert (await api.post("/api/v1/tickets", opening)).status_code == 201  # its texts are shortened, and kept whole
    large = a_form(form={str(number): "\u6f22" * 200 for number in range(50)}, tags=["\u6f22" * 200] * 50)
    large["account"]["csm"] = "x" * 200_000
    assert (await api.post("/api/v1/tickets", large)).json()["type"] == "urn:tierline:too_large"
    status = (await temporal_dev.get_workflow_handle(workflow_id(ticket)).describe()).status
    assert status is WorkflowExecutionStatus.RUNNING


async def test_g3_a_refusal_names_all_that_is_missing_at_once_and_is_on_record(api: Api) -> None:
    ticket = await api.open()
    await api.post(command(ticket, "take"))

    refused = await api.post(command(ticket, "escalate"), {"to": "T2"}, headers={"X-Request-Id": "r-4711"})

    problem = refused.json()
    assert (refused.status_code, problem["type"]) == (422, "urn:tierline:missing_fields")
    assert problem["missing"] == T2_GATE
    assert (problem["request_id"], refused.headers["X-Request-Id"]) == ("r-4711", "r-4711")
    row = api.refusals()[-1]
    assert (row.code, row.missing, row.command, row.channel) == ("missing_fields", T2_GATE, "escalate", "api")


async def test_g14_a_message_is_held_back_with_what_came_and_goes_out_with_the_newer_number(api: Api) -> None:
    ticket = await api.open()
    seen = (await api.post(command(ticket, "take"))).json()["seq"]
    came = (await api.post(command(ticket, "reply"), {"text": "It is worse."}, role=Role.INTEGRATION)).json()["seq"]

    held = await api.post(command(ticket, "respond"), {"text": "Solved.", "seen": seen})
    again = await api.post(command(ticket, "respond"), {"text": "Solved.", "seen": came})

    problem = held.json()
    assert (held.status_code, problem["type"]) == (409, "urn:tierline:moved_on")
    assert [(one["what"], one["seq"]) for one in problem["came"]] == [("replied", came)]
    assert again.status_code == 200


async def test_who_did_it_is_what_the_token_says_and_no_payload_changes_that(api: Api) -> None:
    ticket = await api.open()
    for said in ({"by": "somebody"}, {"by": "lead-1"}):
        refused = await api.post(command(ticket, "note"), {"text": "x"} | said)
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:tierline:not_allowed")
    for name in ("role", "received", "id", "do"):
        unknown = await api.post(command(ticket, "note"), {"text": "x", name: "lead"})
        assert (unknown.status_code, list(unknown.json()["fields"])) == (422, [name])

    await api.post(command(ticket, "note"), {"text": "x", "by": "lead-1"}, role=Role.LEAD)

    opened, noted = await told(api, ticket, 2)
    assert (opened["by"], opened["role"]) == ("agent-1", "agent")
    assert (noted["by"], noted["role"]) == ("lead-1", "lead")


async def test_an_integration_carries_the_words_of_others_and_the_role_tells_so(api: Api) -> None:
    ticket = await api.open()

    await api.post(command(ticket, "reply"), {"text": "Firefox.", "by": "acme"}, role=Role.INTEGRATION)
    await api.post(command(ticket, "reply"), {"text": "Firefox."}, role=Role.INTEGRATION)

    _, named, unnamed = await told(api, ticket, 3)
    assert (named["by"], named["role"]) == ("acme", "integration")
    assert (unnamed["by"], unnamed["role"]) == ("integration-1", "integration")


async def test_c12_when_something_happened_is_an_integrations_word_or_attested_by_a_lead(api: Api) -> None:
    ticket = await api.open()
    earlier = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
    evidence = {"text": "Firefox.", "occurred": earlier}

    claimed = await api.post(command(ticket, "reply"), evidence | {"source": "mail", "customer": "u-17"})
    stamped = await api.post(command(ticket, "reply"), evidence | {"source": "mail"}, role=Role.INTEGRATION)
    attested = await api.post(command(ticket, "reply"), evidence | {"customer": "u-17"}, role=Role.LEAD)

    assert (claimed.status_code, claimed.json()["type"]) == (403, "urn:tierline:not_allowed")
    assert (stamped.status_code, attested.status_code) == (200, 200)
    sources = [entry["source"] for entry in await told(api, ticket, 3) if entry["type"] == "replied"]
    assert sources == ["mail", "attested by lead-1"]


async def test_only_an_integration_says_that_a_ticket_came_in_earlier(api: Api) -> None:
    earlier = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    refused = await api.post("/api/v1/tickets", a_form(opened_at=earlier))
    opened = await api.post("/api/v1/tickets", a_form(opened_at=earlier, by="acme"), role=Role.INTEGRATION)
    assert (refused.status_code, opened.status_code) == (403, 201)
    for long_ago in ("0001-01-01T00:00:00Z", (datetime.now(UTC) - timedelta(days=367)).isoformat()):
        too_old = await api.post("/api/v1/tickets", a_form(opened_at=long_ago), role=Role.INTEGRATION)
        assert (too_old.status_code, too_old.json()["taken_as_unknown"]) == (201, ["opened_at"])
    (entry,) = await told(api, opened.json()["ticket"], 1)
    assert (datetime.fromisoformat(entry["at"]), entry["by"]) == (datetime.fromisoformat(earlier), "acme")


async def test_new_terms_are_resolved_from_the_policy_for_the_account_as_it_is_now(api: Api) -> None:
    ticket = await api.open()
    body = {"reason": "Upgraded today.", "account": {"id": "acme", "plan": "premium"}}

    replaced = await api.post(command(ticket, "replace_terms"), body, role=Role.OPS)
    nowhere = {"reason": "Moved.", "account": {"id": "acme", "plan": "premium", "zone": "Mars/Olympus"}}
    refused = await api.post(command(ticket, "replace_terms"), nowhere, role=Role.OPS)

    assert (replaced.status_code, replaced.json()["did"]) == (200, ["terms_replaced"])
    seen = (await api.get(f"/api/v1/tickets/{ticket}?seq={replaced.json()['seq']}")).json()
    assert seen["account"]["plan"] == "premium"
    assert seen["clocks"]["first_response"]["contract"]["cell"] == "plans.premium.first_response"
    assert (refused.status_code, list(refused.json()["fields"])) == (422, ["account"])


async def test_a_forecast_says_what_comes_and_what_a_priority_would_change_and_records_nothing(api: Api) -> None:
    ticket = await api.open(subject="Export fails", priority="P3", account={"id": "acme", "plan": "premium"})
    path = f"/api/v1/tickets/{ticket}"
    before = (await api.get(path)).json()

    plain = (await api.get(f"{path}/forecast")).json()
    other = (await api.get(f"{path}/forecast?priority=P0&days=30&seq={before['seq']}")).json()

    assert plain["coming_then"] is None
    assert any(one["type"] == "lapsed" and one["notified"] for one in plain["coming"])
    assert [one["starts"] for one in other["coming_then"] if one["starts"]] == [["incident"]]
    assert "lapsed" in {change["type"] for change in other["changes"]}
    assert (await api.get(path)).json()["seq"] == before["seq"]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("priority=P0&plan=free", 422, "malformed"),
        ("replied=true", 409, "does_not_fit"),
        ("priority=P3", 409, "does_not_fit"),
        ("days=0", 422, "malformed"),
        ("days=91", 422, "malformed"),
        ("priority=P9", 422, "malformed"),
        ("role=lead", 422, "malformed"),
    ],
)
async def test_a_supposition_that_cannot_be_is_refused_with_the_reason(
    api: Api, query: str, status: int, code: str
) -> None:
    ticket = await api.open(subject="Export fails", priority="P3")
    refused = await api.get(f"/api/v1/tickets/{ticket}/forecast?{query}")
    assert (refused.status_code, refused.json()["type"]) == (status, f"urn:tierline:{code}")


async def test_clocks_are_explained_stretch_by_stretch_and_add_up(api: Api) -> None:
    ticket = await api.open()
    explained = (await api.get(f"/api/v1/tickets/{ticket}/clocks")).json()
    assert len(explained["clocks"]) == 4
    for clock in explained["clocks"]:
        assert sum(line["counted_s"] for line in clock["lines"]) == clock["used_s"] == clock["budget_s"]
        assert clock["lines"][-1]["to"] == clock["due"]


async def test_a_timeline_is_read_page_by_page(api: Api) -> None:
    ticket = await api.open()
    for number in range(4):
        await api.post(command(ticket, "note"), {"text": f"note {number}"})
    await told(api, ticket, 5)
    seen: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        page = (await api.get(f"/api/v1/tickets/{ticket}/timeline?limit=2&after={after}")).json()
        assert len(page["entries"]) <= 2
        seen += page["entries"]
        after = page["next"]
    assert [entry["seq"] for entry in seen] == [1, 2, 3, 4, 5]
    assert [entry["texts"].get("text") for entry in seen[1:]] == [f"note {number}" for number in range(4)]


async def test_an_id_is_read_as_people_say_it_and_an_unknown_one_is_not_found(api: Api) -> None:
    ticket = await api.open()
    spoken = ticket.replace("-", "").upper().replace("0", "O")
    assert (await api.get(f"/api/v1/tickets/{spoken}")).json()["id"] == ticket
    for unknown in ("0000-0000-0000", "nonsense"):
        for path in ("", "/clocks", "/timeline"):
            missing = await api.get(f"/api/v1/tickets/{unknown}{path}")
            assert (missing.status_code, missing.json()["type"]) == (404, "urn:tierline:not_found")
        missing = await api.post(command(unknown, "take"))
        assert (missing.status_code, missing.json()["type"]) == (404, "urn:tierline:not_found")

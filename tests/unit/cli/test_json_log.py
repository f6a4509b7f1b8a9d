"""TIERLINE_LOG=json: each line is one object with the ids that it is about, and nothing that was not asked for."""

import asyncio
import dataclasses
import logging
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send
from temporalio import activity
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from api.guard import Guard, Record
from services.log_context import about, of_request, of_workflow
from store.database import Database, DatabaseDown
from tests.support.json_log import json_log
from web.gate import Gate
from workers.log_context import NamedInLog

LOG = logging.getLogger("tierline.tests.json_log")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TICKET = "4k7m-3q9x-tbd2"
NOWHERE = Database("postgresql://nobody@127.0.0.1:1/none")


def test_a_line_is_one_object_with_its_instant_in_utc() -> None:
    record = logging.makeLogRecord({"name": "tierline.x", "levelno": 30, "levelname": "WARNING", "msg": "%s\nwaits",
                                    "args": ("it",), "created": 1767607200.25})  # fmt: skip
    with json_log(LOG) as lines:
        LOG.handle(record)
    assert lines.one() == {
        "time": "2026-01-05T10:00:00.250000Z", "level": "warning", "logger": "tierline.x", "message": "it\nwaits",
    }  # fmt: skip


def test_a_line_names_what_is_bound_while_it_is_logged_in_threads_and_tasks_too_and_not_afterwards() -> None:
    async def work() -> None:
        with about(ticket=TICKET, request_id="r-1", delivery=None):
            await asyncio.create_task(asyncio.to_thread(LOG.info, "inside"))
        LOG.info("outside")

    with json_log(LOG) as lines:
        asyncio.run(work())
    inside, outside = lines.all()
    assert {name: inside[name] for name in list(inside)[4:]} == {"ticket": TICKET, "request_id": "r-1"}
    assert set(outside) == {"time", "level", "logger", "message"}


def test_what_is_not_listed_never_gets_in() -> None:
    with pytest.raises(KeyError, match="no field of the log: customer"):
        about(customer="jane@example.com")
    with json_log(LOG) as lines:
        LOG.info("a message came", extra={"customer": "jane@example.com", "status": 200})
    assert lines.one()["status"] == 200
    assert "customer" not in lines.one()


def test_an_expected_failure_has_a_reason_and_a_bug_a_traceback_without_the_values_of_its_variables() -> None:
    with json_log(LOG) as lines:
        for error in (DatabaseDown("PostgreSQL\ndoes not answer"), KeyError("ours")):
            try:
                secret = "jane@example.com"  # noqa: F841  what a debugger would show
                raise error
            except Exception:
                LOG.exception("it waits")
    expected, bug = lines.all()
    assert (expected["error_type"], expected["error"]) == ("DatabaseDown", "PostgreSQL does not answer")
    assert "exception" not in expected
    assert "Traceback (most recent call last)" in bug["exception"]
    assert not [line for line in bug["exception"].splitlines() if "jane" in line and "noqa" not in line]


@pytest.mark.parametrize(
    ("path", "named"),
    [
        (f"/api/v1/tickets/{TICKET}", {"ticket": TICKET}),
        (f"/desk/tickets/{TICKET}/reply", {"ticket": TICKET}),
        ("/api/v1/incidents/17/ack", {"incident": "17"}),
        ("/api/v1/tickets/jane.doe@example.com", {}),
        ("/api/v1/accounts/acme/tickets", {}),
    ],
)
def test_a_request_names_the_ticket_or_incident_of_its_address_and_no_other_part_of_it(
    path: str, named: dict[str, str]
) -> None:
    assert of_request("r-1", path, {}) == {"request_id": "r-1"} | named


@pytest.mark.parametrize(
    ("header", "trace"),
    [
        (f"00-{TRACE}-00f067aa0ba902b7-01", TRACE),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", None),
        (f"00-{TRACE}", None),
        (f"00-{TRACE.upper()}-00f067aa0ba902b7-01", None),
        ("x" * 10_000, None),
    ],
)
def test_a_request_names_the_trace_that_its_sender_names_in_the_form_of_w3c(header: str, trace: str | None) -> None:
    assert of_request("r-1", "/", {"traceparent": header}).get("trace_id") == trace


async def _logs(scope: Scope, receive: Receive, send: Send) -> None:
    LOG.info("at work")
    await PlainTextResponse("done")(scope, receive, send)


def _refuse(_request: Any, _problem: Any) -> PlainTextResponse:
    return PlainTextResponse("refused")


@pytest.mark.parametrize(
    ("app", "path"),
    [
        (Guard(_logs, db=NOWHERE, rate=1, record=Record(NOWHERE, 1)), "/webhooks/jira"),
        (Gate(_logs, db=NOWHERE, rate=1, refuse=_refuse), "/desk/sign-in"),
    ],
)
def test_whatever_a_request_to_api_or_desk_logs_names_its_id_which_the_caller_may_choose(
    app: ASGIApp, path: str
) -> None:
    headers = {"X-Request-Id": "shop-7", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    client = TestClient(app, client=("127.0.0.1", 1))
    with json_log(LOG) as lines:
        answer = client.get(path, headers=headers)
        other = client.get(path, headers={"X-Request-Id": "not one line\t"})
    named, ours = lines.all()
    assert (named["request_id"], named["trace_id"], answer.headers["X-Request-Id"]) == ("shop-7", TRACE, "shop-7")
    assert ours["request_id"] == other.headers["X-Request-Id"]
    assert ours["request_id"].isalnum()


class _InAThread(ActivityInboundInterceptor):
    """What follows our interceptor in the SDK: a blocking activity, in a thread that has a copy of the context."""

    def __init__(self) -> None:
        pass

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        return await asyncio.to_thread(LOG.warning, "Jira is away")


async def test_whatever_an_activity_logs_names_its_workflow_and_ticket() -> None:
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(
        environment.info, workflow_id=f"ticket-{TICKET}", activity_type="jira_bug", attempt=3
    )
    call = ExecuteActivityInput(fn=_logs, args=(), executor=None, headers={})

    async def run() -> None:
        assert activity.info().attempt == 3
        await NamedInLog().intercept_activity(_InAThread()).execute_activity(call)

    with json_log(LOG) as lines:
        await environment.run(run)
    named = lines.one()
    assert {name: named[name] for name in list(named)[4:]} == {
        "ticket": TICKET, "workflow_id": f"ticket-{TICKET}", "activity": "jira_bug", "attempt": 3,
    }  # fmt: skip


def test_what_the_sdk_says_of_an_activity_stands_in_fields() -> None:
    said = {"workflow_id": "incident-17", "activity_type": "page", "attempt": 2, "namespace": "default"}
    with json_log(LOG) as lines:
        LOG.warning("Completing activity as failed", extra={"temporal_activity": said})
    line = lines.one()
    assert (line["incident"], line["workflow_id"], line["activity"], line["attempt"]) == (
        "17",
        "incident-17",
        "page",
        2,
    )
    assert "namespace" not in line


@pytest.mark.parametrize("other", ["jira-sweep-2026-01-05T10:00:00Z", "area-billing", "", None])
def test_of_any_other_workflow_its_id_alone_is_named(other: str | None) -> None:
    assert of_workflow(other) == ({"workflow_id": other} if other else {})

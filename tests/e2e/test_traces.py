"""One trace from a signed webhook to the issue in Jira, sent by real processes, with no word that somebody wrote."""

import asyncio
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
import requests
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio.client import WorkflowHistory
from temporalio.contrib.opentelemetry import TracingInterceptor
from temporalio.worker import Replayer

from domain.core.ids import ticket_id
from domain.ticket.state import Ticket, workflow_id
from integrations.standard_webhooks import headers_for
from integrations.standins.run import CHAT_SECRET
from services.security.codec import Codec, data_converter
from store import journal
from tests.support.local_tierline import reached, whole_house
from tests.support.otlp_receiver import Receiver, Seen, receiving
from tests.support.packages import BOTH_PACKAGES
from tests.support.waiting import until
from workers.worker import WORKFLOWS

pytestmark = pytest.mark.long

OPENING, ESCALATION, SENDER = "a" * 31 + "1", "b" * 31 + "2", "c" * 16
"""The traces that the sender of the webhooks names, and its own span."""
WORDS = ("exports hang", "acme", "ada", "Firefox", "whsec_", "127.0.0.1", "Bearer")
"""What is in the webhooks, and where they go."""


async def send(api: str, trace: str, kind: str, **data: object) -> None:
    """Send a signed webhook in a trace."""
    body = json.dumps({"type": kind, "data": data}).encode()
    headers = headers_for(CHAT_SECRET, uuid4().hex, datetime.now(UTC), body)
    headers |= {"traceparent": f"00-{trace}-{SENDER}-01", "Content-Type": "application/json"}
    answer = await asyncio.to_thread(requests.post, f"{api}/webhooks/generic", data=body, headers=headers, timeout=60)
    assert answer.status_code == 202, answer.text


def of(receiver: Receiver, trace: str) -> dict[str, Seen]:
    """The spans of a trace by process and name; of those with one name, the last."""
    return {f"{span.process} {span.name}": span for span in receiver.spans() if span.trace == trace}


async def test_one_trace_leads_from_the_webhook_to_the_issue_and_says_nothing_that_anybody_wrote(home: Path) -> None:
    with receiving() as receiver:
        settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.address,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "WEBHOOK_SECRETS": CHAT_SECRET.get_secret_value(),
            "TIERLINE_LOG": "json",
            "TIERLINE_API_LOG_REQUESTS": "true",
        }
        with whole_house(home, **settings) as running:
            async with reached(running) as (client, db):
                api = running.pages["API"].removesuffix("/api/v1")
                order = uuid4().hex
                ticket = ticket_id("webhook", order)

                def known() -> Ticket | None:
                    with db.session() as session:
                        return journal.load(session, ticket)

                # Given a ticket that one webhook opens, and others take and escalate to engineering
                form = {
                    "account": {"id": "acme", "plan": "enterprise"},
                    "priority": "P2",
                    "subject": "All exports hang",
                }
                await send(api, OPENING, "ticket.open", external_id=order, **form)
                await send(api, ESCALATION, "ticket.take", external_id=order, by="ada")
                await send(
                    api, ESCALATION, "ticket.escalate", external_id=order, by="ada", to="T3", fields=BOTH_PACKAGES
                )
                await until(lambda: (found := known()) and found.issue)

                async def arrived() -> bool:
                    return "tierline-worker Call Jira" in of(receiver, OPENING) and any(
                        span.name == "HandleUpdate:escalate" for span in receiver.spans()
                    )

                await until(arrived)
                history = await client.get_workflow_handle(workflow_id(ticket)).fetch_history()
        # Then, when the processes have ended, everything has come, and the opening's trace has all of the way
        way = of(receiver, OPENING)
        assert {
            "tierline-api POST /webhooks/{name}",
            "tierline-api Act on a delivery of generic",
            "tierline-api StartWorkflow:TicketWorkflow",
            "tierline-worker RunWorkflow:TicketWorkflow",
            "tierline-worker StartActivity:create_jira_issue",
            "tierline-worker RunActivity:create_jira_issue",
            "tierline-worker Call Jira",
        } <= way.keys()
        ids = {span.id for span in receiver.spans() if span.trace == OPENING}
        assert {span.parent for span in receiver.spans() if span.trace == OPENING} <= ids | {SENDER}  # one tree

        # And a command has the trace of who gave it; in the ticket's, what it did is linked to that
        given = of(receiver, ESCALATION)["tierline-api StartWorkflowUpdate:escalate"]
        assert (ESCALATION, given.id) in way["tierline-worker HandleUpdate:escalate"].links

        # And no word of anybody is in it, no address, no secret
        everything = b"".join(receiver.bodies)
        assert not [word for word in WORDS if word.encode() in everything]

    # And what the processes log names the same traces
    lines = [json.loads(line) for line in (home / "logs" / "api.log").read_text().splitlines() if '"endpoint"' in line]
    traces = [line.get("trace_id") for line in lines if line["endpoint"] == "/webhooks/{name}"]
    assert [trace for trace in traces if trace in (OPENING, ESCALATION)] == [OPENING, ESCALATION, ESCALATION]
    assert all(re.fullmatch("[0-9a-f]{32}", trace) for trace in traces)  # Jira's webhooks, which name none, too

    # And the history replays, traced and not, and adds no span again
    await replays(history)


async def replays(history: WorkflowHistory) -> None:
    """Replay a traced history by workers that trace, and by some that do not."""
    spans, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    for interceptors in ([], [TracingInterceptor(provider.get_tracer("test"))]):
        replayer = Replayer(workflows=WORKFLOWS, data_converter=data_converter(Codec()), interceptors=interceptors)
        await replayer.replay_workflow(history)
    assert spans.get_finished_spans() == ()

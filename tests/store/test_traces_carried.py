"""The trace of a delivery, and of a ticket that waits for Temporal: carried by the inbox to whoever acts on it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from uuid import uuid4

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio.client import Client

from integrations.tracing import port
from integrations.tracing.otel import OtelTracer
from services.security.codec import Codec, data_converter
from services.tickets import INTAKE, TicketService
from services.webhooks.deliveries import Deliveries, Delivery
from store import inbox
from store.database import Database
from tests.support.policy import POLICY
from tests.support.working_tierline import form

TRACE = "a" * 31 + "1"
PARENT = f"00-{TRACE}-{'c' * 16}-01"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """What this process has done, as spans."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    port.use(OtelTracer(provider.get_tracer("test")))
    yield exporter
    port.use(None)


class Bell:
    """A source whose deliveries are a word each. Implements `Hook`."""

    name = "bell"
    proof: Sequence[str] = ()
    longest = 100

    def __init__(self) -> None:
        self.acted: list[str | None] = []
        """The trace in which each was acted on."""

    def accept(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Sequence[Delivery]:
        return [Delivery(id=body.decode())]

    async def act(self, delivery: Delivery) -> str | None:
        self.acted.append(port.trace_id())
        return None


async def test_whoever_acts_on_a_delivery_goes_on_with_its_trace(db: Database, spans: InMemorySpanExporter) -> None:
    first, second = Bell(), Bell()
    with port.span("POST", "server", parent=PARENT):
        await Deliveries(db, [first]).receive("bell", {}, b"one")  # and dies
    await Deliveries(db, [second]).work()  # another process
    assert (first.acted, second.acted) == ([], [TRACE])
    received, acted = spans.get_finished_spans()
    assert acted.parent is not None
    assert acted.parent.span_id == received.context.span_id


async def test_a_delivery_from_before_has_no_trace_and_is_acted_on_all_the_same(db: Database) -> None:
    bell = Bell()
    await Deliveries(db, [bell]).receive("bell", {}, b"one")
    assert await Deliveries(db, [bell]).work() == 1
    assert bell.acted == [None]


async def test_a_ticket_that_waits_for_temporal_keeps_its_trace(db: Database, spans: InMemorySpanExporter) -> None:
    away = await Client.connect("127.0.0.1:1", lazy=True, data_converter=data_converter(Codec()))
    with port.span("POST", "server", parent=PARENT):
        receipt = await TicketService(away, db, POLICY).open(form(external_id=uuid4().hex))
    assert not receipt.started
    with db.session() as session:
        kept = inbox.traces(session, INTAKE, [receipt.ticket, "another"])
    assert {ticket: trace.split("-")[1] for ticket, trace in kept.items()} == {receipt.ticket: TRACE}

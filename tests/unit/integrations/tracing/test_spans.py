"""Spans: nothing without a tracer; with one, a parent that is carried, and nothing that somebody wrote."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from cli.log import json_lines
from integrations.tracing import port
from integrations.tracing.otel import PUBLIC, OtelTracer, Reduced

SECRET = "Ada wrote: my password is hunter2, see http://10.0.0.1/?token=t0p"
PARENT = f"00-{'a' * 31}1-{'c' * 16}-01"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """What leaves the process."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(Reduced(exporter)))
    port.use(OtelTracer(provider.get_tracer("test")))
    yield exporter
    port.use(None)


def only(spans: InMemorySpanExporter) -> ReadableSpan:
    (span,) = spans.get_finished_spans()
    return span


def test_without_a_tracer_a_span_does_nothing_and_there_is_no_trace() -> None:
    with port.span("Call Jira", "client", {"peer.service": "Jira"}) as found:
        found.rename("other")
        found.add({"http.route": "/x"})
        found.fail("503")
        assert (port.here(), port.trace_id()) == (None, None)


def test_a_span_goes_on_with_the_trace_that_was_carried(spans: InMemorySpanExporter) -> None:
    with port.span("Act", "consumer", parent=PARENT):
        assert port.trace_id() == "a" * 31 + "1"
        carried = port.here()
    span = only(spans)
    assert carried == f"00-{'a' * 31}1-{span.context.span_id:016x}-01"
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == "c" * 16


@pytest.mark.parametrize("malformed", ["", "none", "00-zz-zz-01", f"00-{'0' * 32}-{'c' * 16}-01", "x" * 5000])
def test_a_parent_that_is_malformed_begins_a_trace(spans: InMemorySpanExporter, malformed: str) -> None:
    with port.span("Act", parent=malformed):
        assert port.trace_id()
    assert only(spans).parent is None


def test_what_is_not_named_as_public_stays_in_the_process(spans: InMemorySpanExporter) -> None:
    public = dict.fromkeys(PUBLIC, 200)
    with pytest.raises(ValueError, match="hunter2"), port.span("Act", attributes={**public, "db.statement": SECRET}):
        raise ValueError(SECRET)
    span = only(spans)
    assert set(span.attributes or {}) == PUBLIC
    assert SECRET not in span.to_json()
    assert json.loads(span.to_json())["attributes"]["error.type"] == "ValueError"


def test_of_an_error_that_a_library_records_its_class_is_left(spans: InMemorySpanExporter) -> None:
    """As the interceptor of Temporal's SDK does: with text and traceback."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(Reduced(spans)))

    def fails() -> None:
        with provider.get_tracer("library").start_as_current_span("RunActivity:page") as span:
            span.add_event("said", {"text": SECRET})
            raise KeyError(SECRET)

    with pytest.raises(KeyError):
        fails()
    (event,) = only(spans).events
    assert dict(event.attributes or {}) == {"exception.type": "KeyError"}
    assert dict(only(spans).attributes or {}) == {"error.type": "KeyError"}
    assert "hunter2" not in only(spans).to_json()


def test_a_line_of_the_log_names_the_trace(spans: InMemorySpanExporter) -> None:
    def logged() -> dict[str, Any]:
        record = logging.LogRecord("tierline.jira", logging.WARNING, "", 0, "Jira is away", (), None)
        line: dict[str, Any] = json.loads(json_lines().format(record))
        return line

    with port.span("Act", parent=PARENT):
        assert logged()["trace_id"] == "a" * 31 + "1"
    assert "trace_id" not in logged()

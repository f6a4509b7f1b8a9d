"""The tracer of OpenTelemetry. Imported only where the extra `otel` is installed and an endpoint is set.

OpenTelemetry: https://opentelemetry.io/docs/specs/otel/trace/
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Link, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from structlog.contextvars import bound_contextvars

from integrations.tracing.port import Attributes, Kind

PUBLIC = frozenset(
    {
        *("temporalWorkflowID", "temporalRunID", "temporalActivityID", "temporalActivityType", "temporalUpdateID"),
        *("http.request.method", "http.route", "http.response.status_code"),
        *("peer.service", "error.type", "tierline.source", "tierline.delivery", "tierline.ticket"),
    }
)
"""The attributes that leave the process: ids, numbers and words of our code. All others are left out, whatever library
sets them, since values of others may be texts, addresses or secrets."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,99}")
"""What may be the name of an error's class."""
_LONGEST = 120
"""Characters of a span's name."""
_KINDS = {
    "server": SpanKind.SERVER, "client": SpanKind.CLIENT, "consumer": SpanKind.CONSUMER, "internal": SpanKind.INTERNAL
}  # fmt: skip
_W3C = TraceContextTextMapPropagator()


class OtelSpan:
    """Implements `Span`."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def add(self, attributes: Attributes) -> None:
        for name, value in attributes.items():
            self._span.set_attribute(name, value)

    def fail(self, kind: str) -> None:
        self._span.set_attribute("error.type", kind)
        self._span.set_status(Status(StatusCode.ERROR))


class OtelTracer:
    """Implements `Tracer`."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer

    @contextmanager
    def span(self, name: str, kind: Kind, attributes: Attributes, parent: str | None) -> Iterator[OtelSpan]:
        """Begin a span. A `parent` that is malformed counts as none."""
        context = _W3C.extract({"traceparent": parent}, Context()) if parent else None
        with self._tracer.start_as_current_span(
            name,
            context,
            _KINDS[kind],
            dict(attributes),
            record_exception=False,
            set_status_on_exception=False,
        ) as under_way:
            found = OtelSpan(under_way)
            with bound_contextvars(trace_id=self.trace_id()):
                try:
                    yield found
                except Exception as error:
                    found.fail(type(error).__name__)
                    raise

    def here(self) -> str | None:
        carrier: dict[str, str] = {}
        _W3C.inject(carrier)
        return carrier.get("traceparent")

    def trace_id(self) -> str | None:
        context = trace.get_current_span().get_span_context()
        return trace.format_trace_id(context.trace_id) if context.is_valid else None


class Reduced(SpanExporter):
    """An exporter that lets out what `PUBLIC` names, and of an error its class: not its text, and no traceback."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([_reduced(span) for span in spans])

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def _reduced(span: ReadableSpan) -> ReadableSpan:
    attributes = {name: value for name, value in (span.attributes or {}).items() if name in PUBLIC}
    said = (span.status.description or "").partition(":")[0]
    if span.status.status_code is StatusCode.ERROR and _NAME.fullmatch(said):
        attributes.setdefault("error.type", said)
    return ReadableSpan(
        name=span.name[:_LONGEST],
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=attributes,
        events=[_reduced_event(event) for event in span.events if event.name == "exception"],
        links=[Link(link.context) for link in span.links],
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _reduced_event(event: Event) -> Event:
    kind = str((event.attributes or {}).get("exception.type", ""))
    return Event("exception", {"exception.type": kind[:_LONGEST]}, event.timestamp)

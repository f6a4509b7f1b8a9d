"""Has a process send traces by OpenTelemetry, where its standard variables name who takes them. Off by default."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from temporalio.client import Interceptor

from integrations.tracing import port
from workers.settings import Settings, SettingsError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

_INSTALL = "traces need the extra `otel`: pip install 'tierline[otel]'"
_interceptors: list[Interceptor] = []


@contextmanager
def traced(settings: Settings, process: str) -> Iterator[None]:
    """Send the spans of this process, for as long as the block lasts, and what is left at its end.

    That is so where OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set. OpenTelemetry's other
    variables work as its documentation says: headers, sampler, service name. Raises SettingsError.
    """
    if not (settings.otlp_endpoint or settings.otlp_traces_endpoint) or _switched_off():
        yield
        return
    if protocol := _other_protocol():
        raise SettingsError(f"OTEL_EXPORTER_OTLP_PROTOCOL: traces go by http/protobuf here, not by {protocol[:40]}")
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError:
        raise SettingsError(f"OTEL_EXPORTER_OTLP_ENDPOINT is set, and {_INSTALL}") from None
    with collected(OTLPSpanExporter(), process):
        yield


@contextmanager
def collected(exporter: "SpanExporter", process: str) -> Iterator[None]:
    """Have the spans of this process go to an exporter, for as long as the block lasts."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from temporalio.contrib.opentelemetry import TracingInterceptor

    from integrations.tracing.otel import OtelTracer, Reduced

    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": f"tierline-{process}"}
    provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(Reduced(exporter)))
    tracer = provider.get_tracer("tierline")
    port.use(OtelTracer(tracer))
    _interceptors[:] = [TracingInterceptor(tracer)]
    try:
        yield
    finally:
        port.use(None)
        _interceptors.clear()
        provider.shutdown()


def temporal_interceptors() -> Sequence[Interceptor]:
    """Return what a client of Temporal needs so that traces pass through it: nothing where nobody traces.

    In a workflow, spans come from its history and are begun once, not when it is replayed. They go with the headers of
    messages and activities: no event and no action of Temporal is added by them.
    """
    return tuple(_interceptors)


def _switched_off() -> bool:
    disabled = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return disabled or os.environ.get("OTEL_TRACES_EXPORTER", "otlp").strip() == "none"


def _other_protocol() -> str:
    names = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
    found = next((os.environ[name].strip() for name in names if os.environ.get(name, "").strip()), "http/protobuf")
    return "" if found == "http/protobuf" else found

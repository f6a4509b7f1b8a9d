"""When a process sends traces: only where an endpoint is set, and never by a way that we do not have."""

import subprocess
import sys

import pytest

from integrations.tracing import port
from tests.support.otlp_receiver import receiving
from workers.settings import Settings, SettingsError
from workers.tracing import temporal_interceptors, traced

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


def settings(monkeypatch: pytest.MonkeyPatch, **names: str) -> Settings:
    """The settings of a process with these variables."""
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    return Settings()


def test_a_process_sends_its_spans_and_at_its_end_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver:
        with traced(settings(monkeypatch, **{ENDPOINT: receiver.address}), "relay"):
            assert len(temporal_interceptors()) == 1
            with port.span("Act"):
                pass
        assert [(span.process, span.name) for span in receiver.spans()] == [("tierline-relay", "Act")]
    assert (temporal_interceptors(), port.here()) == ((), None)


def test_the_standard_variables_name_the_service_and_switch_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver:
        given = settings(monkeypatch, **{ENDPOINT: receiver.address, "OTEL_SERVICE_NAME": "support"})
        for more in ({}, {"OTEL_SDK_DISABLED": "true"}, {"OTEL_SDK_DISABLED": "", "OTEL_TRACES_EXPORTER": "none"}):
            settings(monkeypatch, **more)
            with traced(given, "relay"), port.span("Act"):
                pass
        assert [span.process for span in receiver.spans()] == ["support"]


def test_another_protocol_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    given = settings(monkeypatch, **{ENDPOINT: "http://127.0.0.1:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
    refusal = r"^OTEL_EXPORTER_OTLP_PROTOCOL: .* http/protobuf here, not by grpc$"
    with pytest.raises(SettingsError, match=refusal), traced(given, "relay"):
        raise AssertionError("it must not begin")


def test_without_the_extra_a_process_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    given = settings(monkeypatch, **{ENDPOINT: "http://127.0.0.1:4318"})
    with pytest.raises(SettingsError, match=r"pip install 'tierline\[otel\]'"), traced(given, "relay"):
        raise AssertionError("it must not begin")


def test_a_process_that_does_not_trace_imports_nothing_of_it() -> None:
    program = "import sys, cli.main; sys.exit([m for m in sys.modules if m.startswith('opentelemetry.sdk')] != [])"
    assert subprocess.run([sys.executable, "-c", program], timeout=120).returncode == 0

"""Traces: what one request leads to, across processes, for whoever collects them by OpenTelemetry."""

"""What a process shows to Prometheus: the SDK's own numbers, and ours beside them, at the one address that is set.

The SDK's exporter serves both, so no other library is needed. Numbers only: no ticket, account or person is named.
"""

import asyncio
import logging
import platform
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

from cryptography.x509 import load_pem_x509_certificate
from temporalio.common import MetricGauge, MetricGaugeFloat, MetricMeter
from temporalio.runtime import LogForwardingConfig, LoggingConfig, PrometheusConfig, Runtime, TelemetryConfig

from services.policy_file.zones import time_zones
from store.database import Database, DatabaseDown
from store.gauges import Gauges, read_gauges
from workers.settings import Settings, SettingsError

log = logging.getLogger("tierline.metrics")

EVERY = 15.0
"""Seconds between two counts, as often as Prometheus asks by default."""
REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LATENCY_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0)
"""From a task that is taken at once to one that nobody takes: the SDK's own buckets end at a minute."""


def sdk_runtime(settings: Settings) -> Runtime | None:
    """Return the runtime of a process that shows its metrics or logs in JSON, once for each process; else None.

    With TIERLINE_LOG=json what the SDK's core has to say goes through Python's `logging` too, so that every line has
    one form. Raises SettingsError for an address of metrics that is taken or none.
    """
    if settings.metrics is None and settings.log == "text":
        return None
    logged = LoggingConfig.default
    if settings.log == "json":
        core = LogForwardingConfig(
            logging.getLogger("temporalio.core"),
            append_target_to_name=False,
            prepend_target_on_message=False,
            append_log_fields_to_message=False,
        )
        logged = LoggingConfig(logged.filter, forwarding=core)
    shown = _metrics_at(settings.metrics) if settings.metrics else None
    try:
        runtime = Runtime(telemetry=TelemetryConfig(logging=logged, metrics=shown, attach_service_name=False))
    except ValueError as error:
        raise SettingsError(f"TIERLINE_METRICS: nothing can listen at {settings.metrics}: {error}") from None
    _show_build(runtime.metric_meter)
    return runtime


def _metrics_at(address: str) -> PrometheusConfig:
    return PrometheusConfig(
        bind_address=address,
        counters_total_suffix=True,
        unit_suffix=True,
        durations_as_seconds=True,
        histogram_bucket_overrides={
            "tierline_api_request_duration": REQUEST_SECONDS,
            "temporal_workflow_task_schedule_to_start_latency": LATENCY_SECONDS,
            "temporal_activity_schedule_to_start_latency": LATENCY_SECONDS,
        },
    )


def _show_build(meter: MetricMeter) -> None:
    """Show which version runs, as Prometheus wants it: a gauge of 1 whose labels say it."""
    build = meter.create_gauge("tierline_build_info", "1; its labels say which version runs.")
    named = {"version": version("tierline"), "time_zones": time_zones(), "python": platform.python_version()}
    build.set(1, named)


def show_certificate(meter: MetricMeter, certificate: bytes) -> None:
    """Show when the certificate by which this process names itself to Temporal expires. What cannot be read is left
    out: Temporal says what is wrong with it."""
    try:
        until = load_pem_x509_certificate(certificate).not_valid_after_utc
    except ValueError:
        return
    described = "When the certificate for Temporal expires."
    meter.create_gauge_float("tierline_certificate_expiry_timestamp_seconds", described).set(until.timestamp())


def metrics_at(settings: Settings, place: int) -> dict[str, str]:
    """Return the variable for one of several processes on this machine: each has a port of its own, from the one set
    on."""
    if settings.metrics is None:
        return {}
    host, _, port = settings.metrics.rpartition(":")
    return {"TIERLINE_METRICS": f"{host}:{int(port) + place}"}


def meter_of(runtime: Runtime | None) -> MetricMeter:
    """Return the meter that a process counts with; without a runtime nobody reads it."""
    return runtime.metric_meter if runtime else MetricMeter.noop


async def keep_counting(db: Database, meter: MetricMeter, every: float = EVERY) -> None:
    """Show how everything stands, for ever. While the database is away, the last numbers stay, and their age shows."""
    shown = Shown(meter)
    while True:
        try:
            shown.show(await asyncio.to_thread(_count, db), datetime.now(UTC), db.clock.ahead)
        except DatabaseDown as error:
            log.warning("what there is could not be counted: %s", error)
        await asyncio.sleep(every)  # the pace of the count, not a wait for anything


def _count(db: Database) -> Gauges:
    with db.session() as session:
        db.clock.ask(session)
        return read_gauges(session, datetime.now(UTC))


class Shown:
    """Our gauges."""

    def __init__(self, meter: MetricMeter) -> None:
        def gauge(name: str, description: str) -> MetricGauge:
            return meter.create_gauge(f"tierline_{name}", description)

        self._tickets = gauge("tickets", "Tickets that are not closed, by status and tier.")
        self._sla = gauge("tickets_sla", "Open tickets by the state of their clocks.")
        self._waits_on = gauge("tickets_waiting", "Open tickets by what they wait on.")
        self._breaches = gauge("breaches_last_day", "Contract breaches of the last 24 hours, by plan and metric.")
        self._waiting = gauge("backlog", "What waits to be sent or acted on.")
        self._overdue: MetricGaugeFloat = meter.create_gauge_float(
            "tierline_backlog_overdue_seconds", "For how long the oldest of it that could go out now has waited."
        )
        self._unacknowledged = gauge(
            "breaches_unacknowledged", "Open tickets whose contract was breached, and nobody has acted since."
        )
        self._late = gauge("effects_late", "Tickets and incidents with an effect that is late or was refused.")
        self._expiring = gauge("tokens_expiring", "Tokens of the API that expire within 14 days.")
        self._skew: MetricGaugeFloat = meter.create_gauge_float(
            "tierline_clock_skew_seconds", "How far the clock of the relay's host differs from PostgreSQL's."
        )
        self._differ = gauge("reconciliation_differences", "What differs between the journal and Temporal, by kind.")
        self._compared: MetricGaugeFloat = meter.create_gauge_float(
            "tierline_reconciled_timestamp_seconds", "When the journal and Temporal were compared last."
        )
        self._counted: MetricGaugeFloat = meter.create_gauge_float(
            "tierline_counted_timestamp_seconds", "When all this was counted last."
        )

    def show(self, gauges: Gauges, now: datetime, ahead: timedelta | None = None) -> None:
        for (status, tier), number in gauges.tickets.items():
            self._tickets.set(number, {"status": status, "tier": tier})
        for state, number in gauges.sla.items():
            self._sla.set(number, {"state": state})
        for what, number in gauges.waits_on.items():
            self._waits_on.set(number, {"waits_on": what})
        for (plan, metric), number in gauges.breaches.items():
            self._breaches.set(number, {"plan": plan, "metric": metric})
        for queue, backlog in gauges.backlogs.items():
            self._waiting.set(backlog.waiting, {"queue": queue})
            self._overdue.set(backlog.overdue, {"queue": queue})
        self._unacknowledged.set(gauges.unacknowledged)
        self._late.set(gauges.late_effects)
        self._expiring.set(gauges.expiring_tokens)
        self._skew.set(abs((ahead or timedelta(0)).total_seconds()))  # a metric cannot be negative
        if gauges.compared is not None:
            for kind, number in gauges.compared.by_kind().items():
                self._differ.set(number, {"kind": kind})
            self._compared.set(gauges.compared.at.timestamp())
        self._counted.set(now.timestamp())

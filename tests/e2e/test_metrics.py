"""What the processes show to Prometheus, scraped from real ones; and that the dashboard asks for nothing else."""

import json
import re
import socket
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

import pytest
import requests
import temporalio.bridge
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from domain.core.enums import SlaState, Status, Tier, WaitsOn
from services.intake.request import OpenRequest
from services.policy_file.load import load_policy
from services.policy_file.zones import time_zones
from services.tickets import TicketService
from tests.support.local_tierline import reached, whole_house
from tests.support.root import ROOT
from tests.support.waiting import until
from workers.embedded import free_port
from workers.metrics import sdk_runtime, show_certificate
from workers.settings import Settings, SettingsError
from workers.temporal import connect

DASHBOARDS = sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"))
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
ONLY_WHEN_IT_HAPPENS = {
    "temporal_workflow_task_execution_failed_total",
    "temporal_activity_execution_failed_total",
}
"""Shown from the first failure on. Their names stand in the SDK."""
WITH_TLS = {"tierline_certificate_expiry_timestamp_seconds"}
"""Shown where Temporal is reached with a certificate of the client's."""
LABELS_OF_FAILURES = {"failure_reason"}


def free_ports(number: int) -> int:
    """The first of so many loopback ports in a row that are free now."""
    while True:
        port = free_port()
        with ExitStack() as stack:
            try:
                for place in range(number):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port + place))
            except OSError:
                continue
            return port


def scraped(port: int) -> dict[str, float]:
    """Every series that a process shows, by its name and labels."""
    text = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=60).text
    return {series: float(value) for series, _, value in (line.rpartition(" ") for line in _series(text))}


def _series(text: str) -> Iterable[str]:
    return (line for line in text.splitlines() if line and not line.startswith("#"))


def log_of(home: Path, name: str) -> list[str]:
    """What a process has logged, without the line that says that it is ready."""
    lines = (home / "logs" / f"{name}.log").read_text().splitlines()
    return [line for line in lines if not line.startswith((f"{name} is ready", '{"ready"'))]


def names(series: Iterable[str]) -> set[str]:
    return {one.partition("{")[0] for one in series}


def expressions() -> list[str]:
    """Every question that a panel of the dashboard asks, or an alert."""
    panels = [panel for dashboard in DASHBOARDS for panel in json.loads(dashboard.read_text())["panels"]]
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return [
        *(target["expr"] for panel in panels for target in panel["targets"]),
        *(rule["expr"] for group in groups for rule in group["rules"]),
    ]


def asked_for() -> set[str]:
    """Every metric in those questions."""
    return {name for one in expressions() for name in re.findall(r"\b(?:temporal|tierline)_\w+", one)}


def labels_asked_for() -> set[str]:
    """Every label by which they group or choose."""
    grouped = [re.split(r", *", names) for one in expressions() for names in re.findall(r"by \(([^)]*)\)", one)]
    chosen = [re.findall(r"(\w+)=~?\"", names) for one in expressions() for names in re.findall(r"\{([^}]*)\}", one)]
    return {name for names in (*grouped, *chosen) for name in names}


async def test_a_running_tierline_shows_all_that_the_dashboard_asks_for(home: Path) -> None:
    port = free_ports(3)
    settings = {"TIERLINE_METRICS": f"127.0.0.1:{port}", "TIERLINE_LOG": "json", "TIERLINE_API_LOG_REQUESTS": "true"}
    with whole_house(home, **settings) as running:
        async with reached(running) as (client, db):
            # Given one ticket that is open, and requests to the API that are answered and refused
            desk = TicketService(client, db, load_policy())
            form = {"external_id": uuid4().hex, "account": {"id": "acme", "plan": "premium"}, "priority": "P1"}
            ticket = (await desk.open(OpenRequest.parse(form))).ticket
            await desk.handle(ticket, "take", {"by": "ada"})
            base = running.pages["API"].removesuffix("/api/v1")
            requests.get(f"{base}/livez", timeout=60)
            requests.post(f"{base}/codec/decode", data="{}", timeout=60)
            requests.get(f"{base}/somewhere/{ticket}", timeout=60)

            # When Prometheus comes by
            async def counted() -> bool:
                shown = scraped(port + 1)
                compared = "tierline_reconciled_timestamp_seconds" in names(shown)  # by the schedule, at its beginning
                return compared and shown.get('tierline_tickets{status="open",tier="T1"}') == 1

            await until(counted)
            worker, relay, api = (scraped(port + place) for place in range(3))

    # Then the worker tells of Temporal, the relay how everything stands, the API what was asked of it
    assert worker['temporal_num_pollers{namespace="default",poller_type="workflow_task",task_queue="tickets"}'] >= 1
    labels = re.compile(r'(\w+)="([^"]*)"')
    seen = {(series.partition("{")[0], *(value for _, value in labels.findall(series))) for series in relay}
    assert {("tierline_tickets_sla", state.value) for state in SlaState} <= seen
    assert {("tierline_tickets_waiting", what.value) for what in WaitsOn} <= seen
    assert {
        ("tierline_tickets", status.value, tier.value) for status in Status for tier in Tier if status != "closed"
    } <= seen
    assert api['tierline_api_requests_total{endpoint="/livez",method="GET",status="200"}'] >= 1
    assert api['tierline_api_requests_total{endpoint="/codec/decode",method="POST",status="401"}'] == 1
    assert not [series for series in (*worker, *relay, *api) if ticket in series or "acme" in series]
    # and what they log is JSON, line by line
    logged = [json.loads(line) for name in ("worker", "relay", "api") for line in log_of(home, name)]
    assert {line["time"][-1] for line in logged} == {"Z"}
    ((answered,)) = [line for line in logged if line.get("endpoint") == "/codec/decode"]
    assert (answered["logger"], answered["status"]) == ("tierline.requests", 401)
    # and the dashboard asks for nothing that nobody shows
    shown = names((*worker, *relay, *api))
    assert asked_for() - shown - ONLY_WHEN_IT_HAPPENS == WITH_TLS
    known = {name for series in (*worker, *relay, *api) for name, _ in labels.findall(series)}
    assert labels_asked_for() - known == LABELS_OF_FAILURES | {"process", "job"}  # the latter are Prometheus' own


def test_what_is_shown_only_when_it_happens_has_the_names_that_the_sdk_gives_it() -> None:
    (library,) = Path(temporalio.bridge.__file__ or "").parent.glob("*.so")
    content = library.read_bytes()
    assert asked_for() >= ONLY_WHEN_IT_HAPPENS
    for name in ONLY_WHEN_IT_HAPPENS:
        assert name.removeprefix("temporal_").removesuffix("_total").encode() in content
    assert all(label.encode() in content for label in LABELS_OF_FAILURES)


def test_an_address_that_is_taken_is_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(SettingsError, match=f"TIERLINE_METRICS: nothing can listen at {address}: .*in use"):
            sdk_runtime(Settings.model_validate({"TIERLINE_METRICS": address}))


def test_a_process_shows_which_build_it_is() -> None:
    address = f"127.0.0.1:{free_ports(1)}"
    runtime = sdk_runtime(Settings.model_validate({"TIERLINE_METRICS": address}))
    assert runtime is not None
    shown = scraped(int(address.rpartition(":")[2]))
    ((build, value),) = [(series, one) for series, one in shown.items() if series.startswith("tierline_build_info{")]
    assert value == 1
    assert f'version="{version("tierline")}"' in build
    assert f'time_zones="{time_zones()}"' in build


async def test_a_process_that_names_itself_by_a_certificate_shows_when_that_expires(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ends = datetime(2036, 6, 1, 12, tzinfo=UTC)
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "worker")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(ends - timedelta(days=90)).not_valid_after(ends)
    certificate = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    pem, pkcs8, plain = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    monkeypatch.setenv("TEMPORAL_TLS_CLIENT_CERT_DATA", certificate.decode())
    monkeypatch.setenv("TEMPORAL_TLS_CLIENT_KEY_DATA", key.private_bytes(pem, pkcs8, plain).decode())
    address = f"127.0.0.1:{free_ports(1)}"
    settings = Settings.model_validate({"TIERLINE_METRICS": address, "TEMPORAL_ADDRESS": "127.0.0.1:1"})
    runtime = sdk_runtime(settings)
    assert runtime is not None

    await connect(settings, runtime, lazy=True)

    (shown,) = WITH_TLS
    assert scraped(int(address.rpartition(":")[2]))[shown] == ends.timestamp()
    show_certificate(runtime.metric_meter, b"none")  # what cannot be read is left out: Temporal says what is wrong
    assert scraped(int(address.rpartition(":")[2]))[shown] == ends.timestamp()

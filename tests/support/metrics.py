"""What the processes show to Prometheus, and what the dashboards and alerts ask of it."""

import json
import re
import socket
from collections.abc import Iterable
from contextlib import ExitStack

import requests
import yaml

from tests.support.root import ROOT
from workers.embedded import free_port

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

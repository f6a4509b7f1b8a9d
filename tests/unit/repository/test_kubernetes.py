"""The manifests for Kubernetes: valid by its own schemas, closed by default, without a secret, true to our settings.

They were never applied to a cluster by us: docs/kubernetes.md says so.
"""

import re
from importlib import import_module
from typing import Any

import kubernetes_validate
import pytest
import yaml

from cli.main import PARTS
from tests.support.root import ROOT
from workers.settings import Settings
from workflows import ports

FOLDER = ROOT / "deploy" / "kubernetes"
RELEASE = "1.37"
SETTINGS = {str(field.alias): field for field in Settings.model_fields.values()}
OURS = ("api", "worker", "relay")


def read(path: str) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all((FOLDER / path).read_text()) if one]


def resources(folder: str = "base") -> list[dict[str, Any]]:
    """Every object that the kustomization of a folder names."""
    (kustomization,) = read(f"{folder}/kustomization.yaml")
    return [one for file in kustomization["resources"] for one in read(f"{folder}/{file}")]


ALL = resources()
RUNS = {one["metadata"]["name"]: one["spec"]["template"] for one in ALL if one["kind"] in ("Deployment", "Job")}


def container(name: str) -> dict[str, Any]:
    (found,) = RUNS[name]["spec"]["containers"]
    return dict(found)


@pytest.mark.parametrize("one", ALL, ids=lambda one: f"{one['kind']}-{one['metadata']['name']}")
def test_every_object_is_one_that_kubernetes_takes(one: dict[str, Any]) -> None:
    kubernetes_validate.validate(one, RELEASE, strict=True)


def test_the_check_sees_what_is_wrong() -> None:
    (wrong,) = [one for one in read("base/worker.yaml") if one["kind"] == "Deployment"]
    wrong["spec"]["replica"] = 2
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, RELEASE, strict=True)


def test_every_file_is_part_of_a_kustomization() -> None:
    named = {file for folder in ("base", "components/keda") for one in read(f"{folder}/kustomization.yaml")
             for file in (f"{folder}/{name}" for name in one["resources"])}  # fmt: skip
    there = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.yaml") if path.name != "kustomization.yaml"}
    assert named == there
    (example,) = read("example/kustomization.yaml")
    for other in (*example["resources"], *example["components"]):
        assert (FOLDER / "example" / other / "kustomization.yaml").is_file()


@pytest.mark.parametrize("name", [*OURS, "migrate"])
def test_no_process_has_a_right_that_it_does_not_need(name: str) -> None:
    pod, one = RUNS[name]["spec"], container(name)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert f"USER {pod['securityContext']['runAsUser']}" in (ROOT / "Dockerfile").read_text().splitlines()
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert one["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert set(one["resources"]["limits"]) == {"memory"}


@pytest.mark.parametrize("name", [*OURS, "migrate"])
def test_every_process_is_a_command_of_ours_by_one_image(name: str) -> None:
    assert container(name)["image"] == "tierline"
    assert container(name)["args"][0] == name
    part = PARTS[name]
    assert callable(getattr(import_module(part.module), part.name))  # what `tierline NAME` calls


def test_no_secret_is_inside_and_each_process_gets_those_that_it_uses() -> None:
    """Which keys each Secret has stands in docs/kubernetes.md."""
    assert not [one for one in ALL if one["kind"] == "Secret"]
    text = (ROOT / "docs" / "kubernetes.md").read_text()
    rows = re.findall(r"^\| `(tierline-[a-z-]+)` \| ([^|]*) \| ([^|]*) \|", text, re.MULTILINE)
    given = {name: {part["secretRef"]["name"] for part in container(name)["envFrom"] if "secretRef" in part}
             for name in RUNS}  # fmt: skip
    for name, secrets in given.items():
        assert secrets == {secret for secret, _, users in rows if name in users.split(", ")}, name
    keys = {key for _, names, _ in rows for key in re.findall(r"`([A-Z_]+)`", names)}
    ours = {name for name, field in SETTINGS.items() if "Secret" in str(field.annotation)} | {"DATABASE_URL"}
    assert keys - {"TEMPORAL_API_KEY"} == ours - {"TIERLINE_TOKEN"}


def test_every_setting_is_one_that_we_take() -> None:
    (example,) = read("example/kustomization.yaml")
    told = [line for line in (FOLDER / "base" / "settings.env").read_text().splitlines() if not line.startswith("#")]
    told += [line for one in example["configMapGenerator"] for line in one["literals"]]
    values = dict(line.split("=", 1) for line in told)
    assert set(values) <= set(SETTINGS) | {"TEMPORAL_NAMESPACE"}
    assert not [name for name in values if "SecretStr" in str(getattr(SETTINGS.get(name), "annotation", ""))]
    others = {"JIRA_API_TOKEN": "x", "PAGER_ROUTING_KEY": "x", "NOTICE_SECRET": "whsec_" + "A" * 32}
    Settings.model_validate({name: value for name, value in values.items() if name in SETTINGS} | others)
    assert values["TIERLINE_API_PORT"] == str(container("api")["ports"][0]["containerPort"])
    for name in OURS:
        (metrics,) = [port for port in container(name)["ports"] if port["name"] == "metrics"]
        assert values["TIERLINE_METRICS"] == f"0.0.0.0:{metrics['containerPort']}"


def test_probes_ask_what_is_there() -> None:
    one = container("api")
    assert {one[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")} == {
        "/livez"
    }
    for name in ("worker", "relay"):
        assert container(name)["readinessProbe"]["exec"]["command"] == ["tierline", "health", name]
        assert "livenessProbe" not in container(name)  # a Temporal that is away must not restart every worker


def test_selectors_choose_the_pods_that_are_meant() -> None:
    labels = {name: template["metadata"]["labels"] for name, template in RUNS.items()}
    for one in ALL:
        selector = one["spec"].get("selector") if one["kind"] != "Job" and "spec" in one else None
        if selector:
            wanted = selector.get("matchLabels", selector)
            assert [name for name in labels if wanted.items() <= labels[name].items()] == [one["metadata"]["name"]]


def test_nothing_goes_in_or_out_that_no_policy_names() -> None:
    policies = {one["metadata"]["name"]: one["spec"] for one in ALL if one["kind"] == "NetworkPolicy"}
    assert policies["nothing-else"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    into = {port["port"] for spec in policies.values() for rule in spec.get("ingress", ()) for port in rule["ports"]}
    assert into == {8000, 9464}
    assert all(rule["from"] for spec in policies.values() for rule in spec.get("ingress", ()))
    out = {port["port"] for spec in policies.values() for rule in spec.get("egress", ()) for port in rule["ports"]}
    assert out == {53, 5432, 7233, 443, Settings.model_fields["smtp_port"].default}


def test_workers_follow_the_queues_that_more_workers_help() -> None:
    (scaled,) = resources("components/keda")
    assert scaled["spec"]["scaleTargetRef"]["name"] in RUNS
    asked = {trigger["metadata"]["taskQueue"] for trigger in scaled["spec"]["triggers"]}
    assert asked == {ports.TICKETS, ports.JOURNAL, ports.JOINS} <= set(ports.QUEUES)
    (example,) = read("example/kustomization.yaml")
    (told,) = [one["literals"] for one in example["configMapGenerator"]]
    for trigger in scaled["spec"]["triggers"]:
        assert trigger["type"] == "temporal"
        assert f"TEMPORAL_ADDRESS={trigger['metadata']['endpoint']}" in told
        assert f"TEMPORAL_NAMESPACE={trigger['metadata']['namespace']}" in told
        assert set(trigger["metadata"]["queueTypes"].split(",")) <= {"workflow", "activity"}
    assert scaled["spec"]["minReplicaCount"] == 2 <= scaled["spec"]["maxReplicaCount"]

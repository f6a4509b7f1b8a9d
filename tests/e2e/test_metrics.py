"""The names of what the processes show to Prometheus, and the address at which they do."""

import socket
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import pytest
import temporalio.bridge
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.policy_file.zones import time_zones
from tests.support.metrics import LABELS_OF_FAILURES, ONLY_WHEN_IT_HAPPENS, WITH_TLS, asked_for, free_ports, scraped
from workers.metrics import sdk_runtime, show_certificate
from workers.settings import Settings, SettingsError
from workers.temporal import connect

pytestmark = pytest.mark.long


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

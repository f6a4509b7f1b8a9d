"""Connecting to Temporal: every failure is one line that says what to do."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.api.operatorservice.v1 import RemoveSearchAttributesRequest
from temporalio.client import Client

from tests.support.timeskipping import real_time
from workers.embedded import free_port
from workers.settings import load_settings
from workers.temporal import TemporalError, connect, require_search_attributes
from workflows.search_attributes import STATUS

pytestmark = pytest.mark.long


@pytest_asyncio.fixture
async def own_temporal() -> AsyncIterator[Client]:
    """A server of this test's own, since the test breaks it."""
    async with real_time() as client:
        yield client


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


async def test_the_address_comes_from_the_environment(temporal_dev: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_dev.service_client.config.target_host)
    client = await connect(load_settings())
    assert client.namespace == "default"
    await require_search_attributes(client)


async def test_a_temporal_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("TEMPORAL_ADDRESS", address)
    with pytest.raises(TemporalError) as refused:
        await connect(load_settings())
    assert str(refused.value).startswith(f"no Temporal answers at {address}: start one with `tierline up`")
    assert "\n" not in str(refused.value)


async def test_a_default_profile_of_the_machine_does_not_draw_us_elsewhere(
    temporal_dev: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    profile = tmp_path / ".config" / "temporalio" / "temporal.toml"
    profile.parent.mkdir(parents=True)
    profile.write_text('[profile.default]\naddress = "cloud.invalid:7233"\nnamespace = "elsewhere"\n')
    port = temporal_dev.service_client.config.target_host.rpartition(":")[2]
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    monkeypatch.setenv("TIERLINE_TEMPORAL_PORT", port)
    assert (await connect(load_settings())).namespace == "default"


async def test_a_configuration_file_that_cannot_be_read_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", "no-such-file.toml")
    monkeypatch.setenv("TEMPORAL_PROFILE", "nobody")
    with pytest.raises(TemporalError, match=r"^Temporal's configuration cannot be read: "):
        await connect(load_settings())


async def test_a_namespace_without_a_search_attribute_is_refused_with_the_command_that_makes_it(
    own_temporal: Client,
) -> None:
    request = RemoveSearchAttributesRequest(namespace="default", search_attributes=[STATUS.name])
    await own_temporal.operator_service.remove_search_attributes(request)
    with pytest.raises(TemporalError, match=r"--name TicketStatus --type Keyword$"):
        await require_search_attributes(own_temporal)

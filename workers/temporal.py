"""The one way to a Temporal client."""

import asyncio
from pathlib import Path
from typing import Any

from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client, RetryConfig
from temporalio.common import SearchAttributeKey
from temporalio.envconfig import ClientConfig
from temporalio.runtime import Runtime
from temporalio.service import RPCError, RPCStatusCode, TLSConfig

from domain.core.failures import NotAvailable
from services.security.codec import Codec, CodecError, Keys, data_converter
from workers.metrics import show_certificate
from workers.settings import Settings, SettingsError
from workers.tracing import temporal_interceptors
from workflows.search_attributes import ATTRIBUTES

CONNECT_SECONDS = 10.0
"""How long a connection may take before the server counts as unreachable."""
LAZY_RETRY_MS = 1500
"""Milliseconds in which a lazy client tries a call again. Somebody waits for its answer: the SDK's own are 10 s."""


class TemporalError(NotAvailable):
    """Temporal cannot be used. The message is one line that says what to do."""


async def connect(settings: Settings, runtime: Runtime | None = None, *, lazy: bool = False) -> Client:
    """Connect as `settings` and Temporal's own TEMPORAL_* variables say (address, namespace, API key, TLS).

    Every client of ours is made here, so every one encrypts payloads where keys are set. `runtime` is that of a
    process which shows its metrics (`workers.metrics`). A `lazy` client connects with its first call, so that a
    process starts while Temporal is away, and gives up soon where it does not answer.

    Temporal's configuration file counts only where TEMPORAL_PROFILE or TEMPORAL_CONFIG_FILE names it: a
    default profile that somebody keeps for Temporal Cloud must not draw a local demo there. Raises
    TemporalError, SettingsError.
    """
    converter = data_converter(codec(settings))
    named = settings.temporal_profile or settings.temporal_config_file
    try:
        config = ClientConfig.load_client_connect_config(disable_file=not named)
    except Exception as error:
        raise TemporalError(f"Temporal's configuration cannot be read: {_one_line(error)}") from None
    address = config.get("target_host") or settings.temporal_address or f"127.0.0.1:{settings.temporal_port}"
    config["target_host"] = address
    tls = config.get("tls")
    if runtime and isinstance(tls, TLSConfig) and tls.client_cert:
        show_certificate(runtime.metric_meter, tls.client_cert)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await Client.connect(
                **config,
                data_converter=converter,
                runtime=runtime,
                lazy=lazy,
                interceptors=temporal_interceptors(),
                retry_config=RetryConfig(max_elapsed_time_millis=LAZY_RETRY_MS) if lazy else None,
            )
    except (RuntimeError, ValueError, TimeoutError) as error:
        raise TemporalError(
            f"no Temporal answers at {address}: start one with `tierline up`, or correct TEMPORAL_ADDRESS "
            f"({_one_line(error)})"
        ) from None


def codec(settings: Settings) -> Codec:
    """Return the payload codec of the keys that are set; without any it encrypts nothing. Raises SettingsError."""
    if settings.codec_keys is None:
        return Codec()
    text = settings.codec_keys.get_secret_value()
    try:
        return Codec(Keys.parse(Path(text[1:]).read_text() if text.startswith("@") else text))
    except CodecError as error:
        raise SettingsError(f"TIERLINE_CODEC_KEYS: {error}") from None
    except (OSError, ValueError) as error:  # ValueError: it is no text
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SettingsError(f"TIERLINE_CODEC_KEYS: the file {text[1:]} cannot be read: {reason}") from None


async def require_search_attributes(client: Client) -> None:
    """Refuse to go on in a namespace without our search attributes: a ticket that sets a missing one stops.

    A server that does not let us list them is taken at its word. Raises TemporalError with the commands to run.
    """
    try:
        known = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
    except RPCError as error:
        if error.status in {RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED}:
            return
        raise TemporalError(f"namespace {client.namespace} cannot be read: {_one_line(error)}") from None
    there = known.custom_attributes
    wrong = [
        f"--name {key.name} --type {attribute_type(key)}"
        for key in ATTRIBUTES
        if there.get(key.name, 0) != int(key.indexed_value_type)
    ]
    if wrong:
        raise TemporalError(
            f"namespace {client.namespace} lacks search attributes; for each run "
            f"`temporal operator search-attribute create` with: {', '.join(wrong)}"
        )


def attribute_type(key: SearchAttributeKey[Any]) -> str:
    """Return the attribute's type as the `temporal` command spells it, such as KeywordList."""
    return key.indexed_value_type.name.title().replace("_", "")


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__

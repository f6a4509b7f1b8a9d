"""The one way to a Temporal client."""

import asyncio
from typing import Any

from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError, RPCStatusCode

from workers.settings import Settings
from workflows.search_attributes import ATTRIBUTES

CONNECT_SECONDS = 10.0
"""How long a connection may take before the server counts as unreachable."""


class TemporalError(Exception):
    """Temporal cannot be used. The message is one line that says what to do."""


async def connect(settings: Settings) -> Client:
    """Connect as `settings` and Temporal's own TEMPORAL_* variables say (address, namespace, API key, TLS).

    Temporal's configuration file counts only where TEMPORAL_PROFILE or TEMPORAL_CONFIG_FILE names it: a
    default profile that somebody keeps for Temporal Cloud must not draw a local demo there. Raises
    TemporalError.
    """
    named = settings.temporal_profile or settings.temporal_config_file
    try:
        config = ClientConfig.load_client_connect_config(disable_file=not named)
    except Exception as error:
        raise TemporalError(f"Temporal's configuration cannot be read: {_one_line(error)}") from None
    address = config.get("target_host") or settings.temporal_address or f"127.0.0.1:{settings.temporal_port}"
    config["target_host"] = address
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await Client.connect(**config, data_converter=pydantic_data_converter)
    except (RuntimeError, ValueError, TimeoutError) as error:
        raise TemporalError(
            f"no Temporal answers at {address}: start one with `tierline up`, or correct TEMPORAL_ADDRESS "
            f"({_one_line(error)})"
        ) from None


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
    """The attribute's type as the `temporal` command spells it, such as KeywordList."""
    return key.indexed_value_type.name.title().replace("_", "")


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__

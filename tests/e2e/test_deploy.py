"""The script that prepares a Temporal for Tierline, against a real one. (The containers themselves were never run.)"""

import asyncio
import json
import os
import sys
from pathlib import Path
from uuid import uuid4

from temporalio.client import Client

from workers.temporal import attribute_type
from workflows.search_attributes import ATTRIBUTES

SETUP = Path(__file__).parents[2] / "deploy" / "temporal" / "setup.sh"
BIN = Path(sys.executable).parent


async def test_the_setup_makes_the_namespace_and_its_search_attributes_and_may_run_again(temporal_dev: Client) -> None:
    namespace = f"support-{uuid4().hex[:8]}"
    environment = {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "TEMPORAL_ADDRESS": temporal_dev.service_client.config.target_host,
        "TEMPORAL_NAMESPACE": namespace,
    }

    first = await _run(["/bin/sh", str(SETUP)], environment)
    again = await _run(["/bin/sh", str(SETUP)], environment)
    listed = await _run(["temporal", "operator", "search-attribute", "list", "--output", "json"], environment)

    closing = f"namespace {namespace} has every search attribute"
    assert (first.splitlines()[-1], again.splitlines()) == (closing, [closing])
    made = json.loads(listed)["customAttributes"]
    assert made == {key.name: _as_listed(attribute_type(key)) for key in ATTRIBUTES}


def _as_listed(kind: str) -> str:
    return {"KeywordList": "INDEXED_VALUE_TYPE_KEYWORD_LIST"}.get(kind, f"INDEXED_VALUE_TYPE_{kind.upper()}")


async def _run(words: list[str], environment: dict[str, str]) -> str:
    process = await asyncio.create_subprocess_exec(*words, env=environment, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(60):
        out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()

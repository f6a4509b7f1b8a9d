"""`tierline api`: the process that serves the HTTP API and the desk."""

import asyncio
import gc

from cli.log import begin_log
from cli.output import exit_on_failure
from cli.processes import AsJson, announce_ready, until_one_ends
from workers.api import serving
from workers.settings import Settings, load_settings
from workers.tracing import traced
from workers.worker import until_told_to_stop


def api(as_json: AsJson = False) -> None:
    """Serve the HTTP API, and take in what other systems send, until told to stop (SIGTERM, Ctrl-C)."""
    with exit_on_failure(as_json):
        settings = load_settings()
        begin_log(settings.log)
        with traced(settings, "api"):
            asyncio.run(_serve(settings, as_json))


async def _serve(settings: Settings, as_json: bool) -> None:
    told_to_stop = asyncio.create_task(until_told_to_stop())
    async with serving(settings) as served:
        _collect_seldom()
        announce_ready("api", as_json, served.url)
        await until_one_ends(told_to_stop, served.for_ever)


def _collect_seldom() -> None:
    """Let Python look for unreachable cycles of objects less often, and leave those out that are there from the start.

    Nearly all objects go when their last use does. A statement of thousands of lines would be looked through dozens of
    times while it is made, and never be found to be garbage.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)

"""The whole house for a test, as `tierline demo` starts it: servers, stand-ins, worker, relay, on free ports."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from temporalio.client import Client

from store.database import Database
from tests.support.root import OURS
from workers.local import Local, local
from workers.settings import Settings
from workers.temporal import connect

SWEEP = "1"
"""Seconds between two looks at what engineering did, as often as the settings allow."""


@contextmanager
def whole_house(home: Path, **more: str) -> Iterator[Local]:
    """Everything that runs, with its data in `home`; what the developer's shell has set does not reach it.

    `more` are settings by their variables' names.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(OURS)]:
            patch.delenv(name)
        names = ("TIERLINE_TEMPORAL_PORT", "TIERLINE_UI_PORT", "TIERLINE_STANDIN_PORT", "TIERLINE_API_PORT")
        ports = dict.fromkeys(names, 0)
        settings = Settings.model_validate({"TIERLINE_HOME": home, **ports, **more})
        with local(settings, lambda _line: None, extra={"TIERLINE_JIRA_SWEEP": SWEEP, **more}) as running:
            yield running


@asynccontextmanager
async def reached(running: Local) -> AsyncIterator[tuple[Client, Database]]:
    """A client of its Temporal, and its database."""
    settings = Settings.model_validate(running.environment)
    assert settings.database_url is not None
    db = Database(settings.database_url)
    try:
        yield await connect(settings), db
    finally:
        db.dispose()

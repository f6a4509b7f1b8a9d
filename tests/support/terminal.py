"""Run a command of `tierline` as from a terminal, in this process, which spares it a second of imports."""

import asyncio
import io
import json
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cli.main import run


class Printed(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one line that a program reads."""
        assert self.out.count("\n") == 1
        return json.loads(self.out)


async def command(
    environment: Mapping[str, str], *words: str, typed: str = "", folder: Path | None = None, one_screen: bool = False
) -> Printed:
    """Run `tierline` with these words, variables and input. With `one_screen`, `out` has both streams."""
    out = io.StringIO()
    err = out if one_screen else io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        if folder is not None:
            patch.chdir(folder)
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed.encode())))
        for name, value in environment.items():
            patch.setenv(name, value)
        code = await asyncio.to_thread(run, words)
    return Printed(code, out.getvalue(), err.getvalue())

"""How a process of ours ends."""

import contextlib
import os
import sys
from typing import NoReturn


def finish(code: int) -> NoReturn:
    """End this process with `code`, at once.

    temporalio aborts at interpreter exit now and then ("PyGILState_Release", exit code 134) although all work is
    done: https://github.com/temporalio/sdk-python/issues/300. Skipping the interpreter's own end avoids it.

    Never call it while this process owns a server that still runs: nothing is cleaned up any more, neither
    `atexit` nor `finally` nor context managers, so the server would be orphaned. Stop it first.
    """
    for stream in (sys.stdout, sys.stderr):
        # The reader of our output may have gone, which must not change the exit code.
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)

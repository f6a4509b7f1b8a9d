"""How a command in another terminal finds the servers that `tierline up` has started: `home/run/up.json`."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from domain.core.failures import NotAvailable


class AlreadyRunning(NotAvailable):
    """Another `tierline up` runs from the same home. The message is one line that says what to do."""


@contextlib.contextmanager
def publish(home: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """Say, for the length of the block, which environment variables lead to what runs here.

    Names are those of `workers.settings`. The file is for this user only, since tokens of the stand-ins are
    in it, and counts only while its writer lives: the lock goes with the process, however that ends. Raises
    AlreadyRunning.
    """
    path = _path(home)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                f"Tierline is already up from {home.resolve()}: use it, stop it, or set TIERLINE_HOME to another folder"
            ) from None
        file.truncate(0)
        file.write(json.dumps(dict(environment)))
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def read_running(home: Path) -> dict[str, str]:
    """Return what the `tierline up` that runs now from `home` has published; empty where none runs."""
    try:
        with _path(home).open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:  # its writer lives
                return {str(name): str(value) for name, value in json.load(file).items()}
    except (OSError, ValueError, AttributeError):
        pass
    return {}


def _path(home: Path) -> Path:
    return home / "run" / "up.json"

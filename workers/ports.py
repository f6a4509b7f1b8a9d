"""The ports that `tierline up` uses on this machine: free before anything starts, and then our own processes'."""

import socket
from collections.abc import Iterable
from typing import NamedTuple

import psutil

from workers.processes import ProcessError


class Wanted(NamedTuple):
    """One port that is going to be used."""

    port: int
    setting: str
    """The variable that chooses it."""


def require_free(wanted: Iterable[Wanted]) -> None:
    """Raise ProcessError, in one line that says what to do, if a port is taken or wanted twice."""
    seen: dict[int, str] = {}
    for port, setting in wanted:
        if port in seen:
            raise ProcessError(f"port {port} is wanted twice: set {seen[port]} or {setting} to another")
        seen[port] = setting
        _require_free(port, setting)


def _require_free(port: int, setting: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise ProcessError(
                f"port {port} is taken: stop the program that listens on it, or set {setting} to a free port"
            ) from None


def listens(pid: int | None, port: int) -> bool:
    """Return whether this very process listens on a port: another program may answer there."""
    if pid is None:
        return False
    try:
        connections = psutil.Process(pid).net_connections("tcp")
    except psutil.Error:
        return False
    return any(one.laddr and one.laddr.port == port and one.status == psutil.CONN_LISTEN for one in connections)

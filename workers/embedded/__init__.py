"""The embedded default: a real PostgreSQL and a real Temporal server as processes of ours, from wheels.

Nothing is to be installed, no port or password to be chosen, and no data leaves the home folder. For real
services this whole package steps aside (`workers.settings`).
"""

from workers.embedded.postgres import EmbeddedPostgres
from workers.embedded.temporal import EmbeddedTemporal, free_port, temporal_binary
from workers.processes import Child, ProcessError, Supervisor

__all__ = [
    "Child",
    "EmbeddedPostgres",
    "EmbeddedTemporal",
    "ProcessError",
    "Supervisor",
    "free_port",
    "temporal_binary",
]

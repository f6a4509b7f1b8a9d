"""Processes that this one owns: started, watched, stopped in order, never orphaned. Linux and macOS."""

import contextlib
import fcntl
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple, Protocol

import psutil

from domain.core.failures import NotAvailable

LOG_LIMIT = 5_000_000
"""Bytes after which a log is set aside, while its process runs: the last so many are kept beside it, once."""
LOG_SECONDS = 2.0
"""How often the logs are looked at."""
POLL_SECONDS = 0.2
"""How often the supervisor looks after its services."""
LONGEST_BACKOFF = 10.0
"""Seconds: however often a service has died, it is started again after this long at the latest."""
HEALTHY_SECONDS = 30.0
"""A service that has lived this long has its earlier deaths forgiven."""
READY_SECONDS = 60.0
"""How long a process may take until it is ready, where its owner can tell."""
KILL_SECONDS = 5.0
"""How long a killed process may take to be gone."""


class ProcessError(NotAvailable):
    """A process could not be started. The message is one line that says what to do."""


INSTALL = "install the extra `tierline[embedded]` (in a checkout, `make` does it)"
"""How to get the embedded servers."""


class User(NamedTuple):
    """The system user that a process runs as; only root can choose one."""

    uid: int
    gid: int


class Child:
    """One process of ours. Its log is `home/logs/NAME.log`.

    `home/run/NAME.pid` is locked while this object owns the process, so that two owners cannot run it from the same
    home, and names the process, so that a new owner can end what an owner that was killed has left over.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        home: Path,
        env: Mapping[str, str] | None = None,
        user: User | None = None,
        cwd: Path | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        patience: float = 15.0,
        ready: Callable[[], bool] | None = None,
    ) -> None:
        """`argv[0]` is an absolute path. `stop_signal` asks for a graceful end; after `patience` seconds it is killed.

        With `ready`, a start lasts until it says yes, and fails where the process ends before.
        """
        home = home.resolve()
        self.name = name
        self.log = home / "logs" / f"{name}.log"
        self._argv = list(argv)
        self._env = None if env is None else dict(env)
        self._user = user
        self._cwd = cwd
        self._stop_signal = stop_signal
        self._patience = patience
        self._ready = ready
        self._pid_file = home / "run" / f"{name}.pid"
        self._claim: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def ready_when(self, ready: Callable[[], bool]) -> None:
        """Let a start last until `ready` says yes, and fail where the process ends before."""
        self._ready = ready

    @property
    def pid(self) -> int | None:
        """Return the process while it lives."""
        return self._process.pid if self._process is not None and self.alive() else None

    @property
    def exit_code(self) -> int | None:
        """Return how the process last ended; None before its start and while it lives."""
        return None if self._process is None else self._process.poll()

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def claim(self) -> None:
        """Become the owner, ending what an earlier owner has left over. `start` does it too.

        Raises ProcessError while another owner is alive.
        """
        if self._claim is not None:
            return
        for folder in (self.log.parent.parent, self.log.parent, self._pid_file.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        claim = self._pid_file.open("a+")
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            claim.close()
            raise ProcessError(
                f"{self.name} is already running from {self._pid_file.parent.parent}: "
                "stop that one first, or set TIERLINE_HOME to another folder"
            ) from None
        self._claim = claim
        leftover = self._read_leftover()
        if leftover is not None:
            self._end(leftover)

    def start(self) -> None:
        """Start the process unless it lives. It runs in a session of its own: Ctrl-C reaches its owner alone."""
        if self.alive():
            return
        self.claim()
        self.bound_log()
        uid, gid = self._user or (-1, -1)
        tied = [str(os.getpid()), str(int(self._stop_signal)), str(uid), str(gid), "--", *self._argv]
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(Path(__file__).with_name("die_with_parent.py")), *tied],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._env,
                cwd=self._cwd,
                start_new_session=True,
            )
        self._remember(self._process.pid)
        if self._ready is not None:
            self._wait_until(self._ready)

    def stop(self) -> None:
        """End the process gracefully, else by force, and give up the claim. One that does not run is left alone."""
        if self._process is not None:
            if self.alive():
                self._end(psutil.Process(self._process.pid))
            self._process.wait(KILL_SECONDS)
        if self._claim is not None:
            self._claim.truncate(0)
            self._claim.close()
            self._claim = None

    def kill(self) -> None:
        """End the process as a power cut would, for tests of what survives that. The claim is kept."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(KILL_SECONDS)

    def bound_log(self) -> None:
        """Set the log aside if it has become too long, as `NAME.old.log`. The process goes on writing to it.

        A line that is written in the moment between the copy and the cut is lost.
        """
        with contextlib.suppress(FileNotFoundError):
            _set_aside(self.log)

    def last_words(self) -> str:
        """Return the last line of the log, cut to a readable length: as a rule the reason, when a start has failed."""
        with contextlib.suppress(OSError):
            tail = self.log.read_bytes()[-4000:].decode(errors="replace").strip()
            if tail:
                return tail.splitlines()[-1].strip()[:300]
        return "it wrote nothing"

    def _wait_until(self, ready: Callable[[], bool]) -> None:
        bound = time.monotonic() + READY_SECONDS
        while not ready():
            if not self.alive():
                raise ProcessError(f"{self.name} did not start: {self.last_words()} (log: {self.log})")
            if time.monotonic() > bound:
                raise ProcessError(f"{self.name} is not ready within {READY_SECONDS:g} s (log: {self.log})")
            time.sleep(0.05)

    def _remember(self, pid: int) -> None:
        assert self._claim is not None
        with contextlib.suppress(psutil.NoSuchProcess):
            # Pids are reused; with its creation time beside it, a pid names one process for good.
            created = psutil.Process(pid).create_time()
            self._claim.truncate(0)
            self._claim.write(json.dumps({"pid": pid, "created": created}))
            self._claim.flush()

    def _read_leftover(self) -> psutil.Process | None:
        assert self._claim is not None
        self._claim.seek(0)
        try:
            note = json.loads(self._claim.read(1000))
            process = psutil.Process(note["pid"])
            return process if process.create_time() == note["created"] and not _gone(process) else None
        except (ValueError, KeyError, psutil.NoSuchProcess):
            return None

    def _end(self, process: psutil.Process) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(self._stop_signal)
            if not _wait_until_gone(process, self._patience):
                process.kill()
                _wait_until_gone(process, KILL_SECONDS)


class Service(Protocol):
    """What a supervisor can look after: a `Child`, or a server that is made of one."""

    name: str

    def start(self) -> object: ...
    def stop(self) -> None: ...
    def alive(self) -> bool: ...
    def bound_log(self) -> None: ...


@dataclass
class _Kept:
    service: Service
    started: float
    deaths: int = 0
    retry_at: float | None = None


class Supervisor:
    """Keeps services alive: one that ends unexpectedly is started again, with a growing pause between tries.

        with Supervisor(report=print) as supervisor:
            supervisor.add(database)
            supervisor.add(worker)

    One thread starts, watches and stops everything, because Linux ties a child to the thread that started it.
    Services are stopped in the reverse of the order in which they were added.
    """

    def __init__(self, report: Callable[[str], None] = lambda _line: None) -> None:
        """`report` gets each death and each new start, in one line, from the supervisor's thread."""
        self._report = report
        self._kept: list[_Kept] = []
        self._orders: queue.SimpleQueue[tuple[Service, Future[None]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def __enter__(self) -> "Supervisor":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def add(self, service: Service) -> None:
        """Start a service and keep it alive from now on. Raises what its start raises, and then does not keep it."""
        started: Future[None] = Future()
        self._orders.put((service, started))
        started.result()

    def stop(self) -> None:
        """Stop all services and wait for it. May be called twice."""
        if self._thread.is_alive():
            self._orders.put(None)
            self._thread.join()

    def _run(self) -> None:
        look_at_logs = 0.0
        while True:
            try:
                order = self._orders.get(timeout=POLL_SECONDS)
            except queue.Empty:
                now = time.monotonic()
                for kept in self._kept:
                    self._look_after(kept, now)
                if now >= look_at_logs:
                    look_at_logs = now + LOG_SECONDS
                    self._bound_logs()
                continue
            if order is None:
                break
            self._start_first(*order)
        for kept in reversed(self._kept):
            kept.service.stop()

    def _bound_logs(self) -> None:
        for kept in self._kept:
            try:
                kept.service.bound_log()
            except OSError as error:  # a full disk, as a rule: no reason to stop what runs
                self._report(f"the log of {kept.service.name} could not be set aside: {error.strerror}")

    def _start_first(self, service: Service, started: Future[None]) -> None:
        try:
            service.start()
        except BaseException as error:
            service.stop()
            started.set_exception(error)
        else:
            self._kept.append(_Kept(service, started=time.monotonic()))
            started.set_result(None)

    def _look_after(self, kept: _Kept, now: float) -> None:
        if kept.service.alive():
            if now - kept.started > HEALTHY_SECONDS:
                kept.deaths = 0
        elif kept.retry_at is None:
            pause = min(0.5 * 2**kept.deaths, LONGEST_BACKOFF)
            kept.deaths += 1
            kept.retry_at = now + pause
            why = f": {kept.service.last_words()}" if kept.deaths > 1 and isinstance(kept.service, Child) else ""
            self._report(f"{kept.service.name} ended unexpectedly; starting it again in {pause:g} s{why}")
        elif now >= kept.retry_at:
            kept.retry_at = None
            kept.started = now
            try:
                kept.service.start()
            except Exception as error:
                self._report(f"{kept.service.name} did not start: {error}")
            else:
                self._report(f"{kept.service.name} is up again")


def _gone(process: psutil.Process) -> bool:
    """Return whether it has ended. A zombie has: in a container nobody may ever collect an orphan's exit code."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _wait_until_gone(process: psutil.Process, seconds: float) -> bool:
    bound = time.monotonic() + seconds
    while not _gone(process):
        if time.monotonic() > bound:
            return False
        time.sleep(0.02)
    return True


def _set_aside(log: Path) -> None:
    """Copy the end of a log beside it, and empty it.

    The file stays the same one, since its process holds it open; that appends, so it goes on at the new end.
    """
    size = log.stat().st_size
    if size <= LOG_LIMIT:
        return
    copy = log.with_suffix(".new.log")
    with log.open("r+b") as full:
        full.seek(size - LOG_LIMIT)
        with copy.open("wb") as kept:
            copy.chmod(0o600)
            shutil.copyfileobj(full, kept)
        full.truncate(0)
    copy.replace(log.with_suffix(".old.log"))


def plain_environment() -> dict[str, str]:
    """Return what the servers inherit: no secret of ours, and no TEMPORAL_* that would send them elsewhere."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", "HOME": tempfile.gettempdir()}


def last_line(output: str) -> str:
    lines = output.strip().splitlines()
    return lines[-1][:300] if lines else "it wrote nothing"

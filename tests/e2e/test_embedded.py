"""The embedded servers: killed and started again they still have their data; stopped they leave nothing behind."""

import contextlib
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import requests
from sqlalchemy import create_engine, text

from tests.support.waiting import wait_until
from workers import local, processes
from workers.embedded import Child, EmbeddedPostgres, EmbeddedTemporal, ProcessError, Supervisor, temporal_binary

pytestmark = pytest.mark.long


def gone(pid: int) -> bool:
    """An orphan's zombie counts as gone: in a container nobody may collect it."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def family(pid: int | None) -> list[int]:
    assert pid is not None
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


def run_sql(url: str, statement: str) -> object:
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            result = connection.execute(text(statement))
            return result.scalar() if result.returns_rows else None
    finally:
        engine.dispose()


def temporal(server: EmbeddedTemporal, *words: str) -> str:
    command = [temporal_binary(), *words, "--address", server.address]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.fixture
def postgres(home: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(home)
    yield server
    server.stop()


@pytest.fixture
def temporal_server(home: Path) -> Iterator[EmbeddedTemporal]:
    server = EmbeddedTemporal(home, port=0, ui_port=0)
    yield server
    server.stop()


def test_postgres_killed_with_9_has_every_commit_when_it_is_started_again(postgres: EmbeddedPostgres) -> None:
    url = postgres.start()
    run_sql(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    first = postgres.pid
    assert first is not None

    os.kill(first, signal.SIGKILL)

    assert postgres.start() == url
    assert postgres.pid != first
    assert run_sql(url, "SELECT answer FROM kept") == 42


def test_a_stale_pid_file_whose_number_has_gone_to_another_process_does_not_keep_postgres_down(
    postgres: EmbeddedPostgres, home: Path
) -> None:
    url = postgres.start()
    postgres.kill()
    stale = (home / "pg" / "postmaster.pid").read_text().splitlines()
    (home / "pg" / "postmaster.pid").write_text("\n".join([str(os.getpid()), *stale[1:]]) + "\n")
    assert postgres.start() == url


def test_an_interrupted_creation_does_not_pass_for_a_database(postgres: EmbeddedPostgres, home: Path) -> None:
    (home / "pg.new").mkdir()
    (home / "pg.new" / "PG_VERSION").write_text("18\n")
    assert run_sql(postgres.start(), "SELECT 1") == 1


def test_postgres_works_from_a_path_too_long_for_a_socket(home: Path) -> None:
    server = EmbeddedPostgres(home / ("long-" * 20) / "home", durable=False)
    try:
        assert run_sql(server.start(), "SELECT current_database()") == "tierline"
    finally:
        server.stop()


def test_only_this_user_can_open_the_data(postgres: EmbeddedPostgres, home: Path) -> None:
    postgres.start()
    for private in (home / "pg", home / "logs", home / "run"):
        assert private.stat().st_mode & 0o077 == 0


def test_temporal_killed_with_9_has_its_workflows_when_it_is_started_again(
    temporal_server: EmbeddedTemporal,
) -> None:
    address = temporal_server.start()
    ticket = ["--type", "Ticket", "--task-queue", "none", "--workflow-id", "ticket-1"]
    temporal(temporal_server, "workflow", "start", *ticket)
    first = temporal_server.pid
    assert first is not None

    os.kill(first, signal.SIGKILL)

    assert temporal_server.start() == address
    assert temporal_server.pid != first
    assert "ticket-1" in temporal(temporal_server, "workflow", "describe", "--workflow-id", "ticket-1")


def test_a_temporal_with_older_data_learns_the_search_attributes(home: Path) -> None:
    older = [temporal_binary(), "server", "start-dev", "--headless", "--db-filename", str(home / "temporal.db")]
    server = EmbeddedTemporal(home, port=0, ui_port=0)
    port = server.address.rpartition(":")[2]
    before = Child("older", [*older, "--ip", "127.0.0.1", "--port", port], home=home)
    before.start()
    wait_until(lambda: "Temporal Server:" in before.log.read_text())
    before.stop()
    try:
        server.start()
        assert "SlaDeadline" in temporal(server, "operator", "search-attribute", "list")
    finally:
        server.stop()


def test_stopped_servers_leave_no_process(postgres: EmbeddedPostgres, temporal_server: EmbeddedTemporal) -> None:
    postgres.start()
    temporal_server.start()
    all_of_them = family(postgres.pid) + family(temporal_server.pid)
    temporal_server.stop()
    postgres.stop()
    assert [pid for pid in all_of_them if not gone(pid)] == []
    assert (postgres.pid, temporal_server.pid) == (None, None)


def test_a_second_owner_of_the_same_home_is_told_in_one_line(postgres: EmbeddedPostgres, home: Path) -> None:
    postgres.start()
    with pytest.raises(ProcessError, match=r"^postgres is already running from .*: stop that one first"):
        EmbeddedPostgres(home).start()


def test_a_taken_port_is_one_line_that_names_it_and_the_variable_to_set(
    temporal_server: EmbeddedTemporal, tmp_path: Path
) -> None:
    port = int(temporal_server.start().rpartition(":")[2])
    with pytest.raises(ProcessError, match=f"^port {port} is taken: .* set TIERLINE_TEMPORAL_PORT to a free port$"):
        EmbeddedTemporal(tmp_path, port=port, ui_port=0).start()


@contextmanager
def owner(home: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A process that has started both servers, and their pids."""
    program = (
        "import pathlib, sys; from workers.embedded import EmbeddedPostgres, EmbeddedTemporal\n"
        "home = pathlib.Path(sys.argv[1]); both = EmbeddedPostgres(home), EmbeddedTemporal(home, port=0, ui_port=0)\n"
        "for server in both: server.start()\n"
        "print(*(server.pid for server in both), flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(home)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        try:
            yield process, [int(pid) for pid in process.stdout.readline().split()]
        finally:
            process.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child's life to its parent's")
def test_an_owner_killed_with_9_takes_its_servers_with_it_and_the_next_one_finds_the_data(home: Path) -> None:
    with owner(home) as (process, pids):
        assert len(pids) == 2
        process.kill()
        process.wait()
        postgres = EmbeddedPostgres(home)
        try:
            assert run_sql(postgres.start(), "SELECT 1") == 1
            for pid in pids:
                wait_until(lambda pid=pid: gone(pid))  # type: ignore[misc]
        finally:
            postgres.stop()


def test_a_supervisor_starts_what_has_died_again_and_stops_in_reverse_order(home: Path) -> None:
    told: list[str] = []
    stopped: list[str] = []

    class Watched(Child):
        def stop(self) -> None:
            super().stop()
            stopped.append(self.name)

    idle = [sys.executable, "-c", "import sys, time; print('up', flush=True); time.sleep(600)"]
    first, second = Watched("first", idle, home=home), Watched("second", idle, home=home)
    with Supervisor(report=told.append) as supervisor:
        supervisor.add(first)
        supervisor.add(second)
        before = second.pid
        assert before is not None

        os.kill(before, signal.SIGKILL)

        wait_until(lambda: second.pid not in (None, before))
        wait_until(lambda: "second is up again" in told)
        pids = [*family(first.pid), *family(second.pid)]
    assert stopped == ["second", "first"]
    assert all(gone(pid) for pid in pids)
    assert "second ended unexpectedly; starting it again in 0.5 s" in told


def test_a_start_lasts_until_the_child_is_ready_or_fails_with_its_last_words(home: Path) -> None:
    marker = home / "ready"
    argv = [sys.executable, "-c", f"open({str(marker)!r}, 'w'); import time; time.sleep(600)"]
    child = Child("good", argv, home=home, ready=marker.exists)
    child.start()
    assert marker.exists()
    child.stop()

    broken = Child("broken", [sys.executable, "-c", "raise SystemExit('no luck')"], home=home, ready=lambda: False)
    with pytest.raises(ProcessError, match=r"^broken did not start: no luck \(log: .*broken\.log\)$"):
        broken.start()
    broken.stop()


def test_a_child_that_does_not_listen_is_killed_after_its_patience(home: Path) -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    )
    child = Child("deaf", [sys.executable, "-c", deaf], home=home, patience=0.2)
    child.start()
    wait_until(lambda: "up" in child.log.read_text())
    child.stop()
    assert child.exit_code == -signal.SIGKILL


def test_a_service_that_cannot_start_is_an_error_where_it_was_added_and_is_not_kept(home: Path) -> None:
    with Supervisor() as supervisor, pytest.raises(ProcessError, match=r"did not start: .*invalid"):
        supervisor.add(EmbeddedTemporal(home, port=0, ui_port=0, dynamic_config=["this is invalid"]))


def test_a_log_is_bounded_while_its_process_runs_and_goes_on(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LOG_LIMIT", 20_000)
    monkeypatch.setattr(processes, "LOG_SECONDS", 0.0)
    talk = "import itertools, time\nfor n in itertools.count(): print(n, 'x' * 100, flush=True); time.sleep(0.0005)"
    child = Child("talker", [sys.executable, "-c", talk], home=home)
    old = child.log.with_suffix(".old.log")

    def last(log: Path) -> int:
        """The number of the last line but one: the last may be half a line."""
        lines = log.read_text().splitlines()[1:-1]
        return int(lines[-1].split()[0]) if lines else -1

    with Supervisor() as supervisor:
        supervisor.add(child)
        pid = child.pid
        wait_until(old.exists)
        first = last(old)
        wait_until(lambda: last(old) > first)  # it was set aside once more
        wait_until(lambda: last(child.log) > first)
        assert child.pid == pid
    assert old.stat().st_size < 40_000  # so many bytes, and what was written while they were copied
    assert stat.S_IMODE(old.stat().st_mode) == 0o600
    assert not child.log.with_suffix(".new.log").exists()


def test_processes_of_ours_import_nothing_from_the_current_folder(home: Path) -> None:
    """Whoever starts Tierline in a folder of somebody else's must not run that one's code."""
    (home / "typer.py").write_text(f"open({str(home / 'taken')!r}, 'w')")
    (home / "integrations").mkdir()
    (home / "integrations" / "__init__.py").write_text(f"open({str(home / 'taken')!r}, 'w')")
    for argv in (local.python("cli.main", "--help"), local.python("integrations.standins.run", "--help")):
        done = subprocess.run(argv, cwd=home, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert not (home / "taken").exists()
    assert Path(local.__file__).read_text().count('"-m"') == 1


def test_the_servers_http_api_answers_nobody(home: Path) -> None:
    """It has no authentication, and any web page that the user opens may send to it."""
    temporal = EmbeddedTemporal(home, port=0, ui_port=0)
    try:
        temporal.start()
        gone_to = "/api/v1/namespaces/default/workflows/ticket-x/signal/advance"
        headers = {"Content-Type": "text/plain", "Origin": "http://example.com"}
        answers = {}
        for port in {one.laddr.port for one in psutil.Process(temporal.pid).net_connections("tcp") if not one.raddr}:
            with contextlib.suppress(requests.RequestException):  # it does not speak HTTP
                there = f"http://127.0.0.1:{port}{gone_to}"
                answers[port] = requests.post(there, data="{}", headers=headers, timeout=60).status_code
        assert 403 in answers.values()
        assert set(answers.values()) <= {400, 403, 404, 405}
        ui = int(temporal.ui_url.rpartition(":")[2])
        assert {status for port, status in answers.items() if port != ui} <= {403, 404, 405}
    finally:
        temporal.stop()

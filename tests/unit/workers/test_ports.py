"""B6: every port is looked at before anything starts, and it is our own process that has to answer there."""

import os
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.embedded import free_port
from workers.local import local
from workers.metrics import metrics_at
from workers.ports import Wanted, listens, require_free
from workers.processes import Child, ProcessError, Supervisor
from workers.settings import Settings


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which another program listens."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


VARIABLES = ["TIERLINE_TEMPORAL_PORT", "TIERLINE_UI_PORT", "TIERLINE_STANDIN_PORT", "TIERLINE_API_PORT"]


@pytest.mark.parametrize("variable", [*VARIABLES, "TIERLINE_METRICS"])
def test_b6_a_taken_port_is_told_by_its_setting_before_anything_starts(
    tmp_path: Path, taken: int, variable: str
) -> None:
    ports: dict[str, object] = {name: free_port() for name in VARIABLES}
    ports[variable] = f"127.0.0.1:{taken}" if variable == "TIERLINE_METRICS" else taken
    settings = Settings.model_validate({"TIERLINE_HOME": str(tmp_path), **ports})
    told: list[str] = []

    line = rf"^port {taken} is taken: .* set {variable} to a free port$"
    with pytest.raises(ProcessError, match=line), local(settings, told.append):
        pass

    assert told == []
    assert not (tmp_path / "postgres").exists()


def test_a16_each_process_shows_its_metrics_at_a_port_of_its_own() -> None:
    settings = Settings.model_validate({"TIERLINE_METRICS": "127.0.0.1:9464"})
    shown = [metrics_at(settings, place)["TIERLINE_METRICS"] for place in range(3)]
    assert shown == ["127.0.0.1:9464", "127.0.0.1:9465", "127.0.0.1:9466"]
    assert metrics_at(Settings(), 1) == {}


def test_b6_the_second_and_third_port_of_the_stand_ins_are_looked_at_too(tmp_path: Path, taken: int) -> None:
    free = {name: free_port() for name in VARIABLES}
    settings = Settings.model_validate({"TIERLINE_HOME": str(tmp_path), **free, "TIERLINE_STANDIN_PORT": taken - 2})
    with pytest.raises(ProcessError, match="TIERLINE_STANDIN_PORT"), local(settings, lambda _line: None):
        pass


def test_b6_one_port_for_two_is_told_by_both_settings() -> None:
    port = free_port()
    with pytest.raises(ProcessError, match=f"port {port} is wanted twice: set ONE or TWO to another"):
        require_free([Wanted(port, "ONE"), Wanted(port, "TWO")])


def test_b6_only_the_process_that_listens_itself_counts(taken: int) -> None:
    assert listens(os.getpid(), taken)
    assert not listens(os.getppid(), taken)
    assert not listens(None, taken)
    assert not listens(os.getpid(), free_port())


def test_b6_a_start_fails_with_the_reason_though_another_program_answers_there(tmp_path: Path, taken: int) -> None:
    """What `tierline up` asks of its API: the port answers, and it is not ours."""
    program = "import sys; sys.exit('the address is in use')"
    child = Child("api", [sys.executable, "-c", program], home=tmp_path)
    child.ready_when(lambda: listens(child.pid, taken))
    with pytest.raises(ProcessError, match="api did not start: the address is in use"):
        child.start()
    child.stop()


def test_b6_who_dies_again_and_again_is_told_with_its_last_words(tmp_path: Path) -> None:
    told: list[str] = []
    heard = threading.Event()

    def report(line: str) -> None:
        told.append(line)
        if "boom" in line:
            heard.set()

    with Supervisor(report) as supervisor:
        supervisor.add(
            Child("worker", [sys.executable, "-c", "import sys; sys.exit('boom: no such table')"], home=tmp_path)
        )
        assert heard.wait(60), told
    assert any(line.startswith("worker ended unexpectedly") and line.endswith("boom: no such table") for line in told)

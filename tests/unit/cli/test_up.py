"""`tierline up`: who is shown a link that signs in, and what another terminal needs."""

import os
import sys
from pathlib import Path

import pytest

from cli.up import is_loopback, lines_for_another_terminal


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_only_this_machine_reaches_a_loopback_address(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "api.example.com", ""])
def test_others_reach_any_other_address(host: str) -> None:
    assert not is_loopback(host)


def test_c10_another_terminal_finds_the_programs_and_this_temporal(monkeypatch: pytest.MonkeyPatch) -> None:
    programs = Path(sys.executable).parent
    environment = {"TIERLINE_HOME": "/home/ada/my tickets", "TEMPORAL_ADDRESS": "127.0.0.1:7999", "DATABASE_URL": "x"}
    there = ["export TIERLINE_HOME='/home/ada/my tickets'", "export TEMPORAL_ADDRESS=127.0.0.1:7999", "tierline queue"]

    monkeypatch.setenv("PATH", "/nowhere")
    assert lines_for_another_terminal(environment) == [f'export PATH="{programs}:$PATH"', *there]

    monkeypatch.setenv("PATH", os.pathsep.join((str(programs), "/nowhere")))
    assert lines_for_another_terminal(environment) == there

"""Trials of a policy: one at a time, each a process of its own, whose end is told whatever it is."""

import sys
from pathlib import Path

import pytest

from domain.core.refusal import Refused
from services import policy_trials
from services.policy_file.load import DEFAULT
from services.policy_trials import KEPT, Asked, Trial, Trials, check
from tests.support.waiting import until

POLICY = DEFAULT.read_text()
ANSWER = (
    "import json, sys; print('3 of 7 tickets have ended (2 s)', file=sys.stderr); "
    "print(json.dumps({'tickets': 7, 'differ': 0, 'different': [], 'words': sys.argv[1:]}))"
)


def trials(program: str) -> Trials:
    return Trials([sys.executable, "-c", program], {}, None)


async def ended(trial: Trial) -> Trial:
    async def over() -> bool:
        return trial.state != "running"

    await until(over, "the trial has ended")
    return trial


async def test_the_words_of_a_form_are_words_of_the_command_and_nothing_else() -> None:
    asked = Asked(policy=POLICY, account="--help; rm -rf /", days=3, by="team", acts="kept")
    trial = await ended(trials(ANSWER).start(asked, "ada"))

    words = trial.result["words"]
    assert (trial.state, trial.done, trial.total) == ("done", 7, 7)
    assert words[:3] == ["backtest", "journal", "--json"]
    assert "--account=--help; rm -rf /" in words
    assert {"--by=team", "--acts=kept"} <= set(words)
    (file,) = [word.partition("=")[2] for word in words if word.startswith("--against=")]
    assert not Path(file).exists(), "it is gone with the trial"


async def test_the_policy_that_runs_can_be_what_is_compared_with() -> None:
    trial = await ended(trials(ANSWER).start(Asked(policy=POLICY, base="running"), "ada"))
    assert sum(word.startswith("--policy=") for word in trial.result["words"]) == 1


@pytest.mark.parametrize(
    ("program", "error"),
    [
        ("import sys; sys.exit(3)", "exit code 3"),
        ('print(\'{"message": "the journal has no such ticket"}\'); import sys; sys.exit(2)', "no such ticket"),
        ("print('no json')", "without an answer"),
    ],
)
async def test_a_trial_that_fails_says_why(program: str, error: str) -> None:
    trial = await ended(trials(program).start(Asked(policy=POLICY), "ada"))
    assert trial.state == "failed"
    assert error in trial.error


async def test_one_runs_at_a_time_and_it_ends_with_the_api() -> None:
    these = trials("import sys; sys.stdin.read(); import threading; threading.Event().wait()")
    trial = these.start(Asked(policy=POLICY), "ada")
    with pytest.raises(Refused, match="a backtest of ada runs already"):
        these.start(Asked(policy=POLICY), "bob")

    await these.close()

    assert (trial.state, trial.error) == ("failed", "it was ended with the API")


async def test_a_trial_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_trials, "LONGEST", 0.2)
    trial = await ended(trials("import threading; threading.Event().wait()").start(Asked(policy=POLICY), "ada"))
    assert trial.error.startswith("ended after")


async def test_only_the_latest_are_kept() -> None:
    these = trials(ANSWER)
    first = await ended(these.start(Asked(policy=POLICY), "ada"))
    for _ in range(KEPT):
        await ended(these.start(Asked(policy=POLICY), "ada"))
    assert len(these.latest()) == KEPT
    with pytest.raises(Refused, match="no such trial"):
        these.find(first.id)


async def test_a_policy_that_is_wrong_is_not_tried() -> None:
    assert check(POLICY).faults == ()
    with pytest.raises(Refused, match="of no use yet: line 1"):
        trials(ANSWER).start(Asked(policy="nonsense"), "ada")

"""Trials of a policy: one at a time, each a process of its own, whose end is told whatever it is."""

import sys
from pathlib import Path

import pytest

from domain.core.refusal import Refused
from services import policy_trials
from services.policy_file.load import DEFAULT
from services.policy_trials import Asked, Trial, Trials, check
from store.database import Database
from tests.support.waiting import until

POLICY = DEFAULT.read_text()
ANSWER = (
    "import json, sys; print('3 of 7 tickets have ended (2 s)', file=sys.stderr); "
    "print(json.dumps({'tickets': 7, 'differ': 0, 'different': [], 'words': sys.argv[1:]}))"
)


def trials(db: Database, program: str) -> Trials:
    return Trials(db, [sys.executable, "-c", program], {}, None)


async def ended(trial: Trial) -> Trial:
    async def over() -> bool:
        return trial.state != "running"

    await until(over, "the trial has ended")
    return trial


async def test_the_words_of_a_form_are_words_of_the_command_and_nothing_else(database: Database) -> None:
    asked = Asked(policy=POLICY, account="--help; rm -rf /", days=3, by="team", acts="kept")
    trial = await ended(await trials(database, ANSWER).start(asked, "ada"))

    words = trial.result["words"]
    assert (trial.state, trial.done, trial.total) == ("done", 7, 7)
    assert words[:3] == ["backtest", "journal", "--json"]
    assert "--account=--help; rm -rf /" in words
    assert {"--by=team", "--acts=kept"} <= set(words)
    (file,) = [word.partition("=")[2] for word in words if word.startswith("--against=")]
    assert not Path(file).exists(), "it is gone with the trial"


async def test_the_policy_that_runs_can_be_what_is_compared_with(database: Database) -> None:
    trial = await ended(await trials(database, ANSWER).start(Asked(policy=POLICY, base="running"), "ada"))
    assert sum(word.startswith("--policy=") for word in trial.result["words"]) == 1


@pytest.mark.parametrize(
    ("program", "error"),
    [
        ("import sys; sys.exit(3)", "exit code 3"),
        ('print(\'{"message": "the journal has no such ticket"}\'); import sys; sys.exit(2)', "no such ticket"),
        ("print('no json')", "without an answer"),
    ],
)
async def test_a_trial_that_fails_says_why(database: Database, program: str, error: str) -> None:
    trial = await ended(await trials(database, program).start(Asked(policy=POLICY), "ada"))
    assert trial.state == "failed"
    assert error in trial.error


async def test_one_runs_at_a_time_and_it_ends_with_the_api(database: Database) -> None:
    these = trials(database, "import sys; sys.stdin.read(); import threading; threading.Event().wait()")
    trial = await these.start(Asked(policy=POLICY), "ada")
    with pytest.raises(Refused, match="a backtest of ada runs already"):
        await these.start(Asked(policy=POLICY), "bob")

    await these.close()

    assert (trial.state, trial.error) == ("failed", "it was ended with the API")


async def test_a_trial_that_takes_too_long_is_ended(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_trials, "LONGEST", 0.2)
    trial = await ended(
        await trials(database, "import threading; threading.Event().wait()").start(Asked(policy=POLICY), "ada")
    )
    assert trial.error.startswith("ended after")


async def test_only_the_latest_are_kept(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_trials, "KEPT", 2)
    these = trials(database, ANSWER)
    first, *others = [await ended(await these.start(Asked(policy=POLICY), "ada")) for _ in range(3)]
    await these.close()
    assert [one.id for one in await these.latest()] == [one.id for one in reversed(others)]
    with pytest.raises(Refused, match="no such trial: the latest 2 are kept"):
        await these.find(first.id)


async def test_results_outlive_the_api_and_other_processes_see_them(database: Database) -> None:
    before = trials(database, ANSWER)
    trial = await ended(await before.start(Asked(policy=POLICY, days=3), "ada"))
    await before.close()

    (listed,) = await trials(database, ANSWER).latest()
    found = await trials(database, ANSWER).find(trial.id)

    assert (listed.id, listed.state, listed.by, listed.asked.days) == (trial.id, "done", "ada", 3)
    assert (found.state, found.result, found.asked) == ("done", trial.result, trial.asked)


async def test_what_runs_in_another_process_is_under_way_until_it_must_have_ended_with_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    these = trials(database, "import threading; threading.Event().wait()")
    trial = await these.start(Asked(policy=POLICY), "ada")
    other = trials(database, ANSWER)
    assert (await other.find(trial.id)).state == "running"

    monkeypatch.setattr(policy_trials, "OVERDUE", 0.0)  # as if it had been killed long ago
    found = await other.find(trial.id)
    await these.close()

    assert (found.state, found.error) == ("failed", "it was ended with the API")


async def test_a_policy_that_is_wrong_is_not_tried(database: Database) -> None:
    assert check(POLICY).faults == ()
    with pytest.raises(Refused, match="of no use yet: line 1"):
        await trials(database, ANSWER).start(Asked(policy="nonsense"), "ada")

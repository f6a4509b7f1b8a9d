"""Our own journal, lived again: each ticket that a real database holds goes the way that stands in the record."""

import json
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete

from cli.main import run
from cli.output import Code
from domain.core.enums import Plan, Priority
from domain.core.refusal import Refused
from domain.ticket.events import Event
from services.journal_backtest import relive
from services.policy_comparison import Comparison
from services.policy_file.load import DEFAULT, load_policy
from store import journal
from store.database import Database
from store.lives import PAGE, Chosen, count, read
from store.tables.journal import TextRow
from tests.support.databases import fresh_database
from tests.support.durations import HOUR, MINUTE
from tests.support.ticket_life import COMMANDS, MONDAY, Life, life

NOW = MONDAY + timedelta(days=30)


def lived(number: int) -> Life:
    """A life of random commands at random times; what does not fit is left out, and deadlines pass instead."""
    dice = random.Random(number)
    opened = MONDAY + number * HOUR
    plan, priority = dice.choice(list(Plan)), dice.choice(list(Priority))
    one = life(str(number), plan=plan, priority=priority, account=f"account-{number % 3}", at=opened)
    for _ in range(dice.randint(1, 14)):
        name, gap = dice.choice(sorted(COMMANDS)), timedelta(seconds=dice.randint(0, 40_000))
        try:
            one.do(name, gap, **COMMANDS[name])
        except Refused:
            one.wait_until(one.ticket.as_of + gap)
    return one.wait_until(NOW)


def file_of(folder: Path, text: str) -> Path:
    file = folder / "tried.toml"
    file.write_text(text)
    return file


def keep(database: Database, one: Life, run_id: str = "run-1") -> None:
    with database.begin() as session:
        journal.append(session, one.ticket.id, run_id, one.events)


@pytest.fixture(scope="module")
def lives() -> list[Life]:
    return [lived(number) for number in range(PAGE + 10)]


@pytest.fixture(scope="module")
def full(postgres_url: str, lives: list[Life]) -> Iterator[Database]:
    """More lives than one page holds, of which the first was rewritten by a reset, and whose texts are erased."""
    with fresh_database(postgres_url) as url:
        database = Database(url)
        _fill(database, lives)
        yield database
        database.dispose()


def _fill(database: Database, lives: list[Life]) -> None:
    rewritten = lives[0].fork()
    keep(
        database, life("0", plan=Plan.FREE, account="account-0").do("take").do("note", HOUR, text="Another past."), "r"
    )
    keep(database, rewritten, "run-2")
    for one in lives[1:]:
        keep(database, one)
    with database.begin() as session:
        session.execute(delete(TextRow))


def way(events: Sequence[Event]) -> list[tuple[str, datetime]]:
    """What happened and when, but for reminders, and the outside world's delays, which are not worked out again."""
    return [(e.body.type, e.at) for e in events if e.body.type not in ("limit_reminded", "effect_overdue")]


def test_every_ticket_of_the_journal_lives_again_as_it_is_on_record(full: Database, lives: list[Life]) -> None:
    again = list(relive(read(full, Chosen()), [None], NOW, "refused"))

    assert [one.outcomes[0].external_id for one in again] == [one.ticket.id for one in lives]
    assert [one.reproduced for one in again] == [True] * len(lives)
    assert [one.outcomes[0].refusals for one in again] == [()] * len(lives)
    for one, recorded in zip(again, lives, strict=True):
        assert way(one.outcomes[0].events) == way(recorded.events)


def test_the_policy_that_was_in_force_makes_the_same_of_them(full: Database, lives: list[Life]) -> None:
    comparison = Comparison("plan")
    for one in relive(read(full, Chosen()), [None, load_policy()], NOW, "refused"):
        comparison.add(*one.outcomes)

    assert (comparison.tickets, comparison.differ, dict(comparison.changed)) == (len(lives), 0, {})
    assert comparison.before == comparison.after
    assert sum(one.tickets for one in comparison.before.groups.values()) == len(lives)


@pytest.mark.parametrize(
    ("chosen", "of"),
    [
        (Chosen(), range(PAGE + 10)),
        (Chosen(since=MONDAY + 10 * HOUR), range(10, PAGE + 10)),
        (Chosen(until=MONDAY + 10 * HOUR), range(10)),
        (Chosen(since=MONDAY + 3 * HOUR, until=MONDAY + 9 * HOUR, account="account-1"), (4, 7)),
    ],
)
def test_tickets_are_chosen_by_time_and_account(
    full: Database, lives: list[Life], chosen: Chosen, of: range | tuple[int, ...]
) -> None:
    expected = [lives[number].ticket.id for number in of]
    assert [one.ticket for one in read(full, chosen)] == expected
    assert count(full, chosen) == len(expected)
    assert [one.ticket for one in read(full, chosen, most=3)] == expected[:3]


def test_tickets_are_chosen_by_plan(full: Database, lives: list[Life]) -> None:
    free = {one.ticket.id for one in lives if one.ticket.account.plan is Plan.FREE}
    assert {one.ticket for one in read(full, Chosen(plan=Plan.FREE))} == free


def test_where_acts_are_kept_no_limit_forbids_one(database: Database, tmp_path: Path) -> None:
    keep(database, life().do("take").do("step", 5 * MINUTE, text="Cleared the cache."))
    text = DEFAULT.read_text().replace('t1_limit = "15m"', 't1_limit = "1m"', 1)
    tried = load_policy(file_of(tmp_path, text.replace('t1_notes = ["10m", "13m"]', "t1_notes = []", 1)))

    (kept,) = relive(read(database, Chosen()), [tried], MONDAY + HOUR, "kept")
    (refused,) = relive(read(database, Chosen()), [tried], MONDAY + HOUR, "refused")

    assert (kept.outcomes[0].t1_overruns, kept.outcomes[0].refusals) == (1, ())
    assert (refused.outcomes[0].t1_overruns, refused.outcomes[0].refusals) == (1, ("step: does_not_fit",))


def test_the_command_reads_the_journal_and_says_that_the_record_was_reproduced(
    database_url: str, database: Database, lives: list[Life], capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:  # fmt: skip
    for one in lives[:5]:
        keep(database, one)
    monkeypatch.setenv("DATABASE_URL", database_url)
    tried = file_of(tmp_path, DEFAULT.read_text().replace('t1_limit = "15m"', 't1_limit = "14m"', 1))
    since = f"{MONDAY + HOUR:%Y-%m-%dT%H:%M%z}"

    assert run(["backtest", "journal"]) == Code.DONE
    said = capsys.readouterr().out
    assert (
        run(["backtest", "journal", "--since", since, "--against", str(tried), "--by", "plan", "--json"]) == Code.DONE
    )
    told = json.loads(capsys.readouterr().out)

    assert lives[0].ticket.id in said
    assert "5 of 5 tickets have the breaches, escalations and limits that are on record" in said
    assert told["tickets"] == 4
    assert [term["name"] for term in told["changed"]] == ["limits.t1_limit"]
    assert "4 of 4 tickets have the breaches" in told["notes"][-1]
    assert run(["backtest", "journal", "--account", "nobody"]) == Code.USAGE
    assert "the journal has no such ticket" in capsys.readouterr().err


def test_an_open_ticket_is_followed_up_to_now(database: Database) -> None:
    one = life("open", priority=Priority.P2)
    keep(database, one)
    now = datetime.now(UTC)

    (again,) = relive(read(database, Chosen()), [None], now, "refused")

    assert again.outcomes[0].breaches
    assert again.reproduced is False, "nothing has recorded the breaches since: no workflow ran"

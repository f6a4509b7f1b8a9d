"""The queues of a team that was recorded, and of one with an agent more, longer hours or shared teams."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from cli.output import Code
from integrations.recorded.log import Recorded
from services.team.simulation import Change, Waits, simulate
from services.team.work import LAST_ACT, Piece, Shift, Work, of_journal, of_log
from tests.support.durations import MINUTE
from tests.support.packages import T2_PACKAGE
from tests.support.ticket_life import MONDAY, life

WORK, QUEUE, WAIT, DONE = (
    "Accepted/In Progress", "Queued/Awaiting Assignment", "Accepted/Wait - User", "Completed/Resolved",
)  # fmt: skip
NINE = datetime(2026, 3, 2, 9, tzinfo=UTC).timestamp()


def recorded(*moments: tuple[str, str, str, str], name: str = "1-1", impact: str = "Medium") -> Recorded:
    """An incident of 2 March 2026: time of day, state, team, actor."""
    events = [
        {"at": f"2026-03-02T{at}:00Z", "state": state, "tier": 1, "team": team, "actor": actor}
        for at, state, team, actor in moments
    ]
    facts = {"id": name, "opened_at": events[0]["at"], "product": "P", "impact": impact, "country": "se"}
    return Recorded.model_validate_json(json.dumps(facts | {"events": events, "closed_at": None}))


def minutes(piece: Piece) -> tuple[str, str, float, float, float]:
    since = (round((at - NINE) / 60, 1) for at in (piece.arrived, piece.taken, piece.ended))
    return (piece.team, piece.agent, *since)


def test_work_begins_when_a_ticket_comes_to_a_team_and_ends_when_it_waits_is_handed_on_or_is_resolved() -> None:
    work = of_log(
        [recorded(("09:00", QUEUE, "A", "system"), ("09:10", WORK, "A", "ada"), ("09:30", WAIT, "A", "ada"),
                  ("10:00", QUEUE, "A", "system"), ("10:05", WORK, "A", "ada"), ("10:20", QUEUE, "B", "ada"),
                  ("11:00", WORK, "B", "bob"), ("11:30", DONE, "B", "bob"))]
    )  # fmt: skip

    assert [minutes(piece) for piece in work.pieces] == [
        ("A", "ada", 0, 10, 30),
        ("A", "ada", 60, 65, 80),
        ("B", "bob", 80, 120, 150),
    ]
    assert work.shifts["ada"] == [Shift(NINE + 600, NINE + 80 * 60 + LAST_ACT)]
    assert work.home() == {"ada": "A", "bob": "B"}


def test_our_own_journal_says_the_same_of_its_tickets() -> None:
    one = life().do("take", 10 * MINUTE).do("escalate", 5 * MINUTE, fields=T2_PACKAGE)
    one.do("take", 30 * MINUTE, by="tom").do("wait", 15 * MINUTE, by="tom", question="Which one?")

    pieces = of_journal([one.events]).pieces

    since = MONDAY.timestamp()
    found = [(p.team, p.agent, *(round((at - since) / 60) for at in (p.arrived, p.taken, p.ended))) for p in pieces]
    assert found == [("T1", "ada", 0, 10, 15), ("billing", "tom", 15, 45, 60)]


def test_who_has_several_in_hand_shares_the_time_and_works_only_while_at_work() -> None:
    work = Work(
        [Piece("1", "A", False, 0, 0, 7_200, "ada"), Piece("2", "A", False, 0, 1_800, 3_600, "ada")],
        {"ada": [Shift(0, 5_400)]},
    )
    assert work.efforts() == [1_800 + 900 + 1_800, 900]


def queue(tickets: int, *, agents: int = 1, effort: float = 600.0, urgent: tuple[int, ...] = ()) -> Work:
    """Tickets that all came at nine, each of which took its agent ten minutes."""
    pieces, shifts = [], {}
    for number in range(tickets):
        agent = f"agent-{number % agents}"
        begins = NINE + (number // agents) * effort
        pieces.append(Piece(str(number), "A", number in urgent, NINE, begins, begins + effort, agent))
        shifts[agent] = [Shift(NINE, NINE + 8 * 3600)]
    return Work(pieces, shifts)


def waits(work: Work, change: Change) -> tuple[list[Waits], list[Waits], Waits]:
    (result,) = simulate(work, change, runs=2)
    return list(result.as_it_was), list(result.changed), result.recorded


def test_without_a_change_the_queue_is_what_was_recorded() -> None:
    as_it_was, changed, of_record = waits(queue(7), Change())
    assert as_it_was == changed
    assert of_record == as_it_was[0] == Waits(7, 0.5, 1.0)


def test_one_agent_more_halves_the_queue_of_one() -> None:
    as_it_was, changed, _ = waits(queue(7), Change(more=1, team="A"))
    assert [round(one.ninth, 3) for one in as_it_was] == [1.0, 1.0]
    # The new one works the usual hours of the team, a day of the record: from nine on.
    assert [round(one.ninth, 3) for one in changed] == [0.5, 0.5]


def test_longer_hours_take_today_what_waited_for_tomorrow() -> None:
    day = 86_400.0
    short = Work(
        [Piece("1", "A", False, NINE, NINE, NINE + 3600, "ada"),
         Piece("2", "A", False, NINE + 1800, NINE + day, NINE + day + 3600, "ada")],
        {"ada": [Shift(NINE, NINE + 3600), Shift(NINE + day, NINE + day + 3600)]},
    )  # fmt: skip
    as_it_was, changed, of_record = waits(short, Change(longer=7200))
    assert of_record.ninth == as_it_was[0].ninth == pytest.approx(23.5)
    assert changed[0].ninth == pytest.approx(0.5), "the shift goes on for an hour after the first was done"


def test_teams_that_share_their_agents_help_each_other_out() -> None:
    work = queue(4)
    work.pieces.append(Piece("b", "B", False, NINE, NINE, NINE + 60, "bea"))
    work.shifts["bea"] = [Shift(NINE, NINE + 8 * 3600)]
    alone = {one.team: one for one in simulate(work, Change(), 2)}
    together = {one.team: one for one in simulate(work, Change(pooled=("A", "B")), 2)}
    assert together["A"].changed[0].ninth < alone["A"].changed[0].ninth


def test_what_is_urgent_is_taken_first() -> None:
    (result,) = simulate(queue(5, urgent=(4,)), Change(), 2)
    assert result.as_it_was[0].pieces == 5
    assert result.as_it_was[0].median == pytest.approx(1 / 3)


def test_the_same_runs_say_the_same_again() -> None:
    work = queue(20, agents=3)
    work.pieces[3] = work.pieces[3]._replace(ended=work.pieces[3].ended + 1800)
    assert simulate(work, Change(more=1, team="A"), 4) == simulate(work, Change(more=1, team="A"), 4)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "log.jsonl"
    made = [
        recorded(("09:00", QUEUE, "A", "system"), (f"{9 + number}:10", WORK, "A", "ada"),
                 (f"{9 + number}:50", DONE, "A", "ada"), name=f"1-{number}").model_dump_json()
        for number in range(1, 8)
    ]  # fmt: skip
    file.write_text("\n".join(made))
    return file


def test_the_command_shows_record_and_simulation_side_by_side(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["lab", "team", str(log), "--more", "1", "--runs", "3"]

    assert run(words) == Code.DONE
    said = capsys.readouterr().out
    assert run([*words, "--json"]) == Code.DONE
    told: dict[str, Any] = json.loads(capsys.readouterr().out)

    assert "the change: 1 more in A; 3 runs" in said
    assert "recorded" in said
    assert "simulated as it was" in said
    (team,) = told["teams"]
    assert (team["team"], team["recorded"]["pieces"], len(team["changed"])) == ("A", 7, 3)
    assert max(one["median_h"] for one in team["changed"]) < min(one["median_h"] for one in team["as_it_was"])


def test_a_team_without_work_is_wrong_usage_and_names_those_with_work(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["lab", "team", str(log), "--team", "Z"]) == Code.USAGE
    assert "no work of Z; there is of A" in capsys.readouterr().err

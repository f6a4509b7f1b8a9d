"""The demo as a stranger runs it: one command, one line, and every number in it found again where it stands.

The line is not compared with what the demo itself counted, but with what is left on disk when it has ended: the
journal in PostgreSQL, the stand-ins' own records, and Temporal's.
"""

import json
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psutil
import pytest
from sqlalchemy import create_engine, text
from temporalio.client import Client

from tests.support.waiting import PATIENCE, until
from workers.embedded import EmbeddedPostgres, EmbeddedTemporal

pytestmark = pytest.mark.long

PORTS = dict.fromkeys(("TIERLINE_TEMPORAL_PORT", "TIERLINE_UI_PORT", "TIERLINE_STANDIN_PORT", "TIERLINE_API_PORT"), "0")
PROMISED = {
    "tickets", "by_status", "jira_issues", "incidents", "pages", "t1_limits", "warnings", "breaches", "refusals",
    "notices",
}  # fmt: skip

SAME = {"tickets": 13, "jira_issues": 6, "incidents": 2, "refusals": 4, "signals_refused": 1}
"""What hangs on no instant. Of the rest, a machine that stands still for seconds, which are minutes to the demo's
policy, makes more: it pages, warns and misses."""


@dataclass
class Ended:
    """What one run of the demo said, and what it left."""

    home: Path
    """Where its data lies."""
    code: int
    out: str
    err: str
    seen: set[str]
    """The programs that ran from its home while it was up."""
    left: list[str]
    """Those that still ran when it had ended."""

    @property
    def told(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.out)
        return told

    def lines(self, standin: str) -> list[dict[str, Any]]:
        """What a stand-in wrote down, record by record."""
        file = self.home / "standins" / f"{standin}.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()]


KNOWN = ("worker", "relay", "postgres", "temporal", "integrations.standins.run", "demo")


def running_from(home: Path) -> list[str]:
    """The programs of the processes that were started for `home`: their command, folder or environment says so."""
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            signs = [*words, process.cwd(), process.environ().get("TIERLINE_HOME", "")]
            if process.status() == psutil.STATUS_ZOMBIE or not any(str(home) in sign for sign in signs):
                continue
        except psutil.Error:  # gone meanwhile, or not ours to look at
            continue
        names = {Path(word).name for word in words}
        found.append(next((name for name in KNOWN if name in names), " ".join(words)))
    return found


def run_demo(home: Path) -> Ended:
    with pytest.MonkeyPatch.context() as environment:
        for name, value in (PORTS | {"TIERLINE_HOME": str(home)}).items():
            environment.setenv(name, value)
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "demo", "--exit", "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    seen: set[str] = set()
    with process:
        bound = monotonic() + PATIENCE
        while "relay" not in seen and process.poll() is None and monotonic() < bound:
            seen.update(running_from(home))
            sleep(0.2)  # what is looked for is another process
        try:
            out, err = process.communicate(timeout=2 * PATIENCE)
        finally:
            process.kill()
    return Ended(home / "demo", process.returncode, out, err, seen, running_from(home))


async def test_the_demo_ends_with_one_line_whose_numbers_all_records_confirm(
    home: Path, subtests: pytest.Subtests
) -> None:
    """One test, since it is one run: the parts are named in what it reports."""
    demo = run_demo(home)
    assert demo.code == 0, demo.err

    with subtests.test("stdout is one line of JSON that has every number"):
        assert demo.out.count("\n") == 1
        assert demo.told.keys() >= PROMISED
        assert all(demo.told[name] for name in PROMISED), "every path is in the samples"
    with subtests.test("the samples are the same in every run"):
        assert {name: demo.told[name] for name in SAME} == SAME
    with subtests.test("no process is left behind"):
        assert demo.seen >= set(KNOWN)
        assert demo.left == []
    with subtests.test("the journal says the same"):
        agrees_with_the_journal(demo)
    with subtests.test("the stand-ins say the same"):
        agrees_with_the_stand_ins(demo)
    with subtests.test("Temporal says the same"):
        await agrees_with_temporal(demo)


def agrees_with_the_journal(demo: Ended) -> None:
    postgres = EmbeddedPostgres(demo.home)
    engine = create_engine(postgres.start())

    def rows(query: str) -> list[tuple[Any, ...]]:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def count(what: str) -> int:
        ((number,),) = rows(f"SELECT count({what}")
        return int(number)

    live = "*) FROM ticket_events WHERE NOT superseded AND type ="
    done = "FROM ticket_events WHERE NOT superseded AND type = 'effect_done'"
    told = demo.told
    try:
        assert told["tickets"] == count(f"{live} 'opened'") == count("*) FROM tickets")
        assert told["by_status"] == dict(rows("SELECT status, count(*) FROM tickets GROUP BY status"))
        of_incidents = "DISTINCT event->'body'->>'jira_key') FROM incident_events WHERE NOT superseded"
        linked = count(f"DISTINCT body->>'jira_key') {done}") + count(of_incidents)
        assert told["jira_issues"] == linked == count("DISTINCT jira_key) FROM jira_links WHERE phase = 'linked'")
        assert told["incidents"] == count(f"DISTINCT body->>'incident') {done}")
        assert told["t1_limits"] == count(f"{live} 'limit_reached'")
        assert told["warnings"] == count(f"{live} 'warned'")
        assert told["breaches"] == count(f"{live} 'lapsed' AND body->>'side' = 'contract'")
        assert told["refusals"] == count("*) FROM refusals")
        assert told["notices"] == count("*) FROM outbox WHERE state = 'sent'") == count("*) FROM outbox")
        under_way = "*) FROM {} WHERE jsonb_array_length(state->'undone') > 0"
        assert count(under_way.format("tickets")) == count(under_way.format("incidents")) == 0
        gaps = "SELECT ticket_id FROM ticket_events GROUP BY 1 HAVING min(seq) <> 1 OR max(seq) <> count(*)"
        assert rows(gaps) == []
    finally:
        engine.dispose()
        postgres.stop()


def agrees_with_the_stand_ins(demo: Ended) -> None:
    told = demo.told
    assert told["jira_issues"] == len({issue["key"] for issue in demo.lines("jira")})

    events = [line["event"] for line in demo.lines("pager")]
    paged = Counter(event["dedup_key"] for event in events if event["event_action"] == "trigger")
    assert told["pages"] == paged.total() == len(paged)  # each step of a ladder has a key of its own
    assert told["incidents"] == len({key.split(":")[0] for key in paged})

    notices = [line["id"] for line in demo.lines("chat") if line["kind"] == "notice"]
    assert told["notices"] == len(notices) == len(set(notices))


async def agrees_with_temporal(demo: Ended) -> None:
    server = EmbeddedTemporal(demo.home, port=0, ui_port=0)
    try:
        client = await Client.connect(server.start())

        async def count(query: str) -> int:
            return (await client.count_workflows(query)).count

        told, tickets = demo.told, "WorkflowType = 'TicketWorkflow'"
        expected = {tickets: told["tickets"], "WorkflowType = 'IncidentWorkflow'": told["incidents"]}
        expected |= {f"{tickets} AND TicketStatus = '{status}'": n for status, n in told["by_status"].items()}
        expected[f"{tickets} AND ExecutionStatus = 'Completed'"] = told["by_status"]["closed"]
        expected["ExecutionStatus IN ('Failed', 'Terminated', 'TimedOut')"] = 0

        async def found() -> dict[str, int]:
            return {query: await count(query) for query in expected}

        async def agreed() -> bool:
            return await found() == expected

        with suppress(AssertionError):
            await until(agreed)  # what is searched lags behind what is so
        assert await found() == expected
    finally:
        server.stop()

"""`tierline ops retry`, `resume`, `rebuild`, `reconcile`, `recalculate`: each mends one thing, and does none twice."""

import json
from asyncio import to_thread
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest

from cli.main import run
from cli.output import Code
from domain.ticket.rules.terms import TermsReplaced
from domain.ticket.state import workflow_id
from services.policy_file.load import DEFAULT
from store import journal, reconciliation
from tests.support.packages import T2_PACKAGE, T3_PACKAGE
from tests.support.timeskipping import way_to
from tests.support.waiting import until
from tests.support.working_tierline import Tierline, form, worked_on

pytestmark = pytest.mark.long


@pytest.fixture
def ops(place: Tierline, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command of `tierline ops` with --json, and returns its exit code and what it printed."""
    for name, value in {"DATABASE_URL": database_url, "TIERLINE_AGENT": "olga", **way_to(place.client)}.items():
        monkeypatch.setenv(name, value)

    async def command(*words: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = await to_thread(run, ["ops", *words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return command


def compared_last(place: Tierline) -> dict[str, int]:
    """What the metrics say of the latest comparison."""
    with place.db.session() as session:
        latest = reconciliation.latest_comparison(session)
    return latest.by_kind() if latest else {}


async def attempts(place: Tierline, ticket: str) -> dict[str, int]:
    """The next attempt of each activity that has failed before."""
    described = await place.client.workflow_service.describe_workflow_execution(
        DescribeWorkflowExecutionRequest(
            namespace=place.client.namespace, execution=WorkflowExecution(workflow_id=workflow_id(ticket))
        )
    )
    return {one.activity_type.name: one.attempt for one in described.pending_activities if one.HasField("last_failure")}


def column(place: Tierline, ticket: str, name: str) -> Any:
    with place.db.session() as session:
        return session.scalar(text(f"SELECT {name} FROM tickets WHERE id = :t"), {"t": ticket})


async def test_what_waits_for_its_next_try_is_tried_at_once_and_made_once(place: Tierline, ops: Any) -> None:
    # Given a ticket whose issue Jira does not take
    place.outside.jira.fault("rate_limited", method="POST", path="/rest/api/3/issue")
    ticket = (await worked_on(place)).id
    await place.give(ticket, "escalate", fields=T2_PACKAGE)
    await place.give(ticket, "escalate", by="ben", fields=T3_PACKAGE)

    async def tried(times: int) -> bool:
        return (await attempts(place, ticket)).get("create_jira_issue", 0) >= times

    await until(lambda: tried(3))

    # When ops retry it, its attempts begin anew: the first of them now
    code, printed = await ops("retry", ticket)
    assert (code, printed["results"][0]["what"]) == (Code.DONE, "create_jira_issue is tried now")

    async def anew() -> bool:
        return (await attempts(place, ticket)).get("create_jira_issue", 9) < 3

    await until(anew)
    place.outside.jira.clear()
    await place.seen(ticket, lambda known: known.issue)

    # Then there is one issue, and nothing is left to be tried
    assert len(place.outside.jira.see("issues")["issues"]) == 1
    code, printed = await ops("retry", ticket)
    assert (code, printed["results"][0]["done"]) == (Code.REFUSED, False)
    assert (await ops("retry", "incident-99"))[0] == Code.NOT_FOUND


async def test_journal_projection_and_temporal_are_compared_and_mended(place: Tierline, ops: Any) -> None:
    # Given two tickets whose workflows were ended, one with a spoilt projection, one with an older journal
    ended = [(await worked_on(place)).id, (await place.tickets.open(form())).ticket]
    spoilt, behind = await place.open(), await place.open()
    waits = await place.give(behind, "wait", question="Which browser?")
    await place.end(ended[0], delete=False)
    await place.end(ended[1], delete=True)
    with place.db.begin() as session:
        session.execute(text("UPDATE tickets SET tier = 'T3', assignee = NULL WHERE id = :t"), {"t": spoilt})
        for table in ("texts", "ticket_events"):
            session.execute(text(f"DELETE FROM {table} WHERE ticket_id = :t AND seq >= :s"), {"t": behind, "s": waits})
        session.execute(text("UPDATE tickets SET updated_at = now() - interval '3 minutes'"))
        notices = session.scalar(text("SELECT count(*) FROM outbox"))

    # Then a rebuild says what is spoilt, mends it, and sends nothing
    code, printed = await ops("rebuild", spoilt, "--check")
    assert printed["changed"] == [{"about": spoilt, "changed": ["tier", "assignee"]}]
    assert column(place, spoilt, "tier") == "T3"
    code, printed = await ops("rebuild", "--all")
    assert code == Code.DONE
    assert {one["about"] for one in printed["changed"]} == {spoilt, behind}
    assert (column(place, spoilt, "tier"), column(place, spoilt, "assignee")) == ("T1", "ada")
    assert (await ops("rebuild", "--all", "--check"))[1]["changed"] == []
    with place.db.session() as session:
        assert session.scalar(text("SELECT count(*) FROM outbox")) == notices

    # And a comparison, both ways, finds the rest, as soon as Temporal's list shows it
    async def compared() -> Any:
        found = (await ops("reconcile"))[1]["differ"]
        return found if len(found) == 3 else None

    differ = {one["workflow"]: one["why"] for one in await until(compared)}
    assert differ == {
        workflow_id(ended[0]): "open in the journal, not running (terminated)",
        workflow_id(ended[1]): "open in the journal, not running (none)",
        workflow_id(behind): f"journal at {waits - 1}, workflow at {waits}",
    }

    assert compared_last(place) == {"not_running": 2, "behind": 1, "over": 0, "not_looked_at": 0}

    # And what is mended is as it was: the one that is named, then the rest
    code, printed = await ops("resume", ended[0], spoilt)
    assert {one["about"]: one["what"] for one in printed["results"]} == {
        ended[0]: "it goes on from its journal",
        spoilt: "its workflow runs already, or it is over",
    }
    assert (await ops("resume", "--all"))[1]["results"][0]["about"] == ended[1]
    code, printed = await ops("reconcile", "--repair")
    assert [(one["workflow"], one["mended"]) for one in printed["differ"]] == [(workflow_id(behind), True)]
    assert place.stands_at(workflow_id(behind)) == waits

    async def agreed() -> bool:
        return bool((await ops("reconcile"))[0] == Code.DONE)

    await until(agreed)
    assert not any(compared_last(place).values())
    for ticket in ended:
        seq = await place.give(ticket, "note", text="What now?")
        assert place.timeline(ticket)[-1] == (seq, "noted", "What now?")
        assert place.epochs(ticket) == {(1, False)}


async def test_c8_deadlines_are_counted_anew_after_a_preview_and_by_an_audited_command(
    place: Tierline, ops: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given two open tickets, and a policy that now gives one of their plans more time for a resolution
    moves, stays = (await place.tickets.open(form())).ticket, (
        await place.tickets.open(form(account={"id": "globex", "plan": "enterprise"}))
    ).ticket  # fmt: skip
    assert (await ops("recalculate"))[1]["tickets"] == []
    edited = tmp_path / "policy.toml"
    shipped = DEFAULT.read_text()
    assert shipped.index('resolution = "48h"') > shipped.index("[plans.standard]")
    edited.write_text(shipped.replace('resolution = "48h"', 'resolution = "96h"', 1))
    monkeypatch.setenv("TIERLINE_POLICY", str(edited))

    # Then the preview says what would move, and moves nothing
    code, printed = await ops("recalculate")
    (one,) = printed["tickets"]
    (moved,) = [clock for clock in one["moved"] if clock["side"] == "contract"]
    assert (code, one["ticket"], moved["metric"]) == (Code.DONE, moves, "resolution")
    assert moved["before"] < moved["after"]
    before = await place.seen(moves, lambda _: True)
    assert (await ops("recalculate", "--apply"))[0] == Code.USAGE  # nobody has said why

    # And what is applied is a command with who and why, once
    code, printed = await ops("recalculate", "--apply", "--reason", "More time for Standard.")
    assert (code, [one["about"] for one in printed["results"]]) == (Code.DONE, [moves])
    after = await place.seen(moves, lambda known: known.seq > before.seq)
    due = {(clock.metric, clock.side): clock.due for clock in after.clocks}
    assert due["resolution", "contract"].isoformat().replace("+00:00", "Z")[:19] == moved["after"][:19]
    with place.db.session() as session:
        (event,) = [
            entry.event
            for entry in journal.timeline(session, moves)
            if isinstance(entry.event.body, TermsReplaced)
        ]  # fmt: skip
    assert (event.actor.id, event.actor.role, event.texts["reason"]) == ("olga", "ops", "More time for Standard.")
    assert (await ops("recalculate"))[1]["tickets"] == []
    assert (await place.seen(stays, lambda _: True)).seq == 1


async def test_the_tickets_of_who_is_away_are_handed_to_another(place: Tierline, ops: Any) -> None:
    mine = [await place.open() for _ in range(2)]

    code, printed = await ops("reassign", "--from", "ada", "--to", "ben")

    assert (code, {one["about"] for one in printed["results"]}) == (Code.DONE, set(mine))
    for ticket in mine:
        await place.seen(ticket, lambda known: known.assignee == "ben")

"""The paths of an incident, and of a ticket in one, whose histories are kept."""

from asyncio import Event
from typing import Any

from domain.core.enums import Priority
from tests.support.durations import HOUR, MINUTE
from tests.support.incident_response import UPDATE, Response
from tests.support.packages import T2_PACKAGE, T3_PACKAGE
from tests.support.stage import Handle, Stage
from tests.support.waiting import until
from workflows import ports


async def incident(stage: Stage) -> list[Handle]:
    """Tickets join, one of them late; acknowledged, mitigated, told of, resolved, reviewed."""
    response = Response(stage, priority=Priority.P1)
    await response.join("t1")
    await response.join("t2")
    await response.quiet()
    await response.act("acknowledge")
    await response.act("hand_over", to="eva")
    await response.act("communications", to="cora")
    await response.join("t3", priority=Priority.P0)
    await response.handle.signal("ticket_changed", _news(response, "t1", owes=["bug_report"], jira_key="SUP-1"))
    await response.quiet()
    await response.act("update", **UPDATE)
    await response.act("approve", by="cora")
    await response.act("severity", priority="P1", reason="One site.")
    await response.act("mitigate", comment="The other site has the traffic.")
    await response.handle.signal("ticket_changed", _news(response, "t1", version=9))
    await response.seen(lambda incident: not incident.owing)
    await response.act("resolve")
    await response.quiet()
    await response.act("action", text="Alert on it.", owner="eva")
    await response.act("review_done", summary="We know now.")
    await response.handle.result()
    return [response.handle]


async def incident_led_by_who_came(stage: Stage) -> list[Handle]:
    """Whoever acknowledges is the commander, writes an update and approves it, and resolves."""
    response = Response(stage)
    await response.join("t1")
    await response.quiet()
    await response.act("acknowledge", by="ada")
    await response.act("update", by="ben", **UPDATE)
    await response.act("approve", by="ada")
    await response.quiet()
    await response.act("cancel", by="ada", reason="A test of ours.")
    await response.handle.result()
    return [response.handle]


async def incident_ladder(stage: Stage) -> list[Handle]:
    """Nobody comes: the whole ladder, late updates, and once more; then it is acknowledged at the pager."""
    response = Response(stage)
    await response.join("t1", page="area-api")
    await response.at(26 * MINUTE)
    await response.act("retry")
    await response.handle.signal("page_acknowledged", {"by": "PX1", "role": "integration"})
    await response.handle.signal("ticket_joined", {"ticket": "t2"})
    await response.seen(lambda incident: incident.state == "acknowledged")
    await response.act("resolve")
    incident = await response.see()
    assert incident.review_due is not None
    await response.at(incident.review_due - incident.declared_at + MINUTE)
    await response.quiet()
    return [response.handle]


async def incident_page_lapses(stage: Stage) -> list[Handle]:
    """A machine resolves the page; a person takes it, and the acknowledgement times out; the next level takes it."""
    response = Response(stage)
    await response.join("t1")
    await response.at(MINUTE)
    began = (await response.see()).declared_at
    pager = {"by": "PX1", "role": "integration"}
    for minute, name, said in (
        (1, "pager_acted", {"what": "resolved", "page": "incident-1"}),
        (2, "page_acknowledged", {"page": "incident-1"}),
        (32, "pager_acted", {"what": "unacknowledged", "page": "incident-1"}),
    ):
        await response.at(minute * MINUTE)
        occurred = (began + minute * MINUTE).isoformat()
        await response.handle.signal(name, pager | said | {"occurred": occurred})
        await response.quiet()
    await response.at(50 * MINUTE)
    await response.act("acknowledge")
    await response.act("cancel", reason="A test of ours.")
    await response.handle.result()
    return [response.handle]


async def incident_not_paged(stage: Stage) -> list[Handle]:
    """The pager refuses, and so does the second channel: shown, retried, and let go of; cancelled in the end."""
    response = Response(stage)
    both = {ports.PAGE.name: "no such key", ports.PAGE_ELSEWHERE.name: "no such room"}
    response.world.refuses_all[response.key] = both
    await response.join("t1")
    await response.seen(lambda incident: any(effect.failed for effect in incident.pending_effects))
    await response.act("retry")
    await response.seen(lambda incident: any(effect.failed for effect in incident.pending_effects))
    await response.act("retry", let_go=True)
    await response.act("cancel", reason="A test of ours.")
    await response.handle.result()
    return [response.handle]


async def incident_degraded(stage: Stage) -> list[Handle]:
    """Jira is down for an hour, a wrong join is undone, a page is withdrawn."""
    response = Response(stage)
    response.world.down[ports.MAKE_INCIDENT_ISSUE.name].add(response.key)
    response.world.pause[response.key] = HOUR
    response.world.held[f"page-{response.key}"] = held = Event()
    await response.join("t1")
    await response.act("acknowledge")
    held.set()
    await response.join("t2")
    await response.act("leave", ticket="t2", reason="Another product.")
    await response.act("join", ticket="t3")
    await response.at(11 * MINUTE)
    response.world.down[ports.MAKE_INCIDENT_ISSUE.name].discard(response.key)
    await response.skip(HOUR + MINUTE)
    await response.quiet()
    return [response.handle]


async def incident_joined_together(stage: Stage) -> list[Handle]:
    """Tickets join several at once: with the declaration, and later."""
    response = Response(stage)
    await response.join("t1", "t2")
    await response.quiet()
    await response.join("t3", "t2", "t4")
    await response.quiet()
    await response.act("resolve")
    await response.quiet()
    return [response.handle]


async def incident_catches_up(stage: Stage) -> list[Handle]:
    """Tickets cannot be told for a while: nobody waits for them, and they hear later where it stands."""
    response = Response(stage)
    await response.join("t1")
    await response.quiet()
    response.world.down[ports.NOTIFY_TICKETS.name].add(response.key)
    await response.act("acknowledge")
    await response.skip(MINUTE)
    await response.seen(lambda incident: incident.behind)
    response.world.down[ports.NOTIFY_TICKETS.name].discard(response.key)
    await response.skip(3 * MINUTE)
    await response.quiet()
    return [response.handle]


async def incident_renewed(stage: Stage) -> list[Handle]:
    """Both halves: it goes on as new between two steps of the ladder."""
    response = Response(stage)
    await response.join("t1")
    await response.quiet()
    first = str((await response.handle.describe()).run_id)
    await response.handle.signal("renew")
    await until(lambda: _is_another_run(response, first))
    await response.at(6 * MINUTE)
    await response.act("acknowledge")
    await response.quiet()
    second = str((await response.handle.describe()).run_id)
    return [stage.client.get_workflow_handle(response.key, run_id=run) for run in (first, second)]


async def ticket_in_incident(stage: Stage) -> list[Handle]:
    """A P0 pays its debt, hears drafts, is lowered, and turns out to be another problem."""
    play = await stage.open(plan="standard", priority="P0")
    fact: dict[str, Any] = {"by": "incident-7", "role": "system", "number": 7, "state": "acknowledged"}
    await play.seen(lambda ticket: ticket.incident and not ticket.pending_effects)
    await play.send("fill", fields=T2_PACKAGE | T3_PACKAGE)
    await play.handle.signal("incident_changed", fact | {"version": 2, "draft": "We found it.", "update": 1})
    approved = {"draft": "We found it.", "update": 1, "approved_by": "cora"}
    await play.handle.signal("incident_changed", fact | {"version": 3} | approved)
    await play.send("prioritise", priority="P1", reason="Some of them.")
    await play.handle.signal("incident_changed", fact | {"version": 4, "left": "own", "comment": "Another disk."})
    await play.seen(lambda ticket: ticket.incident.open and not ticket.pending_effects)
    await play.handle.signal("incident_changed", fact | {"version": 5, "left": "back"})
    await play.seen(lambda ticket: ticket.tier == "T2")
    await play.journalled()
    return [play.handle]


async def paged_without_an_incident(stage: Stage) -> list[Handle]:
    """No incident can be opened for a while: the ticket has somebody paged."""
    play = await stage.open(plan="standard", priority="P2", product_area="storage")
    stage.world.down[ports.JOIN_INCIDENT.name].add(play.id)
    await play.send("prioritise", priority="P0", reason="Everything is down.")
    await play.skip(MINUTE)
    await until(lambda: _was_paged(stage, "area-storage"))
    stage.world.down[ports.JOIN_INCIDENT.name].discard(play.id)
    await play.skip(10 * MINUTE)
    await play.seen(lambda ticket: ticket.incident)
    await play.journalled()
    return [play.handle]


async def area_paged(stage: Stage) -> list[Handle]:
    """No incident can be opened, since the database is down: the area is paged for the ticket, until the area's
    incident is over."""
    play = await stage.open(plan="standard", priority="P2", product_area="warehouse")
    stage.world.database_down.add(play.id)
    await play.send("prioritise", priority="P0", reason="Everything is down.")
    await until(lambda: _was_paged(stage, "area-warehouse"))
    stage.world.database_down.discard(play.id)
    await play.skip(10 * MINUTE)
    await play.seen(lambda ticket: ticket.incident)
    await play.journalled()
    page = stage.client.get_workflow_handle("area-warehouse")
    await page.signal("incident_closed")
    await page.result()
    return [play.handle, page]


def _news(response: Response, ticket: str, version: int = 8, **said: Any) -> dict[str, Any]:
    who = {"by": f"ticket-{ticket}", "role": "system", "ticket": ticket, "number": response.number}
    return who | {"priority": "P1", "version": version} | said


async def _is_another_run(response: Response, run: str) -> bool:
    return (await response.handle.describe()).run_id != run


async def _was_paged(stage: Stage, key: str) -> bool:
    return any(page.dedup_key == key for page in stage.world.pages)


INCIDENTS = (
    incident, incident_ladder, incident_page_lapses, incident_not_paged, incident_degraded, incident_catches_up,
    incident_joined_together, incident_renewed, incident_led_by_who_came, ticket_in_incident, paged_without_an_incident,
    area_paged,
)  # fmt: skip

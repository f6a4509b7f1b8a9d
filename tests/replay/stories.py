"""The paths of a ticket and of an incident whose histories are kept: one story for each, as short as it can be."""

import asyncio
from collections.abc import Awaitable, Callable

from temporalio.api.enums.v1 import EventType

from domain.core.enums import Plan, Role
from domain.ticket.commands import MatchAccount
from domain.ticket.state import Account
from services.policy_file.load import resolve_terms
from tests.replay.incident_stories import INCIDENTS
from tests.support.durations import DAY, HOUR, MINUTE
from tests.support.packages import T2_PACKAGE, T3_PACKAGE
from tests.support.policy import POLICY
from tests.support.stage import (
    JIRA,
    SATURDAY,
    Handle,
    Play,
    Stage,
    run_id,
    through_all_tiers,
    to_engineering,
    until_new_run,
)
from tests.support.waiting import until
from tests.support.world import RETRY_AFTER
from workflows import ports
from workflows.comparison import AGAIN, ReconcileWorkflow
from workflows.tracker.news import ID, IssueNewsWorkflow
from workflows.tracker.sweep import IssueSweepWorkflow

SAID = {"what_was_done": "x", "root_cause": "y", "kb_reason": "gap"}
Story = Callable[[Stage], Awaitable[list[Handle]]]
"""Plays one path, and returns the runs that it left."""


async def canonical(stage: Stage) -> list[Handle]:
    """Take, respond, T2, take, T3, Jira done, resolve, close."""
    play = await through_all_tiers(stage)
    await play.handle.result()
    return [play.handle]


async def resolved_in_tier_1(stage: Stage) -> list[Handle]:
    """Taken, resolved, rated, closed by its quiet period."""
    play = await stage.open(category="how-to", priority="P3")
    await play.send("take")
    await play.send("resolve", resolution="solved", message="Like this.")
    await play.send("rate", by="customer", role="customer", csat=5)
    await play.at(4 * DAY)
    await play.handle.result()
    return [play.handle]


async def limit_with_package(stage: Stage) -> list[Handle]:
    """The package is complete: at 15 minutes the ticket escalates by itself."""
    play = await stage.open()
    await play.send("take", at=0 * MINUTE)
    await play.send("fill", fields=T2_PACKAGE)
    await play.at(16 * MINUTE)
    return [play.handle]


async def limit_without_package(stage: Stage) -> list[Handle]:
    """Escalation due, the lead reminded, and the last missing field moves it; the contract is breached meanwhile."""
    play = await stage.open()
    await play.send("take", at=0 * MINUTE)
    await play.send("step", text="Restarted it.")
    await play.send("attach", text="trace.log")
    await play.at(61 * MINUTE)
    await play.send("fill", fields={name: T2_PACKAGE[name] for name in ("customer_impact", "reproduction_steps")})
    await play.send("waive", by="lea", role="lead", metric="first_response", reason="We had an outage.")
    await play.journalled("waived")
    return [play.handle]


async def p0_at_intake(stage: Stage) -> list[Handle]:
    """An incident at once on a Saturday; its debt overdue, then paid; the incident resolves."""
    play = await stage.open(at=SATURDAY, plan="standard", priority="P0", product_area="API")
    await play.seen(lambda ticket: ticket.incident)
    await play.at(31 * MINUTE)
    await play.send("fill", fields=T2_PACKAGE | T3_PACKAGE)
    fact = {"by": "incident-7", "role": "system", "number": 7}
    for version, state in ((2, "acknowledged"), (3, "resolved")):
        await play.handle.signal("incident_changed", fact | {"version": version, "state": state, "comment": "Ours."})
    await play.seen(lambda ticket: ticket.tier == "T2")
    return [play.handle]


async def guessed_p0_stood(stage: Stage) -> list[Handle]:
    play = await stage.open(at=SATURDAY, plan="standard", priority="P0", priority_guessed=True)
    await play.at(6 * MINUTE)
    await play.seen(lambda ticket: ticket.incident)
    return [play.handle]


async def guessed_p0_lowered(stage: Stage) -> list[Handle]:
    play = await stage.open(at=SATURDAY, plan="standard", priority="P0", priority_guessed=True)
    await play.at(4 * MINUTE)
    await play.send("prioritise", priority="P2", reason="One user only.")
    await play.at(6 * MINUTE)
    return [play.handle]


async def free_referred(stage: Stage) -> list[Handle]:
    play = await stage.open(plan="free", priority="P0")
    await play.seen(lambda ticket: not ticket.pending_effects)
    await play.send("take")
    await play.at(16 * MINUTE)
    await play.send("refer", link="https://community.example/1")
    await play.handle.result()
    return [play.handle]


async def pending_and_reopened(stage: Stage) -> list[Handle]:
    """Waits, goes on, is resolved, reopened by the customer, handed up and back, and resolved again."""
    play = await stage.open(plan="premium", priority="P3", category="how-to")
    await play.send("take", at=0 * MINUTE)
    await play.send("wait", question="Which one?")
    await play.at(HOUR)
    await play.send("reply", by="customer", role="customer", text="That one.")
    await play.send("resolve", resolution="solved", message="Like this.")
    await play.at(2 * HOUR)
    await play.send("reply", by="customer", role="customer", text="It came back.")
    await play.send("escalate", by="lea", role="lead", force=True, reason="Look closer.")
    await play.send("return", by="ben", reason="It is in the manual.")
    await play.send("take")
    await play.send("resolve", resolution="solved", message="Page 3.")
    await play.send("reopen", reason="The wrong page.")
    return [play.handle]


async def jira_down_and_up(stage: Stage) -> list[Handle]:
    """Overdue at ten minutes, and linked once when Jira is back."""
    play = await stage.open()
    stage.world.down[JIRA].add(play.id)
    stage.world.pause[play.id] = RETRY_AFTER
    await to_engineering(play, at=0 * MINUTE)
    await play.send("respond", text="On it.")
    await play.at(11 * MINUTE)
    stage.world.down[JIRA].discard(play.id)
    await play.at(RETRY_AFTER + HOUR)
    await play.seen(lambda ticket: ticket.issue)
    return [play.handle]


async def jira_times_out(stage: Stage) -> list[Handle]:
    """Patience ends before the next attempt would begin: the timer rings for the effect."""
    play = await stage.open()
    stage.world.down[JIRA].add(play.id)
    stage.world.pause[play.id] = 4 * MINUTE
    await to_engineering(play, at=0 * MINUTE)
    await play.at(11 * MINUTE)
    return [play.handle]


async def jira_refused_and_retried(stage: Stage) -> list[Handle]:
    play = await stage.open()
    stage.world.refuses[play.id] = "components: is required"
    await to_engineering(play)
    await play.seen(lambda ticket: ticket.pending_effects and ticket.pending_effects[0].failed)
    del stage.world.refuses[play.id]
    await play.send("retry")
    await play.seen(lambda ticket: ticket.issue)
    return [play.handle]


async def jira_link(stage: Stage) -> list[Handle]:
    """F4: engineering has the problem already. The link is refused, corrected, late, and then there; its issue done."""
    play = await stage.open()
    stage.world.refuses[play.id] = "ENG-9 is Done"
    await play.send("escalate", to="T3", issue="ENG-9", fields=T2_PACKAGE | T3_PACKAGE)
    await play.seen(lambda ticket: ticket.pending_effects and ticket.pending_effects[0].failed)
    del stage.world.refuses[play.id]
    stage.world.down[ports.LINK_ISSUE.name].add(play.id)
    stage.world.pause[play.id] = RETRY_AFTER
    await play.send("retry", issue="ENG-10")
    await play.at(11 * MINUTE)
    stage.world.down[ports.LINK_ISSUE.name].discard(play.id)
    await play.at(RETRY_AFTER + HOUR)
    await play.seen(lambda ticket: ticket.issue)
    fact = {"by": "jira", "role": "integration", "key": "ENG-10", "category": "done", "resolution": "Fixed"}
    version = (play.opened_at + 8 * HOUR).isoformat()
    await play.handle.signal("jira_changed", fact | {"status": "Done", "version": version})
    await play.seen(lambda ticket: ticket.tier == "T1")
    await play.journalled()
    return [play.handle]


async def feature_requested(stage: Stage) -> list[Handle]:
    """Straight to Tier 3 without a bug report, and resolved as tracked."""
    play = await stage.open(category="feature", priority="P4")
    await play.send("take")
    await play.send("escalate", to="T3", fields=T2_PACKAGE)
    await play.seen(lambda ticket: ticket.issue)
    await play.send("resolve", resolution="feature_request", message="It is noted.", what_was_done="Asked for it.")
    await play.journalled("resolved")
    return [play.handle]


async def engineering_and_support(stage: Stage) -> list[Handle]:
    """Words both ways, done, reopened while the customer is asked, moved, shipped after a workaround, gone."""
    play = await stage.open()
    await to_engineering(play)
    linked = await play.seen(lambda ticket: ticket.issue)
    assert linked.issue is not None
    fact = {"by": "jira", "role": "integration", "key": linked.issue.key}
    words = [{"id": "20001", "text": "We see it."}]

    async def says(minutes: int, category: str, **more: object) -> None:
        version = (play.opened_at + minutes * MINUTE).isoformat()
        await play.handle.signal("jira_changed", fact | {"version": version, "category": category} | more)

    await says(1, "indeterminate", status="In Progress", assignee="5b10", comments=words)
    await play.send("tell_engineering", text="In Safari too.")
    await play.seen(lambda ticket: not ticket.pending_effects)
    await says(2, "done", status="Done", resolution="Fixed", fix_versions=["4.13"])
    await play.send("wait", question="Does it work now?")
    await says(3, "new", status="To Do")
    await says(4, "new", status="To Do", key="WEB-7", was=linked.issue.key, url="http://127.0.0.1/browse/WEB-7")
    await play.send("resolve", resolution="workaround", message="Use Chrome.", **SAID)
    await says(5, "done", status="Done", resolution="Fixed", key="WEB-7")
    await says(6, "gone", key="WEB-7")
    await play.seen(lambda ticket: ticket.issue.category == "gone")
    await play.journalled()
    return [play.handle]


async def promised_fix(stage: Stage) -> list[Handle]:
    """F10: the fix is promised; its release moves behind the promise, back in time, and is no longer planned."""
    play = await stage.open()
    await to_engineering(play)
    linked = await play.seen(lambda ticket: ticket.issue)
    assert linked.issue is not None
    due = play.opened_at + 5 * DAY
    await play.send("promise", text="It is fixed by then.", due=due.isoformat(), fix=True)
    fact = {"by": "jira", "role": "integration", "key": linked.issue.key, "category": "indeterminate"}
    fact |= {"status": "In Progress", "version": (play.opened_at + MINUTE).isoformat()}
    for day in (due.date(), due.date() + 7 * DAY, due.date(), None):
        planned = {"fix_versions": ["4.13"], "release_date": day.isoformat()} if day else {}
        await play.handle.signal("jira_changed", fact | planned)
    await play.seen(lambda ticket: ticket.promises[0].at_risk and ticket.issue.release_date is None)
    await play.journalled()
    return [play.handle]


async def cancellation(stage: Stage) -> list[Handle]:
    """F11: a ticket that is found to be a cancellation, and one that came in as one."""
    found = await stage.open(category="billing", priority="P3")
    await found.send("amend", category="cancellation")
    await found.journalled()
    came = await stage.open(category="cancellation", priority="P4")
    await came.journalled()
    return [found.handle, came.handle]


async def jira_news(stage: Stage) -> list[Handle]:
    """Issues that webhooks name: one while Jira is down, one that cannot be read, one while another is looked at."""
    jira = stage.world.down[ports.READ_ISSUES.name]
    jira.add("10042")
    client = stage.time.client
    handle = await client.start_workflow(
        IssueNewsWorkflow.run,
        id=ID,
        task_queue=ports.TICKETS,
        start_signal="issue_changed",
        start_signal_args=["10042"],
    )
    await handle.signal("issue_changed", {"issue": "10043"})
    await until(lambda: _tried(stage, "10042"))
    await handle.signal("issue_changed", "10044")
    jira.discard("10042")
    await handle.result()
    return [handle]


async def _tried(stage: Stage, issue: str) -> bool:
    return stage.world.attempts[ports.READ_ISSUES.name, issue] > 0


async def jira_sweep(stage: Stage) -> list[Handle]:
    """Two pages, and the look for twins."""
    handle = await stage.time.client.start_workflow(IssueSweepWorkflow.run, id="jira-sweep", task_queue=ports.TICKETS)
    await handle.result()
    return [handle]


async def jira_sweep_again(stage: Stage) -> list[Handle]:
    """A run that looks twice, half an hour apart."""
    request = ports.SweepRequest(every=30 * MINUTE)
    handle = await stage.time.client.start_workflow(
        IssueSweepWorkflow.run, request, id="jira-sweep-again", task_queue=ports.TICKETS
    )
    await until(lambda: _swept(handle))
    await stage.time.advance(handle, 30 * MINUTE)
    await handle.result()
    return [handle]


async def reconciled(stage: Stage) -> list[Handle]:
    """A comparison that finds a difference, and two minutes later none."""
    stage.world.differences = [ports.CompareResult(not_running=1)]
    handle = await stage.time.client.start_workflow(ReconcileWorkflow.run, id="reconcile", task_queue=ports.TICKETS)
    await until(lambda: _swept(handle))
    await stage.time.advance(handle, AGAIN)
    assert await handle.result() == ports.CompareResult()
    return [handle]


async def _swept(handle: Handle) -> bool:
    """Whether the first look is over, and the next is waited for."""
    kinds = [event.event_type for event in (await handle.fetch_history()).events]
    return EventType.EVENT_TYPE_TIMER_STARTED in kinds


async def signals_refused(stage: Stage) -> list[Handle]:
    """Refused, malformed, unreadable and unknown Signals, and one that is a repeat."""
    play = await stage.open()
    await play.signal("take", id="take-1")
    await play.signal("take", id="take-1")
    await play.signal("escalate", id="up-1")
    await play.signal("escalate", id="up-1", fields=T2_PACKAGE)
    for args in ((), (b"\x00",), ({"do": "take", "colour": 1},), ({}, {}), (None,)):
        await play.handle.signal("advance", args=args)
    await play.handle.signal("unheard_of", args=[1, 2])
    await play.handle.signal("jira_changed", "done")
    await play.seen(lambda ticket: ticket.seq == 12)
    return [play.handle]


async def odds_and_ends(stage: Stage) -> list[Handle]:
    """What else can be done to a ticket: amended, raised, given other terms, told of late."""
    play = await stage.open(plan="standard", priority="P3")
    terms = (await play.see()).terms.model_copy(update={"policy": "default-2"})
    await play.send("amend", category="billing", tags=["invoice"])
    await play.send("replace_terms", by="lea", role="lead", terms=terms.model_dump(mode="json"), reason="A new plan.")
    await play.send("prioritise", priority="P1", reason="The whole office.")
    await play.at(9 * HOUR)
    occurred = (play.opened_at + 30 * MINUTE).isoformat()
    await play.send("respond", text="We are on it.", occurred=occurred, source="mail")
    return [play.handle]


async def automatic_message(stage: Stage) -> list[Handle]:
    """C17: an out-of-office reply while the ticket waits moves nothing; the customer's own word does."""
    play = await stage.open(priority="P3", category="how-to")
    await play.send("take")
    await play.send("wait", question="Which browser?")
    said = {"by": "customer", "role": "customer"}
    await play.send("reply", text="I am away.", subject="Automatic reply", automatic=True, known_by="rule x", **said)
    await play.send("reply", text="Firefox.", **said)
    await play.send("resolve", resolution="solved", message="Like this.")
    return [play.handle]


async def working_together(stage: Stage) -> list[Handle]:
    """G14 to G19 and a snooze: questions, promises, attention, identity; in time, late, and never."""
    play = await stage.open(plan="standard", priority="P3", category="account")
    terms = (await play.see()).terms
    gates = terms.gates.model_copy(update={"identity_needed": 1, "identity_points": {"callback": 2}})
    asked = terms.model_copy(update={"gates": gates}).model_dump(mode="json")
    await play.send("replace_terms", by="lea", role="lead", terms=asked, reason="Identity counts now.")
    await play.send("take", at=0 * MINUTE)
    await play.send("ask", to="billing", text="Sent twice?")
    await play.send("ask", to="eve", text="A known bug?")
    await play.send("answer", by="eve", question=2, text="Yes.")
    await play.send("identify", way="callback", text="Called back.")
    until = play.opened_at + 5 * HOUR
    due, agreed = (play.opened_at + 3 * HOUR).isoformat(), {"until": until.isoformat(), "agreed": True}
    await play.send("promise", text="An update.", due=due)
    await play.send("follow_up", text="Ask again.", due=(play.opened_at + 9 * DAY).isoformat())
    await play.send("attention", by="carla", role="csm", reason="Their renewal is due.")
    await play.send("wait", question="Until then?", reason="A release comes.", **agreed)
    await play.at(7 * HOUR)
    await play.send("attend", by="lea", role="lead", text="I have called them.")
    await play.send("keep", promise=1, text="Sent it.")
    await play.send("answer", by="mia", text="Once.")
    await play.send("respond", seen=(await play.see()).seq, text="Here we are.")
    await play.journalled()
    return [play.handle]


async def calendar_renewed(stage: Stage) -> list[Handle]:
    """A customer answers years later: the ticket asks for a calendar that is known for longer."""
    play = await stage.open(plan="standard", priority="P3")
    await play.send("take")
    await play.send("wait", question="Which one?")
    known = (await play.see()).terms.calendar.horizon
    await play.skip(known - 30 * DAY - play.opened_at)
    await play.send("reply", by="customer", role="customer", text="I was away.")
    await play.seen(lambda ticket: ticket.terms.calendar.horizon > known)
    await play.journalled()
    return [play.handle]


async def continued_as_new(stage: Stage) -> list[Handle]:
    """Both halves: what the first could not journal, and an effect that neither has done."""
    play = await stage.open()
    stage.world.down[JIRA].add(play.id)
    stage.world.pause[play.id] = 10 * DAY
    await play.send("take", id="take-1")
    await play.send("escalate", to="T3", fields=T2_PACKAGE | T3_PACKAGE)
    first = await run_id(play)
    await until_new_run(play, busy=True)
    await play.send("take", id="take-1")
    await play.send("note", text="Still here.")
    return [_run(play, first), _run(play, await run_id(play))]


def _run(play: Play, run: str) -> Handle:
    return play.stage.client.get_workflow_handle(play.handle.id, run_id=run)


async def account_matched(stage: Stage) -> list[Handle]:
    """An account that nobody knew: classified and routed by rules, matched late, told twice, then corrected."""
    play = await stage.open(account={"id": "acme"}, description="Our invoice is wrong, and we are blocked.")
    known = Account(id="acme", plan=Plan.PREMIUM)
    terms = resolve_terms(POLICY, known, play.opened_at)
    matched = MatchAccount(by="tierline", role=Role.SYSTEM, id="match:1", account=known, terms=terms)
    await play.at(20 * MINUTE)
    for _ in range(2):
        await play.handle.signal("match_account", matched.model_dump(mode="json"))
    await play.seen(lambda ticket: not ticket.account_unknown)
    await play.send("amend", category="bug", product_area="API")
    await play.send("prioritise", priority="P3", reason="One browser only.")
    await play.journalled()
    return [play.handle]


async def assigned_and_released(stage: Stage) -> list[Handle]:
    """A lead gives it to somebody, who begins, gives it back, and notes what the customer said on the phone."""
    play = await stage.open(plan="standard", priority="P3")
    await play.send("assign", by="lea", role="lead", to="ada")
    await play.at(30 * MINUTE)
    await play.send("take", by="ada")
    await play.send("reply", by="ada", text="It happens with every report.", customer="u-17")
    await play.send("release", by="ada", reason="My day is over.")
    await play.journalled()
    return [play.handle]


async def ended_elsewhere(stage: Stage) -> list[Handle]:
    """A machine's note, a message made private, solved by the customer and closed in the helpdesk; and a P0 that was
    spam, whose incident is told of it."""
    play = await stage.open()
    await play.send("note", by="zendesk--1", role="system", text="VIP.")
    await play.send("wait", question="Does it work now?", id="helpdesk:7")
    await play.send("hide", by="zendesk-20", role="integration", message="helpdesk:7")
    await play.send("solved", by="zendesk-300", role="customer", text="Works now, thanks.")
    await play.send("end", by="zendesk", role="integration", how="closed")
    await play.handle.result()
    spam = await stage.open(priority="P0")
    await spam.seen(lambda ticket: ticket.incident is not None)
    await spam.send("end", by="zendesk", role="integration", how="spam")
    await spam.handle.result()
    return [play.handle, spam.handle]


async def warned_reminded_and_raised(stage: Stage) -> list[Handle]:
    """What version 4 of the core decides anew: the contract is warned of after the missed target, reminders that were
    missed are one, an issue is raised with its ticket while it is on its way, and an older mail ends no waiting."""
    play = await stage.open(plan="standard", priority="P2")
    await play.send("take", at=0 * MINUTE)
    await play.at(6 * HOUR)
    await play.send("escalate", to="T2", fields=T2_PACKAGE)
    await play.send("take", by="tom")
    await play.send("wait", by="tom", question="Which browser?")
    older = (play.opened_at + 5 * HOUR).isoformat()
    late = {"by": "mail", "role": "integration", "occurred": older, "source": "mail"}
    await play.send("reply", text="It still hangs.", **late)
    stage.world.held[play.id] = asyncio.Event()
    await play.send("escalate", by="tom", to="T3", fields=T3_PACKAGE)
    await play.send("prioritise", by="tom", priority="P1", reason="The whole office.")
    stage.world.held.pop(play.id).set()
    await play.seen(lambda ticket: ticket.issue and not ticket.pending_effects)
    await play.journalled()
    return [play.handle]


async def refunds(stage: Stage) -> list[Handle]:
    """F6: refunds that are requested, refused, withdrawn, approved; and one that nobody's limit reaches."""
    play = await stage.open(plan="standard", priority="P3", category="billing")
    asked = {"currency": "EUR", "reason": "charged_twice"}
    for amount in ("12.50", "150.00", "300"):
        await play.send("request_refund", amount=amount, text="Invoice 2041.", **asked)
    await play.send("approve_refund", by="lea", role="lead", refund=1)
    await play.send("refuse_refund", by="lea", role="lead", refund=2, text="It was charged once.")
    await play.send("withdraw_refund", refund=3)
    await play.send("request_refund", amount="4000", **asked)
    await play.send("approve_refund", by="fin", role="finance")
    await play.journalled()
    return [play.handle]


STORIES: tuple[Story, ...] = (
    canonical, resolved_in_tier_1, limit_with_package, limit_without_package, p0_at_intake, guessed_p0_stood,
    guessed_p0_lowered, free_referred, pending_and_reopened, jira_down_and_up, jira_times_out,
    jira_refused_and_retried, jira_link, feature_requested, engineering_and_support, promised_fix, cancellation,
    jira_news, jira_sweep, jira_sweep_again, reconciled, signals_refused, odds_and_ends, automatic_message,
    working_together, calendar_renewed, account_matched, assigned_and_released, ended_elsewhere,
    warned_reminded_and_raised, refunds, *INCIDENTS,
)  # fmt: skip
IMPATIENT: tuple[Story, ...] = (continued_as_new,)
"""Stories for a server that suggests to continue as new after a few events."""

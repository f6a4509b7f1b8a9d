"""Jira, back to us: what engineers do on an issue's page reaches the ticket once, over real HTTP, whoever tells of it.

Nothing is on a schedule here: webhooks come from the stand-in, and the sweep runs when a test says so.
"""

import asyncio
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
import requests
from sqlalchemy import func, select
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.tracker import exactly_once as once
from domain.core.enums import Plan, Resolution, Status, Tier, WaitsOn
from domain.policy.tracker import JiraRow
from domain.ticket.derived import proposal
from domain.ticket.state import Account, Ticket, workflow_id
from integrations.jira.adf import to_text
from integrations.jira.client import JiraClient
from integrations.pager.client import PagerDutyClient
from integrations.standins.run import Running, jira_config, pager_config, running
from services.intake.request import OpenRequest
from services.policy_file.load import load_policy
from services.tickets import TicketService
from store import jira_links, jira_watch, journal
from store.database import Database
from store.tables.integrations import InboxRow, OutboxRow
from tests.workflow.stage import FIRST_PACKAGE, RECORD, SECOND_PACKAGE, until
from workers.api import serving
from workers.bootstrap import Clients
from workers.settings import Settings
from workers.worker import running as workers_running
from workflows import ports
from workflows.jira import news as jira_news
from workflows.jira.sweep import JiraSweepWorkflow

SECRET = "the secret of the webhook"
POLICY = load_policy(None)
FIXED = {"to": "Done", "resolution": "Fixed", "fix_version": "4.13"}
WORKAROUND = RECORD | {"resolution": "workaround", "message": "Until then: use Chrome."}


class Case:
    """One ticket, its issue, and what people do to both."""

    def __init__(self, house: "House", ticket: str) -> None:
        self._house = house
        self.id = ticket

    async def do(self, name: str, by: str = "ada", **payload: Any) -> None:
        await self._house.desk.handle(self.id, name, {"by": by, **payload})

    async def engineer(self, **given: str) -> None:
        """What an engineer does on the issue's page."""
        link = (await self.see()).jira
        assert link is not None
        url = f"{self._house.outside.jira.url}/browse/{link.key}"
        answer = await asyncio.to_thread(requests.post, url, data=given, timeout=60)
        answer.raise_for_status()

    async def tell_engineering(self, text: str, by: str = "ada") -> None:
        """What support says; it stands on the issue when this returns."""
        done = self.count("effect_done")
        await self.do("tell_engineering", by, text=text)
        await self.until(lambda _: self.count("effect_done") > done)

    async def see(self) -> Ticket:
        """The ticket as its journal has it."""
        with self._house.db.session() as session:
            ticket = journal.load(session, self.id)
        assert ticket is not None
        return ticket

    async def until(self, condition: Callable[[Ticket], Any]) -> Ticket:
        async def met() -> Ticket | None:
            ticket = await self.see()
            return ticket if condition(ticket) else None

        ticket: Ticket = await until(met)
        return ticket

    def texts(self, kind: str) -> list[dict[str, str]]:
        """The texts of all events of a type."""
        with self._house.db.session() as session:
            entries = journal.timeline(session, self.id)
        return [entry.event.texts for entry in entries if entry.event.body.type == kind]

    def count(self, kind: str) -> int:
        return len(self.texts(kind))

    def notices(self, name: str) -> int:
        """How many notices of a name the outbox has for this ticket."""
        query = (
            select(func.count()).select_from(OutboxRow).where(OutboxRow.ticket_id == self.id, OutboxRow.name == name)
        )
        with self._house.db.session() as session:
            return session.scalar(query) or 0

    async def comments(self) -> list[str]:
        """What stands on the issue."""
        key = (await self.see()).jira
        assert key is not None
        (issue,) = [issue for issue in self._house.outside.jira.see("issues")["issues"] if issue["key"] == key.key]
        return [to_text(comment["body"]) for comment in issue["comments"]]


class House:
    """A Tierline that works, with an API, and a Jira that sends it webhooks."""

    def __init__(self, client: Client, db: Database, outside: Running, url: str, jira: JiraClient) -> None:
        self._jira = jira
        self.client = client
        self.db = db
        self.outside = outside
        self.url = url
        self.desk = TicketService(client, db, POLICY)

    async def in_engineering(self, speed: int = 1) -> Case:
        """A ticket in Tier 3, with its issue."""
        case = await self.open(speed)
        await case.do("escalate", to="T3", fields=FIRST_PACKAGE | SECOND_PACKAGE)
        await case.until(lambda ticket: ticket.jira)
        await self.quiet()
        return case

    def configure(self, **rules: Any) -> None:
        """Another table `[jira]` in the policy, and a worker that was started with it."""
        self._jira._config = self._jira._config.model_copy(update={"rules": JiraRow.model_validate(rules)})

    async def open(self, speed: int = 1, priority: str = "P3") -> Case:
        desk = self.desk if speed == 1 else TicketService(self.client, self.db, POLICY.at_speed(speed))
        account = Account(id="acme", plan=Plan.ENTERPRISE)
        receipt = await desk.open(
            OpenRequest.parse({"external_id": uuid4().hex, "account": account, "priority": priority})
        )
        case = Case(self, receipt.ticket)
        await case.do("take")
        return case

    def told(self, name: str) -> list[str]:
        """What ops were told under a name, of no ticket in particular."""
        query = select(OutboxRow.title).where(OutboxRow.name == name, OutboxRow.ticket_id.is_(None))
        with self.db.session() as session:
            return list(session.scalars(query.order_by(OutboxRow.id)))

    async def sweep(self) -> ports.LookResult:
        result: ports.LookResult = await self.client.execute_workflow(
            JiraSweepWorkflow.run, id=f"sweep-{uuid4().hex}", task_queue=ports.TICKETS
        )
        return result

    def webhooks(self) -> list[dict[str, Any]]:
        """What Jira sent, and how it was answered."""
        sent: list[dict[str, Any]] = self.outside.jira.see("webhooks")["webhooks"]
        return sent

    async def quiet(self) -> None:
        """Until every webhook is answered, acted on, and looked into."""

        async def quiet() -> bool:
            answered = all(sent["status"] or sent["lost"] for sent in self.webhooks())
            with self.db.session() as session:
                waiting = session.scalar(
                    select(func.count()).select_from(InboxRow).where(InboxRow.handled_at.is_(None))
                )
            return answered and not waiting and not await self.looking()

        await until(quiet)

    async def looking(self) -> bool:
        """Whether what was heard is being looked into. The list of workflows would say so only some time later."""
        try:
            news = await self.client.get_workflow_handle(jira_news.ID).describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
        return news.status is WorkflowExecutionStatus.RUNNING

    async def deliver(self, said: dict[str, Any], identifier: str) -> int:
        """A webhook that is signed like Jira's. Returns how it is answered."""
        body = json.dumps(said).encode()
        signature = hmac.digest(SECRET.encode(), body, "sha256").hex()
        headers = {"X-Hub-Signature": f"sha256={signature}", "X-Atlassian-Webhook-Identifier": identifier}
        url = f"{self.url}/webhooks/jira"
        answer = await asyncio.to_thread(requests.post, url, data=body, headers=headers, timeout=60)
        return answer.status_code

    def deliveries(self) -> int:
        """How many deliveries were kept."""
        with self.db.session() as session:
            return session.scalar(select(func.count()).select_from(InboxRow)) or 0


@pytest_asyncio.fixture(loop_scope="session")
async def house(temporal_dev: Client, database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setenv("TEMPORAL_NAMESPACE", temporal_dev.namespace)
    with running() as outside:
        db = Database(database_url)
        config = jira_config(outside.jira.url)
        jira = JiraClient(config)
        world = Clients(
            db=db,
            jira=jira,
            pager=PagerDutyClient(pager_config(outside.pager.url)),
            ticket_url=lambda ticket: f"http://127.0.0.1/{ticket}",
            jira_rate=100,
        )
        names = {
            "DATABASE_URL": database_url,
            "TEMPORAL_ADDRESS": temporal_dev.service_client.config.target_host,
            "TIERLINE_API_PORT": 0,
            "JIRA_URL": outside.jira.url,
            "JIRA_EMAIL": config.email,
            "JIRA_API_TOKEN": config.token.get_secret_value(),
            "JIRA_PROJECT": config.project,
            "JIRA_WEBHOOK_SECRET": SECRET,
        }
        async with workers_running(temporal_dev, world), serving(Settings.model_validate(names)) as served:
            outside.jira.subscribe(f"{served.url}/webhooks/jira", SECRET)
            yield House(temporal_dev, db, outside, served.url, jira)
        db.dispose()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What may have been done and may still turn up is waited for a second, and not for minutes."""
    monkeypatch.setitem(jira_links.begin.__kwdefaults__, "grace", timedelta(seconds=1))
    monkeypatch.setattr(jira_links.post_again, "__defaults__", (timedelta(seconds=1),))
    monkeypatch.setattr(once, "LOOK_AGAIN", timedelta(seconds=0.5))


async def test_done_in_jira_is_on_the_ticket_with_what_was_fixed_and_what_is_proposed(house: House) -> None:
    case = await house.in_engineering()
    await case.engineer(assignee="5b10a2841", to="In Progress")
    await case.until(lambda ticket: ticket.jira.assignee == "5b10a2841" and ticket.jira.status == "In Progress")
    await case.engineer(comment="Both currencies are exported.", support="1", **FIXED)

    ticket = await case.until(lambda ticket: ticket.tier is Tier.T1)

    assert (ticket.status, ticket.assignee, ticket.waits_on) == (Status.OPEN, "ada", WaitsOn.AGENT)
    assert proposal(ticket) is Resolution.SOLVED
    assert ticket.jira is not None
    assert (ticket.jira.resolution, ticket.jira.fix_versions) == ("Fixed", ("4.13",))
    assert case.texts("engineering_said") == [{"comment": "Both currencies are exported."}]
    assert case.notices("engineering_answered") == 1
    assert not [event for event in house.webhooks() if event["status"] != 202]


@pytest.mark.parametrize("fault", ["webhook_repeated", "webhook_reversed"])
async def test_five_copies_in_any_order_have_the_effect_of_one(house: House, fault: str) -> None:
    case = await house.in_engineering()
    house.outside.jira.fault(fault)
    await case.engineer(to="In Progress")
    await case.engineer(comment="Found it.", support="1")
    await case.engineer(**FIXED)
    house.outside.jira.clear()

    await case.until(lambda ticket: ticket.tier is Tier.T1)
    await house.quiet()
    await house.sweep()

    assert (case.count("answered"), case.count("engineering_said")) == (1, 1)
    assert case.notices("engineering_answered") == 1
    assert (await case.see()).jira.status == "Done"  # type: ignore[union-attr]


async def test_what_somebody_else_signed_is_refused_and_leads_to_nothing(house: House) -> None:
    case = await house.in_engineering()
    before = house.deliveries()
    house.outside.jira.fault("webhook_forged")
    await case.engineer(**FIXED)
    await house.quiet()

    assert house.webhooks()[-1]["status"] == 401
    assert house.deliveries() == before
    assert (await case.see()).tier is Tier.T3


@pytest.mark.parametrize(("age", "status"), [(0, 202), (36 * 60, 401), (-6 * 60, 401)])
async def test_what_is_stale_is_refused_and_what_is_played_back_under_another_name_changes_nothing(
    house: House, age: float, status: int
) -> None:
    """Jira's identifier is not signed, so the same body is the same delivery, whatever it is called."""
    case = await house.in_engineering()
    await case.engineer(**FIXED)
    ticket = await case.until(lambda ticket: ticket.tier is Tier.T1)
    assert ticket.jira is not None
    issue = next(issue for issue in house.outside.jira.see("issues")["issues"] if issue["key"] == ticket.jira.key)
    said = {
        "timestamp": int((time.time() - age) * 1000),
        "webhookEvent": "jira:issue_updated",
        "issue": {"id": str(issue["id"]), "key": issue["key"]},
    }
    before = house.deliveries()

    answers = [await house.deliver(said, identifier) for identifier in ("one", "one", "another")]
    await house.quiet()

    assert answers == [status] * 3
    assert house.deliveries() == before + (1 if status == 202 else 0)
    assert (case.count("jira_changed"), case.count("answered")) == (1, 1)


async def test_what_no_webhook_told_the_sweep_finds_once(house: House) -> None:
    case = await house.in_engineering()
    house.outside.jira.fault("webhook_lost")
    await case.engineer(comment="Found it.", support="1", **FIXED)
    await house.quiet()
    assert (await case.see()).tier is Tier.T3

    first = await house.sweep()
    await case.until(lambda ticket: ticket.tier is Tier.T1)
    second = await house.sweep()

    assert (first.told, second.told) == (1, 0)
    assert (case.count("jira_changed"), case.count("engineering_said"), case.count("answered")) == (1, 1, 1)


async def test_a_worker_that_dies_between_telling_and_noting_tells_again_and_the_ticket_hears_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await house.in_engineering()
    house.outside.jira.fault("webhook_lost")
    await case.engineer(**FIXED)
    with monkeypatch.context() as patch:
        patch.setattr(jira_watch, "note", _die)
        await house.sweep()
    await case.until(lambda ticket: ticket.tier is Tier.T1)

    again = await house.sweep()

    assert again.told == 1
    await house.sweep()
    assert (case.count("jira_changed"), case.count("answered")) == (1, 1)


async def test_two_looks_at_once_leave_the_latest_state_whatever_their_order(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look that read first tells last: it finds that it was overtaken, and tells what is true now."""
    case = await house.in_engineering()
    house.outside.jira.fault("webhook_lost")
    await case.engineer(to="In Progress")
    await house.sweep()
    before = (await case.until(lambda ticket: ticket.jira.status == "In Progress")).jira
    assert before is not None
    monkeypatch.setattr(jira_watch, "note", lambda *_: False)  # as if another look had told a later state by then
    await case.engineer(comment="Soon.", support="1")
    await house.sweep()
    monkeypatch.undo()

    await case.until(lambda ticket: ticket.jira.heard)
    assert case.count("engineering_said") == 1


async def test_our_own_doings_are_no_news(house: House) -> None:
    case = await house.in_engineering()
    await case.engineer(to="In Progress")  # with the first delivery, our own account is learned
    await case.until(lambda ticket: ticket.jira.status == "In Progress")
    await house.quiet()
    before = house.deliveries()

    await case.tell_engineering("Also in Safari.")
    await house.quiet()

    assert house.webhooks()[-1] | {"event": "comment_created", "status": 202} == house.webhooks()[-1]
    assert house.deliveries() == before


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", ["commit_then_drop", "commit_then_504", "down", "rate_limited"])
async def test_what_support_says_stands_on_the_issue_once_without_personal_data(house: House, fault: str) -> None:
    case = await house.in_engineering()
    house.outside.jira.fault(fault, method="POST", path="*/comment", times=1)

    await case.tell_engineering("#support ada@example.com sees it in Safari too.", by="tom.agent")
    await house.quiet()
    await house.sweep()

    (comment,) = await case.comments()
    assert "[e-mail address removed] sees it in Safari too." in comment
    assert "tom.agent" not in comment
    assert case.count("engineering_said") == 0  # our own word does not come back as engineering's


async def test_internal_comments_never_travel(house: House) -> None:
    case = await house.in_engineering()
    await case.engineer(comment="The customer's data is a mess.")
    await case.engineer(comment="We see it.", support="1")
    await case.until(lambda ticket: ticket.jira.heard)
    await house.quiet()
    await house.sweep()

    assert case.texts("engineering_said") == [{"comment": "We see it."}]


@pytest.mark.parametrize("told_by", ["webhook", "sweep"])
async def test_a_deleted_issue_brings_the_ticket_to_its_agent_who_escalates_to_a_new_one(
    house: House, told_by: str
) -> None:
    case = await house.in_engineering()
    first = (await case.see()).jira
    if told_by == "sweep":
        house.outside.jira.fault("webhook_lost")
    await case.engineer(delete="1")
    if told_by == "sweep":
        await house.sweep()

    gone = await case.until(lambda ticket: ticket.tier is Tier.T1)
    assert gone.jira is not None
    assert (gone.jira.category, gone.jira.open) == ("gone", False)
    await case.do("escalate", to="T3")
    ticket = await case.until(lambda ticket: ticket.jira.key != first.key)  # type: ignore[union-attr]
    assert ticket.tier is Tier.T3


async def test_that_all_issues_are_gone_at_once_is_not_believed(house: House) -> None:
    """An account that may see the project no longer is no reason to tell every agent that the issue was deleted."""
    cases = [await house.in_engineering() for _ in range(5)]
    house.outside.jira.fault("webhook_lost")
    for case in cases:
        await case.engineer(delete="1")

    with pytest.raises(Exception, match="Workflow execution failed"):
        await house.sweep()

    assert [(await case.see()).tier for case in cases] == [Tier.T3] * 5


async def test_a_moved_issue_is_followed_under_its_new_key(house: House) -> None:
    case = await house.in_engineering()
    await case.engineer(project="WEB")
    moved = await case.until(lambda ticket: ticket.jira.key.startswith("WEB-"))
    assert moved.jira is not None
    await case.engineer(**FIXED)

    ticket = await case.until(lambda ticket: ticket.tier is Tier.T1)

    assert ticket.jira is not None
    assert ticket.jira.key == moved.jira.key
    assert ticket.jira.url.endswith(f"/browse/{moved.jira.key}")


async def test_reopened_in_jira_goes_back_to_tier_3(house: House) -> None:
    case = await house.in_engineering()
    await case.engineer(**FIXED)
    await case.until(lambda ticket: ticket.tier is Tier.T1)
    await case.engineer(to="To Do")

    ticket = await case.until(lambda ticket: ticket.tier is Tier.T3)

    assert ticket.waits_on is WaitsOn.ENGINEERING
    assert len(house.outside.jira.see("issues")["issues"]) == 1


async def test_c7_a_fix_that_ships_after_a_workaround_reaches_the_customer_once(house: House) -> None:
    case = await house.in_engineering()
    await case.do("resolve", **WORKAROUND)
    await case.do("close")
    await case.until(lambda ticket: ticket.closed)
    house.outside.jira.fault("webhook_repeated")
    await case.engineer(**FIXED)
    await case.until(lambda ticket: ticket.jira.shipped)
    await case.engineer(to="To Do")
    await case.engineer(**FIXED)
    await house.quiet()
    await house.sweep()

    assert case.notices("fix_shipped") == 1
    assert (await case.see()).closed


@pytest.mark.usefixtures("impatient")
async def test_while_jira_is_down_the_ticket_says_so_once_and_all_is_caught_up_afterwards(house: House) -> None:
    """F5: the alert at the policy's bound (ten minutes, a second here); clocks run on, agents work on."""
    case = await house.open(speed=600)
    house.outside.jira.fault("down")
    await case.do("escalate", to="T3", fields=FIRST_PACKAGE | SECOND_PACKAGE)
    waiting = await case.until(lambda ticket: ticket.undone and ticket.undone[0].alerted)
    assert waiting.waits_on is WaitsOn.JIRA
    assert waiting.waits_since == waiting.undone[0].since
    await case.do("respond", text="We are on it.")
    assert any(clock.running for clock in waiting.clocks)

    house.outside.jira.clear()
    linked = await case.until(lambda ticket: ticket.jira and not ticket.undone)

    assert linked.waits_on is WaitsOn.ENGINEERING
    assert len(house.outside.jira.see("issues")["issues"]) == 1
    assert (case.count("effect_overdue"), case.notices("effect_failing")) == (1, 0)
    begun, ended = house.told("effect_failing")
    assert (begun.partition(" ")[0], ended.partition(",")[0]) == (
        workflow_id(case.id),
        "Jira has taken everything that waited for too long",
    )


@pytest.mark.parametrize(("kind", "priority", "made"), [("bug", "P3", "Bug"), ("request", "P4", "Story")])
async def test_a_field_that_jira_refuses_is_shown_to_a_person_who_corrects_it_and_sends_it_again(
    house: House, kind: str, priority: str, made: str
) -> None:
    """400: one issue comes of it in the end, under the same effect."""
    house.configure(issue_types={kind: "Wish"})
    case = await house.open(priority=priority)
    await case.do("escalate", to="T3", fields=FIRST_PACKAGE | SECOND_PACKAGE)
    refused = await case.until(lambda ticket: ticket.undone and ticket.undone[0].failed)
    (said,) = case.texts("effect_failed")
    assert "issuetype: Specify a valid issue type" in said["reason"]
    assert (refused.waits_on, case.notices("effect_failing")) == (WaitsOn.AGENT, 1)
    await case.do("retry")  # too early: nothing was corrected, and a person hears the same again
    await case.until(lambda ticket: case.count("effect_failed") == 2 and ticket.undone[0].failed)
    assert house.outside.jira.see("issues")["issues"] == []

    house.configure()
    await case.do("retry")
    linked = await case.until(lambda ticket: ticket.jira and not ticket.undone)

    (issue,) = house.outside.jira.see("issues")["issues"]
    assert linked.jira is not None
    assert (linked.jira.key, linked.jira.kind, issue["type"]) == (issue["key"], kind, made)
    assert linked.waits_on is WaitsOn.ENGINEERING


async def test_what_was_heard_while_jira_could_not_be_asked_is_looked_at_when_it_can(house: House) -> None:
    case = await house.in_engineering()
    house.outside.jira.fault("down", path="/rest/*")
    await case.engineer(**FIXED)  # Jira still sends
    news = house.client.get_workflow_handle("jira-news")

    async def tried() -> bool:
        description = await news.describe()
        return any(pending.attempt > 1 for pending in description.raw_description.pending_activities)

    await until(tried)
    assert (await case.see()).tier is Tier.T3
    house.outside.jira.clear()

    await case.until(lambda ticket: ticket.tier is Tier.T1)


async def test_an_issue_that_no_ticket_waits_for_is_nobodys_news(house: House) -> None:
    case = await house.in_engineering()
    config = jira_config(house.outside.jira.url)
    fields = {"project": {"key": config.project}, "issuetype": {"name": "Task"}, "summary": "Our own"}
    auth = (config.email, config.token.get_secret_value())
    made = requests.post(f"{config.url}/rest/api/3/issue", json={"fields": fields}, auth=auth, timeout=60).json()
    requests.post(f"{config.url}/browse/{made['key']}", data={"to": "Done"}, timeout=60).raise_for_status()
    await house.quiet()

    assert case.count("jira_changed") == 0


def _die(*_: Any) -> bool:
    raise RuntimeError("the worker dies here")

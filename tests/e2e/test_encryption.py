"""Payload encryption against a real Temporal: what its database holds, and what goes on when keys come and change."""

from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import Worker

from cli.output import Code
from domain.core.enums import Status
from domain.core.refusal import Refused
from domain.ticket import commands as c
from domain.ticket.rules.package_fields import Package
from domain.ticket.state import workflow_id
from services.intake.request import OpenRequest
from services.security.codec import CodecError
from services.tickets import TicketService
from store import journal
from store.database import Database
from tests.support.encrypted_tierline import NEW, OLD, EncryptedTierline, Marks
from tests.support.packages import RECORD
from tests.support.replaying import replayer
from tests.support.terminal import command
from tests.support.waiting import until
from workers.temporal import connect

pytestmark = pytest.mark.long


async def a_ticket_that_says_everything(desk: TicketService, client: Client, db: Database, marks: Marks) -> str:
    """The id of a ticket that was given, by Updates and by Signals, every text that any command has, and is closed."""
    form = {name: marks(name) for name in ("subject", "description", "attachments", "product_area")}
    account = {"id": "acme", "plan": "enterprise"}
    request = OpenRequest.parse(
        {"external_id": uuid4().hex, "account": account, "priority": "P2", "tags": [marks("tag")]} | form
    )
    ticket = (await desk.open(request)).ticket
    handle = client.get_workflow_handle(workflow_id(ticket))
    # By Updates, as people do it: answered by engineering's tracker, with a report that is made of the texts
    await desk.handle(ticket, "take", {"by": "ada"})
    await desk.handle(ticket, "respond", {"by": "ada", "text": marks("answer")})
    bug = {name: marks(name) for name in ("summary", "expected", "actual", "environment", "frequency")}
    package = {name: marks(name) for name in Package.model_fields if name not in ("bug_report", "business_impact")}
    package |= {"bug_report": bug | {"code_change": True}, "business_impact": {"text": marks("impact"), "arr": 0}}
    await desk.handle(ticket, "escalate", {"by": "ada", "to": "T3", "fields": package})
    # By Signals, every text of every command, most of which are refused and stand on the timeline then
    for kind in (*c.UPDATES, *c.FACTS):
        payload = marks.of(kind) | {"do": kind.model_fields["do"].default, "by": "ada"}
        await handle.signal("advance", payload)
    await handle.signal("advance", marks("no command at all"))
    await handle.signal("jira_changed", {"key": marks("key"), "comment": marks("comment")})
    # An Update that is refused
    with pytest.raises(Refused):
        await desk.handle(ticket, "resolve", {"by": "ada", "root_cause": marks("refused"), "resolution": "solved"})

    async def linked() -> bool:
        with db.session() as session:
            known = journal.load(session, ticket)
        return known is not None and known.issue is not None

    await until(linked)
    await desk.handle(
        ticket, "resolve", {"by": "ada"} | RECORD | {"root_cause": marks("cause"), "message": marks("end")}
    )
    await desk.handle(ticket, "close", {"by": "ada"})
    await handle.result()
    return ticket


async def test_no_word_of_a_ticket_is_in_temporals_database(encrypted: EncryptedTierline) -> None:
    marks = Marks()
    async with encrypted.working(NEW, OLD) as (desk, client, db):
        ticket = await a_ticket_that_says_everything(desk, client, db, marks)
        with db.session() as session:
            assert sum(bool(entry.event.texts) for entry in journal.timeline(session, ticket)) > 10
    assert len(marks.made) > 60
    assert encrypted.readable(marks) == set()


async def test_without_the_codec_every_word_of_it_is(encrypted: EncryptedTierline) -> None:
    """The negative control: it is encryption that hides them, and looking for them finds them."""
    marks = Marks()
    async with encrypted.working() as (desk, client, db):
        await a_ticket_that_says_everything(desk, client, db, marks)
    refused = {mark for mark in marks.made if mark.startswith("mark-refused")}  # a refused Update leaves no history
    assert encrypted.readable(marks) == set(marks.made) - refused


async def test_open_tickets_go_on_when_encryption_is_turned_on_and_when_keys_change(
    encrypted: EncryptedTierline,
) -> None:
    # Given a ticket with a history in plain text
    before, after = Marks(), Marks()
    async with encrypted.working() as (desk, _, _):
        form = {"external_id": uuid4().hex, "account": {"id": "acme", "plan": "standard"}, "subject": before("subject")}
        ticket = (await desk.open(OpenRequest.parse(form))).ticket
    # When encryption is turned on, and later the key is changed, each with a new worker that replays the history
    for keys in [(OLD,), (OLD, NEW), (NEW, OLD)]:
        async with encrypted.working(*keys) as (desk, _, _):
            await desk.handle(ticket, "note", {"by": "ada", "text": after("note")})
    async with encrypted.working(NEW, OLD) as (desk, client, db):
        await desk.handle(ticket, "resolve", {"by": "ada"} | RECORD)
        closed = await desk.handle(ticket, "close", {"by": "ada"})
        handle = client.get_workflow_handle(workflow_id(ticket))
        await handle.result()
        # Then the ticket went through all of it, and its history replays
        assert closed.status is Status.CLOSED
        history = await handle.fetch_history()
        await replayer(client.data_converter).replay_workflow(history)
        with db.session() as session:
            told = journal.texts(session, ticket)
        assert set(after.made) <= set(told.values())
    # and what was written in plain text stays so, until its history goes
    assert (encrypted.readable(before), encrypted.readable(after)) == (set(before.made), set())
    # A client without the new key says so
    lacking = await connect(encrypted.settings(OLD))
    with pytest.raises(CodecError, match=f"encrypted with key '{NEW.partition(':')[0]}', which TIERLINE_CODEC_KEYS"):
        await lacking.get_workflow_handle(workflow_id(ticket)).result()


async def test_a_command_without_the_key_ends_in_one_line_that_names_it(
    encrypted: EncryptedTierline, database_url: str
) -> None:
    async with encrypted.working(NEW) as (desk, _, _):
        form = {"external_id": uuid4().hex, "account": {"id": "acme", "plan": "standard"}}
        ticket = (await desk.open(OpenRequest.parse(form))).ticket
        environment = {"DATABASE_URL": database_url, "TEMPORAL_ADDRESS": encrypted.address}
        printed = await command(environment, "ticket", "take", ticket, "--by", "ada")
    key = NEW.partition(":")[0]
    line = f"a payload is encrypted with key '{key}', which TIERLINE_CODEC_KEYS does not hold: add it\n"
    assert (printed.code, printed.err) == (Code.CONFIGURATION, line)


# -- What goes wrong says so in words ------------------------------------------------------------------------


@activity.defn
async def fail_with_words(words: str) -> None:
    raise ApplicationError(f"{words}-message", f"{words}-detail", non_retryable=True)


@workflow.defn(sandboxed=False)
class Failing:
    @workflow.run
    async def run(self, words: str) -> None:
        await workflow.execute_activity(fail_with_words, words, start_to_close_timeout=timedelta(minutes=5))


@pytest.mark.parametrize("keys", [(NEW,), ()], ids=["encrypted", "negative control"])
async def test_the_words_of_a_failure_are_encrypted_too_and_still_reach_who_asked(
    encrypted: EncryptedTierline, keys: tuple[str, ...]
) -> None:
    words, client = f"mark-{uuid4().hex[:8]}", await connect(encrypted.settings(*keys))
    async with Worker(client, task_queue="failing", workflows=[Failing], activities=[fail_with_words]):
        with pytest.raises(WorkflowFailureError) as failed:
            await client.execute_workflow(Failing.run, words, id=words + "-id", task_queue="failing")
    cause = failed.value.cause
    assert isinstance(cause, ActivityError)
    assert isinstance(cause.cause, ApplicationError)
    assert (cause.cause.message, cause.cause.details) == (f"{words}-message", (f"{words}-detail",))
    marks = Marks()
    marks.made = [f"{words}-message", f"{words}-detail"]
    assert encrypted.readable(marks) == (set() if keys else set(marks.made))

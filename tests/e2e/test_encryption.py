"""Payload encryption against a real Temporal: what its database holds, and what goes on when keys come and change."""

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from pydantic import BaseModel
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import Replayer, Worker

from cli.main import run
from cli.options import kinds
from cli.output import Code
from domain.core.enums import Status
from domain.core.refusal import Refused
from domain.ticket import commands as c
from domain.ticket.rules.package_fields import Package
from domain.ticket.state import workflow_id
from integrations.jira.client import JiraClient
from integrations.pager.client import PagerDutyClient
from integrations.standins.run import jira_config, pager_config
from integrations.standins.run import running as standins
from services.intake.request import OpenRequest
from services.policy_file.load import load_policy
from services.security.codec import CodecError, new_key
from services.tickets import TicketService
from store import journal
from store.database import Database
from tests.workflow.stage import until
from workers.bootstrap import Clients
from workers.embedded import EmbeddedTemporal
from workers.settings import Settings
from workers.temporal import connect
from workers.worker import WORKFLOWS
from workers.worker import running as workers_running

OLD, NEW = new_key(datetime(2026, 1, 1, tzinfo=UTC)), new_key(datetime(2026, 6, 1, tzinfo=UTC))
NAMES = frozenset({"do", "by", "role", "id"})
"""Of a command: no words of the ticket."""
RECORD = {"resolution": "solved", "what_was_done": "x", "root_cause": "y", "kb_reason": "gap", "message": "Done."}


class Marks:
    """A word of its own for every text, so that each can be looked for."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def __call__(self, what: str) -> str:
        self.made.append(f"mark-{what}-{uuid4().hex[:8]}")
        return self.made[-1]

    def of(self, kind: type[BaseModel]) -> dict[str, Any]:
        """A payload of `kind` with a marked word in every text, whether the rest of it makes sense or not."""
        payload: dict[str, Any] = {}
        for name, field in kind.model_fields.items():
            if name in NAMES:
                continue
            first = next(iter(kinds(field.annotation)))
            if first is str:
                payload[name] = self(f"{kind.__name__}-{name}")
            elif isinstance(first, type) and issubclass(first, BaseModel) and first.__module__ == c.__name__:
                payload[name] = self.of(first)
        return payload


class Place:
    """A Temporal with its data in a file, and everything that a ticket needs."""

    policy: ClassVar = load_policy()

    def __init__(self, home: Path, database_url: str, temporal: EmbeddedTemporal, outside: Any) -> None:
        self.home = home
        self.address = temporal.address
        self.ui_url = temporal.ui_url
        self._url = database_url
        self._outside = outside

    @asynccontextmanager
    async def working(self, *keys: str) -> AsyncIterator[tuple[TicketService, Client, Database]]:
        """A worker and a front door with these keys, for as long as the block lasts."""
        client = await connect(self.settings(*keys))
        db = Database(self._url)
        world = Clients(
            db=db,
            jira=JiraClient(jira_config(self._outside.jira.url)),
            pager=PagerDutyClient(pager_config(self._outside.pager.url)),
            ticket_url=lambda ticket: f"http://127.0.0.1/{ticket}",
        )
        async with workers_running(client, world, cached=0):  # every workflow task replays the whole history
            yield TicketService(client, db, self.policy), client, db
        db.dispose()

    def settings(self, *keys: str) -> Settings:
        encrypted = {"TIERLINE_CODEC_KEYS": ",".join(keys)} if keys else {}
        return Settings.model_validate({"TEMPORAL_ADDRESS": self.address, **encrypted})

    def readable(self, marks: Marks) -> set[str]:
        """Which marks stand in the files of Temporal's database, its write-ahead log included."""
        files = sorted(self.home.glob("temporal.db*"))
        assert files
        held = b"".join(file.read_bytes() for file in files)
        return {mark for mark in marks.made if mark.encode() in held}


@pytest.fixture
def place(home: Path, database_url: str) -> Iterator[Place]:
    with opened_place(home, database_url) as place:
        yield place


@contextmanager
def opened_place(home: Path, database_url: str, ui_port: int = 0, codec_endpoint: str | None = None) -> Iterator[Place]:
    """A place for as long as the block lasts; its UI has payloads decrypted at `codec_endpoint`."""
    temporal = EmbeddedTemporal(home, port=0, ui_port=ui_port, codec_endpoint=codec_endpoint)
    temporal.start()
    try:
        with standins() as outside:
            yield Place(home, database_url, temporal, outside)
    finally:
        temporal.stop()


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
        return known is not None and known.jira is not None

    await until(linked)
    await desk.handle(
        ticket, "resolve", {"by": "ada"} | RECORD | {"root_cause": marks("cause"), "message": marks("end")}
    )
    await desk.handle(ticket, "close", {"by": "ada"})
    await handle.result()
    return ticket


async def test_no_word_of_a_ticket_is_in_temporals_database(place: Place) -> None:
    marks = Marks()
    async with place.working(NEW, OLD) as (desk, client, db):
        ticket = await a_ticket_that_says_everything(desk, client, db, marks)
        with db.session() as session:
            assert sum(bool(entry.event.texts) for entry in journal.timeline(session, ticket)) > 10
    assert len(marks.made) > 60
    assert place.readable(marks) == set()


async def test_without_the_codec_every_word_of_it_is(place: Place) -> None:
    """The negative control: it is encryption that hides them, and looking for them finds them."""
    marks = Marks()
    async with place.working() as (desk, client, db):
        await a_ticket_that_says_everything(desk, client, db, marks)
    refused = {mark for mark in marks.made if mark.startswith("mark-refused")}  # a refused Update leaves no history
    assert place.readable(marks) == set(marks.made) - refused


async def test_open_tickets_go_on_when_encryption_is_turned_on_and_when_keys_change(place: Place) -> None:
    # Given a ticket with a history in plain text
    before, after = Marks(), Marks()
    async with place.working() as (desk, _, _):
        form = {"external_id": uuid4().hex, "account": {"id": "acme", "plan": "standard"}, "subject": before("subject")}
        ticket = (await desk.open(OpenRequest.parse(form))).ticket
    # When encryption is turned on, and later the key is changed, each with a new worker that replays the history
    for keys in [(OLD,), (OLD, NEW), (NEW, OLD)]:
        async with place.working(*keys) as (desk, _, _):
            await desk.handle(ticket, "note", {"by": "ada", "text": after("note")})
    async with place.working(NEW, OLD) as (desk, client, db):
        await desk.handle(ticket, "resolve", {"by": "ada"} | RECORD)
        closed = await desk.handle(ticket, "close", {"by": "ada"})
        handle = client.get_workflow_handle(workflow_id(ticket))
        await handle.result()
        # Then the ticket went through all of it, and its history replays
        assert closed.status is Status.CLOSED
        history = await handle.fetch_history()
        replayer = Replayer(workflows=WORKFLOWS, data_converter=client.data_converter)
        await replayer.replay_workflow(history)
        with db.session() as session:
            told = journal.texts(session, ticket)
        assert set(after.made) <= set(told.values())
    # and what was written in plain text stays so, until its history goes
    assert (place.readable(before), place.readable(after)) == (set(before.made), set())
    # A client without the new key says so
    lacking = await connect(place.settings(OLD))
    with pytest.raises(CodecError, match=f"encrypted with key '{NEW.partition(':')[0]}', which TIERLINE_CODEC_KEYS"):
        await lacking.get_workflow_handle(workflow_id(ticket)).result()


async def test_a_command_without_the_key_ends_in_one_line_that_names_it(place: Place, database_url: str) -> None:
    async with place.working(NEW) as (desk, _, _):
        form = {"external_id": uuid4().hex, "account": {"id": "acme", "plan": "standard"}}
        ticket = (await desk.open(OpenRequest.parse(form))).ticket
        err = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()), redirect_stderr(err):
            patch.setenv("DATABASE_URL", database_url)
            patch.setenv("TEMPORAL_ADDRESS", place.address)
            code = await asyncio.to_thread(run, ("ticket", "take", ticket, "--by", "ada"))
    key = NEW.partition(":")[0]
    line = f"a payload is encrypted with key '{key}', which TIERLINE_CODEC_KEYS does not hold: add it\n"
    assert (code, err.getvalue()) == (Code.CONFIGURATION, line)


# -- What goes wrong says so in words ------------------------------------------------------------------------


@activity.defn
async def fail_with_words(words: str) -> None:
    raise ApplicationError(f"{words}-message", f"{words}-detail", non_retryable=True)


@workflow.defn(sandboxed=False)
class Failing:
    @workflow.run
    async def run(self, words: str) -> None:
        await workflow.execute_activity(fail_with_words, words, start_to_close_timeout=timedelta(seconds=10))


@pytest.mark.parametrize("keys", [(NEW,), ()], ids=["encrypted", "negative control"])
async def test_the_words_of_a_failure_are_encrypted_too_and_still_reach_who_asked(
    place: Place, keys: tuple[str, ...]
) -> None:
    words, client = f"mark-{uuid4().hex[:8]}", await connect(place.settings(*keys))
    async with Worker(client, task_queue="failing", workflows=[Failing], activities=[fail_with_words]):
        with pytest.raises(WorkflowFailureError) as failed:
            await client.execute_workflow(Failing.run, words, id=words + "-id", task_queue="failing")
    cause = failed.value.cause
    assert isinstance(cause, ActivityError)
    assert isinstance(cause.cause, ApplicationError)
    assert (cause.cause.message, cause.cause.details) == (f"{words}-message", (f"{words}-detail",))
    marks = Marks()
    marks.made = [f"{words}-message", f"{words}-detail"]
    assert place.readable(marks) == (set() if keys else set(marks.made))

"""Who wrote, at the doors of programs: the API and the generic webhook (G12, G13); and ids that a caller chooses."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from starlette.types import Message, Receive, Scope, Send
from temporalio.client import Client

from api.guard import Guard, Record
from domain.core.enums import Metric, Role, Status
from domain.core.ids import ticket_id
from domain.ticket.state import Ticket
from services.webhooks.deliveries import Unreadable
from store import journal
from store.database import Database
from tests.support.generic_door import Door, a_form
from tests.support.served_api import Api
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("working")


@pytest_asyncio.fixture(loop_scope="session")
async def door(temporal_dev: Client, shared_database: str) -> AsyncIterator[Door]:
    db = Database(shared_database)
    yield Door(temporal_dev, db)
    db.dispose()


def loaded(db: Database, ticket: str) -> Ticket:
    with db.session() as session:
        found = journal.load(session, ticket)
    assert found is not None
    return found


async def seen(db: Database, ticket: str, kind: str) -> Any:
    """The first event of a kind, once it is journalled."""

    def found() -> Any:
        with db.session() as session:
            events = [entry.event for entry in journal.timeline(session, ticket)]
        return next((event for event in events if event.body.type == kind), None)

    return await until(found)


def answered(ticket: Ticket) -> bool:
    return any(clock.metric is Metric.FIRST_RESPONSE and clock.met_at for clock in ticket.clocks)


async def opened(door: Door, **more: Any) -> tuple[str, str]:
    number = uuid4().hex
    await door.send("ticket.open", a_form(number, **more))
    return number, ticket_id("webhook", number)


@pytest.mark.parametrize("who", [{"by": "triage", "role": "bot"}, {"by": "mailer", "role": "system"}, {}])
async def test_g12_c5_a_programs_response_by_webhook_is_a_note_and_meets_no_clock(
    door: Door, who: dict[str, str]
) -> None:
    number, ticket = await opened(door)
    await door.send("ticket.respond", {"external_id": number, "text": "We have your mail."} | who)
    event = await seen(door.db, ticket, "noted")
    assert (event.body.public, event.actor.role) == (True, "bot" if who else "integration")
    assert not answered(loaded(door.db, ticket))
    await door.send("ticket.respond", {"external_id": number, "by": "ada", "text": "We look into it."})
    await seen(door.db, ticket, "responded")
    assert answered(loaded(door.db, ticket))


@pytest.mark.parametrize("kind", ["customer.replied", "customer.solved", "ticket.reply"])
async def test_g12_a_programs_word_is_refused_as_the_customers_while_it_listens(door: Door, kind: str) -> None:
    number, _ = await opened(door)
    with pytest.raises(Unreadable):
        await door.send(kind, {"external_id": number, "text": "VIP", "by": "triage", "role": "bot"})


async def test_g12_the_requester_is_the_customer_of_their_ticket_whoever_says_what_they_are(door: Door) -> None:
    number, ticket = await opened(door, by="ada")
    await door.send("ticket.respond", {"external_id": number, "by": "ada", "text": "Any news?"})
    event = await seen(door.db, ticket, "replied")
    assert (event.actor.role, answered(loaded(door.db, ticket))) == ("customer", False)


async def test_c5_a_message_with_which_one_of_ours_opens_it_is_the_first_response(door: Door) -> None:
    _, ticket = await opened(door, role="agent", by="ada", message="We saw that your export fails.")
    assert answered(loaded(door.db, ticket))
    _, theirs = await opened(door, message="A customer answers nobody: these are more words of theirs.")
    assert not answered(loaded(door.db, theirs))


async def test_g13_solved_and_ended_elsewhere_by_webhook(door: Door) -> None:
    number, ticket = await opened(door)
    await door.send("customer.solved", {"external_id": number, "text": "Works now, thanks."})
    assert (await seen(door.db, ticket, "resolved")).body.by_customer
    spam, discarded = await opened(door)
    await door.send("ticket.end", {"external_id": spam, "how": "spam", "by": "dora"})
    assert (await seen(door.db, discarded, "closed")).body.how == "spam"
    gone, merged = await opened(door)
    await door.send("ticket.end", {"external_id": gone, "how": "merged", "into_external_id": number})
    assert (await seen(door.db, merged, "closed")).body.parent == ticket


async def test_g12_a_token_of_a_bot_leaves_notes_and_speaks_for_nobody(api: Api) -> None:
    ticket = await api.open()
    bot = api.token(Role.BOT, name="triage")
    for name, status in (("respond", 403), ("reply", 403), ("solved", 403), ("resolve", 403), ("note", 200)):
        answer = await api.post(f"/api/v1/tickets/{ticket}/{name}", {"text": "Hello"}, token=bot)
        assert answer.status_code == (422 if name == "resolve" else status), (name, answer.text)
    note = await seen(api.db, ticket, "noted")
    assert (note.actor.id, note.actor.role, note.body.public) == ("triage", "bot", False)
    for path in ("/api/v1/queue", "/api/v1/accounts"):
        assert (await api.get(path, token=bot)).status_code == 403
    assert loaded(api.db, ticket).status is Status.NEW


# -- Ids that a caller chooses ---------------------------------------------------------------------------------------

HOSTILE = [
    b"r-1\r\nX-Evil: 1", b"r-1\nforged line", b"\x1b[31mred", b"a\x00b", b"x" * 10_000, "\u00e9".encode(),
    "\u00e9".encode("latin-1"), b"<script>alert(1)</script>", b'"quoted"', b"two words", b"%0d%0a", b"",
]  # fmt: skip


async def _answer(headers: list[tuple[bytes, bytes]]) -> tuple[dict[str, Any], dict[bytes, bytes]]:
    """The state that an endpoint sees, and the headers of its answer."""
    state: dict[str, Any] = {}
    sent: list[Message] = []

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        state.update(scope["state"])
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        sent.append(message)

    db = Database("postgresql+psycopg2://nobody@127.0.0.1:1/none")  # an open path asks it nothing
    guard = Guard(app, db=db, rate=10, record=Record(db, 10))
    scope = {"type": "http", "method": "GET", "path": "/livez", "raw_path": b"/livez", "query_string": b"",
             "headers": headers, "client": ("127.0.0.1", 1)}  # fmt: skip
    await guard(scope, receive, send)
    db.dispose()
    return state, dict(sent[0]["headers"])


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda value: repr(value[:12]))
@pytest.mark.parametrize("name", [b"x-request-id", b"traceparent"])
async def test_a_request_id_from_outside_is_plain_and_short_or_it_is_not_taken(name: bytes, hostile: bytes) -> None:
    state, headers = await _answer([(name, hostile)])
    given = state["request_id"]
    assert given.isalnum()
    assert len(given) == 32
    assert headers[b"x-request-id"] == given.encode()


@pytest.mark.parametrize(
    "plain", ["r-4711", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "a.b:c/d_e=+@1"]
)
async def test_a_plain_request_id_is_taken_as_it_is(plain: str) -> None:
    state, headers = await _answer([(b"x-request-id", plain.encode())])
    assert (state["request_id"], headers[b"x-request-id"]) == (plain, plain.encode())


@pytest.mark.parametrize("key", ["\x1b[31m", "x" * 201, "two words", "k" * 10_000])
async def test_an_idempotency_key_is_bounded_and_never_given_back(api: Api, key: str) -> None:
    ticket = await api.open()
    answer = await api.post(
        f"/api/v1/tickets/{ticket}/note", {"text": "x"}, role=Role.AGENT, headers={"Idempotency-Key": key}
    )
    assert answer.status_code in (400, 422, 431)
    assert key not in answer.text
    assert key not in "".join(answer.headers.values())

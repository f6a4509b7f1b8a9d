"""The generic signed webhook in: what is taken, what is refused while its sender listens, and in whose name."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from pydantic import SecretStr

from domain.core.enums import Role
from domain.core.ids import ticket_id
from domain.ticket import commands as c
from integrations.standard_webhooks import headers_for
from integrations.standins.run import CHAT_SECRET
from services.tickets import TicketService
from services.webhooks.deliveries import Unreadable, Unverified
from services.webhooks.generic import NAMES, GenericHook, _command, _request
from store.database import Database

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
HOOK = GenericHook(
    [SecretStr("whsec_" + "b2xkLW9sZC1vbGQtb2xkLW9sZC1vbGQt"), CHAT_SECRET],
    cast(TicketService, None),
    cast(Database, None),
)
TICKET = ticket_id("webhook", "order-7")
OPEN = {"external_id": "order-7", "account": {"id": "acme"}, "subject": "Export"}


def body(kind: Any, data: Any) -> bytes:
    return json.dumps({"type": kind, "data": data}).encode()


def accept(content: bytes, *, at: datetime = NOW, name: str = "d-1", secret: SecretStr = CHAT_SECRET) -> Any:
    return HOOK.accept(headers_for(secret, name, at, content), content, NOW)


def test_a_delivery_is_about_its_ticket_and_has_the_senders_id() -> None:
    (opening,) = accept(body("ticket.open", OPEN))
    (reply,) = accept(body("customer.replied", {"external_id": "order-7", "text": "Still?"}), name="d-2")
    (take,) = accept(body("ticket.take", {"ticket": TICKET.upper(), "by": "ada"}), name="d-3")
    assert [one.id for one in (opening, reply, take)] == ["d-1", "d-2", "d-3"]
    assert {one.about for one in (reply, take)} == {one.ticket for one in (opening, reply, take)} == {TICKET}


def test_an_opening_waits_for_no_command_that_came_before_it() -> None:
    (opening,) = accept(body("ticket.open", OPEN))
    (reply,) = accept(body("customer.replied", {"external_id": "order-7", "text": "Still?"}), name="d-2")
    assert opening.about != reply.about


def test_its_sources_are_its_own_whatever_it_calls_them() -> None:
    """H1: what it calls a source stands behind its own, for opening and for commands alike."""
    data = {"external_id": "7", "ticket_source": "crm", "text": "x", "by": "ada"}
    (note,) = accept(body("ticket.note", data))
    (opening,) = accept(body("ticket.open", OPEN | {"external_id": "7", "source": "crm"}), name="d-2")
    assert note.ticket == opening.ticket == ticket_id("webhook:crm", "7")


@pytest.mark.parametrize(
    "source", ["zendesk", "Zendesk", "zendesk:1", "zen\u200bdesk", "follow-up", "cli", "api", "jira"]
)
def test_a_source_of_another_way_in_is_refused_by_name(source: str) -> None:
    for kind, data in (
        ("ticket.open", OPEN | {"source": source}),
        ("ticket.note", {"external_id": "7", "ticket_source": source, "text": "x", "by": "ada"}),
    ):
        with pytest.raises(Unreadable, match="source"):
            accept(body(kind, data))


@pytest.mark.parametrize("name", ["tierline", "jira", "erased", "Zendesk", "zendesk-300", " Tier\u200bline "])
def test_nobody_is_called_like_us(name: str) -> None:
    for kind, data in (
        ("ticket.open", OPEN | {"by": name}),
        ("ticket.note", {"ticket": TICKET, "text": "x", "by": name}),
        ("customer.replied", {"ticket": TICKET, "text": "x", "by": name}),
    ):
        with pytest.raises(Unreadable, match="Tierline's own"):
            accept(body(kind, data))


@pytest.mark.parametrize(
    ("opened", "named"),
    [(" order  7 ", "order 7"), ("order 7", " order\u200b  7"), (4711, "4711"), ("4711", 4711), (4711, 4711)],
)
def test_an_external_id_means_the_same_in_an_opening_and_in_a_command(opened: Any, named: Any) -> None:
    (opening,) = accept(body("ticket.open", OPEN | {"external_id": opened}))
    (reply,) = accept(body("customer.replied", {"external_id": named, "text": "Still?"}), name="d-2")
    assert opening.ticket == reply.ticket


def test_two_deliveries_whose_ids_begin_alike_are_two_commands() -> None:
    long = "d" * 192
    ids = [
        _command("ticket.note", {"ticket": TICKET, "by": "ada"}, long + end)[1]["id"] for end in ("a" * 60, "b" * 60)
    ]
    spaced = [_command("ticket.note", {"ticket": TICKET, "by": "ada"}, name)[1]["id"] for name in ("a b", "a  b")]
    assert len({*ids, *spaced}) == 4
    assert all(len(one) <= 200 for one in ids)


NOTHING_SAID: dict[str, Any] = {
    "description": None, "product_area": "", "tags": None, "form": None, "priority": "", "category": None,
    "language": "", "opened_at": None, "by": None, "source": "",
}  # fmt: skip


def test_a_field_that_is_null_or_empty_says_nothing() -> None:
    account = {"id": 4000, "plan": None, "zone": "", "region": " ", "csm": "", "arr": None}
    given = _request(OPEN | NOTHING_SAID | {"account": account})
    assert given == _request(OPEN | {"account": {"id": "4000"}})
    assert _command("ticket.note", {"ticket": TICKET, "by": None, "text": "x"}, "d-1")[1]["role"] is Role.INTEGRATION


def test_the_words_of_a_reply_are_kept_in_whatever_shape_they_come() -> None:
    said = {"ticket": TICKET, "text": [{"body": "Still down."}, None, "Since nine."]}
    assert _command("customer.replied", said, "d-1")[1]["text"] == "body: Still down.\nSince nine."
    assert _command("customer.replied", said | {"text": []}, "d-1")[1]["text"] == "(no text)"


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_command_has_its_webhook(name: str) -> None:
    kind = NAMES[name]
    assert kind.startswith("ticket.")
    command, payload = _command(kind, {"ticket": TICKET, "by": "ada"}, "d-1")
    assert command == name
    assert payload["id"] == "webhook:d-1"


@pytest.mark.parametrize(
    ("kind", "data", "by", "role"),
    [
        ("ticket.respond", {"by": "ada", "text": "x"}, "ada", Role.AGENT),
        ("ticket.take", {}, "integration", Role.INTEGRATION),
        ("ticket.note", {"text": "x", "by": "triage", "role": "bot"}, "triage", Role.BOT),
        ("ticket.waive", {"by": "ada", "role": "lead", "metric": "resolution"}, "ada", Role.AGENT),
        ("customer.replied", {"text": "x", "role": "admin"}, "customer", Role.CUSTOMER),
        ("customer.replied", {"text": "x", "by": "u-7"}, "u-7", Role.CUSTOMER),
    ],
)
def test_whose_word_it_is_is_ours_to_say(kind: str, data: dict[str, Any], by: str, role: Role) -> None:
    """A person who is named did it, as an agent; nobody becomes a lead by a webhook."""
    name, payload = _command(kind, {"ticket": TICKET} | data, "d-1")
    command = c.parse(payload, name)
    assert (command.by, command.role) == (by, role)
    assert (role in command.who) is (kind != "ticket.waive" and by != "integration")


def test_who_opens_it_is_the_customer_unless_the_form_says_that_it_was_one_of_us() -> None:
    """L5: a customer who is named is not taken for an agent, whose name outlives an erasure."""
    assert _request(OPEN | {"by": "ada", "role": "agent"}).role is Role.AGENT
    assert _request(OPEN | {"by": "ada", "role": "admin"}).role is Role.AGENT
    assert _request(OPEN | {"by": "u-7"}).role is Role.CUSTOMER
    assert _request(OPEN | {"by": "u-7", "role": "customer"}).role is Role.CUSTOMER
    assert _request(OPEN).role is Role.CUSTOMER
    assert _request(OPEN).source == "webhook"


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"7", b'{"type": "ticket.open"}', b'{"type": "ticket.open", "data": []}',
        body("ticket.explode", {}), body(None, {}), body(["ticket.open"], {}), body({}, {}),
        body("ticket.open", {}), body("ticket.open", OPEN | {"external_id": None}),
        body("ticket.open", OPEN | {"account": {"id": ""}}),
        body("ticket.take", {}), body("ticket.take", {"ticket": "not an id"}), body("ticket.take", {"ticket": 7}),
        body("ticket.take", {"ticket": TICKET, "colour": "red"}),
        body("ticket.rate", {"ticket": TICKET, "csat": 9}),
        body("ticket.respond", {"ticket": TICKET, "by": "ada", "text": "x" * 30_000}),
        b"[" * 50_000,
        b'{"type": "ticket.open", "data": {"external_id": "7", "account": {"id": "acme"}, "subject": "a\\u0000b"}}',
        b'{"type": "ticket.open", "data": {"external_id": "7", "account": {"id": "acme"}, "form": {"a\\u0000": "b"}}}',
        b'{"type": "ticket.note", "data": {"external_id": "\\ud800", "text": "x", "by": "ada"}}',
        b'{"type": "ticket.open", "data": {"external_id": "7", "account": {"id": "acme", "arr": NaN}}}',
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_while_the_sender_listens(content: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        accept(content)
    assert "\n" not in str(caught.value)
    assert "x" * 100 not in str(caught.value)


@pytest.mark.parametrize("late", [timedelta(minutes=6), -timedelta(minutes=6)])
def test_a_stale_delivery_and_one_of_the_future_are_not_verified(late: timedelta) -> None:
    with pytest.raises(Unverified):
        accept(body("ticket.open", OPEN), at=NOW + late)


def test_a_forged_and_a_changed_delivery_are_not_verified() -> None:
    content = body("ticket.open", OPEN)
    with pytest.raises(Unverified):
        accept(content, secret=SecretStr("whsec_Z3Vlc3NlZC1ndWVzc2VkLWd1ZXNzZWQtZ3Vlc3NlZA=="))
    headers = headers_for(CHAT_SECRET, "d-1", NOW, content)
    for changed, given in ((content + b" ", headers), (content, {}), (content, headers | {"webhook-id": "d-2"})):
        with pytest.raises(Unverified):
            HOOK.accept(given, changed, NOW)

"""No value of a field that only describes keeps a ticket or a customer's words out of the generic webhook."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.core.ids import ticket_id
from domain.ticket import commands as c
from domain.ticket.commands import Reply
from integrations.standard_webhooks import headers_for
from integrations.standins.run import CHAT_SECRET
from services.intake.lenient import NEVER_GUESSED
from services.intake.opening import opening_recording
from services.intake.request import AccountForm, OpenRequest
from services.intake.texts import prepare_command
from services.webhooks.deliveries import Delivery, Unreadable
from services.webhooks.generic import GenericHook, _command, _request
from tests.support.policy import POLICY

NOT_TO_BE_READ: tuple[Any, ...] = (
    None, "", " ", True, False, 0, -1, 1.5, 10**30, 1e308, [], [None], ["x"], [["x"]], {}, {"a": {"b": None}},
    "x" * 201,
    "ü" * 30_000, "\u202e", "line\nbreak", "😀" * 200, "NULL", "n/a", "None", "undefined", "-", "2026-13-45",
    "\ufeffHIGH ", "<b>x</b>", {"id": 5, "name": "Billing"}, [{"value": "high"}],
)  # fmt: skip
"""What systems write into fields that are meant for something else."""
DESCRIBING = tuple(name for name in OpenRequest.model_fields if name not in {*NEVER_GUESSED, "unread"})
OF_AN_ACCOUNT = tuple(name for name in AccountForm.model_fields if name != "id")


def taken_in(kind: str, data: dict[str, Any]) -> Delivery:
    """Take in a delivery, and return it as it is kept. Raises Unreadable where its sender is told that it is not."""
    now = datetime.now(UTC)
    body = json.dumps({"type": kind, "data": data}).encode()
    hook = GenericHook([CHAT_SECRET], None, None)  # type: ignore[arg-type]  # accepting calls nothing
    (taken,) = hook.accept(headers_for(CHAT_SECRET, "d-1", now, body), body, now)
    return Delivery.model_validate_json(taken.model_dump_json())


@pytest.mark.parametrize("field", [*DESCRIBING, "colour", "account.name", *(f"account.{one}" for one in OF_AN_ACCOUNT)])
def test_no_value_of_a_field_that_only_describes_keeps_a_ticket_out(field: str) -> None:
    for value in NOT_TO_BE_READ:
        form: dict[str, Any] = {"external_id": 7, "account": {"id": "acme"}, "subject": "It broke."}
        holder, _, name = field.rpartition(".")
        (form["account"] if holder else form)[name] = value
        stored = taken_in("ticket.open", form).payload["data"]
        story = opening_recording(POLICY, _request(stored), datetime.now(UTC))
        assert story.state.id == ticket_id("webhook", "7"), value


@pytest.mark.parametrize("field", [*(n for n in Reply.model_fields if n not in {"by", "id"}), "attachments", "colour"])
@pytest.mark.parametrize("kind", ["customer.replied", "ticket.reply"])
def test_no_value_of_a_field_that_only_describes_keeps_a_customers_words_out(kind: str, field: str) -> None:
    for value in NOT_TO_BE_READ:
        data = {"external_id": 7, "by": "jane", "text": "It is back.", field: value}
        name, payload = _command(kind, taken_in(kind, data).payload["data"], "d-1")
        assert isinstance(c.parse(prepare_command("x", name, payload).texts, name), Reply), value


def test_what_could_not_be_read_of_a_customers_words_is_named_with_them() -> None:
    data = {"external_id": 7, "text": "It is back.", "colour": "red", "occurred": "yesterday", "subject": "x" * 300}
    _, payload = _command("customer.replied", data, "d-1")
    assert payload["unread"] == "colour: red\noccurred: yesterday"
    assert (len(payload["subject"]), payload["subject"][-1]) == (200, "\u2026")
    with pytest.raises(Unreadable, match="by: must be text"):  # who speaks is never guessed
        taken_in("customer.replied", {"external_id": 7, "text": "It is back.", "by": ["jane"]})


def test_a_customers_message_is_what_they_write_under_either_name() -> None:
    said = {"external_id": 7, "account": "acme", "description": "It broke.", "message": "Since nine."}
    request = _request(said)
    assert (request.description, request.message) == ("It broke.\n\nSince nine.", "")
    ours = _request(said | {"role": "agent", "by": "ada"})
    assert (ours.description, ours.message) == ("It broke.", "Since nine.")


@pytest.mark.parametrize("number", [4711, 4711.0, "4711"])
def test_a_number_is_one_id_however_it_is_written(number: Any) -> None:
    opened = taken_in("ticket.open", {"external_id": number, "account": {"id": 5.0}})
    replied = taken_in("customer.replied", {"external_id": number, "text": "x"})
    assert opened.ticket == replied.ticket == ticket_id("webhook", "4711")

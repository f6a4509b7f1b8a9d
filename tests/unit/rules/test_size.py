"""A message is bounded in bytes, so that what one workflow task completes with stays under what Temporal takes."""

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter

from domain.core.refusal import Refused
from domain.core.size import MOST_BYTES, json_bytes
from domain.ticket import commands as c
from workflows.journal_writer import BATCH_BYTES

TERMINATED_FROM = 4 * 1024 * 1024
AT_ONCE = 10
"""Updates that a Temporal server hands to a workflow together."""
CHARACTERS = ["x", "\u00fc", "\u6f22", "\U0001f600", "\u0001", '"', "\\"]


@pytest.mark.parametrize("character", CHARACTERS)
def test_bytes_are_counted_as_the_payload_converter_writes_them(character):
    payload = {"text": character * 1000, "n": [1, None, True]}
    [written] = pydantic_data_converter.payload_converter.to_payloads([payload])
    assert json_bytes(payload) == len(written.data)


@pytest.mark.parametrize("character", CHARACTERS)
def test_one_text_of_any_characters_fits(character):
    text = character * 20_000
    assert c.parse({"by": "ada", "id": "i" * 200, "text": text}, "note") == c.Note(by="ada", id="i" * 200, text=text)


def test_ten_commands_and_a_batch_of_the_journal_fit_into_one_task():
    assert AT_ONCE * MOST_BYTES + BATCH_BYTES < 3 * 1024 * 1024 < TERMINATED_FROM


def test_a_command_that_is_too_large_names_its_largest_fields_and_no_content():
    fields = dict.fromkeys(("steps_taken", "customer_impact", "reproduction_steps"), "漢" * 20000)
    fields["communication_plan"] = "\U0001f600" * 10_000
    with pytest.raises(Refused) as refused:
        c.parse({"by": "ada", "fields": fields}, "fill")
    assert refused.value.code == "too_large"
    assert set(refused.value.fields) == {f"fields.{name}" for name in list(fields)[:3]}
    assert "196,608" in refused.value.message
    assert "\u6f22" not in str(refused.value.as_dict())


def test_the_bound_is_the_same_at_every_door_whatever_was_stamped_on_the_way():
    payload = {"by": "ada", "text": "x", "more": ""}
    payload["more"] = "x" * (MOST_BYTES - json_bytes(payload))
    for stamped in (payload, payload | {"received": "2026-03-02T09:00:00+00:00"}):
        with pytest.raises(Refused) as refused:
            c.parse(stamped, "note")
        assert refused.value.code == "malformed"  # not too large, but it knows no such field
    with pytest.raises(Refused) as refused:
        c.parse(payload | {"text": "xx"}, "note")
    assert refused.value.code == "too_large"


def test_what_a_history_has_may_have_any_size():
    fields = dict.fromkeys(
        ("steps_taken", "customer_impact", "reproduction_steps", "workaround_status"), "\u6f22" * 20_000
    )
    assert isinstance(c.parse({"by": "ada", "fields": fields}, "fill", recorded=True), c.Fill)

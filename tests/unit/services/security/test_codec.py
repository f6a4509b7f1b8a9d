"""Payload encryption: keys, rotation, and what becomes of payloads."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from temporalio.api.common.v1 import Payload
from temporalio.converter import DefaultFailureConverter, DefaultFailureConverterWithEncodedAttributes

from cli.main import run
from services.security.codec import Codec, CodecError, Keys, data_converter, new_key
from tests.support.root import ROOT
from workers.settings import Settings, SettingsError
from workers.temporal import codec as codec_of

NOW = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
OLD, NEW = new_key(NOW), new_key(NOW)
OLD_ID, NEW_ID = OLD.partition(":")[0], NEW.partition(":")[0]
MARK = b"the customer's own words"


def codec(*keys: str) -> Codec:
    return Codec(Keys.parse(",".join(keys)))


PAYLOADS = st.builds(
    Payload, metadata=st.dictionaries(st.text(max_size=20), st.binary(max_size=20), max_size=3), data=st.binary()
)


@given(payloads=st.lists(PAYLOADS, max_size=4))
async def test_what_is_encrypted_comes_back_as_it_was(payloads: list[Payload]) -> None:
    there = codec(OLD)
    assert await there.decode(await there.encode(payloads)) == payloads


async def test_nothing_of_a_payload_stays_readable_and_it_names_its_key() -> None:
    (secret,) = await codec(OLD).encode([Payload(metadata={"encoding": b"json/plain", "kind": MARK}, data=MARK)])
    assert MARK not in secret.SerializeToString()
    assert dict(secret.metadata) == {"encoding": b"binary/encrypted", "encryption-key-id": OLD_ID.encode()}


async def test_the_same_content_never_looks_the_same() -> None:
    one, two = await codec(OLD).encode([Payload(data=MARK)] * 2)
    assert one.data != two.data


async def test_what_is_plain_passes_through_so_that_encryption_can_be_turned_on_later() -> None:
    plain = [Payload(metadata={"encoding": b"json/plain"}, data=MARK)]
    assert await codec(OLD).decode(plain) == plain


async def test_a_new_key_encrypts_and_the_old_one_still_decrypts() -> None:
    before = await codec(OLD).encode([Payload(data=MARK)])
    rotated = codec(NEW, OLD)
    after = await rotated.encode([Payload(data=MARK)])
    assert [one.metadata["encryption-key-id"].decode() for one in (*before, *after)] == [OLD_ID, NEW_ID]
    assert await rotated.decode([*before, *after]) == [Payload(data=MARK)] * 2


async def test_a_key_that_is_known_first_is_used_only_when_it_comes_first() -> None:
    # Given processes of which some have the new key as the last, and some as the first already
    behind, ahead = codec(OLD, NEW), codec(NEW, OLD)
    # Then each reads what the other writes, in either order of the deploy
    assert await behind.decode(await ahead.encode([Payload(data=MARK)])) == [Payload(data=MARK)]
    assert await ahead.decode(await behind.encode([Payload(data=MARK)])) == [Payload(data=MARK)]


async def test_plain_in_front_knows_the_keys_and_encrypts_nothing() -> None:
    secret = await codec(OLD).encode([Payload(data=MARK)])
    ready = codec("plain", OLD)
    assert await ready.encode([Payload(data=MARK)]) == [Payload(data=MARK)]
    assert await ready.decode(secret) == [Payload(data=MARK)]


@pytest.mark.parametrize("without", [codec(NEW), Codec()], ids=["another key", "no key at all"])
async def test_a_missing_key_is_one_line_that_names_it(without: Codec) -> None:
    secret = await codec(OLD).encode([Payload(data=MARK)])
    with pytest.raises(CodecError) as failed:
        await without.decode(secret)
    line = f"a payload is encrypted with key '{OLD_ID}', which TIERLINE_CODEC_KEYS does not hold: add it"
    assert str(failed.value) == line


async def test_another_key_under_the_same_id_is_told_apart_from_a_missing_one() -> None:
    secret = await codec(f"one:{OLD.partition(':')[2]}").encode([Payload(data=MARK)])
    with pytest.raises(CodecError, match="another key of that id, or altered"):
        await codec(f"one:{NEW.partition(':')[2]}").decode(secret)


async def test_a_payload_cannot_be_passed_off_as_one_of_another_key() -> None:
    secret = OLD.partition(":")[2]
    same = codec(f"one:{secret}", f"two:{secret}")
    (payload,) = await same.encode([Payload(data=MARK)])
    payload.metadata["encryption-key-id"] = b"two"
    with pytest.raises(CodecError, match="altered"):
        await same.decode([payload])


@given(place=st.integers(min_value=0, max_value=51), bit=st.integers(min_value=0, max_value=7))
async def test_a_payload_that_was_altered_is_refused(place: int, bit: int) -> None:
    (secret,) = await codec(OLD).encode([Payload(data=MARK)])
    altered = bytearray(secret.data)
    altered[place % len(altered)] ^= 1 << bit
    with pytest.raises(CodecError, match="altered"):
        await codec(OLD).decode([Payload(metadata=secret.metadata, data=bytes(altered))])


async def test_a_payload_without_content_is_refused_like_any_other_that_is_not_ours() -> None:
    with pytest.raises(CodecError, match="altered"):
        await codec(OLD).decode(
            [Payload(metadata={"encoding": b"binary/encrypted", "encryption-key-id": OLD_ID.encode()})]
        )


def test_a_new_key_says_when_it_was_made_and_no_two_are_alike() -> None:
    assert OLD.startswith("20260301-")
    assert OLD.partition(":")[2] != NEW.partition(":")[2]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "there is no key: make one with `tierline codec key`"),
        ("# a file without keys", "there is no key: make one with `tierline codec key`"),
        (f"{OLD} nonsense", "key 2 is not of the form ID:SECRET, as `tierline codec key` prints it"),
        (f"{OLD[:-8]}", "key 1 is not of the form ID:SECRET, as `tierline codec key` prints it"),
        (f"plain {OLD}, {OLD}", f"key {OLD_ID} is there twice"),
    ],
    ids=["nothing", "comments only", "no key", "too short", "twice"],
)
def test_keys_that_cannot_be_read_are_told_in_one_line_without_them(text: str, line: str) -> None:
    with pytest.raises(CodecError) as failed:
        Keys.parse(text)
    assert str(failed.value) == line


async def test_keys_of_a_file_stand_in_lines_with_comments() -> None:
    keys = Keys.parse(f"# of 2026\n{NEW}  # in use\n\n{OLD}\n")
    assert (keys.writes, set(keys.known)) == (NEW_ID, {NEW_ID, OLD_ID})


def test_no_key_shows_in_a_repr() -> None:
    assert OLD.partition(":")[2] not in repr(Keys.parse(OLD))


def test_messages_of_failures_are_encrypted_exactly_where_payloads_are() -> None:
    def kind(codec: Codec) -> type:
        return data_converter(codec).failure_converter_class

    assert kind(codec(OLD)) is DefaultFailureConverterWithEncodedAttributes
    assert kind(codec("plain", OLD)) is kind(Codec()) is DefaultFailureConverter


# -- As the settings name them -------------------------------------------------------------------------------


def named(value: str) -> Codec:
    return codec_of(Settings.model_validate({"TIERLINE_CODEC_KEYS": value}))


async def test_keys_may_stand_in_the_environment_or_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "codec.keys"
    file.write_text(f"# newest first\n{NEW}\n{OLD}\n")
    (secret,) = await named(f"{NEW},{OLD}").encode([Payload(data=MARK)])
    assert await named(f"@{file}").decode([secret]) == [Payload(data=MARK)]


def test_without_keys_nothing_is_encrypted() -> None:
    assert not codec_of(Settings.model_validate({})).encrypts


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (f"{OLD},{OLD}", f"TIERLINE_CODEC_KEYS: key {OLD_ID} is there twice"),
        ("no-key", "TIERLINE_CODEC_KEYS: key 1 is not of the form ID:SECRET, as `tierline codec key` prints it"),
        ("@/no/such/file", "TIERLINE_CODEC_KEYS: the file /no/such/file cannot be read: No such file or directory"),
    ],
    ids=["twice", "no key", "no file"],
)
def test_keys_that_are_of_no_use_are_told_by_the_name_of_the_setting(value: str, line: str) -> None:
    with pytest.raises(SettingsError) as failed:
        named(value)
    assert str(failed.value) == line


def test_the_keys_show_in_no_repr_of_the_settings() -> None:
    assert OLD.partition(":")[2] not in repr(Settings.model_validate({"TIERLINE_CODEC_KEYS": OLD}))


@pytest.mark.parametrize("origin", ["https://ui.example.com/", "ui.example.com", "https://ui.example.com/x", "*"])
def test_the_origin_of_the_ui_is_an_origin(origin: str) -> None:
    with pytest.raises(ValidationError, match="must be scheme, host and port, without a path"):
        Settings.model_validate({"TIERLINE_CODEC_ORIGIN": origin})


def test_every_client_of_ours_is_made_in_the_one_place_that_encrypts() -> None:
    """But for virtual time, whose server is private to its process and gone with it."""
    rooms = ["domain", "workflows", "activities", "integrations", "store", "services", "api", "cli", "workers"]
    making = re.compile(r"Client\.connect\(|Client\.connect_lazy|pydantic_data_converter")
    makers = {
        str(file.relative_to(ROOT))
        for room in rooms
        for file in (ROOT / room).rglob("*.py")
        if making.search(file.read_text())
    }
    assert makers == {"services/security/codec.py", "workers/temporal.py", "workers/virtual_time.py"}


def test_a_key_that_the_command_makes_is_one_that_the_setting_takes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["codec", "key"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert named(line).encrypts

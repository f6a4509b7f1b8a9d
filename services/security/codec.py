"""Payload encryption: Temporal keeps what tickets receive and decide, and cannot read it.

Every payload is encrypted by AES-256-GCM before it leaves the process: inputs and results of workflows and
activities, Signals, Updates and their answers, queries, failures, summaries and details. Names, ids and search
attributes are not payloads: they stay readable, and hold no personal data.

What is not encrypted passes through, so that encryption can be turned on while tickets are open.
"""

import base64
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes, PayloadCodec

from domain.core.failures import NotUsable

ENCODING = b"binary/encrypted"
"""How an encrypted payload says that it is one."""
KEY_ID = "encryption-key-id"
"""Where it names its key."""
PLAIN = "plain"
"""Stands in front of the keys where they are known, and none of them is used yet."""
KEY_BYTES = 32
NONCE_BYTES = 12
"""Random for every payload. NIST SP 800-38D allows 2**32 of them for one key: some fifty million tickets."""

_KEY = re.compile(r"(?P<id>[A-Za-z0-9._-]{1,40}):(?P<secret>[A-Za-z0-9+/_-]{43}=?)")
"""43 letters of base64, of either alphabet, are 32 bytes."""


class CodecError(NotUsable):
    """A payload cannot be decrypted, or keys cannot be read. One line, which never holds a key or any content."""


@dataclass(frozen=True)
class Keys:
    """The keys by their ids, and which of them encrypts."""

    known: Mapping[str, AESGCM] = field(default_factory=dict, repr=False)
    writes: str | None = None
    """The id of the key that encrypts; None: nothing is encrypted."""

    @classmethod
    def parse(cls, text: str) -> "Keys":
        """Return keys as `tierline codec key` prints them, `ID:SECRET`, the newest first, with commas, blanks or
        lines between them.

        The first encrypts, every one decrypts; with `plain` in front none encrypts. In a file, # begins a comment.
        Raises CodecError.
        """
        words = re.sub(r"#.*", "", text).replace(",", " ").split()
        plain, named = (True, words[1:]) if words[:1] == [PLAIN] else (False, words)
        known: dict[str, AESGCM] = {}
        for place, word in enumerate(named, start=1):
            match = _KEY.fullmatch(word)
            if match is None:
                raise CodecError(f"key {place} is not of the form ID:SECRET, as `tierline codec key` prints it")
            if match["id"] in known:
                raise CodecError(f"key {match['id']} is there twice")
            known[match["id"]] = AESGCM(base64.urlsafe_b64decode(match["secret"][:43] + "="))
        if not words:
            raise CodecError("there is no key: make one with `tierline codec key`")
        return cls(known, None if plain else next(iter(known)))


def new_key(now: datetime) -> str:
    """Return a new key as one line, `ID:SECRET`. Its id is the day and four random letters, so that ids sort by age."""
    key_id = f"{now.astimezone(UTC):%Y%m%d}-{os.urandom(2).hex()}"
    return f"{key_id}:{base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()}"


class Codec(PayloadCodec):
    """Encrypts with the newest key, decrypts with any that is known."""

    def __init__(self, keys: Keys | None = None) -> None:
        """Without keys nothing is encrypted, and what is encrypted is refused in one clear line."""
        self._keys = keys or Keys()

    @property
    def encrypts(self) -> bool:
        return self._keys.writes is not None

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._encrypt(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Decrypt payloads. Raises CodecError for a key that is not known, and for what was tampered with."""
        return [self._decrypt(payload) for payload in payloads]

    def _encrypt(self, payload: Payload) -> Payload:
        key_id = self._keys.writes
        if key_id is None:
            return payload
        nonce = os.urandom(NONCE_BYTES)
        secret = self._keys.known[key_id].encrypt(nonce, payload.SerializeToString(), _bound_to(key_id))
        return Payload(metadata={"encoding": ENCODING, KEY_ID: key_id.encode()}, data=nonce + secret)

    def _decrypt(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            return payload  # from before encryption was turned on
        key_id = payload.metadata.get(KEY_ID, b"").decode("ascii", "replace")[:40]
        key = self._keys.known.get(key_id)
        if key is None:
            raise CodecError(
                f"a payload is encrypted with key {key_id!r}, which TIERLINE_CODEC_KEYS does not hold: add it"
            )
        try:
            plain = key.decrypt(payload.data[:NONCE_BYTES], payload.data[NONCE_BYTES:], _bound_to(key_id))
        except (InvalidTag, ValueError):
            raise CodecError(
                f"a payload is not what key {key_id!r} encrypted: another key of that id, or altered"
            ) from None
        return Payload.FromString(plain)


def _bound_to(key_id: str) -> bytes:
    """Return what is authenticated along with the content: a payload cannot be passed off as one of another key or
    program."""
    return b"tierline:" + key_id.encode()


def data_converter(codec: Codec) -> DataConverter:
    """Return how this program's values become payloads. Where the codec encrypts, failures' messages do too."""
    converter = replace(pydantic_data_converter, payload_codec=codec)
    if codec.encrypts:
        converter = replace(converter, failure_converter_class=DefaultFailureConverterWithEncodedAttributes)
    return converter

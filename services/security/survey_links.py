"""F7: the signed link of a survey. Who has it may answer for one ticket, until it ends, and nothing else.

A link names its ticket and its end, and carries an HMAC-SHA256 over both and its purpose, of 160 bits: it cannot be
guessed, and no link of one ticket, or of another purpose, can be made into one of another. It is kept nowhere: the
same ticket and end give the same link.
"""

import hashlib
import hmac
import re
from base64 import b32encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from domain.core.failures import Unavailable
from domain.core.refusal import Refused

SHORTEST = 32
"""Characters of a secret that signs links."""
PURPOSE = b"tierline survey, 1"
_TOKEN = re.compile(r"([0-9a-z-]{3,40})\.([0-9]{9,12})\.([a-z2-7]{32})")


class LinkEnded(Exception):
    """The link was made by us, and its time is over."""


class SurveyLinks:
    """Makes and reads the links of surveys."""

    def __init__(self, address: str, secrets: Sequence[SecretStr], valid: timedelta) -> None:
        """`address` is where customers reach us. The first of `secrets` signs; all are read, so that one can be
        replaced. `valid` is how long after the closing a link works.

        Raises ValueError, without a secret, for one that is too short.
        """
        self._keys = [secret.get_secret_value().encode() for secret in secrets]
        if not self._keys or any(len(key) < SHORTEST for key in self._keys):
            raise ValueError(f"each secret has {SHORTEST} characters or more")
        self._address = address.rstrip("/")
        self._valid = valid

    def link(self, ticket: str, closed: datetime) -> str:
        """Return the address of a ticket's survey."""
        return f"{self._address}/survey/{self.token(ticket, closed)}"

    def token(self, ticket: str, closed: datetime) -> str:
        """Return the part of the address that names and signs."""
        ends = str(int((closed + self._valid).timestamp()))
        return f"{ticket}.{ends}.{_signature(self._keys[0], ticket, ends)}"

    def ticket(self, token: str, now: datetime) -> str:
        """Return the ticket of a link. Raises Refused (`not_found`) for what we did not sign, LinkEnded."""
        found = _TOKEN.fullmatch(token)
        if found is None:
            raise Refused("not_found", "this is no link of a survey")
        ticket, ends, given = found.groups()
        good = [hmac.compare_digest(_signature(key, ticket, ends), given) for key in self._keys]
        if not any(good):
            raise Refused("not_found", "this is no link of a survey")
        if now >= datetime.fromtimestamp(int(ends), UTC):
            raise LinkEnded
        return ticket


def links_needed(links: SurveyLinks | None) -> SurveyLinks:
    """Return the links. Raises Unavailable where none are set up."""
    if links is None:
        raise Unavailable("surveys are not set up here: SURVEY_URL and SURVEY_SECRET")
    return links


def _signature(key: bytes, ticket: str, ends: str) -> str:
    content = b"\0".join((PURPOSE, ticket.encode(), ends.encode()))
    return b32encode(hmac.new(key, content, hashlib.sha256).digest()[:20]).decode().lower()

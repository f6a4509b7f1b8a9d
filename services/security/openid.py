"""Signing in by the company's identity provider: from its claims to a session.

The provider says who a person is, and their groups; the settings say which role a group gives. Both are asked anew with
each sign-in, and a session of this kind lasts for LONGEST at most: what the provider takes away is gone the next day.
"""

import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from domain.core.enums import Role
from domain.core.failures import Unavailable
from domain.core.refusal import Refused
from domain.core.text import clean, has_text, strip_invisible
from domain.core.values import Frozen
from integrations.calls import Failure
from integrations.openid.provider import Attempt, IdentityProvider, NotBelieved
from services.intake.sources import check_actor
from services.security import sessions
from services.security.auth import GRANTABLE, NotAuthenticated
from store.database import Database

log = logging.getLogger("tierline.openid")

LONGEST = timedelta(hours=12)
"""How long such a session lasts at most."""
ROLES = tuple(role for role in GRANTABLE if role not in (Role.INTEGRATION, Role.BOT))
"""The roles that a group may give: those of people."""
_BEGUN = re.compile(r"[A-Za-z0-9_-]{43}")
_LONGEST_NAME = 100
_MOST_GROUPS = 2000
_AGAIN = "begin again on the sign-in page"


class OpenIdRules(Frozen):
    """What the provider's claims mean here."""

    name_claim: str
    """Which claim is a person's name in events."""
    roles_claim: str
    """Which claim lists a person's groups."""
    roles: Mapping[str, Role]
    """Group -> role. The first that a person is in counts."""


class Answer(NamedTuple):
    """What a browser brings back from the provider."""

    state: str
    code: str
    error: str
    issuer: str
    """Who says so (RFC 9207); "" where the provider does not say."""


class OpenIdSignIn:
    """Signing in by an identity provider. Its methods block while they wait for it."""

    def __init__(self, provider: IdentityProvider, rules: OpenIdRules) -> None:
        self._provider = provider
        self._rules = rules

    @property
    def host(self) -> str:
        """Return the host of the provider, by which people know it."""
        return self._provider.config.host

    def begin(self, back: str) -> tuple[str, str]:
        """Begin to sign in. Returns where the browser goes, and what it alone must keep until it comes `back`.

        Raises Unavailable.
        """
        begun = secrets.token_urlsafe(32)
        try:
            return self._provider.address(_attempt(begun, back)), begun
        except Failure as failure:
            raise _unavailable(self.host, failure) from None

    def finish(self, db: Database, begun: str, back: str, answer: Answer, zone: str, now: datetime) -> str:
        """Begin a session for whoever the provider says has signed in. Returns the cookie's value.

        Raises NotAuthenticated, Refused (`not_allowed`) for a person who has no role here, Unavailable, DatabaseDown.
        """
        if not _BEGUN.fullmatch(begun):
            raise NotAuthenticated(f"this took too long, or began in another browser: {_AGAIN}")
        attempt = _attempt(begun, back)
        if not hmac.compare_digest(answer.state.encode(), attempt.state.encode()):
            raise NotAuthenticated(f"this answer is to another try to sign in: {_AGAIN}")
        if answer.issuer and answer.issuer != self._provider.config.issuer:
            raise NotAuthenticated(f"this answer is another provider's: {_AGAIN}")
        if answer.error or not answer.code:
            raise NotAuthenticated(f"{self.host} did not sign you in: {_AGAIN}")
        try:
            claims = self._provider.claims(answer.code, attempt)
        except NotBelieved as failure:
            log.warning("nobody is signed in: %s", failure)
            raise NotAuthenticated(f"{self.host} did not prove who you are: {_AGAIN}") from None
        except Failure as failure:
            raise _unavailable(self.host, failure) from None
        name = self._name(claims)
        role = self._role(claims, name)
        return sessions.begin(db, name, role, zone, now, lasts=LONGEST)

    def _name(self, claims: Mapping[str, Any]) -> str:
        name = claims.get(self._rules.name_claim)
        if not isinstance(name, str) or not has_text(name) or len(name) > _LONGEST_NAME or _plain(name) != name:
            message = f"{self.host} does not say your name: ask its admin for the claim {self._rules.name_claim}"
            raise Refused("not_allowed", message)
        check_actor(name, "name")
        return name

    def _role(self, claims: Mapping[str, Any], name: str) -> Role:
        said = claims.get(self._rules.roles_claim)
        groups = said[:_MOST_GROUPS] if isinstance(said, list) else [said]
        for group, role in self._rules.roles.items():
            if group in groups:
                return role
        known = ", ".join(list(self._rules.roles)[:10])
        raise Refused(
            "not_allowed",
            f"{self.host} knows you as {name}, but nothing that it says of you gives you a role here: "
            f"ask its admin for one of {known} (in the claim {self._rules.roles_claim}), then sign in again",
        )


def _attempt(begun: str, back: str) -> Attempt:
    """Return what is sent to the provider, made of what only the browser keeps."""
    state, nonce, verifier = (
        hmac.new(begun.encode(), use, hashlib.sha256).hexdigest() for use in (b"state", b"nonce", b"verifier")
    )
    return Attempt(state, nonce, verifier, back)


def _plain(name: str) -> str:
    return " ".join(strip_invisible(clean(name)).split())


def _unavailable(host: str, failure: Failure) -> Unavailable:
    log.warning("nobody can sign in: %s", failure)
    return Unavailable(f"{host} does not answer as it should: try again in a minute, or sign in by a token")

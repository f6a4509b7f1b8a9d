"""The client of an identity provider: where people sign in, and who an answer of the provider says that they are.

The authorization code flow with PKCE (RFC 7636), a state and a nonce, as OpenID Connect Core 1.0 has it:
https://openid.net/specs/openid-connect-core-1_0.html
Where the provider's endpoints and keys are, its discovery document says:
https://openid.net/specs/openid-connect-discovery-1_0.html

No call is repeated, and each is bounded in time and size: a person waits for it, and can begin again.
"""

import base64
import json
import threading
import time
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple
from urllib.parse import quote, urlencode

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from integrations.calls import Failure, Rejected, Unauthorized, Unknown, fetch
from integrations.openid.config import OpenIdConfig, SecureAddress

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""The signatures that we take: with a key of the provider's own. Never `none`, and never our shared secret (HS256)."""
LEEWAY = 60
"""Seconds by which the provider's clock and ours may differ."""
KEPT = 3600.0
"""Seconds for which the discovery document and the keys are kept."""
AGAIN = 30.0
"""Seconds after which keys are fetched anew for a key that we do not know."""
TIMEOUT = (3.0, 5.0)
"""Seconds to connect, seconds between bytes."""
WITHIN = 8.0
"""Seconds of one call."""
MOST = 262_144
"""Bytes of an answer."""
LONGEST_TOKEN = 65_536
"""Characters of an ID token: a person may be in hundreds of groups."""


class NotBelieved(Failure):
    """The provider's answer does not prove who the person is."""


class _Discovery(BaseModel):
    """What we need of a discovery document."""

    issuer: str
    authorization_endpoint: SecureAddress
    token_endpoint: SecureAddress
    jwks_uri: SecureAddress
    id_token_signing_alg_values_supported: Annotated[list[str], Field(max_length=100)] = ["RS256"]
    token_endpoint_auth_methods_supported: Annotated[list[str], Field(max_length=100)] = ["client_secret_basic"]


class _Tokens(BaseModel):
    """What we need of the token endpoint's answer."""

    id_token: Annotated[str, Field(max_length=LONGEST_TOKEN)]
    access_token: Annotated[str, Field(max_length=LONGEST_TOKEN)]


class Attempt(NamedTuple):
    """What ties a provider's answer to the browser that was sent there."""

    state: str
    nonce: str
    verifier: str
    """Of PKCE."""
    back: str
    """The address at which the browser comes back: the redirect URI."""


class _Kept(NamedTuple):
    value: Any
    until: float


class IdentityProvider:
    """An identity provider. Safe to use from several threads."""

    def __init__(self, config: OpenIdConfig) -> None:
        self.config = config
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}

    def address(self, attempt: Attempt) -> str:
        """Return where the browser goes to sign in. Raises Failure where the provider cannot be asked."""
        found: str = prepare_grant_uri(
            self._discovery().authorization_endpoint,
            client_id=self.config.client_id,
            response_type="code",
            redirect_uri=attempt.back,
            scope=self.config.scopes,
            state=attempt.state,
            nonce=attempt.nonce,
            code_challenge=create_s256_code_challenge(attempt.verifier),
            code_challenge_method="S256",
        )
        return found

    def claims(self, code: str, attempt: Attempt) -> dict[str, Any]:
        """Return what the provider says of the person for whom it gave this code, once it is proven to be its word.

        Raises NotBelieved, Failure.
        """
        discovery = self._discovery()
        tokens = self._tokens(discovery, code, attempt)
        algorithms = [name for name in ALGORITHMS if name in discovery.id_token_signing_alg_values_supported]
        if not algorithms:  # the library would take an empty list for its own
            raise Unknown("the identity provider signs in no way that we take")
        try:
            token = self._verified(discovery, tokens.id_token, algorithms)
            claims = CodeIDToken(
                token.claims,
                token.header,
                {
                    "iss": {"essential": True, "value": self.config.issuer},
                    "aud": {"essential": True, "value": self.config.client_id},
                    "sub": {"essential": True},
                    "exp": {"essential": True},
                    "nonce": {"essential": True, "value": attempt.nonce},
                },
                {
                    "nonce": attempt.nonce,
                    "client_id": self.config.client_id,
                    "access_token": tokens.access_token,
                },
            )
            claims.validate(leeway=LEEWAY)
        except (JoseError, ValueError, TypeError) as error:
            what = getattr(error, "claim", None) or getattr(error, "error", None) or type(error).__name__
            raise NotBelieved(f"the identity provider's token is not good: {str(what)[:100]}") from None
        return dict(claims)

    def _verified(self, discovery: _Discovery, token: str, algorithms: list[str]) -> jwt.Token:
        registry = JWSRegistry(algorithms=algorithms, strict_check_header=False)
        try:
            return jwt.decode(token, self._keys(discovery), registry=registry)
        except InvalidKeyIdError:  # the provider has new keys
            return jwt.decode(token, self._keys(discovery, anew=True), registry=registry)

    def _tokens(self, discovery: _Discovery, code: str, attempt: Attempt) -> _Tokens:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": attempt.back,
            "code_verifier": attempt.verifier,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        secret = self.config.client_secret.get_secret_value()
        if "client_secret_basic" in discovery.token_endpoint_auth_methods_supported:
            pair = f"{quote(self.config.client_id, safe='')}:{quote(secret, safe='')}"  # RFC 6749, 2.3.1
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            fields |= {"client_id": self.config.client_id, "client_secret": secret}
        body = urlencode(fields).encode()
        try:
            found: _Tokens = self._read(_Tokens, "POST", discovery.token_endpoint, body, headers)
            return found
        except (Rejected, Unauthorized) as error:
            raise NotBelieved(str(error)) from None

    def _discovery(self) -> _Discovery:
        def ask() -> _Discovery:
            url = f"{self.config.issuer.rstrip('/')}/.well-known/openid-configuration"
            found: _Discovery = self._read(_Discovery, "GET", url, None, {"Accept": "application/json"})
            if found.issuer != self.config.issuer:
                raise Unknown("the identity provider calls itself by another name than the settings do")
            return found

        found: _Discovery = self._once("discovery", KEPT, ask)
        return found

    def _keys(self, discovery: _Discovery, *, anew: bool = False) -> KeySet:
        """Return the provider's keys; `anew`, fetched in the last half minute."""

        def ask() -> KeySet:
            answer = self._read(Mapping[str, Any], "GET", discovery.jwks_uri, None, {"Accept": "application/json"})
            return KeySet.import_key_set({"keys": [one for one in answer["keys"] if one.get("use", "sig") == "sig"]})

        try:
            found: KeySet = self._once("keys", KEPT, ask, at_least=KEPT - AGAIN if anew else 0.0)
        except (JoseError, LookupError, ValueError, TypeError, AttributeError):
            raise Unknown("the identity provider's keys cannot be read") from None
        return found

    def _once(self, name: str, lasts: float, ask: Any, *, at_least: float = 0.0) -> Any:
        """Return what is kept under a name if it lasts for `at_least` as many seconds; otherwise ask, and keep it.

        Only one thread asks; the others wait for it, as long as one call may take.
        """
        with self._lock:
            now = time.monotonic()
            kept = self._kept.get(name)
            if kept is None or kept.until <= now + at_least:
                kept = self._kept[name] = _Kept(ask(), now + lasts)
            return kept.value

    def _read(self, kind: Any, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> Any:
        system = "the identity provider"
        answer = fetch(system, method, url, body, headers, TIMEOUT, most=MOST, within=WITHIN)
        try:
            return TypeAdapter(kind).validate_python(json.loads(answer))
        except (ValidationError, ValueError, RecursionError):
            raise Unknown(f"{system} sent an answer that was not understood") from None

"""The identity provider stand-in: OpenID Connect's authorization code flow, as strict as a provider is.

It takes only the redirect URI, the client and the secret that it knows, each code once, and only with the verifier of
its PKCE challenge. `/standin/person` says who signs in next, `/standin/lies` what is wrong with the next ID tokens, and
`/standin/faults` how its interface fails.
"""

import base64
import hashlib
import secrets
from typing import Any, Literal
from urllib.parse import unquote, urlencode

from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from integrations.standins.common import Edge, Faults, Observer, control_routes, form, now, page

LASTS = 300
"""Seconds that an ID token is good for."""

Lie = Literal[
    "wrong_nonce",
    "no_nonce",
    "wrong_audience",
    "expired",
    "not_yet",
    "other_issuer",
    "alg_none",
    "shared_secret",
    "bad_signature",
    "other_key",
    "no_token",
    "huge",
    "other_name",
]
"""What is wrong: with ID tokens; with the answer of the token endpoint (`no_token`, `huge`); with the discovery
document (`other_name`: it names another issuer)."""


PERSON: dict[str, Any] = {"sub": "248289761001", "preferred_username": "ada", "groups": ["support"]}
"""Who signs in where nobody else is said, as claims."""


class _Code(BaseModel, frozen=True):
    """What a code was given for."""

    redirect_uri: str
    nonce: str | None
    challenge: str
    person: dict[str, Any]


class OpenIdStandIn:
    """An identity provider that knows one client. It asks nobody for a password: a link signs in."""

    def __init__(self, client: str, secret: str, *, observer: Observer | None = None) -> None:
        self.faults = Faults()
        self.redirects: set[str] = set()
        """The redirect URIs that are known; where there is none, any is."""
        self.person = dict(PERSON)
        self.lies: set[str] = set()
        self._client = client
        self._secret = secret
        self._codes: dict[str, _Code] = {}
        self._keys = [self._new_key()]
        routes = [
            Route("/.well-known/openid-configuration", self._discovery),
            Route("/authorize", self._authorize),
            Route("/allow", self._allow),
            Route("/token", self._token, methods=["POST"]),
            Route("/keys", self._key_set),
            Route("/standin/person", self._set_person, methods=["POST"]),
            Route("/standin/lies", self._set_lies, methods=["POST"]),
            *control_routes(self.faults),
        ]
        prefixes = ("/.well-known", "/authorize", "/allow", "/token", "/keys")
        self.edge = Edge(Starlette(routes=routes), prefixes, self.faults, observer)
        self.app: ASGIApp = self.edge

    def renew_key(self) -> None:
        """Sign with a new key from now on."""
        self._keys.insert(0, self._new_key())

    def _new_key(self) -> RSAKey:
        return RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig", "alg": "RS256"})

    def _issuer(self, request: Request) -> str:
        return str(request.base_url).rstrip("/")

    async def _discovery(self, request: Request) -> Response:
        issuer = self._issuer(request)
        return JSONResponse(
            {
                "issuer": f"{issuer}/other" if "other_name" in self.lies else issuer,
                "authorization_endpoint": f"{issuer}/authorize",
                "token_endpoint": f"{issuer}/token",
                "jwks_uri": f"{issuer}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256", "none", "HS256"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            }
        )

    async def _key_set(self, _: Request) -> Response:
        public = [key.as_dict(private=False) for key in self._keys]
        return JSONResponse({"keys": [*public, {"kty": "new", "kid": "of-tomorrow"}]})

    async def _authorize(self, request: Request) -> Response:
        """Show the page with which a person allows it, once the request is as it must be."""
        asked = request.query_params
        if asked.get("client_id") != self._client:
            return JSONResponse({"error": "invalid_client"}, 400)
        if self.redirects and asked.get("redirect_uri") not in self.redirects:
            return JSONResponse({"error": "invalid_request", "error_description": "unknown redirect_uri"}, 400)
        good = (
            asked.get("response_type") == "code"
            and "openid" in asked.get("scope", "").split()
            and asked.get("code_challenge_method") == "S256"
            and len(asked.get("code_challenge", "")) == 43
            and asked.get("state")
        )
        if not good:
            return JSONResponse({"error": "invalid_request"}, 400)
        return page("openid.html", person=str(self.person.get("preferred_username")), asked=dict(asked))

    async def _allow(self, request: Request) -> Response:
        """Give a code, or say that the person would not."""
        asked = request.query_params
        back, state = asked["redirect_uri"], asked["state"]
        if "deny" in asked:
            return RedirectResponse(f"{back}?{urlencode({'error': 'access_denied', 'state': state})}", 303)
        code = secrets.token_urlsafe(24)
        self._codes[code] = _Code(
            redirect_uri=back,
            nonce=asked.get("nonce"),
            challenge=asked["code_challenge"],
            person=self.person,
        )
        given = {"code": code, "state": state, "iss": self._issuer(request)}
        return RedirectResponse(f"{back}?{urlencode(given)}", 303)

    async def _token(self, request: Request) -> Response:
        asked = await form(request)
        if not self._is_the_client(request.headers.get("authorization", "")):
            return JSONResponse({"error": "invalid_client"}, 401, headers={"WWW-Authenticate": "Basic"})
        given = self._codes.pop(asked.get("code", ""), None)
        challenge = _challenge(asked.get("code_verifier", ""))
        fits = given is not None and (given.redirect_uri, given.challenge) == (asked.get("redirect_uri"), challenge)
        if asked.get("grant_type") != "authorization_code" or given is None or not fits:
            return JSONResponse({"error": "invalid_grant", "error_description": "This code is not good."}, 400)
        access = secrets.token_urlsafe(24)
        answer = {"access_token": access, "token_type": "Bearer", "expires_in": LASTS}
        if "no_token" not in self.lies:
            answer["id_token"] = self._id_token(self._issuer(request), given, access)
        if "huge" in self.lies:
            answer["more"] = "x" * 1_000_000
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    def _is_the_client(self, authorization: str) -> bool:
        scheme, _, pair = authorization.partition(" ")
        try:
            client, _, secret = base64.b64decode(pair).decode().partition(":")
        except ValueError:
            return False
        return scheme == "Basic" and (unquote(client), unquote(secret)) == (self._client, self._secret)

    def _id_token(self, issuer: str, given: _Code, access: str) -> str:
        at, lies = int(now().timestamp()), self.lies
        claims = given.person | {
            "iss": f"{issuer}/other" if "other_issuer" in lies else issuer,
            "aud": "somebody-else" if "wrong_audience" in lies else self._client,
            "iat": at + (3600 if "not_yet" in lies else -3600 if "expired" in lies else 0),
            "exp": at + (-1800 if "expired" in lies else 7200 if "not_yet" in lies else LASTS),
            "nonce": secrets.token_hex(16) if "wrong_nonce" in lies else given.nonce,
            "at_hash": _half_hash(access),
        }
        if "no_nonce" in lies:
            del claims["nonce"]
        key = self._keys[0]
        if "alg_none" in lies:
            said = jwt.encode({"alg": "RS256"}, claims, key).split(".")[1]
            return ".".join((_encoded(b'{"alg":"none"}'), said, ""))
        if "shared_secret" in lies:
            return _by_shared_secret(claims, self._secret, key.kid or "")
        if "other_key" in lies:  # of another kind, under the id of ours
            return jwt.encode({"alg": "ES256", "kid": key.kid}, claims, ECKey.generate_key("P-256"))
        if "bad_signature" in lies:
            stranger = RSAKey.generate_key(2048)
            return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, stranger)
        return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)

    async def _set_person(self, request: Request) -> Response:
        self.person = dict(await request.json())
        return Response(status_code=204)

    async def _set_lies(self, request: Request) -> Response:
        self.lies = set(await request.json())
        return Response(status_code=204)


def _by_shared_secret(claims: dict[str, Any], secret: str, kid: str) -> str:
    return jwt.encode({"alg": "HS256", "kid": kid}, claims, OctKey.import_key(secret), algorithms=["HS256"])


def _challenge(verifier: str) -> str:
    return _encoded(hashlib.sha256(verifier.encode()).digest())


def _half_hash(access: str) -> str:
    return _encoded(hashlib.sha256(access.encode()).digest()[:16])


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")

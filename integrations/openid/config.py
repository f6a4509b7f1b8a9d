"""Where the identity provider is, and what it knows us by."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from domain.core.values import Frozen
from integrations.calls import is_loopback


def _secure(url: str) -> str:
    """Return an address as it is spelt: an issuer with a slash at its end is another one than without."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("an https address without user, query and fragment is needed")
    if parts.scheme == "http" and not is_loopback(url):
        raise ValueError("people sign in over https only (http is for this machine)")
    return url


SecureAddress = Annotated[str, AfterValidator(_secure), Field(max_length=500)]
"""An https address, or http on this machine, as it is spelt."""


class OpenIdConfig(Frozen):
    """What is needed to ask an identity provider who a person is."""

    issuer: SecureAddress
    """The provider's own name, as its discovery document and its ID tokens spell it."""
    client_id: Annotated[str, Field(min_length=1, max_length=500)]
    client_secret: SecretStr
    scopes: Annotated[str, Field(pattern=r"^openid( [\x21\x23-\x5b\x5d-\x7e]+)*$", max_length=500)]
    """With blanks between them, `openid` first."""

    @property
    def host(self) -> str:
        """Return the host of the provider, by which people know it."""
        return urlsplit(self.issuer).hostname or self.issuer

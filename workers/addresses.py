"""Addresses as settings hold them: what each kind must be, and how it is spelt."""

from functools import partial
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator


def _database(url: str) -> str:
    """SQLAlchemy 2.1 takes psycopg 3 for a bare postgresql://, and we bring psycopg2."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in {"postgres", "postgresql", "postgresql+psycopg2"}:
        raise ValueError("must begin with postgresql://")
    return f"postgresql+psycopg2://{rest}"


def _web_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an http:// or https:// address")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must hold no user, password, query or fragment")
    return url.rstrip("/")


def _origin(origin: str) -> str:
    """As a browser sends it: in lower case, and nothing after the port."""
    parts = urlsplit(origin)
    if parts.scheme not in {"http", "https"} or not parts.hostname or origin != f"{parts.scheme}://{parts.netloc}":
        raise ValueError("must be scheme, host and port, without a path")
    return origin.lower()


def _page(of: str, url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password:
        raise ValueError("must be an http:// or https:// address without user and password")
    if f"{{{of}}}" not in url:
        raise ValueError(f"must hold {{{of}}} where the {of}'s id goes")
    return url


DatabaseAddress = Annotated[str, AfterValidator(_database)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
Origin = Annotated[str, AfterValidator(_origin)]
TicketPage = Annotated[str, AfterValidator(partial(_page, "ticket"))]
"""Where a person finds a ticket; it holds `{ticket}`."""
IncidentPage = Annotated[str, AfterValidator(partial(_page, "incident"))]

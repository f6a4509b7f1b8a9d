"""Addresses as settings hold them: what each kind must be, and how it is spelt."""

import re
from functools import partial
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")


def _database(url: str) -> str:
    """Return any form that libpq takes. A URI names its driver: to SQLAlchemy, a bare postgresql:// is psycopg 3."""
    from store.address import read_address  # here: it loads PostgreSQL's library, which needs a database to be of use

    read_address(url)
    scheme, separator, rest = url.partition("://")
    return f"postgresql+psycopg2://{rest}" if separator and "=" not in scheme else url


def _web_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an http:// or https:// address")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must hold no user, password, query or fragment")
    return url.rstrip("/")


def _origin(origin: str) -> str:
    """Return an origin as a browser sends it: in lower case, and nothing after the port."""
    parts = urlsplit(origin)
    if parts.scheme not in {"http", "https"} or not parts.hostname or origin != f"{parts.scheme}://{parts.netloc}":
        raise ValueError("must be scheme, host and port, without a path")
    return origin.lower()


def _origins(text: str) -> str:
    """Return the origins of a list with commas as a content security policy has them: with blanks between."""
    found = [_origin(one.strip()) for one in text.split(",") if one.strip()]
    if not all(_HOST.fullmatch(urlsplit(one).netloc) for one in found):
        raise ValueError("must be a host's name or IPv4 address, and a port if need be, without wildcards")
    return " ".join(dict.fromkeys(found))


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
Origins = Annotated[str, AfterValidator(_origins)]
"""Several origins, with commas; as a value, with blanks between."""
TicketPage = Annotated[str, AfterValidator(partial(_page, "ticket"))]
"""Where a person finds a ticket; it holds `{ticket}`."""
IncidentPage = Annotated[str, AfterValidator(partial(_page, "incident"))]

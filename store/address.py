"""The address of a PostgreSQL database, in any form that its own library (libpq) takes.

PostgreSQL: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING
"""

import re
from typing import NamedTuple

from psycopg2 import Error
from psycopg2.extensions import parse_dsn

_SCHEMES = ("postgres", "postgresql", "postgresql+psycopg2", "postgresql+psycopg", "postgresql+asyncpg")
_OTHERS = frozenset({"connection_limit", "pool_timeout", "socket_timeout", "statement_cache_size"})
"""Parameters that hosting pages add for the pools of other programs. They mean nothing to us."""
FORM = "write postgresql://user:password@host:5432/name, or host=... dbname=... user=..."


class AddressError(ValueError):
    """No address of a PostgreSQL database. One line that says what to write; it repeats no part that may be secret."""


class Address(NamedTuple):
    """Where a database is."""

    parameters: dict[str, str]
    """As libpq names them: host, port, dbname, user, password, sslmode, service ..."""
    pooled: bool
    """A PgBouncer stands before it, which passes on no settings of a connection (`?pgbouncer=true`)."""

    @property
    def place(self) -> str:
        """Return host and name, to be shown: without user and password."""
        known = self.parameters
        host = (
            known.get("host") or known.get("hostaddr") or (f"service {known['service']}" if "service" in known else "")
        )
        return f"{host or 'localhost'}/{known.get('dbname') or known.get('user') or ''}"


def read_address(text: str) -> Address:
    """Return what an address says: a URI, also with several hosts, a Unix socket or a service, or `key=value` pairs.
    Raises AddressError."""
    scheme, separator, rest = text.strip().partition("://")
    if not separator or " " in scheme or "=" in scheme:
        return Address(_parsed(text.strip()), pooled=False)
    if scheme not in _SCHEMES:
        raise AddressError(f"must begin with postgresql://: {FORM}")
    if rest.split("/")[0].split("?")[0].count("@") > 1:
        raise AddressError("an @ in the user or password is written %40")
    place, _, query = rest.partition("?")
    options = [piece for piece in query.split("&") if piece]
    kept = [piece for piece in options if piece.partition("=")[0] not in _OTHERS | {"pgbouncer"}]
    pooled = any(piece.lower() in ("pgbouncer=true", "pgbouncer=1") for piece in options)
    return Address(_parsed(f"postgresql://{place}" + (f"?{'&'.join(kept)}" if kept else "")), pooled)


def _parsed(dsn: str) -> dict[str, str]:
    try:
        found: dict[str, str] = parse_dsn(dsn)
    except Error as error:
        reason = str(error)
    else:
        if ports := [one for one in found.get("port", "").split(",") if one and not _is_port(one)]:
            raise AddressError(f"{ports[0][:20]!r} is no port: write a number such as 5432")
        return found
    if name := re.search(r'invalid (?:URI query parameter|connection option)[: ]+"([a-zA-Z_]{1,40})"', reason):
        raise AddressError(f"{name[1]} is no parameter that PostgreSQL knows: leave it out")
    if "percent-encoded" in reason:
        raise AddressError("a % in the user, password or name is written %25")
    raise AddressError(f"is no address of a PostgreSQL database: {FORM}")


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text) < 65_536

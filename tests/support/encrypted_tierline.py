"""A Temporal with its data in a file, and a Tierline that encrypts what it stores there."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

from pydantic import BaseModel
from temporalio.client import Client

from cli.options import kinds
from domain.ticket import commands as c
from integrations.standins.run import running as standins
from services.policy_file.load import load_policy
from services.security.codec import new_key
from services.tickets import TicketService
from store.database import Database
from tests.support.clients import clients
from workers.embedded import EmbeddedTemporal
from workers.settings import Settings
from workers.temporal import connect
from workers.worker import running as workers_running

OLD, NEW = new_key(datetime(2026, 1, 1, tzinfo=UTC)), new_key(datetime(2026, 6, 1, tzinfo=UTC))


class Marks:
    """A word of its own for every text, so that each can be looked for."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def __call__(self, what: str) -> str:
        self.made.append(f"mark-{what}-{uuid4().hex[:8]}")
        return self.made[-1]

    def of(self, kind: type[BaseModel]) -> dict[str, Any]:
        """A payload of `kind` with a marked word in every text, whether the rest of it makes sense or not."""
        payload: dict[str, Any] = {}
        for name, field in kind.model_fields.items():
            if name in NAMES or (kind is c.Assign and name == "to"):  # a person of ours, as ops search for them
                continue
            first = next(iter(kinds(field.annotation)))
            if first is str:
                payload[name] = self(f"{kind.__name__}-{name}")
            elif isinstance(first, type) and issubclass(first, BaseModel) and first.__module__ == c.__name__:
                payload[name] = self.of(first)
        return payload


class EncryptedTierline:
    """A Temporal with its data in a file, and everything that a ticket needs."""

    policy: ClassVar = load_policy()

    def __init__(self, home: Path, database_url: str, temporal: EmbeddedTemporal, outside: Any) -> None:
        self.home = home
        self.address = temporal.address
        self.ui_url = temporal.ui_url
        self._url = database_url
        self._outside = outside

    @asynccontextmanager
    async def working(self, *keys: str) -> AsyncIterator[tuple[TicketService, Client, Database]]:
        """A worker and a ticket service with these keys, for as long as the block lasts."""
        client = await connect(self.settings(*keys))
        db = Database(self._url)
        world = clients(db, self._outside)
        async with workers_running(client, world, cached=0):  # every workflow task replays the whole history
            yield TicketService(client, db, self.policy), client, db
        db.dispose()

    def settings(self, *keys: str) -> Settings:
        encrypted = {"TIERLINE_CODEC_KEYS": ",".join(keys)} if keys else {}
        return Settings.model_validate({"TEMPORAL_ADDRESS": self.address, **encrypted})

    def readable(self, marks: Marks) -> set[str]:
        """Which marks stand in the files of Temporal's database, its write-ahead log included."""
        held = b""
        for file in sorted(self.home.glob("temporal.db*")):
            with suppress(FileNotFoundError):  # a journal of SQLite, which is gone when its transaction ends
                held += file.read_bytes()
        assert held
        return {mark for mark in marks.made if mark.encode() in held}


@contextmanager
def an_encrypted_tierline(
    home: Path, database_url: str, ui_port: int = 0, codec_endpoint: str | None = None
) -> Iterator[EncryptedTierline]:
    """A place for as long as the block lasts; its UI has payloads decrypted at `codec_endpoint`."""
    temporal = EmbeddedTemporal(home, port=0, ui_port=ui_port, codec_endpoint=codec_endpoint)
    temporal.start()
    try:
        with standins() as outside:
            yield EncryptedTierline(home, database_url, temporal, outside)
    finally:
        temporal.stop()


NAMES = frozenset({"do", "by", "role", "id"})
"""Of a command: no words of the ticket."""

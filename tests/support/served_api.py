"""An API that is served, with a token for each role, for tests of the API and of the desk."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import requests
from temporalio.client import Client

from domain.core.enums import Role
from integrations.standins.run import running as standins_running
from services.security.auth import GRANTABLE, create_token
from store import journal
from store.database import Database
from store.tables.tickets import RefusalRow
from tests.support.clients import clients
from tests.support.on_record import on_record
from tests.support.timeskipping import way_to
from tests.support.waiting import until
from workers.api import BOUNDS, serving
from workers.connections import Limits
from workers.settings import Settings
from workers.worker import running as workers_running


class Api:
    """A served API, and a token for each role."""

    def __init__(self, url: str, db: Database) -> None:
        self.url = url
        self.db = db
        self.tokens = {role: self.token(role) for role in GRANTABLE}
        self._session = requests.Session()
        self._session.trust_env = False

    def token(
        self, role: Role, *, name: str | None = None, age: timedelta = timedelta(0), sources: Sequence[str] = ()
    ) -> str:
        """A token for a day, made `age` ago. That of an integration opens tickets of `test`, if nothing else is said,
        and speaks for those that people open."""
        made = datetime.now(UTC) - age
        named = sources or (("test", "api", "cli") if role is Role.INTEGRATION else ())
        token, _ = create_token(self.db, name or f"{role.value}-1", role, timedelta(days=1), made, sources=named)
        return token

    async def ask(
        self, method: str, path: str, *, role: Role | None = Role.AGENT, token: str | None = None, **more: Any
    ) -> requests.Response:
        headers = dict(more.pop("headers", {}))
        if secret := token or (self.tokens[role] if role else None):
            headers.setdefault("Authorization", f"Bearer {secret}")
        return await asyncio.to_thread(
            self._session.request, method, self.url + path, headers=headers, timeout=60, **more
        )  # fmt: skip

    async def get(self, path: str, **more: Any) -> requests.Response:
        return await self.ask("GET", path, **more)

    async def post(self, path: str, json: Any = None, **more: Any) -> requests.Response:
        return await self.ask("POST", path, json=json, **more)

    async def take(self, ticket: str) -> None:
        """Have a ticket taken, and wait until the journal, from which pages are made, has it."""
        response = await self.post(f"/api/v1/tickets/{ticket}/take", {})
        assert response.status_code == 200, response.text
        seq = response.json()["seq"]

        def recorded() -> bool:
            with self.db.session() as session:
                known = journal.load(session, ticket)
            return known is not None and known.seq >= seq

        await until(recorded, f"{ticket} is taken on record")

    async def open(self, **form: Any) -> str:
        """Open a ticket. Returns its id."""
        response = await self.post("/api/v1/tickets", a_form(**form))
        assert response.status_code == 201, response.text
        return str(response.json()["ticket"])

    def refusals(self) -> list[RefusalRow]:
        """What was put on record, the latest last."""
        with self.db.session() as session:
            return on_record(session, 10)


def a_form(**fields: Any) -> dict[str, Any]:
    return {
        "source": "test",
        "external_id": uuid4().hex,
        "account": {"id": "acme", "plan": "standard"},
        "category": "bug",
        "priority": "P3",
    } | fields


@asynccontextmanager
async def an_api(url: str, temporal: Client | str, *, limits: Limits = BOUNDS, **more: Any) -> AsyncIterator[Api]:
    """An API on a free port. `temporal` is its Temporal, or an address where there is none. `limits` is what a client
    may take up of it.
    """
    way = {"TEMPORAL_ADDRESS": temporal} if isinstance(temporal, str) else way_to(temporal)
    names = {"DATABASE_URL": url, "TIERLINE_API_PORT": 0, "TIERLINE_API_RATE": 10_000} | way
    with pytest.MonkeyPatch.context() as patch:
        if namespace := way.get("TEMPORAL_NAMESPACE"):
            patch.setenv("TEMPORAL_NAMESPACE", namespace)  # no setting of ours: Temporal's own client reads it
        async with serving(Settings.model_validate(names | more), limits) as served:
            db = Database(url)
            try:
                yield Api(served.url, db)
            finally:
                db.dispose()


@asynccontextmanager
async def all_workers(temporal: Client, url: str) -> AsyncIterator[None]:
    """A worker on every task queue, with stand-ins for the tracker and the pager."""
    with standins_running() as outside:
        db = Database(url)
        world = clients(db, outside)
        async with workers_running(temporal, world):
            yield
        db.dispose()

"""The people of a run: they send each request until somebody answers it, and remember what was accepted."""

import asyncio
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import requests

from domain.core.enums import Role
from domain.ticket.state import Account
from services.security.auth import create_token
from store.accounts import save_accounts
from tests.support.people import Office, RealTicket
from tests.support.processes import Processes

AT_ONCE = 12
"""Requests under way at the same time."""
PAUSE = 0.3
"""Seconds until what was not answered is sent again."""
SOURCE = "chaos"
PEOPLE = {"ada": Role.AGENT, "ben": Role.AGENT, "lead": Role.LEAD, "shop": Role.INTEGRATION}


class Accepted(NamedTuple):
    """What an answer of 2xx has promised."""

    ticket: str
    seq: int
    """The number of the ticket's event that the request led to; 0 where the answer names none."""
    what: str


class NotTaken(AssertionError):
    """A request that should have been taken was refused."""


class People:
    """Sends requests to the API as people and systems do, and counts the answers."""

    def __init__(self, house: Processes, office: Office, seed: int, answered: Callable[[], None]) -> None:
        self.house = house
        self.office = office
        """Opens tickets at a speed of its own, past the API, so that a deadline passes within the run."""
        self.accepted: list[Accepted] = []
        self._answered = answered
        self._ids = random.Random(f"ids {seed}")
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="people")
        self._sessions = threading.local()
        now = datetime.now(UTC)
        self._tokens = {
            name: create_token(
                office.db, name, role, timedelta(days=1), now, sources=[SOURCE] if role is Role.INTEGRATION else ()
            )[0]
            for name, role in PEOPLE.items()
        }

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def new_id(self) -> str:
        """Return an id that no other request of this run has."""
        return UUID(int=self._ids.getrandbits(128), version=4).hex

    async def open(self, **form: Any) -> str:
        """Open a ticket by the API, as a shop's system does. Returns its id."""
        body = {"source": SOURCE, "external_id": self.new_id(), "subject": "It broke"} | form
        ticket = str((await self._post("/api/v1/tickets", body, by="shop"))["ticket"])
        self.accepted.append(Accepted(ticket, 1, "opened"))
        return ticket

    def know(self, account: dict[str, str]) -> None:
        """Put an account on record, as an import of the customers does."""
        with self.office.db.begin() as session:
            save_accounts(session, [Account.model_validate(account)])

    async def do(self, ticket: str, command: str, by: str = "ada", **fields: Any) -> None:
        """Send a command to a ticket, by the API."""
        answer = await self._post(f"/api/v1/tickets/{ticket}/{command}", fields, by=by)
        self.accepted.append(Accepted(ticket, int(answer["seq"]), command))

    async def respond_to(self, incident: int, command: str, **fields: Any) -> None:
        """Send a command to an incident, by the API."""
        await self._post(f"/api/v1/incidents/{incident}/{command}", fields, by="lead")

    def case(self, ticket: str) -> RealTicket:
        """Return a ticket as its workflow and its records show it."""
        return RealTicket(self.office, ticket)

    def met(self) -> None:
        """Count a request that did not go by the API."""
        self._answered()

    async def _post(self, path: str, body: dict[str, Any], *, by: str) -> dict[str, Any]:
        """Send a request under one key until it is answered. Raises NotTaken."""
        key = self.new_id()
        loop = asyncio.get_running_loop()
        while True:
            answer = await loop.run_in_executor(self._pool, self._send, path, body, by, key)
            if answer is not None and answer.ok:
                self._answered()
                return dict(answer.json())
            if answer is not None and answer.status_code < 500 and answer.status_code not in (408, 425, 429):
                raise NotTaken(f"{path} was refused with {answer.status_code}: {answer.text[:300]}")
            await asyncio.sleep(PAUSE)

    def _send(self, path: str, body: dict[str, Any], by: str, key: str) -> requests.Response | None:
        """Send a request once. Returns None where the connection broke, so that nobody knows."""
        session = getattr(self._sessions, "session", None)
        if session is None:
            session = self._sessions.session = requests.Session()
            session.trust_env = False
        headers = {"Authorization": f"Bearer {self._tokens[by]}", "Idempotency-Key": key}
        try:
            return session.post(f"{self.house.api_url}{path}", json=body, headers=headers, timeout=30)  # type: ignore[no-any-return]
        except requests.RequestException:
            return None

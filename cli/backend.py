"""How the CLI gets at tickets and incidents: by itself, or through an API where TIERLINE_API_URL names one.

Both ways take the same, answer the same, and fail with the same errors.
"""

import asyncio
import getpass
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

import requests
from pydantic import BaseModel, SecretStr
from requests.auth import AuthBase
from temporalio.client import Client

from domain.core.enums import Plan, Role, Tier
from domain.core.refusal import Refused
from domain.policy.policy import Policy
from domain.ticket.events import Event
from services.incidents import DeclareRequest, IncidentReceipt, IncidentService
from services.intake import sources
from services.intake.request import OpenRequest
from services.reading import incident as incidents
from services.reading import lists as queues
from services.reading import lookup
from services.reading.explained import explained
from services.reading.incident import AskIncidents, Incidents
from services.reading.lists import Ask, Listed
from services.reading.ticket import entry_view, view
from services.security.auth import NotAuthenticated
from services.tickets import Receipt, TicketService, Unavailable
from store.database import Database, DatabaseDown
from store.journal import Entry
from store.queries import Line
from workers.bootstrap import database, load_policy_at_speed, ticket_service
from workers.settings import Settings, load_settings
from workers.temporal import TemporalError, connect
from workflows.incident.messages import IncidentAnswer
from workflows.ticket.messages import Answer

Found = TypeVar("Found")

CHANNEL = "cli"
TIMEOUT = (5.0, 60.0)
"""Seconds to connect to an API, and until it answers: more than a command may take there."""
PAGE = 200
"""Entries of a timeline that an API is asked for at once."""
ANSWERS: dict[str, type[BaseModel]] = {"ticket": Answer, "incident": IncidentAnswer}


class Backend(Protocol):
    """What the CLI can ask for. Everything raises Refused, and Unavailable or DatabaseDown for now.

    A `noun` is "ticket" or "incident", and `id` a ticket's id or an incident's number. `by` and `role` of a form or a
    command are only there where they were said.
    """

    def open(self, form: dict[str, Any]) -> Receipt: ...
    def declare(self, form: dict[str, Any]) -> IncidentReceipt: ...

    def handle(self, noun: str, id: str | int, name: str, payload: dict[str, Any]) -> BaseModel:
        """Hand a command to a ticket or an incident, and return its answer."""

    def show(self, noun: str, id: Any, seq: int = 0) -> dict[str, Any]:
        """Return the view that `services.reading` makes, no older than event `seq`, with its `timeline`."""

    def explain(self, ticket: str) -> dict[str, Any]: ...
    def queue(self, ask: Ask) -> Listed: ...
    def next_to_take(self, tier: Tier | None, plans: tuple[Plan, ...], team: str | None = None) -> Line | None: ...
    def incidents(self, ask: AskIncidents) -> Incidents: ...


def backend() -> Backend:
    """Return the way that the settings name. Raises SettingsError."""
    settings = load_settings()
    if settings.api_url is None:
        return LocalBackend(settings)
    return ApiBackend(settings.api_url, settings.token)


class LocalBackend:
    """The database and Temporal themselves: who does it, and in which role, is as claimed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def open(self, form: dict[str, Any]) -> Receipt:
        form = named(whoever() | form)
        request = OpenRequest.parse(form | {"source": sources.of_terminal(form.get("source"))})
        return self._with_tickets(lambda service: service.open(request))

    def declare(self, form: dict[str, Any]) -> IncidentReceipt:
        request = DeclareRequest.parse(named(whoever() | form))
        return self._with_incidents(lambda service: service.declare(request))

    def handle(self, noun: str, id: Any, name: str, payload: dict[str, Any]) -> BaseModel:
        payload = named(whoever() | payload)
        if noun == "ticket":
            return self._with_tickets(lambda service: service.handle(id, name, payload))
        return self._with_incidents(lambda service: service.handle(id, name, payload))

    def show(self, noun: str, id: Any, seq: int = 0) -> dict[str, Any]:
        show = self._show_ticket if noun == "ticket" else self._show_incident
        return self._with_db(lambda db: asyncio.run(show(db, id, seq)))

    async def _show_ticket(self, db: Database, ticket: str, seq: int) -> dict[str, Any]:
        seen = await lookup.look_up(db, self._connect, ticket, seq)
        entries: Sequence[Entry[Event]] = ()
        try:
            entries = await lookup.timeline(db, ticket)
        except (DatabaseDown, Refused):  # a workflow speaks for it
            entries = ()
        return view(seen) | {"timeline": [entry_view(entry) for entry in entries]}

    async def _show_incident(self, db: Database, number: int, seq: int) -> dict[str, Any]:
        seen = await incidents.look_up(db, self._connect, number, seq)
        try:
            entries = incidents.timeline(db, number)
        except DatabaseDown:  # its workflow speaks for it
            entries = []
        return incidents.view(seen) | {"timeline": entries}

    def explain(self, ticket: str) -> dict[str, Any]:
        seen = self._with_db(lambda db: asyncio.run(lookup.look_up(db, self._connect, ticket)))
        return explained(seen.ticket)

    def queue(self, ask: Ask) -> Listed:
        return self._with_db(lambda db: queues.queue(db, ask))

    def next_to_take(self, tier: Tier | None, plans: tuple[Plan, ...], team: str | None = None) -> Line | None:
        return self._with_db(lambda db: queues.next_to_take(db, tier, plans, team))

    def incidents(self, ask: AskIncidents) -> Incidents:
        return self._with_db(lambda db: incidents.listed(db, ask))

    def _with_tickets(self, act: Callable[[TicketService], Coroutine[Any, Any, Found]]) -> Found:
        async def there() -> Found:
            async with ticket_service(self._settings, channel=CHANNEL) as service:
                return await act(service)

        return asyncio.run(there())

    def _with_incidents(self, act: Callable[[IncidentService], Coroutine[Any, Any, Found]]) -> Found:
        async def there() -> Found:
            async with incident_service(self._settings, load_policy_at_speed(self._settings)) as (service, _, _):
                return await act(service)

        return asyncio.run(there())

    def _with_db(self, act: Callable[[Database], Found]) -> Found:
        db = database(self._settings, CHANNEL)
        try:
            return act(db)
        finally:
            db.dispose()

    async def _connect(self) -> Client:
        try:
            return await connect(self._settings)
        except TemporalError as error:
            raise Unavailable(str(error)) from None


@asynccontextmanager
async def incident_service(
    settings: Settings, policy: Policy
) -> AsyncIterator[tuple[IncidentService, Database, Client]]:
    """Connect the service of incidents for as long as the block lasts. Raises TemporalError, DatabaseDown."""
    db = database(settings, CHANNEL)
    try:
        client = await connect(settings)
        yield IncidentService(client, db, policy, channel=CHANNEL), db, client
    finally:
        db.dispose()


def whoever() -> dict[str, Any]:
    """Return who it is where nothing is said: whoever sits at the terminal, as an agent."""
    return {"by": _login(), "role": Role.AGENT.value}


def named(payload: dict[str, Any]) -> dict[str, Any]:
    """Return what was said by somebody who has a name of their own. Raises Refused for one of Tierline's."""
    sources.check_actor(payload["by"])
    return payload


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in some containers
        return "unknown"


class ApiBackend:
    """An API and a token for it."""

    def __init__(self, url: str, token: SecretStr | None) -> None:
        self._url = f"{url}/api/v1"
        self._session = requests.Session()
        self._session.auth = _Bearer(token)

    def open(self, form: dict[str, Any]) -> Receipt:
        return Receipt.model_validate(self._ask("POST", "/tickets", json=form))

    def declare(self, form: dict[str, Any]) -> IncidentReceipt:
        return IncidentReceipt.model_validate(self._ask("POST", "/incidents", json=form))

    def handle(self, noun: str, id: Any, name: str, payload: dict[str, Any]) -> BaseModel:
        """Hand over a command: its id travels as its idempotency key."""
        said = {key: value for key, value in payload.items() if key != "id"}
        headers = {"Idempotency-Key": payload["id"]}
        return ANSWERS[noun].model_validate(self._ask("POST", f"/{noun}s/{id}/{name}", json=said, headers=headers))

    def show(self, noun: str, id: Any, seq: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = self._ask("GET", f"/{noun}s/{id}", params={"seq": seq})
        return found | {"timeline": list(self._entries(f"/{noun}s/{id}/timeline"))}

    def explain(self, ticket: str) -> dict[str, Any]:
        found: dict[str, Any] = self._ask("GET", f"/tickets/{ticket}/clocks")
        return found

    def queue(self, ask: Ask) -> Listed:
        params = ask.model_dump(mode="json", exclude_none=True, exclude={"plans"}) | {"plan": list(map(str, ask.plans))}
        return Listed.model_validate(self._ask("GET", "/queue", params=params))

    def next_to_take(self, tier: Tier | None, plans: tuple[Plan, ...], team: str | None = None) -> Line | None:
        params = {"tier": tier.value if tier else None, "team": team, "plan": list(map(str, plans))}
        found = self._ask("GET", "/queue/next", params=params)["ticket"]
        return Line.model_validate(found) if found else None

    def incidents(self, ask: AskIncidents) -> Incidents:
        params = ask.model_dump(mode="json", exclude_none=True)
        return Incidents.model_validate(self._ask("GET", "/incidents", params=params))

    def _entries(self, path: str) -> Iterator[dict[str, Any]]:
        """Yield a timeline, page by page."""
        after: int | None = 0
        while after is not None:
            page = self._ask("GET", path, params={"after": after, "limit": PAGE})
            yield from page["entries"]
            after = page["next"]

    def _ask(self, method: str, path: str, **what: Any) -> Any:
        try:
            # A redirect would carry the token to wherever it leads.
            response = self._session.request(method, self._url + path, timeout=TIMEOUT, allow_redirects=False, **what)
            told = response.json()
        except requests.Timeout:
            raise Unavailable(f"the API at {self._url} does not answer in time: the same can be sent again") from None
        except requests.JSONDecodeError:
            raise Unavailable(
                f"what answers at {self._url} is not Tierline's API (status {response.status_code})"
            ) from None
        except requests.RequestException as error:
            raise Unavailable(f"no API answers at {self._url} ({type(error).__name__}): see TIERLINE_API_URL") from None
        if response.ok:
            return told
        raise _failure(response.status_code, told if isinstance(told, dict) else {})


class _Bearer(AuthBase):
    """The token, and never what a .netrc says of that host."""

    def __init__(self, token: SecretStr | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token.get_secret_value()}"
        return request


def _failure(status: int, problem: dict[str, Any]) -> Exception:
    """Return the error that the details of a problem stand for."""
    detail = str(problem.get("detail") or problem.get("title") or f"the API answered {status}")
    if status == 401:
        return NotAuthenticated(f"TIERLINE_TOKEN: {detail}")
    if status == 429 or status >= 500:
        return Unavailable(detail)
    code: Any = str(problem.get("type", "")).rpartition(":")[2] or "malformed"
    return Refused(
        code,
        detail,
        missing=problem.get("missing", []),
        would_fit=problem.get("would_fit", []),
        fields=problem.get("fields", {}),
    )

"""The same commands through an API: what it answers, and its refusals, as they would be without it."""

from collections.abc import Iterator
from typing import Any

import requests
from pydantic import SecretStr
from requests.auth import AuthBase

from domain.core.enums import Plan, Tier
from domain.core.refusal import Refused
from services.incidents import IncidentReceipt
from services.reading.incident import AskIncidents, Incidents
from services.reading.lists import Ask, Listed
from services.security.auth import NotAuthenticated
from services.tickets import Receipt, Unavailable
from store.queries import Line
from workflows.incident.messages import IncidentAnswer
from workflows.ticket.messages import Answer

TIMEOUT = (5.0, 60.0)
"""Seconds to connect, and to answer: more than a command may take there."""
PAGE = 200
"""Entries of a timeline that are asked for at once."""


class _Api:
    """An API and a token for it."""

    def __init__(self, url: str, token: SecretStr | None) -> None:
        self._url = f"{url}/api/v1"
        self._session = requests.Session()
        self._session.auth = _Bearer(token)

    def command(self, path: str, payload: dict[str, Any]) -> Any:
        """Give a command: its id travels as its idempotency key."""
        said = {key: value for key, value in payload.items() if key != "id"}
        return self.ask("POST", path, json=said, headers={"Idempotency-Key": payload["id"]})

    def entries(self, path: str) -> Iterator[dict[str, Any]]:
        """A timeline, page by page."""
        after: int | None = 0
        while after is not None:
            page = self.ask("GET", path, params={"after": after, "limit": PAGE})
            yield from page["entries"]
            after = page["next"]

    def ask(self, method: str, path: str, **what: Any) -> Any:
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


class Remote(_Api):
    """Tickets through an API."""

    def open(self, form: dict[str, Any]) -> Receipt:
        return Receipt.model_validate(self.ask("POST", "/tickets", json=form))

    def handle(self, ticket: str, name: str, payload: dict[str, Any]) -> Answer:
        return Answer.model_validate(self.command(f"/tickets/{ticket}/{name}", payload))

    def show(self, ticket: str, seq: int = 0) -> dict[str, Any]:
        shown: dict[str, Any] = self.ask("GET", f"/tickets/{ticket}", params={"seq": seq})
        return shown | {"timeline": list(self.entries(f"/tickets/{ticket}/timeline"))}

    def explain(self, ticket: str) -> dict[str, Any]:
        explained: dict[str, Any] = self.ask("GET", f"/tickets/{ticket}/clocks")
        return explained

    def queue(self, ask: Ask) -> Listed:
        params = ask.model_dump(mode="json", exclude_none=True, exclude={"plans"}) | {"plan": list(map(str, ask.plans))}
        return Listed.model_validate(self.ask("GET", "/queue", params=params))

    def next_to_take(self, tier: Tier | None, plans: tuple[Plan, ...], team: str | None = None) -> Line | None:
        params = {"tier": tier.value if tier else None, "team": team, "plan": list(map(str, plans))}
        found = self.ask("GET", "/queue/next", params=params)["ticket"]
        return Line.model_validate(found) if found else None


class ApiIncidentBackend(_Api):
    """Incidents through an API."""

    def listed(self, ask: AskIncidents) -> Incidents:
        params = ask.model_dump(mode="json", exclude_none=True)
        return Incidents.model_validate(self.ask("GET", "/incidents", params=params))

    def show(self, number: int, seq: int = 0) -> dict[str, Any]:
        shown: dict[str, Any] = self.ask("GET", f"/incidents/{number}", params={"seq": seq})
        return shown | {"timeline": list(self.entries(f"/incidents/{number}/timeline"))}

    def declare(self, form: dict[str, Any]) -> IncidentReceipt:
        return IncidentReceipt.model_validate(self.ask("POST", "/incidents", json=form))

    def handle(self, number: int, name: str, payload: dict[str, Any]) -> IncidentAnswer:
        return IncidentAnswer.model_validate(self.command(f"/incidents/{number}/{name}", payload))


class _Bearer(AuthBase):
    """The token, and never what a .netrc says of that host."""

    def __init__(self, token: SecretStr | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token.get_secret_value()}"
        return request


def _failure(status: int, problem: dict[str, Any]) -> Exception:
    """A problem's details as the error that they stand for."""
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

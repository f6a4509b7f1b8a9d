"""The way that goes through an API, with a token for it."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import requests
from pydantic import SecretStr
from requests.auth import AuthBase

from cli.backend import Json
from domain.core.failures import NotUsable, Unavailable
from domain.core.refusal import Refused

TIMEOUT = (5.0, 60.0)
"""Seconds to connect to an API, and until it answers: more than a command may take there."""
PAGE = 200
"""Entries of a timeline that an API is asked for at once."""


class ApiBackend:
    """An API and a token for it."""

    def __init__(self, url: str, token: SecretStr | None) -> None:
        self._url = f"{url}/api/v1"
        self._session = requests.Session()
        self._session.auth = _Bearer(token)

    def open(self, form: Json) -> Json:
        return self._ask("POST", "/tickets", json=form)

    def declare(self, form: Json) -> Json:
        return self._ask("POST", "/incidents", json=form)

    def handle(self, noun: str, id: Any, name: str, payload: Json) -> Json:
        """Hand over a command: its id travels as its idempotency key."""
        body = {key: value for key, value in payload.items() if key != "id"}
        headers = {"Idempotency-Key": payload["id"]}
        return self._ask("POST", f"/{noun}s/{id}/{name}", json=body, headers=headers)

    def show(self, noun: str, id: Any, seq: int = 0) -> Json:
        found = self._ask("GET", f"/{noun}s/{id}", params={"seq": seq})
        return found | {"timeline": list(self._entries(f"/{noun}s/{id}/timeline"))}

    def explain(self, ticket: str) -> Json:
        return self._ask("GET", f"/tickets/{ticket}/clocks")

    def forecast(self, ticket: str, ask: Json) -> Json:
        return self._ask("GET", f"/tickets/{ticket}/forecast", params=_query(ask))

    def texts(self, ticket: str) -> Json:
        return self._ask("GET", f"/tickets/{ticket}/texts")

    def text(self, ticket: str, id: str) -> Json:
        return self._ask("GET", f"/tickets/{ticket}/texts/{quote(id, safe='')}")

    def queue(self, ask: Json) -> Json:
        return self._ask("GET", "/queue", params=_query(ask))

    def next_to_take(self, ask: Json) -> Json:
        return self._ask("GET", "/queue/next", params=_query(ask))

    def search(self, ask: Json) -> Json:
        return self._ask("GET", "/tickets", params=_query(ask))

    def incidents(self, ask: Json) -> Json:
        return self._ask("GET", "/incidents", params=_query(ask))

    def wanted(self, kind: str, by: str, limit: int) -> Json:
        return self._ask("GET", "/wanted", params={"kind": kind, "by": by, "limit": limit})

    def satisfaction(self, by: str, days: int) -> Json:
        return self._ask("GET", "/satisfaction", params={"by": by, "days": days})

    def templates(self) -> Json:
        return self._ask("GET", "/templates")

    def template(self, name: str) -> Json:
        return self._ask("GET", f"/templates/{quote(name, safe='')}")

    def preview_template(self, name: str, ticket: str | None) -> Json:
        return self._ask("GET", f"/templates/{quote(name, safe='')}/preview", params=_query({"ticket": ticket}))

    def add_template(self, form: Json) -> Json:
        return self._ask("POST", "/templates", json=form)

    def edit_template(self, name: str, form: Json) -> Json:
        return self._ask("POST", f"/templates/{quote(name, safe='')}", json=form)

    def retire_template(self, name: str, form: Json) -> Json:
        return self._ask("POST", f"/templates/{quote(name, safe='')}/retire", json=form)

    def answers(self, query: str, session: str | None) -> Json:
        """Search the knowledge base, as `GET /api/v1/answers` answers."""
        return self._ask("GET", "/answers", params=_query({"q": query, "session": session}))

    def article(self, name: str, session: str | None) -> Json:
        return self._ask("GET", "/answers/article", params=_query({"article": name, "session": session}))

    def _entries(self, path: str) -> Iterator[Json]:
        """Yield a timeline, page by page."""
        after: int | None = 0
        while after is not None:
            page = self._ask("GET", path, params={"after": after, "limit": PAGE})
            yield from page["entries"]
            after = page["next"]

    def _ask(self, method: str, path: str, **what: Any) -> Json:
        try:
            # A redirect would carry the token to wherever it leads.
            response = self._session.request(method, self._url + path, timeout=TIMEOUT, allow_redirects=False, **what)
            answer = response.json()
        except requests.Timeout:
            raise Unavailable(f"the API at {self._url} does not answer in time: the same can be sent again") from None
        except requests.JSONDecodeError:
            raise Unavailable(
                f"what answers at {self._url} is not Tierline's API (status {response.status_code})"
            ) from None
        except requests.RequestException as error:
            raise Unavailable(f"no API answers at {self._url} ({type(error).__name__}): see TIERLINE_API_URL") from None
        if response.ok and isinstance(answer, dict):
            return answer
        raise _failure(response.status_code, answer if isinstance(answer, dict) else {})


class _Bearer(AuthBase):
    """The token, and never what a .netrc says of that host."""

    def __init__(self, token: SecretStr | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token.get_secret_value()}"
        return request


def _failure(status: int, problem: Json) -> Exception:
    """Return the error that the details of a problem stand for."""
    detail = str(problem.get("detail") or problem.get("title") or f"the API answered {status}")
    if status == 401:
        return NotUsable(f"TIERLINE_TOKEN: {detail}")
    if status == 429 or status >= 500:
        return Unavailable(detail)
    code: Any = str(problem.get("type", "")).rpartition(":")[2] or "malformed"
    return Refused(
        code,
        detail,
        missing=problem.get("missing", []),
        would_fit=problem.get("would_fit", []),
        fields=problem.get("fields", {}),
        came=problem.get("came", []),
    )


def _query(ask: Json) -> Json:
    """Return the parameters of a list: `plans` is `plan` there, as often as there are plans."""
    renamed = {"plan" if name == "plans" else name: value for name, value in ask.items()}
    return {name: value for name, value in renamed.items() if value not in (None, "", [], ())}

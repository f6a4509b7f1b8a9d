"""The Zendesk stand-in: as much of the Support API v2 as Tierline uses, with its rules, and its signed event webhooks.

What people do in it comes in by `/standin/act`; the webhooks that this causes are signed as Zendesk signs them, kept
for tests to deliver as they like, and sent to the address in `/standin/webhook`, if there is one.
"""

import base64
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import uuid4

import requests
from pydantic import BaseModel, SecretStr, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from integrations.helpdesk.zendesk.port import ZendeskConfig
from integrations.standins import zendesk_page
from integrations.standins.common import Edge, Faults, Observer, control_routes, now
from integrations.standins.run import Control, served
from integrations.standins.zendesk_state import (
    CHANGES,
    US,
    Act,
    Conflict,
    Unprocessable,
    ZendeskState,
    stamp,
)  # fmt: skip

# What it knows us by. No secrets: they open nothing but this local server.
EMAIL = "tierline@example.com"
TOKEN = SecretStr("standin-zendesk-token")
SECRET = SecretStr("standin-zendesk-signing-secret")
MOST_LISTED = 100
"""Items of one page."""


class Delivery(BaseModel):
    """A webhook as it leaves."""

    headers: dict[str, str]
    body: str


class ZendeskStandIn:
    """`app` is the server."""

    def __init__(self, first: int = 1001, observer: Observer | None = None) -> None:
        """`first` is its first number: tickets of two stand-ins must not be taken for one another."""
        self.faults = Faults()
        self.state = ZendeskState(first)
        self.deliveries: list[Delivery] = []
        self._subscriber: str | None = None
        self._login = base64.b64encode(f"{EMAIL}/token:{TOKEN.get_secret_value()}".encode()).decode()
        routes = [
            Route("/api/v2/tickets/{id:int}.json", self._ticket, methods=["GET", "PUT"]),
            Route("/api/v2/tickets/{id:int}", self._ticket, methods=["GET", "PUT"]),
            Route("/api/v2/tickets/{id:int}/audits.json", self._audits),
            Route("/api/v2/tickets/{id:int}/audits", self._audits),
            Route("/standin/act", self._act, methods=["POST"]),
            Route("/standin/tickets", self._everything),
            Route("/standin/end", self._end, methods=["POST"]),
            Route("/standin/person", self._person, methods=["POST"]),
            Route("/standin/required", self._require, methods=["POST"]),
            Route("/standin/webhook", self._subscribe, methods=["POST"]),
            *control_routes(self.faults),
            *zendesk_page.routes(self.state, self._do),
        ]
        self.app: ASGIApp = Edge(Starlette(routes=routes), "/api/", self.faults, observer)

    def _refused(self, request: Request) -> Response | None:
        if request.headers.get("authorization") != f"Basic {self._login}":
            return JSONResponse({"error": "Couldn't authenticate you"}, 401)
        number = request.path_params["id"]
        if number not in self.state.tickets or number in self.state.deleted:
            return JSONResponse({"error": "RecordNotFound", "description": "Not found"}, 404)
        return None

    async def _ticket(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        number = request.path_params["id"]
        answer: dict[str, Any] = {}
        if request.method == "PUT":
            before = len(self.state.audits[number])
            try:
                self.state.change(number, US, json.loads(await request.body())["ticket"])
            except Conflict:
                return JSONResponse({"error": "UpdateConflict", "description": "Safe update failed"}, 409)
            except (ValueError, LookupError, TypeError, AttributeError) as error:
                found = error.problems if isinstance(error, Unprocessable) else [{"description": str(error)}]
                problem = {
                    "error": "RecordInvalid",
                    "description": "Record validation errors",
                    "details": {"base": found},
                }
                return JSONResponse(problem, 422)
            answer["audit"] = self.state.audits[number][-1]
            if len(self.state.audits[number]) > before:  # else nothing has changed, and nothing is told
                self._notify(number, answer["audit"])
        answer["ticket"] = ticket = self.state.tickets[number]
        if "organizations" in _included(request):
            known = self.state.organizations.items()
            answer["organizations"] = [
                {"id": one, "external_id": name} for one, name in known if one == ticket["organization_id"]
            ]
        if "users" in _included(request):
            answer["users"] = self._users({ticket["requester_id"], ticket["submitter_id"], ticket["assignee_id"]})
        return JSONResponse(answer)

    async def _audits(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        audits, asked = self.state.audits[request.path_params["id"]], request.query_params
        try:
            listed = _by_cursor(request, audits) if "page[size]" in asked else _by_number(request, audits)
        except ValueError as error:
            problem = {"code": "InvalidPaginationParameter", "title": "Bad Request", "detail": str(error)}
            return JSONResponse({"errors": [problem]}, 400)
        if "users" in _included(request):
            events = [event for audit in listed["audits"] for event in audit["events"]]
            authors = {one.get("author_id") for one in (*listed["audits"], *events)}
            listed["users"] = self._users(authors)
        return JSONResponse(listed)

    def _users(self, ids: set[int | None]) -> list[dict[str, Any]]:
        """Return those of these people who are in the list of users."""
        return [
            {"id": number, "role": role, "name": "Somebody", "organization_id": self.state.members.get(number)}
            for number, role in self.state.roles.items()
            if number in ids
        ]

    async def _act(self, request: Request) -> Response:
        try:
            number = self._do(Act.model_validate_json(await request.body()))
        except (ValidationError, ValueError, LookupError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"ticket": number})

    def _do(self, act: Act) -> int:
        """Carry out what a person does, and send the webhooks of it. Returns the ticket's number."""
        number = self.state.act(act)
        self._notify(number, self.state.audits[number][-1])
        if act.merge_into is not None:
            self._send_event("ticket.merged", number)
            self._notify(act.merge_into, self.state.audits[act.merge_into][-1])
        return number

    def subscribe(self, url: str) -> None:
        """Send this address from now on a signed webhook of what people do here."""
        self._subscriber = url

    async def _end(self, request: Request) -> Response:
        """Delete a ticket, mark it as spam, or restore it."""
        content = json.loads(await request.body())
        (self.state.restore if content["event"] == "undeleted" else self.state.end)(content["ticket"])
        self._send_event(f"ticket.{content['event']}", content["ticket"])
        return Response(status_code=204)

    async def _person(self, request: Request) -> Response:
        """Give a person another role, or an organisation."""
        content = json.loads(await request.body())
        self.state.roles[content["id"]] = content["role"]
        if content.get("organization") is not None:
            self.state.members[content["id"]] = content["organization"]
        return Response(status_code=204)

    async def _require(self, request: Request) -> Response:
        """Require these fields, from now on, before a ticket is solved: their numbers, with titles."""
        self.state.required = {int(field): title for field, title in json.loads(await request.body()).items()}
        return Response(status_code=204)

    async def _everything(self, request: Request) -> Response:
        return JSONResponse(
            {
                "tickets": list(self.state.tickets.values()),
                "audits": self.state.audits,
                "deliveries": [delivery.model_dump() for delivery in self.deliveries],
            }
        )

    async def _subscribe(self, request: Request) -> Response:
        self.subscribe(json.loads(await request.body())["url"])
        return Response(status_code=204)

    def _notify(self, number: int, audit: dict[str, Any]) -> None:
        """Send the webhooks of one change: one for each kind of event in the change."""
        kinds = [event["type"] for event in audit["events"]]
        names = ["ticket.created"] if "Create" in kinds else []
        names += ["ticket.comment_added"] if "Comment" in kinds and "Create" not in kinds else []
        names += ["ticket.comment_added"] if "VoiceComment" in kinds and "Create" not in kinds else []
        names += ["ticket.comment_made_private"] if "CommentPrivacyChange" in kinds else []
        changed = {event["field_name"] for event in audit["events"] if event["type"] == "Change"}
        names += [name for field, name in CHANGES.items() if field in changed]
        for name in names:
            self._send_event(name, number)

    def _send_event(self, name: str, number: int) -> None:
        delivery = signed(event_body(name, number))
        self.deliveries.append(delivery)
        if self._subscriber:
            threading.Thread(target=_send, args=(self._subscriber, delivery), daemon=True).start()


def _included(request: Request) -> set[str]:
    """Return what is asked to come along (side-loading)."""
    return {name.strip() for name in request.query_params.get("include", "").split(",")}


def _by_cursor(request: Request, audits: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a page after a cursor, which means nothing to anybody else. Raises ValueError for a page too large."""
    asked = request.query_params
    size, after = int(asked["page[size]"]), asked.get("page[after]")
    if not 1 <= size <= MOST_LISTED:
        raise ValueError(f"page[size] is not between 1 and {MOST_LISTED}")
    start = int(base64.urlsafe_b64decode(after)) if after else 0
    end = min(start + size, len(audits))
    cursors = {"after": _cursor(end), "before": _cursor(start)}
    here = str(request.url.replace(query=""))
    include = f"&include={asked['include']}" if "include" in asked else ""
    return {
        "audits": audits[start:end],
        "meta": {"has_more": end < len(audits), "after_cursor": cursors["after"], "before_cursor": cursors["before"]},
        "links": {
            "next": f"{here}?page[size]={size}&page[after]={cursors['after']}{include}" if end < len(audits) else None,
            "prev": f"{here}?page[size]={size}&page[before]={cursors['before']}{include}" if start else None,
        },
    }


def _by_number(request: Request, audits: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a page by its number, which is how lists come to whoever asks for no size."""
    asked = request.query_params
    page, size = int(asked.get("page", "1")), min(int(asked.get("per_page", "100")), MOST_LISTED)
    if page < 1 or size < 1:
        raise ValueError("page and per_page begin at 1")
    here = str(request.url.replace(query=""))
    more = page * size < len(audits)
    return {
        "audits": audits[(page - 1) * size : page * size],
        "count": len(audits),
        "next_page": f"{here}?page={page + 1}&per_page={size}" if more else None,
        "previous_page": f"{here}?page={page - 1}&per_page={size}" if page > 1 else None,
    }


def _cursor(place: int) -> str:
    return base64.urlsafe_b64encode(str(place).encode()).decode()


def event_body(name: str, ticket: int) -> bytes:
    """Return an event webhook, as far as anybody reads it."""
    event = {
        "type": f"zen:event-type:{name}",
        "account_id": 1,
        "id": uuid4().hex,
        "time": now().isoformat(),
        "zendesk_event_version": "2022-11-06",
        "subject": f"zen:ticket:{ticket}",
        "detail": {"id": str(ticket), "subject": "What the customer wrote", "via": {"channel": "email"}},
        "event": {},
    }
    return json.dumps(event).encode()


def signed(body: bytes, secret: SecretStr = SECRET, at: datetime | None = None) -> Delivery:
    """Return a delivery, signed as Zendesk signs it."""
    stamped = stamp(at or now())
    digest = hmac.digest(secret.get_secret_value().encode(), stamped.encode() + body, "sha256")
    headers = {
        "content-type": "application/json",
        "x-zendesk-webhook-signature": base64.b64encode(digest).decode(),
        "x-zendesk-webhook-signature-timestamp": stamped,
    }
    return Delivery(headers=headers, body=body.decode())


def _send(url: str, delivery: Delivery) -> None:
    """Send a webhook once, where Zendesk tries five times: what is done here can be done again."""
    with requests.Session() as session:
        session.trust_env = False
        try:
            session.post(url, data=delivery.body.encode(), headers=delivery.headers, timeout=10)
        except requests.RequestException:
            return


def zendesk_environment(url: str) -> dict[str, str]:
    """Return the variables that lead to the stand-in at `url`, and tell its webhooks from a stranger's."""
    return {
        "ZENDESK_URL": url,
        "ZENDESK_EMAIL": EMAIL,
        "ZENDESK_API_TOKEN": TOKEN.get_secret_value(),
        "ZENDESK_WEBHOOK_SECRETS": SECRET.get_secret_value(),
    }


def zendesk_config(url: str) -> ZendeskConfig:
    """Return how to reach the stand-in at `url`."""
    return ZendeskConfig(url=url, email=EMAIL, token=TOKEN)


class ZendeskControl(Control):
    """Looks into a running stand-in, makes it fail, and does what people do in it."""

    def act(self, **what: Any) -> int:
        """Do what a person does (see `Act`). Returns the ticket's number."""
        if isinstance(what.get("at"), datetime):
            what["at"] = what["at"].isoformat()
        number: int = self._call("POST", "/standin/act", what)["ticket"]
        return number

    def require(self, fields: dict[int, str]) -> None:
        """Have these custom fields, by their numbers and with their titles, filled in before a ticket is solved."""
        self._call("POST", "/standin/required", fields)

    def end(self, ticket: int, event: str = "soft_deleted") -> None:
        """Delete a ticket (`soft_deleted`, `permanently_deleted`, `marked_as_spam`), or restore it (`undeleted`)."""
        self._call("POST", "/standin/end", {"ticket": ticket, "event": event})

    def person(self, id: int, role: str, organization: int | None = None) -> None:
        """Have somebody there, in this role and organisation."""
        self._call("POST", "/standin/person", {"id": id, "role": role, "organization": organization})

    def comment_ids(self, ticket: int) -> list[int]:
        """Return the ids of all comments of a ticket, the oldest first."""
        audits = self.see("tickets")["audits"][str(ticket)]
        return [one["id"] for audit in audits for one in audit["events"] if "public" in one and "body" in one]

    def deliveries(self) -> list[Delivery]:
        """Return the webhooks so far, the oldest first."""
        return [Delivery.model_validate(one) for one in self.see("tickets")["deliveries"]]

    def comments(self, ticket: int) -> list[tuple[int, bool, str]]:
        """Return everything that was said in a ticket: who, whether the customer sees it, the words."""
        audits = self.see("tickets")["audits"][str(ticket)]
        comments = [event for audit in audits for event in audit["events"] if event["type"] == "Comment"]
        return [(event["author_id"], event["public"], event["body"]) for event in comments]

    def ticket(self, number: int) -> dict[str, Any]:
        """Return a ticket as it stands."""
        found: dict[str, Any] = next(one for one in self.see("tickets")["tickets"] if one["id"] == number)
        return found


@contextmanager
def running(first: int = 1001) -> Iterator[ZendeskControl]:
    """Run the stand-in in a thread of this process, on any free port, until the block ends."""
    with served(ZendeskStandIn(first).app) as url:
        yield ZendeskControl(url)

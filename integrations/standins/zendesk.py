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
from itertools import count
from typing import Any
from uuid import uuid4

import requests
from pydantic import AwareDatetime, BaseModel, Field, SecretStr, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from integrations.helpdesk.zendesk.port import ZendeskConfig
from integrations.standins.common import Edge, Faults, Observer, control_routes, now
from integrations.standins.run import Control, served

# What it knows us by. No secrets: they open nothing but this local server.
EMAIL = "tierline@example.com"
TOKEN = SecretStr("standin-zendesk-token")
SECRET = SecretStr("standin-zendesk-signing-secret")
US, AGENT, CUSTOMER = 1, 20, 300
"""The users: Tierline's own, an agent, the customer."""
ROLES = {US: "admin", AGENT: "agent", 21: "agent", CUSTOMER: "end-user", 301: "end-user"}
ORGANIZATION = 4000
_PAGE = (("size", "100"), ("after", "0"))
STATUSES = ("new", "open", "pending", "hold", "solved", "closed")
CHANGES = {"status": "ticket.status_changed", "priority": "ticket.priority_changed"}
"""The plain fields that somebody may change, each with its own webhook."""


class Act(BaseModel, extra="forbid"):
    """What a person does: opens a ticket, or changes one."""

    ticket: int | None = None
    by: int = CUSTOMER
    at: AwareDatetime = Field(default_factory=now)
    comment: str | None = None
    public: bool = True
    status: str | None = None
    subject: str = ""
    priority: str | None = None
    organization: int | None = ORGANIZATION
    external_id: str | None = "acme"
    """The organisation's, outside of Zendesk."""
    via: str = "email"
    fields: dict[int, str] = {}
    follows: int | None = None


class Delivery(BaseModel):
    """A webhook as it leaves."""

    headers: dict[str, str]
    body: str


class ZendeskState:
    """Tickets with their histories. Safe to use from any thread."""

    def __init__(self, first: int) -> None:
        self._lock = threading.Lock()
        self._numbers = count(first)
        self.tickets: dict[int, dict[str, Any]] = {}
        self.audits: dict[int, list[dict[str, Any]]] = {}
        self.organizations: dict[int, str | None] = {}
        self.required: dict[int, str] = {}
        """The custom fields that must be filled in before a ticket is solved, with their titles."""

    def act(self, act: Act) -> int:
        with self._lock:
            number = act.ticket if act.ticket is not None else self._open(act)
            if act.ticket is not None:
                change: dict[str, Any] = {}
                if act.comment:
                    change["comment"] = {"body": act.comment, "public": act.public}
                change |= {name: value for name in CHANGES if (value := getattr(act, name))}
                change |= {"custom_fields": [{"id": field, "value": value} for field, value in act.fields.items()]}
                self._change(number, act.by, change, act.at)
            return number

    def change(self, number: int, by: int, change: dict[str, Any]) -> dict[str, Any]:
        """One update by the API. Raises LookupError, ValueError (unprocessable), Conflict."""
        with self._lock:
            ticket = self.tickets[number]
            if change.get("safe_update") and change.get("updated_stamp") != ticket["updated_at"]:
                raise Conflict
            return self._change(number, by, change, now())

    def _open(self, act: Act) -> int:
        number, at = next(self._numbers), _stamp(act.at)
        if act.organization is not None:
            self.organizations[act.organization] = act.external_id
        self.tickets[number] = {
            "id": number,
            "created_at": at,
            "updated_at": at,
            "status": act.status or "new",
            "subject": act.subject,
            "description": act.comment or "",
            "priority": act.priority,
            "type": None,
            "requester_id": act.by if ROLES[act.by] == "end-user" else CUSTOMER,
            "submitter_id": act.by,
            "organization_id": act.organization,
            "tags": [],
            "custom_fields": [{"id": field, "value": value} for field, value in act.fields.items()],
            "via": {"channel": act.via, "source": _origin(act.follows)},
        }
        events = [{"type": "Create", "field_name": "status", "value": act.status or "new", "id": next(self._numbers)}]
        events.append(_said(next(self._numbers), act.by, act.comment or "(nothing)", public=True))
        self._audit(number, act.by, at, {}, events)
        return number

    def _change(self, number: int, by: int, change: dict[str, Any], at: datetime) -> dict[str, Any]:
        ticket, stamp, events = self.tickets[number], _stamp(at), []
        if ticket["status"] == "closed":
            raise ValueError("a closed ticket is not changed")
        if comment := change.get("comment"):
            if not str(comment.get("body") or "").strip():
                raise ValueError("comment: cannot be blank")
            events.append(_said(next(self._numbers), by, comment["body"], public=bool(comment.get("public", True))))
        status = change.get("status", ticket["status"])
        if status not in STATUSES or (status == "new" and ticket["status"] != "new"):
            raise ValueError(f"status: {status} is not possible")
        plain = {"status": status, "priority": change.get("priority", ticket["priority"])}
        for name, value in plain.items():
            if value != ticket[name]:
                events.append({"type": "Change", "field_name": name, "value": value, "id": next(self._numbers)})
        custom = {field["id"]: field["value"] for field in ticket["custom_fields"]}
        custom |= {field["id"]: field["value"] for field in change.get("custom_fields", [])}
        if missing := [field for field in self.required if status == "solved" and not custom.get(field)]:
            raise Unprocessable(
                [
                    {
                        "description": f"{self.required[field]}: is required when solving a ticket",
                        "error": None,
                        "ticket_field_id": field,
                        "ticket_field_type": "FieldText",
                    }
                    for field in missing
                ]
            )
        fields = [{"id": field, "value": value} for field, value in custom.items()]
        if not events and fields == ticket["custom_fields"]:
            return ticket  # nothing changed: no audit
        ticket |= plain | {"custom_fields": fields, "updated_at": stamp}
        self._audit(number, by, stamp, change.get("metadata") or {}, events)
        return ticket

    def _audit(self, number: int, by: int, at: str, custom: dict[str, Any], events: list[dict[str, Any]]) -> None:
        audit = {
            "id": next(self._numbers),
            "ticket_id": number,
            "created_at": at,
            "author_id": by,
            "metadata": {"custom": custom, "system": {"client": "stand-in"}},
            "events": events,
        }
        self.audits.setdefault(number, []).append(audit)


class Unprocessable(ValueError):
    """A change that is refused, with what is wrong with it as the vendor says it."""

    def __init__(self, problems: list[dict[str, Any]]) -> None:
        super().__init__("; ".join(problem["description"] for problem in problems))
        self.problems = problems


class Conflict(Exception):
    """The ticket has changed since."""


def _stamp(at: datetime) -> str:
    """Zendesk's times have whole seconds."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _origin(follows: int | None) -> dict[str, Any]:
    return {"rel": "follow_up", "from": {"ticket_id": follows}, "to": {}} if follows else {"rel": None, "from": {}}


def _said(number: int, by: int, text: str, *, public: bool) -> dict[str, Any]:
    return {"id": number, "type": "Comment", "author_id": by, "body": text, "plain_body": text, "public": public}


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
            Route("/api/v2/tickets/{id:int}/audits.json", self._audits),
            Route("/standin/act", self._act, methods=["POST"]),
            Route("/standin/tickets", self._everything),
            Route("/standin/required", self._require, methods=["POST"]),
            Route("/standin/webhook", self._subscribe, methods=["POST"]),
            *control_routes(self.faults),
        ]
        self.app: ASGIApp = Edge(Starlette(routes=routes), "/api/", self.faults, observer)

    def _refused(self, request: Request) -> Response | None:
        if request.headers.get("authorization") != f"Basic {self._login}":
            return JSONResponse({"error": "Couldn't authenticate you"}, 401)
        if request.path_params["id"] not in self.state.tickets:
            return JSONResponse({"error": "RecordNotFound", "description": "Not found"}, 404)
        return None

    async def _ticket(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        number = request.path_params["id"]
        ticket = self.state.tickets[number]
        if request.method == "PUT":
            try:
                ticket = self.state.change(number, US, json.loads(await request.body())["ticket"])
            except Conflict:
                return JSONResponse({"error": "UpdateConflict", "description": "Safe update failed"}, 409)
            except (ValueError, LookupError, TypeError, AttributeError) as error:
                found = error.problems if isinstance(error, Unprocessable) else [{"description": str(error)}]
                said = {"error": "RecordInvalid", "description": "Record validation errors", "details": {"base": found}}
                return JSONResponse(said, 422)
            self._tell(number, self.state.audits[number][-1])
        organizations = [{"id": one, "external_id": name} for one, name in self.state.organizations.items()]
        return JSONResponse({"ticket": ticket, "organizations": organizations})

    async def _audits(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        size, after = (
            int(request.query_params.get("page[size]", "100")),
            int(request.query_params.get("page[after]", "0")),
        )
        audits = self.state.audits[request.path_params["id"]]
        users = [{"id": number, "role": role, "name": "Somebody"} for number, role in ROLES.items()]
        end = after + size
        meta = {"has_more": end < len(audits), "after_cursor": str(end), "before_cursor": str(after)}
        return JSONResponse({"audits": audits[after:end], "users": users, "meta": meta})

    async def _act(self, request: Request) -> Response:
        try:
            act = Act.model_validate_json(await request.body())
            number = self.state.act(act)
        except (ValidationError, ValueError, LookupError) as error:
            return JSONResponse({"error": str(error)}, 400)
        self._tell(number, self.state.audits[number][-1])
        return JSONResponse({"ticket": number})

    async def _require(self, request: Request) -> Response:
        """From now on, these fields must be filled in before a ticket is solved: their numbers, with titles."""
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
        self._subscriber = json.loads(await request.body())["url"]
        return Response(status_code=204)

    def _tell(self, number: int, audit: dict[str, Any]) -> None:
        """The webhooks of one change: one for each kind of event in it."""
        kinds = [event["type"] for event in audit["events"]]
        names = ["ticket.created"] if "Create" in kinds else []
        names += ["ticket.comment_added"] if "Comment" in kinds and "Create" not in kinds else []
        changed = {event["field_name"] for event in audit["events"] if event["type"] == "Change"}
        names += [name for field, name in CHANGES.items() if field in changed]
        for name in names:
            delivery = signed(event_body(name, number))
            self.deliveries.append(delivery)
            if self._subscriber:
                threading.Thread(target=_send, args=(self._subscriber, delivery), daemon=True).start()


def event_body(name: str, ticket: int) -> bytes:
    """An event webhook, as far as anybody reads it."""
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
    """A delivery, signed as Zendesk signs it."""
    stamp = _stamp(at or now())
    digest = hmac.digest(secret.get_secret_value().encode(), stamp.encode() + body, "sha256")
    headers = {
        "content-type": "application/json",
        "x-zendesk-webhook-signature": base64.b64encode(digest).decode(),
        "x-zendesk-webhook-signature-timestamp": stamp,
    }
    return Delivery(headers=headers, body=body.decode())


def _send(url: str, delivery: Delivery) -> None:
    """One try, where Zendesk makes five: what is done here can be done again."""
    with requests.Session() as session:
        session.trust_env = False
        try:
            session.post(url, data=delivery.body.encode(), headers=delivery.headers, timeout=10)
        except requests.RequestException:
            return


def zendesk_config(url: str) -> ZendeskConfig:
    """How to reach the stand-in at `url`."""
    return ZendeskConfig(url=url, email=EMAIL, token=TOKEN)


class ZendeskControl(Control):
    """Looks into a running stand-in, makes it fail, and does what people do in it."""

    def act(self, **what: Any) -> int:
        """What a person does (see `Act`). Returns the ticket's number."""
        if isinstance(what.get("at"), datetime):
            what["at"] = what["at"].isoformat()
        number: int = self._call("POST", "/standin/act", what)["ticket"]
        return number

    def require(self, fields: dict[int, str]) -> None:
        """Have these custom fields, by their numbers and with their titles, filled in before a ticket is solved."""
        self._call("POST", "/standin/required", fields)

    def deliveries(self) -> list[Delivery]:
        """The webhooks so far, the oldest first."""
        return [Delivery.model_validate(one) for one in self.see("tickets")["deliveries"]]

    def comments(self, ticket: int) -> list[tuple[int, bool, str]]:
        """Everything that was said in a ticket: who, whether the customer sees it, the words."""
        audits = self.see("tickets")["audits"][str(ticket)]
        said = [event for audit in audits for event in audit["events"] if event["type"] == "Comment"]
        return [(event["author_id"], event["public"], event["body"]) for event in said]

    def ticket(self, number: int) -> dict[str, Any]:
        """A ticket as it stands."""
        found: dict[str, Any] = next(one for one in self.see("tickets")["tickets"] if one["id"] == number)
        return found


@contextmanager
def running(first: int = 1001) -> Iterator[ZendeskControl]:
    """The stand-in in a thread of this process, on any free port, until the block ends."""
    with served(ZendeskStandIn(first).app) as url:
        yield ZendeskControl(url)

"""The pager stand-in: PagerDuty's Events API v2 with its rules of deduplication, and a page of alerts.

Tests and `tierline demo` read `/standin/alerts`: every event as it came in, and the alerts that they made. What a
person does on the page is told as PagerDuty tells it: by a signed V3 webhook to the address in `/standin/webhook`.
"""

import asyncio
import hmac
import json
import threading
from collections.abc import Container, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import requests
from pydantic import AwareDatetime, BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from integrations.standins.common import Edge, Faults, JsonLines, Observer, Subscriber, control_routes, form, now, page

_ACTIONS = ("trigger", "acknowledge", "resolve")
_SEVERITIES = ("critical", "error", "warning", "info")
_BECOMES: dict[str, Literal["acknowledged", "resolved"]] = {"acknowledge": "acknowledged", "resolve": "resolved"}
ON_CALL = "on-call"
PERSON = "PSTANDIN"
"""Who does what is done on the page."""


class Alert(BaseModel):
    id: int
    dedup_key: str
    service: str = ON_CALL
    """Which of the pager's services it woke."""
    status: Literal["triggered", "acknowledged", "resolved"] = "triggered"
    summary: str
    severity: str
    source: str
    details: dict[str, Any]
    links: list[dict[str, str]]
    opened: AwareDatetime
    triggers: int = 1
    """How many trigger events it is made of: 1, and one for each that was merged into it."""
    history: list[tuple[AwareDatetime, str]] = []


class PagerState:
    """Events as they came, and the alerts made of them. With a path it remembers both over a restart."""

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._file = JsonLines(path)
        self.events: list[dict[str, Any]] = []
        self.alerts: list[Alert] = []
        for record in self._file.read():
            self._apply(record)

    def take(self, event: dict[str, Any], service: str = ON_CALL) -> str:
        """Records a valid event and returns its dedup key, made up if it has none."""
        with self._lock:
            event = event | {"dedup_key": event.get("dedup_key") or uuid4().hex, "service": service}
            record = {"at": now().isoformat(), "event": event}
            self._file.append(record)
            self._apply(record)
            return str(event["dedup_key"])

    def _apply(self, record: dict[str, Any]) -> None:
        event, at = record["event"], datetime.fromisoformat(record["at"])
        self.events.append({"at": record["at"]} | event)
        key, action = (event.get("service", ON_CALL), event["dedup_key"]), event["event_action"]
        open_alert = next((a for a in self.alerts if (a.service, a.dedup_key) == key and a.status != "resolved"), None)
        if open_alert is None:
            # Acknowledging or resolving what is not open is accepted and has no effect.
            if action == "trigger":
                self.alerts.append(_alert(len(self.alerts) + 1, event, at))
            return
        if action == "trigger":
            open_alert.triggers += 1
        else:
            open_alert.status = _BECOMES[action]
        open_alert.history.append((at, action))


def _alert(number: int, event: dict[str, Any], at: datetime) -> Alert:
    payload = event["payload"]
    return Alert(
        id=number,
        dedup_key=event["dedup_key"],
        service=event.get("service", ON_CALL),
        summary=payload["summary"],
        severity=payload["severity"],
        source=payload["source"],
        details=payload.get("custom_details") or {},
        links=event.get("links") or [],
        opened=at,
        history=[(at, "trigger")],
    )


class PagerStandIn:
    """`app` is the server. `services`: routing key -> the name of the service that it wakes."""

    def __init__(self, services: Mapping[str, str], path: Path | None = None, observer: Observer | None = None) -> None:
        self.faults = Faults()
        self.state = PagerState(path)
        self._services = services
        self._subscriber: Subscriber | None = None
        routes = [
            Route("/v2/enqueue", self._enqueue, methods=["POST"]),
            Route("/standin/alerts", self._everything),
            Route("/standin/webhook", self._subscribe, methods=["POST"]),
            *control_routes(self.faults),
            Route("/alerts/{id:int}", self._respond, methods=["POST"]),
            Route("/", self._page),
        ]
        self.app: ASGIApp = Edge(Starlette(routes=routes), "/v2/", self.faults, observer)

    async def _enqueue(self, request: Request) -> Response:
        try:
            event = json.loads(await request.body())
        except ValueError:
            event = None
        if errors := _errors(event, self._services):
            return JSONResponse(
                {"status": "invalid event", "message": "Event object is invalid", "errors": errors}, 400
            )
        key = self.state.take(event, self._services[event.pop("routing_key")])
        return JSONResponse({"status": "success", "message": "Event processed", "dedup_key": key}, 202)

    async def _everything(self, request: Request) -> Response:
        alerts = [alert.model_dump(mode="json") for alert in self.state.alerts]
        return JSONResponse({"events": self.state.events, "alerts": alerts})

    def subscribe(self, to: Subscriber) -> None:
        """From now on, this one is told what people do here."""
        self._subscriber = to

    async def _subscribe(self, request: Request) -> Response:
        self.subscribe(Subscriber.model_validate_json(await request.body()))
        return Response(status_code=204)

    async def _respond(self, request: Request) -> Response:
        """What a person does on the page: `act` is acknowledge or resolve."""
        act = (await form(request)).get("act", "")
        alert = next((a for a in self.state.alerts if a.id == request.path_params["id"]), None)
        if alert is None or act not in _BECOMES:
            return JSONResponse({"error": "no such alert, or no such act"}, 404)
        self.state.take({"event_action": act, "dedup_key": alert.dedup_key, "by": PERSON}, alert.service)
        if self._subscriber:
            await asyncio.to_thread(_tell, self._subscriber, alert, _BECOMES[act])
        return RedirectResponse("/", 303)

    async def _page(self, request: Request) -> Response:
        return page("pager.html", alerts=self.state.alerts[::-1], events=len(self.state.events))


def webhook_body(alert: Alert, became: str) -> dict[str, Any]:
    """PagerDuty's V3 webhook, as far as anybody reads it."""
    return {
        "event": {
            "id": uuid4().hex,
            "event_type": f"incident.{became}",
            "resource_type": "incident",
            "occurred_at": now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "agent": {"id": PERSON, "type": "user_reference", "summary": "A person at the stand-in"},
            "client": None,
            "data": {
                "id": f"P{alert.id:06}",
                "type": "incident",
                "number": alert.id,
                "status": became,
                "incident_key": alert.dedup_key,
                "title": alert.summary,
            },
        }
    }


def _tell(subscriber: Subscriber, alert: Alert, became: str) -> None:
    """One try, where PagerDuty makes five: what is done here can be done again."""
    body = json.dumps(webhook_body(alert, became)).encode()
    signature = hmac.digest(subscriber.secret.get_secret_value().encode(), body, "sha256").hex()
    headers = {"Content-Type": "application/json", "X-PagerDuty-Signature": f"v1={signature}"}
    with requests.Session() as session:
        session.trust_env = False
        try:
            session.post(subscriber.url, data=body, headers=headers, timeout=5)
        except requests.RequestException:
            return


def _errors(event: object, routing_keys: Container[str]) -> list[str]:
    """What the Events API would refuse."""
    if not isinstance(event, dict):
        return ["Event is not a JSON object"]
    errors = [] if event.get("routing_key") in routing_keys else ["Invalid routing key"]
    action, key = event.get("event_action"), event.get("dedup_key")
    if action not in _ACTIONS:
        errors.append("'event_action' is missing or not one of trigger, acknowledge, resolve")
    if (key is None and action != "trigger") or (key is not None and not 1 <= len(str(key)) <= 255):
        errors.append("'dedup_key' is missing or longer than 255 characters")
    if action == "trigger":
        payload = event.get("payload")
        payload = payload if isinstance(payload, dict) else {}
        if not 1 <= len(str(payload.get("summary") or "")) <= 1024:
            errors.append("'payload.summary' is missing or longer than 1024 characters")
        if payload.get("severity") not in _SEVERITIES:
            errors.append("'payload.severity' is missing or not a severity")
        if not payload.get("source"):
            errors.append("'payload.source' is missing")
    return errors

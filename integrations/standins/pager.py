"""The pager stand-in: PagerDuty's Events API v2 with its rules of deduplication, and a page of alerts.

Tests and `tierline demo` read `/standin/alerts`: every event as it came in, and the alerts that they made. What
happens to an alert is told as PagerDuty tells it: by a signed V3 webhook to the address in `/standin/webhook`. It names
an incident without a key, by its title, as the vendor does where the incident was made of an alert; which alert that
was, the REST API says. `/standin/repeat` sends every webhook so far once more, as late as it is asked to.
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
from pydantic import AwareDatetime, BaseModel, SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from integrations.standins.common import Edge, Faults, JsonLines, Observer, Subscriber, control_routes, form, now, page

_ACTIONS = ("trigger", "acknowledge", "resolve")
_SEVERITIES = ("critical", "error", "warning", "info")
MOST_BYTES = 512 * 1024
"""Of one event."""
_BECOMES: dict[str, Literal["triggered", "acknowledged", "resolved"]] = {
    "acknowledge": "acknowledged",
    "resolve": "resolved",
    "time_out": "triggered",
    "auto_resolve": "resolved",
}
_TOLD = {
    "acknowledge": "acknowledged",
    "resolve": "resolved",
    "time_out": "unacknowledged",
    "auto_resolve": "resolved",
}
"""What happens on the page -> the event that says so. An acknowledgement times out, and an alert that lasts too long
is resolved, by the service itself."""
API_TOKEN = SecretStr("standin-pager-api-token")
ON_CALL = "on-call"
PERSON = "PSTANDIN"
"""Who does what is done on the page."""
_PERSON = {"id": PERSON, "type": "user_reference", "summary": "A person at the stand-in"}
_SERVICE = {"id": "PSERVICE", "type": "service_reference", "summary": "A service of the stand-in"}


class Alert(BaseModel):
    id: int
    dedup_key: str
    service: str = ON_CALL
    """Which of the pager's services it woke."""
    status: Literal["triggered", "acknowledged", "resolved"] = "triggered"
    summary: str
    title: str = ""
    """Of the incident that it made: the summary, until a person edits it."""
    severity: str
    source: str
    details: dict[str, Any]
    links: list[dict[str, Any]]
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
        """Record a valid event and returns its dedup key, made up if it has none."""
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
        elif action == "retitle":
            open_alert.title = event["title"]
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
        title=payload["summary"],
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
        self._delivered: list[bytes] = []
        routes = [
            Route("/v2/enqueue", self._enqueue, methods=["POST"]),
            Route("/incidents/{incident}/alerts", self._alerts_of),
            Route("/standin/alerts", self._everything),
            Route("/standin/repeat", self._repeat, methods=["POST"]),
            Route("/standin/webhook", self._subscribe, methods=["POST"]),
            *control_routes(self.faults),
            Route("/alerts/{id:int}", self._respond, methods=["POST"]),
            Route("/", self._page),
        ]
        self.app: ASGIApp = Edge(Starlette(routes=routes), "/v2/", self.faults, observer)

    async def _enqueue(self, request: Request) -> Response:
        body = await request.body()
        if len(body) > MOST_BYTES:
            return JSONResponse({"status": "invalid event", "message": "Event is too large", "errors": []}, 413)
        try:
            event = json.loads(body)
        except (ValueError, RecursionError):
            event = None
        if errors := _errors(event, self._services):
            return JSONResponse(
                {"status": "invalid event", "message": "Event object is invalid", "errors": errors}, 400
            )
        service, before = self._services[event.pop("routing_key")], self._statuses()
        key = self.state.take(event, service)
        for alert in self.state.alerts:
            if alert.status != before.get(alert.id, alert.status):  # another system did it, and no person
                await self._notify(alert, alert.status, _SERVICE)
        return JSONResponse({"status": "success", "message": "Event processed", "dedup_key": key}, 202)

    def _statuses(self) -> dict[int, str]:
        return {alert.id: alert.status for alert in self.state.alerts}

    async def _alerts_of(self, request: Request) -> Response:
        """Return the REST API: the alerts of an incident. Here each alert makes an incident of its own."""
        if request.headers.get("authorization") != f"Token token={API_TOKEN.get_secret_value()}":
            return JSONResponse({"error": {"message": "Unauthorized", "code": 2006}}, 401)
        found = [alert for alert in self.state.alerts if incident_id(alert) == request.path_params["incident"]]
        if not found:
            return JSONResponse({"error": {"message": "Not Found", "code": 2100}}, 404)
        alerts = [{"id": f"A{one.id}", "type": "alert", "alert_key": one.dedup_key} for one in found]
        return JSONResponse({"alerts": alerts, "limit": 100, "offset": 0, "more": False})

    async def _repeat(self, request: Request) -> Response:
        """Send all webhooks so far once more, each as it was."""
        if self._subscriber:
            for body in list(self._delivered):
                await asyncio.to_thread(_send, self._subscriber, body)
        return Response(status_code=204)

    async def _notify(self, alert: Alert, became: str, agent: dict[str, str]) -> None:
        if self._subscriber:
            body = json.dumps(webhook_body(alert, became, agent)).encode()
            self._delivered.append(body)
            if not self.faults.meets("webhook_lost"):
                await asyncio.to_thread(_send, self._subscriber, body)

    async def _everything(self, request: Request) -> Response:
        alerts = [alert.model_dump(mode="json") for alert in self.state.alerts]
        return JSONResponse({"events": self.state.events, "alerts": alerts})

    def subscribe(self, to: Subscriber) -> None:
        """Send this subscriber from now on what people do here."""
        self._subscriber = to

    async def _subscribe(self, request: Request) -> Response:
        self.subscribe(Subscriber.model_validate_json(await request.body()))
        return Response(status_code=204)

    async def _respond(self, request: Request) -> Response:
        """Return what is done on the page: a person acknowledges, resolves, or gives the incident another `title`
        (retitle); or the service acts by itself (time_out, auto_resolve)."""
        fields = await form(request)
        act = fields.get("act", "")
        alert = next((a for a in self.state.alerts if a.id == request.path_params["id"]), None)
        if alert is None or act not in (*_TOLD, "retitle"):
            return JSONResponse({"error": "no such alert, or no such act"}, 404)
        event = {"event_action": act, "dedup_key": alert.dedup_key, "by": PERSON, "title": fields.get("title", "")}
        self.state.take(event, alert.service)
        if act in _TOLD:
            await self._notify(alert, _TOLD[act], _PERSON if act in _ACTIONS else _SERVICE)
        return RedirectResponse("/", 303)

    async def _page(self, request: Request) -> Response:
        return page("pager.html", alerts=self.state.alerts[::-1], events=len(self.state.events))


def incident_id(alert: Alert) -> str:
    """Return the pager's own id of the incident that an alert made."""
    return f"P{alert.id:06}"


def webhook_body(alert: Alert, became: str, agent: dict[str, str]) -> dict[str, Any]:
    """Return the V3 webhook of PagerDuty, as far as anybody reads it."""
    return {
        "event": {
            "id": uuid4().hex,
            "event_type": f"incident.{became}",
            "resource_type": "incident",
            "occurred_at": now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "agent": agent,
            "client": None,
            "data": {
                "id": incident_id(alert),
                "type": "incident",
                "number": alert.id,
                "status": alert.status,
                "incident_key": None,
                "title": alert.title or alert.summary,
            },
        }
    }


def _send(subscriber: Subscriber, body: bytes) -> None:
    """Send a webhook once, where PagerDuty tries for two days: what is done here can be done again."""
    signature = hmac.digest(subscriber.secret.get_secret_value().encode(), body, "sha256").hex()
    headers = {"Content-Type": "application/json", "X-PagerDuty-Signature": f"v1={signature}"}
    with requests.Session() as session:
        session.trust_env = False
        try:
            session.post(subscriber.url, data=body, headers=headers, timeout=5)
        except requests.RequestException:
            return


def _errors(event: object, routing_keys: Container[str]) -> list[str]:
    """Return what the Events API would refuse, by the vendor's description: what is missing, too long or no such
    type."""
    if not isinstance(event, dict):
        return ["Event is not a JSON object"]
    routing_key, action, key = event.get("routing_key"), event.get("event_action"), event.get("dedup_key")
    errors = [] if isinstance(routing_key, str) and routing_key in routing_keys else ["Invalid routing key"]
    if action not in _ACTIONS:
        errors.append("'event_action' is missing or not one of trigger, acknowledge, resolve")
    if not _is_text(key, 255) and not (key is None and action == "trigger"):
        errors.append("'dedup_key' is missing, no string or longer than 255 characters")
    errors += [
        f"'{name}' is not a list of objects with '{needed}'"
        for name, needed in (("links", "href"), ("images", "src"))
        if not _are_objects(event.get(name), needed)
    ]
    if action == "trigger":
        errors += _payload_errors(event.get("payload"))
    return errors


def _payload_errors(payload: object) -> list[str]:
    payload = payload if isinstance(payload, dict) else {}
    errors = []
    if not _is_text(payload.get("summary"), 1024):
        errors.append("'payload.summary' is missing, no string or longer than 1024 characters")
    if payload.get("severity") not in _SEVERITIES:
        errors.append("'payload.severity' is missing or not a severity")
    if not _is_text(payload.get("source"), MOST_BYTES):
        errors.append("'payload.source' is missing or no string")
    if not isinstance(payload.get("custom_details") or {}, dict):
        errors.append("'payload.custom_details' is not an object")
    if (at := payload.get("timestamp")) is not None and not _is_instant(at):
        errors.append("'payload.timestamp' is not an ISO 8601 time")
    return errors


def _is_text(value: object, longest: int) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= longest


def _are_objects(value: object, needed: str) -> bool:
    """Return whether there is nothing, or a list of objects that each have the text `needed`."""
    if value is None:
        return True
    return isinstance(value, list) and all(isinstance(one, dict) and _is_text(one.get(needed), 2_000) for one in value)


def _is_instant(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(datetime.fromisoformat(value))
    except ValueError:
        return False

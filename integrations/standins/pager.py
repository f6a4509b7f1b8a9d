"""The pager stand-in: PagerDuty's Events API v2 with its rules of deduplication, and a page of alerts.

Tests and `tierline demo` read `/standin/alerts`: every event as it came in, and the alerts that they made.
"""

import json
import threading
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from pydantic import AwareDatetime, BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from integrations.standins.common import Edge, Faults, JsonLines, Observer, control_routes, now, page

_ACTIONS = ("trigger", "acknowledge", "resolve")
_SEVERITIES = ("critical", "error", "warning", "info")


class Alert(BaseModel):
    id: int
    dedup_key: str
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

    def take(self, event: dict[str, Any]) -> str:
        """Records a valid event and returns its dedup key, made up if it has none."""
        with self._lock:
            event = event | {"dedup_key": event.get("dedup_key") or uuid4().hex}
            record = {"at": now().isoformat(), "event": event}
            self._file.append(record)
            self._apply(record)
            return str(event["dedup_key"])

    def _apply(self, record: dict[str, Any]) -> None:
        event, at = record["event"], datetime.fromisoformat(record["at"])
        self.events.append({"at": record["at"]} | event)
        key, action = event["dedup_key"], event["event_action"]
        open_alert = next((a for a in self.alerts if a.dedup_key == key and a.status != "resolved"), None)
        if open_alert is None:
            # Acknowledging or resolving what is not open is accepted and has no effect.
            if action == "trigger":
                self.alerts.append(_alert(len(self.alerts) + 1, event, at))
            return
        if action == "trigger":
            open_alert.triggers += 1
        else:
            open_alert.status = "acknowledged" if action == "acknowledge" else "resolved"
        open_alert.history.append((at, action))


def _alert(number: int, event: dict[str, Any], at: datetime) -> Alert:
    payload = event["payload"]
    return Alert(
        id=number,
        dedup_key=event["dedup_key"],
        summary=payload["summary"],
        severity=payload["severity"],
        source=payload["source"],
        details=payload.get("custom_details") or {},
        links=event.get("links") or [],
        opened=at,
        history=[(at, "trigger")],
    )


class PagerStandIn:
    """`app` is the server. `routing_key`: the one integration that it knows."""

    def __init__(self, routing_key: str, path: Path | None = None, observer: Observer | None = None) -> None:
        self.faults = Faults()
        self.state = PagerState(path)
        self._routing_key = routing_key
        routes = [
            Route("/v2/enqueue", self._enqueue, methods=["POST"]),
            Route("/standin/alerts", self._everything),
            *control_routes(self.faults),
            Route("/", self._page),
        ]
        self.app: ASGIApp = Edge(Starlette(routes=routes), "/v2/", self.faults, observer)

    async def _enqueue(self, request: Request) -> Response:
        try:
            event = json.loads(await request.body())
        except ValueError:
            event = None
        if errors := _errors(event, self._routing_key):
            return JSONResponse(
                {"status": "invalid event", "message": "Event object is invalid", "errors": errors}, 400
            )
        del event["routing_key"]
        key = self.state.take(event)
        return JSONResponse({"status": "success", "message": "Event processed", "dedup_key": key}, 202)

    async def _everything(self, request: Request) -> Response:
        alerts = [alert.model_dump(mode="json") for alert in self.state.alerts]
        return JSONResponse({"events": self.state.events, "alerts": alerts})

    async def _page(self, request: Request) -> Response:
        return page("pager.html", alerts=self.state.alerts[::-1], events=len(self.state.events))


def _errors(event: object, routing_key: str) -> list[str]:
    """What the Events API would refuse."""
    if not isinstance(event, dict):
        return ["Event is not a JSON object"]
    errors = [] if event.get("routing_key") == routing_key else ["Invalid routing key"]
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

"""The chat stand-in: receives notices as signed webhooks, as any receiver should, and shows them.

It is also a pager of another make (signed webhooks to `/page`), and an incident room (incoming webhook `/room`).
Tests and `tierline demo` read `/standin/messages`: each notice once and how often it was delivered, the pages in the
same way, and everything that the room was shown.
"""

import json
import threading
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from integrations.standard_webhooks import BadSignature, verify
from integrations.standins.common import Edge, Faults, JsonLines, Observer, control_routes, now, page

Kind = Literal["notice", "page", "room"]


class Notice(BaseModel):
    id: str
    received: AwareDatetime
    deliveries: int
    type: str
    at: AwareDatetime
    data: dict[str, Any]


class PageEvent(BaseModel):
    """One message that a pager got."""

    id: str
    received: AwareDatetime
    deliveries: int
    type: str
    data: dict[str, Any]


class RoomLine(BaseModel):
    received: AwareDatetime
    text: str


class ChatState:
    """Notices and pages by their id, and the room's lines. With a path it remembers them over a restart."""

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._file = JsonLines(path)
        self.notices: dict[str, Notice] = {}
        self.pages: dict[str, PageEvent] = {}
        self.room: list[RoomLine] = []
        self.refused = 0
        for record in self._file.read():
            self._apply(record)

    def take(self, kind: Kind, message_id: str, content: dict[str, Any]) -> None:
        """Record a delivery; a repeat is counted and otherwise dropped, but for the room's, which has no ids."""
        with self._lock:
            record = {"kind": kind, "id": message_id, "received": now().isoformat(), "content": content}
            self._apply(record)
            self._file.append(record)

    def _apply(self, record: dict[str, Any]) -> None:
        content, received = record["content"], datetime.fromisoformat(record["received"])
        kind = record.get("kind", "notice")
        if kind == "room":
            self.room.append(RoomLine(received=received, text=content["text"]))
            return
        known = (self.notices if kind == "notice" else self.pages).get(record["id"])
        if known:
            known.deliveries += 1
            return
        body: dict[str, Any] = {"id": record["id"], "received": received, "deliveries": 1, "type": content["type"]}
        if kind == "notice":
            self.notices[record["id"]] = Notice(at=content["timestamp"], data=content["data"], **body)
        else:
            self.pages[record["id"]] = PageEvent(data=content["data"], **body)


class ChatStandIn:
    """`app` is the server. `secret`: what the sender must sign with."""

    def __init__(self, secret: SecretStr, path: Path | None = None, observer: Observer | None = None) -> None:
        self.faults = Faults()
        self.state = ChatState(path)
        self._secret = secret
        routes = [
            Route("/hook", self._hook, methods=["POST"]),
            Route("/page", self._hook, methods=["POST"]),
            Route("/room", self._room, methods=["POST"]),
            Route("/standin/messages", self._everything),
            *control_routes(self.faults),
            Route("/", self._page),
        ]
        self.app: ASGIApp = Edge(Starlette(routes=routes), ("/hook", "/page", "/room"), self.faults, observer)

    async def _hook(self, request: Request) -> Response:
        body = await request.body()
        try:
            message_id = verify([self._secret], request.headers, body, now())
        except BadSignature as bad:
            self.state.refused += 1
            return JSONResponse({"error": str(bad)}, 401)
        try:
            self.state.take("page" if request.url.path == "/page" else "notice", message_id, json.loads(body))
        except (ValueError, LookupError, TypeError) as error:
            return JSONResponse({"error": type(error).__name__}, 400)
        return Response(status_code=204)

    async def _room(self, request: Request) -> Response:
        try:
            self.state.take("room", "", json.loads(await request.body()))
        except (ValueError, LookupError, TypeError):
            return Response("invalid_payload", 400)
        return Response("ok")

    async def _everything(self, request: Request) -> Response:
        messages, pages = (
            [one.model_dump(mode="json") for one in kept.values()] for kept in (self.state.notices, self.state.pages)
        )
        room = [line.model_dump(mode="json") for line in self.state.room]
        return JSONResponse({"messages": messages, "pages": pages, "room": room, "refused": self.state.refused})

    async def _page(self, request: Request) -> Response:
        state = self.state
        notices, pages = list(state.notices.values())[::-1], list(state.pages.values())[::-1]
        return page("chat.html", notices=notices, pages=pages, room=state.room[::-1], refused=state.refused)

"""The chat stand-in: receives notices as signed webhooks, as any receiver should, and shows them.

Tests and `tierline demo` read `/standin/messages`: each notice once, and how often it was delivered.
"""

import json
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from integrations.chat.signing import BadSignature, verify
from integrations.standins.common import Edge, Faults, JsonLines, Observer, control_routes, now, page


class Notice(BaseModel):
    id: str
    received: AwareDatetime
    deliveries: int
    type: str
    at: AwareDatetime
    data: dict[str, Any]


class ChatState:
    """Notices by their id. With a path it remembers them over a restart."""

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._file = JsonLines(path)
        self.notices: dict[str, Notice] = {}
        self.refused = 0
        for record in self._file.read():
            self._apply(record)

    def take(self, message_id: str, content: dict[str, Any]) -> None:
        """Records a delivery; a repeat is counted and otherwise dropped."""
        with self._lock:
            record = {"id": message_id, "received": now().isoformat(), "content": content}
            self._apply(record)
            self._file.append(record)

    def _apply(self, record: dict[str, Any]) -> None:
        known = self.notices.get(record["id"])
        if known:
            known.deliveries += 1
            return
        content = record["content"]
        self.notices[record["id"]] = Notice(
            id=record["id"],
            received=datetime.fromisoformat(record["received"]),
            deliveries=1,
            type=content["type"],
            at=content["timestamp"],
            data=content["data"],
        )


class ChatStandIn:
    """`app` is the server. `secret`: what the sender must sign with."""

    def __init__(self, secret: SecretStr, path: Path | None = None, observer: Observer | None = None) -> None:
        self.faults = Faults()
        self.state = ChatState(path)
        self._secret = secret
        routes = [
            Route("/hook", self._hook, methods=["POST"]),
            Route("/standin/messages", self._everything),
            *control_routes(self.faults),
            Route("/", self._page),
        ]
        self.app: ASGIApp = Edge(Starlette(routes=routes), "/hook", self.faults, observer)

    async def _hook(self, request: Request) -> Response:
        body = await request.body()
        try:
            message_id = verify([self._secret], request.headers, body, now())
        except BadSignature as bad:
            self.state.refused += 1
            return JSONResponse({"error": str(bad)}, 401)
        try:
            self.state.take(message_id, json.loads(body))
        except (ValueError, LookupError, TypeError) as error:
            return JSONResponse({"error": type(error).__name__}, 400)
        return Response(status_code=204)

    async def _everything(self, request: Request) -> Response:
        messages = [notice.model_dump(mode="json") for notice in self.state.notices.values()]
        return JSONResponse({"messages": messages, "refused": self.state.refused})

    async def _page(self, request: Request) -> Response:
        return page("chat.html", notices=list(self.state.notices.values())[::-1], refused=self.state.refused)

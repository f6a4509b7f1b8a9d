"""Runs the stand-ins: all three in one process, each on a port of its own.

`serve` is for a process that does nothing else; `running` is for tests and for programs that have other work.
"""

import argparse
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import requests
import uvicorn
from pydantic import SecretStr
from starlette.types import ASGIApp, Receive, Scope, Send

from integrations.chat.port import WebhookConfig
from integrations.jira.port import JiraConfig
from integrations.pager.port import PagerConfig
from integrations.standins.chat import ChatStandIn
from integrations.standins.common import Fault, Observer
from integrations.standins.jira import JiraStandIn
from integrations.standins.pager import PagerStandIn

# What the stand-ins know us by. No secrets: they open nothing but these local servers.
PROJECT = "ENG"
EMAIL = "tierline@example.com"
TOKEN = SecretStr("standin-token")
ROUTING_KEY = SecretStr("standinstandinstandinstandin0000")
CHAT_SECRET = SecretStr("whsec_c3RhbmRpbi1zdGFuZGluLXN0YW5kaW4tc3RhbmRpbg==")


def jira_config(url: str) -> JiraConfig:
    """How to reach the Jira stand-in at `url`."""
    types = {"bug": "Bug", "request": "Story", "incident": "Incident"}
    return JiraConfig.model_validate(
        {"url": url, "email": EMAIL, "token": TOKEN, "project": PROJECT, "issue_types": types}
    )


def pager_config(url: str) -> PagerConfig:
    return PagerConfig(url=url, routing_key=ROUTING_KEY)


def chat_config(url: str) -> WebhookConfig:
    return WebhookConfig(url=f"{url}/hook", secret=CHAT_SECRET)


class Control:
    """Looks into a running stand-in and makes it fail, from this process or another."""

    def __init__(self, url: str) -> None:
        self.url = url

    def fault(self, kind: str, **details: Any) -> None:
        """Sets a fault (see `common.Fault`), as in `fault("commit_then_drop", method="POST", times=1)`."""
        Fault.model_validate({"kind": kind, **details})
        self._call("POST", "/standin/faults", {"kind": kind, **details})

    def clear(self) -> None:
        """Ends all faults."""
        self._call("DELETE", "/standin/faults")

    def see(self, what: str) -> Any:
        """What it remembers: `issues` and `requests` (Jira), `alerts` (pager), `messages` (chat)."""
        return self._call("GET", f"/standin/{what}")

    def _call(self, method: str, path: str, body: object = None) -> Any:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(method, self.url + path, json=body, timeout=10)
            answer.raise_for_status()
            return answer.json()


class Running:
    """The stand-ins at work."""

    def __init__(self, jira: str, pager: str, chat: str) -> None:
        self.jira = Control(jira)
        self.pager = Control(pager)
        self.chat = Control(chat)


def serve(port_jira: int, port_pager: int, port_chat: int, state_dir: Path | None, host: str = "127.0.0.1") -> None:
    """Serves until interrupted. With `state_dir` a later run remembers. Raises OSError when a port is
    taken.
    """
    with ExitStack() as stack:
        sockets = [stack.enter_context(_listen(host, p)) for p in (port_jira, port_pager, port_chat)]
        with suppress(KeyboardInterrupt):
            _server(sockets, state_dir, None).run(sockets=sockets)


@contextmanager
def running(
    state_dir: Path | None = None,
    ports: tuple[int, int, int] = (0, 0, 0),
    observe_jira: Observer | None = None,
) -> Iterator[Running]:
    """The stand-ins in a thread of this process; port 0 is any free one. They have stopped when the block
    ends.

    `observe_jira` is called in that thread with every exchange on Jira's interface.
    """
    with ExitStack() as stack:
        sockets = [stack.enter_context(_listen("127.0.0.1", port)) for port in ports]
        server = _server(sockets, state_dir, observe_jira)
        thread = threading.Thread(target=server.run, kwargs={"sockets": sockets}, name="stand-ins")
        thread.start()  # the sockets listen already, so callers need not wait for it
        try:
            yield Running(*(f"http://127.0.0.1:{s.getsockname()[1]}" for s in sockets))
        finally:
            server.should_exit = True
            thread.join()


def _listen(host: str, port: int) -> socket.socket:
    # The protocol is named because asyncio switches Nagle's delay (40 ms an answer) off only where it is.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(256)
        return sock
    except OSError as error:
        sock.close()
        raise OSError(error.errno, f"port {port} on {host} cannot be used: {error.strerror}") from None


def _server(sockets: list[socket.socket], state_dir: Path | None, observer: Observer | None) -> uvicorn.Server:
    def file(name: str) -> Path | None:
        return state_dir / name if state_dir else None

    if state_dir:
        state_dir.mkdir(parents=True, exist_ok=True)
    apps = (
        JiraStandIn(PROJECT, EMAIL, TOKEN.get_secret_value(), file("jira.jsonl"), observer).app,
        PagerStandIn(ROUTING_KEY.get_secret_value(), file("pager.jsonl")).app,
        ChatStandIn(CHAT_SECRET, file("chat.jsonl")).app,
    )
    by_port = {sock.getsockname()[1]: app for sock, app in zip(sockets, apps, strict=True)}
    config = uvicorn.Config(
        _by_port(by_port),
        http="h11",
        ws="none",
        lifespan="off",
        log_level="error",
        access_log=False,
        timeout_graceful_shutdown=2,
    )
    return uvicorn.Server(config)


def _by_port(apps: dict[int, ASGIApp]) -> ASGIApp:
    """One server for several ports: each request goes to the application of the port that it came in on."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await apps[scope["server"][1]](scope, receive, send)

    return app


def main() -> None:
    parser = argparse.ArgumentParser(description="Local stand-ins for Jira, pager and chat.")
    parser.add_argument("--jira-port", type=int, default=8090)
    parser.add_argument("--pager-port", type=int, default=8091)
    parser.add_argument("--chat-port", type=int, default=8092)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--state-dir", type=Path, help="where to remember; without it a restart forgets")
    given = parser.parse_args()
    serve(given.jira_port, given.pager_port, given.chat_port, given.state_dir, given.host)


if __name__ == "__main__":
    main()

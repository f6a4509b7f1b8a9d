"""Runs the stand-ins: all three in one process, each on a port of its own.

`serve` is for a process that does nothing else; `running` is for tests and for programs that have other work.
"""

import argparse
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import requests
import uvicorn
from pydantic import SecretStr
from starlette.types import ASGIApp, Receive, Scope, Send

from integrations.chat.port import WebhookConfig
from integrations.chat.room import RoomConfig
from integrations.jira.config import JiraConfig
from integrations.pager.port import PagerConfig
from integrations.standins.chat import ChatStandIn
from integrations.standins.common import Fault, Observer, Subscriber
from integrations.standins.jira import JiraStandIn
from integrations.standins.pager import PagerStandIn

# What the stand-ins know us by. No secrets: they open nothing but these local servers.
PROJECT = "ENG"
EMAIL = "tierline@example.com"
TOKEN = SecretStr("standin-token")
ROUTING_KEYS = tuple(SecretStr(f"standinstandinstandinstandin000{place}") for place in range(3))
"""Of the on-call, the next level, and the manager."""
SERVICES = ("on-call", "next level", "manager")
PAGER_SECRET = SecretStr("standin-webhook-secret")
"""What the pager signs its webhooks with."""
JIRA_SECRET = SecretStr("standin-jira-webhook-secret")
"""What Jira signs its webhooks with."""
CHAT_SECRET = SecretStr("whsec_c3RhbmRpbi1zdGFuZGluLXN0YW5kaW4tc3RhbmRpbg==")


def jira_config(url: str) -> JiraConfig:
    """Return how to reach the Jira stand-in at `url`."""
    rules = {"issue_types": {"incident": "Incident"}}
    return JiraConfig.model_validate({"url": url, "email": EMAIL, "token": TOKEN, "project": PROJECT, "rules": rules})


def jira_environment(url: str) -> dict[str, str]:
    """Return the variables that lead to the Jira stand-in at `url`, and tell its webhooks from a stranger's."""
    config = jira_config(url)
    return {
        "JIRA_URL": config.url,
        "JIRA_EMAIL": config.email,
        "JIRA_API_TOKEN": config.token.get_secret_value(),
        "JIRA_PROJECT": config.project,
        "JIRA_WEBHOOK_SECRET": JIRA_SECRET.get_secret_value(),
    }


def pager_config(url: str) -> PagerConfig:
    return PagerConfig(url=url, routing_keys=ROUTING_KEYS)


def chat_config(url: str) -> WebhookConfig:
    return WebhookConfig(url=f"{url}/hook", secret=CHAT_SECRET)


def second_config(url: str) -> WebhookConfig:
    """Return the settings of another pager, by signed webhook: the chat stand-in takes its pages too."""
    return WebhookConfig(url=f"{url}/page", secret=CHAT_SECRET)


def room_config(url: str) -> RoomConfig:
    """Return the incident room of the chat stand-in at `url`."""
    return RoomConfig(url=SecretStr(f"{url}/room"))


def pager_environment(pager: str, chat: str) -> dict[str, str]:
    """Return the variables that lead to the pager stand-in, to the second channel and to the incident room."""
    second, room = second_config(chat), room_config(chat)
    return {
        "PAGER_URL": pager,
        "PAGER_ROUTING_KEY": ",".join(key.get_secret_value() for key in ROUTING_KEYS),
        "PAGER_WEBHOOK_SECRETS": PAGER_SECRET.get_secret_value(),
        "SECOND_URL": second.url,
        "SECOND_SECRET": second.secret.get_secret_value(),
        "ROOM_URL": room.url.get_secret_value(),
    }


class Control:
    """Looks into a running stand-in and makes it fail, from this process or another."""

    def __init__(self, url: str) -> None:
        self.url = url

    def fault(self, kind: str, **details: Any) -> None:
        """Set a fault (see `common.Fault`), as in `fault("commit_then_drop", method="POST", times=1)`."""
        Fault.model_validate({"kind": kind, **details})
        self._call("POST", "/standin/faults", {"kind": kind, **details})

    def clear(self) -> None:
        """End all faults."""
        self._call("DELETE", "/standin/faults")

    def site(self, **settings: Any) -> None:
        """Set Jira's site up (see `jira_site.SiteSettings`): what is not named is as on a new site."""
        self._call("POST", "/standin/site", settings)

    def see(self, what: str) -> Any:
        """Return what it remembers: `issues`, `requests` and `webhooks` (Jira), `alerts` (pager), `messages` (chat)."""
        return self._call("GET", f"/standin/{what}")

    def subscribe(self, url: str, secret: str) -> None:
        """Say who gets a signed webhook of what people do on the pages of Jira and of the pager."""
        self._call("POST", "/standin/webhook", {"url": url, "secret": secret})

    def _call(self, method: str, path: str, body: object = None) -> Any:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(method, self.url + path, json=body, timeout=60)
            answer.raise_for_status()
            return answer.json() if answer.content else None


class Running:
    """The stand-ins at work."""

    def __init__(self, jira: str, pager: str, chat: str) -> None:
        self.jira = Control(jira)
        self.pager = Control(pager)
        self.chat = Control(chat)


def serve(
    port_jira: int,
    port_pager: int,
    port_chat: int,
    state_dir: Path | None,
    host: str = "127.0.0.1",
    webhooks: str | None = None,
    beside: Mapping[int, ASGIApp] | None = None,
) -> None:
    """Serve until interrupted. With `state_dir` a later run remembers. `webhooks` is the address below which Jira and
    the pager tell what people do on their pages; `beside`, other stand-ins by their ports. Raises OSError when a port
    is taken.
    """
    with ExitStack() as stack:
        others = beside or {}
        sockets = [stack.enter_context(_listen(host, p)) for p in (port_jira, port_pager, port_chat, *others)]
        with suppress(KeyboardInterrupt):
            _server(sockets, state_dir, webhooks=webhooks, others=tuple(others.values())).run(sockets=sockets)


@contextmanager
def running(
    state_dir: Path | None = None,
    ports: tuple[int, int, int] = (0, 0, 0),
    observe_jira: Observer | None = None,
    observe_pager: Observer | None = None,
) -> Iterator[Running]:
    """Run the stand-ins in a thread of this process; port 0 is any free one. They have stopped when the block ends.

    `observe_jira` and `observe_pager` are called in that thread with every exchange on their interfaces.
    """
    with ExitStack() as stack:
        sockets = [stack.enter_context(_listen("127.0.0.1", port)) for port in ports]
        server = _server(sockets, state_dir, observe_jira, observe_pager)
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


def _server(
    sockets: list[socket.socket],
    state_dir: Path | None,
    observe_jira: Observer | None = None,
    observe_pager: Observer | None = None,
    webhooks: str | None = None,
    others: Sequence[ASGIApp] = (),
) -> uvicorn.Server:
    def file(name: str) -> Path | None:
        return state_dir / name if state_dir else None

    if state_dir:
        state_dir.mkdir(parents=True, exist_ok=True)
    jira = JiraStandIn(PROJECT, EMAIL, TOKEN.get_secret_value(), file("jira.jsonl"), observe_jira)
    pager = PagerStandIn(_services(), file("pager.jsonl"), observe_pager)
    if webhooks:
        jira.webhooks.subscribe(Subscriber(url=f"{webhooks}/jira", secret=JIRA_SECRET))
        pager.subscribe(Subscriber(url=f"{webhooks}/pager", secret=PAGER_SECRET))
    apps = (jira.app, pager.app, ChatStandIn(CHAT_SECRET, file("chat.jsonl")).app, *others)
    by_port = {sock.getsockname()[1]: app for sock, app in zip(sockets, apps, strict=True)}
    return _uvicorn(_by_port(by_port))


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """Serve any one stand-in, in a thread of this process, on any free port. Yields its address."""
    with ExitStack() as stack:
        sock = stack.enter_context(_listen("127.0.0.1", 0))
        server = _uvicorn(app)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, name="stand-in")
        thread.start()
        try:
            yield f"http://127.0.0.1:{sock.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def _uvicorn(app: ASGIApp) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_level="error",
        access_log=False,
        timeout_graceful_shutdown=2,
    )
    return uvicorn.Server(config)


def _services() -> dict[str, str]:
    return {key.get_secret_value(): name for key, name in zip(ROUTING_KEYS, SERVICES, strict=True)}


def _by_port(apps: dict[int, ASGIApp]) -> ASGIApp:
    """Return one server for several ports: each request goes to the application of the port that it came in on."""

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
    parser.add_argument("--webhooks", help="tell what people do, below this address: http://127.0.0.1:8080/webhooks")
    options = parser.parse_args()
    serve(options.jira_port, options.pager_port, options.chat_port, options.state_dir, options.host, options.webhooks)


if __name__ == "__main__":
    main()

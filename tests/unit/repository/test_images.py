"""`make images`: pinned digests against a registry's, which asks for a token as the real one does."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy.images import FILES, IMAGE, ROOT, compare

OLD, NEW = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"


@contextmanager
def registry(digests: dict[str, str]) -> Iterator[str]:
    """A registry that knows these manifests, for whoever has fetched a token for them."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            scope = self.path.partition("scope=")[2]
            self._answer(200, {}, json.dumps({"token": scope}).encode())

        def do_HEAD(self) -> None:
            name = self.path.removeprefix("/v2/").partition("/manifests/")[0]
            host = f"http://127.0.0.1:{self.server.server_address[1]}"
            if self.headers.get("Authorization") != f"Bearer repository%3A{name.replace('/', '%2F')}%3Apull":
                self._answer(401, {"WWW-Authenticate": f'Bearer realm="{host}/token",service="here"'})
            elif digest := digests.get(self.path):
                self._answer(200, {"Docker-Content-Digest": digest})
            else:
                self._answer(404, {})

        def _answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_what_differs_is_said_once_and_written_where_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    file = tmp_path / "docker-compose.yml"
    before = (
        f"image: postgres:18.6@{OLD}\nimage: postgres:18.6@{OLD}\nimage: a/b:v1.0@{NEW}\nimage: own:${{X:-local}}\n"
    )
    file.write_text(before)
    with registry({"/v2/library/postgres/manifests/18.6": NEW, "/v2/a/b/manifests/v1.0": NEW}) as there:
        assert compare([file], there) == [f"postgres:18.6 is {NEW} by now, and pinned to {OLD}"]
        assert file.read_text() == before
        compare([file], there, write=True)
        assert file.read_text() == before.replace(OLD, NEW)
        assert compare([file], there) == []


def test_every_pinned_image_of_the_project_is_found() -> None:
    found = [IMAGE.findall((ROOT / name).read_text()) for name in FILES]
    assert [len(one) for one in found] == [(ROOT / FILES[0]).read_text().count("@sha256:"), 1]

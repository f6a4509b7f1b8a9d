"""List every endpoint of the HTTP API, as the application has them."""

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from fastapi.routing import APIRoute
from starlette.routing import Route

from api.app import create_app
from api.parts import Parts


class Endpoint(NamedTuple):
    method: str
    path: str

    def at(self, ticket: str, incident: str = "1") -> str:
        path = self.path.replace("{ticket}", ticket).replace("{incident}", incident)
        return path.replace("{account}", "acme").replace("{name}", "jira")


_NOTHING = cast(Any, None)
APP = create_app(
    Parts(db=_NOTHING, client=_NOTHING, service=_NOTHING, incidents=_NOTHING, deliveries=_NOTHING, policy="none")
)
"""The application with nothing behind it: to look at, not to be asked."""


def endpoints() -> list[Endpoint]:
    """Every one that the application has, however it came there."""

    def walk(routes: Any) -> Iterator[Endpoint]:
        for route in routes:
            if included := getattr(route, "original_router", None):
                yield from walk(included.routes)
            elif isinstance(route, APIRoute | Route):
                yield from (Endpoint(method, route.path) for method in sorted((route.methods or set()) - {"HEAD"}))
            else:
                raise AssertionError(f"an endpoint of a kind that this test does not know: {route!r}")

    return list(walk(APP.routes))


ALL = endpoints()

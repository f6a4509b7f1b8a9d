"""Every page of the desk, as the application's own routes have them: a page that is new is among them at once."""

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any, cast

from starlette.routing import Route

from web.app import create_desk

NO_PAGES = frozenset(
    {
        "/",  # leads to the desk
        "/desk/static/{name}",
        "/desk/live",  # a stream
        "/desk/search/entries",  # JSON, which the palette shows
        "/desk/sign-in/openid",  # leads to the identity provider
        "/desk/sign-in/openid/back",
        "/desk/helpdesk/{system}/{number}/card",  # leads to a ticket's card
    }
)
"""Routes for GET that show no page."""


def routes() -> list[tuple[str, str]]:
    """Return every route of the desk: its method and its path."""
    desk = create_desk(cast(Any, _Nothing()))
    return sorted(chain.from_iterable(_methods(one) for one in desk.routes))


def pages(places: Mapping[str, str]) -> list[str]:
    """Return the address of every page. `places` says what the addresses name, such as `{ticket}`.

    Raises KeyError for a name that `places` does not have.
    """
    return [_filled(path, places) for method, path in routes() if method == "GET" and path not in NO_PAGES]


def _filled(path: str, places: Mapping[str, str]) -> str:
    parts = ("/" + part for part in path.removeprefix("/").split("/"))
    return "".join(f"/{places[part[1:]]}" if part.startswith("/{") else part for part in parts)


def _methods(route: Any) -> Iterable[tuple[str, str]]:
    assert isinstance(route, Route), f"a route of a kind that this list does not know: {route!r}"
    return ((method, route.path) for method in (route.methods or set()) - {"HEAD"})


class _Nothing:
    """No database and no Temporal: the routes need none."""

    rate = 1.0

    def __getattr__(self, _: str) -> "_Nothing":
        return self

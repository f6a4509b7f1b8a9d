"""A person at the desk without a browser: keeps the cookie, reads pages, fills in their forms as they stand."""

import asyncio
import html
import re
from collections.abc import Mapping
from typing import Any

import requests

from domain.core.enums import Role
from tests.support.served_api import Api

_INPUT = re.compile(r"<input\b[^>]*>")
_ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')

PACKAGE = {
    "fields.steps_taken": "Cleared the cache.",
    "fields.customer_impact": "Nobody can close the month.",
    "fields.reproduction_steps": "1. Open Reports.",
    "fields.logs_or_screenshots": "trace.txt",
}
"""Tier 2's package, as the fields of a form."""


class Visitor:
    """One browser's worth of state."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.session = requests.Session()
        self.session.trust_env = False

    async def get(self, path: str, **more: Any) -> requests.Response:
        """Load a page. Redirects are not followed unless asked for."""
        return await self._ask("GET", path, **more)

    async def post(self, path: str, fields: Mapping[str, Any], **more: Any) -> requests.Response:
        """Send a form's fields, just as they are given."""
        return await self._ask("POST", path, data=fields, **more)

    async def sign_in(self, role: Role = Role.AGENT, *, token: str | None = None, there: str = "") -> requests.Response:
        """Sign in as the holder of a token."""
        return await self.post("/desk/sign-in", {"token": token or self.api.tokens[role], "zone": "UTC", "next": there})

    async def send(self, page: requests.Response, action: str, fields: dict[str, str]) -> requests.Response:
        """Send the form of a page that goes to `action`, with its hidden fields."""
        return await self.post(action, self.hidden(page, action) | fields)

    @staticmethod
    def hidden(page: requests.Response, action: str, place: int = 0) -> dict[str, str]:
        """The hidden fields of a form of a page that goes to `action`: the first, or the one in that place."""
        forms = re.findall(r"<form\b[^>]*action=\"([^\"]*)\"[^>]*>(.*?)</form>", page.text, re.DOTALL)
        inside = [inner for address, inner in forms if html.unescape(address) == action][place]
        found = {}
        for tag in _INPUT.findall(inside):
            attributes = dict(_ATTRIBUTE.findall(tag))
            if attributes.get("type") == "hidden":
                found[attributes["name"]] = html.unescape(attributes.get("value", ""))
        return found

    async def _ask(self, method: str, path: str, **more: Any) -> requests.Response:
        more.setdefault("allow_redirects", False)
        return await asyncio.to_thread(self.session.request, method, self.api.url + path, timeout=60, **more)


def form_of(page: str, ticket: str) -> dict[str, str]:
    """The hidden fields of the first form of the board about a ticket."""
    place = page.index(f'name="ticket" value="{ticket}"')
    start = page.rindex("<form", 0, place)
    hidden = re.findall(
        r'<input type="hidden" name="(\w+)" value="([^"]*)"', page[start : page.index("</form>", place)]
    )
    return dict(hidden)


async def at_ticket(api: Api, role: Role = Role.AGENT, **form: str) -> tuple[Visitor, str, str]:
    """A person who is signed in, a new ticket, and the address of its page."""
    ticket = await api.open(**form)
    visitor = Visitor(api)
    await visitor.sign_in(role)
    return visitor, ticket, f"/desk/tickets/{ticket}"

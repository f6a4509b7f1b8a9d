"""F4 and F10: what customers wait for from engineering, as a page."""

import asyncio
from typing import get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.parts import Parts
from services.reading import demand
from store.demand import Kind, Order
from web.gate import PREFIX
from web.render import page


async def show(request: Request) -> Response:
    """Show the issues for which accounts wait, ranked. What `kind` and `by` do not name counts as not said."""
    parts: Parts = request.app.state.parts
    kinds: tuple[Kind, ...] = get_args(Kind)
    orders: tuple[Order, ...] = get_args(Order)
    kind: Kind = next((one for one in kinds if one == request.query_params.get("kind")), "request")
    by: Order = next((one for one in orders if one == request.query_params.get("by")), "accounts")
    found = await asyncio.to_thread(demand.read, parts.db, kind, by)
    return page(request, "demand.html", found=found)


ROUTES = [Route(f"{PREFIX}/loop/wanted", show, methods=["GET"])]

"""The home page: what waits for whoever is signed in, and one key to the right next ticket."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.parts import Parts
from domain.ticket.rules.handling import Take
from services.policy_file.zones import zone_info
from services.reading import home
from services.security.auth import Caller
from web.gate import PREFIX
from web.queue import end_of_day
from web.render import page


async def show(request: Request) -> Response:
    """Show what waits for whoever is signed in."""
    parts: Parts = request.app.state.parts
    me: Caller = request.state.signed_in.caller
    zone, now = zone_info(request.state.signed_in.zone), parts.db.clock.now()
    found = await asyncio.to_thread(home.read, parts.db, me, now, end_of_day(now, zone), zone)
    return page(request, "home.html", home=found, takes=me.role in Take.who)


ROUTES = [Route(PREFIX, show, methods=["GET"])]

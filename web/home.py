"""The home page: what waits for whoever is signed in, and one key to the right next ticket."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.parts import Parts
from domain.ticket.rules.handling import Take
from services.policy_file.zones import zone_info
from services.reading import home
from services.reading.account import plans_shared_with
from services.reading.something_else import to_take
from services.reports import variety
from services.security.auth import Caller
from web.gate import PREFIX
from web.queue import end_of_day
from web.render import page


async def show(request: Request) -> Response:
    """Show what waits for whoever is signed in. With `something_else` in the address, the next ticket is one of an area
    that they have had least."""
    parts: Parts = request.app.state.parts
    me: Caller = request.state.signed_in.caller
    zone, now = zone_info(request.state.signed_in.zone), parts.db.clock.now()
    shared = plans_shared_with(parts.service.policy, me)
    found = await asyncio.to_thread(home.read, parts.db, me, now, end_of_day(now, zone), zone, shared)
    takes, why, mine = me.role in Take.who, "", None
    if takes:
        policy = parts.service.policy
        mine = await asyncio.to_thread(variety.of_person, parts.db, policy, me.actor, now)
        if request.query_params.get("something_else"):
            else_ = await asyncio.to_thread(to_take, parts.db, me.actor, zone_info(policy.report.zone))
            if else_.line:
                found, why = found._replace(next=else_.line), else_.why
    return page(request, "home.html", home=found, takes=takes, why=why, variety=mine)


ROUTES = [Route(PREFIX, show, methods=["GET"])]

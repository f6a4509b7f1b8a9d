"""F7: satisfaction as a page: scores of four weeks by team, category, channel, template and hour, and what was said."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.parts import Parts
from services import survey
from web.board import check_reader
from web.gate import PREFIX
from web.render import page

COMMENTS = 50


async def show(request: Request) -> Response:
    """Show the scores, grouped in each way, and the latest comments."""
    check_reader(request)
    parts: Parts = request.app.state.parts
    now = parts.db.clock.now()
    found = await asyncio.to_thread(survey.satisfaction, parts.db, now, *survey.GROUPS, lines=COMMENTS)
    return page(request, "satisfaction.html", found=found)


ROUTES = [Route(f"{PREFIX}/board/satisfaction", show, methods=["GET"])]

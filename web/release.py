"""A release judged, as a page (F3)."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.parts import Parts
from domain.core.refusal import Refused
from services.reports import compare_text, release
from web.gate import PREFIX
from web.refusal import Refusal
from web.render import page
from web.week import check_reader


async def show(request: Request) -> Response:
    """Show what was before and after a release, or why that cannot be said."""
    check_reader(request)
    parts: Parts = request.app.state.parts
    version, days = request.query_params.get("version", "")[:200], request.query_params.get("days", "")[:4]
    number = int(days) if days.isascii() and days.isdecimal() else release.DAYS
    number = min(max(number, 1), release.MOST_DAYS)
    found, refusal = None, None
    try:
        if version:
            now = parts.db.clock.now()
            found = await asyncio.to_thread(release.read, parts.db, parts.service.policy, version, number, now)
    except Refused as refused:
        refusal = Refusal.of("release", refused)
    return page(
        request, "release.html", refusal.status if refusal else 200,
        found=found, refusal=refusal, version=version, days=number, change=compare_text.change,
        in_words=release.in_words, area_names=release.area_names, more=release.MORE,
    )  # fmt: skip


ROUTES = [Route(f"{PREFIX}/week/release", show, methods=["GET"])]

"""F7: the page of a survey, for a customer who has its link. It needs no session, and runs no script.

Only a form that is sent records something. Mail scanners and previews open links: GET and HEAD change nothing,
whatever the address says behind its `?`. `score` there only fills the form in.
"""

import asyncio
from datetime import UTC, datetime
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from api.parts import Parts
from api.problems import Problem
from domain.core.failures import Unavailable
from domain.core.refusal import Refused
from services import survey
from services.security.survey_links import LinkEnded, links_needed
from services.survey import Survey
from store.database import DatabaseDown
from web.gate import SURVEY, Form, read_form
from web.render import page

SCORES = (
    ("5", "Very satisfied"), ("4", "Satisfied"), ("3", "Neither"), ("2", "Dissatisfied"), ("1", "Very dissatisfied"),
)  # fmt: skip
EFFORTS = (
    ("7", "Very easy"), ("6", ""), ("5", ""), ("4", "Neither"), ("3", ""), ("2", ""), ("1", "Very hard"),
    ("", "I would rather not say"),
)  # fmt: skip


class Shown(NamedTuple):
    """What the page shows beside the survey."""

    state: str
    """`asks`, `stands` (the answer can be changed no more), `ended`, `unknown` or `later`."""
    survey: Survey | None = None
    thanks: bool = False
    trouble: str = ""
    status: int = 200


async def show(request: Request) -> Response:
    """Show the survey, with the answer that stands."""
    _check_pace(request)
    try:
        found = await _found(request)
    except (Refused, LinkEnded, Unavailable, DatabaseDown) as error:
        return _page(request, _failed(error), Form({}))
    thanks = "thanks" in request.query_params and found.csat is not None
    score = request.query_params.get("score", "")
    score = score if found.csat is None else str(found.csat)
    filled = Form({"csat": [score], "comment": [found.comment], "effort": [str(found.effort or "")]})
    return _page(request, _of(found, thanks=thanks), filled)


async def answer(request: Request) -> Response:
    """Record the answer, and lead back to the page that shows it."""
    parts: Parts = request.app.state.parts
    _check_pace(request)
    filled = await read_form(request, None)
    found = None
    try:
        found = await _found(request)
        given = filled.text("csat"), filled.text("comment").strip(), filled.text("once")
        effort = filled.text("effort") if parts.effort_question else ""
        await survey.answer(parts.service, parts.db, found.ticket, *given, effort=effort)
    except (Refused, LinkEnded, Unavailable, DatabaseDown) as error:
        return _page(request, _failed(error, found), filled)
    return RedirectResponse(f"{request.url.path}?thanks", 303)


def _check_pace(request: Request) -> None:
    """Refuse an address that asks too often. Raises Problem."""
    if seconds := request.app.state.surveys.take(request.client.host if request.client else ""):
        after = str(int(seconds) + 1)
        raise Problem("rate_limited", f"too many requests: again in {after} s", headers={"Retry-After": after})


async def _found(request: Request) -> Survey:
    """Return the survey of the link. Raises Refused, LinkEnded, Unavailable, DatabaseDown."""
    parts: Parts = request.app.state.parts
    ticket = links_needed(parts.surveys).ticket(request.path_params["token"], datetime.now(UTC))
    return await asyncio.to_thread(survey.read, parts.db, ticket)


def _of(found: Survey, *, thanks: bool = False, trouble: str = "", status: int = 200) -> Shown:
    state = "asks" if found.open_at(datetime.now(UTC)) else "stands"
    return Shown(state, found, thanks, trouble, status)


def _failed(error: Exception, found: Survey | None = None) -> Shown:
    """Return what the page says instead of thanks; a refusal of the form stands beside it, to be sent again."""
    if isinstance(error, LinkEnded):
        return Shown("ended", status=410)
    if isinstance(error, Unavailable | DatabaseDown):
        if found:
            return _of(found, trouble="We cannot record it now. Please send it again in a minute.", status=503)
        return Shown("later", status=503)
    problem = Problem.of(error)
    if found is None:
        return Shown("unknown", status=404)
    if problem.code == "missing_fields":
        return _of(found, trouble="Please choose one of the five.", status=problem.status)
    if isinstance(error, Refused) and "effort" in error.fields:
        return _of(found, trouble="Please choose how easy it was from 1 to 7, or nothing.", status=problem.status)
    if problem.code in ("malformed", "too_large"):
        return _of(found, trouble="Your words are too long: 2,000 characters at most.", status=problem.status)
    return Shown("stands", found, trouble="The answer can be changed no more.", status=problem.status)


def _page(request: Request, shown: Shown, filled: Form) -> Response:
    efforts = EFFORTS if request.app.state.parts.effort_question else ()
    return page(request, "survey.html", shown.status, shown=shown, filled=filled, scores=SCORES, efforts=efforts)


ROUTES = [
    Route(f"{SURVEY}{{token}}", show, methods=["GET"]),
    Route(f"{SURVEY}{{token}}", answer, methods=["POST"]),
]

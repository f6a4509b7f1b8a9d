"""The answers: for chatbots, help inside a product, and pages of yours. A publishable key is enough."""

from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Depends, Query, Request, Security
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.callers import _SCHEME
from api.guard import PUBLISHABLE
from api.parts import PartsOf
from api.problems import ALWAYS, WITH_BODY, Problem, documented
from api.reading import Readable
from domain.core.enums import Channel, Role
from domain.core.input_types import Short, Text
from domain.core.values import Frozen
from services.intake.request import OpenRequest
from services.knowledge import visits
from services.knowledge.rendering import address_of
from services.knowledge.searching import SHOWN
from services.knowledge.visitors import account_of, check_address
from services.security.auth import Caller
from services.tickets import Receipt
from store.articles import CLOSES, OPENS

router = APIRouter(prefix="/api/v1/answers", tags=["answers"], route_class=Readable)


def _channel(request: Request, _: Annotated[Any, Security(_SCHEME)]) -> str:
    """Return the name of the publishable key, or of the token's holder. The guard has let them in already."""
    caller: Caller | None = request.state.caller
    channel = request.state.visitor or (caller.actor if caller else None)
    if channel is None:
        raise Problem(
            "unauthenticated", "a token or a publishable key is needed", headers={"WWW-Authenticate": "Bearer"}
        )
    return str(channel)


ChannelOf = Annotated[str, Depends(_channel)]
Slug = Annotated[str, Field(min_length=1, max_length=200, description="The article's name.")]
SessionId = Annotated[str | None, Field(max_length=40, description="The session that an earlier answer named.")]


class FoundArticle(Frozen):
    """An article that a search found."""

    article: str
    title: str
    summary: str
    section: str
    language: str
    snippet: Annotated[str, Field(description="Where what was looked for stands: plain text.")]
    address: Annotated[str, Field(description="Its page in the help centre, where that is switched on.")]


class FoundAnswers(Frozen):
    """What a search found, the best first."""

    session: Annotated[str, Field(description="Name it in what follows, so that it counts as one visit.")]
    results: list[FoundArticle]
    instead: Annotated[list[str], Field(description="Words that were looked for beside misspelt ones.")]


class ArticleText(Frozen):
    """An article."""

    session: str
    article: str
    title: str
    summary: str
    section: str
    language: str
    markdown: str
    html: Annotated[str, Field(description="Rendered, and cleaned: no script, no style, no picture.")]
    address: str


class HelpedBody(BaseModel):
    """Whether an article helped."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"session": "0" * 32, "article": "faq/dark-mode", "helped": True}]},
    )

    session: Annotated[str, Field(max_length=40, description="The session in which it was opened.")]
    article: Slug
    helped: bool


class HelpTicketBody(BaseModel):
    """A ticket that a visitor opens, since no article helped."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"email": "ada@example.com", "subject": "Export fails"}]}
    )

    session: SessionId = None
    email: Annotated[Short, Field(description="Where the answer goes.")]
    subject: Annotated[Short, Field(min_length=1, description="One line.")]
    description: Annotated[Text, Field(description="The visitor's own words.")] = ""
    screen: Annotated[Short, Field(description="The screen of your product that they were on.")] = ""
    version: Annotated[Short, Field(description="Its version.")] = ""
    error: Annotated[Short, Field(description="The last error that it showed.")] = ""
    transcript: Annotated[Text, Field(description="What the visitor and a bot said to each other.")] = ""
    once: Annotated[Short, Field(description="An id of your own: the same again is the same ticket.")] = ""


@router.get("", operation_id="search_answers", responses=documented(*ALWAYS))
def search_answers(
    parts: PartsOf,
    channel: ChannelOf,
    q: Annotated[str, Query(max_length=500, description="What the visitor typed.")] = "",
    screen: Annotated[
        str, Query(max_length=200, description="Without `q`: the articles for this screen of your product.")
    ] = "",
    session: Annotated[str | None, Query(max_length=40, description="The session of an earlier answer.")] = None,
    language: Annotated[str | None, Query(max_length=3, description="Only in this language; none: in any.")] = None,
    limit: Annotated[int, Query(ge=1, le=50, description="How many articles at most.")] = SHOWN,
) -> FoundAnswers:
    """Search the articles, or, without words, list those for a screen. The query is kept without personal data, to see
    what is searched for in vain.

    A session without a search for half an hour is over: then the answer names a new one.
    """
    if screen and not q.strip():
        found = visits.for_screen(parts.db, screen, session=session, channel=channel, language=language, limit=limit)
    else:
        found = visits.look_for(parts.db, q, session=session, channel=channel, language=language, limit=limit)
    results = [
        FoundArticle(
            article=one.slug,
            title=one.title,
            summary=one.summary,
            section=one.section,
            language=one.language,
            snippet=" ".join(one.snippet.replace(OPENS, "").replace(CLOSES, "").split()),
            address=address_of(one.slug),
        )
        for one in found.results.found
    ]
    return FoundAnswers(session=found.session, results=results, instead=list(found.results.instead))


@router.get("/article", operation_id="read_article", responses=documented(*ALWAYS, "not_found"))
def read_article(
    parts: PartsOf,
    channel: ChannelOf,
    article: Annotated[str, Query(min_length=1, max_length=200, description="Its name, as a search has it.")],
    session: Annotated[str | None, Query(max_length=40, description="The session in which it was found.")] = None,
) -> ArticleText:
    """Return an article; that it was opened is noted in the session."""
    going_on, row = visits.read(parts.db, article, session=session, channel=channel)
    return ArticleText(
        session=going_on,
        article=row.slug,
        title=row.title,
        summary=row.summary,
        section=row.section,
        language=row.language,
        markdown=row.markdown,
        html=row.html,
        address=address_of(row.slug),
    )


@router.post("/helped", status_code=204, operation_id="article_helped", responses=documented(*WITH_BODY, "not_found"))
def article_helped(body: HelpedBody, parts: PartsOf, _: ChannelOf) -> None:
    """Say whether an article helped that was opened in a session; the latest word counts. Yes ends it as solved."""
    visits.say_whether_it_helped(parts.db, body.article, body.helped, session=body.session)


@router.post(
    "/ticket",
    status_code=201,
    operation_id="open_ticket_from_answers",
    responses=documented(*WITH_BODY, "does_not_fit"),
)
async def open_ticket_from_answers(body: HelpTicketBody, parts: PartsOf, channel: ChannelOf) -> Receipt:
    """Open a ticket that carries what was searched and read in the session.

    Who the visitor is, is not proven: the ticket's account is unknown until somebody matches it. A bot with a token of
    its own opens tickets at `/api/v1/tickets`, with `help_session`, and with `tried` for what it has tried.
    """
    check_address(body.email)
    about = {"Screen": body.screen, "Version": body.version, "Error": body.error}
    told = [f"{name}: {value}" for name, value in about.items() if value]
    said = {
        "source": f"api:answers {channel}"[:200],
        "external_id": body.once or uuid4().hex,
        "account": {"id": account_of(body.email)},
        "channel": Channel.IN_APP.value,
        "subject": body.subject,
        "description": "\n\n".join([body.description, *(["\n".join(told)] if told else [])]).strip(),
        "transcript": body.transcript,
        "help_session": body.session or "",
        "by": body.email,
        "role": Role.CUSTOMER.value,
    }
    return await parts.service.open(OpenRequest.parse(said))


class AnyOrigin:
    """The middleware that lets pages of any origin ask for answers. No cookie counts there, and a key may be bound to
    some origins (`services.knowledge.help_keys`)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not PUBLISHABLE.fullmatch(scope["path"]):
            return await self._app(scope, receive, send)

        async def send_open(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Access-Control-Allow-Origin"] = "*"
            await send(message)

        if scope["method"] == "OPTIONS":
            allowed = {
                "Access-Control-Allow-Methods": "GET, POST",
                "Access-Control-Allow-Headers": "Authorization, Content-Type",
                "Access-Control-Max-Age": "600",
            }
            return await Response(status_code=204, headers=allowed)(scope, receive, send_open)
        await self._app(scope, receive, send_open)

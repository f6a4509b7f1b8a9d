"""The Jira stand-in: the part of Jira Cloud's REST v3 that our client uses, and pages for people.

`/browse/KEY` shows an issue and lets a person work on it as an engineer would; `/` is the board. Tests and
`tierline demo` read `/standin/issues` and `/standin/requests`, and set faults at `/standin/faults`.
"""

import base64
import hmac
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from domain.documents.document import Document, paragraph
from integrations.jira.adf import render, to_text
from integrations.jira.port import SUPPORT_MARK
from integrations.standins import jira_beans as beans
from integrations.standins import jira_state as rules
from integrations.standins.adf_html import to_html
from integrations.standins.common import Edge, Faults, Observer, Subscriber, control_routes, form, page
from integrations.standins.jira_state import ENGINEERS, US, Comment, Issue, JiraState, Person, Problem
from integrations.standins.jira_webhooks import Webhooks

Json = dict[str, Any]
Endpoint = Callable[[Request], Awaitable[Response]]

_SCREEN_NAMES = {
    "project": "Project",
    "issuetype": "Issue Type",
    "summary": "Summary",
    "description": "Description",
    "labels": "Labels",
    "priority": "Priority",
    "environment": "Environment",
    "components": "Components",
    rules.FOUND_BY: "Found by",
}
AGILE = "/rest/agile/1.0"
"""Where boards and sprints are: another interface, with a description of its own."""
OTHER_PROJECT = "WEB"
"""Where a person on an issue's page may move it."""


class JiraStandIn:
    """`app` is the server. `email` and `token`: the one account that it knows."""

    def __init__(
        self, project: str, email: str, token: str, path: Path | None = None, observer: Observer | None = None
    ) -> None:
        self.faults = Faults()
        self.webhooks = Webhooks(self.faults)
        self.state = JiraState(project, path)
        self._account = email
        self._credentials = "Basic " + base64.b64encode(f"{email}:{token}".encode()).decode()
        self._edge = Edge(Starlette(routes=self._routes()), "/rest/", self.faults, observer)
        self.app: ASGIApp = self._edge

    def _routes(self) -> list[Any]:
        def api(path: str, method: str, endpoint: Endpoint) -> Route:
            return Route(beans.API + path, self._guarded(endpoint), methods=[method])

        issue = "/issue/{key}"
        meta = "/issue/createmeta/{project}/issuetypes"
        return [
            api("/serverInfo", "GET", self._server_info),
            api("/myself", "GET", self._myself),
            api(meta, "GET", self._issue_types),
            api(meta + "/{type}", "GET", self._fields),
            api("/issue", "POST", self._create),
            api("/issue/bulkfetch", "POST", self._bulk_fetch),
            api("/search/jql", "GET", self._search),
            api("/search/jql", "POST", self._search),
            api(issue, "GET", self._get),
            api(issue, "DELETE", self._delete),
            api(issue + "/remotelink", "POST", self._link),
            api("/issueLink", "POST", self._link_issues),
            api(issue + "/comment", "GET", self._comments),
            api(issue + "/comment", "POST", self._comment),
            api(issue + "/comment/{id}", "PUT", self._edit_comment),
            api(issue + "/transitions", "GET", self._transitions),
            api(issue + "/transitions", "POST", self._move),
            api(issue + "/properties/{name}", "GET", self._property),
            api(issue + "/properties/{name}", "PUT", self._set_property),
            Route(AGILE + "/board/{board}/sprint", self._guarded(self._sprints), methods=["GET"]),
            Route(AGILE + "/sprint/{sprint}/issue", self._guarded(self._into_sprint), methods=["POST"]),
            Route("/standin/issues", self._everything),
            Route("/standin/webhook", self._subscribe, methods=["POST"]),
            Route("/standin/webhooks", self._sent),
            Route("/standin/requests", self._requests),
            *control_routes(self.faults),
            Route("/", self._board),
            Route("/browse/{key}", self._browse, methods=["GET"]),
            Route("/browse/{key}", self._work_on, methods=["POST"]),
        ]

    def _guarded(self, endpoint: Endpoint) -> Endpoint:
        async def guarded(request: Request) -> Response:
            given = request.headers.get("authorization", "")
            if not hmac.compare_digest(given.encode(), self._credentials.encode()):
                return _refusal(401, ["Client must be authenticated to access this resource."], {})
            try:
                return await endpoint(request)
            except Problem as problem:
                return _refusal(problem.status, problem.messages, problem.errors)
            except (ValueError, LookupError, TypeError, AttributeError):
                return _refusal(400, ["Invalid request payload. Refer to the REST API documentation."], {})

        return guarded

    # -- REST -----------------------------------------------------------------------------------------------

    async def _server_info(self, request: Request) -> Response:
        return JSONResponse(
            {
                "baseUrl": _base(request),
                "version": "1001.0.0-SNAPSHOT",
                "versionNumbers": [1001, 0, 0],
                "deploymentType": "Cloud",
                "serverTitle": "Jira stand-in",
            }
        )

    async def _myself(self, request: Request) -> Response:
        return JSONResponse(beans.person(US) | {"emailAddress": self._account})

    async def _issue_types(self, request: Request) -> Response:
        self._same_project(request)
        types = [{"id": number, "name": name, "subtask": False} for number, name in rules.ISSUE_TYPES.items()]
        return JSONResponse({"issueTypes": types, "startAt": 0, "maxResults": 50, "total": len(types)})

    async def _fields(self, request: Request) -> Response:
        self._same_project(request)
        if request.path_params["type"] not in rules.ISSUE_TYPES:
            raise Problem(400, "Issue type does not exist.")
        fields = [beans.field(key, name) for key, name in _SCREEN_NAMES.items()]
        return JSONResponse({"fields": fields, "startAt": 0, "maxResults": 200, "total": len(fields)})

    async def _create(self, request: Request) -> Response:
        body = await request.json()
        issue = self.state.create(body["fields"], body.get("properties") or [])
        self._tell("jira:issue_created", issue, US)
        answer = {"id": str(issue.id), "key": issue.key, "self": f"{_base(request)}{beans.API}/issue/{issue.id}"}
        return JSONResponse(answer, 201)

    async def _bulk_fetch(self, request: Request) -> Response:
        body = await request.json()
        wanted = body["issueIdsOrKeys"]
        if not 1 <= len(wanted) <= 100:
            raise Problem(400, "Between 1 and 100 issues can be fetched at once.")
        found = [i for i in self.state.issues() if not {i.key, str(i.id), *i.formerly}.isdisjoint(wanted)]
        return JSONResponse({"issues": _beans(request, found, body), "issueErrors": []})

    async def _search(self, request: Request) -> Response:
        asked: Json = await request.json() if request.method == "POST" else _query(request)
        found = self.state.search(asked.get("jql") or "", self.faults.search_lag())
        start, size = int(asked.get("nextPageToken") or 0), min(int(asked.get("maxResults") or 50), 100)
        asked["fields"] = asked.get("fields") or ["id"]
        answer: Json = {"issues": _beans(request, found[start : start + size], asked)}
        answer["isLast"] = start + size >= len(found)
        if not answer["isLast"]:
            answer["nextPageToken"] = str(start + size)
        return JSONResponse(answer)

    async def _get(self, request: Request) -> Response:
        issue = self.state.get(request.path_params["key"])
        return JSONResponse(_beans(request, [issue], _query(request))[0])

    async def _delete(self, request: Request) -> Response:
        self._remove(request.path_params["key"], US)
        return Response(status_code=204)

    async def _link(self, request: Request) -> Response:
        body = await request.json()
        target = body["object"]
        link, is_new = self.state.link(
            request.path_params["key"],
            body.get("globalId") or "",
            body.get("relationship") or "links to",
            target["url"],
            target["title"],
        )
        self._tell("jira:issue_updated", self.state.get(request.path_params["key"]), US)
        where = f"{_base(request)}{beans.API}/issue/{request.path_params['key']}/remotelink/{link.id}"
        return JSONResponse({"id": link.id, "self": where}, 201 if is_new else 200)

    async def _link_issues(self, request: Request) -> Response:
        body = await request.json()
        kind, one, other = body["type"]["name"], body["inwardIssue"]["key"], body["outwardIssue"]["key"]
        match kind:
            case "Duplicate":
                self.state.change(one, duplicate_of=other)
            case "Relates":
                self.state.relate(one, other)
            case _:
                raise Problem(404, f"No issue link type with name '{kind}' found.")
        return Response(status_code=201)

    async def _comments(self, request: Request) -> Response:
        issue, asked = self.state.get(request.path_params["key"]), request.query_params
        start, size = int(asked.get("startAt") or 0), min(int(asked.get("maxResults") or 100), 100)
        comments = issue.comments[::-1] if asked.get("orderBy") == "-created" else issue.comments
        return JSONResponse(beans.comment_page(comments[start : start + size], len(comments), start))

    async def _comment(self, request: Request) -> Response:
        body = await request.json()
        return JSONResponse(beans.comment(self._say(request.path_params["key"], body["body"], US)), 201)

    async def _edit_comment(self, request: Request) -> Response:
        body, key = await request.json(), request.path_params["key"]
        comment = self.state.edit(key, request.path_params["id"], body["body"])
        self._tell("comment_updated", self.state.get(key), comment.author, comment)
        return JSONResponse(beans.comment(comment))

    async def _transitions(self, request: Request) -> Response:
        self.state.get(request.path_params["key"])
        moves = [
            {"id": number, "name": status, "to": beans.status(status), "isAvailable": True}
            for number, status in rules.TRANSITIONS.items()
        ]
        return JSONResponse({"transitions": moves})

    async def _move(self, request: Request) -> Response:
        body = await request.json()
        number = body["transition"]["id"]
        if number not in rules.TRANSITIONS:
            raise Problem(400, f"Transition id '{number}' is not valid for this issue.")
        resolution = ((body.get("fields") or {}).get("resolution") or {}).get("name")
        self.state.move(request.path_params["key"], rules.TRANSITIONS[number], resolution)
        self._tell("jira:issue_updated", self.state.get(request.path_params["key"]), US)
        return Response(status_code=204)

    async def _property(self, request: Request) -> Response:
        issue, name = self.state.get(request.path_params["key"]), request.path_params["name"]
        if name not in issue.properties:
            raise Problem(404, "The property does not exist.")
        return JSONResponse({"key": name, "value": issue.properties[name]})

    async def _set_property(self, request: Request) -> Response:
        key, name = request.path_params["key"], request.path_params["name"]
        new = self.state.set_property(key, name, await request.json())
        return JSONResponse({}, 201 if new else 200)

    async def _sprints(self, request: Request) -> Response:
        if request.path_params["board"] != str(rules.BOARD):
            raise Problem(404, f"Board with id {request.path_params['board']} doesn't exist or you can't see it.")
        sprint = {"id": rules.SPRINT, "state": "active", "name": "Sprint 7", "originBoardId": rules.BOARD}
        return JSONResponse({"values": [sprint], "startAt": 0, "maxResults": 50, "isLast": True})

    async def _into_sprint(self, request: Request) -> Response:
        if request.path_params["sprint"] != str(rules.SPRINT):
            raise Problem(404, "Sprint does not exist.")
        self.state.into_sprint((await request.json())["issues"], rules.SPRINT)
        return Response(status_code=204)

    def _same_project(self, request: Request) -> None:
        if request.path_params["project"] != self.state.project:
            raise Problem(400, "No project could be found with key or id.")

    # -- What happens, and who hears of it ---------------------------------------------------------------------

    def _tell(self, event: str, issue: Issue, by: Person, comment: Comment | None = None) -> None:
        self.webhooks.tell(event, issue.key, beans.news(issue, by, comment))

    def _say(self, key: str, body: Json, by: Person) -> Comment:
        comment = self.state.comment(key, body, by)
        self._tell("comment_created", self.state.get(key), by, comment)
        return comment

    def _remove(self, key: str, by: Person) -> None:
        issue = self.state.get(key)
        self.state.delete(key)
        self._tell("jira:issue_deleted", issue, by)

    # -- For tests and people -------------------------------------------------------------------------------

    async def _everything(self, request: Request) -> Response:
        issues = [issue.model_dump(mode="json") for issue in self.state.issues()]
        for issue in issues:
            issue["description_text"] = to_text(issue["description"])
            issue["url"] = f"{_base(request)}/browse/{issue['key']}"
        return JSONResponse({"issues": issues})

    async def _subscribe(self, request: Request) -> Response:
        self.webhooks.subscribe(Subscriber.model_validate_json(await request.body()))
        return Response(status_code=204)

    async def _sent(self, request: Request) -> Response:
        return JSONResponse({"webhooks": [sent.model_dump() for sent in self.webhooks.sent()]})

    async def _requests(self, request: Request) -> Response:
        return JSONResponse({"requests": dict(self._edge.requests)})

    async def _board(self, request: Request) -> Response:
        issues = self.state.issues()[::-1]
        columns = {name: [issue for issue in issues if issue.status == name] for name in rules.STATUSES}
        return page("jira_board.html", project=self.state.project, columns=columns)

    async def _browse(self, request: Request) -> Response:
        try:
            issue = self.state.get(request.path_params["key"])
        except Problem:
            return page("jira_board.html", project=self.state.project, columns={}, missing=True)
        return page(
            "jira_issue.html",
            issue=issue,
            project=self.state.project,
            description=to_html(issue.description),
            environment=to_text(issue.environment),
            comments=[(comment, to_html(comment.body), beans.is_shared(comment)) for comment in issue.comments],
            resolutions=rules.RESOLUTIONS,
            people=ENGINEERS,
            other_project=OTHER_PROJECT,
            support_mark=SUPPORT_MARK,
        )

    async def _work_on(self, request: Request) -> Response:
        """What an engineer does on the page: say something, tell support, take, move, close or delete the issue."""
        key, given, me = request.path_params["key"], await form(request), ENGINEERS[0]
        try:
            if given.get("delete"):
                self._remove(key, me)
                return RedirectResponse("/", 303)
            self._speak(key, given, me)
            if self._change(key, given):
                self._tell("jira:issue_updated", self.state.get(key), me)
        except Problem as problem:
            return Response(f"{problem.messages} {problem.errors}", problem.status)
        return RedirectResponse(f"/browse/{self.state.get(key).key}", 303)

    def _speak(self, key: str, given: dict[str, str], me: Person) -> None:
        text = given.get("comment", "").strip()
        if text:
            marked = f"{SUPPORT_MARK} {text}" if given.get("support") else text
            self._say(key, render(Document(blocks=(paragraph(marked),))), me)

    def _change(self, key: str, given: dict[str, str]) -> bool:
        """Whether the form changes the issue itself."""
        assignee = next((one for one in ENGINEERS if one.id == given.get("assignee")), None)
        original = given.get("duplicate_of", "").strip()
        if assignee or original:
            self.state.change(key, assignee, original)
        if moves := given.get("to") in rules.STATUSES:
            chosen = given.get("resolution", "")
            resolution = chosen if chosen in rules.RESOLUTIONS else None
            self.state.move(key, given["to"], resolution, given.get("fix_version", "").strip()[:50])
        if elsewhere := bool(given.get("project")):
            self.state.rename(key, OTHER_PROJECT)
        return bool(assignee or original or moves or elsewhere)


# -- Jira's words -------------------------------------------------------------------------------------------


def _refusal(status: int, messages: list[str], errors: dict[str, str]) -> Response:
    return JSONResponse({"errorMessages": messages, "errors": errors}, status)


def _base(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _query(request: Request) -> Json:
    """A query string in the form that a POST body would have; lists may come repeated or with commas."""
    asked: Json = dict(request.query_params)
    for name in ("fields", "properties"):
        asked[name] = [part for value in request.query_params.getlist(name) for part in value.split(",")]
    return asked


def _beans(request: Request, issues: list[Issue], asked: Json) -> list[Json]:
    fields, properties = asked.get("fields") or ["*all"], asked.get("properties") or []
    return [beans.issue(_base(request), issue, fields, properties) for issue in issues]

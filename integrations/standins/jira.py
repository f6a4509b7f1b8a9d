"""The Jira stand-in: the part of Jira Cloud's REST v3 that our client uses, and pages for people.

`/browse/KEY` shows an issue and lets a person work on it as an engineer would; `/` is the board. Tests and
`tierline demo` read `/standin/issues` and `/standin/requests`, and set faults at `/standin/faults`.
"""

import base64
import hmac
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from domain.document import Document, paragraph
from integrations.jira.adf import render, to_text
from integrations.jira.port import SUPPORT_MARK
from integrations.standins import jira_state as rules
from integrations.standins.adf_html import to_html
from integrations.standins.common import Edge, Faults, Observer, control_routes, form, page
from integrations.standins.jira_state import Comment, Issue, JiraState, Problem

Json = dict[str, Any]
Endpoint = Callable[[Request], Awaitable[Response]]

API = "/rest/api/3"
_SCREEN_NAMES = {
    "project": "Project",
    "issuetype": "Issue Type",
    "summary": "Summary",
    "description": "Description",
    "labels": "Labels",
    "priority": "Priority",
    "environment": "Environment",
}
_ENGINEER = "engineer"


class JiraStandIn:
    """`app` is the server. `email` and `token`: the one account that it knows."""

    def __init__(
        self, project: str, email: str, token: str, path: Path | None = None, observer: Observer | None = None
    ) -> None:
        self.faults = Faults()
        self.state = JiraState(project, path)
        self._account = email
        self._credentials = "Basic " + base64.b64encode(f"{email}:{token}".encode()).decode()
        self._edge = Edge(Starlette(routes=self._routes()), "/rest/", self.faults, observer)
        self.app: ASGIApp = self._edge

    def _routes(self) -> list[Any]:
        def api(path: str, method: str, endpoint: Endpoint) -> Route:
            return Route(API + path, self._guarded(endpoint), methods=[method])

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
            api(issue + "/comment", "GET", self._comments),
            api(issue + "/comment", "POST", self._comment),
            api(issue + "/transitions", "GET", self._transitions),
            api(issue + "/transitions", "POST", self._move),
            api(issue + "/properties/{name}", "GET", self._property),
            Route("/standin/issues", self._everything),
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
        return JSONResponse(
            {"accountId": "standin", "emailAddress": self._account, "displayName": "Tierline", "active": True}
        )

    async def _issue_types(self, request: Request) -> Response:
        self._same_project(request)
        types = [{"id": number, "name": name, "subtask": False} for number, name in rules.ISSUE_TYPES.items()]
        return JSONResponse({"issueTypes": types, "startAt": 0, "maxResults": 50, "total": len(types)})

    async def _fields(self, request: Request) -> Response:
        self._same_project(request)
        if request.path_params["type"] not in rules.ISSUE_TYPES:
            raise Problem(400, "Issue type does not exist.")
        fields = [_field(key, name) for key, name in _SCREEN_NAMES.items()]
        return JSONResponse({"fields": fields, "startAt": 0, "maxResults": 200, "total": len(fields)})

    async def _create(self, request: Request) -> Response:
        body = await request.json()
        issue = self.state.create(body["fields"], body.get("properties") or [])
        answer = {"id": str(issue.id), "key": issue.key, "self": f"{_base(request)}{API}/issue/{issue.id}"}
        return JSONResponse(answer, 201)

    async def _bulk_fetch(self, request: Request) -> Response:
        body = await request.json()
        wanted = body["issueIdsOrKeys"]
        if not 1 <= len(wanted) <= 100:
            raise Problem(400, "Between 1 and 100 issues can be fetched at once.")
        found = [issue for issue in self.state.issues() if issue.key in wanted or str(issue.id) in wanted]
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
        self.state.delete(request.path_params["key"])
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
        where = f"{_base(request)}{API}/issue/{request.path_params['key']}/remotelink/{link.id}"
        return JSONResponse({"id": link.id, "self": where}, 201 if is_new else 200)

    async def _comments(self, request: Request) -> Response:
        return JSONResponse(_comment_page(self.state.get(request.path_params["key"])))

    async def _comment(self, request: Request) -> Response:
        body = await request.json()
        return JSONResponse(
            _comment_bean(self.state.comment(request.path_params["key"], body["body"], "Tierline")), 201
        )

    async def _transitions(self, request: Request) -> Response:
        self.state.get(request.path_params["key"])
        moves = [
            {"id": number, "name": status, "to": _status_bean(status), "isAvailable": True}
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
        return Response(status_code=204)

    async def _property(self, request: Request) -> Response:
        issue, name = self.state.get(request.path_params["key"]), request.path_params["name"]
        if name not in issue.properties:
            raise Problem(404, "The property does not exist.")
        return JSONResponse({"key": name, "value": issue.properties[name]})

    def _same_project(self, request: Request) -> None:
        if request.path_params["project"] != self.state.project:
            raise Problem(400, "No project could be found with key or id.")

    # -- For tests and people -------------------------------------------------------------------------------

    async def _everything(self, request: Request) -> Response:
        issues = [issue.model_dump(mode="json") for issue in self.state.issues()]
        for issue in issues:
            issue["description_text"] = to_text(issue["description"])
            issue["url"] = f"{_base(request)}/browse/{issue['key']}"
        return JSONResponse({"issues": issues})

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
            comments=[(comment, to_html(comment.body), _is_shared(comment)) for comment in issue.comments],
            resolutions=rules.RESOLUTIONS,
            support_mark=SUPPORT_MARK,
        )

    async def _work_on(self, request: Request) -> Response:
        """What an engineer does on the page: say something, tell support, move the issue."""
        key, given = request.path_params["key"], await form(request)
        text = given.get("comment", "").strip()
        if text and given.get("support"):
            text = f"{SUPPORT_MARK} {text}"
        try:
            if text:
                self.state.comment(key, render(Document(blocks=(paragraph(text),))), _ENGINEER)
            if given.get("to") in rules.STATUSES:
                chosen = given.get("resolution", "")
                resolution = chosen if chosen in rules.RESOLUTIONS else None
                self.state.move(key, given["to"], resolution, given.get("fix_version", "").strip()[:50])
        except Problem as problem:
            return Response(f"{problem.messages} {problem.errors}", problem.status)
        return RedirectResponse(f"/browse/{key}", 303)


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


def _moment(at: datetime) -> str:
    """Jira writes +0000, which is not RFC 3339."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


def _beans(request: Request, issues: list[Issue], asked: Json) -> list[Json]:
    fields, properties = asked.get("fields") or ["*all"], asked.get("properties") or []
    return [_bean(_base(request), issue, fields, properties) for issue in issues]


def _bean(base: str, issue: Issue, fields: list[str], properties: list[str]) -> Json:
    bean: Json = {"id": str(issue.id)}
    if fields == ["id"]:
        return bean
    values = _field_values(issue)
    kept = values if {"*all", "*navigable"} & set(fields) else {n: v for n, v in values.items() if n in fields}
    bean |= {"key": issue.key, "self": f"{base}{API}/issue/{issue.id}", "fields": kept}
    if properties:
        bean["properties"] = {name: issue.properties[name] for name in properties if name in issue.properties}
    return bean


def _field_values(issue: Issue) -> Json:
    return {
        "summary": issue.summary,
        "description": issue.description,
        "environment": issue.environment,
        "issuetype": {"name": issue.type},
        "project": {"key": issue.key.rsplit("-", 1)[0]},
        "labels": issue.labels,
        "priority": {"name": issue.priority},
        "status": _status_bean(issue.status),
        "resolution": {"name": issue.resolution} if issue.resolution else None,
        "fixVersions": [{"name": name} for name in issue.fix_versions],
        "created": _moment(issue.created),
        "updated": _moment(issue.updated),
        "comment": _comment_page(issue),
    }


def _status_bean(status: str) -> Json:
    return {"name": status, "statusCategory": {"key": rules.STATUSES[status], "name": status}}


def _comment_page(issue: Issue) -> Json:
    comments = [_comment_bean(comment) for comment in issue.comments]
    return {"comments": comments, "startAt": 0, "maxResults": len(comments), "total": len(comments)}


def _comment_bean(comment: Comment) -> Json:
    return {
        "id": comment.id,
        "author": {"displayName": comment.author},
        "body": comment.body,
        "created": _moment(comment.created),
        "updated": _moment(comment.created),
    }


def _is_shared(comment: Comment) -> bool:
    return to_text(comment.body).startswith(SUPPORT_MARK)


def _field(key: str, name: str) -> Json:
    meta: Json = {
        "fieldId": key,
        "key": key,
        "name": name,
        "required": key in ("project", "issuetype", "summary"),
        "hasDefaultValue": key == "priority",
        "operations": ["set"],
        "schema": {"type": "string", "system": key},
    }
    if key == "priority":
        meta["allowedValues"] = [{"id": number, "name": value} for number, value in rules.PRIORITIES.items()]
    return meta

"""The Jira stand-in: the part of Jira Cloud's REST v3 that our client uses, and pages for people.

`/browse/KEY` shows an issue and lets a person work on it as an engineer would; `/` is the board. Tests and
`tierline demo` read `/standin/issues` and `/standin/requests`, and set faults at `/standin/faults`.
"""

import base64
import hmac
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from domain.documents.document import Document, paragraph
from integrations.jira.adf import render
from integrations.jira.adf_text import to_text
from integrations.standins import jira_json as beans
from integrations.standins import jira_rules as rules
from integrations.standins.adf_html import to_html
from integrations.standins.common import Edge, Faults, Observer, Subscriber, control_routes, form, page
from integrations.standins.jira_rules import Problem
from integrations.standins.jira_site import DUPLICATE, OTHER_PROJECT, RELATES, JiraSite
from integrations.standins.jira_state import AUTOMATION, ENGINEERS, US, Comment, Issue, JiraState, Person
from integrations.standins.jira_webhooks import Webhooks
from integrations.tracker.port import SUPPORT_MARK

Json = dict[str, Any]
Endpoint = Callable[[Request], Awaitable[Response]]

AGILE = "/rest/agile/1.0"
"""Where boards and sprints are: another interface, with a description of its own."""


class JiraStandIn:
    """`app` is the server. `email` and `token`: the one account that it knows."""

    def __init__(
        self, project: str, email: str, token: str, path: Path | None = None, observer: Observer | None = None
    ) -> None:
        self.faults = Faults()
        self.webhooks = Webhooks(self.faults)
        self.state = JiraState(project, path)
        self.site = JiraSite(project, email)
        self._credentials = "Basic " + base64.b64encode(f"{email}:{token}".encode()).decode()
        self._edge = Edge(Starlette(routes=self._routes()), "/rest/", self.faults, observer)
        self.app: ASGIApp = self._edge

    def _routes(self) -> list[Any]:
        def api(path: str, method: str, endpoint: Endpoint) -> Route:
            return Route(beans.API + path, self._guarded(endpoint), methods=[method])

        issue = "/issue/{key}"
        return [
            *(api(path, "GET", endpoint) for path, endpoint in self.site.routes.items()),
            Route("/standin/site", self.site.settings_endpoint, methods=["POST"]),
            api("/issue", "POST", self._create),
            api("/issue/bulkfetch", "POST", self._bulk_fetch),
            api("/search/jql", "GET", self._search),
            api("/search/jql", "POST", self._search),
            api(issue, "GET", self._get),
            api(issue, "PUT", self._edit),
            api(issue, "DELETE", self._delete),
            api(issue + "/remotelink", "GET", self._links),
            api(issue + "/remotelink", "POST", self._link),
            api(issue + "/remotelink/{id}", "GET", self._one_link),
            api("/issueLink", "POST", self._link_issues),
            api(issue + "/comment", "GET", self._comments),
            api(issue + "/comment", "POST", self._comment),
            api(issue + "/comment/{id}", "GET", self._one_comment),
            api(issue + "/comment/{id}", "PUT", self._edit_comment),
            api(issue + "/attachments", "POST", self._attach),
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
            wanted = "multipart/form-data" if request.url.path.endswith("/attachments") else "json"
            if request.method in ("POST", "PUT") and wanted not in request.headers.get("content-type", ""):
                return _refusal(415, ["The content type is not supported."], {})
            try:
                return await endpoint(request)
            except Problem as problem:
                return _refusal(problem.status, problem.messages, problem.errors)
            except (ValueError, LookupError, TypeError, AttributeError):
                return _refusal(400, ["Invalid request payload. Refer to the REST API documentation."], {})

        return guarded

    # -- REST -----------------------------------------------------------------------------------------------

    async def _create(self, request: Request) -> Response:
        body = await request.json()
        self.site.need("CREATE_ISSUES")
        self.site.check_required(body["fields"])
        issue = self.state.create(body["fields"], body.get("properties") or [], hidden=self.site.settings.secured)
        self._notify("jira:issue_created", issue, US)
        answer = {"id": str(issue.id), "key": issue.key, "self": f"{_base(request)}{beans.API}/issue/{issue.id}"}
        return JSONResponse(answer, 201)

    async def _bulk_fetch(self, request: Request) -> Response:
        body = await request.json()
        wanted = body["issueIdsOrKeys"]
        if not 1 <= len(wanted) <= 100:
            raise Problem(400, "Between 1 and 100 issues can be fetched at once.")
        if len(body.get("properties") or ()) > 5:
            raise Problem(400, "At most 5 properties can be asked for.")
        found = [i for i in self.state.issues() if not {i.key, str(i.id), *i.formerly}.isdisjoint(wanted)]
        return JSONResponse({"issues": _beans(request, found, body), "issueErrors": []})

    async def _search(self, request: Request) -> Response:
        asked: Json = await request.json() if request.method == "POST" else _query(request)
        found = self.state.search(asked.get("jql") or "", self.faults.search_lag(), self.site.sees)
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

    async def _edit(self, request: Request) -> Response:
        """Set the fields that Tierline sets on an issue that is there: no other is on this edit screen."""
        body, key = await request.json(), request.path_params["key"]
        self.state.get(key)
        self.site.need("EDIT_ISSUES")
        self.state.edit_fields(key, body.get("fields") or {}, body.get("properties") or [])
        self._notify("jira:issue_updated", self.state.get(key), US)
        return Response(status_code=204)

    async def _delete(self, request: Request) -> Response:
        self._remove(request.path_params["key"], US)
        return Response(status_code=204)

    async def _link(self, request: Request) -> Response:
        body = await request.json()
        self.site.need("LINK_ISSUES")
        rules.check_remote_link(body)
        target = body["object"]
        link, is_new = self.state.link(
            request.path_params["key"],
            body.get("globalId") or "",
            body.get("relationship") or "links to",
            target["url"],
            target["title"],
        )
        self._notify("jira:issue_updated", self.state.get(request.path_params["key"]), US)
        answer = beans.remote_link(_base(request), request.path_params["key"], link)
        return JSONResponse({"id": link.id, "self": answer["self"]}, 201 if is_new else 200)

    async def _links(self, request: Request) -> Response:
        issue, wanted = self.state.get(request.path_params["key"]), request.query_params.get("globalId")
        found = [beans.remote_link(_base(request), issue.key, link) for link in issue.links]
        if wanted is None:
            return JSONResponse(found)
        one = next((link for link in found if link["globalId"] == wanted), None)
        if one is None:
            raise Problem(404, "The remote link does not exist.")
        return JSONResponse(one)

    async def _one_link(self, request: Request) -> Response:
        issue, number = self.state.get(request.path_params["key"]), request.path_params["id"]
        for link in issue.links:
            if str(link.id) == number:
                return JSONResponse(beans.remote_link(_base(request), issue.key, link))
        raise Problem(404, "The remote link does not exist.")

    async def _link_issues(self, request: Request) -> Response:
        body = await request.json()
        self.site.need("LINK_ISSUES", 404)
        kind, one, other = self.site.link_type(body["type"]), body["inwardIssue"]["key"], body["outwardIssue"]["key"]
        if self.state.get(one).id == self.state.get(other).id:
            raise Problem(400, "You cannot link an issue to itself.")
        if kind.id == DUPLICATE.id:
            self.state.change(one, duplicate_of=other)
        elif kind.id == RELATES.id:
            self.state.relate(one, other)
        return Response(status_code=201)

    async def _comments(self, request: Request) -> Response:
        issue, asked = self.state.get(request.path_params["key"]), request.query_params
        start, size = int(asked.get("startAt") or 0), min(int(asked.get("maxResults") or 100), 100)
        comments = issue.comments[::-1] if asked.get("orderBy") == "-created" else issue.comments
        return JSONResponse(beans.comment_page(comments[start : start + size], len(comments), start))

    async def _comment(self, request: Request) -> Response:
        body = await request.json()
        self.site.need("ADD_COMMENTS", 400)
        key, properties = request.path_params["key"], body.get("properties") or []
        comment = self._add_comment(key, body["body"], US, body.get("visibility"), properties)
        return JSONResponse(beans.comment(comment), 201)

    async def _one_comment(self, request: Request) -> Response:
        issue, number = self.state.get(request.path_params["key"]), request.path_params["id"]
        for comment in issue.comments:
            if comment.id == number:
                return JSONResponse(beans.comment(comment))
        raise Problem(404, "Can not find a comment for the id.")

    async def _edit_comment(self, request: Request) -> Response:
        body, key = await request.json(), request.path_params["key"]
        comment = self.state.edit(key, request.path_params["id"], body["body"])
        self._notify("comment_updated", self.state.get(key), comment.author, comment)
        return JSONResponse(beans.comment(comment))

    async def _attach(self, request: Request) -> Response:
        if request.headers.get("x-atlassian-token") != "no-check":
            raise Problem(403, "XSRF check failed")
        issue = self.state.get(request.path_params["key"])
        files = rules.files_in(request.headers["content-type"], await request.body())
        for file in files:
            self.site.check_file(file.content)
        kept = [self.state.attach(issue.key, file.name, file.type, file.content, US) for file in files]
        self._notify("jira:issue_updated", self.state.get(issue.key), US)
        return JSONResponse([beans.attachment(one) for one in kept])

    async def _transitions(self, request: Request) -> Response:
        self.state.get(request.path_params["key"])
        if "TRANSITION_ISSUES" in self.site.settings.without:
            return JSONResponse({"transitions": []})
        with_fields = "transitions.fields" in request.query_params.get("expand", "")
        moves = [
            beans.transition(number, status, with_fields, self.site.settings.asks_resolution)
            for number, status in rules.TRANSITIONS.items()
        ]
        return JSONResponse({"transitions": moves})

    async def _move(self, request: Request) -> Response:
        body = await request.json()
        number = str(body["transition"]["id"])  # the document wants a string, and the site takes both
        if number not in rules.TRANSITIONS or "TRANSITION_ISSUES" in self.site.settings.without:
            raise Problem(400, f"Transition id '{number}' is not valid for this issue.")
        chosen = (body.get("fields") or {}).get("resolution") or {}
        resolution = chosen.get("name") or rules.resolution_name(chosen.get("id"))
        if resolution is not None and resolution not in rules.RESOLUTIONS:
            raise Problem(400, resolution=f"The resolution with name '{resolution}' is not valid.")
        self.site.check_resolution(rules.TRANSITIONS[number], resolution)
        self.state.move(request.path_params["key"], rules.TRANSITIONS[number], resolution)
        self._notify("jira:issue_updated", self.state.get(request.path_params["key"]), US)
        return Response(status_code=204)

    async def _property(self, request: Request) -> Response:
        issue, name = self.state.get(request.path_params["key"]), request.path_params["name"]
        if name not in issue.properties:
            raise Problem(404, "The property does not exist.")
        return JSONResponse({"key": name, "value": issue.properties[name]})

    async def _set_property(self, request: Request) -> Response:
        key, name = request.path_params["key"], request.path_params["name"]
        self.site.need("EDIT_ISSUES")
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
        self.site.need("SCHEDULE_ISSUES")
        self.state.into_sprint((await request.json())["issues"], rules.SPRINT)
        return Response(status_code=204)

    # -- What happens, and who hears of it ---------------------------------------------------------------------

    def _notify(self, event: str, issue: Issue, by: Person, comment: Comment | None = None) -> None:
        self.webhooks.send(event, issue.key, beans.news(issue, by, comment))

    def _add_comment(
        self, key: str, body: Json, by: Person, visibility: Json | None = None, properties: Sequence[Json] = ()
    ) -> Comment:
        comment = self.state.comment(key, body, by, visibility, properties)
        self._notify("comment_created", self.state.get(key), by, comment)
        return comment

    def _remove(self, key: str, by: Person) -> None:
        issue = self.state.get(key)
        self.state.delete(key)
        self._notify("jira:issue_deleted", issue, by)

    # -- For tests and people -------------------------------------------------------------------------------

    async def _everything(self, request: Request) -> Response:
        issues = [issue.model_dump(mode="json") for issue in self.state.issues(hidden=True)]
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
        """Return what an engineer does on the page: say something, tell support, take, move, close or delete the
        issue."""
        key, fields = request.path_params["key"], await form(request)
        me = AUTOMATION if fields.get("by_rule") else ENGINEERS[0]
        try:
            if fields.get("delete"):
                self._remove(key, me)
                return RedirectResponse("/", 303)
            self._speak(key, fields, me)
            if self._change(key, fields):
                self._notify("jira:issue_updated", self.state.get(key), me)
        except Problem as problem:
            return Response(f"{problem.messages} {problem.errors}", problem.status)
        return RedirectResponse(f"/browse/{self.state.get(key).key}", 303)

    def _speak(self, key: str, fields: dict[str, str], me: Person) -> None:
        text = fields.get("comment", "").strip()
        if text:
            marked = f"{SUPPORT_MARK} {text}" if fields.get("support") else text
            self._add_comment(key, render(Document(blocks=(paragraph(marked),))), me)

    def _change(self, key: str, fields: dict[str, str]) -> bool:
        """Return whether the form changes the issue itself."""
        assignee = next((one for one in ENGINEERS if one.id == fields.get("assignee")), None)
        original = fields.get("duplicate_of", "").strip()
        if assignee or original:
            self.state.change(key, assignee, original)
        if moves := fields.get("to") in rules.STATUSES:
            chosen = fields.get("resolution", "")
            resolution = chosen if chosen in rules.RESOLUTIONS else None
            self.state.move(key, fields["to"], resolution, fields.get("fix_version", "").strip()[:50])
        elif planned := fields.get("fix_version", "").strip()[:50]:
            self.state.plan(key, [planned])
            moves = True
        if day := fields.get("release_date", ""):
            for version in self.state.get(key).fix_versions:
                self.state.release_on(version, _date(day))
        if elsewhere := bool(fields.get("project")):
            self.state.rename(key, OTHER_PROJECT)
        return bool(assignee or original or moves or elsewhere)


# -- Jira's words -------------------------------------------------------------------------------------------


def _refusal(status: int, messages: list[str], errors: dict[str, str]) -> Response:
    return JSONResponse({"errorMessages": messages, "errors": errors}, status)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Problem(400, "The release date is not a date.") from None


def _base(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _query(request: Request) -> Json:
    """Return a query string in the form that a POST body would have; lists may come repeated or with commas."""
    asked: Json = dict(request.query_params)
    for name in ("fields", "properties"):
        asked[name] = [part for value in request.query_params.getlist(name) for part in value.split(",")]
    return asked


def _beans(request: Request, issues: list[Issue], asked: Json) -> list[Json]:
    fields, properties = asked.get("fields") or ["*all"], asked.get("properties") or []
    return [beans.issue(_base(request), issue, fields, properties) for issue in issues]

"""The Jira stand-in's site as an administrator has set it up: permissions, projects, kinds of links, create screens.

A test changes it at `/standin/site`, and makes it again what a new site is by changing nothing.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from integrations.standins import jira_json as beans
from integrations.standins import jira_rules as rules
from integrations.standins.jira_rules import Problem
from integrations.standins.jira_state import US

Json = dict[str, Any]
Endpoint = Callable[[Request], Awaitable[Response]]

OTHER_PROJECT = "WEB"
"""Where a person on an issue's page may move it."""
PERMISSIONS = {
    "BROWSE_PROJECTS": "Browse Projects", "CREATE_ISSUES": "Create Issues", "EDIT_ISSUES": "Edit Issues",
    "ADD_COMMENTS": "Add Comments", "LINK_ISSUES": "Link Issues", "TRANSITION_ISSUES": "Transition Issues",
    "SCHEDULE_ISSUES": "Schedule Issues", "CREATE_ATTACHMENTS": "Create Attachments",
}  # fmt: skip
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


class LinkType(BaseModel, extra="forbid", frozen=True):
    """A kind of link between issues, with the words that a site has for it."""

    id: str
    name: str
    inward: str
    outward: str


DUPLICATE = LinkType(id="10002", name="Duplicate", inward="is duplicated by", outward="duplicates")
RELATES = LinkType(id="10003", name="Relates", inward="relates to", outward="relates to")
BLOCKS = LinkType(id="10000", name="Blocks", inward="is blocked by", outward="blocks")


class SiteSettings(BaseModel, extra="forbid", frozen=True):
    """What an administrator may have changed. The defaults are those of a new site."""

    without: tuple[str, ...] = ()
    """Permissions that our account lacks, by their keys."""
    link_types: tuple[LinkType, ...] = (BLOCKS, DUPLICATE, RELATES)
    """A type with the number of `DUPLICATE` or `RELATES` means the same under whatever name."""
    projects: tuple[str, ...] = (OTHER_PROJECT,)
    """The other projects that our account sees."""
    service_project: bool = False
    """Whether customers see the project in a portal."""
    asks_resolution: bool = False
    """Whether the transition to Done asks for a resolution."""
    attachments: bool = True
    """Whether the site takes files."""
    largest_file: int = 1_000_000_000
    """Bytes that a file may have."""
    secured: bool = False
    """Whether a new issue gets a security level that hides it from our account."""
    page: int = 50
    """Items of create metadata that a page has at most."""
    required: tuple[str, ...] = ()
    """Fields of the site's own that the create screen requires."""


class JiraSite:
    """The endpoints that describe the site, and what its settings forbid."""

    def __init__(self, project: str, account: str) -> None:
        self.settings = SiteSettings()
        self._project = project
        self._account = account

    @property
    def routes(self) -> Mapping[str, Endpoint]:
        """Return the paths below the API's address, each read by GET."""
        meta = "/issue/createmeta/{project}/issuetypes"
        return {
            "/serverInfo": self._server_info,
            "/myself": self._myself,
            "/mypermissions": self._permissions,
            "/issueLinkType": self._link_types,
            "/project/{project}": self._one_project,
            "/priority": self._priorities,
            "/field": self._all_fields,
            "/attachment/meta": self._files,
            meta: self._issue_types,
            meta + "/{type}": self._fields,
        }

    def need(self, permission: str, status: int = 403) -> None:
        """Refuse what our account may not do, with the status that Jira has for it."""
        if permission in self.settings.without:
            raise Problem(status, f"You do not have the permission '{PERMISSIONS[permission]}' here.")

    def check_required(self, fields: Json) -> None:
        """Refuse a new issue that lacks what the create screen requires."""
        if missing := [name for name in self.settings.required if not fields.get(name)]:
            raise Problem(400, **{name: f"{_SCREEN_NAMES.get(name, name)} is required." for name in missing})

    def check_file(self, content: bytes) -> None:
        """Refuse a file that the site does not take."""
        self.need("CREATE_ATTACHMENTS")
        if not self.settings.attachments:
            raise Problem(404, "Attachments are disabled.")
        if len(content) > self.settings.largest_file:
            raise Problem(413, "The file exceeds the maximum attachment size.")

    def check_resolution(self, status: str, resolution: str | None) -> None:
        """Refuse a transition to Done that lacks the resolution that it asks for."""
        if rules.STATUSES[status] == "done" and self.settings.asks_resolution and resolution is None:
            raise Problem(400, resolution="Resolution is required.")

    def sees(self, project: str) -> bool:
        """Return whether our account sees a project."""
        return project in (self._project, *self.settings.projects)

    def link_type(self, named: Json) -> LinkType:
        """Return the kind of link that is named or numbered. Raises Problem where the site has none."""
        for one in self.settings.link_types:
            if named.get("name") == one.name or str(named.get("id")) == one.id:
                return one
        raise Problem(404, f"No issue link type with name '{named.get('name')}' found.")

    async def settings_endpoint(self, request: Request) -> Response:
        """Take other settings; all that is not named is as on a new site."""
        self.settings = SiteSettings.model_validate_json(await request.body())
        return Response(status_code=204)

    async def _server_info(self, request: Request) -> Response:
        return JSONResponse(
            {
                "baseUrl": str(request.base_url).rstrip("/"),
                "version": "1001.0.0-SNAPSHOT",
                "versionNumbers": [1001, 0, 0],
                "deploymentType": "Cloud",
                "serverTitle": "Jira stand-in",
            }
        )

    async def _myself(self, request: Request) -> Response:
        return JSONResponse(beans.person(US) | {"emailAddress": self._account})

    async def _permissions(self, request: Request) -> Response:
        asked = request.query_params
        if not asked.get("permissions"):
            raise Problem(400, "The 'permissions' query parameter is required.")
        if "projectKey" in asked and not self.sees(asked["projectKey"]):
            raise Problem(404, f"No project could be found with key '{asked['projectKey']}'.")
        wanted = asked["permissions"].split(",")
        if unknown := [key for key in wanted if key not in PERMISSIONS]:
            raise Problem(400, f"Unrecognized permission: {unknown[0]}")
        found = {
            key: {
                "id": str(number), "key": key, "name": PERMISSIONS[key], "type": "PROJECT",
                "havePermission": key not in self.settings.without,
            }
            for number, key in enumerate(wanted, 10)
        }  # fmt: skip
        return JSONResponse({"permissions": found})

    async def _link_types(self, request: Request) -> Response:
        return JSONResponse({"issueLinkTypes": [one.model_dump() for one in self.settings.link_types]})

    async def _one_project(self, request: Request) -> Response:
        key = request.path_params["project"]
        if not self.sees(key):
            raise Problem(404, f"No project could be found with key '{key}'.")
        kind = "service_desk" if self.settings.service_project and key == self._project else "software"
        return JSONResponse({"id": "10000", "key": key, "name": key, "projectTypeKey": kind, "simplified": False})

    async def _priorities(self, request: Request) -> Response:
        return JSONResponse([{"id": number, "name": name} for number, name in rules.PRIORITIES.items()])

    async def _all_fields(self, request: Request) -> Response:
        return JSONResponse(
            [{"id": key, "key": key, "name": name, "custom": key == rules.FOUND_BY, "navigable": True}
             for key, name in _SCREEN_NAMES.items()]
        )  # fmt: skip

    async def _files(self, request: Request) -> Response:
        return JSONResponse({"enabled": self.settings.attachments, "uploadLimit": self.settings.largest_file})

    async def _issue_types(self, request: Request) -> Response:
        self._same_project(request)
        types = [{"id": number, "name": name, "subtask": False} for number, name in rules.ISSUE_TYPES.items()]
        return self._page_of(request, "issueTypes", types)

    async def _fields(self, request: Request) -> Response:
        self._same_project(request)
        if request.path_params["type"] not in rules.ISSUE_TYPES:
            raise Problem(400, "Issue type does not exist.")
        fields = [beans.field(key, name) for key, name in _SCREEN_NAMES.items()]
        for one in fields:
            one["required"] = one["required"] or one["key"] in self.settings.required
        return self._page_of(request, "fields", fields)

    def _page_of(self, request: Request, name: str, items: list[Json]) -> Response:
        start = int(request.query_params.get("startAt") or 0)
        size = min(int(request.query_params.get("maxResults") or 50), self.settings.page)
        found = items[start : start + size]
        return JSONResponse({name: found, "startAt": start, "maxResults": size, "total": len(items)})

    def _same_project(self, request: Request) -> None:
        if request.path_params["project"] != self._project:
            raise Problem(400, "No project could be found with key or id.")

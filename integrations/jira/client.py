"""Jira Cloud (REST v3) through the `jira` library.

The library is good at sessions and addresses, and dangerous in four ways that are switched off here: it
repeats a POST that timed out (`max_retries`), waits for ever (`timeout`), calls the network while it is
constructed (`get_server_info`), and reads an issue back after making it, so that a failed read looks like a
failed create. Nor can it send issue properties or a remote link's global id: those bodies are posted through
its session.
"""

import json
import threading
from collections.abc import Callable, Collection
from typing import Any, TypeVar, cast
from weakref import WeakSet

import requests
from jira import JIRA, JIRAError

from domain.document import Document, one_line, paragraph
from integrations.calls import USER_AGENT, Failure, Rejected, Unknown, is_loopback, of_answer, of_exception
from integrations.jira import adf
from integrations.jira.port import (
    SUPPORT_MARK,
    IssueDraft,
    IssueRef,
    IssueState,
    JiraConfig,
    StatusCategory,
    is_issue_key,
    label_for,
)

T = TypeVar("T")
Json = dict[str, Any]

PROPERTY = "support.escalation"
"""The issue property that proves which effect an issue was made for. Labels can be typed by anyone, and are
copied when an issue is cloned."""

_READ_AT_ONCE = 100
_SEARCH_PAGES = 20
_STATE_FIELDS = ["status", "resolution", "updated", "fixVersions", "labels", "comment"]
_ALWAYS_SENT = {"project", "issuetype", "summary", "description", "labels"}


def issue_body(config: JiraConfig, draft: IssueDraft) -> Json:
    """The body of POST /issue: label and property travel in the same request, so there is no issue without
    them.
    """
    fields: Json = {
        "project": {"key": config.project},
        "issuetype": {"name": config.issue_types[draft.kind]},
        "summary": draft.summary,
        "description": adf.render(draft.description),
        "labels": [draft.label, *draft.labels],
    }
    if "priority" in config.optional_fields:
        fields["priority"] = {"name": config.priorities[draft.priority]}
    if "environment" in config.optional_fields and draft.environment:
        fields["environment"] = adf.render(Document(blocks=(paragraph(draft.environment),)))
    return {"fields": fields, "properties": [{"key": PROPERTY, "value": {"key": draft.key, "schema": 1}}]}


class JiraClient:
    """Implements `JiraPort`. One library client per thread, since a requests session is not promised to be
    shared.
    """

    def __init__(self, config: JiraConfig) -> None:
        self._config = config
        self._mine = threading.local()
        self._all: WeakSet[JIRA] = WeakSet()

    def close(self) -> None:
        """Closes the connections of all threads. To be called when no call is under way."""
        for jira in list(self._all):
            jira.close()  # type: ignore[no-untyped-call]
        self._mine = threading.local()

    def create(self, draft: IssueDraft) -> IssueRef:
        made = self._post("issue", issue_body(self._config, draft), expected=(201,))
        return _understood(self._ref, made)

    def find(self, label: str) -> list[IssueRef]:
        jql = f"project = {_quoted(self._config.project)} AND labels = {_quoted(label)} ORDER BY created"
        found = sorted(self._search(jql), key=lambda issue: int(issue["id"]))
        ours = [issue for issue in found if _proves(issue, label)]
        # None proven but some labelled: adopt rather than double.
        return [self._ref(issue) for issue in ours or found]

    def read(self, keys: Collection[str]) -> dict[str, IssueState]:
        wanted = sorted({key for key in keys if is_issue_key(key)})
        states: dict[str, IssueState] = {}
        # Not a search: it lags, and refuses `key in (...)` as a whole when one of the keys was deleted.
        for start in range(0, len(wanted), _READ_AT_ONCE):
            body = {"issueIdsOrKeys": wanted[start : start + _READ_AT_ONCE], "fields": _STATE_FIELDS}
            page = self._post("issue/bulkfetch", body, expected=(200,))
            states |= _understood(self._states, page)
        return states

    def link_ticket(self, issue_key: str, global_id: str, url: str, title: str) -> None:
        if not is_issue_key(issue_key):
            raise Rejected("not an issue key", 400, {"issue": "not an issue key"})
        body = {
            "globalId": global_id[:255],
            "application": {"type": "org.tierline", "name": "Tierline"},
            "relationship": "reported by support in",
            "object": {"url": url, "title": one_line(title, 255)},
        }
        self._post(f"issue/{issue_key}/remotelink", body, expected=(200, 201))

    def check(self) -> list[str]:
        project = self._config.project
        try:
            types = self._pages(f"issue/createmeta/{project}/issuetypes", "issueTypes")
        except Rejected as refusal:
            return [f"project {project} cannot be used: {refusal}"]
        ids = {str(kind["name"]): str(kind.get("id")) for kind in types}
        missing = []
        for name in dict.fromkeys(self._config.issue_types.values()):
            if name not in ids:
                missing.append(f"project {project} has no issue type {name!r}, only {', '.join(sorted(ids))}")
                continue
            fields = self._pages(f"issue/createmeta/{project}/issuetypes/{ids[name]}", "fields")
            missing += _misfits(self._config, name, {str(field.get("key")): field for field in fields})
        return missing

    # -- Talking to the server ------------------------------------------------------------------------------

    def _jira(self) -> JIRA:
        jira: JIRA | None = getattr(self._mine, "jira", None)
        if jira is None:
            jira = self._mine.jira = connect(self._config)
            self._all.add(jira)
        return jira

    def _post(self, path: str, body: Json, expected: tuple[int, ...]) -> Json:
        def send(jira: JIRA) -> Json:
            response = jira._session.post(jira._get_url(path), data=json.dumps(body), allow_redirects=False)
            if response.status_code not in expected:
                raise JIRAError(status_code=response.status_code, response=response)
            return cast(Json, response.json())

        return self._call(send)

    def _pages(self, path: str, items: str) -> list[Json]:
        """The items of a page. The library refuses these addresses on Cloud, where they exist all the
        same.
        """
        page: Json = self._call(lambda jira: jira._get_json(path, params={"maxResults": 200}))
        return _understood(lambda page: [item for item in page[items] if item.get("name")], page)

    def _search(self, jql: str) -> list[Json]:
        found: list[Json] = []
        token: str | None = None
        for _ in range(_SEARCH_PAGES):
            page = self._search_page(jql, token)
            found += _understood(_hits, page)
            token = page.get("nextPageToken")
            if not token:
                break
        return found

    def _search_page(self, jql: str, token: str | None) -> Json:
        def ask(jira: JIRA) -> Json:
            page = jira.enhanced_search_issues(
                jql, nextPageToken=token, fields=["created"], properties=PROPERTY, json_result=True
            )
            return cast(Json, page)

        return self._call(ask)

    def _call(self, send: Callable[[JIRA], T]) -> T:
        failure: Failure
        try:
            return send(self._jira())
        except JIRAError as error:
            failure = _failure(error)
        except requests.RequestException as error:
            failure = of_exception("Jira", error)
        # Raised out here: a JIRAError prints headers and bodies, and must not hang on to what gets recorded.
        raise failure

    # -- From Jira's words to ours --------------------------------------------------------------------------

    def _ref(self, raw: Json) -> IssueRef:
        key, number = raw["key"], raw["id"]
        return IssueRef(key=key, id=number, url=f"{self._config.url}/browse/{key}")

    def _states(self, page: Json) -> dict[str, IssueState]:
        states = [self._state(raw) for raw in page["issues"]]
        return {state.ref.key: state for state in states}

    def _state(self, raw: Json) -> IssueState:
        fields: Json = raw["fields"]
        status: Json = fields["status"]
        return IssueState(
            ref=self._ref(raw),
            status_name=one_line(status["name"], 100),
            status_category=_category(status["statusCategory"]["key"]),
            resolution=one_line(fields["resolution"]["name"], 100) if fields.get("resolution") else None,
            updated=fields["updated"],
            fix_versions=tuple(one_line(version["name"], 100) for version in fields.get("fixVersions") or ()),
            labels=tuple(fields.get("labels") or ()),
            comment=_for_support(fields.get("comment") or {}),
        )


def connect(config: JiraConfig) -> JIRA:
    """The library's client, made harmless. Calls nothing yet."""
    jira = JIRA(
        options={"server": config.url, "rest_api_version": "3", "headers": {"User-Agent": USER_AGENT}},
        basic_auth=(config.email, config.token.get_secret_value()),
        max_retries=0,
        timeout=(config.connect_timeout, config.read_timeout),
        get_server_info=False,
        logging=False,
    )
    jira.deploymentType = "Cloud"  # otherwise set by the call that we left out; searching depends on it
    jira._fields_cache_value = {"_": "_"}  # otherwise the first search reads all fields of the site
    jira._session.trust_env = not is_loopback(config.url)
    return jira


def _understood(parse: Callable[[Json], T], answer: Json) -> T:
    """What `parse` makes of an answer. An answer in another shape is as good as none: `Unknown`."""
    try:
        return parse(answer)
    except (LookupError, TypeError, ValueError, AttributeError):
        pass
    raise Unknown("Jira sent an answer that was not understood")


def _hits(page: Json) -> list[Json]:
    return [hit for hit in page["issues"] if hit["key"] and int(hit["id"])]


def _failure(error: JIRAError) -> Failure:
    response = error.response
    if response is None:
        return Unknown("Jira sent an answer that was not understood")
    try:
        body = response.json()
    except ValueError:
        body = None
    body = body if isinstance(body, dict) else {}
    named = body.get("errors")
    pairs = list(named.items())[:50] if isinstance(named, dict) else []
    field_errors = {one_line(str(name), 100): one_line(str(text), 300) for name, text in pairs}
    messages = body.get("errorMessages")
    texts = [str(text) for text in messages] if isinstance(messages, list) else []
    detail = "; ".join(texts + [f"{name}: {text}" for name, text in field_errors.items()])
    return of_answer("Jira", response, detail, field_errors)


def _quoted(text: str) -> str:
    """A JQL string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _proves(issue: Json, label: str) -> bool:
    properties = issue.get("properties") or {}
    value = properties.get(PROPERTY)
    return isinstance(value, dict) and label_for(str(value.get("key"))) == label


def _category(key: str) -> StatusCategory:
    """A category that Jira has not had so far counts as being worked on: nothing is closed by a guess."""
    return cast(StatusCategory, key) if key in ("new", "indeterminate", "done") else "indeterminate"


def _for_support(page: Json) -> str | None:
    comments: list[Json] = page.get("comments") or []
    for comment in sorted(comments, key=lambda comment: str(comment.get("created")), reverse=True):
        first, _, _ = (text := adf.to_text(comment.get("body")).lstrip()).partition("\n")
        if first.split()[:1] == [SUPPORT_MARK]:
            return text[len(SUPPORT_MARK) :].strip() or None
    return None


def _misfits(config: JiraConfig, type_name: str, screen: dict[str, Json]) -> list[str]:
    """What stands between our body and the create screen of one issue type."""
    sent = _ALWAYS_SENT | config.optional_fields
    told = [
        f"issue type {type_name!r} requires {field.get('name')!r} ({key}), which Tierline does not send"
        for key, field in screen.items()
        if field.get("required") and not field.get("hasDefaultValue") and key not in sent | {"reporter"}
    ]
    told += [
        f"issue type {type_name!r} has no field {key!r} on its create screen"
        for key in sorted(sent - {"project", "issuetype"})
        if key not in screen
    ]
    allowed = {str(value.get("name")) for value in screen.get("priority", {}).get("allowedValues") or ()}
    choice = ", ".join(sorted(allowed))
    if allowed and "priority" in config.optional_fields:
        told += [
            f"issue type {type_name!r} has no priority {name!r} (for {priority.value}), only {choice}"
            for priority, name in config.priorities.items()
            if name not in allowed
        ]
    return told

"""Jira Cloud (REST v3) through the `jira` library.

The library is good at sessions and addresses, and dangerous in four ways that are switched off here: it repeats a POST
that timed out (`max_retries`), waits for ever (`timeout`), calls the network while it is constructed
(`get_server_info`), and reads an issue back after making it, so that a failed read looks like a failed create. Nor can
it send issue properties or a remote link's global id: those bodies are posted through its session.
"""

import json
import logging
import threading
from collections.abc import Callable, Collection, Iterator
from typing import Any, TypeVar, cast, get_args
from weakref import WeakSet

import requests
from jira import JIRA, JIRAError

from domain.core.text import one_line
from domain.documents.document import Document, code, paragraph
from domain.policy.tracker import JiraRow
from integrations.calls import USER_AGENT, Failure, Rejected, Unknown, is_loopback, of_answer, of_exception, said_safely
from integrations.jira import adf, issue
from integrations.jira.body import PROPERTY, issue_body, misfits, optional_in, proof_of
from integrations.jira.port import (
    SUMMARY_LIMIT,
    IssueDraft,
    IssueRef,
    IssueState,
    JiraConfig,
    Kind,
    Similar,
    is_issue_key,
    is_issue_number,
    label_for,
)

log = logging.getLogger("tierline.jira")

A = TypeVar("A")
T = TypeVar("T")
Json = dict[str, Any]

_AGILE = "/rest/agile/1.0"
_READ_AT_ONCE = 100
_MOST_SIMILAR = 20
_SEARCH_PAGES = 20
_COMMENTS_AT_ONCE = 100
_COMMENT_PAGES = 100
_PROOF = 1_000
"""What the last line of a comment of ours may take of its length, as JSON."""


class JiraClient:
    """Implements `JiraPort`. One library client per thread: a requests session is not promised to bear sharing."""

    def __init__(self, config: JiraConfig) -> None:
        self._config = config
        self._mine = threading.local()
        self._all: WeakSet[JIRA] = WeakSet()

    def close(self) -> None:
        """Close the connections of all threads. To be called when no call is under way."""
        for jira in list(self._all):
            jira.close()  # type: ignore[no-untyped-call]
        self._mine = threading.local()

    @property
    def projects(self) -> frozenset[str]:
        return frozenset({self._config.project, *self._config.rules.also_link})

    def create(self, draft: IssueDraft) -> IssueRef:
        """Create an issue. If Jira refuses optional fields, create it without them and name them in the result.

        Jira: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-post
        """
        body = issue_body(self._config, draft)
        try:
            return self._made(body)
        except Rejected as refusal:
            # Nothing was made, so sending it again is as safe as the first time.
            named = frozenset(refusal.field_errors)
            if not named or not named <= optional_in(body):
                raise
            without = issue_body(self._config, draft, without=named)
            try:
                return self._made(without).model_copy(update={"left_out": tuple(sorted(named))})
            except Rejected:  # a field that is asked for: the person reads what is wrong with what we sent
                raise refusal from None

    def _made(self, body: Json) -> IssueRef:
        return _understood(self._ref, self._post("issue", body, expected=(201,)))

    def find(self, label: str) -> list[IssueRef]:
        """Find the issues with a label, the oldest first: those that carry our proof, else all of them.

        The search lags behind writes. Jira: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-search/#api-rest-api-3-search-jql-post
        """
        jql = f"project in ({self._places()}) AND labels = {_quoted(label)} ORDER BY created"
        found = sorted(self._search(jql), key=lambda issue: int(issue["id"]))
        ours = [issue for issue in found if _proves(issue, label)]
        # None proven but some labelled: adopt rather than double.
        return [self._ref(issue) for issue in ours or found]

    def similar(self, label: str) -> list[Similar]:
        """Find the open issues with a label, the oldest first.

        Jira: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-search/#api-rest-api-3-search-jql-post
        """
        jql = f"project in ({self._places()}) AND labels = {_quoted(label)} AND statusCategory != Done ORDER BY created"
        body = {"jql": jql, "fields": ["summary", "status"], "maxResults": _MOST_SIMILAR}
        return _understood(self._similar, self._post("search/jql", body, expected=(200,)))

    def _places(self) -> str:
        """Our projects, in JQL: an issue may have moved to one of the others before we look for it."""
        return ", ".join(map(_quoted, (self._config.project, *self._config.rules.also_link)))

    def read(self, issues: Collection[str]) -> dict[str, IssueState | None]:
        """Read issues by key or number, a hundred with one request. None for an issue that Jira does not show.

        Jira (bulk fetch): https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/
        """
        wanted = sorted({name for name in issues if is_issue_key(name) or is_issue_number(name)})
        states: dict[str, IssueState | None] = {}
        # Not a search: it lags, and refuses `key in (...)` as a whole when one of the keys was deleted.
        for start in range(0, len(wanted), _READ_AT_ONCE):
            names = wanted[start : start + _READ_AT_ONCE]
            body = {"issueIdsOrKeys": names, "fields": list(issue.FIELDS)}
            states |= self._states(names, self._post("issue/bulkfetch", body, expected=(200,)))
        return states

    def comment(self, issue_key: str, key: str, words: Document) -> None:
        """Write a comment whose last line is the label of `key`, by which `has_comment` finds it.

        Jira: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-comments/#api-rest-api-3-issue-issueidorkey-comment-post
        """
        body = adf.render(words, adf.LIMIT - _PROOF)
        body["content"] += adf.render(Document(blocks=(paragraph(code(label_for(key))),)))["content"]
        self._post(f"issue/{_key(issue_key)}/comment", {"body": body, "properties": [proof_of(key)]}, expected=(201,))

    def has_comment(self, issue_key: str, key: str) -> bool:
        """Return whether an issue has the comment of `key`.

        Jira: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-comments/#api-rest-api-3-issue-issueidorkey-comment-get
        """
        # By its last line: the properties of comments are not listed with them.
        said, proof = self._comments(f"issue/{_key(issue_key)}/comment"), label_for(key)
        return any(adf.to_text(comment.get("body")).splitlines()[-1:] == [proof] for comment in said)

    def set_property(self, issue_key: str, name: str, value: Json) -> None:
        """Set a property of an issue. Jira: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-properties/"""
        self._send("PUT", f"issue/{_key(issue_key)}/properties/{name}", value, expected=(200, 201))

    def link_duplicate(self, issue_key: str, original: str) -> None:
        self._link("Duplicate", issue_key, original)

    def relate(self, issue_key: str, other: str) -> None:
        self._link("Relates", issue_key, other)

    def _link(self, kind: str, issue_key: str, other: str) -> None:
        """Link two issues. Jira: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-links/#api-rest-api-3-issuelink-post"""
        # Jira keeps one link of a type between two issues, however often it is asked for.
        body = {
            "type": {"name": kind},
            "inwardIssue": {"key": _key(issue_key)},
            "outwardIssue": {"key": _key(other)},
        }
        self._send("POST", "issueLink", body, expected=(201,))

    def finish(self, issue_key: str) -> bool:
        """Move an issue to a status of the category "done". False if its workflow has no such transition now.

        Jira (transitions): https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/
        """
        path = f"issue/{_key(issue_key)}/transitions"
        number = _understood(_to_done, self._send("GET", path, None, expected=(200,)))
        if number is None:
            return False
        self._send("POST", path, {"transition": {"id": number}}, expected=(204,))
        return True

    def into_sprint(self, issue_key: str) -> bool:
        """Move an issue into the active sprint of the policy's board. False if the board has none.

        Jira: https://developer.atlassian.com/cloud/jira/software/rest/api-group-sprint/
        """
        sprint = self._active_sprint()
        if sprint is None:
            return False
        self._send("POST", f"{_AGILE}/sprint/{sprint}/issue", {"issues": [_key(issue_key)]}, expected=(204,))
        return True

    def _active_sprint(self) -> int | None:
        board = self._config.rules.board
        page: Json = self._send("GET", f"{_AGILE}/board/{board}/sprint?state=active", None, expected=(200,))
        return _understood(lambda page: next((int(sprint["id"]) for sprint in page["values"]), None), page)

    def account(self) -> str:
        """Return the id of the account whose token is used.

        Jira: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-myself/#api-rest-api-3-myself-get
        """
        me: Json = self._call(lambda jira: jira._get_json("myself"))
        return _understood(lambda me: str(me["accountId"]), me)

    def link_back(self, issue_key: str, global_id: str, url: str, title: str) -> None:
        """Link an issue back to its ticket. The same `global_id` again updates the link.

        Jira: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-remote-links/
        """
        body = {
            "globalId": global_id[:255],
            "application": {"type": "org.tierline", "name": "Tierline"},
            "relationship": "reported by support in",
            "object": {"url": url, "title": one_line(title, 255)},
        }
        self._post(f"issue/{_key(issue_key)}/remotelink", body, expected=(200, 201))

    def check(self) -> list[str]:
        """Compare the policy with the project's issue types, their fields and the board. Returns what does not agree.

        Jira (create metadata): https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/
        """
        project = self._config.project
        try:
            types = self._pages(f"issue/createmeta/{project}/issuetypes", "issueTypes")
        except Rejected as refusal:
            return [f"project {project} cannot be used: {refusal}"]
        ids = {str(kind["name"]): str(kind.get("id")) for kind in types}
        missing = []
        for name, kinds in _by_type(self._config.rules).items():
            if name not in ids:
                missing.append(f"project {project} has no issue type {name!r}, only {', '.join(sorted(ids))}")
                continue
            fields = self._pages(f"issue/createmeta/{project}/issuetypes/{ids[name]}", "fields")
            missing += misfits(self._config.rules, name, kinds, {str(field.get("key")): field for field in fields})
        return missing + self._check_sprint()

    def _check_sprint(self) -> list[str]:
        """What stands between us and the sprint of the board."""
        if not self._config.rules.sprint:
            return []
        try:
            if self._active_sprint() is None:
                return [
                    f"board {self._config.rules.board} has no active sprint: issues stay in the backlog until it has"
                ]
        except Rejected as refusal:
            return [f"board {self._config.rules.board} cannot be used: {refusal}"]
        return []

    # -- Talking to the server ------------------------------------------------------------------------------

    def _jira(self) -> JIRA:
        jira: JIRA | None = getattr(self._mine, "jira", None)
        if jira is None:
            jira = self._mine.jira = connect(self._config)
            self._all.add(jira)
        return jira

    def _post(self, path: str, body: Json, expected: tuple[int, ...]) -> Json:
        return self._send("POST", path, body, expected)

    def _send(self, method: str, path: str, body: Json | None, expected: tuple[int, ...]) -> Json:
        """One request. `path` is below `/rest/api/3`, or absolute. The answer, or {} where it has no content."""
        data = None if body is None else json.dumps(body)

        def send(jira: JIRA) -> Json:
            url = f"{self._config.url}{path}" if path.startswith("/") else jira._get_url(path)
            response = jira._session.request(method, url, data=data, allow_redirects=False)
            if response.status_code not in expected:
                raise JIRAError(status_code=response.status_code, response=response)
            return cast(Json, response.json() if response.content else {})

        return self._call(send)

    def _pages(self, path: str, items: str) -> list[Json]:
        """The items of a page. The library refuses these addresses on Cloud, where they exist all the same."""
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

    def _similar(self, page: Json) -> list[Similar]:
        found = [(self._ref(raw), raw["fields"]) for raw in page["issues"]]
        return [
            Similar(
                key=ref.key,
                url=ref.url,
                summary=one_line(fields["summary"], SUMMARY_LIMIT),
                status=one_line(fields["status"]["name"], 100),
            )
            for ref, fields in found
        ]

    def _ref(self, raw: Json) -> IssueRef:
        return issue.ref(raw, self._config.url)

    def _states(self, names: list[str], page: Json) -> dict[str, IssueState | None]:
        """What was asked for, by the names that it was asked by. One that is not understood spoils no other."""
        raws = _understood(lambda page: {str(raw["id"]): raw for raw in page["issues"]}, page)
        raws |= {str(raw.get("key")): raw for raw in raws.values()}
        states: dict[str, IssueState | None] = {}
        for name in names:
            if name in raws:
                try:
                    states[name] = self._state(raws[name])
                except NotUnderstood:
                    log.warning("issue %s is in no form that is understood", name)
            elif not page.get("issueErrors"):  # which say of some number or other that it could not be read just now
                states[name] = None
        return states

    def _state(self, raw: Json) -> IssueState:
        state = _understood(lambda raw: issue.state(raw, self._config.url), raw)
        if _understood(issue.lacks_comments, raw):
            latest = list(self._comments(f"issue/{state.ref.id}/comment", pages=1))
            state = state.model_copy(update={"comments": _understood(issue.for_support, latest)})
        return state

    def _comments(self, path: str, pages: int = _COMMENT_PAGES) -> Iterator[Json]:
        """The comments of an issue, the latest first."""
        seen = 0
        for _ in range(pages):
            asked = {"orderBy": "-created", "startAt": seen, "maxResults": _COMMENTS_AT_ONCE}
            page: Json = self._call(lambda jira, asked=asked: jira._get_json(path, params=asked))  # type: ignore[misc]
            said: list[Json] = _understood(lambda page: [said for said in page["comments"] if int(said["id"])], page)
            yield from said
            seen += len(said)
            if not said or seen >= int(page.get("total") or 0):
                break


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


def _understood(parse: Callable[[A], T], answer: A) -> T:
    """What `parse` makes of an answer. An answer in another shape is as good as none: `Unknown`."""
    try:
        return parse(answer)
    except (LookupError, TypeError, ValueError, AttributeError):
        pass
    raise NotUnderstood("Jira sent an answer that was not understood")


class NotUnderstood(Unknown):
    """An answer that came, and made no sense."""


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
    return of_answer("Jira", response, said_safely(detail), field_errors)


def _key(text: str) -> str:
    """An issue key, as it may stand in an address."""
    if not is_issue_key(text):
        raise Rejected("not an issue key", 400, {"issue": "not an issue key"})
    return text


def _by_type(rules: JiraRow) -> dict[str, list[Kind]]:
    """The issue types that we make, each with what it is made for."""
    found: dict[str, list[Kind]] = {}
    for kind in get_args(Kind):
        found.setdefault(rules.issue_type(kind), []).append(kind)
    return found


def _to_done(answer: Json) -> str | None:
    """The transition that leads to a status that is done, by its category: names are translated."""
    ids = (str(move["id"]) for move in answer["transitions"] if move["to"]["statusCategory"]["key"] == "done")
    return next(ids, None)


def _quoted(text: str) -> str:
    """A JQL string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _proves(issue: Json, label: str) -> bool:
    properties = issue.get("properties") or {}
    value = properties.get(PROPERTY)
    return isinstance(value, dict) and label_for(str(value.get("key"))) == label

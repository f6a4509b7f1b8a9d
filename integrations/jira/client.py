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
from functools import partial
from typing import Any, TypeVar, cast, get_args
from urllib.parse import urlencode
from weakref import WeakSet

import requests
from jira import JIRA, JIRAError

from domain.core.enums import Priority
from domain.core.text import one_line, one_line_utf16
from domain.documents.document import Document, code, paragraph
from domain.policy.tracker import TrackerRow
from integrations.calls import (
    USER_AGENT,
    Failure,
    Rejected,
    Unauthorized,
    Unknown,
    is_loopback,
    of_answer,
    of_exception,
    safe_text,
)
from integrations.jira import adf, adf_text, issue, site
from integrations.jira.body import (
    INTERNAL,
    PROPERTY,
    RAISED,
    is_raised,
    issue_body,
    misfits,
    optional_in,
    proof_of,
    raised_body,
)
from integrations.jira.config import JiraConfig, is_account, is_issue_key, is_issue_number
from integrations.tracing.port import span
from integrations.tracker.port import REPORTED_IN, SUMMARY_LIMIT, Issue, IssueDraft, IssueRef, Kind, Similar, label_for

log = logging.getLogger("tierline.jira")

A = TypeVar("A")
T = TypeVar("T")
Json = dict[str, Any]
File = tuple[str, bytes, str]
"""A file's name, its content and its type."""

_AGILE = "/rest/agile/1.0"
_READ_AT_ONCE = 100
_MOST_SIMILAR = 20
_AT_ONCE = 100
_PAGES = 100
"""Pages of one list. A list that goes on after them is not taken for read: see `_pages`."""
_PROOF = 1_000
"""What the last line of a comment of ours may take of its length, as JSON."""


class JiraClient:
    """Implements `TrackerPort`. One library client per thread: a requests session is not promised to bear sharing."""

    def __init__(self, config: JiraConfig) -> None:
        self._config = config
        self._mine = threading.local()
        self._all: WeakSet[JIRA] = WeakSet()

    def close(self) -> None:
        """Close the connections of all threads. To be called when no call is under way."""
        for jira in list(self._all):
            jira.close()  # type: ignore[no-untyped-call]
        self._mine = threading.local()

    def may_link(self, key: str) -> bool:
        """Tell whether an issue is in our project, or in one of `also_link`."""
        return key.rpartition("-")[0] in (self._config.project, *self._config.rules.also_link)

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
        jql = f"labels = {_quoted(label)} ORDER BY created"
        found = sorted(self._in_sight(lambda places: self._search(places + jql)), key=lambda issue: int(issue["id"]))
        ours = [issue for issue in found if _proves(issue, label)]
        # None proven but some labelled: adopt rather than double.
        return [self._ref(issue) for issue in ours or found]

    def similar(self, label: str) -> list[Similar]:
        """Find the open issues with a label, the oldest first.

        Jira: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-search/#api-rest-api-3-search-jql-post
        """
        jql = f"labels = {_quoted(label)} AND statusCategory != Done ORDER BY created"
        return self._in_sight(lambda places: self._similar_by(places + jql))

    def _similar_by(self, jql: str) -> list[Similar]:
        asked = {"jql": jql, "fields": ["summary", "status"], "maxResults": _MOST_SIMILAR}
        found: list[Similar] = []
        for page in _by_token(lambda more: self._post("search/jql", asked | more, expected=(200,))):
            found += _understood(self._similar, page)
            if len(found) >= _MOST_SIMILAR:
                break
        return found[:_MOST_SIMILAR]

    def _in_sight(self, search: Callable[[str], list[T]]) -> list[T]:
        """Return what a search finds in our projects: an issue may have moved to one of the others before we look for
        it.

        Jira refuses a query as a whole where one of its projects is gone or out of our sight: then it is asked about
        the others. `search` is given the beginning of the query. Raises Unknown where our own project cannot be
        searched: that an issue was not found then says nothing about it.
        """
        projects = (self._config.project, *self._config.rules.also_link)
        try:
            return search(_in(projects))
        except Rejected as refusal:
            visible = [project for project in projects if self._project(project)]
            if self._config.project not in visible:
                raise Unknown(f"project {self._config.project} cannot be searched: {refusal}") from None
            if len(visible) == len(projects):
                raise
        return search(_in(visible))

    def _project(self, key: str) -> Json | None:
        """Return a project, as Jira has it; None if it is gone, or out of our sight."""
        try:
            return self._send("GET", f"project/{key}", None, expected=(200,))
        except Rejected:
            return None

    def read(self, issues: Collection[str]) -> dict[str, Issue | None]:
        """Read issues by key or number, a hundred with one request. None for an issue that Jira does not show.

        Jira (bulk fetch): https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/
        """
        wanted = sorted({name for name in issues if is_issue_key(name) or is_issue_number(name)})
        states: dict[str, Issue | None] = {}
        # Not a search: it lags, and refuses `key in (...)` as a whole when one of the keys was deleted.
        for start in range(0, len(wanted), _READ_AT_ONCE):
            names = wanted[start : start + _READ_AT_ONCE]
            body = {"issueIdsOrKeys": names, "fields": list(issue.FIELDS)}
            states |= self._states(names, self._post("issue/bulkfetch", body, expected=(200,)))
        return states

    def comment(self, issue_key: str, key: str, words: Document, to: str = "") -> None:
        """Write a comment whose last line is the label of `key`, by which `has_comment` finds it.

        Jira: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-comments/#api-rest-api-3-issue-issueidorkey-comment-post
        """
        body = adf.render(words, adf.LIMIT - _PROOF)
        body["content"] += adf.render(Document(blocks=(paragraph(code(label_for(key))),)))["content"]
        if is_account(to):
            mention = {"type": "mention", "attrs": {"id": to}}
            body["content"].insert(0, {"type": "paragraph", "content": [mention]})
        content = {"body": body, "properties": [proof_of(key), INTERNAL]}
        self._post(f"issue/{_key(issue_key)}/comment", content, expected=(201,))

    def has_comment(self, issue_key: str, key: str) -> bool:
        """Return whether an issue has the comment of `key`.

        Jira: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-comments/#api-rest-api-3-issue-issueidorkey-comment-get
        """
        # By its last line: the properties of comments are not listed with them.
        path = f"issue/{_key(issue_key)}/comment"
        comments, proof = self._pages(path, "comments", {"orderBy": "-created"}), label_for(key)
        return any(adf_text.to_text(comment.get("body")).splitlines()[-1:] == [proof] for comment in comments)

    def room_for_files(self) -> int:
        """Return how many bytes a file on an issue may have; 0 where the site takes none, or none from our account.

        Jira: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-attachments/#api-rest-api-3-attachment-meta-get
        """
        try:
            allowed = self._send("GET", "attachment/meta", None, expected=(200,))
            if self._lacking(self._config.project, ("CREATE_ATTACHMENTS",)):
                return 0
        except (Rejected, Unauthorized):  # a site that does not even say so
            return 0
        return _understood(lambda allowed: int(allowed["uploadLimit"]) if allowed["enabled"] is True else 0, allowed)

    def attach(self, issue_key: str, name: str, text: str) -> None:
        """Attach a text to an issue as a file.

        Jira: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-attachments/#api-rest-api-3-issue-issueidorkey-attachments-post
        """
        file = (name, text.encode("utf-8", "replace"), "text/plain; charset=utf-8")
        self._send("POST", f"issue/{_key(issue_key)}/attachments", None, expected=(200,), file=file)

    def has_file(self, issue_key: str, name: str) -> bool:
        """Return whether an issue has an attached file of that name.

        Jira: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-issueidorkey-get
        """
        found = self._send("GET", f"issue/{_key(issue_key)}?fields=attachment", None, expected=(200,))
        return _understood(
            lambda found: any(one["filename"] == name for one in found["fields"].get("attachment") or ()), found
        )

    def set_property(self, issue_key: str, name: str, value: Json) -> None:
        """Set a property of an issue. Jira: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-properties/"""
        self._send("PUT", f"issue/{_key(issue_key)}/properties/{name}", value, expected=(200, 201))

    def raise_priority(self, issue_key: str, key: str, priority: Priority) -> None:
        """Raise an issue to a priority. The proof that it was done travels in the same request as the priority.

        Jira: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-issueidorkey-put
        """
        path, rules = f"issue/{_key(issue_key)}", self._config.rules
        if "priority" in rules.leave_out:
            return
        found = self._send("GET", f"{path}?fields=priority&properties={RAISED}", None, expected=(200,))
        if _understood(lambda found: is_raised(rules, found, key, priority), found):
            return
        self._send("PUT", path, raised_body(rules, key, priority), expected=(204,))

    def link_duplicate(self, issue_key: str, original: str) -> None:
        self._link("duplicates", site.duplicate_type, issue_key, original)

    def relate(self, issue_key: str, other: str) -> None:
        self._link("relates to", site.relation_type, issue_key, other)

    def _link(self, meaning: str, choose: Callable[[list[Json]], Json | None], issue_key: str, other: str) -> None:
        """Link two issues. Raises Rejected, 404, where the site has no such kind of link.

        Jira: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-links/#api-rest-api-3-issuelink-post
        """
        kind = self._link_type(choose)
        if kind is None:
            raise Rejected(
                f"this Jira has no kind of link that says {meaning!r}", 404, {"type": "no such kind of link"}
            )
        # Jira keeps one link of a type between two issues, however often it is asked for.
        body = {
            "type": {"id": kind},
            "inwardIssue": {"key": _key(issue_key)},
            "outwardIssue": {"key": _key(other)},
        }
        self._send("POST", "issueLink", body, expected=(201,))

    def _link_type(self, choose: Callable[[list[Json]], Json | None]) -> str | None:
        """Return the number of a kind of link: its name is the site's own, and may be translated.

        Jira: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-link-types/
        """
        answer = self._send("GET", "issueLinkType", None, expected=(200,))
        kind = _understood(lambda answer: choose(list(answer["issueLinkTypes"])), answer)
        return None if kind is None else str(kind["id"])

    def finish(self, issue_key: str) -> bool:
        """Move an issue to a status of the category "done". False if its workflow has no such transition now.

        Jira (transitions): https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/
        """
        path = f"issue/{_key(issue_key)}/transitions"
        answer = self._send("GET", f"{path}?expand=transitions.fields", None, expected=(200,))
        body = _understood(site.to_done, answer)
        if body is None:
            return False
        self._send("POST", path, body, expected=(204,))
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
        sprints = self._pages(f"{_AGILE}/board/{board}/sprint", "values", {"state": "active"})
        return next((_understood(lambda sprint: int(sprint["id"]), sprint) for sprint in sprints), None)

    def account(self) -> str:
        """Return the id of the account whose token is used.

        Jira: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-myself/#api-rest-api-3-myself-get
        """
        me: Json = self._call(lambda jira: jira._get_json("myself"))
        return _understood(lambda me: str(me["accountId"]), me)

    def link_back(self, issue_key: str, global_id: str, url: str, title: str, relationship: str = REPORTED_IN) -> None:
        """Link an issue back to its ticket. The same `global_id` again updates the link.

        Jira: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-remote-links/
        """
        body = {
            "globalId": global_id[:255],
            "application": {"type": "org.tierline", "name": "Tierline"},
            "relationship": relationship,
            "object": {"url": url, "title": one_line_utf16(title, 255)},
        }
        self._post(f"issue/{_key(issue_key)}/remotelink", body, expected=(200, 201))

    def check(self) -> list[str]:
        """Compare the policy with the project's issue types, their fields and the board. Returns what does not agree.

        Jira (create metadata): https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/
        """
        project = self._config.project
        try:
            types = self._named(f"issue/createmeta/{project}/issuetypes", "issueTypes")
        except Rejected as refusal:
            return [f"project {project} cannot be used: {refusal}"]
        ids = {str(kind["name"]): str(kind.get("id")) for kind in types}
        missing = []
        for name, kinds in _by_type(self._config.rules).items():
            if name not in ids:
                missing.append(f"project {project} has no issue type {name!r}, only {', '.join(sorted(ids))}")
                continue
            fields = self._named(f"issue/createmeta/{project}/issuetypes/{ids[name]}", "fields")
            missing += misfits(self._config.rules, name, kinds, {str(field.get("key")): field for field in fields})
        return missing + self._check_permissions() + self._check_sprint()

    def _check_permissions(self) -> list[str]:
        """Say what our account may not do, in our project and in those of `also_link`.

        Jira: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-permissions/#api-rest-api-3-mypermissions-get
        """
        missing = []
        for project in (self._config.project, *self._config.rules.also_link):
            keys = site.needed(self._config.rules, elsewhere=project != self._config.project)
            try:
                missing += self._lacking(project, keys)
            except Rejected as refusal:
                missing.append(f"project {project} cannot be seen: {refusal}")
        return missing

    def _lacking(self, project: str, keys: Collection[str]) -> list[str]:
        """Say which of these permissions our account lacks in a project. One sentence each."""
        query = urlencode({"projectKey": project, "permissions": ",".join(keys)})
        answer = self._send("GET", f"mypermissions?{query}", None, expected=(200,))
        return _understood(partial(site.lacking, project, keys), answer)

    def advice(self) -> list[str]:
        """Say what somebody should know about the site, though issues can be made as it is. One sentence each."""
        advice = []
        project = self._project(self._config.project) or {}
        if project.get("projectTypeKey") == "service_desk":
            advice.append(
                f"project {self._config.project} is a service project: customers may read its issues in the portal. "
                "Tierline's comments are internal there, the issues are not: use a software project if you can"
            )
        for meaning, choose in (("duplicates", site.duplicate_type), ("relates to", site.relation_type)):
            if self._link_type(choose) is None:
                advice.append(f"this Jira has no kind of link that says {meaning!r}: such issues stay unlinked")
        return advice

    def _check_sprint(self) -> list[str]:
        """Return what stands between us and the sprint of the board."""
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

    def _send(
        self, method: str, path: str, body: Json | None, expected: tuple[int, ...], file: File | None = None
    ) -> Json:
        """Send one request. `path` is below `/rest/api/3`, or absolute. Returns the answer, or {} where it has no
        content."""
        content: dict[str, Any] = {"data": None if body is None else json.dumps(body)}
        if file:  # as a form, which Jira takes only with this header
            content = {"files": {"file": file}, "headers": {"X-Atlassian-Token": "no-check", "Content-Type": None}}

        def send(jira: JIRA) -> Json:
            url = f"{self._config.api}{path}" if path.startswith("/") else jira._get_url(path)
            response = jira._session.request(method, url, **content, allow_redirects=False)
            if response.status_code not in expected:
                raise JIRAError(status_code=response.status_code, response=response)
            return cast(Json, response.json() if response.content else {})

        return self._call(send)

    def _pages(self, path: str, items: str, asked: Json) -> Iterator[Json]:
        """Yield the items of a list that comes in pages, to its end, however small the vendor makes them. Raises
        Unknown for one that does not end: a part of a list is not taken for the list."""
        seen = 0
        for _ in range(_PAGES):
            query = urlencode({**asked, "startAt": seen, "maxResults": _AT_ONCE})
            page = self._send("GET", f"{path}?{query}", None, expected=(200,))
            found: list[Json] = _understood(lambda page: [dict(item) for item in page[items]], page)
            yield from found
            seen += len(found)
            if not found or page.get("isLast") is True or seen >= _understood(_total, page):
                return
        raise Unknown(f"Jira's list of {items} does not end")

    def _named(self, path: str, items: str) -> list[Json]:
        """Create metadata: what has a name. The library refuses these addresses on Cloud, where they exist all the
        same."""
        return _understood(
            lambda found: [item for item in found if item.get("name")], list(self._pages(path, items, {}))
        )

    def _search(self, jql: str) -> list[Json]:
        pages = _by_token(lambda more: self._search_page(jql, more.get("nextPageToken")))
        return [hit for page in pages for hit in _understood(_hits, page)]

    def _search_page(self, jql: str, token: str | None) -> Json:
        def ask(jira: JIRA) -> Json:
            page = jira.enhanced_search_issues(
                jql, nextPageToken=token, fields=["created"], properties=PROPERTY, json_result=True
            )
            return cast(Json, page)

        return self._call(ask)

    def _call(self, send: Callable[[JIRA], T]) -> T:
        failure: Failure
        with span("Call Jira", "client", {"peer.service": "Jira"}):
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

    def _states(self, names: list[str], page: Json) -> dict[str, Issue | None]:
        """Return what was asked for, by the names that it was asked by. One that is not understood spoils no other."""
        raws = _understood(lambda page: {str(raw["id"]): raw for raw in page["issues"]}, page)
        raws |= {str(raw.get("key")): raw for raw in raws.values()}
        states: dict[str, Issue | None] = {}
        for name in names:
            if name in raws:
                try:
                    states[name] = self._state(raws[name])
                except NotUnderstood:
                    log.warning("issue %s is in no form that is understood", name)
            elif not page.get("issueErrors"):  # which say of some number or other that it could not be read just now
                states[name] = None
        return states

    def _state(self, raw: Json) -> Issue:
        state = _understood(lambda raw: issue.read(raw, self._config.url), raw)
        if _understood(issue.lacks_comments, raw):
            all_of_them = list(self._pages(f"issue/{state.id}/comment", "comments", {"orderBy": "-created"}))
            comments = _understood(issue.comments, all_of_them)
            state = state.model_copy(update={"comments": comments.for_support, "not_heard": comments.not_heard})
        return state


def connect(config: JiraConfig) -> JIRA:
    """Return the library's client, made harmless. Calls nothing yet."""
    jira = JIRA(
        options={"server": config.api, "rest_api_version": "3", "headers": {"User-Agent": USER_AGENT}},
        basic_auth=(config.email, config.token.get_secret_value()),
        max_retries=0,
        timeout=(config.connect_timeout, config.read_timeout),
        get_server_info=False,
        logging=False,
    )
    jira.deploymentType = "Cloud"  # otherwise set by the call that we left out; searching depends on it
    jira._fields_cache_value = {"_": "_"}  # otherwise the first search reads all fields of the site
    jira._session.trust_env = not is_loopback(config.api)
    return jira


def _understood(parse: Callable[[A], T], answer: A) -> T:
    """Return what `parse` makes of an answer. An answer in another shape is as good as none: `Unknown`."""
    try:
        return parse(answer)
    except (LookupError, TypeError, ValueError, AttributeError):
        pass
    raise NotUnderstood("Jira sent an answer that was not understood")


class NotUnderstood(Unknown):
    """An answer that came, and made no sense."""


def _by_token(ask: Callable[[Json], Json]) -> Iterator[Json]:
    """Yield the pages of a search, to its end. Raises Unknown for one that does not end."""
    more: Json = {}
    for _ in range(_PAGES):
        page = ask(more)
        yield page
        token = page.get("nextPageToken")
        if not token or page.get("isLast") is True:
            return
        more = {"nextPageToken": token}
    raise Unknown("Jira's search does not end")


def _total(page: Json) -> float:
    """Return how many items a list has in all; Jira does not always count them."""
    return float("inf") if page.get("total") is None else int(page["total"])


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
    failure = of_answer("Jira", response, safe_text(detail), field_errors)
    # Two changes at the same moment: one of them is to be tried again, after a look.
    return Unknown(str(failure)) if response.status_code == 409 else failure


def _key(text: str) -> str:
    """Return an issue key, as it may stand in an address."""
    if not is_issue_key(text):
        raise Rejected("not an issue key", 400, {"issue": "not an issue key"})
    return text


def _by_type(rules: TrackerRow) -> dict[str, list[Kind]]:
    """Return the issue types that we make, each with what it is made for."""
    found: dict[str, list[Kind]] = {}
    for kind in get_args(Kind):
        found.setdefault(rules.issue_type(kind), []).append(kind)
    return found


def _in(projects: Collection[str]) -> str:
    """Return the beginning of a query for issues of these projects."""
    return f"project in ({', '.join(map(_quoted, projects))}) AND "


def _quoted(text: str) -> str:
    """Return a JQL string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _proves(issue: Json, label: str) -> bool:
    properties = issue.get("properties") or {}
    value = properties.get(PROPERTY)
    return isinstance(value, dict) and label_for(str(value.get("key"))) == label

"""What the Jira stand-in remembers, and what it refuses: issues, their links and comments, a bit of JQL."""

import re
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel

from integrations.standins.common import JsonLines, now

Json = dict[str, Any]

ISSUE_TYPES = {"10001": "Bug", "10002": "Story", "10003": "Task", "10004": "Incident"}
PRIORITIES = {"1": "Highest", "2": "High", "3": "Medium", "4": "Low", "5": "Lowest"}
RESOLUTIONS = ("Fixed", "Won't Do", "Duplicate", "Cannot Reproduce")
STATUSES = {"To Do": "new", "In Progress": "indeterminate", "Done": "done"}
TRANSITIONS = {"11": "To Do", "21": "In Progress", "31": "Done"}
COMPONENTS = ("API", "Billing", "Dashboard", "Reports")
FOUND_BY = "customfield_10050"
"""A field of the site's own, as many have: a choice between two values."""
FINDERS = ("Customer", "Monitoring")
SCREEN = (
    *("project", "issuetype", "summary", "description", "labels"),
    *("priority", "environment", "components", FOUND_BY),
)
BOARD, SPRINT = 1, 7
"""The one board, and the sprint that is active on it."""
TEXT_LIMIT = 32_767


class Problem(Exception):
    """A refusal, in the form that Jira gives it."""

    def __init__(self, status: int, *messages: str, **errors: str) -> None:
        super().__init__(status, messages, errors)
        self.status = status
        self.messages = list(messages)
        self.errors = errors


class Person(BaseModel):
    """Somebody in Jira."""

    id: str
    """The account id."""
    name: str


US = Person(id="standin", name="Tierline")
ENGINEERS = tuple(Person(id=f"5b10a284{number}", name=f"Engineer {number}") for number in (1, 2))


class Comment(BaseModel):
    id: str
    author: Person
    body: Json
    created: AwareDatetime
    updated: AwareDatetime


class RemoteLink(BaseModel):
    id: int
    global_id: str
    relationship: str
    url: str
    title: str


class Issue(BaseModel):
    id: int
    key: str
    formerly: list[str] = []
    """The keys that it had before it moved to other projects: they still lead to it."""
    type: str
    summary: str
    description: Json | None = None
    environment: Json | None = None
    labels: list[str] = []
    priority: str = "Medium"
    components: list[str] = []
    found_by: str | None = None
    sprint: int | None = None
    status: str = "To Do"
    resolution: str | None = None
    fix_versions: list[str] = []
    assignee: Person | None = None
    duplicate_of: str | None = None
    relates: list[str] = []
    """The keys of the issues that it is linked to."""
    created: AwareDatetime
    updated: AwareDatetime
    properties: dict[str, Any] = {}
    links: list[RemoteLink] = []
    comments: list[Comment] = []
    deleted: bool = False

    @property
    def category(self) -> str:
        return STATUSES[self.status]


class JiraState:
    """All issues of one project. Safe to use from any thread; with a path it remembers them over a
    restart.
    """

    def __init__(self, project: str, path: Path | None = None, clock: Callable[[], datetime] = now) -> None:
        self.project = project
        self._clock = clock
        self._lock = threading.RLock()
        self._file = JsonLines(path)
        self._issues = {record["id"]: Issue.model_validate(record) for record in self._file.read()}

    def issues(self) -> list[Issue]:
        """Oldest first."""
        with self._lock:
            return [issue.model_copy(deep=True) for issue in self._issues.values() if not issue.deleted]

    def get(self, key_or_id: str) -> Issue:
        with self._lock:
            for issue in self._issues.values():
                if key_or_id in (issue.key, str(issue.id), *issue.formerly) and not issue.deleted:
                    return issue
        raise Problem(404, "Issue does not exist or you do not have permission to see it.")

    def create(self, fields: Json, properties: list[Json]) -> Issue:
        _check_fields(fields, self.project)
        with self._lock:
            number, at = len(self._issues) + 1, self._clock()
            issue = Issue(
                id=10_000 + number,
                key=f"{self.project}-{number}",
                type=_type_name(fields["issuetype"]),
                summary=fields["summary"],
                description=fields.get("description"),
                environment=fields.get("environment"),
                labels=fields.get("labels") or [],
                priority=_priority_name(fields.get("priority") or {"name": "Medium"}),
                components=[str(component["name"]) for component in fields.get("components") or []],
                found_by=(fields.get(FOUND_BY) or {}).get("value"),
                created=at,
                updated=at,
                properties={entry["key"]: entry["value"] for entry in properties},
            )
            self._issues[issue.id] = issue
            self._save(issue)
            return issue

    def move(self, key: str, status: str, resolution: str | None = None, fix_version: str = "") -> None:
        with self._lock:
            issue = self.get(key)
            issue.status = status
            done = STATUSES[status] == "done"
            issue.resolution = (resolution or "Fixed") if done else None
            if done and fix_version and fix_version not in issue.fix_versions:
                issue.fix_versions.append(fix_version)
            self._touch(issue)

    def change(self, key: str, assignee: Person | None = None, duplicate_of: str | None = None) -> None:
        """What is not None is set."""
        with self._lock:
            issue = self.get(key)
            issue.assignee = assignee or issue.assignee
            if duplicate_of:
                issue.duplicate_of = self.get(duplicate_of).key
            self._touch(issue)

    def relate(self, key: str, other: str) -> None:
        """Links two issues to each other. A link that is there is not made again, and is no change."""
        with self._lock:
            for one, another in ((self.get(key), self.get(other)), (self.get(other), self.get(key))):
                if another.key not in one.relates:
                    one.relates.append(another.key)
                    self._touch(one)

    def rename(self, key: str, project: str) -> None:
        """The issue moves to another project: another key, the same number."""
        with self._lock:
            issue = self.get(key)
            if project != issue.key.rsplit("-", 1)[0]:
                issue.formerly.append(issue.key)
                issue.key = f"{project}-{sum(project in other.key for other in self._issues.values()) + 1}"
                self._touch(issue)

    def set_property(self, key: str, name: str, value: Any) -> bool:
        """Whether the issue had none of that name."""
        with self._lock:
            issue = self.get(key)
            new = name not in issue.properties
            issue.properties[name] = value
            self._save(issue)
            return new

    def into_sprint(self, keys: list[str], sprint: int) -> None:
        with self._lock:
            for issue in [self.get(key) for key in keys]:
                issue.sprint = sprint
                self._touch(issue)

    def delete(self, key: str) -> None:
        with self._lock:
            issue = self.get(key)
            issue.deleted = True
            self._touch(issue)

    def comment(self, key: str, body: Json, author: Person) -> Comment:
        if problem := adf_problem(body):
            raise Problem(400, comment=problem)
        with self._lock:
            issue = self.get(key)
            number = sum(len(other.comments) for other in self._issues.values()) + 1
            at = self._clock()
            comment = Comment(id=str(20_000 + number), author=author, body=body, created=at, updated=at)
            issue.comments.append(comment)
            self._touch(issue)
            return comment

    def edit(self, key: str, number: str, body: Json) -> Comment:
        """Other words for a comment."""
        with self._lock:
            issue = self.get(key)
            comment = next((comment for comment in issue.comments if comment.id == number), None)
            if comment is None:
                raise Problem(404, "Can not find a comment for the id.")
            comment.body, comment.updated = body, self._clock()
            self._touch(issue)
            return comment

    def link(self, key: str, global_id: str, relationship: str, url: str, title: str) -> tuple[RemoteLink, bool]:
        """The link, and whether it is new: the same global id updates the link that is there."""
        with self._lock:
            issue = self.get(key)
            known = next((link for link in issue.links if global_id and link.global_id == global_id), None)
            if known:
                known.relationship, known.url, known.title = relationship, url, title
            else:
                number = sum(len(other.links) for other in self._issues.values()) + 1
                link = RemoteLink(
                    id=30_000 + number, global_id=global_id, relationship=relationship, url=url, title=title
                )
                issue.links.append(link)
            self._touch(issue)
            return known or link, known is None

    def search(self, jql: str, lag: float) -> list[Issue]:
        """What `jql` finds. Issues younger than `lag` seconds are not in the index yet."""
        horizon = self._clock() - timedelta(seconds=lag)
        with self._lock:
            indexed = {i.key: i for i in self._issues.values() if not i.deleted and i.created <= horizon}
            tests = list(_clauses(jql, indexed))
            found = [issue for issue in indexed.values() if all(test(issue) for test in tests)]
        return sorted(found, key=lambda issue: issue.created, reverse=jql.upper().endswith(" DESC"))

    def _touch(self, issue: Issue) -> None:
        issue.updated = self._clock()
        self._save(issue)

    def _save(self, issue: Issue) -> None:
        self._file.append(issue.model_dump(mode="json"))


# -- What Jira refuses --------------------------------------------------------------------------------------


def _check_fields(fields: Json, project: str) -> None:
    errors: dict[str, str] = {}
    if (fields.get("project") or {}).get("key") != project:
        errors["project"] = "valid project is required"
    if _type_name(fields.get("issuetype")) not in ISSUE_TYPES.values():
        errors["issuetype"] = "Specify a valid issue type"
    summary = fields.get("summary")
    if not isinstance(summary, str) or not summary.strip():
        errors["summary"] = "You must specify a summary of the issue."
    elif len(summary) > 255:
        errors["summary"] = "Summary can't exceed 255 characters."
    elif "\n" in summary or "\r" in summary:
        errors["summary"] = "The summary is invalid because it contains newline characters."
    if "priority" in fields and _priority_name(fields["priority"]) not in PRIORITIES.values():
        errors["priority"] = "The priority selected is invalid."
    if any(component.get("name") not in COMPONENTS for component in fields.get("components") or []):
        errors["components"] = "Component name is not valid"
    if FOUND_BY in fields and (fields[FOUND_BY] or {}).get("value") not in FINDERS:
        errors[FOUND_BY] = "Specify a valid 'value' for Found by"
    if any(not isinstance(label, str) or re.search(r"\s", label) for label in fields.get("labels") or []):
        errors["labels"] = "The label contains spaces which is invalid."
    for name in ("description", "environment"):
        if fields.get(name) is not None and (problem := adf_problem(fields[name])):
            errors[name] = problem
    for name in fields.keys() - set(SCREEN):
        errors[name] = f"Field '{name}' cannot be set. It is not on the appropriate screen, or unknown."
    if errors:
        raise Problem(400, **errors)


def _type_name(given: object) -> str:
    given = given if isinstance(given, dict) else {}
    return str(given.get("name") or ISSUE_TYPES.get(str(given.get("id")), ""))


def _priority_name(given: object) -> str:
    given = given if isinstance(given, dict) else {}
    return str(given.get("name") or PRIORITIES.get(str(given.get("id")), ""))


_NODES = {"paragraph", "heading", "bulletList", "orderedList", "listItem", "codeBlock", "text", "hardBreak"}


def adf_problem(node: object) -> str | None:
    """What is wrong with an ADF document, or None: the same nodes that our renderer may use, nothing else."""
    if not isinstance(node, dict) or node.get("type") != "doc" or node.get("version") != 1:
        return "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
    length = 0
    for part in _parts(node):
        text = part.get("text")
        length += len(text) if isinstance(text, str) else 0
        if part.get("type") not in _NODES or (part.get("type") == "text" and not text):
            return "The document is not valid (see the Atlassian Document Format)"
    if length > TEXT_LIMIT:
        return f"The entered text is too long. It exceeds the allowed limit of {TEXT_LIMIT:,} characters."
    return None


def _parts(node: Json) -> Iterator[Json]:
    for child in node.get("content") or []:
        if isinstance(child, dict):
            yield child
            yield from _parts(child)


# -- A bit of JQL -------------------------------------------------------------------------------------------

_CLAUSE = re.compile(
    r"\s*(\w+)\s*(!?=|\bin\b)\s*(\"(?:\\.|[^\"\\])*\"|\((?:[^)\"]|\"(?:\\.|[^\"\\])*\")*\)|[\w-]+)\s*",
    re.IGNORECASE,
)
_VALUE = re.compile(r"\"((?:\\.|[^\"\\])*)\"|([\w-]+)")


def _clauses(jql: str, issues: dict[str, Issue]) -> Iterator[Callable[[Issue], bool]]:
    """One test for each clause of `field = value AND field in (value, ...) ORDER BY ...`."""
    rest = re.split(r"\bORDER\s+BY\b(?=[^\"]*$)", jql, flags=re.IGNORECASE)[0]
    if not rest.strip():
        raise Problem(400, "Unbounded JQL queries are not allowed here. Please add a search restriction.")
    while True:
        match = _CLAUSE.match(rest)
        if not match:
            raise Problem(400, "Error in the JQL Query: it could not be understood.")
        field, values = match[1].lower(), _values(match[3])
        if field in ("key", "issuekey", "id"):
            for missing in values - issues.keys():
                raise Problem(400, f"An issue with key '{missing}' does not exist for field 'key'.")
        test = _test(field, values)
        yield test if match[2] != "!=" else lambda issue, test=test: not test(issue)  # type: ignore[misc]
        rest = rest[match.end() :]
        if not rest:
            return
        joined = re.match(r"AND\b", rest, re.IGNORECASE)
        if not joined:
            raise Problem(400, "Error in the JQL Query: only AND is understood here.")
        rest = rest[joined.end() :]


def _values(text: str) -> set[str]:
    return {re.sub(r"\\(.)", r"\1", quoted) or bare for quoted, bare in _VALUE.findall(text)}


def _test(field: str, values: set[str]) -> Callable[[Issue], bool]:
    match field:
        case "project":
            return lambda issue: issue.key.rsplit("-", 1)[0] in values
        case "labels":
            return lambda issue: not values.isdisjoint(issue.labels)
        case "key" | "issuekey" | "id":
            return lambda issue: issue.key in values
        case "status":
            return lambda issue: issue.status in values
        case "statuscategory":
            return lambda issue: issue.category in {value.lower() for value in values}
        case _:
            raise Problem(400, f"Field '{field}' does not exist or you do not have permission to view it.")

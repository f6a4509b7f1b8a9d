"""What the Jira stand-in remembers, and what it refuses: issues, their links and comments, a bit of JQL."""

import re
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel

from integrations.standins.common import JsonLines, now
from integrations.standins.jira_rules import (
    FOUND_BY,
    MOST_COMMENTS,
    MOST_LINKS,
    PRIORITIES,
    STATUSES,
    Problem,
    check_comment,
    check_fields,
    check_property,
    priority_name,
    type_name,
)

Json = dict[str, Any]


class Person(BaseModel):
    """Somebody in Jira."""

    id: str
    """The account id."""
    name: str
    app: bool = False
    """An app or an automation rule, and no person."""


US = Person(id="standin", name="Tierline")
AUTOMATION = Person(id="557058:f58131cb", name="Automation for Jira", app=True)
ENGINEERS = tuple(Person(id=f"5b10a284{number}", name=f"Engineer {number}") for number in (1, 2))


class Comment(BaseModel):
    id: str
    author: Person
    body: Json
    created: AwareDatetime
    updated: AwareDatetime
    visibility: Json | None = None
    """The role or group to which it is restricted."""
    properties: dict[str, Any] = {}


class Attachment(BaseModel):
    """A file on an issue."""

    id: str
    name: str
    type: str
    author: Person
    created: AwareDatetime
    text: str
    """Its content; what is no UTF-8 is replaced."""
    size: int
    """Bytes."""


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
    release_dates: dict[str, date] = {}
    """Fix version -> its release date, where it has one."""
    assignee: Person | None = None
    duplicate_of: str | None = None
    relates: list[str] = []
    """The keys of the issues that it is linked to."""
    created: AwareDatetime
    updated: AwareDatetime
    properties: dict[str, Any] = {}
    links: list[RemoteLink] = []
    comments: list[Comment] = []
    attachments: list[Attachment] = []
    deleted: bool = False
    hidden: bool = False
    """It has a security level, and our account is not among those who may see it."""

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

    def issues(self, *, hidden: bool = False) -> list[Issue]:
        """Return the issues, the oldest first. `hidden`: those too that our account may not see."""
        with self._lock:
            shown = [issue for issue in self._issues.values() if not issue.deleted and (hidden or not issue.hidden)]
            return [issue.model_copy(deep=True) for issue in shown]

    def get(self, key_or_id: str) -> Issue:
        with self._lock:
            for issue in self._issues.values():
                if key_or_id in (issue.key, str(issue.id), *issue.formerly) and not (issue.deleted or issue.hidden):
                    return issue
        raise Problem(404, "Issue does not exist or you do not have permission to see it.")

    def create(self, fields: Json, properties: list[Json], *, hidden: bool = False) -> Issue:
        check_fields(fields, self.project)
        for entry in properties:
            check_property(entry["key"], entry["value"])
        with self._lock:
            number, at = len(self._issues) + 1, self._clock()
            issue = Issue(
                id=10_000 + number,
                key=f"{self.project}-{number}",
                type=type_name(fields["issuetype"]),
                summary=fields["summary"],
                description=fields.get("description"),
                environment=fields.get("environment"),
                labels=fields.get("labels") or [],
                priority=priority_name(fields.get("priority") or {"name": "Medium"}),
                components=[str(component["name"]) for component in fields.get("components") or []],
                found_by=(fields.get(FOUND_BY) or {}).get("value"),
                created=at,
                updated=at,
                properties={entry["key"]: entry["value"] for entry in properties},
                hidden=hidden,
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

    def plan(self, key: str, versions: Iterable[str]) -> None:
        """Set the fix versions of an issue, which is a change of the issue. They bring the dates that they have."""
        with self._lock:
            issue, chosen = self.get(key), list(versions)
            dates = {name: at for other in self._issues.values() for name, at in other.release_dates.items()}
            issue.fix_versions = chosen
            issue.release_dates = {name: dates[name] for name in chosen if name in dates}
            self._touch(issue)

    def release_on(self, version: str, day: date | None) -> None:
        """Give a version a release date, or take it away. Its issues do not count as changed, as in Jira."""
        with self._lock:
            for issue in self._issues.values():
                if version in issue.fix_versions:
                    issue.release_dates.pop(version, None)
                    issue.release_dates |= {version: day} if day else {}
                    self._save(issue)

    def change(self, key: str, assignee: Person | None = None, duplicate_of: str | None = None) -> None:
        """Set the fields of the issue that are not None."""
        with self._lock:
            issue = self.get(key)
            issue.assignee = assignee or issue.assignee
            if duplicate_of:
                issue.duplicate_of = self.get(duplicate_of).key
            self._touch(issue)

    def edit_fields(self, key: str, fields: Json, properties: list[Json]) -> None:
        """Set the priority and properties, both or neither."""
        errors = {
            name: f"Field '{name}' cannot be set. It is not on the appropriate screen, or unknown."
            for name in fields.keys() - {"priority"}
        }
        if "priority" in fields and priority_name(fields["priority"]) not in PRIORITIES.values():
            errors["priority"] = "The priority selected is invalid."
        with self._lock:
            issue = self.get(key)
            if errors:
                raise Problem(400, **errors)
            if "priority" in fields:
                issue.priority = priority_name(fields["priority"])
            issue.properties |= {entry["key"]: entry["value"] for entry in properties}
            self._touch(issue)

    def relate(self, key: str, other: str) -> None:
        """Link two issues to each other. A link that is there is not made again, and is no change."""
        with self._lock:
            for one, another in ((self.get(key), self.get(other)), (self.get(other), self.get(key))):
                if another.key not in one.relates:
                    one.relates.append(another.key)
                    self._touch(one)

    def rename(self, key: str, project: str) -> None:
        """Move the issue to another project: its key changes, its number stays."""
        with self._lock:
            issue = self.get(key)
            if project != issue.key.rsplit("-", 1)[0]:
                issue.formerly.append(issue.key)
                issue.key = f"{project}-{sum(project in other.key for other in self._issues.values()) + 1}"
                self._touch(issue)

    def set_property(self, key: str, name: str, value: Any) -> bool:
        """Set a property. Return whether the issue had none of that name."""
        check_property(name, value)
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

    def comment(
        self, key: str, body: Json, author: Person, visibility: Json | None = None, properties: Iterable[Json] = ()
    ) -> Comment:
        check_comment(body)
        with self._lock:
            issue = self.get(key)
            if len(issue.comments) >= MOST_COMMENTS:
                raise Problem(413, "The limit of comments of this issue is reached.")
            number = sum(len(other.comments) for other in self._issues.values()) + 1
            at = self._clock()
            comment = Comment(
                id=str(20_000 + number), author=author, body=body, created=at, updated=at, visibility=visibility,
                properties={entry["key"]: entry["value"] for entry in properties},
            )  # fmt: skip
            issue.comments.append(comment)
            self._touch(issue)
            return comment

    def attach(self, key: str, name: str, kind: str, content: bytes, author: Person) -> Attachment:
        """Add a file to the issue: another one, also where there is one of that name."""
        with self._lock:
            issue = self.get(key)
            number = sum(len(other.attachments) for other in self._issues.values()) + 1
            file = Attachment(
                id=str(40_000 + number), name=name, type=kind, author=author, created=self._clock(),
                text=content.decode("utf-8", "replace"), size=len(content),
            )  # fmt: skip
            issue.attachments.append(file)
            self._touch(issue)
            return file

    def edit(self, key: str, number: str, body: Json) -> Comment:
        """Give a comment other words."""
        check_comment(body)
        with self._lock:
            issue = self.get(key)
            comment = next((comment for comment in issue.comments if comment.id == number), None)
            if comment is None:
                raise Problem(404, "Can not find a comment for the id.")
            comment.body, comment.updated = body, self._clock()
            self._touch(issue)
            return comment

    def link(self, key: str, global_id: str, relationship: str, url: str, title: str) -> tuple[RemoteLink, bool]:
        """Return the link, and whether it is new: the same global id updates the link that is there."""
        with self._lock:
            issue = self.get(key)
            known = next((link for link in issue.links if global_id and link.global_id == global_id), None)
            if known is None and len(issue.links) >= MOST_LINKS:
                raise Problem(413, "The limit of links of this issue is reached.")
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

    def search(self, jql: str, lag: float, sees: Callable[[str], bool]) -> list[Issue]:
        """Return what `jql` finds. Issues younger than `lag` seconds are not in the index yet; `sees`: which projects
        exist for our account, since a query that names another one is refused as a whole."""
        horizon = self._clock() - timedelta(seconds=lag)
        with self._lock:
            indexed = {i.key: i for i in self._issues.values() if not (i.deleted or i.hidden) and i.created <= horizon}
            tests = list(_clauses(jql, indexed, sees))
            found = [issue for issue in indexed.values() if all(test(issue) for test in tests)]
        return sorted(found, key=lambda issue: issue.created, reverse=jql.upper().endswith(" DESC"))

    def _touch(self, issue: Issue) -> None:
        issue.updated = self._clock()
        self._save(issue)

    def _save(self, issue: Issue) -> None:
        self._file.append(issue.model_dump(mode="json"))


# -- A bit of JQL -------------------------------------------------------------------------------------------

_CLAUSE = re.compile(
    r"\s*(\w+)\s*(!?=|\bin\b)\s*(\"(?:\\.|[^\"\\])*\"|\((?:[^)\"]|\"(?:\\.|[^\"\\])*\")*\)|[\w-]+)\s*",
    re.IGNORECASE,
)
_VALUE = re.compile(r"\"((?:\\.|[^\"\\])*)\"|([\w-]+)")


def _clauses(jql: str, issues: dict[str, Issue], sees: Callable[[str], bool]) -> Iterator[Callable[[Issue], bool]]:
    """Yield one test for each clause of `field = value AND field in (value, ...) ORDER BY ...`."""
    rest, *order = re.split(r"\bORDER\s+BY\b(?=[^\"]*$)", jql, flags=re.IGNORECASE)
    for by in order:
        if not re.fullmatch(r"\s*(created|updated|key|priority|status)(\s+(ASC|DESC))?\s*", by, re.IGNORECASE):
            raise Problem(400, f"Not able to sort using field '{by.strip()}'.")
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
        if field == "project":
            for missing in sorted(value for value in values if not sees(value)):
                raise Problem(400, f"The value '{missing}' does not exist for the field 'project'.")
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

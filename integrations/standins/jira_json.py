"""The Jira stand-in's answers, in Jira's own words."""

from datetime import UTC, date, datetime
from typing import Any

from integrations.jira import support_mark
from integrations.standins import jira_rules as rules
from integrations.standins.jira_state import Attachment, Comment, Issue, Person, RemoteLink

Json = dict[str, Any]

API = "/rest/api/3"
COMMENTS_IN_FIELDS = 20
"""How many comments come with an issue, the oldest; the others are asked for."""


def moment(at: datetime) -> str:
    """Write an instant as Jira does: with +0000, which is not RFC 3339."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


def issue(base: str, found: Issue, fields: list[str], properties: list[str]) -> Json:
    bean: Json = {"id": str(found.id)}
    if fields == ["id"]:
        return bean
    values = field_values(found)
    kept = values if {"*all", "*navigable"} & set(fields) else {n: v for n, v in values.items() if n in fields}
    bean |= {"key": found.key, "self": f"{base}{API}/issue/{found.id}", "fields": kept}
    if properties:
        bean["properties"] = {name: found.properties[name] for name in properties if name in found.properties}
    return bean


def field_values(found: Issue) -> Json:
    return {
        "summary": found.summary,
        "description": found.description,
        "environment": found.environment,
        "issuetype": {"name": found.type},
        "project": {"key": found.key.rsplit("-", 1)[0]},
        "labels": found.labels,
        "components": [{"name": name} for name in found.components],
        "priority": {"name": found.priority},
        "status": status(found.status),
        "resolution": {"name": found.resolution} if found.resolution else None,
        "assignee": person(found.assignee) if found.assignee else None,
        "fixVersions": [version(name, found.release_dates.get(name)) for name in found.fix_versions],
        "issuelinks": [
            *([_duplicates(found.duplicate_of)] if found.duplicate_of else []),
            *map(_related, found.relates),
        ],
        "attachment": list(map(attachment, found.attachments)),
        "created": moment(found.created),
        "updated": moment(found.updated),
        "comment": comment_page(found.comments[:COMMENTS_IN_FIELDS], len(found.comments)),
    }


def version(name: str, release: date | None) -> Json:
    """Return a version. One without a date has no `releaseDate`."""
    bean: Json = {"name": name, "archived": False, "released": False}
    return bean | ({"releaseDate": release.isoformat()} if release else {})


def attachment(file: Attachment) -> Json:
    return {
        "id": file.id,
        "filename": file.name,
        "mimeType": file.type,
        "size": file.size,
        "author": person(file.author),
        "created": moment(file.created),
    }


def _duplicates(key: str) -> Json:
    kind = {"id": "10002", "name": "Duplicate", "inward": "is duplicated by", "outward": "duplicates"}
    return {"id": "40001", "type": kind, "outwardIssue": {"key": key}}


def _related(key: str) -> Json:
    kind = {"id": "10003", "name": "Relates", "inward": "relates to", "outward": "relates to"}
    return {"id": "40002", "type": kind, "outwardIssue": {"key": key}}


def status(name: str) -> Json:
    return {"name": name, "statusCategory": {"key": rules.STATUSES[name], "name": name}}


def transition(number: str, name: str, with_fields: bool, asks_resolution: bool) -> Json:
    """Return a transition, with the fields of its screen where they were asked for."""
    bean: Json = {"id": number, "name": name, "to": status(name), "isAvailable": True}
    if with_fields:
        allowed = [{"id": number, "name": one} for number, one in rules.RESOLUTION_IDS.items()]
        resolution = {
            "required": True, "name": "Resolution", "key": "resolution", "operations": ["set"],
            "schema": {"type": "resolution", "system": "resolution"}, "allowedValues": allowed,
        }  # fmt: skip
        asks = asks_resolution and rules.STATUSES[name] == "done"
        bean["fields"] = {"resolution": resolution} if asks else {}
    return bean


def remote_link(base: str, key: str, link: RemoteLink) -> Json:
    return {
        "id": link.id,
        "self": f"{base}{API}/issue/{key}/remotelink/{link.id}",
        "globalId": link.global_id,
        "relationship": link.relationship,
        "object": {"url": link.url, "title": link.title},
    }


def person(who: Person) -> Json:
    kind = "app" if who.app else "atlassian"
    return {"accountId": who.id, "displayName": who.name, "active": True, "accountType": kind}


def comment_page(comments: list[Comment], total: int, start: int = 0) -> Json:
    found = [comment(one) for one in comments]
    return {"comments": found, "startAt": start, "maxResults": len(found), "total": total}


def comment(one: Comment) -> Json:
    restricted = {"visibility": one.visibility} if one.visibility else {}
    return restricted | {
        "id": one.id,
        "author": person(one.author),
        "updateAuthor": person(one.author),
        "body": one.body,
        "created": moment(one.created),
        "updated": moment(one.updated),
    }


def is_shared(one: Comment) -> bool:
    return isinstance(support_mark.for_support(comment(one)), str)


def field(key: str, name: str) -> Json:
    """Return a field of a create screen."""
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
    if key == "components":
        meta["allowedValues"] = [{"id": str(place), "name": name} for place, name in enumerate(rules.COMPONENTS)]
    if key == rules.FOUND_BY:
        meta["allowedValues"] = [{"id": str(place), "value": value} for place, value in enumerate(rules.FINDERS)]
    return meta


def news(found: Issue, by: Person, written: Comment | None = None) -> Json:
    """Return what a webhook brings: the issue as it is, and whose doing it was."""
    body: Json = {"issue": issue("", found, ["*all"], [])}
    return body | ({"comment": comment(written)} if written else {"user": person(by)})

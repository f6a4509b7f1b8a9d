"""An issue in Jira's words, read as engineering's state of a problem. Pure: nothing is asked of anybody here."""

from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple, cast

from domain.core.text import one_line
from domain.tracker.snapshot import Category, SupportComment
from integrations.jira import support_mark
from integrations.jira.config import is_issue_key
from integrations.tracker.port import Issue, IssueRef, NotHeard

Json = dict[str, Any]

FIELDS = ("status", "resolution", "updated", "assignee", "fixVersions", "labels", "issuelinks", "comment")
"""The fields that `read` reads."""
MOST_COMMENTS = 50
"""Comments for support that are handed on, the latest ones."""
COMMENT_LIMIT = 5_000
"""Characters of one of them: all together stay well under what Temporal takes in one message."""


def read(raw: Json, site: str) -> Issue:
    """Read an issue of Jira's. Raises LookupError, TypeError, ValueError or AttributeError for what is no issue of
    Jira's shape."""
    fields: Json = raw["fields"]
    status: Json = fields["status"]
    assignee: Json = fields.get("assignee") or {}
    read_comments = comments((fields.get("comment") or {}).get("comments") or ())
    return Issue(
        **ref(raw, site).model_dump(include={"key", "id", "url"}),
        category=_category(status["statusCategory"]["key"]),
        status=one_line(status["name"], 100),
        resolution=one_line(fields["resolution"]["name"], 100) if fields.get("resolution") else None,
        assignee=one_line(assignee["accountId"], 128) if assignee else None,
        assignee_name=one_line(assignee.get("displayName") or "", 100),
        fix_versions=tuple(one_line(version["name"], 100) for version in (fields.get("fixVersions") or ())[:20]),
        release_date=_release_date(fields.get("fixVersions") or ()),
        duplicate_of=_duplicate_of(fields.get("issuelinks") or ()),
        version=fields["updated"],
        labels=tuple(fields.get("labels") or ()),
        comments=read_comments.for_support,
        not_heard=read_comments.not_heard,
    )


def ref(raw: Json, site: str) -> IssueRef:
    """Return where an issue is found."""
    key, number = raw["key"], raw["id"]
    return IssueRef(key=key, id=number, url=f"{site}/browse/{key}")


def lacks_comments(raw: Json) -> bool:
    """Return whether Jira gave only some of the issue's comments: the rest are to be asked for."""
    page: Json = raw["fields"].get("comment") or {}
    return int(page.get("total") or 0) > len(page.get("comments") or ())


class Comments(NamedTuple):
    """Comments of an issue, as far as they concern support."""

    for_support: tuple[SupportComment, ...] = ()
    not_heard: tuple[NotHeard, ...] = ()


def comments(raws: Iterable[Json]) -> Comments:
    """Read the comments of an issue: the latest ones for support, oldest first, and those that only look so."""
    found = sorted(((raw, support_mark.for_support(raw)) for raw in raws), key=lambda pair: int(pair[0]["id"]))
    marked = [
        SupportComment(id=raw["id"], text=_cut(comment), machine=_is_machine(raw))
        for raw, comment in found
        if isinstance(comment, str)
    ]
    return Comments(
        tuple(marked[-MOST_COMMENTS:]), tuple(comment for _, comment in found if isinstance(comment, NotHeard))
    )


def _is_machine(comment: Json) -> bool:
    """Tell whether an app or an automation rule wrote a comment: its account is of the type `app`.

    Atlassian: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-users/
    """
    return (comment.get("author") or {}).get("accountType") == "app"


def _cut(text: str) -> str:
    if len(text) <= COMMENT_LIMIT:
        return text
    kept = text[: COMMENT_LIMIT - 100].rstrip()
    return f"{kept}\n[cut here: {len(text) - len(kept):,} more characters stand in Jira]"


def _category(key: str) -> Category:
    """Return the category of a status. An unknown category counts as being worked on: nothing is closed by a guess."""
    return cast(Category, key) if key in ("new", "indeterminate", "done") else "indeterminate"


def _release_date(versions: Iterable[Json]) -> date | None:
    """Return when the first of an issue's fix versions is to be released; None where none of them has a date.

    An archived version is left out: its date says nothing any more. The date is `yyyy-mm-dd`, as in Jira's `Version`.
    """
    dated = (version for version in versions if version.get("releaseDate") and not version.get("archived"))
    return min((date.fromisoformat(version["releaseDate"]) for version in dated), default=None)


def _duplicate_of(links: Iterable[Json]) -> str | None:
    """Return the issue that this one duplicates, by its links; the names of links are a site's own."""
    for link in links:
        meaning = f"{link['type'].get('name')} {link['type'].get('outward')}".casefold()
        if "duplicate" in meaning and (other := link.get("outwardIssue")) and is_issue_key(other["key"]):
            return str(other["key"])
    return None

"""An issue in Jira's words, read as engineering's state of a problem. Pure: nothing is asked of anybody here."""

from collections.abc import Iterable
from typing import Any, cast

from domain.core.text import one_line
from integrations.jira import adf
from integrations.jira.port import SUPPORT_MARK, IssueRef, IssueState, StatusCategory, SupportComment, Who, is_issue_key

Json = dict[str, Any]

FIELDS = ("status", "resolution", "updated", "assignee", "fixVersions", "labels", "issuelinks", "comment")
"""The fields that `state` reads."""
MOST_COMMENTS = 50
"""Comments for support that are handed on, the latest ones."""
COMMENT_LIMIT = 5_000
"""Characters of one of them. WriteBatcher they stay well under what Temporal takes in one message."""


def state(raw: Json, site: str) -> IssueState:
    """The issue as engineering sees it. Raises LookupError, TypeError, ValueError or AttributeError for what is no
    issue of Jira's shape."""
    fields: Json = raw["fields"]
    status: Json = fields["status"]
    return IssueState(
        ref=ref(raw, site),
        status_name=one_line(status["name"], 100),
        status_category=_category(status["statusCategory"]["key"]),
        resolution=one_line(fields["resolution"]["name"], 100) if fields.get("resolution") else None,
        updated=fields["updated"],
        assignee=_who(fields.get("assignee")),
        fix_versions=tuple(one_line(version["name"], 100) for version in (fields.get("fixVersions") or ())[:20]),
        labels=tuple(fields.get("labels") or ()),
        duplicate_of=_duplicate_of(fields.get("issuelinks") or ()),
        comments=for_support((fields.get("comment") or {}).get("comments") or ()),
    )


def ref(raw: Json, site: str) -> IssueRef:
    """Where an issue is found."""
    key, number = raw["key"], raw["id"]
    return IssueRef(key=key, id=number, url=f"{site}/browse/{key}")


def lacks_comments(raw: Json) -> bool:
    """Whether Jira gave only some of the issue's comments: the rest are to be asked for."""
    page: Json = raw["fields"].get("comment") or {}
    return int(page.get("total") or 0) > len(page.get("comments") or ())


def for_support(comments: Iterable[Json]) -> tuple[SupportComment, ...]:
    """The latest comments that begin with the mark, oldest first, without it. All others stay inside engineering."""
    marked = [found for comment in comments if (found := _for_support(comment))]
    return tuple(sorted(marked, key=lambda comment: int(comment.id))[-MOST_COMMENTS:])


def _for_support(comment: Json) -> SupportComment | None:
    text = adf.to_text(comment.get("body")).lstrip()
    first, _, _ = text.partition("\n")
    said = text[len(SUPPORT_MARK) :].strip()[:COMMENT_LIMIT]
    if first.split()[:1] != [SUPPORT_MARK] or not said:
        return None
    return SupportComment(id=comment["id"], text=said)


def _category(key: str) -> StatusCategory:
    """A category that Jira has not had so far counts as being worked on: nothing is closed by a guess."""
    return cast(StatusCategory, key) if key in ("new", "indeterminate", "done") else "indeterminate"


def _who(user: Json | None) -> Who | None:
    return Who(id=one_line(user["accountId"], 128), name=one_line(user.get("displayName") or "", 100)) if user else None


def _duplicate_of(links: Iterable[Json]) -> str | None:
    """The issue that this one duplicates, by its links; the names of links are a site's own."""
    for link in links:
        said = f"{link['type'].get('name')} {link['type'].get('outward')}".casefold()
        if "duplicate" in said and (other := link.get("outwardIssue")) and is_issue_key(other["key"]):
            return str(other["key"])
    return None

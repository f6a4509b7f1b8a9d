"""The Jira stand-in's site: what is configured there, and what it refuses, in Jira's form."""

import json
import re
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any, NamedTuple, cast

from domain.core.text import utf16_units
from integrations.standins.adf_rules import adf_problem, is_empty

Json = dict[str, Any]

ISSUE_TYPES = {"10001": "Bug", "10002": "Story", "10003": "Task", "10004": "Incident"}
PRIORITIES = {"1": "Highest", "2": "High", "3": "Medium", "4": "Low", "5": "Lowest"}
RESOLUTIONS = ("Fixed", "Won't Do", "Duplicate", "Cannot Reproduce")
RESOLUTION_IDS = {str(number): name for number, name in enumerate(RESOLUTIONS, 10000)}
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
MOST_COMMENTS, MOST_LINKS = 5_000, 2_000
"""What one issue may have of them."""
MOST_FILES = 60
"""What one form may have of them."""
BOARD, SPRINT = 1, 7
"""The one board, and the sprint that is active on it."""


class Problem(Exception):
    """A refusal, in the form that Jira gives it."""

    def __init__(self, status: int, *messages: str, **errors: str) -> None:
        super().__init__(status, messages, errors)
        self.status = status
        self.messages = list(messages)
        self.errors = errors


def check_fields(fields: Json, project: str) -> None:
    """Refuse the fields of a new issue that the create screen would not take."""
    errors: dict[str, str] = {}
    if (fields.get("project") or {}).get("key") != project:
        errors["project"] = "valid project is required"
    if type_name(fields.get("issuetype")) not in ISSUE_TYPES.values():
        errors["issuetype"] = "Specify a valid issue type"
    summary = fields.get("summary")
    if not isinstance(summary, str) or not summary.strip():
        errors["summary"] = "You must specify a summary of the issue."
    elif utf16_units(summary) > 255:
        errors["summary"] = "Summary can't exceed 255 characters."
    elif "\n" in summary or "\r" in summary:
        errors["summary"] = "The summary is invalid because it contains newline characters."
    if "priority" in fields and priority_name(fields["priority"]) not in PRIORITIES.values():
        errors["priority"] = "The priority selected is invalid."
    if any(component.get("name") not in COMPONENTS for component in fields.get("components") or []):
        errors["components"] = "Component name is not valid"
    if FOUND_BY in fields and (fields[FOUND_BY] or {}).get("value") not in FINDERS:
        errors[FOUND_BY] = "Specify a valid 'value' for Found by"
    labels = fields.get("labels") or []
    if any(not isinstance(label, str) or re.search(r"\s", label) for label in labels):
        errors["labels"] = "The label contains spaces which is invalid."
    elif any(not 1 <= utf16_units(label) <= 255 for label in labels):
        errors["labels"] = "The label is empty or longer than 255 characters."
    for name in ("description", "environment"):
        if fields.get(name) is not None and (problem := adf_problem(fields[name])):
            errors[name] = problem
    for name in fields.keys() - set(SCREEN):
        errors[name] = f"Field '{name}' cannot be set. It is not on the appropriate screen, or unknown."
    if errors:
        raise Problem(400, **errors)


def check_comment(body: object) -> None:
    """Refuse what is no document, and a comment that says nothing."""
    if problem := adf_problem(body):
        raise Problem(400, comment=problem)
    if is_empty(cast(Json, body)):
        raise Problem(400, comment="Comment body can not be empty!")


def check_property(name: str, value: Any) -> None:
    """Refuse a property whose key or value is too long."""
    if not 1 <= len(name) <= 255:
        raise Problem(400, "The property key is empty or longer than 255 characters.")
    if len(json.dumps(value)) > 32_768:
        raise Problem(400, "The property value is longer than 32768 characters.")


def check_remote_link(body: Json) -> None:
    """Refuse a link to elsewhere that Jira would not take."""
    target = body["object"]
    if not re.match(r"[a-z][a-z0-9+.-]*://[^/\s]", str(target["url"]), re.IGNORECASE):
        raise Problem(400, url="Must be a valid URL.")
    if not str(target["title"]).strip() or utf16_units(target["title"]) > 255:
        raise Problem(400, title="A title of up to 255 characters is required.")
    if utf16_units(body.get("globalId") or "") > 255:
        raise Problem(400, globalId="The global id is longer than 255 characters.")


class File(NamedTuple):
    """A file of a form."""

    name: str
    type: str
    content: bytes


def files_in(content_type: str, body: bytes) -> list[File]:
    """Return the files of a form: the parts that are called `file`, and no others."""
    form = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type.encode("latin-1") + b"\r\n\r\n" + body)
    parts = [part for part in form.iter_parts() if part.get_param("name", header="content-disposition") == "file"]
    if len(parts) > MOST_FILES:
        raise Problem(413, f"At most {MOST_FILES} files can be uploaded at once.")
    return [
        File(part.get_filename() or "file", part.get_content_type(), cast(bytes, part.get_payload(decode=True)))
        for part in parts
    ]


def resolution_name(number: object) -> str | None:
    """Return the name of a resolution by its number; None if no number is given."""
    return None if number is None else RESOLUTION_IDS.get(str(number), f"number {number}")


def type_name(given: object) -> str:
    """Return the name of the issue type that is named or numbered; empty if there is none."""
    given = given if isinstance(given, dict) else {}
    return str(given.get("name") or ISSUE_TYPES.get(str(given.get("id")), ""))


def priority_name(given: object) -> str:
    """Return the name of the priority that is named or numbered; empty if there is none."""
    given = given if isinstance(given, dict) else {}
    by_id = PRIORITIES.get(str(given.get("id")), "")
    if "id" in given and given.get("name", by_id) != by_id:
        return ""  # the name of one, and the id of another
    return str(given.get("name") or by_id)

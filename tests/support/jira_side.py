"""The Jira port, seen from the other side: what the stand-in made, and what other people do in the project."""

from typing import Any

import requests

from domain.policy.tracker import TrackerRow
from integrations.jira.config import JiraConfig
from integrations.standins.run import EMAIL, TOKEN, Control, jira_config
from integrations.tracker.port import IssueDraft, IssueRef

CREATE = {"method": "POST", "path": "/rest/api/3/issue"}
CREDENTIALS = (EMAIL, TOKEN.get_secret_value())


def issues(server: Control, draft: IssueDraft) -> list[dict[str, Any]]:
    """What the stand-in made for this draft, whoever knows of it."""
    return [issue for issue in server.see("issues")["issues"] if draft.label in issue["labels"]]


def configured(server: Control, **rules: object) -> JiraConfig:
    """How the stand-in is reached, with a policy table of the test's own."""
    return jira_config(server.url).model_copy(update={"rules": TrackerRow.model_validate(rules)})


def engineer(ref: IssueRef, **given: str) -> None:
    """Fills in the form on the issue's page."""
    requests.post(ref.url, data=given, timeout=60).raise_for_status()


def raw(server: Control, method: str, path: str, body: object = None) -> requests.Response:
    """A call that is not ours: somebody else works in the same project."""
    return requests.request(method, server.url + path, json=body, auth=CREDENTIALS, timeout=60)

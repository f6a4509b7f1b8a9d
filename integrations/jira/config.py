"""How a Jira Cloud site is reached, and how Jira spells its keys, numbers and accounts."""

import re

from pydantic import Field, SecretStr

from domain.core.values import Frozen
from domain.policy.tracker import TrackerRow
from integrations.calls import Endpoint


class JiraConfig(Frozen):
    """How to reach a Jira Cloud site, and what the project there calls things."""

    url: Endpoint
    """The site, as in `https://example.atlassian.net`: where people read issues."""
    api_url: Endpoint | None = None
    """Where calls go, if not to the site: a token with scopes is only taken at
    `https://api.atlassian.com/ex/jira/<cloudId>`."""
    email: str = Field(min_length=3, max_length=254)
    token: SecretStr
    """API token of that account."""
    project: str = Field(pattern=r"^[A-Z][A-Z0-9_]{1,30}$")
    rules: TrackerRow = TrackerRow()
    """What issues look like there: the policy's table `[jira]`."""
    connect_timeout: float = Field(default=3.05, gt=0, le=60)
    """Seconds."""
    read_timeout: float = Field(default=15.0, gt=0, le=300)
    """Seconds between two bytes of an answer."""

    @property
    def api(self) -> str:
        """Return the address that calls go to."""
        return self.api_url or self.url


_ISSUE_KEY = re.compile(r"[A-Z][A-Z0-9_]{1,30}-[1-9][0-9]{0,11}")


def is_issue_key(text: str) -> bool:
    """Return whether `text` may stand in a path of Jira's API: keys come back from webhooks, tables and people."""
    return _ISSUE_KEY.fullmatch(text) is not None


_ACCOUNT = re.compile(r"[A-Za-z0-9:_-]{1,128}")


def is_account(text: str) -> bool:
    """Return whether `text` may be Jira's id of an account."""
    return _ACCOUNT.fullmatch(text) is not None


def is_issue_number(text: str) -> bool:
    """Return whether `text` may be Jira's own number of an issue."""
    return text.isascii() and text.isdecimal() and len(text) <= 19

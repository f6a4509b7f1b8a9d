"""PagerDuty's REST API, for the one thing that its webhooks leave out: which alerts an incident is made of."""

import re
from typing import Any
from urllib.parse import quote

from integrations.calls import Unknown, call
from integrations.pager.port import PagerConfig

_AT_ONCE = 100
_PAGES = 20
"""Pages of the alerts of one incident. A page of ours is an incident of its own, unless alerts are grouped there."""


class PagerDutyAlerts:
    """Reads the alerts of incidents at PagerDuty. Safe to use from any thread."""

    def __init__(self, config: PagerConfig) -> None:
        """`config` has a token."""
        if config.api_token is None:
            raise ValueError("a token is needed")
        self._config = config
        self._headers = {
            "Authorization": f"Token token={config.api_token.get_secret_value()}",
            "Accept": "application/vnd.pagerduty+json;version=2",
        }

    def keys(self, incident: str) -> list[str]:
        """Return the keys of all alerts of an incident. `incident` is its id at PagerDuty.

        Raises Failure (`integrations.calls`). PagerDuty:
        https://developer.pagerduty.com/api-reference/4bc42e7ac0c59-list-alerts-for-an-incident
        """
        found: list[Any] = []
        for _ in range(_PAGES):
            keys, more = self._page(incident, len(found))
            found += keys
            if not more or not keys:
                return [key for key in found if isinstance(key, str) and re.fullmatch(r"[!-~]{1,200}", key)]
        raise Unknown("The pager's list of alerts does not end")

    def _page(self, incident: str, offset: int) -> tuple[list[Any], bool]:
        """Return some keys, and whether there are more."""
        config = self._config
        url = f"{config.api_url}/incidents/{quote(incident, safe='')}/alerts?limit={_AT_ONCE}&offset={offset}"
        response = call("The pager", "GET", url, None, self._headers, (config.connect_timeout, config.read_timeout))
        try:
            page = response.json()
            return [alert["alert_key"] for alert in page["alerts"]], page.get("more") is True
        except (ValueError, LookupError, TypeError, AttributeError):
            raise Unknown("The pager sent an answer that was not understood") from None

"""Build the clients of a Tierline whose other systems are the stand-ins."""

from typing import Any

from integrations.jira.client import JiraClient
from integrations.pager.client import PagerDutyClient
from integrations.standins.run import Running, jira_config, pager_config
from store.database import Database
from workers.bootstrap import Clients


def clients(db: Database, standins: Running, **options: Any) -> Clients:
    """Return the clients of the database and of the stand-ins. `options` are other fields of `Clients`."""
    found: dict[str, Any] = {
        "jira": JiraClient(jira_config(standins.jira.url)),
        "pager": PagerDutyClient(pager_config(standins.pager.url)),
        "ticket_url": lambda ticket: f"http://127.0.0.1/{ticket}",
    }
    return Clients(db=db, **found | options)

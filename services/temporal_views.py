"""Tierline's views for the Temporal UI, and the links that save them there.

The UI (2.54) keeps saved views in the browser, as `saved-workflow-queries` in its local storage, by namespace. A page
of workflows that is opened with `query` and `savedQuery` in its address saves the query under that name, each time.
"""

from typing import NamedTuple
from urllib.parse import quote, urlencode

_RUNS = "ExecutionStatus='Running'"


class View(NamedTuple):
    """A view of the list of workflows."""

    name: str
    query: str


VIEWS = (
    View("Open tickets", f"WorkflowType='TicketWorkflow' and {_RUNS}"),
    View("Breached", f"SlaState='breached' and {_RUNS}"),
    View("At risk", f"SlaState in ('warned', 'target_missed') and {_RUNS}"),
    View("Past the Tier 1 limit", f"WaitsOn='escalation_due' and {_RUNS}"),
    View("Waits for Jira", f"WaitsOn='jira' and {_RUNS}"),
    View("Nobody is paged", f"WaitsOn='pager' and {_RUNS}"),
    View("Open incidents", f"WorkflowType='IncidentWorkflow' and {_RUNS}"),
    View("Workflow task fails", f"TemporalReportedProblems is not null and {_RUNS}"),
)


def link(ui: str, namespace: str, view: View) -> str:
    """Return the address that saves a view in the Temporal UI at `ui`, and shows it."""
    asked = urlencode({"query": view.query, "savedQuery": view.name}, quote_via=quote)
    return f"{ui.rstrip('/')}/namespaces/{quote(namespace, safe='')}/workflows?{asked}"

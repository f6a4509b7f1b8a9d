"""A ticket as its core made it, with the texts of its journal: what a report to engineering is made of."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from domain.core.actor import Actor
from domain.core.enums import Category, Channel, Plan, Priority, Role
from domain.ticket import commands as c
from domain.ticket import events as e
from domain.ticket.aggregate import TICKET, open_ticket
from domain.ticket.state import Account, Ticket
from domain.tracker.bug_report import Report, issue_report
from services.policy_file.load import load_policy, resolve_terms
from tests.support.durations import MINUTE

MONDAY = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)  # 09:00 in Berlin


URL = "https://support.example.com/tickets/1"


OPENING = {"subject": "Chart stays empty", "description": "Since the update\nthe chart stays empty."}


BUG: dict[str, Any] = {
    "steps_taken": "Cleared the cache.",
    "customer_impact": "Ten analysts wait.",
    "reproduction_steps": "Open the dashboard",
    "logs_or_screenshots": "GET /chart 500\n  at Chart.draw",
    "bug_report": {
        "summary": "Chart stays empty after 4.2",
        "steps": "1. Open the dashboard\n2) Choose a year\n\n- Look",
        "expected": "A chart",
        "actual": "White space",
        "environment": "Version 4.2.1, Firefox 140",
        "frequency": "Always",
        "code_change": True,
    },
    "business_impact": {"text": "No quarterly report.", "arr": "120000.50"},
    "workaround_status": "Export to CSV works.",
    "communication_plan": "Daily at nine.",
}


@cache
def terms(plan: Plan) -> Any:
    return resolve_terms(load_policy(), Account(id="a", plan=plan, zone="Europe/Berlin"), MONDAY)


class ReportedTicket:
    """A ticket as it went through the core, and the texts that its journal holds."""

    def __init__(self, texts: dict[str, str] | None = None, **opened: Any) -> None:
        account = opened.pop("account", None) or Account(id="acme-42", plan=Plan.STANDARD)
        values = {
            "source": "form", "external_id": "1", "channel": Channel.EMAIL, "category": Category.BUG,
            "priority": Priority.P2, "product_area": "dashboard",
        }  # fmt: skip
        body = e.Opened(terms=terms(account.plan), account=account, **(values | opened))
        said = OPENING if texts is None else texts
        story = open_ticket(body, MONDAY, MONDAY, Actor(id="form", role=Role.INTEGRATION), said)
        self.ticket: Ticket = story.state
        self.texts: dict[str, str] = {}
        self._keep(story.events)

    def do(self, after: timedelta, **command: Any) -> "ReportedTicket":
        story = TICKET.decide(self.ticket, c.parse({"by": "ada", **command}), MONDAY + after)
        self.ticket = story.state
        self._keep(story.events)
        return self

    def _keep(self, events: list[e.Event]) -> None:
        self.texts |= {f"{event.seq}.{name}": text for event in events for name, text in event.texts.items()}

    def report(self, kind: Any = "bug", url: str | None = URL, **more: Any) -> Report:
        return issue_report(self.ticket, self.texts, kind, url, **more)


def escalated(fields: dict[str, Any] | None = None) -> ReportedTicket:
    """From Tier 1 to Tier 2 to engineering, by hand, with both packages."""
    case = ReportedTicket().do(MINUTE, do="take").do(2 * MINUTE, do="escalate", fields=BUG | (fields or {}))
    return case.do(3 * MINUTE, do="take", by="bob").do(4 * MINUTE, do="escalate", by="bob")

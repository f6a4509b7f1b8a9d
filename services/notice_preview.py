"""F5: who would be notified of what, when and through what, if a ticket came in at a given instant and nobody acted.

It is worked out from the policy alone: no ticket and no server is needed, and nothing is sent.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from domain.aggregate.effect import Notice
from domain.core.enums import Plan, Priority, Role
from domain.incident.aggregate import declare
from domain.incident.commands import Declare
from domain.incident.forecast import if_nobody_acts as incident_if_nobody_acts
from domain.policy.policy import Policy
from domain.ticket.aggregate import notices
from domain.ticket.forecast import if_nobody_acts
from domain.ticket.state import Account
from services.intake.opening import opening_recording
from services.intake.request import OpenRequest
from services.policy_file.load import resolve_incident_terms
from services.reading.instants import iso

WHO = "preview"
Hold = Callable[[str, datetime], datetime | None]
"""(name of the notice, now) -> until when quiet hours hold it; None: it is sent at once."""
Digest = Callable[[str, str, datetime], datetime | None]
"""(name of the notice, audience, now) -> when the digest goes that it is gathered in; None: it is in none."""
Way = Callable[[str, str], str]
"""(channel, audience) -> what carries it; empty: nothing does."""


class Case(NamedTuple):
    """The ticket that is supposed to come in."""

    priority: Priority
    plan: Plan
    area: str
    at: datetime
    ahead: timedelta
    """How far to look."""


def preview(policy: Policy, case: Case, hold: Hold, digest: Digest, way: Way) -> dict[str, Any]:
    """Return the notices that come of a ticket, and of its incident where it is critical, in order.

    Each line is one notice through one channel. Instants are ISO 8601 in UTC. Raises Refused where the area is none.
    """
    lines = [
        {
            "at": iso(at),
            "notice": notice.name,
            "title": notice.title,
            "audience": notice.audience,
            "recipient": notice.recipient if notice.audience == "csm" else None,
            "channel": channel,
            "carried_by": way(channel, notice.audience) or None,
            "held_until": iso(hold(notice.name, at)),
            "digest_at": iso(digest(notice.name, notice.audience, at)),
        }
        for at, notice in sorted(_foreseen(policy, case), key=lambda one: one[0])
        for channel in policy.channels_of(notice.name, notice.audience)
    ]
    supposed = {"priority": case.priority.value, "plan": case.plan.value, "area": case.area, "at": iso(case.at)}
    return supposed | {"notices": lines}


def _foreseen(policy: Policy, case: Case) -> Iterable[tuple[datetime, Notice]]:
    """Yield each notice with its instant. The ticket has no assignee, and its account no success manager of its own."""
    form = {"external_id": WHO, "account": {"id": WHO, "plan": case.plan.value}, "priority": case.priority.value}
    request = OpenRequest.parse(form | {"product_area": case.area, "subject": WHO})
    recording = opening_recording(policy, request, case.at, Account(id=WHO, plan=case.plan))
    for event in recording.events:
        for notice in notices(recording.state, event):
            yield event.at, notice
    for one in if_nobody_acts(recording.state, case.at, case.at + case.ahead):
        for notice in one.notices:
            yield one.at, notice
    if recording.state.priority in (Priority.P0, Priority.P1) and policy.plans[case.plan].paid:
        terms = resolve_incident_terms(policy, case.area, case.at)
        word = Declare(
            number=1, product_area=case.area, priority=case.priority, terms=terms, by=WHO, role=Role.LEAD
        )  # fmt: skip
        incident = declare(word, case.at).state
        for step in incident_if_nobody_acts(incident, case.at + case.ahead):
            for notice in step.notices:
                yield step.event.at, notice

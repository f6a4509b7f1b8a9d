"""What is posted to the room of an incident, and to its issue."""

from collections.abc import Iterator

from domain.aggregate.event import Envelope
from domain.aggregate.rule import Rule
from domain.incident import events as e
from domain.incident.rules.basics import effect_of
from domain.incident.state import Effect, Incident
from domain.incident.wording import line

ROOM = (
    e.Declared, e.Unanswered, e.Acknowledged, e.PagerActed, e.Mitigated, e.UpdatePosted, e.UpdateApproved,
    e.UpdateMissed, e.HandedOver, e.CommunicationsAssigned, e.SeverityChanged, e.TicketLeft, e.Resolved, e.Cancelled,
    e.ReviewDue, e.Reviewed,
)  # fmt: skip
"""What is posted to the room."""

NOTED = (e.Acknowledged, e.Mitigated, e.UpdatePosted, e.SeverityChanged, e.Resolved, e.Cancelled)
"""What the incident's issue says as well."""


def _effects(_before: Incident | None, after: Incident, event: Envelope) -> Iterator[Effect]:
    if isinstance(event.body, ROOM):
        everyone = isinstance(event.body, e.Unanswered)
        yield effect_of(after, event, "room", text=line(after, event), everyone=everyone)
    if isinstance(event.body, NOTED):
        yield effect_of(after, event, "issue_note", text=line(after, event), last=after.over)
    if isinstance(event.body, e.Resolved):
        yield effect_of(after, event, "review_issue")


RULE = Rule[Incident](effects=_effects)

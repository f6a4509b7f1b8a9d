"""What the tests of incidents are written with: an incident that was declared on Monday at 09:00 in Berlin.

outage = declared("P0")
outage.do("acknowledge", "09:04")
outage.wake("10:00")
assert outage.paged() == [(at("09:00"), 1, 1, "on-call")]
"""

from datetime import datetime
from typing import Any

import pytest

from domain.aggregate.aggregate import Recording
from domain.core.enums import Priority
from domain.core.refusal import Refused
from domain.incident import commands as c
from domain.incident.aggregate import INCIDENT, declare, notices
from domain.incident.events import IncidentEvent
from domain.incident.state import Incident
from domain.incident.ticket_updates import next_batch
from services.policy_file.load import resolve_incident_terms
from tests.support.policy import POLICY
from tests.support.ticket_case import at

_INTERNAL: dict[str, type[c.Command]] = {
    "effect_done": c.ReportDone,
    "effect_failed": c.ReportFailed,
    "told": c.ReportNotified,
}
UPDATE = {"status": "We found it.", "impact": "No exports.", "doing": "Rolling back.", "workaround": "None."}


class IncidentCase:
    """One incident, and the hand that moves it."""

    def __init__(self, recording: Recording[Incident]) -> None:
        self.incident: Incident = recording.state
        self.events: list[IncidentEvent] = list(recording.events)

    def do(self, name: str, moment: str | datetime, by: str = "ron", role: str = "engineer", **fields: Any) -> None:
        """Give a command that arrives, and is decided, at `moment`; with `received`, it arrived then."""
        if isinstance(fields.get("received"), str):
            fields["received"] = at(fields["received"])
        payload = {"do": name, "by": by, "role": role} | fields
        command = _INTERNAL[name](**payload) if name in _INTERNAL else c.parse(payload, None)
        self._accept(INCIDENT.decide(self.incident, command, _instant(moment)))

    def refused(self, name: str, moment: str, **fields: Any) -> Refused:
        """The refusal of a command, which must have changed nothing."""
        before = self.incident
        with pytest.raises(Refused) as caught:
            self.do(name, moment, **fields)
        assert self.incident is before
        return caught.value

    def join(self, ticket: str, moment: str | datetime = "09:00", effect: int = 2, **said: Any) -> None:
        said = {"priority": self.incident.priority, "since": _instant(moment), "version": effect} | said
        key = f"ticket-{ticket}:incident:{effect}"
        self.do("ticket_joined", moment, by=f"ticket-{ticket}", role="system", ticket=ticket, effect_key=key, **said)

    def news(self, ticket: str, moment: str | datetime, version: int, **said: Any) -> None:
        said = {"priority": Priority.P0, "number": self.incident.number, "version": version} | said
        self.do("ticket_changed", moment, by=f"ticket-{ticket}", role="system", ticket=ticket, **said)

    def wake(self, moment: str | datetime) -> None:
        """What the workflow's timer does."""
        recording = Recording(INCIDENT, self.incident, _instant(moment), _instant(moment))
        recording.settle(_instant(moment))
        self._accept(recording)

    def carry_out(self, kind: str, moment: str | datetime, **result: Any) -> None:
        """The oldest outstanding effect of a kind is done."""
        effect = next(effect for effect in self.incident.pending_effects if effect.kind == kind)
        self.do("effect_done", moment, by="tierline", role="system", key=effect.key, **result)

    def fail(self, kind: str, moment: str, reason: str = "no such key") -> None:
        effect = next(effect for effect in self.incident.pending_effects if effect.kind == kind and not effect.failed)
        self.do("effect_failed", moment, by="tierline", role="system", key=effect.key, reason=reason)

    def tell(self, moment: str | datetime = "09:00") -> list[tuple[tuple[str, ...], int, str]]:
        """Tell everybody everything, as (tickets, version, what)."""
        told = []
        while telling := next_batch(self.incident):
            told.append((telling.tickets, telling.version, telling.fact.left or telling.fact.state))
            self.do("told", moment, by="tierline", role="system", tickets=telling.tickets, version=telling.version,
                    left=telling.left)  # fmt: skip
        return told

    def _accept(self, recording: Recording[Incident]) -> None:
        self.incident = recording.state
        self.events += recording.events

    # What is asked of it.

    def of(self, kind: str) -> list[IncidentEvent]:
        return [event for event in self.events if event.body.type == kind]

    def when(self, kind: str) -> list[datetime]:
        return [event.at for event in self.of(kind)]

    def last(self, kind: str) -> Any:
        return self.of(kind)[-1].body

    def kinds(self) -> list[str]:
        """What the outside world was asked for and has not done, in order."""
        return [effect.kind for effect in self.incident.pending_effects]

    def paged(self) -> list[tuple[datetime, int, int, str]]:
        return [(e.at, e.body.level, e.body.round, e.body.audience) for e in self.of("paged")]  # type: ignore[union-attr]

    def notices(self) -> list[tuple[datetime, str, str, str | None]]:
        """Everybody who was told anything."""
        return [
            (event.at, notice.name, notice.audience, notice.recipient)
            for place, event in enumerate(self.events)
            for notice in notices(INCIDENT.fold(self.events[: place + 1]), event)
        ]


def declared(priority: str = "P0", moment: str | datetime = "09:00", *tickets: str, **more: Any) -> IncidentCase:
    """An incident, with tickets that joined as it was declared: one, if none is named. A drill takes none."""
    when = _instant(moment)
    terms = resolve_incident_terms(POLICY, "API", when)
    declaration = c.Declare(number=7, product_area="API", priority=Priority(priority), terms=terms, **more)
    outage = IncidentCase(declare(declaration, when))
    for ticket in () if more.get("drill") else tickets or ("a",):
        outage.join(ticket, when)
    return outage


def _instant(moment: str | datetime) -> datetime:
    return at(moment) if isinstance(moment, str) else moment

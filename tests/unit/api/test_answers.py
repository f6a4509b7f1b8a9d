"""A11: what the API's description says of a ticket and of an incident is what is answered: every key, of its kind."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from api.answers import Clocks, Forecast, TicketAnswer, TimelineEntry
from api.incident_answers import IncidentDetails, IncidentEntry, IncidentLine
from domain.core.enums import Priority
from domain.incident.aggregate import INCIDENT
from domain.ticket.state import Ticket
from services.reading import incident as incidents
from services.reading.explained import explained
from services.reading.forecast import Ask, forecast
from services.reading.incident import SeenIncident
from services.reading.lookup import LateRefusal, Seen
from services.reading.running import Waiting
from services.reading.similar import Candidate
from services.reading.ticket import entry_view, view
from store.journal import Entry
from tests.support.incident_life import T0, IncidentLife
from tests.support.packages import BOTH_PACKAGES
from tests.support.policy import POLICY
from tests.support.ticket_life import MONDAY, Life, closed, life, resolved

WAITING = (
    Waiting("create_jira_issue", 3, None, "Jira cannot be reached"),
    Waiting("send_page", 1, MONDAY, "the pager cannot be reached"),
)

REFUSED = (LateRefusal(MONDAY, "webhook", "does_not_fit", ("text",)),)


def escalated() -> Life:
    one = life(priority="P1").do("take", timedelta(minutes=1)).do("fill", fields=BOTH_PACKAGES)
    return one.do("escalate").do("escalate")


REFUND = {"amount": "12.50", "currency": "EUR", "reason": "charged_twice", "text": "Invoice 2041."}
LIVES = {
    "new": lambda: life(),
    "breached": lambda: life(priority="P1").do("take").wait_until(MONDAY + timedelta(hours=30)),
    "of a free plan": lambda: life(plan="free", unknown=True),
    "with an ARR": lambda: life(arr=12_000, csm="eve"),
    "critical": lambda: life(priority="P0").wait_until(MONDAY + timedelta(hours=2)),
    "with engineering": escalated,
    "waiting": lambda: life().do("take").do("wait", question="Which browser?"),
    "with a promise": lambda: life().do("take").do("promise", text="An update.", due=MONDAY + timedelta(days=1)),
    "with a refund": lambda: life(category="billing").do("take").do("request_refund", **REFUND),
    "resolved": lambda: resolved(life()),
    "closed": lambda: closed(life()),
}


def agrees(answer: Any, model: type[BaseModel]) -> None:
    """The model reads the answer, and writes it as it is: no key is missing, none is undescribed."""
    written = model.model_validate(answer).model_dump(mode="json", by_alias=True)
    assert keys(written) == keys(answer)


def keys(value: Any) -> Any:
    """What a JSON value consists of: its keys, and of which type each value is."""
    match value:
        case dict():
            return {name: keys(one) for name, one in value.items()}
        case list():
            return [keys(one) for one in value]
    return type(value).__name__


def seen(ticket: Ticket) -> Seen:
    similar = (Candidate(key="ENG-1", url="https://jira.example.com/browse/ENG-1", tickets=2),)
    return Seen(ticket, {"1.subject": "It broke"}, live=True, similar=similar, waiting=WAITING, refused=REFUSED)


@pytest.mark.parametrize("name", LIVES)
def test_a_ticket_its_timeline_and_its_clocks_are_described_to_the_key(name: str) -> None:
    one = LIVES[name]()
    agrees(view(seen(one.ticket)), TicketAnswer)
    agrees(explained(one.ticket), Clocks)
    agrees(forecast(POLICY, one.ticket, Ask(), one.ticket.as_of), Forecast)
    for event in one.events:
        entry = Entry(event, epoch=1, run_id="run-1", recorded_at=MONDAY, superseded=False, erased=("text",))
        agrees(entry_view(entry), TimelineEntry)


def test_a_forecast_with_a_supposition_is_described_to_the_key() -> None:
    one = life(arr=12_000)
    agrees(forecast(POLICY, one.ticket, Ask(priority=Priority.P0), one.ticket.as_of), Forecast)


@pytest.mark.parametrize("joined", [True, False])
def test_an_incident_and_its_timeline_are_described_to_the_key(joined: bool) -> None:
    one = IncidentLife()
    steps: list[tuple[str, int, dict[str, str]]] = [
        ("acknowledge", 2, {}),
        ("update", 4, {"status": "We look into it."}),
        ("mitigate", 120, {}),
    ]
    if joined:
        one.joined("a", timedelta(minutes=1), since=timedelta(0), jira="ENG-1")
    else:  # one with a ticket is not over before that has its fields
        steps += [("resolve", 130, {}), ("action", 140, {"text": "Watch the disk.", "owner": "ada"})]
    for do, minutes, more in steps:
        one.until(timedelta(minutes=minutes))
        one.handle(do, timedelta(minutes=minutes), role="engineer", **more)
    for known in (one.events[:1], one.events):
        incident = INCIDENT.fold(known)
        agrees(incidents.view(SeenIncident(incident, live=True, waiting=WAITING)), IncidentDetails)
        agrees(incidents.line(incident, "It broke"), IncidentLine)
    assert incident.declared_at == T0
    for line in incidents.lines_of(one.events):
        agrees(line, IncidentEntry)


def test_the_old_name_of_the_allowed_commands_is_there_for_now() -> None:
    told = view(seen(life().ticket))
    assert told["allowed_commands"] == told["would_fit"] != []

"""When the demo has ended: not before everybody is done, calm, and journalled."""

from cli.quiescence import progress_of
from domain.incident.aggregate import INCIDENT
from tests.support.durations import MINUTE
from tests.support.incident_case import IncidentCase, declared
from tests.support.packages import BOTH_PACKAGES
from tests.support.ticket_case import Case, at, given


def resolved() -> IncidentCase:
    """An incident that is over: its page ended, its row closed, its issues made, its ticket told."""
    outage = declared("P0")
    outage.tell()
    outage.do("resolve", "09:04")
    while outage.kinds():
        outage.carry_out(outage.kinds()[0], "09:05", jira_key="ENG-1", jira_url="http://jira/ENG-1")
    outage.tell("09:05")
    return outage


def of_incident(outage: IncidentCase, *, behind: int = 0) -> tuple[str, ...]:
    return progress_of(outage.incident, outage.incident.seq - behind, at("09:05")).busy


def of_ticket(case: Case, moment: str, *, journalled: int | None = None) -> tuple[str, ...]:
    return progress_of(case.ticket, case.ticket.seq if journalled is None else journalled, at(moment)).busy


def test_an_incident_is_at_rest_once_its_last_effect_is_done_and_everybody_was_told() -> None:
    outage = resolved()
    assert of_incident(outage) == ()

    ends = next(place for place, event in enumerate(outage.events) if event.body.type == "resolved") + 1
    for place in range(ends, len(outage.events)):
        short = INCIDENT.fold(outage.events[:place])
        assert progress_of(short, short.seq, at("09:05")).busy, f"{outage.events[place].body.type} is still to come"


def test_an_incident_that_wakes_people_is_not_at_rest() -> None:
    outage = declared("P0")
    outage.tell()
    while outage.kinds():
        outage.carry_out(outage.kinds()[0], "09:00", jira_key="ENG-1", jira_url="http://jira/ENG-1")
    outage.wake("09:00")
    outage.carry_out("page", "09:00")
    assert progress_of(outage.incident, outage.incident.seq, at("09:00")).busy == ()
    assert "on-call" in progress_of(outage.incident, outage.incident.seq, at("09:04:40")).busy[0]


def test_what_the_journal_does_not_have_yet_is_not_at_rest() -> None:
    assert of_incident(resolved(), behind=1) == ("journals 1 events",)

    case = given(plan="standard", priority="P2")
    assert of_ticket(case, "09:00", journalled=0) == (f"journals {case.ticket.seq} events",)
    assert of_ticket(case, "09:00", journalled=case.ticket.seq + 1) == (), "what comes after closing is decided there"


def test_a_ticket_is_at_rest_while_nothing_is_outstanding_and_nothing_falls_due() -> None:
    case = given(plan="enterprise", priority="P3")
    case.do("take", at="09:00")
    assert of_ticket(case, "09:00") == ()
    (soon,) = of_ticket(case, "09:09:50")
    assert soon.startswith("waits for ")

    case.do("escalate", at="09:01", to="T3", fields=BOTH_PACKAGES)
    assert of_ticket(case, "09:01") == (case.ticket.pending_effects[0].key,)


def test_where_it_stands_is_its_sequence() -> None:
    case = given(plan="standard", priority="P2")
    before = progress_of(case.ticket, case.ticket.seq, at("09:00"))
    case.do("note", at="09:00", text="Same account.")
    assert progress_of(case.ticket, case.ticket.seq, at("09:00") + MINUTE) != before

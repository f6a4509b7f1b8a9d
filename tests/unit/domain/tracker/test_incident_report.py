"""What engineering's tracker gets of an incident: the times to the second, the timeline, and nobody's data."""

from datetime import timedelta
from typing import Any

import pytest

from domain.documents.document import Document, plain
from domain.tracker.incident_report import action_issue, entries, incident_issue, note, review_issue
from tests.support.durations import MINUTE, SECOND
from tests.support.incident_life import T0, IncidentLife

URL = "https://tickets.example.com/incidents/7"


def ticket_url(ticket: str) -> str:
    return f"https://tickets.example.com/{ticket}"


@pytest.fixture
def night() -> IncidentLife:
    """Reported at 01:59:30, declared at 02:00, acknowledged at 02:06:12, resolved at 03:30."""
    life = IncidentLife()
    life.joined("t1", SECOND, since=-30 * SECOND, jira="SUP-1")
    life.until(5 * MINUTE)
    life.handle("acknowledge", 6 * MINUTE + 12 * SECOND, comment="On it, call me at +49 30 1234567.")
    life.handle("update", 10 * MINUTE, status="The database of ada@example.com is full.")
    life.handle("mitigate", 30 * MINUTE)
    life.handle("resolve", 90 * MINUTE, comment="Freed space.")
    return life


def test_the_review_has_detection_acknowledgement_and_resolution_filled_in(night: IncidentLife) -> None:
    text = plain(review_issue(night.events, URL, ticket_url).document)

    assert "First reported: 2026-11-21 01:59:30 UTC" in text
    assert "Detected: 2026-11-21 02:00:00 UTC, 0 min 30 s after the report" in text
    assert "Acknowledged: 2026-11-21 02:06:12 UTC, 6 min 12 s after the detection" in text
    assert "Mitigated: 2026-11-21 02:30:00 UTC, 30 min 0 s after the detection" in text
    assert "Resolved: 2026-11-21 03:30:00 UTC, 1 h 30 min after the detection" in text
    assert "The review is due by 2026-11-" in text


def test_the_review_says_how_people_responded(night: IncidentLife) -> None:
    text = plain(review_issue(night.events, URL, ticket_url).document)

    assert "Updates: 1, of which were late" in text
    assert text.count("Page, level 1: on-call") == 2


def test_what_never_happened_is_said_and_not_left_out() -> None:
    life = IncidentLife()
    life.joined("t1", SECOND, since=SECOND)
    life.handle("resolve", MINUTE)
    text = plain(review_issue(life.events, URL, ticket_url).document)

    assert "Mitigated: not recorded" in text


def test_the_timeline_is_in_order_and_says_who_was_paged_when(night: IncidentLife) -> None:
    text = plain(incident_issue(night.events, URL, ticket_url).document)
    lines = [
        "2026-11-21 02:00:00 UTC  P0 in API: incident-7 was declared.",
        "2026-11-21 02:00:01 UTC  ticket-t1 joined.",
        "2026-11-21 02:05:00 UTC  Paged level 1 (on-call), time 2.",
        "2026-11-21 02:06:12 UTC  Acknowledged by ada.",
        "2026-11-21 02:30:00 UTC  Mitigated, says ada",
        "2026-11-21 03:30:00 UTC  Resolved, says ada.",
    ]
    places = [text.index(line) for line in lines]
    assert places == sorted(places)


def test_tickets_and_the_bugs_that_engineering_has_of_them_are_named(night: IncidentLife) -> None:
    text = plain(incident_issue(night.events, URL, ticket_url).document)
    assert "- t1 <https://tickets.example.com/t1>, bug SUP-1" in text


@pytest.mark.parametrize("make", [incident_issue, review_issue])
def test_nothing_that_a_person_wrote_carries_their_data_out(night: IncidentLife, make: Any) -> None:
    text = plain(make(night.events, URL, ticket_url).document)

    assert "ada@example.com" not in text
    assert "1234567" not in text
    assert "[e-mail address removed]" in text
    assert "[phone number removed]" in text


def test_a_note_carries_nobodys_data_out_either() -> None:
    assert plain(note("Ask ada@example.com\nor bob@example.com")) == (
        "Ask [e-mail address removed]\n\nor [e-mail address removed]"
    )


def test_an_action_names_its_owner_and_its_day() -> None:
    life = IncidentLife()
    due = T0 + timedelta(days=7)
    life.handle("action", MINUTE, text="Alert on disk space", owner="ben", due=due.isoformat())
    seq = life.events[-1].seq

    report = action_issue(life.events, seq, URL)

    assert report.summary == "[P0] incident-7: Alert on disk space"
    text = plain(report.document)
    assert "Owner: ben" in text
    assert "Due: 2026-11-28 02:00:00 UTC" in text
    with pytest.raises(LookupError):
        action_issue(life.events, 1, URL)


def test_a_summary_is_one_line_that_fits_and_says_that_it_is_a_drill() -> None:
    life = IncidentLife("x" * 200, drill=True)
    life.handle("action", MINUTE, text="long\n" * 200)

    assert incident_issue(life.events, URL, ticket_url).summary.startswith("[DRILL P0] ")
    summary = action_issue(life.events, life.events[-1].seq, URL).summary
    assert len(summary) == 255
    assert "\n" not in summary


def test_a_very_long_timeline_keeps_its_beginning_and_its_end() -> None:
    life = IncidentLife()
    for number in range(250):
        life.handle("hand_over", timedelta(seconds=number + 1), to=f"p{number}")

    report = incident_issue(life.events, URL, ticket_url)

    text = plain(report.document)
    assert "was declared" in text
    assert "Commander is now p249" in text
    assert "entries are left out here" in text


def test_every_event_of_a_life_can_be_told(night: IncidentLife) -> None:
    told = list(entries(night.events))
    assert [event.seq for event, _ in told] == list(range(1, len(night.events) + 1))
    assert isinstance(incident_issue(night.events, URL, ticket_url).document, Document)

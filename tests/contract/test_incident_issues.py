"""An incident in engineering's tracker: each issue made once, linked, kept up to date, and none for a drill.

The real client, over real sockets; every exchange is put before the vendor's document (see `conftest.server`).
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

import activities.tracker.exactly_once as once
import activities.tracker.issue_writer as one_issue
from activities.support.circuit_breaker import CircuitBreaker
from activities.support.ops_alerts import OpsAlerts
from activities.tracker.incident_issues import IncidentIssueActivities
from domain.core.enums import Priority
from domain.incident import commands as c
from domain.incident.aggregate import INCIDENT, declare
from integrations.calls import Rejected
from integrations.jira.client import JiraClient
from integrations.standins.run import Control
from services.policy_file.load import load_policy, resolve_incident_terms
from store import incidents, journal
from store.database import Database
from store.journal import INCIDENTS
from store.tables.integrations import IssueLinkRow
from tests.support.jira_side import engineer
from tests.support.journal_gaps import unmended
from tests.support.ticket_life import life
from workflows import ports

from .conftest import Drafting

T0 = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
CREATE = {"method": "POST", "path": "/rest/api/3/issue"}


def _page_of(name: str) -> str:
    return f"https://x.example.com/{name}"


class Night:
    """An incident in the journal, and the activities that speak of it in Jira."""

    def __init__(self, db: Database, jira: JiraClient, server: Control) -> None:
        self._server = server
        self._mark = uuid4().hex[:12]  # Jira is everybody's, and every database begins with incident 1
        self.db = db
        with db.begin() as session:
            self.number, _ = incidents.declare(session, "API", "", T0)
        terms = resolve_incident_terms(load_policy(), "API", T0)
        story = declare(c.Declare(number=self.number, product_area="API", priority=Priority.P0, terms=terms), T0)
        self.events = list(story.events)
        ops = OpsAlerts(())
        issues = one_issue.IssueWriter(db, jira, CircuitBreaker(db, "jira", ops), ops)
        self._activities = IncidentIssueActivities(db, jira, _page_of, _page_of, issues, unmended(db))
        self.record()

    def handle(self, do: str, after: timedelta, **payload: Any) -> int:
        """Let something happen; returns the place of the last event."""
        at = T0 + after
        command = c.parse({"by": "ada", "received": at.isoformat()} | payload, do)
        self.events += INCIDENT.decide(INCIDENT.fold(self.events), command, at).events
        self.record()
        return self.events[-1].seq

    def record(self) -> None:
        with self.db.begin() as session:
            INCIDENTS.append(session, self.number, "run", self.events)

    def make(self, kind: str = "incident", seq: int = 1, **more: Any) -> ports.IssueResult:
        request = ports.IncidentIssueRequest.model_validate(
            {"number": self.number, "effect_key": self.key(kind, seq), "kind": kind, "seq": seq} | more
        )
        made: ports.IssueResult = ActivityEnvironment().run(self._activities.make_incident_issue, request)
        return made

    def note(self, key: str, text: str, seq: int = 2, **more: Any) -> None:
        request = ports.IncidentNoteRequest.model_validate(
            {"number": self.number, "effect_key": self.key("note", seq), "key": key, "seq": seq, "text": text} | more
        )
        ActivityEnvironment().run(self._activities.note_incident_issue, request)

    def key(self, kind: str, seq: int) -> str:
        return f"incident-{self.number}:{kind}-{self._mark}:{seq}"

    def issues(self) -> list[dict[str, Any]]:
        """What Jira has of this incident."""
        mark = f"-{self._mark}."
        return [i for i in self._server.see("issues")["issues"] if any(mark in label for label in i["labels"])]

    def issue(self, key: str) -> dict[str, Any]:
        (found,) = [issue for issue in self._server.see("issues")["issues"] if issue["key"] == key]
        return found  # type: ignore[no-any-return]


@pytest.fixture
def night(db: Database, jira: JiraClient, server: Control) -> Night:
    return Night(db, jira, server)


def test_the_incidents_issue_is_an_incident_and_leads_back(night: Night) -> None:
    made = night.make()

    issue = night.issue(made.key)
    assert (issue["type"], issue["priority"]) == ("Incident", "Highest")
    assert issue["summary"] == f"[P0] API: incident-{night.number}"
    assert f"incident-{night.number}" in issue["labels"]
    (link,) = issue["links"]
    assert link["url"] == f"https://x.example.com/incident-{night.number}"


def test_asked_for_twice_it_is_made_once(night: Night) -> None:
    assert night.make() == night.make()
    assert len(night.issues()) == 1


@pytest.mark.parametrize("protection", ["", "looking before posting again"])
def test_after_an_unknown_outcome_it_is_looked_for_and_not_made_again(
    night: Night, server: Control, monkeypatch: pytest.MonkeyPatch, protection: str
) -> None:
    """The negative control: without the look, the same story has two issues."""
    if protection:
        monkeypatch.setattr(once.Once, "_found", lambda *_: None)
    server.fault("commit_then_drop", times=1, **CREATE)
    with pytest.raises(ApplicationError):
        night.make()

    night.make()

    assert len(night.issues()) == (2 if protection else 1)


def test_a_bug_that_engineering_has_already_is_linked_when_its_ticket_becomes_critical(
    night: Night, jira: JiraClient, draft: Drafting
) -> None:
    bug, later = jira.create(draft()), jira.create(draft())
    made = night.make(links=[bug.key])
    night.make(links=[bug.key])
    night.note(made.key, "", links=[later.key, bug.key])

    assert night.issue(made.key)["relates"] == [bug.key, later.key]
    assert night.issue(bug.key)["relates"] == [made.key]


def test_a_bug_that_was_deleted_keeps_no_incident_from_its_issue(night: Night) -> None:
    made = night.make(links=["ENG-99999"])
    assert night.issue(made.key)["relates"] == []


def test_a_change_is_said_once_on_the_issue_however_often_it_is_tried(night: Night, server: Control) -> None:
    made = night.make()
    server.fault("commit_then_drop", method="POST", path="*/comment", times=1)
    with pytest.raises(ApplicationError):
        night.note(made.key, "Acknowledged by ada.")
    night.note(made.key, "Acknowledged by ada.")
    night.note(made.key, "Mitigated, call ada@example.com.", seq=3)

    comments = str(night.issue(made.key)["comments"])
    assert comments.count("Acknowledged by ada.") == 1
    assert "ada@example.com" not in comments
    assert "[e-mail address removed]" in comments


def test_when_it_is_over_the_issue_is_done_and_stays_so(night: Night, server: Control) -> None:
    made = night.make()
    night.note(made.key, "Resolved, says ada.", done=True)
    night.note(made.key, "Resolved, says ada.", done=True)

    assert night.issue(made.key)["status"] == "Done"
    moves = server.see("requests")["requests"].get(f"POST /rest/api/3/issue/{made.key}/transitions")
    assert moves == 1


def test_a_cancelled_incident_is_closed_as_such(night: Night) -> None:
    made = night.make()
    night.note(made.key, "Cancelled by ada.\nA false alarm.", done=True)

    issue = night.issue(made.key)
    assert issue["status"] == "Done"
    assert "A false alarm." in str(issue["comments"])


def test_the_review_has_the_times_filled_in_and_is_linked_to_the_incident(night: Night) -> None:
    incident = night.make()
    night.handle("acknowledge", timedelta(minutes=4))
    seq = night.handle("resolve", timedelta(minutes=50), comment="It was DNS.")

    review = night.issue(night.make("review", seq, links=[incident.key]).key)

    assert review["type"] == "Task"
    assert review["relates"] == [incident.key]
    text = str(review["description"])
    assert "2026-11-21 02:04:00 UTC, 4 min 0 s after the detection" in text
    assert "2026-11-21 02:50:00 UTC, 50 min 0 s after the detection" in text
    assert "It was DNS." in text


def test_an_action_is_an_issue_that_is_linked_to_the_review(night: Night) -> None:
    resolved = night.handle("resolve", timedelta(minutes=50))
    review = night.make("review", resolved)
    seq = night.handle("action", timedelta(hours=2), text="Alert on disk space", owner="ben")

    action = night.issue(night.make("action", seq, links=[review.key]).key)

    assert action["summary"] == f"[P0] incident-{night.number}: Alert on disk space"
    assert action["relates"] == [review.key]


def test_the_issue_waits_for_the_journal(night: Night) -> None:
    with pytest.raises(ApplicationError, match="is not at 9 yet") as failed:
        night.make(seq=9)
    assert not failed.value.non_retryable
    assert night.issues() == []


def test_what_jira_refuses_is_shown_to_a_person(night: Night, jira: JiraClient) -> None:
    with pytest.raises(ApplicationError) as failed:
        night.note("ENG-99999", "Acknowledged by ada.")
    assert (failed.value.type, failed.value.non_retryable) == (ports.REFUSED, True)


def test_a_drill_leaves_no_trace(night: Night, server: Control) -> None:
    before = dict(server.see("requests")["requests"])
    made = night.make(drill=True)
    night.note(made.key, "Resolved.", done=True, links=["ENG-1"], drill=True)

    assert made.key == f"DRILL-{night.number}"
    assert server.see("requests")["requests"] == before
    with night.db.session() as session:
        assert session.get(IssueLinkRow, night.key("incident", 1)) is None


class TestClient:
    def test_linking_twice_is_one_link(self, jira: JiraClient, draft: Drafting, night: Night) -> None:
        one, other = jira.create(draft()), jira.create(draft())
        jira.relate(one.key, other.key)
        jira.relate(one.key, other.key)
        assert night.issue(one.key)["relates"] == [other.key]

    def test_what_is_no_issue_key_never_stands_in_an_address(self, jira: JiraClient) -> None:
        for act in (lambda: jira.relate("ENG-1", "../x"), lambda: jira.finish("../x")):
            with pytest.raises(Rejected):
                act()

    def test_finishing_chooses_by_category_and_not_by_name(self, jira: JiraClient, draft: Drafting) -> None:
        ref = jira.create(draft())
        assert jira.finish(ref.key)
        state = jira.read([ref.key])[ref.key]
        assert state is not None
        assert state.category == "done"

    def test_an_engineers_word_stays_as_it_is(self, jira: JiraClient, draft: Drafting, night: Night) -> None:
        made = night.make()
        ref = jira.read([made.key])[made.key]
        assert ref is not None
        engineer(made, comment="Looking at it.")
        night.note(made.key, "Mitigated.")
        assert "Looking at it." in str(night.issue(made.key)["comments"])


def test_b4_the_issue_of_a_p0_says_what_is_broken_for_whom_and_since_when(night: Night) -> None:
    """The issue is asked for by the declaration, before the ticket has joined: it tells of it all the same."""
    one = life(subject="Dashboard is down for all, mail ada@example.com", account="acme", arr=84000)
    with night.db.begin() as session:
        journal.append(session, one.ticket.id, "run-1", one.events)
    joins = {"ticket": one.ticket.id, "effect_key": f"ticket-{one.ticket.id}:incident:2", "since": T0.isoformat()}
    by = {"role": "system", "by": "tierline", "priority": "P0", "version": 2}
    night.handle("ticket_joined", timedelta(seconds=1), **joins, **by)

    made = night.make(seq=1)

    issue = night.issue(made.key)
    assert issue["summary"].startswith("[P0] API: Dashboard is down for all")
    assert f"(incident-{night.number})" in issue["summary"]
    told = json.dumps(issue["description"])
    assert one.ticket.id in told
    assert "acme, premium, ARR 84000" in told
    assert f"{one.ticket.opened_at:%Y-%m-%d %H:%M:%S} UTC" in told
    assert "Since this morning." in told
    assert "ada@example.com" not in json.dumps(issue)
    assert "None." not in told


def test_g6_a_refused_note_of_an_incident_is_raised_after_the_rest_is_done(night: Night, server: Control) -> None:
    made, bug = night.make(), night.make(kind="review", seq=1)
    server.site(without=["ADD_COMMENTS"])
    try:
        with pytest.raises(ApplicationError, match="Add Comments"):
            night.note(made.key, "It is over.", links=(bug.key,), done=True)
    finally:
        server.site()
    issue = night.issue(made.key)
    assert (issue["status"], issue["relates"]) == ("Done", [bug.key])

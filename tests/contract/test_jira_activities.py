"""What activities make of Jira's answers, with the real client, a real database, and the stand-in over real sockets."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.support.circuit_breaker import SPREAD, CircuitBreaker
from activities.support.ops_alerts import OpsAlerts
from activities.tracker.links import PROPERTY
from domain.policy.tracker import TrackerRow
from domain.ticket.state import workflow_id
from integrations.calls import Unauthorized
from integrations.jira.body import issue_body
from integrations.jira.client import JiraClient
from integrations.standins.run import Control
from integrations.tracker.port import IssueDraft
from services.reading.similar import candidates
from store import outages
from store.tracker_links import TWINS_AFTER
from tests.support.jira_rig import OWNER, JiraActivityRig
from tests.support.jira_side import CREATE, engineer, issues, raw
from workflows import ports

from .conftest import Drafting


@pytest.fixture
def bench(server: Control, database_url: str) -> Iterator[JiraActivityRig]:
    with closing(JiraActivityRig(server, database_url)) as made:
        yield made


@pytest.mark.parametrize("address", ["", "/desk/tickets/a"])
def test_where_no_address_is_set_no_link_is_sent_and_nobody_is_alerted(
    server: Control, database_url: str, draft: Drafting, address: str
) -> None:
    with closing(JiraActivityRig(server, database_url, page=lambda _: address)) as bench:
        first = draft(key=f"ticket-{uuid4().hex}:jira_bug:5")
        made = bench.make(first, OWNER.model_copy(update={"url": address}))
        assert bench.link(bench.journalled("1"), made.key).key == made.key

        (issue,) = issues(server, first)
        assert (issue["links"], len(issue["comments"])) == ([], 1)
        assert bench.told() == []


class TestLinking:
    """F4: the ticket is linked, counted, and said to be seen again, once."""

    def test_f4_a_second_ticket_is_linked_counted_and_told_of_once(
        self, bench: JiraActivityRig, draft: Drafting
    ) -> None:
        first = draft(key="ticket-first:jira_bug:5")
        made = bench.make(first)
        one, other = (
            bench.journalled("1", account="acme", arr=60_000),
            bench.journalled("2", account="acme", arr=50_000),
        )
        third = bench.journalled("3", account="globex", arr=1_000)

        for ticket in (one, other, other, third):
            assert bench.link(ticket, made.key).key == made.key

        (issue,) = issues(bench.server, first)
        assert [link["global_id"] for link in issue["links"]] == [
            "tierline:ticket-a", *(f"tierline:{workflow_id(life.ticket.id)}" for life in (one, other, third)),
        ]  # fmt: skip
        assert len(issue["comments"]) == 3, "once for each ticket, however often it is tried"
        assert issue["properties"][PROPERTY] == {"tickets": 4, "accounts": 2, "arr": "61,000", "schema": 1}

    def test_a_lacking_permission_stops_only_what_needs_it_and_ops_are_told_once(
        self, bench: JiraActivityRig, draft: Drafting
    ) -> None:
        a_draft = draft()
        made = bench.make(a_draft)
        bench.server.site(without=["EDIT_ISSUES", "LINK_ISSUES"])
        try:
            for name in ("1", "2"):
                assert bench.link(bench.journalled(name), made.key).key == made.key
        finally:
            bench.server.site()
        (issue,) = issues(bench.server, a_draft)
        assert len(issue["comments"]) == 2
        assert PROPERTY not in issue["properties"]
        assert sorted(said.split(" (")[0] for said in bench.told()) == [
            "Tierline's account may not count linked tickets on issues",
            "Tierline's account may not link issues back to their tickets",
        ]

    def test_revenue_is_told_as_the_policy_says(self, server: Control, database_url: str, draft: Drafting) -> None:
        with closing(JiraActivityRig(server, database_url, arr="band")) as bench:
            a_draft = draft()
            made = bench.make(a_draft)
            bench.link(bench.journalled("1", arr=60_000), made.key)

        assert issues(server, a_draft)[0]["properties"][PROPERTY]["arr"] == "50,000 to 250,000"

    def test_an_issue_that_is_not_there_is_refused(self, bench: JiraActivityRig) -> None:
        with pytest.raises(ApplicationError, match="there is no issue ENG-99999") as refusal:
            bench.link(bench.journalled("1"), "ENG-99999")
        assert refusal.value.non_retryable

    def test_an_issue_that_is_done_is_refused_and_may_be_linked_once_it_is_open_again(
        self, bench: JiraActivityRig, draft: Drafting
    ) -> None:
        ref, ticket = bench.jira.create(draft()), bench.journalled("1")
        engineer(ref, to="Done")
        with pytest.raises(ApplicationError, match=f"{ref.key} is Done") as refusal:
            bench.link(ticket, ref.key)
        assert (refusal.value.type, refusal.value.non_retryable) == (ports.REFUSED, True)

        engineer(ref, to="To Do")
        assert bench.link(ticket, ref.key).key == ref.key

    def test_an_issue_of_another_project_is_refused_unless_the_policy_names_the_project(
        self, server: Control, database_url: str, draft: Drafting
    ) -> None:
        with closing(JiraActivityRig(server, database_url)) as bench:
            ref, ticket = bench.jira.create(draft()), bench.journalled("1")
            bench.config = bench.config.model_copy(update={"project": "OTHER"})
            bench.linking._jira = JiraClient(bench.config)
            with pytest.raises(ApplicationError, match="in another project"):
                bench.link(ticket, ref.key)
            also = TrackerRow.model_validate({"also_link": ["ENG"]})
            bench.linking._jira = JiraClient(bench.config.model_copy(update={"rules": also}))
            assert bench.link(ticket, ref.key).key == ref.key


class TestCandidates:
    """F4: what is offered before another issue is made."""

    def test_f4_our_own_links_are_known_at_once_and_though_jira_is_down(self, bench: JiraActivityRig) -> None:
        one, other, third = (bench.journalled(name) for name in ("1", "2", "3"))
        asked = ports.CreateIssueRequest(ticket_id=one.ticket.id, effect_key="ticket-1:jira_bug:1", kind="bug", seq=1)
        made: ports.IssueResult = ActivityEnvironment().run(bench.creating.create_issue, asked)
        bench.link(third, made.key)
        bench.server.fault("down")

        found = candidates(bench.db, bench.jira, other.ticket.id)

        assert [(issue.key, issue.tickets) for issue in found.issues] == [(made.key, 2)]
        assert found.note == "Jira broke the connection off (ConnectionError)"
        assert candidates(bench.db, None, one.ticket.id).issues == (), "its own issue is no news to a ticket"

    def test_f4_a_request_is_not_offered_for_a_bug_however_alike_they_are_told(self, bench: JiraActivityRig) -> None:
        wish, bug = (bench.journalled(name, subject="The export needs a wizard") for name in ("1", "2"))
        asked = ports.CreateIssueRequest(
            ticket_id=wish.ticket.id, effect_key="ticket-1:jira_request:1", kind="request", seq=1
        )
        ActivityEnvironment().run(bench.creating.create_issue, asked)
        assert candidates(bench.db, bench.jira, bug.ticket.id).issues == ()

    def test_f4_an_issue_that_is_done_is_not_offered(self, bench: JiraActivityRig, draft: Drafting) -> None:
        one, other = (bench.journalled(name, subject="The total is wrong") for name in ("1", "2"))
        label = candidates(bench.db, None, one.ticket.id).fingerprint
        ref = bench.jira.create(draft(fingerprint=label))
        assert [issue.key for issue in candidates(bench.db, bench.jira, other.ticket.id).issues] == [ref.key]
        engineer(ref, to="Done")
        assert candidates(bench.db, bench.jira, other.ticket.id).issues == ()


class TestTwins:
    """An attempt that nobody heard of may make its issue after another has."""

    def make_twice(self, bench: JiraActivityRig, a_draft: IssueDraft) -> tuple[str, str]:
        """What an abandoned attempt does. Returns the issue that the ticket is linked to, and the other."""
        kept = bench.make(a_draft).key
        bench.sql("UPDATE jira_links SET twins_due = :now WHERE effect_key = :key", now=_now(), key=a_draft.key)
        return kept, raw(bench.server, "POST", CREATE["path"], issue_body(bench.config, a_draft)).json()["key"]

    def test_the_other_says_that_it_is_one_and_ops_are_told_once(self, bench: JiraActivityRig, draft: Drafting) -> None:
        a_draft = draft()
        kept, twin = self.make_twice(bench, a_draft)

        assert bench.look_for_twins() == ports.TwinsResult(looked=1, twins=1)
        assert bench.look_for_twins() == ports.TwinsResult(looked=0, twins=0)

        by_key = {issue["key"]: issue for issue in issues(bench.server, a_draft)}
        assert (by_key[twin]["duplicate_of"], len(by_key[twin]["comments"])) == (kept, 1)
        assert (by_key[kept]["duplicate_of"], by_key[kept]["comments"]) == (None, [])
        (told,) = bench.told()
        assert told.startswith(f"{twin} was made twice: it duplicates {kept}")

    def test_an_issue_that_moved_meanwhile_is_found_and_is_no_twin_of_itself(
        self, server: Control, database_url: str, draft: Drafting
    ) -> None:
        a_draft = draft()
        with closing(JiraActivityRig(server, database_url, also_link=["WEB"])) as bench:
            server.fault("commit_then_drop", times=1, **CREATE)
            with pytest.raises(ApplicationError):
                bench.make(a_draft)
            engineer(bench.jira.find(a_draft.label)[0], project="WEB")
            assert bench.make(a_draft).key.startswith("WEB-")
            engineer(bench.jira.find(a_draft.label)[0], project="ENG")
            bench.sql("UPDATE jira_links SET twins_due = :now", now=_now())
            assert bench.look_for_twins() == ports.TwinsResult(looked=1, twins=0)
        assert len(issues(server, a_draft)) == 1

    def test_a_worker_that_dies_in_between_leaves_nothing_doubled(
        self, bench: JiraActivityRig, draft: Drafting
    ) -> None:
        a_draft = draft()
        _, twin = self.make_twice(bench, a_draft)
        bench.look_for_twins()
        # As if it had not got to the end.
        bench.sql("UPDATE jira_links SET twins_due = :now WHERE kind = 'bug'", now=_now())

        assert bench.look_for_twins().twins == 1

        (marked,) = [issue for issue in issues(bench.server, a_draft) if issue["key"] == twin]
        assert len(marked["comments"]) == 1
        assert len(bench.told()) == 1

    def test_an_outcome_that_was_in_doubt_is_looked_after_and_one_that_was_not_is_not(
        self, bench: JiraActivityRig, draft: Drafting
    ) -> None:
        bench.server.fault("commit_then_drop", times=1, **CREATE)
        doubtful, plain = draft(), draft()
        with pytest.raises(ApplicationError):
            bench.make(doubtful)
        before = datetime.now(UTC)
        bench.make(doubtful)
        bench.make(plain)

        with bench.db.session() as session:
            rows = session.execute(text("SELECT effect_key, twins_due FROM jira_links WHERE twins_due IS NOT NULL"))
            ((key, due),) = rows.all()
        assert key == doubtful.key
        assert TWINS_AFTER <= due - before < TWINS_AFTER + timedelta(minutes=1)
        assert len(issues(bench.server, doubtful)) == 1


class TestRefusedAtTheDoor:
    """401 and 403: one alert and one try a minute, instead of a storm."""

    def test_wrong_credentials_stop_all_calls_with_one_alert_and_go_on_by_themselves(
        self, bench: JiraActivityRig, draft: Drafting
    ) -> None:
        drafts = [draft() for _ in range(20)]
        bench.server.fault("unauthorized")
        before = bench.calls("POST", CREATE["path"])

        types = []
        for a_draft in drafts:
            with pytest.raises(ApplicationError) as raised:
                bench.make(a_draft)
            types.append(raised.value.type)

        assert types == ["Unauthorized"] + ["Paused"] * 19
        assert not raised.value.non_retryable
        assert raised.value.next_retry_delay is not None
        assert bench.calls("POST", CREATE["path"]) - before == 1
        (told,) = bench.told()
        assert told.startswith("jira stands still: Jira answered 401")

        bench.server.clear()
        bench.sql("UPDATE outages SET probe_at = :now", now=_now())
        for a_draft in drafts:
            bench.make(a_draft)
        assert [len(issues(bench.server, a_draft)) for a_draft in drafts] == [1] * 20
        begun, ended = bench.told()
        assert begun == told
        assert ended.startswith("jira goes on: it had stood still since")
        assert ended.endswith("What waited is tried again within two minutes")
        assert timedelta(minutes=2) >= outages.PROBE + SPREAD

    def test_while_it_lasts_a_probe_that_fails_tells_nobody_again(
        self, bench: JiraActivityRig, draft: Drafting
    ) -> None:
        bench.server.fault("unauthorized")
        for _ in range(3):
            bench.sql("UPDATE outages SET probe_at = :now", now=_now())
            with pytest.raises(ApplicationError):
                bench.make(draft())
        assert len(bench.told()) == 1

    def test_a_permission_that_lacks_stops_what_needs_it_with_one_alert_and_nothing_else(
        self, bench: JiraActivityRig
    ) -> None:
        circuit = CircuitBreaker(bench.db, "jira", OpsAlerts(("ops",)))
        types = []
        for _ in range(3):
            with pytest.raises(ApplicationError) as raised, circuit("comment"):
                raise Unauthorized("Jira answered 403", 403)
            types.append(raised.value.type)
        with circuit("create issues"):
            pass

        assert types == ["Unauthorized", "Paused", "Paused"]
        (told,) = bench.told()
        assert told.startswith("jira: comment stands still: Jira answered 403")


class TestOtherAnswers:
    def test_429_waits_as_long_as_jira_says(self, bench: JiraActivityRig, draft: Drafting) -> None:
        bench.server.fault("rate_limited", seconds=7)
        with pytest.raises(ApplicationError) as raised:
            bench.make(draft())
        assert (raised.value.type, raised.value.next_retry_delay) == ("RateLimited", timedelta(seconds=7))

    def test_a_refused_field_is_named_to_a_person_and_the_corrected_try_makes_one_issue(
        self, server: Control, database_url: str, draft: Drafting
    ) -> None:
        a_draft = draft()
        with (
            closing(JiraActivityRig(server, database_url, issue_types={"bug": "Wish"})) as bench,
            pytest.raises(ApplicationError, match="issuetype: Specify a valid issue type") as refusal,
        ):
            bench.make(a_draft)
        assert refusal.value.non_retryable

        with closing(JiraActivityRig(server, database_url)) as corrected:
            corrected.make(a_draft)
        assert len(issues(server, a_draft)) == 1

    def test_what_is_left_out_is_told_to_ops_once_a_day(
        self, server: Control, database_url: str, draft: Drafting
    ) -> None:
        with closing(JiraActivityRig(server, database_url, priorities={"P2": "Urgent"})) as bench:
            bench.make(draft())
            bench.make(draft())
            (told,) = bench.told()
        assert "refused priority of a bug" in told

    def test_g5_a_sprint_that_fails_twice_loses_no_issue(
        self, server: Control, database_url: str, draft: Drafting
    ) -> None:
        server.fault("server_error", path="/rest/agile/*")
        with closing(JiraActivityRig(server, database_url, sprint=["P2"], board=1)) as bench:
            a_draft = draft()

            def make() -> ports.IssueResult:
                made: ports.IssueResult = ActivityEnvironment().run(
                    bench.issues.make, a_draft, OWNER, bench.jira.into_sprint
                )
                return made

            with pytest.raises(ApplicationError):
                make()
            assert make().key == issues(server, a_draft)[0]["key"]


def _now() -> datetime:
    return datetime.now(UTC)

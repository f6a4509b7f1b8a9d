"""F3: targets of the policy beside the figures of weeks, each week against the target of then."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from domain.core.enums import Category, Channel, Plan, Priority
from domain.policy.policy import Policy
from domain.report.targets import TargetFigure, TargetsInForce
from domain.report.week import week_of
from domain.ticket.aggregate import open_ticket
from domain.ticket.events import Opened
from domain.ticket.state import Account
from services.policy_file.load import resolve_terms
from services.reports import targets
from services.reports import text as wording
from services.reports import week as reports
from store import help_sessions, journal
from store.database import Database
from tests.support.policy import POLICY
from tests.support.query_plans import sent_to
from tests.support.ticket_life import AGENT, MONDAY, RUN, Life, closed

WEEK, DAY, MINUTE = timedelta(weeks=1), timedelta(days=1), timedelta(minutes=1)
END = datetime.fromisoformat("2026-03-08T23:00:00Z")
"""Of the week of MONDAY: 0:00 of the next Monday in Berlin, the zone of weeks."""
LATER = MONDAY + 9 * WEEK


def aiming(version: str, **aims: int) -> Policy:
    return POLICY.model_copy(update={"version": version, "targets": aims})


def opened(name: str, policy: Policy, at: datetime) -> Life:
    """A ticket that has just opened under a policy."""
    customer = Account(id="acme", plan=Plan.PREMIUM)
    body = Opened(
        source="api", external_id=name, terms=resolve_terms(policy, customer, at), channel=Channel.EMAIL,
        account=customer, category=Category.BUG, priority=Priority.P2, product_area="billing",
    )  # fmt: skip
    return Life(open_ticket(body, at, at, AGENT, {"subject": "It broke", "description": "Today."}))


def keep(database: Database, one: Life) -> None:
    with database.begin() as session:
        journal.append(session, one.ticket.id, RUN, one.events)


def one_opens(database: Database, name: str, policy: Policy, at: datetime, csat: int | None = None) -> None:
    """A ticket under a policy; where a figure is given, resolved after two minutes and rated."""
    one = opened(name, policy, at)
    if csat is not None:
        closed(one).do("rate", MINUTE, csat=csat, role="customer")
    keep(database, one)


def spam_opens(database: Database, name: str, policy: Policy, at: datetime) -> None:
    keep(database, opened(name, policy, at).do("end", MINUTE, role="integration", how="spam"))


def rated(database: Database, policy: Policy, week: int, *figures: int) -> None:
    for number, csat in enumerate(figures):
        one_opens(database, f"{week}-{number}", policy, MONDAY + week * WEEK + number * MINUTE, csat)


def shown(database: Database, week: int) -> dict[str, TargetFigure]:
    report = reports.read(database, POLICY, week_of((MONDAY + week * WEEK).date()), LATER)
    return {one.name: one for one in report.targets}


def weeks_of(one: TargetFigure, last: int) -> list[tuple[int, int, int | None, bool | None]]:
    return [(week.figure.count, week.figure.of, week.target, week.met) for week in one.weeks[-last:]]


def test_f3_each_week_is_held_against_the_target_that_was_in_force_in_it(database: Database) -> None:
    # Given 60 percent in two weeks, of which 50 are aimed at first; then 60; then 80, with 60 and 80 percent
    easy, middle, hard = aiming("p-1", satisfaction=50), aiming("p-2", satisfaction=60), aiming("p-3", satisfaction=80)
    rated(database, easy, 0, 5, 4, 4, 1, 1)
    rated(database, middle, 1, 5, 4, 4, 1, 1)
    rated(database, hard, 2, 5, 4, 4, 1, 1)
    rated(database, hard, 3, 5, 4, 4, 4, 1)

    found = shown(database, 3)["satisfaction"]
    assert weeks_of(found, 5) == [
        (0, 0, None, None), (3, 5, 50, True), (3, 5, 60, True), (3, 5, 80, False), (4, 5, 80, True),
    ]  # fmt: skip
    assert found.for_weeks == 1
    assert shown(database, 2)["satisfaction"].for_weeks == 1, "missed"
    assert shown(database, 1)["satisfaction"].for_weeks == 2, "met in both"
    assert targets.line(shown(database, 1)["satisfaction"]) == (
        "ratings that are 4 or 5: 3 of 5 (60 %), target 60 %: met for 2 weeks"
    )
    report = reports.read(database, POLICY, week_of((MONDAY + 2 * WEEK).date()), LATER)
    assert "  ratings that are 4 or 5: 3 of 5 (60 %), target 80 %: missed for 1 week" in list(wording.lines(report))


def test_f3_a_week_with_few_cases_says_nothing_and_ends_the_count(database: Database) -> None:
    policy = aiming("p-1", satisfaction=50, first_response_kept=95)
    rated(database, policy, 0, 5, 5, 5, 5, 5)
    rated(database, policy, 1, 5, 5, 5, 5)
    rated(database, policy, 2, 5, 5, 5, 5, 5)
    assert weeks_of(shown(database, 2)["satisfaction"], 3) == [(5, 5, 50, True), (4, 4, 50, None), (5, 5, 50, True)]
    assert shown(database, 2)["satisfaction"].for_weeks == 1
    assert targets.line(shown(database, 1)["satisfaction"]).endswith("4 of 4, target 50 %: too few to say")


def test_f3_clocks_of_the_contract_are_held_against_their_own_targets(database: Database) -> None:
    policy = aiming("p-1", first_response_kept=80, resolution_kept=100)
    rated(database, policy, 0, 5, 5, 5, 5)
    one_opens(database, "late", policy, MONDAY)
    late = shown(database, 0)
    assert list(late) == ["first_response_kept", "resolution_kept"], "satisfaction has no target"
    assert weeks_of(late["first_response_kept"], 1) == [(4, 4, 80, None)]
    rated(database, policy, 1, 5, 5, 5, 5, 5)
    assert weeks_of(shown(database, 1)["resolution_kept"], 1) == [(5, 5, 100, True)]


def test_f3_c12_what_was_missed_is_not_kept_and_a_miss_that_evidence_withdrew_is_none(database: Database) -> None:
    # Given four tickets answered and resolved in time, one that nobody answers, and one that nobody resolves, of which
    # it is known a day later that a mail answered it in time
    policy = aiming("p-1", first_response_kept=80, resolution_kept=80)
    rated(database, policy, 0, 5, 5, 5, 5)
    keep(database, opened("late", policy, MONDAY).wait_until(MONDAY + 3 * DAY))
    sent = {"text": "Sent by mail.", "occurred": (MONDAY + 5 * MINUTE).isoformat(), "source": "mail"}
    keep(
        database,
        opened("mailed", policy, MONDAY).wait_until(MONDAY + DAY).do("respond", **sent).wait_until(MONDAY + 3 * DAY),
    )
    assert weeks_of(shown(database, 0)["first_response_kept"], 1) == [(5, 6, 80, True)]
    assert weeks_of(shown(database, 0)["resolution_kept"], 1) == [(4, 6, 80, False)]


def test_f3_visits_that_an_article_helped_without_a_ticket_are_held_against_their_target(database: Database) -> None:
    one_opens(database, "1", aiming("p-1", self_serve=40), MONDAY)
    with database.begin() as session:
        for number in range(6):
            name, at = f"visit-{number}", MONDAY + (WEEK if number == 5 else MINUTE)
            help_sessions.begin(session, None, name, "help centre", at)
            help_sessions.opened(session, name, "faq/export", at)
            if number in (0, 1, 5):
                assert help_sessions.voted(session, name, "faq/export", True, at + MINUTE)
    assert weeks_of(shown(database, 0)["self_serve"], 1) == [(2, 5, 40, True)]


def test_f3_a_ticket_at_the_very_end_of_a_week_opened_in_the_next_one(database: Database) -> None:
    one_opens(database, "1", aiming("p-1", satisfaction=50), MONDAY)
    one_opens(database, "2", aiming("p-2", satisfaction=90), END)
    assert shown(database, 0)["satisfaction"].weeks[-1].target == 50
    assert shown(database, 1)["satisfaction"].weeks[-1].target == 90


def test_f3_g13_a_ticket_that_was_spam_puts_no_target_in_force(database: Database) -> None:
    one_opens(database, "1", aiming("p-1", satisfaction=50), MONDAY)
    spam_opens(database, "2", aiming("p-2", satisfaction=90), MONDAY + MINUTE)
    assert shown(database, 0)["satisfaction"].weeks[-1].target == 50
    assert [one.versions for one in targets.history(database, LATER, 52)] == [("p-1",)]


def test_f3_without_a_target_in_the_week_nothing_is_shown(database: Database) -> None:
    rated(database, aiming("p-1", satisfaction=50), 0, 5)
    rated(database, aiming("p-2"), 1, 5)
    assert list(shown(database, 0)) == ["satisfaction"]
    assert shown(database, 1) == {}
    assert list(shown(database, -1)) == []


def test_f3_a_week_without_tickets_has_the_target_of_before(database: Database) -> None:
    rated(database, aiming("p-1", satisfaction=50), 0, 5)
    assert weeks_of(shown(database, 2)["satisfaction"], 2) == [(0, 0, 50, None), (0, 0, 50, None)]


def test_f3_the_history_says_which_targets_were_in_force_from_when_until_when(database: Database) -> None:
    first, renamed, other = aiming("p-1", satisfaction=50), aiming("p-2", satisfaction=50), aiming("p-3")
    for week, policy in enumerate((first, renamed, other, first)):
        rated(database, policy, week, 5, 5)

    def held(since: int, until: int | None, versions: tuple[str, ...], aims: Mapping[str, int]) -> TargetsInForce:
        end = None if until is None else MONDAY + until * WEEK
        return TargetsInForce(since=MONDAY + since * WEEK, until=end, versions=versions, targets=dict(aims))

    found = targets.history(database, LATER, 52)
    assert found == (
        held(0, 2, ("p-1", "p-2"), {"satisfaction": 50}),
        held(2, 3, ("p-3",), {}),
        held(3, None, ("p-1",), {"satisfaction": 50}),
    )
    assert list(targets.history_lines(found))[1:] == [
        "from 2026-03-16 10:00 UTC until 2026-03-23 10:00 UTC: no target (policy p-3)",
        "from 2026-03-02 10:00 UTC until 2026-03-16 10:00 UTC: satisfaction 50 % (policy p-1, p-2)",
    ]
    assert [one.since for one in targets.history(database, LATER, 6)] == [MONDAY + 3 * WEEK]
    assert targets.history(database, LATER, 1) == ()


def test_f3_targets_are_read_without_events(database: Database) -> None:
    rated(database, aiming("p-1", satisfaction=50), 0, 5)
    with sent_to(database) as sent:
        targets.history(database, LATER, 52)
    assert sent.plans(of="ticket_events") == []

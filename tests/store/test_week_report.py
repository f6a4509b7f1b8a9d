"""F3: the report of a week, on lives whose sums are reckoned a second time from the events alone."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from domain.core.enums import Category, Plan, Priority, Role
from domain.core.ids import ticket_id
from domain.core.refusal import Refused
from domain.policy.policy import Policy
from domain.report.hiring import Trigger
from domain.report.week import Span, week_named, week_of
from domain.ticket.rules.terms import ReplaceTerms
from domain.ticket.state import Account
from integrations.recorded.adapter import SOURCE, weeks_until
from integrations.recorded.log import Recorded, State, read
from services.backtest import Promises, replay
from services.policy_file.load import load_policy, resolve_terms
from services.reports import text as wording
from services.reports import week as reports
from services.reports.figures import WeekReport
from store import accounts, erasure, help_sessions, journal
from store.database import Database
from store.journal import terms as kept_terms
from tests.support.counted_by_hand import Promised, Simple, expected
from tests.support.packages import RECORD, T2_PACKAGE
from tests.support.policy import POLICY
from tests.support.query_plans import sent_to
from tests.support.root import ROOT
from tests.support.simple_incidents import OPENED, simple
from tests.support.simple_incidents import recorded as simple_recorded
from tests.support.ticket_life import COMMANDS, MONDAY, RUN, Life, life

LOG = ROOT / "../shared/data/volvo_incidents.jsonl.gz"
MINUTE, HOUR, DAY, WEEK = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
BERLIN = ZoneInfo("Europe/Berlin")
FIRST, SECOND, THIRD = (week_of((MONDAY + number * WEEK).date()) for number in range(3))
LATER = MONDAY + 9 * WEEK


def keep(database: Database, *lives: Life) -> None:
    with database.begin() as session:
        for one in lives:
            journal.append(session, one.ticket.id, RUN, one.events)


def seen(database: Database, week: Span = FIRST, now: datetime = LATER, policy: Policy = POLICY) -> WeekReport:
    return reports.read(database, policy, week, now)


def clocks(report: WeekReport, by: str = "all", side: str = "contract") -> dict[tuple[str, str], tuple[int, ...]]:
    """Metric and name -> kept, upheld, waived, withdrawn."""
    return {
        (one.metric, one.name): (one.kept, one.upheld, one.waived, one.withdrawn)
        for one in report.clocks
        if (one.by, one.side) == (by, side)
    }


def in_hand(name: str, at: datetime, hours: timedelta, by: str = "ada") -> Life:
    """A ticket that somebody takes as it opens, and resolves after so long."""
    one = life(name, plan=Plan.FREE, at=at).do("take", by=by)
    return one.do("resolve", hours, by=by, **RECORD)


def hired(**row: Any) -> Policy:
    return POLICY.model_copy(update={"report": POLICY.report.model_copy(update=row)})


# -- Clocks ------------------------------------------------------------------------------------------------------


def test_f3_a_breach_of_week_1_that_is_resolved_in_week_2_counts_in_week_1_only(database: Database) -> None:
    one = life("1", plan=Plan.PREMIUM, at=MONDAY).do("take", MINUTE).do("respond", MINUTE, text="We look.")
    one.wait_until(MONDAY + 6 * DAY).do("resolve", MONDAY + 7 * DAY - one.ticket.as_of, **RECORD)
    keep(database, one)
    assert one.ticket.resolved_at == MONDAY + 7 * DAY
    assert clocks(seen(database)) == {("first_response", ""): (1, 0, 0, 0), ("resolution", ""): (0, 1, 0, 0)}
    assert clocks(seen(database, SECOND)) == {}
    assert (seen(database).breaches.now, seen(database, SECOND).breaches.now) == (1, 0)
    assert (seen(database).volume.ended.now, seen(database, SECOND).volume.ended.now) == (0, 1)


def test_g16_a_promise_that_is_not_kept_counts_in_the_week_in_which_it_was_due_and_a_kept_one_in_its_own(
    database: Database,
) -> None:
    late = life("late", at=MONDAY).do("take", MINUTE)
    late.do("promise", MINUTE, text="A fix.", due=MONDAY + 2 * DAY).wait_until(MONDAY + 3 * DAY)
    late.do("keep", MONDAY + 8 * DAY - late.ticket.as_of, promise=1)
    kept = life("kept", at=MONDAY).do("take", MINUTE)
    kept.do("promise", MINUTE, text="An update.", due=MONDAY + 9 * DAY).wait_until(MONDAY + 8 * DAY)
    kept.do("keep", MINUTE, promise=1)
    released = life("released", at=MONDAY).do("take", MINUTE)
    released.do("promise", MINUTE, text="A call.", due=MONDAY + 2 * DAY).do(
        "keep", MINUTE, promise=1, released=True, text="No longer."
    )
    keep(database, late, kept, released)
    first, second = seen(database), seen(database, SECOND)
    assert (first.promises_broken.now, first.promises_kept.now) == (1, 0)
    assert (second.promises_broken.now, second.promises_kept.now) == (0, 1)
    assert second.promises_broken.before[-1] == 1


def test_f3_a_week_ends_at_midnight_of_the_policys_zone_and_a_breach_at_that_instant_is_of_the_next(
    database: Database,
) -> None:
    over = datetime(2026, 3, 9, tzinfo=BERLIN).astimezone(UTC)
    for number, due in enumerate((over - timedelta(seconds=1), over)):
        one = life(str(number), plan=Plan.ENTERPRISE, at=due - HOUR)  # its first response is due in an hour, always
        keep(database, one.wait_until(due + MINUTE))
    assert seen(database).breaches.now == 1
    assert seen(database, SECOND).breaches.now == 1


def test_f3_waived_and_withdrawn_breaches_are_counted_as_such_in_the_week_in_which_they_fell(
    database: Database,
) -> None:
    waived = life("waived", plan=Plan.ENTERPRISE).wait_until(MONDAY + 2 * HOUR)
    waived.do("waive", WEEK, role="lead", metric="first_response", reason="Agreed with them.")
    withdrawn = life("withdrawn", plan=Plan.ENTERPRISE).wait_until(MONDAY + 2 * HOUR)
    sent = (MONDAY + 30 * MINUTE).isoformat()
    withdrawn.do("respond", HOUR, text="Sent by mail.", occurred=sent, source="mail")
    keep(database, waived, withdrawn)
    assert clocks(seen(database))["first_response", ""] == (1, 0, 1, 1)
    assert clocks(seen(database), "plan")["first_response", "enterprise"] == (1, 0, 1, 1)
    assert clocks(seen(database, SECOND)).get(("first_response", "")) is None


def test_f3_a_resolution_in_time_that_did_not_hold_keeps_no_clock_until_it_is_resolved_again(
    database: Database,
) -> None:
    one = life("1", plan=Plan.PREMIUM).do("take", MINUTE).do("resolve", MINUTE, **RECORD)
    keep(database, one)
    assert clocks(seen(database))["resolution", ""] == (1, 0, 0, 0)
    before = len(one.events)
    one.do("reopen", HOUR, reason="Again.")
    with database.begin() as session:
        journal.append(session, one.ticket.id, RUN, one.events[before:])
    assert ("resolution", "") not in clocks(seen(database))
    assert seen(database).volume.ended.now == 0
    assert seen(database).volume.reopened.now == 1
    before = len(one.events)
    one.wait_until(MONDAY + 9 * DAY).do("resolve", MINUTE, **RECORD)
    with database.begin() as session:
        journal.append(session, one.ticket.id, RUN, one.events[before:])
    assert clocks(seen(database))["resolution", ""] == (0, 1, 0, 0)
    assert ("resolution", "") not in clocks(seen(database, SECOND))
    assert seen(database, SECOND).volume.ended.now == 1


def test_f3_terms_that_are_replaced_leave_what_fell_before_with_the_plan_of_then(database: Database) -> None:
    one = life("1", plan=Plan.ENTERPRISE).wait_until(MONDAY + 2 * HOUR)
    account = Account(id="acme", plan=Plan.STANDARD)
    terms = resolve_terms(POLICY, account, MONDAY)
    one.tell(ReplaceTerms(by="olga", role=Role.OPS, reason="They changed.", terms=terms, account=account), HOUR)
    one.do("take", MINUTE).do("resolve", MINUTE, **RECORD)
    keep(database, one)
    by_plan = clocks(seen(database), "plan")
    assert by_plan["first_response", "enterprise"] == (0, 1, 0, 0)
    assert by_plan["resolution", "standard"] == (1, 0, 0, 0)
    assert ("first_response", "standard") not in by_plan


def test_f3_best_effort_keeps_nothing_and_spam_is_no_ticket(database: Database) -> None:
    free = life("free", plan=Plan.FREE).do("take", MINUTE).do("resolve", MINUTE, **RECORD)
    keep(database, free, life("real"))
    assert ("first_response", "") not in clocks(seen(database))
    assert seen(database).volume.opened.now == 2


# -- A second reckoning ------------------------------------------------------------------------------------------


def reckoned(lives: Iterable[Life], week: Span) -> dict[str, Any]:
    """The sums of a week, by nothing but the events, in another way than the product's."""
    begins = datetime.combine(week.first, datetime.min.time(), BERLIN)
    ends = datetime.combine(week.until, datetime.min.time(), BERLIN)

    def inside(at: datetime) -> bool:
        return begins <= at < ends

    sums: Counter[str] = Counter()
    for one in lives:
        bodies = [event.body.type for event in one.events]
        sums["opened"] += inside(one.events[0].at)
        last = max((n for n, kind in enumerate(bodies) if kind == "reopened"), default=-1)
        done = [event for event in one.events[last + 1 :] if event.body.type in ("resolved", "closed")]
        if done:
            sums["ended"] += inside(getattr(done[0].body, "occurred", done[0].at))
        missed: dict[tuple[str, str], list[Any]] = defaultdict(list)
        kept: dict[tuple[str, str], list[Any]] = defaultdict(list)
        for event in one.events:
            body: Any = event.body
            match body.type:
                case "returned":
                    sums["returned"] += inside(event.at)
                case "reopened":
                    sums["reopened"] += inside(event.occurred or event.at)
                    for side in ("contract", "target"):
                        kept[side, "resolution"].clear()
                case "limit_reached":
                    sums["limit"] += inside(body.due)
                case "lapsed":
                    missed[body.side, body.metric].append([body.due, "upheld"])
                case "waived":
                    missed["contract", body.metric][-1][1] = "waived"
                case "clock_met":
                    for side in body.withdrawn:
                        missed[side, body.metric][-1][1] = "withdrawn"
                    for side in ("contract", "target"):
                        if not [was for _, was in missed[side, body.metric] if was != "withdrawn"]:
                            kept[side, body.metric] = [body.occurred]
        for (side, metric), dues in missed.items():
            for due, status in dues:
                sums[f"{side} {metric} {status}"] += inside(due)
        promised = {(k.side.value, k.metric.value) for k in one.ticket.clocks}
        for (side, metric), instants in kept.items():
            if (side, metric) in promised:
                sums[f"{side} {metric} kept"] += sum(map(inside, instants))
        rated = [event for event in one.events if event.body.type == "rated"]
        if rated:
            sums["rated"] += inside(rated[-1].at)
            sums["said how easy"] += inside(rated[-1].at) * (one.ticket.effort is not None)
        solved = [event.body.occurred for event in one.events[last + 1 :] if event.body.type == "resolved"]
        sums["solved"] += sum(map(inside, solved[-1:]))
    return {name: count for name, count in sums.items() if count}


def told(report: WeekReport) -> dict[str, Any]:
    sums = {
        "opened": report.volume.opened.now, "ended": report.volume.ended.now,
        "reopened": report.volume.reopened.now, "limit": report.overruns.now,
        "returned": sum(one.now for one in report.bounces),
        "rated": sum(one.good.of for one in report.satisfaction if one.name == "all"),
        "solved": sum(one.resolved for one in report.customer_effort if one.name == "all"),
        "said how easy": sum(one.answers for one in report.customer_effort if one.name == "all"),
    }  # fmt: skip
    for one in report.clocks:
        if one.by == "all":
            for status in ("kept", "upheld", "waived", "withdrawn"):
                sums[f"{one.side} {one.metric} {status}"] = getattr(one, status)
    return {name: count for name, count in sums.items() if count}


ACTS = {**COMMANDS, "waive": {"role": "lead", "reason": "Agreed."}}
STEPS = st.lists(
    st.tuples(
        st.sampled_from([*ACTS, "resolve", "reopen", "return", "escalate", "take"]),
        st.integers(1, 60 * 24 * 5).map(lambda minutes: timedelta(minutes=minutes)),
    ),
    max_size=12,
)


def lived(name: str, plan: Plan, priority: Priority, start: int, steps: list[tuple[str, timedelta]]) -> Life:
    one = life(name, plan=plan, priority=priority, at=MONDAY + start * HOUR)
    for act, after in steps:
        more: dict[str, Any] = {"metric": "first_response"} if act == "waive" else {}
        if act == "escalate":
            more = {"fields": T2_PACKAGE}
        one.wait_until(one.ticket.as_of + after)
        try:
            one.do(act, MINUTE, **ACTS[act], **more)
        except Refused:
            continue
    return one


@settings(
    max_examples=10, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
@given(
    st.lists(
        st.tuples(st.sampled_from([Plan.PREMIUM, Plan.ENTERPRISE, Plan.STANDARD]),
                  st.sampled_from([Priority.P1, Priority.P2, Priority.P3]), st.integers(0, 300), STEPS),
        min_size=1, max_size=4,
    )
)  # fmt: skip
def test_f3_the_sums_of_random_lives_are_those_of_their_events(database: Database, told_of: list[Any]) -> None:
    with database.begin() as session:
        session.execute(text("TRUNCATE tickets, terms CASCADE"))
        session.execute(text("TRUNCATE outbox, feed, texts, ticket_moments, ticket_records CASCADE"))
    kept_terms._BY_DIGEST.clear()
    kept_terms._RECORDS.clear()
    lives = [lived(str(number), *one) for number, one in enumerate(told_of)]
    keep(database, *lives)
    for back in range(5):
        week = week_of((MONDAY + back * WEEK).date())
        assert told(seen(database, week)) == reckoned(lives, week)


# -- What repeats ------------------------------------------------------------------------------------------------


def test_f3_clusters_errors_and_causes_come_with_accounts_revenue_and_examples(database: Database) -> None:
    known = [Account(id=f"a{n}", plan=Plan.PREMIUM, arr=Decimal(100_000)) for n in range(2)]
    with database.begin() as session:
        accounts.save_accounts(session, known)
    error = "It says KeyError: 'currency' in line {}."
    lives = [
        life(str(n), account=f"a{n % 3}", at=MONDAY + n * HOUR, description=error.format(n)).do("take", MINUTE)
        for n in range(4)
    ]
    record = RECORD | {"kb_reason": "", "kb_article": "KB-7"}
    for one, cause in zip(lives, ("A full disk.", "a full  disk", "The clock was wrong."), strict=False):
        one.do("resolve", MINUTE, **(record | {"root_cause": cause}))
    keep(database, *lives, life("before", at=MONDAY - WEEK, description=error.format(9)))
    report = seen(database)
    (found,) = report.errors
    assert (found.tickets, found.before, found.accounts, found.arr, found.arr_unknown) == (4, 1, 3, 200_000, 1)
    assert (found.error, found.article) == ("keyerror ~ in line ~", "KB-7")
    assert found.examples == tuple(one.ticket.id for one in lives[:0:-1])
    (cluster,) = report.clusters
    assert (cluster.area, cluster.category, cluster.cause, cluster.tickets) == ("billing", "bug", "a full  disk", 2)
    causes = {one.name: (one.now, one.before[-1]) for one in report.trends["cause"]}
    assert causes == {"a full  disk": (2, 0), "The clock was wrong.": (1, 0), "": (1, 1)}
    (repeat,) = report.repeats
    assert (repeat.account, repeat.tickets, repeat.same, repeat.arr) == ("a0", 2, 2, 100_000)


def test_f3_bounces_tiers_channels_ratings_and_wins(database: Database) -> None:
    one = life("1", plan=Plan.PREMIUM).do("take", MINUTE).do("escalate", 9 * MINUTE, fields=T2_PACKAGE)
    one.do("take", 20 * MINUTE, by="ben").do("return", 10 * MINUTE, by="ben", reason="Not ours.")
    one.do("take", MINUTE).do("reply", MINUTE, role="customer", by="eva", text="And?").do("resolve", MINUTE, **RECORD)
    won = life("2", plan=Plan.PREMIUM).do("take", MINUTE).do("resolve", MINUTE, **RECORD)
    keep(database, one.do("rate", DAY, csat=2, role="customer"), won.do("rate", DAY, csat=5, role="customer"))
    report = seen(database)
    assert [(b.reason, b.frm, b.to, b.now, b.before) for b in report.bounces] == [("Not ours.", "T2", "T1", 1, 0)]
    tiers = {took.name: (took.count, took.median) for took in report.tiers}
    assert tiers == {"T1": (3, 180.0), "T2": (1, 1800.0)}
    everybody = report.satisfaction[0]
    assert (str(everybody.good), everybody.good.percent, everybody.mean) == ("1 of 2", None, None)
    assert (report.wins.solved_at_once, report.wins.best) == (1, (won.ticket.id,))
    (channel,) = report.channels
    assert (channel.channel, channel.contacts, channel.cost_per_contact, channel.resolved) == ("email", 3, None, 2)
    said = "\n".join(wording.lines(report))
    assert "ada" not in said
    assert "ben" not in said
    assert "ada" not in report.model_dump_json()


def test_f3_what_a_contact_takes_and_costs_is_known_from_five_contacts_on_and_stands_beside_what_is_usual(
    database: Database,
) -> None:
    # Each ticket is in hand for half an hour, of which an hour costs 40. In the first week one customer writes again.
    days = [*range(4), *range(7, 11), *range(14, 19)]
    lives = [in_hand(str(day), MONDAY + day * DAY, 30 * MINUTE) for day in days if day]
    again = life("0", plan=Plan.FREE).do("take").do("reply", 10 * MINUTE, role="customer", by="eva", text="And?")
    keep(database, *lives, again.do("resolve", 20 * MINUTE, **RECORD))
    policy = hired(agent_hour=Decimal(40))

    first, second, third = (seen(database, week, policy=policy).channels[0] for week in (FIRST, SECOND, THIRD))

    assert (first.channel, first.opened.now, first.contacts, first.in_hand) == ("email", 4, 5, 2.0)
    assert (first.minutes_per_contact, first.cost_per_contact, first.handle_median) == (24.0, 16, None)
    assert (first.usual_minutes, first.usual_cost) == ((10.0, 20.0), (5, 15))
    assert wording.channel_line(first) == (
        "email: 4 of 4 of the tickets; 5 contacts, "
        "at most 24 min each (usual 10 to 20), at most 16 each (usual 5 to 15)"
    )
    assert (second.contacts, second.in_hand, second.minutes_per_contact, second.cost_per_contact) == (
        4,
        2.0,
        None,
        None,
    )
    assert (third.contacts, third.minutes_per_contact, third.cost_per_contact) == (5, 30.0, 20)
    assert (third.resolved, third.handle_median) == (5, 1800.0)
    free = seen(database, policy=hired(agent_hour=Decimal(0))).channels[0]
    assert (free.minutes_per_contact, free.cost_per_contact) == (24.0, None)


@pytest.mark.parametrize(
    ("hour", "pays"),
    [("5833.33", "yes"), ("5833.34", "perhaps"), ("8076.92", "perhaps"), ("8076.93", "no"), ("0", "not known")],
)
def test_f3_a_plan_pays_for_itself_if_what_it_adds_is_at_least_what_it_costs(
    database: Database, hour: str, pays: str
) -> None:
    # 365,000 a year are 35,000 in five weeks. A plan that adds 20 to 30 % brings 20/120 to 30/130 of that.
    with database.begin() as session:
        accounts.save_accounts(session, [Account(id="acme", plan=Plan.PREMIUM, arr=Decimal(365_000))])
        accounts.save_accounts(session, [Account(id="new", plan=Plan.PREMIUM)])
    keep(database, life("1", plan=Plan.PREMIUM).do("take", MINUTE).do("resolve", HOUR, **RECORD))
    policy = POLICY.model_copy(update={"report": POLICY.report.model_copy(update={"agent_hour": Decimal(hour)})})

    (plan,) = seen(database, policy=policy).plans

    assert (plan.plan, plan.accounts, plan.unknown, plan.opened) == ("premium", 2, 1, 1)
    assert (plan.in_hand, plan.brings) == (1.0, (Decimal("5833.33"), Decimal("8076.92")))
    assert plan.pays == pays


def test_f3_a_plan_costs_the_credits_of_breaches_that_fell_in_the_five_weeks_too(database: Database) -> None:
    with database.begin() as session:
        accounts.save_accounts(session, [Account(id="acme", plan=Plan.PREMIUM, fee=Decimal(1_000))])
    late = (
        life("1", account="acme", plan=Plan.PREMIUM, at=MONDAY)
        .do("take", MINUTE)
        .do("respond", MINUTE, text="We look.")
    )
    keep(database, late.wait_until(MONDAY + 6 * DAY).do("resolve", MINUTE, **RECORD))
    (plan,) = seen(database).plans
    assert plan.credits == Decimal("50.00")
    assert "credits 50" in "\n".join(wording.lines(seen(database)))
    assert seen(database, week_of((MONDAY + 6 * WEEK).date())).plans[0].credits == 0


def test_f3_the_accounts_that_cost_most_are_listed_with_what_part_of_their_revenue_that_is(database: Database) -> None:
    # 365,000 a year are 35,000 in five weeks, and 36,500 a year 3,500
    with database.begin() as session:
        for name, arr in (("acme", 365_000), ("small", 36_500), ("late", 12_000)):
            accounts.save_accounts(session, [Account(id=name, plan=Plan.PREMIUM, arr=Decimal(arr))])
    worked = [
        life(f"{account}-{back}", account=account, plan=Plan.FREE, at=MONDAY - back * WEEK + place * DAY)
        .do("take").do("resolve", hours * HOUR, **RECORD)
        for back in (0, 4, 5) for place, (account, hours) in enumerate((("acme", 1), ("small", 2), ("nobody", 3)))
    ]  # fmt: skip
    late = life("late", account="late", arr=12_000, plan=Plan.PREMIUM).wait_until(MONDAY + 5 * HOUR)
    keep(database, *worked, late)

    costs = {one.account: one for one in seen(database, policy=hired(agent_hour=Decimal(35))).accounts}

    assert list(costs) == ["nobody", "small", "acme", "late"]
    assert {name: (one.in_hand, one.handling, one.credits, one.percent) for name, one in costs.items()} == {
        "nobody": (6.0, Decimal("210.00"), 0, None),
        "small": (4.0, Decimal("140.00"), 0, pytest.approx(4)),
        "acme": (2.0, Decimal("70.00"), 0, pytest.approx(0.2)),
        "late": (0.0, Decimal("0.00"), Decimal("50.00"), pytest.approx(100 * 50 / (12_000 / 365 * 35))),
    }
    said = "\n".join(wording.lines(seen(database, policy=hired(agent_hour=Decimal(35)))))
    assert "small: 4.0 h in hand, at most 140; credits 0: 4.0 % of its revenue" in said
    free = seen(database, policy=hired(agent_hour=Decimal(0))).accounts
    assert [one.account for one in free] == ["late", "nobody", "small", "acme"]
    assert (free[0].handling, free[0].credits, free[0].percent) == (None, Decimal("50.00"), None)


def test_f3_erasing_a_person_reaches_the_report(database: Database) -> None:
    one = life("1", description="It says KeyError: 'currency'.").do("take", MINUTE)
    one.do("escalate", MINUTE, fields=T2_PACKAGE).do("return", MINUTE, reason="Frau Meier is rude.")
    keep(database, one)
    with database.begin() as session:
        erasure.erase(session, one.ticket.id, at=LATER, actor="ops", reason="asked", scope="ticket")
    report = seen(database)
    assert [bounce.reason for bounce in report.bounces] == [""]
    assert [(error.error, error.tickets) for error in report.errors] == [("", 1)]
    assert "Meier" not in report.model_dump_json()


def test_f3_replies_are_counted_by_category_with_their_lengths_and_how_many_were_made_of_a_template(
    database: Database,
) -> None:
    own = "Thank you, Ann."
    bug = life("bug").do("take", MINUTE)
    for edited in (0, 40):
        bug.do("respond", MINUTE, text=f"{own} Press F5.", template="f5", personal_line=own, edited=edited)
    for size in (10, 30, 1_000):
        bug.do("respond", MINUTE, text="x" * size)
    bug.do("reply", MINUTE, role="customer", text="y" * 5_000).do("note", MINUTE, text="z" * 5_000)
    few = life("few", category=Category.HOW_TO).do("respond", MINUTE, text="Look here.")
    few.do("respond", 7 * DAY, text="And here.")
    keep(database, bug, few)

    report = seen(database)
    first, second = report.replies
    assert (first.category, first.replies, first.length_median) == ("bug", 5, 25.0)
    assert first.length_ninth == pytest.approx(30 + 0.6 * 970)
    assert (str(first.standard), str(first.unchanged)) == ("2 of 5 (40 %)", "1 of 2")
    assert (second.category, second.replies, second.length_median, second.standard.count) == ("how-to", 1, None, 0)
    said = "\n".join(wording.lines(report))
    assert "bug, 5 replies: usually 25 characters, 9 of 10 within 612; made of a template 2 of 5 (40 %)" in said
    assert [one.replies for one in seen(database, SECOND).replies] == [1]
    with database.begin() as session:  # what is erased has no length; that somebody wrote stays
        erasure.erase(session, bug.ticket.id, at=LATER, actor="ops", reason="asked", scope="ticket")
    (erased, _) = seen(database).replies
    assert (erased.replies, erased.length_median, erased.standard.count) == (5, None, 2)


def test_f3_the_backlog_at_the_end_of_a_week_is_what_was_active_then(database: Database) -> None:
    over = life("2").do("take", MINUTE).do("resolve", 8 * DAY, **RECORD)
    keep(database, life("1"), over, life("3", at=MONDAY + 8 * DAY))
    assert (seen(database).volume.backlog_before, seen(database).volume.backlog) == (0, 2)
    assert (seen(database, SECOND).volume.backlog_before, seen(database, SECOND).volume.backlog) == (2, 2)


def test_f3_the_days_to_clear_the_backlog_are_those_at_the_pace_of_five_weeks(database: Database) -> None:
    # In the 35 days that end with the first week five end; the one of six weeks before is not of them. Two are active.
    ended = [in_hand(str(back), MONDAY - back * WEEK, HOUR) for back in (0, 1, 2, 3, 4, 6)]
    keep(database, *ended, life("a"), life("b", at=MONDAY - 8 * WEEK))
    volume = seen(database).volume
    assert (volume.backlog, volume.days_to_clear) == (2, 14.0)
    assert seen(database, week_of((MONDAY + 6 * WEEK).date())).volume.days_to_clear is None


def test_f3_a_week_that_lasts_is_reported_so_far(database: Database) -> None:
    keep(database, life("1"), life("2", at=MONDAY + 3 * DAY))
    report = seen(database, now=MONDAY + DAY)
    assert (report.so_far, report.volume.opened.now, report.ends) == (True, 1, MONDAY + DAY)


def test_f3_the_heat_map_counts_by_the_clocks_of_the_customers_zone_and_says_what_waited(database: Database) -> None:
    monday_seven = datetime(2026, 3, 2, 7, 0, tzinfo=BERLIN)
    keep(database, life("1", plan=Plan.STANDARD, at=monday_seven.astimezone(UTC)), life("2", plan=Plan.STANDARD))
    hours = seen(database).hours
    (zone,) = hours.zones
    assert zone.zone == "Europe/Berlin"
    assert (zone.arrivals[0][7], zone.wait[0][7], zone.arrivals[0][11], zone.wait[0][11]) == (1, 2.0, 1, 0.0)
    assert (hours.total, hours.closed, hours.earlier) == (2, 1, ((1, 0), (2, 1), (4, 1)))


def test_f3_the_heat_map_counts_five_weeks_by_day_and_hour(database: Database) -> None:
    at = (MONDAY, MONDAY + 59 * MINUTE, MONDAY + HOUR, MONDAY + 5 * DAY, MONDAY - 4 * WEEK)
    others = (MONDAY - 5 * WEEK, MONDAY + WEEK)
    keep(database, *(life(str(n), plan=Plan.STANDARD, at=one) for n, one in enumerate((*at, *others))))
    hours = seen(database).hours
    (zone,) = hours.zones
    found = {(day, hour): many for day, week in enumerate(zone.arrivals) for hour, many in enumerate(week) if many}
    assert found == {(0, 11): 3, (0, 12): 1, (5, 11): 1}
    assert [len(zone.arrivals), *map(len, zone.arrivals)] == [7, *[24] * 7]
    assert (zone.total, zone.closed, hours.total, hours.closed, hours.accounts) == (5, 1, 5, 1, 1)
    assert zone.wait[5][11] == 46.0  # from Saturday at eleven to Monday at nine


def test_f3_tickets_without_a_record_are_said_and_no_event_is_read_but_replies(database: Database) -> None:
    keep(database, life("1"), life("2"))
    with database.begin() as session:
        session.execute(text("DELETE FROM ticket_moments"))
        session.execute(text("DELETE FROM ticket_records"))
    with sent_to(database) as sent:
        assert seen(database).not_recorded == 2
    assert not [one for one, _ in sent.statements if "FROM ticket_events" in one and "'responded'" not in one]


# -- Hands -------------------------------------------------------------------------------------------------------


def used(report: WeekReport) -> Trigger:
    (found,) = (one for one in report.triggers if one.name == "utilisation")
    return found


def test_f3_utilisation_is_known_of_five_weeks_so_since_when_it_is_too_high_is(database: Database) -> None:
    # Who takes at ten and resolves after an hour is at work for an hour and a quarter: 80 %, which is not over 80 %.
    hours = (HOUR, HOUR + MINUTE, 2 * HOUR, 3 * HOUR)
    keep(database, *(in_hand(str(n), MONDAY + n * WEEK, long) for n, long in enumerate(hours)))

    with sent_to(database) as sent:
        report = seen(database, week_of((MONDAY + 3 * WEEK).date()))

    sign = used(report)
    assert (sign.state, sign.since, sign.now) == ("met", SECOND.name, "at most 92 %")
    assert [figure for _, figure in sign.weeks] == ["not known"] * 9 + [f"at most {n} %" for n in (80, 80, 89, 92)]
    assert f"  utilisation: met, since {SECOND.name}: at most 92 %" in "\n".join(wording.lines(report))
    assert len([one for one, _ in sent.statements if "kind = 'worked'" in one]) == 2  # the work, and how many agents
    assert not [one for one, _ in sent.statements if "FROM ticket_events" in one and "'responded'" not in one]
    first = used(seen(database))
    assert (first.state, first.since, first.now) == ("not met", "", "at most 80 %")


def test_f3_a_week_without_any_work_ends_the_weeks_in_which_utilisation_was_too_high(database: Database) -> None:
    keep(database, in_hand("1", MONDAY, 2 * HOUR), in_hand("2", MONDAY + 2 * WEEK, 2 * HOUR))
    sign = used(seen(database, THIRD))
    assert (sign.state, sign.since) == ("met", THIRD.name)
    assert [figure for _, figure in sign.weeks[-3:]] == ["at most 89 %", "not known", "at most 89 %"]
    assert used(seen(database, SECOND)).state == "not known"


def test_f3_staffed_hours_are_those_of_the_agents_who_worked_in_each_week(database: Database) -> None:
    keep(
        database,
        in_hand("1", MONDAY, 8 * HOUR), in_hand("2", MONDAY, 9 * HOUR, by="ben"),  # 17 of 20 hours
        in_hand("3", MONDAY + WEEK, 8 * HOUR), in_hand("4", MONDAY + 2 * WEEK, 9 * HOUR),  # 8, and 9, of 10
    )  # fmt: skip
    sign = used(seen(database, THIRD, policy=hired(staffed_hours=10)))
    assert [figure for _, figure in sign.weeks[-3:]] == ["at most 85 %", "at most 80 %", "at most 90 %"]
    assert sign.since == THIRD.name
    of_two = used(seen(database, THIRD, policy=hired(staffed_hours=10, agents=2)))
    assert [figure for _, figure in of_two.weeks[-3:]] == ["at most 85 %", "at most 40 %", "at most 45 %"]


def test_f3_utilisation_of_a_week_before_is_not_known_where_only_a_part_of_its_work_is_read(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(database, *(in_hand(str(n), MONDAY + n * WEEK, 2 * HOUR) for n in range(3)))
    monkeypatch.setattr(reports, "MOST_READ", 2)
    sign = used(seen(database, THIRD))
    assert [figure for _, figure in sign.weeks[-3:]] == ["not known", "not known", "at most 89 %"]
    assert sign.since == THIRD.name
    monkeypatch.setattr(reports, "MOST_READ", 4)
    assert used(seen(database, THIRD)).since == FIRST.name


# -- Recorded incidents ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded() -> list[Recorded]:
    if not LOG.is_file():
        pytest.skip(f"no recorded incidents at {LOG.name}: it is no part of the project")
    return list(read(LOG))[::40]


def test_f3_the_report_of_recorded_incidents_has_the_numbers_of_their_log(
    database: Database, recorded: list[Recorded]
) -> None:
    """Openings, ends, contacts and hand-backs are counted a second time from the log itself, with no rule of ours."""
    start = datetime(2026, 3, 2, tzinfo=UTC)
    promises = Promises(load_policy(), Plan.STANDARD)
    shift: dict[str, timedelta] = {}
    with database.begin() as session:
        for one in recorded:
            case = promises.prepare(one, start)
            shift[one.id] = weeks_until(one.opened_at, start)
            outcome = replay(case.script, case.terms)
            journal.append(session, ticket_id(SOURCE, one.id), RUN, outcome.events)
    now = start + 60 * WEEK
    opened: Counter[date] = Counter()
    ended: Counter[date] = Counter()
    contacts: Counter[date] = Counter()
    returned: Counter[date] = Counter()
    for one in recorded:
        moved = shift[one.id]
        opened[_monday(one.opened_at + moved)] += 1
        contacts.update(_monday(at + moved) for at in (one.opened_at, *_replied(one)))
        returned.update(_monday(at + moved) for at in _returned(one))
        if done := _ended(one):
            ended[_monday(done + moved)] += 1
    assert sum(opened.values()) == len(recorded)
    assert sum(returned.values()) > 0
    for monday in sorted({*opened, *ended})[:8]:
        report = seen(database, week_of(monday), now)
        assert report.volume.opened.now == opened[monday], monday
        assert report.volume.ended.now == ended[monday], monday
        assert sum(one.contacts for one in report.channels) == contacts[monday], monday
        assert sum(one.now for one in report.bounces) == returned[monday], monday
        assert sum(one.now for one in report.trends["priority"]) == opened[monday]


def _monday(at: datetime) -> date:
    return week_of(at.astimezone(BERLIN).date()).first


def _ended(one: Recorded) -> datetime | None:
    """When it was resolved the last time, and stayed so; a cancelled one when it was closed."""
    found: datetime | None = None
    for event in one.events:
        found = (found or event.at) if event.state.completed else None
    return found


def _replied(one: Recorded) -> list[datetime]:
    """When the user answered: a wait on the user ended, and what came was no resolution."""
    return [
        after.at
        for before, after in pairwise(one.events)
        if before.state is State.WAIT_USER and after.state is not State.WAIT_USER and not after.state.completed
    ]


def _returned(one: Recorded) -> list[datetime]:
    """When it went down a line; from the third to the first it went down twice."""
    found: list[datetime] = []
    line = 1
    for event in one.events:
        to = event.tier or line
        found += [event.at] * max(0, line - to)
        line = to
    return found


def test_f3_breaches_limits_and_hand_overs_of_each_week_are_those_that_are_counted_by_hand(database: Database) -> None:
    """Ninety simple incidents, over five weeks: what fell into each is plain arithmetic, with no rule of ours."""
    promises, start = Promises(load_policy(), Plan.ENTERPRISE), datetime(2026, 3, 2, tzinfo=UTC)
    by_hand: dict[date, Counter[str]] = defaultdict(Counter)
    with database.begin() as session:
        for number in range(90):
            one = simple(number)
            case = promises.prepare(
                simple_recorded(one, OPENED + number * timedelta(minutes=109)), start + number % 5 * WEEK
            )
            outcome = replay(case.script, case.terms)
            journal.append(session, ticket_id(SOURCE, one.id), RUN, outcome.events)
            for what, seconds in _fallen(one):
                by_hand[_monday(case.script.opened_at + timedelta(seconds=seconds))][what] += 1

    for monday, sums in sorted(by_hand.items()):
        report = seen(database, week_of(monday), start + 60 * WEEK)
        found: dict[str, int] = {
            "opened": report.volume.opened.now, "ended": report.volume.ended.now, "limit": report.overruns.now,
            "contacts": sum(one.contacts for one in report.channels),
        }  # fmt: skip
        found |= {f"left {took.name}": took.count for took in report.tiers}
        for clock in report.clocks:
            if clock.by == "all":
                name = f"{clock.side} {clock.metric}"
                found |= {f"{name} missed": clock.upheld, f"{name} kept": clock.kept}
        assert {name: count for name, count in found.items() if count} == sums, monday
    assert len(by_hand) >= 6
    assert {what for sums in by_hand.values() for what in sums} >= {
        "limit", "left T2", "contract first_response missed", "contract resolution missed", "target resolution missed",
    }  # fmt: skip


def _fallen(one: Simple) -> list[tuple[str, float]]:
    """What is counted of an incident, each with its second."""
    found = [("opened", 0.0), ("contacts", 0.0), ("ended", one.resolved)]
    if one.waited:
        found.append(("contacts", one.waited[1]))
    found += [("left T1", one.resolved)] if one.handed_up is None else [
        ("left T1", one.handed_up), ("left T2", one.resolved),
    ]  # fmt: skip
    missed = set()
    for what, *more in expected(one, Promised()):
        if what == "limit":
            found.append(("limit", more[0]))
        elif what == "missed":
            side, metric, at = more
            missed.add((side, metric))
            found.append((f"{side} {metric} missed", at))
    for metric, met in (("first_response", one.answered), ("resolution", one.resolved)):
        found += [(f"{side} {metric} kept", met) for side in ("contract", "target") if (side, metric) not in missed]
    return found


def test_f3_a_week_is_named_as_people_name_it() -> None:
    assert week_named("2026-w10") == FIRST
    assert (week_named("2026-W53").first, week_named("2026-W53").until) == (date(2026, 12, 28), date(2027, 1, 4))
    for wrong in ("2025-W53", "2026-10", "2026-W00", "W10", ""):
        with pytest.raises(Refused, match="is no week"):
            week_named(wrong)


def test_the_figures_of_the_knowledge_base_are_those_of_visits_that_began_in_the_week(database: Database) -> None:
    """One of two visits of the week was answered; the one of the week before counts there."""
    with database.begin() as session:
        for week, answered in ((FIRST, True), (FIRST, False), (SECOND, False)):
            name, at = uuid4().hex, datetime.combine(week.first, time(12), BERLIN)
            help_sessions.begin(session, None, name, "help centre", at)
            help_sessions.searched(session, name, "export", 1, at)
            help_sessions.opened(session, name, "faq/export", at + MINUTE)
            if answered:
                assert help_sessions.voted(session, name, "faq/export", True, at + 2 * MINUTE)

    first, second = seen(database, FIRST), seen(database, SECOND)
    assert first.answers[0] == "self-serve rate: 50%, of 2 (target: more than 40%)"
    assert second.answers[0] == "self-serve rate: 0%, of 1 (target: more than 40%)"
    assert "  self-serve rate: 50%, of 2 (target: more than 40%)" in wording.lines(first)
    assert seen(database, THIRD).answers == ()

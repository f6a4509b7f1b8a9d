"""F3: what the report of a week shares: what agents tell the team, articles, and what customers wrote with a 5."""

from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select, text

from domain.report.week import Span, week_of
from services import repair
from services.knowledge.importing import import_folder
from services.policy_file.zones import zone_info
from services.repair import About
from services.reports import text as wording
from services.reports import week as reports
from services.reports import wins
from services.reports.figures import WeekReport
from services.reports.week import starts
from store import erasure, journal
from store.database import Database
from tests.support.packages import RECORD
from tests.support.policy import POLICY
from tests.support.query_plans import sent_to
from tests.support.ticket_life import MONDAY, RUN, Life, life

MINUTE, HOUR, DAY, WEEK = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
FIRST, SECOND = (week_of((MONDAY + number * WEEK).date()) for number in range(2))
BERLIN = zone_info(POLICY.report.zone)
LATER = MONDAY + 9 * WEEK


def keep(database: Database, one: Life, since: int = 0) -> None:
    with database.begin() as session:
        journal.append(session, one.ticket.id, RUN, [event for event in one.events if event.seq > since])


def report_of(database: Database, week: Span = FIRST) -> WeekReport:
    return reports.read(database, POLICY, week, max(LATER, starts(week.until, BERLIN)))


def shared(report: WeekReport) -> list[tuple[str, str]]:
    return [(one.ticket, one.words) for one in report.wins.shared]


def solved(name: str, at: datetime = MONDAY, **said: str) -> Life:
    return life(name, at=at).do("take", MINUTE).do("resolve", MINUTE, **(RECORD | said))


def erase(database: Database, ticket: str) -> None:
    with database.begin() as session:
        erasure.erase(session, ticket, at=LATER, actor="olga", reason="Request 17", scope="ticket")


# -- What agents tell -------------------------------------------------------------------------------------------


def test_f3_what_agents_tell_stands_in_the_week_of_the_resolution_ten_at_most_and_the_rest_counted(
    database: Database,
) -> None:
    lives = [solved(str(n), MONDAY + n * HOUR, win=f"Learnt {n}.") for n in range(12)]
    for one in (*lives, solved("silent")):
        keep(database, one)
    report = report_of(database)
    assert shared(report) == [(lives[n].ticket.id, f"Learnt {n}.") for n in range(11, 1, -1)]
    assert report.wins.shared_more == 2
    assert shared(report_of(database, SECOND)) == []
    lines = list(wording.lines(report))
    assert f"  worth telling, {lives[11].ticket.id}: Learnt 11." in lines
    assert "  and 2 more that are worth telling" in lines


def test_f3_a_ticket_that_came_back_tells_nothing_until_it_is_resolved_again_and_then_in_that_week(
    database: Database,
) -> None:
    one = solved("1", win="Clear the cache.")
    keep(database, one)
    assert shared(report_of(database)) == [(one.ticket.id, "Clear the cache.")]
    before = one.ticket.seq
    one.do("reopen", HOUR, reason="It is back.")
    keep(database, one, before)
    assert shared(report_of(database)) == []
    before = one.ticket.seq
    one.do("resolve", 7 * DAY, **RECORD)
    keep(database, one, before)
    assert shared(report_of(database)) == []
    assert shared(report_of(database, SECOND)) == [(one.ticket.id, "Clear the cache.")]
    assert repair.rebuild(database, [About("ticket", one.ticket.id)], write=False)[0].changed == []


def test_f3_what_is_told_anew_takes_the_place_of_what_did_not_hold(database: Database) -> None:
    one = solved("1", win="Clear the cache.").do("reopen", HOUR, reason="It is back.")
    keep(database, one.do("resolve", MINUTE, **RECORD, win="It was the clock."))
    assert shared(report_of(database)) == [(one.ticket.id, "It was the clock.")]
    assert report_of(database).wins.shared_more == 0


def test_f3_what_never_was_a_ticket_tells_nothing(database: Database) -> None:
    one = solved("1", win="A new kind of spam.")
    keep(database, one.do("end", MINUTE, role="lead", how="spam"))
    assert shared(report_of(database)) == []


# -- What customers wrote ---------------------------------------------------------------------------------------


def rated(name: str, csat: int, comment: str = "", after: timedelta = HOUR) -> Life:
    one = solved(name).do("close", MINUTE)
    return one.do("rate", after, by="u-1", role="customer", csat=csat, comment=comment, survey=True)


def test_f3_comments_with_a_5_are_counted_and_their_words_are_in_no_report(database: Database) -> None:
    praised = rated("praised", 5, "Mira was splendid.")
    for one in (praised, rated("silent", 5), rated("four", 4, "Quite good."), rated("later", 5, "Fine.", 7 * DAY)):
        keep(database, one)
    report = report_of(database)
    assert (report.wins.kudos, report.wins.kudos_tickets) == (1, (praised.ticket.id,))
    assert [(one.ticket, one.words) for one in wins.kudos(database, report.begins, report.ends)] == [
        (praised.ticket.id, "Mira was splendid.")
    ]
    for said in (report.model_dump_json(), wording.short(report), "\n".join(wording.lines(report))):
        assert "Mira" not in said
        assert "Quite good" not in said
    assert report_of(database, SECOND).wins.kudos == 1


def test_f3_a_score_that_was_changed_is_no_praise(database: Database) -> None:
    one = rated("1", 5, "Splendid.")
    keep(database, one.do("rate", MINUTE, by="u-1", role="customer", csat=1, comment="It is back.", survey=True))
    assert report_of(database).wins.kudos == 0


def test_f3_the_words_of_whoever_was_erased_are_gone_and_a_told_ticket_stays(database: Database) -> None:
    praised, taught = rated("praised", 5, "Mira was splendid."), solved("taught", win="Ask Mr Ito first.")
    keep(database, praised)
    keep(database, taught)
    for one in (praised, taught):
        erase(database, one.ticket.id)
    report = report_of(database)
    assert (report.wins.kudos, wins.kudos(database, report.begins, report.ends)) == (0, [])
    assert shared(report) == [(taught.ticket.id, "")]
    assert f"  worth telling, {taught.ticket.id}: (erased)" in wording.lines(report)
    assert repair.rebuild(database, [About("ticket", taught.ticket.id)], write=False)[0].changed == []


# -- Articles ---------------------------------------------------------------------------------------------------


def article(folder: Path, name: str, title: str, words: str, more: str = "") -> None:
    path = folder / "faq" / f"{name}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"---\ntitle: {title}\n{more}---\n\n{words}\n", "utf-8")


def week_of_import(database: Database) -> Span:
    """The week in which articles were imported last, by the policy's zone."""
    with database.session() as session:
        at = session.execute(text("SELECT max(imported_at) FROM articles")).scalar_one()
    return week_of(at.astimezone(BERLIN).date())


def a_week_passes(database: Database) -> None:
    with database.begin() as session:
        past = ", ".join(f"{name} = {name} - interval '7 days'" for name in ("imported_at", "written_at", "revised_at"))
        session.execute(text(f"UPDATE articles SET {past}"))


def test_f3_articles_are_listed_in_the_week_in_which_they_were_written_or_last_revised(
    database: Database, tmp_path: Path
) -> None:
    article(tmp_path, "old", "The old one", "Words.")
    article(tmp_path, "seen", "The one that is right", "Words.")
    import_folder(database, tmp_path)
    a_week_passes(database)
    article(tmp_path, "old", "The old one", "Other words.")
    article(tmp_path, "seen", "The one that is right", "Words.", "updated: 2026-03-09\ntags: [x]\n")
    article(tmp_path, "new", "A new one", "Words.")
    import_folder(database, tmp_path)
    week = week_of_import(database)
    report, before = report_of(database, week), report_of(database, week_of(week.first - DAY))
    assert [(one.slug, one.title, one.new) for one in report.wins.written] == [
        ("faq/new", "A new one", True), ("faq/old", "The old one", False),
    ]  # fmt: skip
    assert [(one.slug, one.new) for one in before.wins.written] == [("faq/old", True), ("faq/seen", True)]
    lines = list(wording.lines(report))
    assert "  written: A new one (faq/new)" in lines
    assert "  revised: The old one (faq/old)" in lines


def test_f3_ten_articles_are_named_and_the_rest_is_counted(database: Database, tmp_path: Path) -> None:
    for number in range(13):
        article(tmp_path, f"a{number:02}", f"Article {number:02}", "Words.")
    import_folder(database, tmp_path)
    found = report_of(database, week_of_import(database)).wins
    assert [one.title for one in found.written] == [f"Article {number:02}" for number in range(10)]
    assert found.written_more == 3


# -- The chat, and what it takes --------------------------------------------------------------------------------


def test_f3_a_chat_is_told_how_many_there_are_and_no_words(database: Database, tmp_path: Path) -> None:
    assert "to share" not in wording.short(report_of(database))
    praised, taught = rated("praised", 5, "Mira was splendid."), solved("taught", win="Ask Mr Ito first.")
    keep(database, praised)
    keep(database, taught)
    said = wording.short(report_of(database))
    assert said.endswith("to share: 1 win, 1 kudos")
    assert not any(words in said for words in ("Mira", "Ito"))
    article(tmp_path, "new", "A new one", "Words.")
    import_folder(database, tmp_path)
    assert wording.short(report_of(database, week_of_import(database))).endswith("to share: 1 article")


def test_f3_what_is_shared_is_found_by_indexes(database: Database) -> None:
    keep(database, solved("1", win="Learnt."))
    first, last = (starts(day, BERLIN) for day in (FIRST.first, FIRST.until))
    with sent_to(database) as sent, database.session() as session:
        session.execute(select(func.set_config("enable_seqscan", "off", True)))
        wins.read(session, first, last)
    plans = sent.plans("ticket_moments") + sent.plans("FROM articles")
    assert len(plans) == 4
    assert not [plan for plan in plans if "Seq Scan" in plan]

"""Drafts of articles, and the figures of visits."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.main import run
from domain.core.enums import Role
from domain.core.refusal import Refused
from services.knowledge import drafts, figures, visits
from services.knowledge.figures import figures_of
from services.knowledge.importing import import_folder
from store import help_sessions, journal, kb
from store.database import Database
from store.help_figures import Counts
from tests.support.knowledge import KB, in_vain
from tests.support.ticket_life import Life, life, resolved

EXPORT = "troubleshooting/reports/export-error"
FILE = "---\ntitle: Zeppelins\nowner: ada\nupdated: 2026-11-30\ndraft: {}\n---\nMoor them at the mast.\n"


def gap(db: Database) -> tuple[Life, int]:
    """A ticket whose resolution showed a gap, and the number of its draft."""
    one = life(subject="Zeppelin of bob@example.com")
    one.do("take").do(
        "resolve", resolution="solved", what_was_done="Moored it. Call +43 660 1234567 to hear more.",
        root_cause="No mast.", kb_reason="gap", message="Please moor it.",
    )  # fmt: skip
    with db.begin() as session:
        journal.append(session, one.ticket.id, "run-1", one.events)
    [draft] = drafts.listed(db)
    return one, draft.id


def test_a_gap_becomes_a_draft_with_the_solution_of_its_ticket_redacted_g9(db: Database) -> None:
    one, number = gap(db)
    shown = drafts.shown(db, number)

    assert list(shown.tickets) == [one.ticket.id]
    assert "Moored it. Call [phone number removed] to hear more." in shown.text
    assert "No mast." in shown.text
    assert "bob@example.com" not in shown.text
    drafts.check(shown.slug, shown.text)  # it is a file that the import takes


def test_a_draft_is_written_by_people_of_support_one_at_a_time_and_an_import_of_its_file_publishes_it(
    db: Database, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, number = gap(db)
    text = FILE.format(number)
    with pytest.raises(Refused, match="people of support"):
        drafts.save(db, number, "faq/zeppelins", text, 0, by="iris", role=Role.CSM)
    with pytest.raises(Refused, match=r"line 3: onwer: there is no such field"):
        drafts.save(db, number, "faq/zeppelins", "---\ntitle: x\nonwer: y\n---\nText", 0, by="ada", role=Role.AGENT)
    drafts.save(db, number, "faq/zeppelins", text, 0, by="ada", role=Role.AGENT)
    with pytest.raises(Refused, match="meanwhile"):
        drafts.save(db, number, "faq/zeppelins", text, 0, by="ben", role=Role.AGENT)

    folder = Path(shutil.copytree(KB, tmp_path / "kb"))
    monkeypatch.setenv("DATABASE_URL", database_url)
    assert run(["kb", "drafts"]) == 0
    assert f"{number} Gap shown by ticket" in capsys.readouterr().out
    assert run(["kb", "export", str(number), str(folder)]) == 0
    assert (folder / "faq" / "zeppelins.md").read_text() == text
    assert run(["kb", "export", str(number), str(folder)]) == 1  # it is there already

    import_folder(db, folder)
    assert drafts.listed(db) == []
    with db.session() as session:
        row = kb.find(session, number)
    assert row is not None
    assert row.state == "published"


def test_a_draft_that_somebody_has_written_outlives_a_reset_of_its_ticket(db: Database) -> None:
    one, number = gap(db)
    with db.begin() as session:
        kb.change(session, number, 0, "faq/zeppelins", FILE.format(number), "ada", datetime.now(UTC))
        kb.forget_drafts(session, one.ticket.id, 1)
    assert [draft.id for draft in drafts.listed(db)] == [number]


def test_a_search_in_vain_becomes_one_draft_with_the_tickets_that_followed(db: Database) -> None:
    import_folder(db, KB)
    one = resolved(life())
    with db.begin() as session:
        journal.append(session, one.ticket.id, "run-1", one.events)
    found = visits.look_for(db, "zzqy wwqx", session=None, channel="tests")
    with db.begin() as session:
        help_sessions.link_ticket(session, found.session, one.ticket.id)

    number = in_vain(db, "ZZQY  wwqx")

    assert in_vain(db, "zzqy wwqx") == number
    shown = drafts.shown(db, number)
    assert list(shown.tickets) == [one.ticket.id]
    assert 'title: "zzqy wwqx"' in shown.text
    with pytest.raises(Refused, match="in vain"):
        drafts.begin_from_search(db, "export", role=Role.AGENT)


# -- Figures --------------------------------------------------------------------------------------------------


def visit(db: Database, query: str, *, read: str = "", helped: bool | None = None, ticket: str = "") -> None:
    session = visits.look_for(db, query, session=None, channel="tests").session
    if read:
        visits.read(db, read, session=session, channel="tests")
    if helped is not None:
        visits.say_whether_it_helped(db, read, helped, session=session)
    if ticket:
        with db.begin() as transaction:
            help_sessions.link_ticket(transaction, session, ticket)


def test_the_five_figures_count_what_became_of_visits(db: Database) -> None:
    """Four visits: one deflected; one that was helped, with a ticket all the same; one in vain, with a ticket; one
    silent."""
    import_folder(db, KB)
    visit(db, "export error", read=EXPORT, helped=True)
    visit(db, "export", read=EXPORT, helped=True, ticket="t-1")
    visit(db, "zzqy", ticket="t-2")
    visit(db, "dark mode", read="faq/dark-mode", helped=False)
    now = db.clock.now()

    found = figures.answered(db, now - timedelta(days=1), now + timedelta(seconds=1))

    assert found.counts._replace(median_seconds=None) == Counts(4, 1, 2, 3, 2, 4, 3, 1, None)
    assert (found.silent, found.counts.median_seconds is not None) == (1, True)
    assert [(one.query, one.sessions, list(one.tickets)) for one in found.in_vain] == [("zzqy", 1, ["t-2"])]
    assert [one[:1] + one[2:] for one in found.articles] == [
        ("faq/dark-mode", 1, 0, 1, 0, 0),
        (EXPORT, 2, 2, 0, 1, 1),
    ]
    earlier = figures.answered(db, now - timedelta(days=2), now - timedelta(days=1))
    assert earlier.counts == Counts(0, 0, 0, 0, 0, 0, 0, 0, None)
    assert [one.value for one in earlier.figures] == [None, None, None, None, 0]


def test_a_share_is_above_its_target_and_the_time_below_it() -> None:
    at_the_target = figures_of(Counts(10, 4, 0, 10, 8, 10, 7, 0, 180.0))
    assert [one.kept for one in at_the_target] == [False, False, False, False, None]
    beyond_it = figures_of(Counts(100, 41, 0, 100, 81, 100, 71, 0, 179.0))
    assert [one.kept for one in beyond_it] == [True, True, True, True, None]
    assert figures.lines.__doc__


def test_a_visit_that_is_over_is_not_gone_on_with(db: Database) -> None:
    now = db.clock.now()
    with db.begin() as session:
        first = help_sessions.begin(session, None, "a" * 32, "tests", now)
        later = now + help_sessions.OVER
        assert help_sessions.begin(session, first, "b" * 32, "tests", later - timedelta(seconds=1)) == first
        assert help_sessions.begin(session, first, "c" * 32, "tests", later + help_sessions.OVER) == "c" * 32
        assert help_sessions.begin(session, "c" * 32, "d" * 32, "elsewhere", later + help_sessions.OVER) == "d" * 32

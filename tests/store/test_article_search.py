"""The import of a folder, and the search of what was imported, on a PostgreSQL."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from bench.answers import JUDGED, KB, ranks
from cli.main import run
from domain.core.refusal import Refused
from services.knowledge.importing import Imported, import_folder
from services.knowledge.searching import distance, search
from store import articles
from store.database import Database
from store.tables.knowledge import ArticleRow
from tests.support.databases import fresh_database
from tests.support.query_plans import sent_to

EVERYTHING = 33
"""Articles and playbooks of the samples."""


@pytest.fixture(scope="module")
def sampled(postgres_url: str) -> Iterator[Database]:
    """A database with the samples, for tests that only read."""
    with fresh_database(postgres_url) as url:
        found = Database(url)
        import_folder(found, KB)
        yield found
        found.dispose()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the samples."""
    return Path(shutil.copytree(KB, tmp_path / "kb"))


def slugs(db: Database, query: str, **more: object) -> list[str]:
    return [one.slug for one in search(db, query, **more).found]


# -- Import ---------------------------------------------------------------------------------------------------


def test_an_import_is_idempotent_and_takes_over_what_changed_and_what_is_gone(db: Database, folder: Path) -> None:
    assert import_folder(db, folder) == Imported(EVERYTHING, 0, 0, 0, [])
    with db.session() as session:
        before = session.scalars(select(ArticleRow.imported_at)).all()

    assert import_folder(db, folder) == Imported(0, 0, EVERYTHING, 0, [])
    with db.session() as session:
        assert session.scalars(select(ArticleRow.imported_at)).all() == before

    file = folder / "faq" / "dark-mode.md"
    file.write_text(file.read_text().replace("Yes:", "Yes, since spring:"))
    (folder / "faq" / "languages.md").unlink()
    assert import_folder(db, folder) == Imported(0, 1, EVERYTHING - 2, 1, [])
    assert slugs(db, "spring") == ["faq/dark-mode"]
    assert "faq/languages" not in slugs(db, "Danish Norwegian")


def test_a_broken_file_names_its_line_and_stops_nothing_else_and_its_article_stays(db: Database, folder: Path) -> None:
    import_folder(db, folder)
    file = folder / "faq" / "dark-mode.md"
    file.write_text(file.read_text().replace("owner:", "onwer:"))
    (folder / "faq" / "new.md").write_text("---\ntitle: A platypus\n---\nIt lays eggs.\n")

    done = import_folder(db, folder)

    assert (done.new, done.changed, done.removed) == (1, 0, 0)
    assert [str(one) for one in done.broken] == [
        "faq/dark-mode.md:5: onwer: there is no such field; did you mean owner?"
    ]
    assert slugs(db, "platypus") == ["faq/new"]
    assert slugs(db, "dark mode")[0] == "faq/dark-mode"


def test_a_folder_that_holds_no_articles_empties_nothing(db: Database, folder: Path, tmp_path: Path) -> None:
    import_folder(db, folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(Refused, match="holds no articles"):
        import_folder(db, tmp_path / "empty")
    with pytest.raises(Refused, match="these folders are no sections, and hold Markdown: kb"):
        import_folder(db, tmp_path)
    with db.session() as session:
        assert session.scalar(select(func.count()).select_from(ArticleRow)) == EVERYTHING


def test_an_import_shows_its_progress(db: Database, folder: Path) -> None:
    for number in range(300):
        (folder / "faq" / f"made-{number}.md").write_text(f"---\ntitle: Made {number}\n---\nText {number}.\n")
    told: list[tuple[int, int]] = []
    import_folder(db, folder, lambda done, of: told.append((done, of)))
    assert told == [(250, EVERYTHING + 300), (EVERYTHING + 300, EVERYTHING + 300)]


def test_the_commands_import_list_and_search(
    database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    (folder / "faq" / "new.md").write_text("nothing\n")

    assert run(["kb", "import", str(folder)]) == 1
    said = capsys.readouterr()
    assert "faq/new.md:1: it begins with a line ---" in said.err
    assert f"{EVERYTHING + 1} of {EVERYTHING + 1} files are read" in said.err
    assert f"{EVERYTHING} new, 0 changed, 0 unchanged, 0 removed, 1 cannot be read" in said.out
    assert run(["kb", "list", "--section", "faq"]) == 0
    assert "faq/dark-mode" in capsys.readouterr().out
    assert run(["kb", "search", "dark theme"]) == 0
    assert capsys.readouterr().out.startswith("faq/dark-mode: Is there a dark mode?")
    assert run(["kb", "check", str(folder)]) == 1
    assert "33 articles and playbooks, 1 findings" in capsys.readouterr().out


# -- Search ---------------------------------------------------------------------------------------------------


def test_the_judged_queries_are_answered_far_better_than_by_like(sampled: Database) -> None:
    figures = ranks(sampled)
    assert len(JUDGED) >= 50
    assert figures["mrr"] >= 0.9, figures["not_first"]
    assert figures["mrr_like"] < 0.5


def test_words_that_stand_nowhere_and_stop_words_keep_no_article_out(sampled: Database) -> None:
    assert slugs(sampled, "export error, I am bob at the qqzx wwyx vvkx")[0] == "troubleshooting/reports/export-error"


def test_a_word_in_the_title_outweighs_the_same_word_in_the_text(sampled: Database) -> None:
    assert slugs(sampled, "calendar")[0] == "product-guides/calendar"


def test_words_are_found_in_other_forms_by_the_rules_of_the_articles_language(sampled: Database) -> None:
    assert slugs(sampled, "exporting reports")[0] == "product-guides/reports/export-reports"
    assert slugs(sampled, "Rechnungen speichern")[0] == "billing-and-account/rechnung-als-entwurf"


def test_a_search_in_one_language_finds_articles_of_that_language_only(sampled: Database) -> None:
    assert slugs(sampled, "Rechnung", language="de") == ["billing-and-account/rechnung-als-entwurf"]
    assert slugs(sampled, "Rechnung", language="en") == []


def test_a_misspelt_word_brings_along_the_words_that_look_like_it(sampled: Database) -> None:
    results = search(sampled, "pasword")
    assert (results.found[0].slug, list(results.instead)) == ("troubleshooting/sign-in/password-reset", ["password"])
    assert search(sampled, "password").instead == []


def test_phrases_of_the_synonym_file_mean_the_same(sampled: Database) -> None:
    assert slugs(sampled, "night mode")[0] == "faq/dark-mode"
    assert "product-guides/reports/monthly-report" in slugs(sampled, "money back")


def test_a_snippet_shows_what_was_found_between_marks(sampled: Database) -> None:
    [found] = search(sampled, "Frankfurt").found
    assert f"{articles.OPENS}Frankfurt{articles.CLOSES}, Dublin" in found.snippet


def test_playbooks_are_found_only_where_they_are_asked_for(sampled: Database) -> None:
    assert not any(slug.startswith("playbooks/") for slug in slugs(sampled, "export fails identity checks", limit=50))
    assert slugs(sampled, "export fails", playbooks=True)[0] == "playbooks/export-fails"


@pytest.mark.parametrize("query", ["", "   ", "the", "???", "zzqqxx", "'", "a & b | !c:* <->", "\u202e", "x" * 5000])
def test_whatever_is_typed_is_a_query(sampled: Database, query: str) -> None:
    assert slugs(sampled, query) == []


@pytest.mark.parametrize(
    ("one", "other", "far"), [("export", "export", 0), ("exprot", "export", 1), ("eror", "error", 1), ("a", "", 1)]
)
def test_words_differ_by_letters(one: str, other: str, far: int) -> None:
    assert distance(one, other) == distance(other, one) == far


def test_a_search_right_after_an_import_uses_the_index_of_words(db: Database, folder: Path) -> None:
    import_folder(db, folder)
    one = "jsonb_populate_record(one, jsonb_build_object('slug', one.slug || '-' || n)) AS copy"
    copies = f"SELECT copy.* FROM articles AS one, generate_series(1, 100) AS n, {one}"
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"INSERT INTO articles {copies}"))
        connection.execute(text("ANALYZE articles"))

    with sent_to(db) as sent:
        assert slugs(db, "export stops with an error", language="en")

    plans = sent.plans(of="ts_rank")
    assert plans
    assert [plan for plan in plans if "ix_articles_words" not in plan or "ix_articles_language" in plan] == []

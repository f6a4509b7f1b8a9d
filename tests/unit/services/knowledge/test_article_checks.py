"""`tierline kb check`: what is wrong with articles that can be read."""

from pathlib import Path

from services.knowledge.checking import check
from services.knowledge.importing import read_folder
from tests.support.root import ROOT


def kb(folder: Path, **files: str) -> list[tuple[str, int, str]]:
    """What is found in a folder with these files. `__` in a name is a slash, `_` a hyphen."""
    for name, content in files.items():
        path = folder / f"{name.replace('__', '/').replace('_', '-')}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return [(one.path, one.line, one.kind) for one in check(read_folder(folder))]


def article(title: str, body: str = "", *, more: str = "owner: a\nupdated: 2026-11-01\n") -> str:
    return f"---\ntitle: {title}\n{more}---\n{body or f'About {title}, in words of its own.'}\n"


def test_a_link_to_an_article_or_heading_that_there_is_not_is_dead(tmp_path: Path) -> None:
    found = kb(
        tmp_path,
        faq__a=article("A", "See [b](b.md), [there](#there),\n[lost](c.md).\n\n# There\n\n[x](b.md#no) [y](/faq)\n"),
        faq__b=article("B", "See [a](a.md#there), [p](../playbooks/p.md)."),
        playbooks__p=article("P"),
    )
    assert found == [("faq/a.md", 7, "dead_link"), ("faq/a.md", 11, "dead_link"), ("faq/b.md", 6, "dead_link")]


def test_an_article_has_an_owner_and_a_day(tmp_path: Path) -> None:
    found = kb(tmp_path, faq__a=article("A", more=""))
    assert found == [("faq/a.md", 1, "no_day"), ("faq/a.md", 1, "no_owner")]


def test_an_article_that_nobody_has_looked_at_since_the_last_release_of_its_area_is_found(tmp_path: Path) -> None:
    """A release note may be about several areas; the latest of an area counts."""
    release = article("Version 4.12", more="owner: a\nupdated: 2026-11-03\narea: reports\nareas: [calendar]\n")
    older = article("Version 4.11", more="owner: a\nupdated: 2026-10-06\narea: reports\n")

    def seen(title: str, day: str, area: str) -> str:
        return article(title, more=f"owner: a\nupdated: {day}\narea: {area}\n")

    found = kb(
        tmp_path,
        release_notes__n=release,
        release_notes__m=older,
        faq__before=seen("Before", "2026-11-02", "reports"),
        faq__same_day=seen("Same day", "2026-11-03", "calendar"),
        faq__other=seen("Other", "2020-01-01", "billing"),
    )
    assert found == [("faq/before.md", 1, "outdated")]


def test_articles_with_one_title_or_nearly_the_same_words_are_duplicates(tmp_path: Path) -> None:
    text = " ".join(f"word{number} follows" for number in range(60))
    found = kb(
        tmp_path,
        faq__a=article("Export fails", text),
        faq__b=article("Something else", f"{text} and one more sentence."),
        faq__c=article("export FAILS"),
        faq__d=article("Export fails", more="owner: a\nupdated: 2026-11-01\nlanguage: de\n"),
    )
    assert found == [("faq/b.md", 1, "duplicate"), ("faq/c.md", 1, "duplicate")]


def test_a_broken_file_is_a_finding_and_a_link_to_it_is_not_dead(tmp_path: Path) -> None:
    found = kb(tmp_path, faq__a=article("A", "[b](b.md)"), faq__b="nothing")
    assert found == [("faq/b.md", 1, "broken")]


def test_nothing_is_wrong_with_the_samples_of_the_demo() -> None:
    assert check(read_folder(ROOT / "examples" / "kb")) == []

"""An article is a Markdown file with front matter; what is wrong with one is named with its line."""

from datetime import date
from pathlib import Path

import pytest

from services.knowledge.article_file import Article, Broken, article_of, files_of
from services.knowledge.importing import read_synonyms
from tests.support.root import ROOT

NAMED = "troubleshooting/reports/export-error.md"
GOOD = """---
title: An export fails
area: reports
owner: reports team
updated: 2026-11-27
tags: [429, error]
---

Enter the rate.
"""


def test_the_path_says_section_and_topic_and_the_front_matter_the_rest() -> None:
    read = article_of(NAMED, GOOD.encode())
    assert isinstance(read, Article)
    assert (read.slug, read.section, read.topic) == (NAMED[:-3], "troubleshooting", "reports")
    assert (read.matter.title, read.matter.area, read.matter.language) == ("An export fails", "reports", "en")
    assert (read.matter.updated, read.matter.tags) == (date(2026, 11, 27), ("429", "error"))
    assert (read.markdown, read.first_line) == ("Enter the rate.\n", 9)


@pytest.mark.parametrize(
    ("content", "line", "why"),
    [
        ("# No front matter\n", 1, "begins with a line ---"),
        ("---\ntitle: x\n", 3, "has no end"),
        ("---\ntitle: [x\nowner: y\n---\nText.\n", 3, "expected ',' or ']'"),
        ("---\ntitle: x\nowner: y\nonwer: z\n---\nText.\n", 4, "onwer: there is no such field; did you mean owner?"),
        ("---\nowner: y\n---\nText.\n", 2, "title: is missing"),
        ("---\ntitle: x\nupdated: soon\n---\nText.\n", 3, "updated: "),
        ("---\ntitle: x\nlanguage: English\n---\nText.\n", 3, "language: "),
        ("---\ntitle: x\n---\n\n", 3, "it has no text"),
        ("---\njust words\n---\nText.\n", 2, "lines such as"),
        ("---\ntitle: x\ntags: [&a b, *a]\n---\nText.\n", 3, "aliases are not read"),
    ],
)
def test_a_broken_file_names_its_line(content: str, line: int, why: str) -> None:
    read = article_of(NAMED, content.encode())
    assert isinstance(read, Broken)
    assert (read.path, read.line) == (NAMED, line)
    assert why in read.why


def test_what_is_no_text_names_the_line_of_its_first_wrong_byte() -> None:
    assert article_of(NAMED, b"---\ntitle: x\n---\n\xff") == Broken(NAMED, 4, "it is not UTF-8")


def test_a_name_that_no_address_can_hold_is_refused() -> None:
    read = article_of("faq/Dark Mode.md", GOOD.encode())
    assert isinstance(read, Broken)
    assert "small letters" in read.why


def test_only_files_in_the_folders_of_sections_are_read(tmp_path: Path) -> None:
    for name in ("faq/a.md", "faq/.hidden.md", "faq/a.txt", "README.md", "playbooks/b.md", "other/c.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(GOOD)
    assert [path.relative_to(tmp_path).as_posix() for path in files_of(tmp_path)] == ["faq/a.md", "playbooks/b.md"]


def test_synonyms_are_groups_and_a_lonely_word_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "synonyms.txt").write_text("# remark\nLog in,  sign  in, login\n\nalone\nbill, invoice # both\n")
    groups, broken = read_synonyms(tmp_path)
    assert groups == [["log in", "sign in", "login"], ["bill", "invoice"]]
    assert [(one.path, one.line) for one in broken] == [("synonyms.txt", 4)]


def test_the_samples_of_the_demo_can_all_be_read() -> None:
    folder = ROOT / "examples" / "kb"
    read = [article_of(path.relative_to(folder).as_posix(), path.read_bytes()) for path in files_of(folder)]
    assert [one for one in read if isinstance(one, Broken)] == []
    assert len({one.section for one in read if isinstance(one, Article)}) == 8  # the seven, and playbooks

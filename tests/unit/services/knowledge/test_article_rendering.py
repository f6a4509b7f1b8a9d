"""An article is rendered without raw HTML, and its links lead to the pages of articles."""

import pytest

from services.knowledge.rendering import render
from tests.support.hostile import HOSTILE

SLUG = "troubleshooting/reports/export-error"


def test_markdown_becomes_a_page_whose_headings_can_be_linked_to() -> None:
    made = render("# Causes\n\nSee **this**.\n\n## Two currencies\n\n| a | b |\n|---|---|\n| 1 | 2 |\n", SLUG)

    assert made.html.startswith('<h2 id="causes">Causes</h2>\n<p>See <strong>this</strong>.</p>')
    assert "<td>1</td>" in made.html
    assert made.headings == ("Causes", "Two currencies")
    assert made.ids == {"causes", "two-currencies"}
    assert made.plain.splitlines() == ["Causes", "See this.", "Two currencies", "a", "b", "1", "2"]


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_an_article_holds_makes_no_element_that_does_anything(text: str) -> None:
    made = render(f"{text}\n\n[link]({text})\n\n`{text}`", SLUG).html.lower()

    for element in ("<script", "<img", "<svg", "<iframe", "<style", "<base", "<form", "<object", "<math"):
        assert element not in made
    assert 'href="javascript:' not in made


def test_raw_html_is_shown_as_text() -> None:
    made = render("<b onclick=alert(1)>Bold</b>\n\n<script>alert(1)</script>\n", SLUG)
    assert "&lt;b onclick=alert(1)&gt;Bold&lt;/b&gt;" in made.html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in made.html


def test_a_picture_is_shown_as_its_description_and_nothing_is_fetched() -> None:
    assert render("![The button](https://elsewhere.example/pixel.png)", SLUG).html == "<p>The button</p>\n"


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("wrong-figures.md", "/help/troubleshooting/reports/wrong-figures"),
        ("../api/rate-limit.md#retry", "/help/troubleshooting/api/rate-limit#retry"),
        ("/faq/dark-mode.md", "/help/faq/dark-mode"),
        ("/help/faq/dark-mode", "/help/faq/dark-mode"),
        ("#causes", "#causes"),
        ("https://example.com/a", "https://example.com/a"),
        ("mailto:help@example.com", "mailto:help@example.com"),
    ],
)
def test_a_link_to_a_file_leads_to_the_page_of_its_article(written: str, address: str) -> None:
    assert f'href="{address}"' in render(f"[x]({written})", SLUG).html


def test_the_links_within_the_knowledge_base_are_known_with_their_lines() -> None:
    made = render("First.\n\nSecond [a](wrong-figures.md)\nthird [b](#causes)\n[c](https://example.com).\n", SLUG)
    assert [(link.target, link.heading, link.line) for link in made.links] == [
        ("troubleshooting/reports/wrong-figures", "", 3),
        (SLUG, "causes", 4),
    ]


def test_the_entries_of_a_checklist_are_its_steps() -> None:
    made = render("- [ ] Ask which *month*.\n- [x] Export\n  it again.\n- no step\n", "playbooks/export")
    assert made.steps == ("Ask which month.", "Export it again.")

"""The neutral document: clean text, plain rendering, made to fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.core.text import clean, one_line
from domain.documents.document import (
    BulletList,
    Document,
    Heading,
    Link,
    Text,
    bullets,
    code,
    code_block,
    heading,
    link,
    numbers,
    paragraph,
    plain,
    shorten,
    strong,
)

any_text = st.text(st.characters(), max_size=60)
"""Every code point there is, lone surrogates and control characters included."""


def length(document: Document) -> int:
    return len(plain(document))


class TestCleanText:
    def test_line_ends_become_newlines_and_tabs_stay(self) -> None:
        assert clean("a\r\nb\rc\u2028d\te") == "a\nb\nc\nd\te"

    def test_control_characters_escapes_and_half_characters_go(self) -> None:
        assert clean("\x00a\x1b[31mb\x9bc\ud800d\uffffe\x7f") == "a[31mbcde"

    def test_letters_of_every_script_and_emoji_stay(self) -> None:
        text = "Größe 测试 עברית \U0001f468\u200d\U0001f469\u200d\U0001f467"

        assert clean(text) == text

    @given(any_text)
    def test_cleaning_twice_is_cleaning_once_and_gives_text_that_can_be_sent(self, text: str) -> None:
        assert clean(clean(text)) == clean(text)
        clean(text).encode()

    @given(any_text)
    def test_a_document_never_holds_anything_else(self, text: str) -> None:
        document = Document(
            blocks=(heading(text), paragraph(text, strong(text), code(text)), bullets([text]), code_block(text))
        )

        assert document.blocks[1] == paragraph(clean(text), strong(clean(text)), code(clean(text)))
        assert clean(plain(document)) == plain(document)

    def test_a_line_keeps_its_limit_and_says_that_it_was_cut(self) -> None:
        assert one_line(" a \n\t b ", 5) == "a b"
        assert one_line("abcdef", 6) == "abcdef"
        assert one_line("abcd ef", 6) == "abcd\u2026"

    def test_a_heading_is_one_line_of_bounded_length(self) -> None:
        assert len(heading("very\nlong " * 100).text) == 255


class TestLinks:
    @pytest.mark.parametrize(
        "url",
        [
            "javascript:alert(1)",
            "data:text/html,x",
            "ftp://files.example.com",
            "//example.com",
            "https://",
            'https://example.com/"onclick="x',
            "https://example.com/<script>",
            "https://example.com/a b",
            "https://example.com/\n",
            "https://example.com/" + "x" * 2100,
        ],
    )
    def test_what_is_no_web_address_stays_words(self, url: str) -> None:
        assert isinstance(link("here", url), Text)
        with pytest.raises(ValidationError):
            Link(text="here", url=url)

    def test_without_an_address_the_words_stand_alone(self) -> None:
        assert link("here", "") == Text(text="here")

    def test_a_web_address_becomes_a_link(self) -> None:
        assert link("here", "HTTPS://example.com/a?b=c&d=%20#e") == Link(
            text="here", url="HTTPS://example.com/a?b=c&d=%20#e"
        )


class TestPlainText:
    def test_every_block_has_its_form(self) -> None:
        document = Document(
            blocks=(
                heading("Bug", level=1),
                paragraph("See ", link("ticket", "https://tickets.example.com/7K2M"), ", ", strong("now")),
                heading("Steps"),
                numbers(["open", "save"]),
                bullets([(code("a"), Text(text=" fails")), "b"]),
                code_block("x = 1\n  y"),
            )
        )

        assert plain(document) == (
            "Bug\n===\n\n"
            "See ticket <https://tickets.example.com/7K2M>, now\n\n"
            "Steps\n-----\n\n"
            "1. open\n2. save\n\n"
            "- a fails\n- b\n\n"
            "    x = 1\n      y"
        )

    def test_an_empty_document_is_empty_text(self) -> None:
        assert plain(Document()) == ""

    def test_a_document_travels_as_json(self) -> None:
        document = Document(
            blocks=(heading("h"), paragraph("p", link("l", "https://example.com")), bullets(["b"]), code_block("c"))
        )

        assert Document.model_validate_json(document.model_dump_json()) == document

    def test_a_list_without_items_is_refused(self) -> None:
        with pytest.raises(ValidationError):
            BulletList(items=())


class TestShorten:
    def test_what_fits_is_left_alone(self) -> None:
        document = Document(blocks=(paragraph("short"),))

        assert shorten(document, lambda d: length(d) <= 100) is document

    def test_the_longest_block_shrinks_and_the_others_stay_whole(self) -> None:
        document = Document(
            blocks=(heading("Log"), code_block("x" * 10_000), heading("Impact"), paragraph("3 teams are blocked"))
        )

        shorter = shorten(document, lambda d: length(d) <= 1_000)

        assert 900 <= length(shorter) <= 1_000
        assert shorter.blocks[2:] == document.blocks[2:]
        kept = plain(shorter).count("x")
        assert f"[cut here: {10_000 - kept:,} more characters]" in plain(shorter)

    def test_lists_and_marked_lines_are_cut_at_the_end(self) -> None:
        document = Document(blocks=(bullets(["first"] + ["x" * 50] * 20), paragraph(strong("y" * 300))))

        shorter = shorten(document, lambda d: length(d) <= 250)

        assert isinstance(shorter.blocks[0], BulletList)
        assert shorter.blocks[0].items[0] == (Text(text="first"),)
        assert plain(shorter).count("[cut here:") == 2

    def test_too_many_blocks_are_left_out_from_the_end(self) -> None:
        document = Document(blocks=tuple(heading(f"Section {n}") for n in range(100)))

        shorter = shorten(document, lambda d: length(d) <= 200)

        assert 0 < len(shorter.blocks) < 100
        assert shorter.blocks == document.blocks[: len(shorter.blocks)]
        assert all(isinstance(block, Heading) for block in shorter.blocks)

    def test_when_nothing_fits_it_says_so(self) -> None:
        with pytest.raises(ValueError, match="nothing fits"):
            shorten(Document(blocks=(paragraph("x"),)), lambda d: False)

    @given(texts=st.lists(st.text("ab\n", max_size=300), min_size=1, max_size=6), limit=st.integers(0, 1_000))
    def test_the_result_always_fits(self, texts: list[str], limit: int) -> None:
        blocks = (paragraph(*texts), bullets(texts), code_block("".join(texts)), heading(texts[0]))

        assert length(shorten(Document(blocks=blocks), lambda d: length(d) <= limit)) <= limit

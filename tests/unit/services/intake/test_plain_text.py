"""HTML becomes text before anything reads it (G11)."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.core.own_words import own_words
from services.intake.plain_text import is_html, plain, plain_line


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>our <b>production</b>&nbsp;is&nbsp;<span>down</span>.</p>", "our production is down."),
        ("our <b>production</b>&nbsp;is <em>down</em>", "our production is down"),
        ("Hello<br>production is<br/>down", "Hello\nproduction is\ndown"),
        ("<div>One</div><div>two</div>", "One\ntwo"),
        ("<p>One</p><p>two</p>", "One\n\ntwo"),
        ("<style>.btn-blocked{} .refund{}</style><script>down()</script><p>How do I export?</p>", "How do I export?"),
        ("<html><head><title>x</title></head><body>It&#39;s &lt;down&gt; &amp; out &uuml;</body></html>",
         "It's <down> & out ü"),
        ("<ul><li>one</li><li>two<ol><li>a</li><li>b</li></ol></li></ul>", "- one\n- two\n  1. a\n  2. b"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>", "a | b\nc | d"),
        ('<a href="https://example.com/x?a=1&amp;b=2">this page</a>', "this page (https://example.com/x?a=1&b=2)"),
        ('<a href="https://example.com/x">https://example.com/x</a>', "https://example.com/x"),
        ('<a href="javascript:alert(1)">this</a> page', "this page"),
        ("<p>Yes.</p><div>On 2 Nov 2026 Support wrote:<blockquote><p>Is it down?</p></blockquote></div>",
         "Yes.\n\nOn 2 Nov 2026 Support wrote:\n> Is it down?"),
        ("<pre>line 1\n  line 2</pre>", "line 1\n  line 2"),
        ('<div style="display:none">preheader</div><p hidden>no</p><p>seen</p>', "seen"),
        ('<p>See <img src="x.png" alt="error 500"></p>', "See [image: error 500]"),
        ("<p>un<b>block</b>ed</p>", "unblocked"),
        ("<!-- production is down --><p>fine</p>", "fine"),
        ("<P>BIG</P>", "BIG"),
        ("<p>not closed<p>either", "not closed\n\neither"),
        ("production&nbsp;is&nbsp;down", "production is down"),
        ("we can&#39;t log in, it&rsquo;s down", "we can't log in, it\u2019s down"),
    ],
)  # fmt: skip
def test_html_becomes_what_a_reader_sees(html: str, text: str) -> None:
    assert plain(html) == text


@pytest.mark.parametrize(
    "text",
    [
        "if a < b and b > c then fail",
        "The page shows a stray <p> at its end.",
        "Expected List<String>, got Map<String, Integer>",
        "<jo@example.com> wrote:\n> hello",
        "  two   spaces\n\n\nand lines ",
        "R&amp;D shows as R&amp;D",
        "x</closing>",
    ],
)
def test_what_is_no_html_stays_as_it_is(text: str) -> None:
    assert not is_html(text)
    assert plain(text) == text


def test_a_subject_is_one_line_without_entities() -> None:
    assert plain_line("It&#39;s <b>down</b>") == "It's down"
    assert plain_line("R&amp;D is down") == "R&D is down"


@given(
    st.lists(
        st.sampled_from(["<p>", "</p>", "<div>", "</b>", "<b>", "<ul><li>", "</ul>", "a < b", "&", "<a href=x>", "<"])
        | st.text(max_size=8),
        max_size=20,
    ).map("".join)
)
@settings(max_examples=300, deadline=None)
def test_any_input_gives_text(text: str) -> None:
    assert isinstance(plain(text), str)
    assert isinstance(plain_line(text), str)


def test_neither_depth_nor_length_takes_long() -> None:
    for text in ("<div>" * 100_000, "<b>" * 50_000 + "x" + "</b>" * 50_000, "<p>x</p>" * 60_000, "</p>" * 200_000,
                 "<a href=" * 60_000, "<" * 500_000, "<p " * 100_000):  # fmt: skip
        began = time.process_time()
        plain(text)
        assert time.process_time() - began < 10, text[:20]


@pytest.mark.parametrize(
    "quoted",
    [
        '<div class="gmail_quote"><div class="gmail_attr">On Mon Support said</div>production is down</div>',
        '<div class="yahoo_quoted"><div>production is down</div></div>',
        '<div class="protonmail_quote">production is down</div>',
        '<div id="mail-editor-reference-message-container">production is down</div>',
        '<div class="gmail_signature" dir="ltr">Jo<br>production is down GmbH</div>',
        '<pre class="moz-signature">production is down</pre>',
        '<div id="Signature"><p>production is down</p></div>',
        '<div id="ms-outlook-mobile-signature">production is down</div>',
    ],
)
def test_what_a_mail_program_marks_as_quoted_or_as_a_signature_is_none_of_the_writers_words(quoted: str) -> None:
    for text in (f"<p>All fine.</p>{quoted}", f"All fine.{quoted}"):
        assert own_words(plain(text)) == "All fine."
        assert "production is down" in plain(text)  # people see it


def test_what_stands_alone_in_a_quotation_is_forwarded_and_meant() -> None:
    head = "---------- Forwarded message ---------<br>From: Jo<br>Date: Mon, 2 Nov 2026<br>Subject: x<br>To: Support"
    text = f'<div><br></div><div class="gmail_quote"><div>{head}</div><br><div>production is down</div></div>'
    assert own_words(plain(text)) == "production is down"


def test_a_word_about_signatures_is_none() -> None:
    text = '<p>One.</p><span class="signature">of the contract</span><p>two</p>'
    assert own_words(plain(text)).split() == ["One.", "of", "the", "contract", "two"]


@pytest.mark.parametrize("space", ["&nbsp;", "&#32;", "&ensp;", "&emsp;", "&thinsp;", "&#8239;"])
def test_an_entity_of_a_space_parts_words(space: str) -> None:
    assert plain(f"production{space}is{space}down").split() == ["production", "is", "down"]

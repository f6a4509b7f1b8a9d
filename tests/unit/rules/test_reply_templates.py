"""F9: reply templates: gaps, the personal line, and what is not sent."""

import pytest

from domain.core.refusal import Refused
from domain.ticket.aggregate import TICKET
from domain.ticket.rules.templates import (
    MESSAGES,
    Template,
    Templated,
    check_template,
    compose,
    edited_percent,
    fill,
    gaps,
    values_of,
)
from tests.support.ticket_case import Case, given

BODY = "Hello,\n\n{{personal line}}\n\nAbout {{ ticket }}: it works again from {{ when }} on.\n\n{{agent}}"
LINE = "I have run your export of March myself."


def template(**fields) -> Template:
    return Template.model_validate({"name": "works-again", "situation": "It works again", "body": BODY} | fields)


def taken() -> Case:
    case = given()
    case.do("take", at="09:01")
    return case


def test_f9_what_the_ticket_has_is_filled_in_and_what_it_has_not_is_left_to_the_agent():
    case = taken()
    filled = fill(BODY, values_of(case.ticket, "Export fails", "ada"))
    assert f"About {case.ticket.id}: it works again" in filled
    assert filled.endswith("ada")
    assert gaps(filled) == ["personal line", "when"]


def test_f9_what_is_filled_in_is_no_gap_of_ours():
    case = taken()
    assert fill("{{subject}} {{when}}", {"subject": "{{when}}", "when": "noon"}) == "{{when}} noon"
    assert gaps(fill("{{subject}}", values_of(case.ticket, "How does {{agent}} work?", "ada"))) == []


def test_f9_a_message_with_its_gaps_filled_and_a_personal_line_is_sent_and_names_its_template():
    case = taken()
    filled = fill(BODY, values_of(case.ticket, "Export fails", "ada"))
    text = compose(filled, {"when": "noon"}, LINE)
    case.do("respond", at="09:02", text=text, template="works-again", personal_line=LINE)
    assert case.last("responded").template == "works-again"
    case.do("wait", at="09:03", question=f"{LINE} Since when?", template="since-when", personal_line=LINE)
    assert case.last("wait_started").template == "since-when"


@pytest.mark.parametrize("name", ["respond", "wait"])
@pytest.mark.parametrize(
    ("text", "line", "lacking"),
    [
        (f"{LINE} From {{{{when}}}} on, says {{{{ Who_ever }}}}.", LINE, ["when", "who ever"]),
        ("{{personal line}} It works again.", "", ["personal line"]),
        ("It works again.", "", ["personal line"]),
        ("Hi Sam, it works again.", "Hi Sam,", ["personal line"]),
        ("It works again.", LINE, ["personal line"]),
        ("{{personal line}} and {{when}}", "{{personal line}} and {{when}}", ["personal line", "when"]),
    ],
)
def test_f9_what_still_has_a_gap_or_is_the_bare_template_is_not_sent(name, text, line, lacking):
    case = taken()
    field = {"respond": "text", "wait": "question"}[name]
    refused = case.refused(name, at="09:02", template="works-again", personal_line=line, **{field: text})
    assert refused.code == "template_gap"
    assert refused.missing == lacking


def test_f9_every_message_that_may_be_made_of_a_template_is_checked():
    assert {name for name, kind in TICKET.offered.items() if issubclass(kind, Templated)} == set(MESSAGES)


TEXT = f"Hello,\n\n{LINE}\n\nAbout 4k7m-3q9x-tbd2: it works again from noon on.\n\nada"
"""What `BODY` becomes. It has seven words of its own."""


@pytest.mark.parametrize(
    ("text", "percent"),
    [
        (TEXT, 0),
        (TEXT.replace("\n\n", "\n").replace(": it", " - it"), 0),  # white space and punctuation
        (TEXT.replace("noon", "the first of May, at noon or so,"), 0),  # what fills a gap
        (TEXT.replace("it works again", "it works once more"), 29),  # one word by two
        (TEXT.replace("Hello,\n\n", ""), 15),
        (TEXT.replace("it works", "it, as we have seen, works"), 58),  # four were put in
        (LINE, 100),
        (f"{LINE} " + "Something else altogether. " * 40, 100),
    ],
)
def test_f9_how_much_of_a_template_its_sender_changed(text, percent):
    assert edited_percent(BODY, text, LINE) == percent


def test_f9_the_event_says_how_much_of_its_template_was_changed_and_nothing_where_there_is_none():
    case = taken()
    case.do("respond", at="09:02", text=TEXT, template="works-again", personal_line=LINE, edited=25)
    assert case.last("responded").edited == 25
    case.do("respond", at="09:03", text=TEXT, edited=25)
    assert case.last("responded").edited is None
    case.do("wait", at="09:04", question=TEXT, template="works-again", personal_line=LINE, edited=0)
    assert case.last("wait_started").edited == 0


def test_f9_a_message_of_ones_own_may_hold_braces():
    case = taken()
    case.do("respond", at="09:02", text="Write {{ name }} in your page.")
    assert case.last("responded").template is None


def test_f9_the_personal_line_goes_where_its_place_is_or_before_everything():
    assert compose("A {{personal line}} B", {}, " mine ") == "A mine B"
    assert compose("A B", {}, "mine") == "mine\n\nA B"
    assert compose("A mine B", {}, "mine") == "A mine B"
    assert compose("A {{personal line}} B {{when}}", {"when": " "}, "") == "A {{personal line}} B {{when}}"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("Hello.", "stands in it once"),
        ("{{personal line}} {{ Personal_Line }}", "stands in it once"),
        ("{{personal line}} {{a}} {{7}} Hello.", "{{7}}"),
        ("{{personal line}} {{agent}}", "says nothing"),
        ("{{personal line}} Hello " + " ".join(f"{{{{gap {number}}}}}" for number in range(20)), "20 gaps"),
    ],
)
def test_f9_a_template_that_could_not_be_used_is_not_kept(body, why):
    with pytest.raises(Refused) as caught:
        check_template(template(body=body))
    assert caught.value.code == "malformed"
    assert why in caught.value.fields["body"]


def test_f9_a_template_says_when_it_fits():
    with pytest.raises(Refused) as caught:
        check_template(template(situation=" "))
    assert set(caught.value.fields) == {"situation"}
    check_template(template())

"""Classification at intake (G6, G11): by the rules of the policy, each value with its reason."""

import pytest
from hypothesis import given as examples
from hypothesis import settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.core.enums import Category, Channel, Priority
from domain.core.refusal import Refused
from domain.ticket.rules.classification import LONGEST, Classified, Form, Rules, classify, fold
from tests.support.policy import POLICY
from tests.support.ticket_case import Case, at, given, terms_of

SHIPPED = POLICY.classification
MATRIX = SHIPPED.matrix


def rules(**named: dict) -> Rules:
    return Rules.model_validate({"matrix": MATRIX, "stop_words": SHIPPED.stop_words, "rules": named})


def taken_for(text: str = "", by: Rules = SHIPPED, **said: object) -> Classified:
    return classify(by, Form.model_validate({"channel": Channel.EMAIL, "description": text} | said))


def reasons(found: Classified) -> dict[str, str]:
    """Field -> what it came from."""
    return {one.field: one.rule or one.by for one in found.reasons}


# -- What decides ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "category", "priority", "area"),
    [
        ("The site is down since 9.", "bug", "P0", ""),
        ("Niemand kann sich anmelden!", "bug", "P0", ""),
        ("We feared that the site is down, but it is up again.", "bug", "P3", ""),
        ("Several users cannot work with the dashboard.", "bug", "P1", "dashboard"),
        ("We were charged twice on the last invoice.", "billing", "P3", "billing"),
        ("Die Rechnungen fehlen.", "billing", "P3", "billing"),
        ("How do I add a colleague?", "how-to", "P3", ""),
        ("It would be nice to have dark mode.", "feature", "P4", ""),
        ("I am locked out.", "account", "P3", ""),
        ("The API answers HTTP 500.", "bug", "P3", "API"),
    ],
)
def test_g11_the_shipped_rules_take_plain_words_for_what_they_mean(text, category, priority, area):
    found = taken_for(text)
    assert (found.category, found.priority, found.product_area) == (category, priority, area)


def test_what_the_form_says_wins_over_every_rule():
    text = "The site is down. Our invoice is wrong. Der Bericht ist nicht da und wir warten."
    found = taken_for(text, category="how-to", priority="P4", product_area="API", language="fr", tags=("mine",))
    assert (found.category, found.priority, found.product_area) == ("how-to", "P4", "API")
    assert (found.language, found.tags, found.priority_guessed) == ("fr", ("mine",), False)
    assert found.reasons == ()


def test_the_first_rule_that_says_something_of_a_field_decides_it_and_tags_add_up():
    by = rules(
        a={"any": ["slow"], "category": "bug", "tags": ["speed"]},
        b={"any": ["invoice"], "category": "billing", "product_area": "billing", "tags": ["money", "speed"]},
    )
    found = taken_for("The invoice page is slow.", by, tags=("vip",))
    assert (found.category, found.product_area, found.tags) == ("bug", "billing", ("vip", "speed", "money"))
    assert [(one.field, one.rule) for one in found.reasons if one.by == "rule"] == [
        ("category", "a"), ("product_area", "b"), ("tags", "a"), ("tags", "b"),
    ]  # fmt: skip


def test_each_value_shows_the_rule_and_the_place_and_never_the_words():
    found = taken_for(subject="Invoice 4711", description="I am Jane, and we were charged twice.")
    (reason,) = [one for one in found.reasons if one.field == "category"]
    assert (reason.by, reason.rule, reason.where) == ("rule", "invoice", "subject, description")
    assert "Jane" not in str(found.reasons)
    assert "4711" not in str(found.reasons)


def test_what_nobody_says_is_as_usual_and_says_so():
    found = taken_for("Hello")
    assert (found.category, found.priority, found.language) == (Category.BUG, Priority.P3, "en")
    assert (found.priority_guessed, reasons(found)) == (
        False, {"category": "default", "priority": "default", "language": "default"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("said", "priority", "guessed"),
    [
        ({"impact": "all", "urgency": "high"}, "P0", False),
        ({"impact": "some", "urgency": "high"}, "P1", False),
        ({"impact": "one"}, "P3", False),
        ({"urgency": "high"}, "P2", False),
        ({"impact": "nothing", "urgency": "high"}, "P4", False),
        ({"description": "The site is down."}, "P0", True),
        ({"description": "We are blocked.", "impact": "all"}, "P0", True),
    ],
)
def test_g6_impact_and_urgency_make_the_priority_and_only_a_rules_word_is_a_guess(said, priority, guessed):
    found = taken_for(**said)
    assert (found.priority, found.priority_guessed) == (priority, guessed)


# -- How words are found ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phrase", "text", "there"),
    [
        ("vat", "Our VAT number", True),
        ("vat", "Please elevate and renovate", False),
        ("site is down", "SITE  is\n down!", True),
        ("site is down", "the site is downstream", False),
        ("invoice*", "old invoices", True),
        ("invoice*", "reinvoice", False),
        ("two-factor", "two factor", True),
        ("straße", "STRASSE", True),
        ("über", "u\u0308ber", True),
        ("caf\u00e9", "CAFE\u0301", True),
        ("\uff46\uff55\uff4c\uff4c", "full", True),
        ("請求書", "先月の請求書が届きません", True),
        ("can't work", "can't work", True),
        ("a b", "a, b", True),
        ("don", "don't", True),
        ("müll", "m ll", False),
        ("müll", "Mull", True),
        ("müll", "Muell", True),
        ("zuru\u0308cksetzen", "zuruecksetzen", True),
        ("wyłączone", "wylaczone", True),
        ("rechnung*", "Réchnungen", True),
        ("ガ", "カ", False),
        ("й", "и", False),
        ("müll", "MÜLLER", False),
        ("हिन्दी", "नमस्ते, हिन्दी!", True),
        ("हिन्दी", "ह न द", False),
        ("ราคา", "ถามราคาสินค้า", True),
    ],
)
def test_phrases_are_whole_words_in_any_case_and_script(phrase, text, there):
    found = taken_for(text, rules(it={"any": [phrase], "tags": ["there"]}))
    assert (found.tags == ("there",)) is there


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        ({"all": ["export", "slow"]}, True),
        ({"all": ["export", "fast"]}, False),
        ({"any": ["fast", "slow"], "none": ["pdf"]}, True),
        ({"any": ["slow"], "none": ["export"]}, False),
        ({"any": ["slow"], "places": ["subject"]}, False),
        ({"any": ["export"], "places": ["subject"]}, True),
        ({"channels": ["email"]}, True),
        ({"channels": ["phone"]}, False),
        ({"form": {"type": ["Incident", "problem"]}}, True),
        ({"form": {"type": ["question"]}}, False),
        ({"form": {"type": ["incident"], "brand": ["x"]}}, False),
    ],
)
def test_all_that_a_rule_names_must_be_there(rule, fits):
    by = rules(it=rule | {"tags": ["it"]})
    found = taken_for("It is slow.", by, subject="Export", form={"type": "incident"})
    assert bool(found.tags) is fits


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The export is broken and we have a deadline, please help us with this.", "en"),
        ("Der Export ist kaputt und wir haben eine Frist, bitte helfen Sie mit.", "de"),
        ("Le tableau est vide depuis hier, nous avons une question pour vous.", "fr"),
        ("Los informes no cargan y es urgente para nuestro equipo por que hemos", "es"),
        ("Export kaputt", "en"),
        ("", "en"),
    ],
)
def test_a_language_is_told_by_its_small_words_or_is_the_usual_one(text, language):
    assert taken_for(text).language == language


@pytest.mark.parametrize(
    ("text", "by"),
    [("nous avons", "default"), ("nous je vous", "words"), ("nous je vous der die das", "default")],
)
def test_three_small_words_tell_a_language_and_a_tie_tells_none(text, by):
    found = taken_for(text)
    assert (found.language, reasons(found)["language"]) == ("fr" if by == "words" else "en", by)


def test_without_small_words_in_the_policy_every_language_is_the_usual_one():
    assert taken_for("nous je vous", Rules(language="fr")).language == "fr"
    one = Rules(stop_words={"de": ("Der", "die", "das")})
    assert taken_for("Der die das", one).language == "de"


def test_half_of_what_makes_a_priority_is_no_default():
    for said in ({"impact": "one"}, {"urgency": "low"}):
        assert "priority" not in reasons(taken_for(**said))


def test_where_a_rule_of_several_phrases_matched_is_told_as_well():
    found = taken_for("It is slow.", rules(it={"all": ["slow"], "tags": ["it"]}), channel="chat")
    assert [one.where for one in found.reasons if one.field == "tags"] == ["description"]
    found = taken_for(
        "x", rules(it={"channels": ["email"], "form": {"type": ["bug"]}, "tags": ["it"]}), form={"type": "Bug"}
    )
    assert [one.where for one in found.reasons if one.field == "tags"] == ["form.type"]
    found = taken_for("x", rules(it={"channels": ["email"], "tags": ["it"]}))
    assert [one.where for one in found.reasons if one.field == "tags"] == ["channel"]


def test_tags_have_a_bound_and_the_forms_own_come_first():
    many = tuple(f"own-{place}" for place in range(48))
    by = rules(it={"any": ["x"], "tags": ["a", "b", "c", "d"]})
    assert taken_for("x", by, tags=many).tags == (*many, "a", "b")


def test_a_rule_may_name_the_language_too():
    assert taken_for("Bonjour", rules(fr={"any": ["bonjour"], "language": "fr"})).language == "fr"


# -- Whatever comes in -----------------------------------------------------------------------------------------

TEXTS = st.text(max_size=300) | st.sampled_from(
    ["The site is down", "invoice*", "\x00", "🙂" * 50, "İ", "ﬃ", "a" * 300, "rechnung " * 20, "[[(((.*", "\ud800"]
)


@settings(max_examples=200)
@examples(TEXTS, TEXTS, st.sampled_from(list(Channel)), st.dictionaries(TEXTS, TEXTS, max_size=3))
def test_everything_is_classified_and_the_same_words_the_same_way(subject, text, channel, form):
    said = Form(subject=subject, description=text, channel=channel, form=form)
    found = classify(SHIPPED, said)
    assert found == classify(SHIPPED, said)
    assert {one.field for one in found.reasons} >= {"category", "language"}
    assert found.priority_guessed is any(one.field in ("impact", "urgency") for one in found.reasons)
    assert len(found.tags) == len(set(found.tags)) <= 50


@examples(TEXTS, TEXTS)
def test_a_rule_that_does_not_match_changes_nothing(text, phrase):
    by = rules(other={"any": ["quux quuux"], "category": "billing"}, it={"any": ["down"], "category": "account"})
    without = rules(it={"any": ["down"], "category": "account"})
    assert taken_for(text, by) == taken_for(text, without)


@examples(st.permutations(["a", "b", "c"]))
def test_only_the_order_of_rules_that_say_the_same_field_matters(order):
    named = {
        "a": {"any": ["x"], "category": "billing"},
        "b": {"any": ["x"], "product_area": "API"},
        "c": {"any": ["x"], "impact": "some"},
    }
    found = taken_for("x", rules(**{name: named[name] for name in order}))
    assert (found.category, found.product_area, found.priority) == ("billing", "API", "P2")


@examples(TEXTS)
def test_folding_twice_is_folding_once(text):
    assert fold(fold(text)) == fold(text)


def test_a_text_of_any_length_is_looked_through_up_to_a_bound():
    assert taken_for("x " * LONGEST + "site is down").priority is Priority.P3
    assert len(fold("ﷺ" * 10 * LONGEST)) < 20 * LONGEST * 2


# -- The policy ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"tags": ["x"]}, "asks for nothing"),
        ({"any": ["x"]}, "nothing follows from it"),
        ({"any": ["?!"], "tags": ["x"]}, "holds no word to look for"),
        ({"any": ["x"], "tgas": ["x"]}, "Extra inputs"),
        ({"any": ["x"], "category": "bugs"}, "bug"),
    ],
)
def test_a_rule_that_can_mean_nothing_is_an_error_of_the_policy(rule, reason):
    with pytest.raises(ValidationError, match=r".") as caught:
        rules(it=rule)
    assert reason in str(caught.value)


def test_a_matrix_with_a_hole_is_an_error_of_the_policy():
    with pytest.raises(ValidationError) as caught:
        Rules.model_validate({"matrix": {"all": {"high": "P0"}}})
    assert "all x medium has no priority" in str(caught.value)


# -- Corrections are counted -----------------------------------------------------------------------------------


def guessed(text: str = "The site is down, says our invoice department. We are blocked.") -> Case:
    found = taken_for(text)
    return given(
        "standard",
        found.priority.value,
        category=found.category.value,
        priority_guessed=found.priority_guessed,
        product_area=found.product_area,
        reasons=found.reasons,
    )


def test_a_correction_names_the_rules_that_had_said_otherwise():
    case = guessed()
    case.do("amend", at="09:01", category="bug", product_area="billing")
    assert case.last("amended").overruled == ("invoice",)
    case.do("prioritise", at="09:02", priority="P2", reason="One browser only.")
    assert case.last("prioritised").overruled == ("outage",)
    assert {one.field for one in case.ticket.reasons} == {"language"}


def test_to_confirm_is_not_to_overrule():
    case = guessed()
    case.do("amend", at="09:01", category="billing")
    assert case.last("amended").overruled == ()
    case.do("prioritise", at="09:02", priority="P0", reason="Checked: all are affected.")
    assert case.last("prioritised").overruled == ()
    assert not {"category", "impact", "urgency"} & {one.field for one in case.ticket.reasons}


def test_g6_a_p0_that_only_a_rule_gave_waits_five_minutes_and_one_that_a_person_gave_does_not():
    case = guessed()
    assert case.ticket.incident is None
    assert not case.of("escalated")
    case.wake("09:05")
    assert case.when("guess_stood") == at("09:05")
    assert case.last("escalated").how == "critical"


def test_g9_who_asks_for_an_account_change_must_be_who_they_say_they_are():
    found = taken_for("I am locked out, please reset my password")
    assert (found.category, found.tags) == ("account", ("identity",))
    case = given("standard", "P3", category="account", tags=found.tags)
    case.do("take", at="09:01")
    record = {"resolution": "solved", "message": "Done.", "what_was_done": "Reset."}
    assert case.refused("resolve", at="09:02", **record).missing == ["identity_check"]
    case.do("resolve", at="09:03", **record, identity_check="Called back on the number on file.")


@pytest.mark.parametrize("category", ["how-to", "bug", "integration", "feature", "billing"])
def test_g9_the_tag_asks_for_the_check_in_any_category(category):
    case = given("standard", "P3", category=category, tags=("identity",))
    case.do("take", at="09:01")
    record = {"resolution": "solved", "message": "Done.", "what_was_done": "x", "root_cause": "y", "kb_reason": "gap"}
    assert case.refused("resolve", at="09:02", **record).missing == ["identity_check"]
    assert isinstance(case.refused("resolve", at="09:02", **record), Refused)


def test_the_policys_terms_carry_the_tags_that_ask_for_the_check():
    assert terms_of("standard").gates.identity_tags == ("identity",)

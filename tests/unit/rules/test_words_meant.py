"""Rules read what was meant: own words, questions that name an outage, the language (G6, G11)."""

import pytest

from domain.core.enums import Category, Channel, Priority
from domain.ticket.rules.classification import Classified, Form, classify
from services.intake.language import detect
from services.policy_file.load import load_policy

RULES = load_policy(None).classification


def taken_for(subject: str = "", text: str = "", **said: object) -> Classified:
    return classify(
        RULES, Form.model_validate({"channel": Channel.EMAIL, "subject": subject, "description": text} | said)
    )


@pytest.mark.parametrize(
    "text",
    [
        "All fine.\n> production is down",
        "All fine.\n\nAm 02.11.2026 um 10:00 schrieb Support:\n> production is down",
        "All fine.\n\n-----Ursprüngliche Nachricht-----\nVon: Support\nproduction is down",
        "All fine.\n-- \nproduction is down consulting",
    ],
)
def test_g11_no_rule_reads_what_a_message_carries_along(text: str) -> None:
    assert taken_for("Hello", text).priority is Priority.P3
    assert taken_for("Hello", f"production is down\n{text}").priority is Priority.P0


def test_g6_a_rules_p0_on_a_question_or_a_wish_is_a_p1_and_says_why() -> None:
    question = taken_for("How do I silence the alert 'service is down'?", "We get it each night.")
    assert (question.category, question.priority, question.priority_guessed) == (Category.HOW_TO, Priority.P1, True)
    (why,) = [reason for reason in question.reasons if reason.field == "priority"]
    assert why.where == "the category how-to is no P0 by a rule alone"
    wish = taken_for("Feature request", "A banner when the service is down.")
    assert (wish.category, wish.priority) == (Category.FEATURE, Priority.P1)
    assert taken_for("Hello", "The service is down.", category="how-to").priority is Priority.P1


@pytest.mark.parametrize(
    ("subject", "category"),
    [
        ("What does 'production is down' mean on your page?", Category.HOW_TO),
        ("Question about the alert 'service is down'", Category.HOW_TO),
        ("Was bedeutet: komplettausfall?", Category.HOW_TO),
        ("Could you add a banner for when the site is down?", Category.FEATURE),
    ],
)
def test_g6_a_subject_that_asks_or_wishes_is_no_outage(subject: str, category: Category) -> None:
    found = taken_for(subject)
    assert (found.category, found.priority) == (category, Priority.P1)
    assert taken_for("Help", f"{subject}\nproduction is down").priority is Priority.P0  # it stands beside an outage


@pytest.mark.parametrize(
    "text",
    [
        "URGENT!!! PROD DOWN",
        "The site\u2019s down",
        "It is down for everyone",
        "All users affected",
        "La production est en panne",
        "Nadie puede iniciar sesión",
        "pro\u00adduction is d\u200bown",
    ],
)
def test_g11_an_outage_is_known_however_it_is_said(text: str) -> None:
    assert taken_for(text).priority is Priority.P0
    assert taken_for("Help", text).priority is Priority.P0


@pytest.mark.parametrize(
    "text",
    [
        "Is your API down? We get 503 everywhere",
        "is the service down?",
        "Are you having an outage?",
        "All our requests fail since 10:00",
        "Ist eure API down? Wir bekommen überall 503.",
        "Est-ce que votre API est en panne\u00a0? Nous recevons des 503 partout",
        "Votre API est-elle en panne ?",
        "¿Está caída su API? Recibimos 503 en todas partes",
        "Il sito è irraggiungibile",
        "O site está fora do ar",
        "Alles ligt plat",
    ],
)
def test_g6_a_question_after_an_outage_reports_one(text: str) -> None:
    for found in (taken_for(text), taken_for("Help", text)):
        assert (found.priority, found.priority_guessed) == (Priority.P0, True)


@pytest.mark.parametrize("subject", ["API down?", "Login down", "We are down!", "Are you down?"])
def test_g6_a_subject_of_two_words_reports_an_outage(subject: str) -> None:
    assert taken_for(subject, "Since 10:00.").priority is Priority.P0
    assert taken_for("Hello", f"See {subject} yesterday").priority is not Priority.P0


@pytest.mark.parametrize(
    "subject",
    [
        "How do I handle a 503?",
        "What does 503 mean?",
        "Are you down for a call?",
        "Is there an outage history?",
        "We use a font weight of 500 everywhere",
    ],
)
def test_g6_a_question_about_outages_reports_none(subject: str) -> None:
    assert taken_for(subject).priority is Priority.P3


@pytest.mark.parametrize(
    "text",
    [
        "La produccion esta caida? No: el sitio esta caido",
        "Tous les utilisateurs sont touches",
        "NADIE PUEDE INICIAR SESION",
        "The site\u00b4s down",
        "The site`s down",
        "l\u02bcapi est en panne",
        "gibt es eine Stoerung?",
        "gibt es eine Storung?",
    ],
)
def test_g11_words_are_known_without_their_accents_and_with_any_apostrophe(text: str) -> None:
    assert taken_for(text).priority is Priority.P0


@pytest.mark.parametrize("text", ["I scroll down for all options", "Production is not down", "The export slows down"])
def test_g11_down_alone_is_no_outage(text: str) -> None:
    assert taken_for(text).priority is not Priority.P0


def test_g6_what_the_form_says_of_the_priority_stays() -> None:
    text = "How do I get back in? The service is down."
    assert taken_for("x", text, priority="P0").priority is Priority.P0
    assert taken_for("x", text, impact="all", urgency="high").priority is Priority.P0


def test_c17_a_rules_p0_of_an_automatic_message_is_a_p1() -> None:
    assert taken_for("x", "Production is down.", automatic=True).priority is Priority.P1
    assert taken_for("x", "Production is down.", automatic=True, priority="P0").priority is Priority.P0


def test_g11_the_language_that_was_told_wins_over_small_words_and_loses_to_the_form() -> None:
    text = "we have not the report and it is not with our team"
    assert taken_for("", text).language == "en"
    assert taken_for("", text, detected="nl").language == "nl"
    assert taken_for("", text, detected="nl", language="sv").language == "sv"
    assert [r.by for r in taken_for("", text, detected="nl").reasons if r.field == "language"] == ["words"]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Production is down", "en"), ("Hi, since this morning the dashboard is empty.", "en"),
        ("We cannot log in.", "en"), ("Der Export schlägt fehl", "de"), ("Wir können uns nicht anmelden.", "de"),
        ("Hallo, das Dashboard ist seit heute früh leer.", "de"), ("Je ne peux plus me connecter", "fr"),
        ("Bonjour, le tableau de bord est vide.", "fr"), ("L'export ne marche plus depuis ce matin.", "fr"),
        ("No funciona la exportación", "es"), ("Hola, desde esta mañana el panel está vacío.", "es"),
        ("No podemos iniciar sesión desde ayer.", "es"), ("Non riesco ad accedere", "it"),
        ("Da stamattina la dashboard è vuota.", "it"), ("Erro ao exportar o relatório", "pt"),
        ("Não consigo entrar na minha conta.", "pt"), ("Kan niet inloggen sinds vanochtend", "nl"),
        ("Het dashboard is leeg.", "nl"), ("Nie mogę się zalogować", "pl"), ("Eksport nie działa od rana.", "pl"),
        ("Jag kan inte logga in", "sv"), ("Jeg kan ikke logge ind på kontoen", "da"),
        ("En pääse kirjautumaan", "fi"), ("Nemohu se přihlásit", "cs"), ("Hesab\u0131ma giremiyorum", "tr"),
        ("エクスポートが失敗します", "ja"), ("导出失败了", "zh"), ("로그인할 수 없습니다", "ko"),
        ("ok", None), ("", None), ("404 #17", None),
    ],
)  # fmt: skip
def test_g11_a_language_is_told_by_a_sentence_and_not_by_a_word(text: str, language: str | None) -> None:
    assert detect("", text) == language

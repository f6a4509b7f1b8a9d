"""C17: an automatic message of the customer is kept and shown, and moves nothing."""

import pytest

from domain.core.enums import Status
from domain.ticket.rules.automatic import DEFAULTS, AutomaticRule, AutomaticTable, known_by
from services.policy_file.load import load_policy
from tests.support.ticket_case import at, given

TABLE = load_policy(None).automatic


def test_c17_the_shipped_file_says_what_holds_where_a_file_says_nothing() -> None:
    assert AutomaticTable() == TABLE
    assert {name: rule.model_dump() for name, rule in TABLE.rules.items()} == {
        name: {"subject": (), "text": ()} | rule for name, rule in DEFAULTS.items()
    }


@pytest.mark.parametrize(
    ("rule", "subject", "text"),
    [
        ("out-of-office", "", "Automatic reply: I am out of the office until 7 December."),
        ("out-of-office", "Automatic reply: Your export", "Back on Monday."),
        ("out-of-office", "Out of Office: Your export", ""),
        ("out-of-office", "Out of office", ""),
        ("out-of-office", "Automatische Antwort: Ihr Export", "Danke."),
        ("out-of-office", "Abwesenheitsnotiz", "Danke."),
        ("out-of-office", "", "Guten Tag, ich bin derzeit nicht im Büro und lese keine Nachrichten."),
        ("out-of-office", "Réponse automatique : Votre export", ""),
        ("out-of-office", "", "Bonjour, je suis absent jusqu\u2019au 7 décembre."),
        ("out-of-office", "Respuesta automática: Su exportación", ""),
        ("out-of-office", "", "Hola, estoy fuera de la oficina hasta el lunes."),
        ("bounce", "Undelivered Mail Returned to Sender", ""),
        ("bounce", "Delivery Status Notification (Failure)", ""),
        ("bounce", "Unzustellbar: Ihr Export", ""),
        ("bounce", "", "This is the mail system at host mail.example.com."),
        ("receipt", "Read: Your export", ""),
        ("receipt", "Gelesen: Ihr Export", ""),
        ("receipt", "Lu : Votre export", ""),
        ("out-of-office", "[EXTERNAL] Automatic reply: Your export", "Back on Monday."),
        ("out-of-office", "***SPAM*** [ext] Out of office: Your export", ""),
        ("out-of-office", "", "Thanks. I am away until 7 December and will respond when I return."),
        ("out-of-office", "", "Hello, I'm on vacation until Monday."),
        ("out-of-office", "", "Vielen Dank. Während meiner Abwesenheit hilft Ihnen das Team."),
        ("out-of-office", "", "I am out of\u200b the off\u00adice."),
        ("out-of-office", "Risposta automatica: La tua esportazione", ""),
        ("out-of-office", "Reponse automatique : Votre export", ""),
        ("out-of-office", "Nicht im Buero: Ihr Export", ""),
        ("out-of-office", "", "Ich bin nicht im Buro."),
        ("out-of-office", "", "Buongiorno, sono fuori ufficio fino al 7 dicembre."),
        ("out-of-office", "", "Olá, estou de férias até segunda-feira."),
        ("out-of-office", "Afwezig: Je export", ""),
        ("out-of-office", "", "Jestem na urlopie do 7 grudnia."),
        ("out-of-office", "", "Меня нет в офисе до 7 декабря."),
        ("out-of-office", "Αυτόματη απάντηση: export", ""),
        ("bounce", "Onbestelbaar: Je export", ""),
        ("bounce", "", "Address not found. Your message wasn't delivered to jo@example.com."),
        ("receipt", "Læst: Din eksport", ""),
        ("receipt", "", "Guten Tag, wir haben Ihre E-Mail erhalten und melden uns."),
        ("out-of-office", "自动回复\uff1a您的导出", ""),
        ("out-of-office", "Autosvar: Din eksport", ""),
        ("receipt", "Request received: Your export", ""),
        ("receipt", "", "Thanks for writing to Acme. We have received your request and will answer soon."),
        ("receipt", "", "This is an automated message. Please do not reply to this e-mail."),
    ],
)
def test_c17_automatic_messages_are_known_by_their_usual_words(rule: str, subject: str, text: str) -> None:
    assert known_by(TABLE, subject, text) == f"rule {rule}"


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Read errors in the export", "It stops."),
        ("Out of office calendar sync is broken", ""),
        ("Automatic reply feature is broken", "The automatic reply is not sent."),
        ("Delivery failure of your webhooks", ""),
        ("Undeliverable webhooks", ""),
        ("", "We were out of the office last week, and the export fails since."),
        ("", "I am currently out of ideas."),
        ("", "x" * 500 + " I am out of the office until 7 December."),
        ("", "Yes.\n\nOn 2 Nov 2026 Support wrote:\n> I am out of the office until 7 December."),
        ("Re: export", "It works, thanks."),
        ("[EXTERNAL] Re: export", "It works, thanks."),
        ("[Acme] Automatic replies are broken", ""),
        ("", "We have received your reply, and it does not help."),
        ("", "Je suis en vacances demain, répondez-moi aujourd'hui."),
        ("", "Ich habe Urlaub ab morgen, bitte heute noch."),
        ("Absence calendar is empty", ""),
        ("", "My colleague is on vacation, so I answer."),
        ("", "Production is down while I am out of the office."),
        ("", "It fails whenever I'm out of office and someone else signs in."),
    ],
)
def test_c17_what_a_person_wrote_is_not_taken_for_automatic(subject: str, text: str) -> None:
    assert known_by(TABLE, subject, text) == ""


def test_c17_a_rule_must_ask_for_something() -> None:
    for wrong in ({}, {"subject": ["!"]}, {"text": [" . "]}):
        with pytest.raises(ValueError, match=r"asks for nothing|holds no word"):
            AutomaticRule.model_validate(wrong)


AUTOMATIC = {"by": "jo", "role": "customer", "text": "Out of office.", "automatic": True, "known_by": "rule x"}


def test_c17_it_ends_no_waiting_and_stands_on_the_timeline() -> None:
    case = given(plan="standard", priority="P2")
    case.do("take", at="09:05")
    case.do("wait", at="09:06", question="Which browser?")
    case.do("reply", at="09:10", **AUTOMATIC)
    assert (case.ticket.status, case.types()[-1]) == (Status.PENDING, "automatic_reply")
    assert (case.events[-1].texts, case.events[-1].body.why) == ({"text": "Out of office."}, "rule x")
    case.do("reply", at="09:20", by="jo", role="customer", text="Firefox.")
    assert (case.ticket.status, case.types()[-1]) == (Status.OPEN, "wait_ended")


def test_c17_it_reopens_nothing_and_is_kept_after_closing() -> None:
    case = given(plan="standard", priority="P2", category="how-to")
    case.do("take", at="09:05")
    case.do("resolve", at="09:10", resolution="solved", message="Like this.", what_was_done="Explained it.")
    case.do("reply", at="09:20", **AUTOMATIC)
    assert (case.ticket.status, case.types()[-1]) == (Status.RESOLVED, "automatic_reply")
    case.do("close", at="09:30")
    case.do("reply", at="09:40", **AUTOMATIC)
    assert (case.ticket.status, case.types()[-1]) == (Status.CLOSED, "automatic_reply")


def test_c17_it_starts_no_clock_of_a_next_response() -> None:
    case = given(plan="standard", priority="P2")
    before = case.ticket.clocks
    case.do("reply", at="09:10", **AUTOMATIC)
    assert case.ticket.clocks == before
    assert case.ticket.as_of == at("09:10")

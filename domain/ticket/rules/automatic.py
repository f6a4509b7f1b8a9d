"""C17: an automatic message of the customer is kept and shown, and moves nothing.

Out of office, bounces, receipts: nobody sat down to write them. They are known by their sender's own mark, or by the
rules of the policy's table `automatic`; the reason stands with the message. Pure, and decided at intake: what was
decided is recorded, so that a change of the rules changes nothing of the past.
"""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from domain.aggregate.aggregate import Recording
from domain.aggregate.rule import Rule as TicketRule
from domain.core.own_words import own_words
from domain.core.values import Frozen, Row
from domain.policy.grammar import fault, shortened
from domain.ticket.rules.classification import Phrase, Word, fold, spellings_of
from domain.ticket.state import Ticket

READ = 400
"""Characters at the beginning of a text that the rules look through: an automatic message says at once what it is."""
_TAGS = re.compile(r"(?:\s*(?:\[[^\[\]]{1,40}\]|\*{2,3}[^*]{1,40}\*{2,3}))+\s*")
"""What mail gateways put before a subject: `[EXTERNAL]`, `***SPAM***`."""
_JOINING = frozenset(
    {"while", "when", "whenever", "since", "because", "if", "before", "although", "though", "once", "that"}
    | {"während", "weil", "wenn", "solange", "obwohl", "dass", "pendant", "quand", "parce", "mientras", "cuando"}
)
"""Words that join what follows to another sentence, which says more than that somebody is away."""
BY_SENDER = "its sender's own word"
"""Why a message counts as automatic that its sender marked, without naming a header."""


class AutomaticRule(Row):
    """One rule: by which words an automatic message is known. A table of the policy file."""

    subject: tuple[Phrase, ...] = ()
    """What the subject begins with. A phrase with a colon at its end is all that stands before the subject's first
    colon, or the whole subject: `read:` fits `Read: Your invoice` and no `Read errors`."""
    text: tuple[Phrase, ...] = ()
    """Phrases of which one stands at the beginning of the text, within its first 400 characters, and not behind a word
    such as "while": who writes `production is down while I am out of the office` is there."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.subject or self.text):
            raise fault("asks for nothing: give subject or text")
        for key in ("subject", "text"):
            for phrase in getattr(self, key):
                if not fold(phrase).strip():
                    raise fault(f"{shortened(phrase)} holds no word to look for", key)
        return self


DEFAULTS: dict[str, Any] = {
    "out-of-office": {
        "subject": (
            "automatic reply:", "automated reply:", "auto reply:", "autoreply:", "out of office:",
            "out of the office:",
            "out of office autoreply:", "automatische antwort:", "abwesenheitsnotiz:", "abwesenheitsmeldung:",
            "abwesenheit:", "nicht im büro:", "réponse automatique:", "absence du bureau:", "absent du bureau:",
            "message d'absence:", "respuesta automática:", "fuera de la oficina:", "fuera de oficina:",
            "ausente de la oficina:",
            "risposta automatica:", "fuori ufficio:", "resposta automática:", "automatisch antwoord:",
            "afwezigheidsbericht:", "autosvar:", "automatisk svar:", "automatiskt svar:", "frånvaro:",
            "autoodpowiedź:", "automatyczna odpowiedź:", "automatická odpověď:", "automaattinen vastaus:",
            "otomatik yanıt:", "автоматический ответ:", "автоответ:",  # noqa: RUF001
            "自动回复:", "自動回覆:", "自動応答:", "自動返信:", "자동 회신:",
            "vacation reply:", "vacation response:", "ooo:",
            "abwesend:", "assente:", "fora do escritório:", "afwezig:", "poza biurem:", "ikke på kontoret:",
            "poissa toimistolta:", "autoresponder:", "auto response:", "automatic response:", "automated response:",
            "respuesta automatizada:", "odpowiedź automatyczna:", "vastaus automaattisesti:", "automatski odgovor:",
            "răspuns automat:", "automatikus válasz:", "αυτόματη απάντηση:", "автоматична відповідь:",
            "trả lời tự động:", "balas otomatis:",
        ),
        "text": (
            "this is an automatic reply", "this is an automated reply", "this is an automatic response",
            "automatic reply i am", "automatic reply i'm", "automatic reply i will",
            "i am out of the office", "i'm out of the office", "i am out of office", "i'm out of office",
            "i am currently out of the office", "i'm currently out of the office", "i am currently out of office",
            "i will be out of the office", "i am away from the office", "i am on annual leave",
            "dies ist eine automatische antwort", "ich bin nicht im büro", "ich bin derzeit nicht im büro",
            "ich bin zurzeit nicht im büro", "ich bin zur zeit nicht im büro", "ich bin im moment nicht im büro",
            "ich bin außer haus", "ich bin derzeit außer haus", "ich bin zurzeit abwesend",
            "ich bin derzeit abwesend",
            "e-mails werden nicht weitergeleitet", "e-mail wird nicht weitergeleitet",
            "nachricht wird nicht weitergeleitet",
            "ceci est une réponse automatique", "je suis absent du bureau", "je suis absente du bureau",
            "je suis absent jusqu'au", "je suis absente jusqu'au",
            "je suis actuellement absent", "je suis actuellement absente", "je suis actuellement en congé",
            "je suis actuellement en congés", "je suis en congé jusqu'au", "je suis en congés jusqu'au",
            "esta es una respuesta automática", "estoy fuera de la oficina", "me encuentro fuera de la oficina",
            "estaré fuera de la oficina", "actualmente estoy fuera de la oficina", "estoy de vacaciones hasta",
            "i am currently away from my desk", "i am away until", "i am currently away until",
            "i am on vacation until", "i'm on vacation until", "i am on holiday until", "i am on leave until",
            "i am on parental leave", "i am on maternity leave", "i am on sick leave",
            "i will respond when i return", "i will reply when i return", "i will respond upon my return",
            "limited access to my e-mail", "limited access to my email", "limited access to email",
            "during my absence please", "in my absence please", "ich bin im urlaub", "ich befinde mich im urlaub",
            "während meiner abwesenheit", "in meiner abwesenheit", "bin ich nicht im büro",
            "wieder im büro erreichbar",
            "sono fuori ufficio", "sono fuori sede", "sono assente dall'ufficio",
            "questa è una risposta automatica", "estou fora do escritório", "estou ausente do escritório",
            "estou de férias até", "esta é uma resposta automática", "ik ben afwezig", "ik ben niet op kantoor",
            "ik ben met vakantie tot", "dit is een automatisch antwoord", "jestem poza biurem",
            "jestem na urlopie do", "przebywam na urlopie do", "to jest automatyczna odpowiedź",
            "jag är inte på kontoret", "jag är på semester till", "detta är ett automatiskt svar",
            "jeg er ikke på kontoret", "jeg er på ferie til", "dette er et automatisk svar", "меня нет в офисе",
            "я нахожусь в отпуске до", "я в отпуске до", "это автоматический ответ", "自動返信です", "这是自动回复",
            "ich befinde mich derzeit nicht im büro", "i am ooo", "i'm ooo", "i am currently on leave",
            "i'm on leave until", "i am travelling with limited access", "je suis en vacances jusqu'au",
            "je suis en déplacement jusqu'au",
        ),
    },
    "bounce": {
        "subject": (
            "undelivered mail returned to sender", "delivery status notification", "undeliverable:",
            "mail delivery failed:", "mail delivery failure:", "failure notice:", "returned mail:",
            "unzustellbar:", "nicht zugestellt:", "échec de la remise:", "non remis:", "non distribuable:",
            "no se puede entregar:", "no entregado:",
            "undelivered mail:", "undelivered:", "mail system error - returned mail", "message not delivered:",
            "mancata consegna:", "recapito non riuscito:", "não entregue:", "não foi possível entregar:",
            "onbestelbaar:", "nie dostarczono:", "delivery failure:", "zustellung fehlgeschlagen:",
        ),
        "text": (
            "this message was created automatically by mail delivery software", "this is the mail system at host",
            "delivery has failed to these recipients", "your message could not be delivered to",
            "ihre nachricht konnte nicht zugestellt werden", "fehler bei der nachrichtenzustellung an",
            "échec de la remise pour ces destinataires", "votre message n'a pas pu être remis",
            "no se pudo entregar el mensaje a", "error en la entrega a estos destinatarios",
            "address not found your message wasn't delivered", "your message wasn't delivered to",
            "message could not be delivered to one or more", "il messaggio non è stato recapitato",
            "sua mensagem não foi entregue", "uw bericht kon niet worden bezorgd",
        ),
    },
    "receipt": {
        "subject": (
            "read:", "gelesen:", "lu:", "leído:", "delivered:", "zugestellt:", "remis:",
            "entregado:", "read receipt:",
            "return receipt:", "request received:", "ticket received:", "lesebestätigung:",
            "empfangsbestätigung:", "accusé de réception:",
            "accusé de lecture:", "confirmación de lectura:", "acuse de recibo:",
            "letto:", "lido:", "gelezen:", "læst:", "lest:", "läst:", "przeczytano:", "прочитано:",
            "już przeczytane:",
        ),
        "text": (
            "your message was read on", "this is a receipt for the mail", "this is a return receipt",
            "ihre nachricht wurde gelesen", "votre message a été lu", "su mensaje fue leído",
            "this is an automated message", "this is an automatic message", "this is an automatically generated",
            "this e-mail was generated automatically", "this email was generated automatically",
            "we received your request", "we have received your request",
            "we have received your e-mail", "we have received your email",
            "we have received your message", "your request has been received", "your ticket has been received",
            "please do not reply to this e-mail", "please do not reply to this email",
            "please do not reply to this message", "diese nachricht wurde automatisch erstellt",
            "diese e-mail wurde automatisch", "dies ist eine automatisch", "wir haben ihre anfrage erhalten",
            "wir haben ihre nachricht erhalten", "nous avons bien reçu votre", "hemos recibido su",
            "wir haben ihre e-mail erhalten", "vielen dank für ihre nachricht. wir haben sie erhalten",
            "abbiamo ricevuto la sua richiesta", "recebemos sua solicitação", "recebemos a sua mensagem",
            "wij hebben uw bericht ontvangen", "otrzymaliśmy twoje zgłoszenie", "hemos recibido tu",
            "nous avons reçu votre message", "thank you for contacting us. this is an automated",
        ),
    },
}  # fmt: skip
"""The shipped rules, which hold where the policy file has no table of its own."""


class AutomaticTable(Row):
    """The table `automatic` of the policy file."""

    rules: Annotated[dict[Word, AutomaticRule], Field(max_length=100)] = {
        name: AutomaticRule.model_validate(rule) for name, rule in DEFAULTS.items()
    }


class AutomaticReply(Frozen):
    """The customer's machine wrote: nothing follows from it."""

    type: Literal["automatic_reply"] = "automatic_reply"
    why: str = ""
    """By what it was known: a header, `rule out-of-office`."""


def known_by(table: AutomaticTable, subject: str, text: str) -> str:
    """Return by what rule a message is automatic, as in `rule out-of-office`; empty if none says so."""
    subject = subject[match.end() :] if (match := _TAGS.match(subject)) else subject
    words, start = fold(subject), fold(own_words(text)[:READ])
    for name, rule in table.rules.items():
        if any(_begins(subject, words, phrase) for phrase in rule.subject) or any(
            _says(start, spelling) for phrase in rule.text for spelling in spellings_of(phrase)
        ):
            return f"rule {name}"
    return ""


def _says(start: str, phrase: str) -> bool:
    """Return whether a folded text says a phrase in a sentence of its own."""
    place = start.find(phrase)
    while place >= 0:
        if start[:place].rpartition(" ")[2] not in _JOINING:
            return True
        place = start.find(phrase, place + 1)
    return False


def _begins(subject: str, words: str, phrase: str) -> bool:
    """Return whether a subject, also given as its folded words, begins with a phrase."""
    if phrase.endswith(":"):
        return fold(subject.replace("\uff1a", ":").partition(":")[0]) in spellings_of(phrase)
    return words.startswith(spellings_of(phrase))


def record_automatic(recording: Recording[Ticket], why: str, texts: dict[str, str]) -> None:
    """Keep an automatic message. It ends no waiting, reopens nothing and meets no clock."""
    recording.record(AutomaticReply(why=why or BY_SENDER), texts=texts)


RULE = TicketRule[Ticket]()

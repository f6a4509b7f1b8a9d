"""Tell a writer's own words of now from what a message only carries along: quoted history and a signature.

Line by line, without looking back further than three lines, so that no text takes long. Nothing is removed: callers
choose which part they read.
"""

import re
from typing import NamedTuple

LONGEST_SIGNATURE = 15
"""Lines. After `--` more than these are no signature, but a text that uses two hyphens as a divider."""
_LONGEST_LINE = 400
"""Characters of a line that are looked at: a head of quoted history is shorter."""


class Parts(NamedTuple):
    """A message in two parts."""

    own: str
    """What the writer wrote now, with the quoted lines between which they answered."""
    carried: str
    """What follows their last word: quoted history, a signature, a forwarded message. Empty if there is none."""


# Heads of quoted history. Each begins a line.
_WROTE = re.compile(
    r"^(on|am|le|el|em|il|op|den|dne|dnia|w dniu|vào|på|pe|a|в|at)\b.*\d.*"
    r"\b(wrote|schrieb|geschrieben|a écrit|écrit|escribió|escreveu|ha scritto|schreef|skrev|napsal\S*|napisał\S*|"
    r"kirjoitti|a scris|írta|pisze|написал\S*|пишет)\b.*:$"
)
"""`On Mon, 2 Nov 2026, Support wrote:`, and the same in other languages."""
_DATED = re.compile(
    r"^\d{1,2}[./\s-].*\b(19|20)\d\d\b.*\b(wrote|schrieb|a écrit|escribió|ha scritto|schreef|skrev|napsal\S*|"
    r"napisał\S*|написал\S*|пишет)\b.*:$"
)
"""`2 Nov 2026, 10:00, Support wrote:`, as Russian mail programs have it."""
_WROTE_ON = re.compile(
    r"^(?!(i|we|he|she|they|you|it|ich|wir|er|sie|es|je|nous|il|elle|ils|yo|io|ik|jag)\b)\S.{0,150}"
    r"\b(wrote|schrieb|a écrit|escribió|ha scritto|schreef|skrev)\s(on|am|le|el|il|op|den)\s.{0,60}"
    r"\b((19|20)\d\d|\d{1,2}:\d\d)\b.{0,20}:$"
)
"""`Support <support@example.com> schrieb am Mo. 2. Nov. 2026 um 10:00:`"""
_MAIL = r"[^\s<>()@]@[^\s<>()@]+"
"""An address, from the last letter before its @ on: so that a line with many of them takes no time."""
_QUOTING = re.compile(rf"^(quoting|zitat von|citando|citando a|citation de|citat från)\s.{{0,120}}{_MAIL}[>)]?\s?:$")
_WROTE_SHORT = re.compile(
    rf"^\S.{{0,150}}{_MAIL}[>)]?.{{0,40}}\b(wrote|schrieb|a écrit|escribió|ha scritto|schreef|skrev)\s?:$"
)
"""`Support <support@example.com> wrote:`"""
_NO_LOG = (
    r"(?!.*\b(error|fail\w*|exception|reject\w*|bounce\w*|fehler\w*|erreur|denied|timeout|timed out|warn\w*|sent to)\b)"
)
"""What begins a line that is none of a log, which customers paste."""
_STAMPED = re.compile(
    rf"^{_NO_LOG}(\d{{4}}[-/.年]\s?\d{{1,2}}[-/.月]\s?\d{{1,2}}).{{0,150}}({_MAIL}>.{{0,20}}|写道|님이 작성)\s?:$"
)
"""`2026-11-02 10:00 GMT+01:00 Support <support@example.com>:`"""
_ADDRESSED = re.compile(
    rf"^{_NO_LOG}"
    r"(?=.*((?<!\d)(19|20)\d\d(?!\d)|(?<!\d)\d{1,2}[:.h]\d\d(?!\d)))"
    r".{0,250}[<(]\s?[^\s<>()@]+@[^\s<>()@]+[>)].{0,80}:$"
)
"""A line with an address in brackets and a date or time, in any language: `pon., 2 lis 2026 o 10:00 Support
<support@example.com> napisał(a):`. It counts below a writer's words and an empty line, where mail programs put it."""
_WRITERS = (_WROTE, _DATED, _WROTE_ON, _WROTE_SHORT, _QUOTING, _STAMPED)
_TITLES = (
    "original message|original appointment|ursprüngliche nachricht|originalnachricht|message d'origine|"
    "message original|mensaje original|messaggio originale|oorspronkelijk bericht|"
    "mensagem original|ursprungligt meddelande|oprindelig meddelelse|opprinnelig melding|wiadomość oryginalna|"
    "původní zpráva|исходное сообщение|forwarded message|weitergeleitete nachricht|message transféré|"
    "mensaje reenviado|messaggio inoltrato|doorgestuurd bericht|mensagem encaminhada|vidarebefordrat meddelande|"
    "przekazana wiadomość|пересылаемое сообщение|reply above this line|please type your reply above this line|"
    "bitte antworten sie oberhalb dieser zeile"
)
_TITLED = re.compile(rf"^[-_=*#\s]{{2,}}\s*({_TITLES})\s*[-_=*#\s]*$")
"""`-----Original Message-----`"""
_FORWARDED = re.compile(
    r"^(begin forwarded message|anfang der weitergeleiteten nachricht|début du message réexpédié|"
    r"inicio del mensaje reenviado|inizio messaggio inoltrato|begin doorgestuurd bericht|"
    r"início da mensagem reencaminhada)\s*:$"
)
_FROM = re.compile(r"^[*\s]*(from|von|de|da|van|från|fra|od|от|发件人|差出人|보낸 사람)\s?[*]?\s?:", re.I)
_SENT = re.compile(
    r"(^|[*\s])(sent|date|gesendet|datum|envoyé|envoyée|enviado|enviada|fecha|inviato|data|verzonden|skickat|dato|"
    r"sendt|wysłano|odesláno|отправлено|дата|发送时间|日期|送信日時|日時)(\s?le)?\s?[*]?\s?:",
    re.I,
)
_SUBJECT = re.compile(
    r"(^|[*\s])(subject|to|betreff|an|objet|à|asunto|para|assunto|oggetto|a|onderwerp|aan|ämne|till|emne|til|temat|do|"
    r"předmět|komu|тема|кому|主题|收件人|件名|宛先)\s?[*]?\s?:",
    re.I,
)
_FIELD = re.compile(r"^[*\s]*[\w-]{2,12}\s?[*]?\s?:\s")
"""Any other line of such a block, as `Cc: `."""
_RULE = re.compile(r"^[_\-=]{10,}$")
"""The line that Outlook draws over such a head."""

_SIGNED = re.compile(r"^(--|__|\u2014|\u2013\u2013)\s?$")
_CLOSING = re.compile(
    r"^((best|kind|warm|many)? ?(regards|wishes)|best|cheers|(yours )?(sincerely|truly|faithfully)( yours)?|"
    r"mit (freundlichen|besten|vielen|lieben|herzlichen) gr(ü|ue|u)(ß|ss)en?|mit freundlichem gr(ü|ue|u)(ß|ss)|"
    r"(viele|beste|liebe|freundliche|schöne|herzliche) gr(ü|ue|u)(ß|ss)e|gr(ü|ue)(ß|ss)e?|mfg|hochachtungsvoll|"
    r"(bien )?cordialement|bien à vous|((sincères|meilleures|cordiales) )?salutations( distinguées)?|"
    r"saludos( cordiales)?|un (cordial )?saludo|atentamente|(cordiali |distinti )?saluti|"
    r"(met )?(vriendelijke|hartelijke) groet(en)?|groet(en|jes)|(med )?vänliga? hälsning(ar)?|(med )?venn?lig hilsen|"
    r"mvh|atenciosamente|(com os melhores )?cumprimentos|pozdrawiam|z poważaniem|s pozdravem|(ystävällisin )?terveisin|"
    r"sayg\u0131lar\u0131mla|\u0441 уважением|з повагою|με εκτίμηση)\b(?P<rest>.*)$"
)
"""A closing formula at the beginning of a line, with no more than a name behind it: names and titles follow."""
_THANKS = re.compile(
    r"^((many |best )?thanks( and regards)?|thank you( very much)?|thx|br|kr|vg|lg|bg|danke( schön)?|vielen dank|"
    r"besten dank|merci( d'avance| beaucoup)?|(muchas )?gracias|obrigad[oa]|grazie( mille)?|bedankt|dank u|dzięki|tack|"
    r"tak|takk|kiitos|děkuji|спасибо|teşekkürler)$"
)
"""What closes a message if a name stands below it, and begins one otherwise."""
_NAME = re.compile(r"^[^\W\d_a-z][\w'.-]*( ([^\W\d_a-z][\w'.-]*|(van|von|de|der|den|da|di|la)))*$")
"""One to four words with capitals."""
_DEVICE = re.compile(
    r"^(sent from my |sent from (outlook|mail|yahoo)|get outlook for |von meinem .{1,40} gesendet|"
    r"gesendet von (mein|mail|outlook)|(télécharger|obtenir|obtener|scarica|holen sie sich) outlook |"
    r"gesendet mit |envoyé de mon |envoyé depuis |enviado desde mi |enviado do meu |inviato da |verzonden vanaf mijn |"
    r"skickat från min |sendt fra min )"
)
_NOTICE = re.compile(
    r"^(disclaimer|confidentiality notice|vertraulichkeitshinweis|haftungsausschluss)\s*:?$|"
    r"^(disclaimer\s*:\s*)?(this|the (information|contents?) (in|of) this) (e-?mail|message|communication)\b.{0,150}"
    r"\b(confidential|privileged|intended (only|solely))|"
    r"^diese (e-?mail|nachricht)\b.{0,150}vertraulich|^cet? (e-?mail|message|courriel)\b.{0,150}confidentiel"
)
"""What a company's mail server puts below every mail."""
_AFTERTHOUGHT = re.compile(r"^p\.? ?s\b", re.I)
"""What stands under a closing formula and is the writer's own word all the same."""


def own_words(text: str) -> str:
    """Return only what the writer wrote now: without quoted lines, history, signature.

    A message that is nothing but a forwarded one says what that one says: whoever forwards it without a word means it.
    """
    lines = _lines(text)
    kinds = _kinds(lines)
    own = "\n".join(line for line, kind in zip(lines, kinds, strict=True) if kind == _OWN)
    if own.strip() or _HISTORY not in kinds:
        return own.strip()
    head = kinds.index(_HISTORY)
    if any(line.strip() for line in lines[:head]) or not _is_forward(lines, head):
        return ""
    below = _below_head(lines, head)
    return own_words("\n".join(lines[below:])) if below > head else ""


def split(text: str) -> Parts:
    """Split a message after the writer's last own word. Nothing is lost: the two parts are the whole text."""
    lines = _lines(text)
    kinds = _kinds(lines)
    last = max((place for place, kind in enumerate(kinds) if kind == _OWN and lines[place].strip()), default=None)
    if last is None:
        return Parts(text, "")
    return Parts("\n".join(lines[: last + 1]).rstrip(), "\n".join(lines[last + 1 :]).strip("\n"))


# -- Lines -----------------------------------------------------------------------------------------------------

_OWN, _QUOTED, _HISTORY, _SIGNATURE = "own", "quoted", "history", "signature"


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


_SAME = str.maketrans({"\xa0": " ", "\uff1a": ":", "\u2019": "'"})
"""Characters that mean the same as a plainer one."""


def _plain(line: str) -> str:
    return line[:_LONGEST_LINE].translate(_SAME).strip()


def _kinds(lines: list[str]) -> list[str]:
    """Return what each line is."""
    kinds: list[str] = []
    place = 0
    while place < len(lines):
        line = _plain(lines[place])
        if line.startswith((">", "\uff1e")):
            kinds.append(_QUOTED)
            place += 1
        elif tall := _head_at(lines, place):
            if _quoted_follows(lines, place + tall):  # the writer may go on below what is quoted
                kinds += [_QUOTED] * tall
                place += tall
            else:
                return kinds + [_HISTORY] * (len(lines) - place)
        elif signature := _signature_at(lines, place):
            kinds += [_SIGNATURE] * signature
            place += signature
        else:
            kinds.append(_OWN)
            place += 1
    return kinds


def _head_at(lines: list[str], place: int) -> int:
    """Return how many lines the head of quoted history takes that begins here; 0 if none does."""
    line = _plain(lines[place]).lower()
    if not line:
        return 0
    if _TITLED.match(line) or _FORWARDED.match(line):
        return 1
    for tall in (1, 2, 3):  # a mail program breaks a long one
        parts = lines[place : place + tall]
        joined = " ".join(_plain(part) for part in parts).lower()
        if len(joined) > _LONGEST_LINE or (tall > 1 and not _plain(lines[min(place + tall, len(lines)) - 1])):
            break
        if not joined.endswith(":"):
            continue
        if any(head.match(joined) for head in _WRITERS) or _is_addressed(lines, place, joined):
            return tall
    return _address_block(lines, place)


def _is_addressed(lines: list[str], place: int, joined: str) -> bool:
    """Return whether a line names its writer by an address, below an empty line that ends the words of another."""
    above = [bool(_plain(line)) for line in lines[max(0, place - 3) : place]]
    return any(above) and not above[-1] and bool(_ADDRESSED.match(joined))


def _address_block(lines: list[str], place: int) -> int:
    """Return how many lines a block such as `From: ... Sent: ... Subject: ...` takes, with the rule above it; 0 if
    none."""
    start = place + 1 if _RULE.match(_plain(lines[place])) else place
    while start > place and start < len(lines) and not _plain(lines[start]):
        start += 1
    if start >= len(lines):
        return 0
    block = [_plain(line) for line in lines[start : start + 7]]
    sent_first = bool(_SENT.match(block[0]) and len(block) > 1 and _FROM.match(block[1]))  # as web.de and GMX write it
    if not (sent_first or _FROM.match(block[0])):
        return 0
    rest = block[1:] if block[1:] and not _SENT.search(block[0]) else block
    if not (any(_SENT.search(line) for line in rest) and any(_SUBJECT.search(line) for line in rest)):
        return 0
    tall = 1
    while start + tall < len(lines) and tall < len(block):
        if not any(field.match(block[tall]) for field in (_FROM, _SENT, _SUBJECT, _FIELD)):
            break
        tall += 1
    return start - place + tall


def _quoted_follows(lines: list[str], place: int) -> bool:
    return any(_plain(line).startswith(">") for line in lines[place : place + 2])


def _signature_at(lines: list[str], place: int) -> int:
    """Return how many lines the signature takes that begins here; 0 if none does."""
    line = _plain(lines[place]).lower().rstrip(",.! ")
    if _DEVICE.match(line):
        return 1
    divider = _SIGNED.match(_plain(lines[place]))
    if not (divider or _closes(line) or _thanks(line, lines, place) or _NOTICE.match(line)):
        return 0
    certain = lines[place].rstrip("\r") == "-- "
    rest = 1
    while place + rest < len(lines) and (certain or rest <= LONGEST_SIGNATURE):
        following = _plain(lines[place + rest])
        if following.startswith(">") or _AFTERTHOUGHT.match(following) or _head_at(lines, place + rest):
            break
        rest += 1
    return rest if certain or rest <= LONGEST_SIGNATURE else 0


def _closes(line: str) -> bool:
    """Return whether a line is a closing formula, with two words behind it at most: who closes, or a second one."""
    formula = _CLOSING.match(line) if len(line) <= 60 else None
    rest = formula["rest"].strip(" ,./|-") if formula else ""
    return formula is not None and (len(rest.split()) <= 2 or _closes(rest))


def _thanks(line: str, lines: list[str], place: int) -> bool:
    """Return whether a line of thanks closes the message: a name stands below it."""
    below = [_plain(line) for line in lines[place + 1 : place + 3]]
    name = next((line for line in below if line), "")
    return bool(_THANKS.match(line) and len(name) <= 40 and len(name.split()) <= 4 and _NAME.match(name))


def _is_forward(lines: list[str], head: int) -> bool:
    line = _plain(lines[head]).lower()
    words = (
        "forward",
        "weitergeleitet",
        "transféré",
        "réexpédié",
        "reenviado",
        "inoltrato",
        "doorgestuurd",
        "encaminhad",
    )
    return any(word in line for word in words) or _address_block(lines, head) > 0


def _below_head(lines: list[str], head: int) -> int:
    """Return the first line below a head and the block of addresses that may follow it."""
    place = head + max(1, _head_at(lines, head))
    while place < len(lines) and not _plain(lines[place]):
        place += 1
    if place < len(lines) and (tall := _address_block(lines, place)):
        place += tall
    return place

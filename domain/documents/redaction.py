"""What must not leave for engineering's tracker: addresses, numbers and secrets, found by their form.

Each finding is replaced by a mark that says what stood there, and is counted. Names of people have no form and
cannot be found so; the report holds account ids instead. In doubt a number that could be a secret goes, but what
engineers read by stays: versions, dates and times, UUIDs, ticket ids, stack traces.

Every expression is linear in the length of the text: repetitions are bounded, possessive (`++`, never given back)
or cannot start inside one another, so nobody can stall a worker with a hostile text.
"""

import re
from collections.abc import Callable, Iterator
from ipaddress import IPv6Address
from string import ascii_lowercase

from domain.core.text import clean
from domain.core.values import Frozen
from domain.documents.finding import Finder, Kind, Rule, Span, each, found_by
from domain.documents.identities_in_text import HOME_FOLDERS, IDENTITIES
from domain.documents.normalised_text import NormalisedText
from domain.documents.secrets_in_text import BY_WORDS, IN_ADDRESSES

WORDS: dict[Kind, str] = {
    "email": "e-mail address",
    "phone": "phone number",
    "secret": "secret",
    "card": "card number",
    "iban": "IBAN",
    "ip": "IP address",
    "ssn": "social security number",
    "id": "identity number",
    "account": "bank account",
    "birth": "date of birth",
    "user": "user name",
}
"""What each kind is called by people: a finding becomes `[e-mail address removed]`."""


class Redacted(Frozen):
    """A text that may leave, and how many of each kind were removed from it."""

    text: str
    removed: dict[Kind, int] = {}


def redact(text: str, *, ips: bool = False) -> Redacted:
    """Return `text` without e-mail addresses, secrets, and the numbers of phones, cards, accounts and papers.

    With `ips`, without IP addresses too.

    It is cleaned first (`domain.documents.document.clean`): a control character inside an address must not hide it here
    and then be dropped by the document. And it is looked through as a person reads it (`normalised_text`).
    """
    words = NormalisedText(clean(text))
    low = words.text.lower()
    removed: dict[Kind, int] = {}
    for rule in _RULES:
        if (rule.kind != "ip" or ips) and rule.may_be_in(low) and (found := found_by(words.text, rule)):
            words.replace([(start, end, f"[{WORDS[rule.kind]} removed]") for start, end in found])
            removed[rule.kind] = removed.get(rule.kind, 0) + len(found)
    return Redacted(text=str(words), removed=removed)


# -- E-mail -------------------------------------------------------------------------------------------------

_PUNCTUATION = "!#$%&'\u2019*/=?^`{|}~"
"""Legal in the local part, but in a log far more often what stands before it: `user=ada@example.com`."""
_DOMAIN = r"(?=([\w-]++(?:\.[\w-]++)++))"
"""Seen, not consumed: what follows an address may be the next one, as in `ada@example.com+bob@example.com`."""
_EMAIL = re.compile(rf"(?<![\w.+{_PUNCTUATION}-])([\w.+{_PUNCTUATION}-]++)@{_DOMAIN}")
_QUOTED_EMAIL = re.compile(rf'("[^"\n]{{1,64}}")@{_DOMAIN}')
_NAME = r"(?<![\w.+%'\u2019-])((?:[\w.+'\u2019-]|%(?!(?:25)?40))++)"
"""A local part and what stands before it, where the `@` is not written as it is. `%2B` is a plus."""
_ENCODED_EMAIL = re.compile(rf"{_NAME}(?:%(?:25)?40|&#64;|&#x40;|&commat;|\\u0040){_DOMAIN}", re.I)
_DOT = r"(?:\.|[ ]?[(\[{]dot[)\]}][ ]?)"
_SPELT_EMAIL = re.compile(rf"{_NAME}[ ]?[(\[{{]at[)\]}}][ ]?(?=([\w-]++(?:{_DOT}[\w-]++)++))", re.I)
_DOTS = re.compile(_DOT, re.I)


_REPOSITORY = re.compile(r"git|hg|gitlab|gitea|gogs|forgejo|aur|org-\d+", re.I)


def _emails(pattern: re.Pattern[str]) -> Finder:
    def find(text: str) -> Iterator[Span]:
        for match in pattern.finditer(text):
            local, domain = match.groups()
            # `react@18.2.0` is a version: a domain has a label that begins with a letter after its first.
            if any(label[0].isalpha() for label in _DOTS.split(domain)[1:]):
                begin = 0 if local[0] == '"' else _begin(local)
                if _REPOSITORY.fullmatch(local, begin):
                    continue  # where a repository is, and nobody
                yield match.start() + (begin if begin < len(local) else 0), match.end(2)

    return find


_ENCODED = re.compile(r"%(?:(2[BDE7]|5F)|[0-9A-F]{2})", re.I)


def _begin(local: str) -> int:
    """Return where the local part of an address begins. What stands before it in a log is no part of it; an apostrophe
    in a name is."""
    for place in range(len(local) - 1, -1, -1):
        char = local[place]
        if char == "%" and (encoded := _ENCODED.match(local, place)):
            if not encoded[1]:
                return encoded.end()
        elif char in _PUNCTUATION and not (char in "'\u2019" and _between_letters(local, place)):
            return place + 1
    return 0


def _between_letters(text: str, place: int) -> bool:
    return place > 0 and text[place - 1].isalpha() and text[place + 1 : place + 2].isalpha()


_LITERAL_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]++@\[[0-9A-Fa-f:.]{3,45}\]")
_SAID_EMAIL = re.compile(
    r"(?<![\w.+-])(?!(?:look|hosted|available|found|running|live|here|it|is|are|was|visit|go|us|page|site)\b)"
    r"[\w.+-]++ at [\w-]++(?: dot [a-z-]++){1,4}(?![\w.])",
    re.I,
)
"""`jane at example dot com`, and not `it is at example dot com`."""
_BROKEN_EMAIL = re.compile(
    r"""(?<![\w.+-])(?P<out>[\w.+-]++
      (?:@[ \t]{0,3}\n[ \t>|]{0,8} | [ \t]{0,3}\n[ \t>|]{0,8}@)[\w-]++(?:\.[\w-]++)++)""",
    re.I | re.X,
)
"""Broken by the end of a line."""


def _ends_in_a_word(address: str) -> bool:
    return address.rpartition(".")[2].isalpha()


_SPACED_EMAIL = re.compile(
    r"""(?<![\w.+-])(?P<out>[a-z][\w.+-]*+[ ]@[ ][a-z0-9][\w-]*+(?:(?:\.|[ ]\.[ ])[\w-]++)*+(?<=[a-z]))(?![\w-])""",
    re.I | re.X,
)


def _spaced_emails(text: str) -> Iterator[Span]:
    """Find e-mail addresses that are written with blanks: `maria @ example . com`, and not `lunch @ noon`."""
    return (match.span() for match in _SPACED_EMAIL.finditer(text) if "." in match[0].rpartition("@")[2])


# -- Numbers with a check digit -----------------------------------------------------------------------------

# A look-ahead consumes nothing: every place where one could begin is tried, also inside of what was no match.
_IBAN = re.compile(
    r"(?<![A-Za-z0-9])"
    r"(?=([A-Za-z]{2}\d\d(?:[A-Za-z0-9]{11,30}|(?:[ .-]{1,2}[A-Za-z0-9]{4}){2,7}(?:[ .-]{1,2}[A-Za-z0-9]{1,3})?)))"
)
_GAPS = re.compile(r"[\W_]")
_CARD = re.compile(
    r"(?<!\w)(?<!\d\.)(?=([2-6]\d(?:[ -]?\d){12,17}|"
    # Other separators, where the groups are those of a card.
    r"[2-6]\d{3}[ ._/*-]{1,3}(?:(?:\d{4}[ ._/*-]{1,3}){2}\d{1,7}|\d{6}[ ._/*-]{1,3}\d{4,5})(?!\d)))"
)


def _cards(text: str) -> Iterator[Span]:
    """Find card numbers, but not one that stands whole between the slashes of an address: `/items/4000056655665556` is
    an id."""
    for start, end in _checked(_CARD, _is_card)(text):
        if not (text[max(0, start - 1) : start] == "/" and text[start:end].isdigit()):
            yield start, end


def _checked(pattern: re.Pattern[str], valid: Callable[[str], bool]) -> Finder:
    """Find the longest `valid` beginning of each candidate that ends where a word does: `4111 ... 1111 12/29` holds
    a card number and then something else."""

    def find(text: str) -> Iterator[Span]:
        for match in pattern.finditer(text):
            start, end = match.span(1)
            for stop in range(end, start + 13, -1):
                ends_word = text[stop - 1].isalnum() and not text[stop : stop + 1].isalnum()
                if ends_word and valid(_GAPS.sub("", text[start:stop])):
                    yield start, stop
                    break

    return find


_LETTERS = {ord(letter): str(number) for number, letter in enumerate(ascii_lowercase, 10)}


def _is_iban(compact: str) -> bool:
    """Return whether an IBAN is valid by ISO 13616: first four characters at the end, letters as numbers, modulo 97
    is 1."""
    turned = compact[4:] + compact[:4]
    return 15 <= len(compact) <= 34 and int(turned.lower().translate(_LETTERS)) % 97 == 1


_ISSUED = re.compile(r"3(?:0[0-5]|[689]\d)\d{11}|3[47]\d{13}|(?:2[2-7]|35|[456]\d)\d{14}|6\d{16,18}")
"""Diners, American Express, sixteen digits of everybody, and the long ones. Times and counters hardly look so."""


def _is_card(digits: str) -> bool:
    """Return whether an issuer could have given out this number, and its Luhn sum is right."""
    if not _ISSUED.fullmatch(digits):
        return False
    doubled = (divmod(int(digit) * 2, 10) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(map(sum, doubled))) % 10 == 0


# -- Phone numbers ------------------------------------------------------------------------------------------

_GAP = r"[ \t().\-/]"
_PHONE = re.compile(
    rf"""(?=[\d(+])(?:
    # What looks like one and is none comes first, and stays: UUIDs, times with their zone, dates, versions.
      (?<!\w)[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}(?!\w)
    | \d\d:\d\d:\d\d(?:[.,]\d{{1,9}})?(?:[ ]?[+-]\d\d:?\d\d)?(?!\d)
    | (?<!\d)\d{{4}}([-/.])\d\d\1\d\d(?!\d)
    | (?<!\d)\d{{1,2}}([-/.])\d{{1,2}}\2(?:\d\d){{1,2}}(?!\d)
    | (?<!\d)(?!\d{{3}}\.\d{{3}}\.\d{{4}}(?!\d))\d++(?:\.\d++)++
    | (?P<phone>
        (?<![\w+])\+[1-9](?:{_GAP}{{0,3}}\d){{6,14}}(?!\d)                           # +49 (0)30 1234567
      | (?<![\w.,:+-])00[1-9]\d{{0,2}}{_GAP}{{1,3}}\d(?:{_GAP}{{0,3}}\d){{5,11}}(?!\w)  # 0049 30 1234567
      | (?<![\w.,:+/-])\(?0[1-9]\d{{0,4}}(?:\)[ ]?|[ /-]{{1,3}})\d(?:[ /-]?\d){{4,10}}(?![\w:])  # 030 1234567
      | (?<![\w.,:+/=\#-])0(?:[1-9]\d{{8,10}}|0[1-9]\d{{9,12}})(?![\w:-]|\.\d)             # 01712345678
      | (?<![\w.+-])(?:[78][ ]?)?\(\d{{2,3}}\)[ ]?\d{{3,5}}[ -]\d{{2,4}}(?:[ -]\d{{2,4}})?(?![\w-]) # (11) 91234-5678
      | (?<![\w.+-])(?:1[ .-])?(?:\([2-9]\d\d\)[ ]?\d{{3}}[ .-]|[2-9]\d\d([.-])\d{{3}}\4)\d{{4}}(?![\w-]) # 555-123-4567
      ))
    """,
    re.X | re.I,
)
_TELLS = (
    *(
        "tel",
        "t\u00e9l",
        "cell",
        "num",
        "phone",
        "mobil",
        "handy",
        "rufnummer",
        "fax",
        "whatsapp",
        "sms",
        "call",
        "ring",
    ),
    *("reach", "text ", "my number", "contact number"),
)
_TOLD_PHONE = re.compile(
    rf"""
    (?<![\w\[])(?:t[e\u00e9]l(?:[e\u00e9]fon(?:nummer|nr|o)?|[e\u00e9]phone)?|num[e\u00e9]ro(?=[ :]{{1,3}}0)
      |phone|mobil(?:e|nummer|telefon)?|cell[ ]?phone|cell(?=[ ]?[:.]?[ ]?[+(\d])
      |handy(?:nummer|nr)?|rufnummer|fax(?:nummer|nr)?|whatsapp|sms|(?:my|contact)[ ]number
      |(?:call|ring|reach|text)[ ](?:me|us|him|her|them|back)|(?:call|dial)(?=[ ]\d{{5}}[ ]\d{{5}}(?!\d)))\b
    (?:(?!\b(?:app|build|version|release|order|ticket|case|id|error|code|line|port|bytes|model)\b)[^\d\n\[\]]){{0,20}}
    (?<![\d.])(?!\d{{1,4}}([./-])\d{{1,2}}\1\d)(?P<phone>\d(?:{_GAP}{{0,2}}\d){{5,14}})(?![\w:])
    """,
    re.X | re.I,
)


def _phones(text: str) -> Iterator[Span]:
    for match in _PHONE.finditer(text):
        if match["phone"] and not _NUMBERED.search(text, max(0, match.start() - 40), match.start()):
            yield match.span("phone")


_NUMBERED = re.compile(
    r"""(?<![a-z])(?:order|invoice|ticket|case|request|reference|ref|customer|contract|article|part|serial|item|po|sku
      |bestell|auftrags?|rechnungs?|kunden|vertrags?|artikel|serien|commande|facture|pedido|factura|ordine|fattura)
    [ -]?(?:number|numbers|nummer|num|no|nr|id|n\u00b0|\#)[.:]?[ :=\#]{0,3}\Z""",
    re.I | re.X,
)
"""What is numbered, and by no telephone company."""


# -- IP addresses -------------------------------------------------------------------------------------------

_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_IPV4 = re.compile(rf"(?<![\w.])(?<!version )(?:{_OCTET}\.){{3}}{_OCTET}(?!\w|\.\d)", re.I)
_IPV4_HOST = re.compile(rf"(?<![\w-])ip-(?P<out>(?:{_OCTET}-){{3}}{_OCTET})(?![\w-])", re.I)
_IPV6 = re.compile(r"(?<![\w:.])(?=[0-9a-f]{0,4}:)[0-9a-f:]{3,39}+(?![\w:])", re.I)


def _is_ipv6(text: str) -> bool:
    """Leave times and the bare `::` alone."""
    try:
        return IPv6Address(text) != IPv6Address(0)
    except ValueError:
        return False


_RULES: tuple[Rule, ...] = (
    *IN_ADDRESSES,
    Rule("email", _emails(_EMAIL), ("@",)),
    Rule("email", _emails(_QUOTED_EMAIL), ('"@',)),
    Rule("email", each(_LITERAL_EMAIL), ("@[",)),
    Rule("email", each(_SAID_EMAIL), (" dot ",)),
    Rule("email", each(_BROKEN_EMAIL, _ends_in_a_word), ("@",)),
    Rule("email", _spaced_emails, (" @ ",)),
    Rule("email", _emails(_ENCODED_EMAIL), ("%40", "%2540", "u0040", "&#64;", "&#x40;", "&commat;")),
    Rule("email", _emails(_SPELT_EMAIL), ("(at)", "[at]", "{at}")),
    *BY_WORDS,
    Rule("iban", _checked(_IBAN, _is_iban)),
    Rule("card", _cards),
    *IDENTITIES,
    Rule("phone", _phones),
    Rule("phone", each(_TOLD_PHONE), _TELLS),
    HOME_FOLDERS,
    Rule("ip", each(_IPV4)),
    Rule("ip", each(_IPV4_HOST), ("ip-",)),
    Rule("ip", each(_IPV6, _is_ipv6)),
)
"""In this order: what is recognised by its surroundings goes before what is recognised by its digits alone."""

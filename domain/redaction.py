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
from itertools import pairwise
from typing import Literal, NamedTuple

from domain.base import Frozen
from domain.document import clean

Kind = Literal["email", "phone", "secret", "card", "iban", "ip"]

WORDS: dict[Kind, str] = {
    "email": "e-mail address",
    "phone": "phone number",
    "secret": "secret",
    "card": "card number",
    "iban": "IBAN",
    "ip": "IP address",
}
"""What each kind is called by people: a finding becomes `[e-mail address removed]`."""


class Redacted(Frozen):
    """A text that may leave, and how many of each kind were removed from it."""

    text: str
    removed: dict[Kind, int] = {}


def redact(text: str, *, ips: bool = False) -> Redacted:
    """`text` without e-mail addresses, secrets, IBANs, card and phone numbers; with `ips`, without IP addresses too.

    It is cleaned first (`domain.document.clean`): a control character inside an address must not hide it here and
    then be dropped by the document.
    """
    text = clean(text)
    low = text.lower()
    removed: dict[Kind, int] = {}
    for rule in _RULES:
        if (rule.kind != "ip" or ips) and rule.may_be_in(low):
            text, found = _without(text, rule)
            if found:
                removed[rule.kind] = removed.get(rule.kind, 0) + found
    return Redacted(text=text, removed=removed)


Span = tuple[int, int]
"""Where a finding starts and ends."""
Finder = Callable[[str], Iterator[Span]]


class _Rule(NamedTuple):
    kind: Kind
    find: Finder
    hints: tuple[str, ...] = ("",)
    """One of these stands in every finding, in lower case. Texts without any need not be searched, which is fast."""

    def may_be_in(self, low: str) -> bool:
        # No generator: this runs some twenty times for each of a report's thirty texts.
        for hint in self.hints:  # noqa: SIM110
            if hint in low:
                return True
        return False


def _without(text: str, rule: _Rule) -> tuple[str, int]:
    """The text with each finding replaced by the mark of the rule's kind, and how many there were."""
    kept: list[str] = []
    done = found = 0
    for start, end in rule.find(text):
        if start >= done:
            kept += text[done:start], f"[{WORDS[rule.kind]} removed]"
            found += 1
        done = max(done, end)  # one that overlaps the last goes with it
    return "".join([*kept, text[done:]]), found


def _each(pattern: re.Pattern[str], fits: Callable[[str], bool] = bool) -> Finder:
    """Finds what `pattern` matches: its named group, or all of it where it has none, if that `fits`."""

    def find(text: str) -> Iterator[Span]:
        for match in pattern.finditer(text):
            group = match.lastgroup or 0
            if fits(match[group]):
                yield match.span(group)

    return find


# -- E-mail -------------------------------------------------------------------------------------------------

_PUNCTUATION = "!#$%&'*/=?^`{|}~"
"""Legal in the local part, but in a log far more often what stands before it: `user=ada@example.com`."""
_DOMAIN = r"(?=([\w-]++(?:\.[\w-]++)++))"
"""Seen, not consumed: what follows an address may be the next one, as in `ada@example.com+bob@example.com`."""
_EMAIL = re.compile(rf"(?<![\w.+{_PUNCTUATION}-])([\w.+{_PUNCTUATION}-]++)@{_DOMAIN}")
_ENCODED_EMAIL = re.compile(rf"(?<![\w.+-])([\w.+-]++)(?:%40|&#64;|&#x40;|&commat;|\uff20){_DOMAIN}", re.I)


def _emails(pattern: re.Pattern[str]) -> Finder:
    def find(text: str) -> Iterator[Span]:
        for match in pattern.finditer(text):
            local, domain = match.groups()
            # `react@18.2.0` is a version: a domain has a label that begins with a letter after its first.
            if any(label[0].isalpha() for label in domain.split(".")[1:]):
                begin = max(map(local.rfind, _PUNCTUATION)) + 1
                yield match.start() + (begin if begin < len(local) else 0), match.end(2)

    return find


# -- Secrets ------------------------------------------------------------------------------------------------

_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)", re.S)
_IN_ADDRESS = re.compile(r"(?<=://)(?!\[)[^\s/:]{0,200}:[^\s/]{1,200}(?=@)")
_KNOWN = re.compile(
    r"""(?<![A-Za-z0-9])(?:
      (?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}(?![A-Za-z0-9])     # AWS
    | gh[oprsu]_\w{20,} | github_pat_\w{20,} | glpat-[\w-]{20,}
    | xox[a-z]-[\w-]{10,} | xapp-[\w-]{10,}                    # Slack
    | [rsp]k_(?:live|test)_\w{10,} | whsec_[\w+/=]{10,}        # Stripe, signed webhooks
    | sk-[\w-]{20,} | AIza[\w-]{35} | ya29\.[\w-]{20,} | ATATT[\w=-]{20,}
    | npm_\w{30,} | pypi-[\w-]{20,} | hv[bs]\.[\w-]{20,} | dop_v1_\w{20,} | shp(?:at|ca|pa|ss)_\w{20,}
    | SG\.[\w-]{16,}\.[\w-]{16,}                               # SendGrid
    )""",
    re.X,
)
_BEGINNINGS = (
    *("akia", "asia", "aroa", "aida", "ghp_", "gho_", "ghr_", "ghs_", "ghu_", "github_pat_", "glpat-", "xox", "xapp-"),
    *("k_live_", "k_test_", "whsec_", "sk-", "aiza", "ya29.", "atatt", "npm_", "pypi-", "hvb.", "hvs.", "dop_v1_"),
    *("shpat_", "shpca_", "shppa_", "shpss_", "sg."),
)
"""What those begin with, in lower case: looking for all of these words is faster than the expression."""
_TELEGRAM = re.compile(r":[\w-]{35}(?![\w-])")
_BOT = re.compile(r"(?<![A-Za-z0-9])\d{8,10}\Z")
_JWT = re.compile(r"(?<![\w-])eyJ[\w-]{6,}+\.[\w-]{6,}+(?:\.[\w-]*+){0,3}")
_MARKED = r"(?!\[[\w -]{1,20} removed\])"
_NO_DATE = r"(?!\d{4}-\d\d-\d\d)"
_ASSIGN = r"""\\{0,3}["']?[ \t]{0,3}(?:=>|:=|[:=>])[ \t]{0,3}\\{0,3}"""
_PASSWORD = r"(?:password|passwort|passwd|kennwort|passphrase|passcode|pwd)"
_KEY = (
    r"(?:token|secret|credential|authorization|session[ _-]?id|sessid|amz-signature|[?&]sig|"
    r"(?:api|access|secret|private|signing|encryption|auth)[ _-]?key|password|passwort|passphrase)s?"
)
_HEADER = re.compile(
    rf"""authorization{_ASSIGN}["']?(?:basic|bearer|digest|token|apikey)[ \t]{{1,3}}{_MARKED}(?P<out>[^\s"']++)""", re.I
)
_COOKIES = re.compile(r"cookie:[ \t]{0,3}(?P<out>[\w.!#$%&*+^~-]++=[^\n]*+)", re.I)
_ASSIGNED_PASSWORD = re.compile(
    rf"""{_PASSWORD}{_ASSIGN}{_MARKED}(?:"(?P<double>[^"\n]{{1,200}})"|'(?P<single>[^'\n]{{1,200}})'|(?P<bare>[^\s"'<>,;&]++))""",
    re.I,
)
_ASSIGNED_KEY = re.compile(rf"""{_KEY}{_ASSIGN}["'`]?{_NO_DATE}(?P<out>[\w.~+/=%-]{{8,}}+)""", re.I)
_TOLD_KEY = re.compile(
    rf"""{_KEY}[ \t]{{1,3}}(?:(?:is|was)[ \t:]{{1,3}})?["'`]?{_NO_DATE}(?P<out>[\w+/=-]{{8,}}+)""", re.I
)
_BEARER = re.compile(r"\b(?:bearer|basic)[ \t]{1,3}(?P<out>[\w.~+/=-]{8,}+)", re.I)


def _telegram(text: str) -> Iterator[Span]:
    """Looked for from the colon on, which is rare, and back from there."""
    for match in _TELEGRAM.finditer(text):
        if bot := _BOT.search(text, max(0, match.start() - 11), match.start()):
            yield bot.start(), match.end()


def _opaque(value: str) -> bool:
    """Whether `value` is no word and no name of a class: digits among letters, a long number, or cases that change as
    only chance makes them."""
    letters = [char for char in value if char.isalpha()]
    if any(char.isdigit() for char in value):
        return bool(letters) or len(value) >= 16
    changes = sum(a.islower() != b.islower() for a, b in pairwise(letters))
    return changes * 3 > len(value)


# -- Numbers with a check digit -----------------------------------------------------------------------------

# A look-ahead consumes nothing: every place where one could begin is tried, also inside of what was no match.
_IBAN = re.compile(
    r"(?<![A-Za-z0-9])(?=([A-Za-z]{2}\d\d(?:[A-Za-z0-9]{11,30}|(?:[ -][A-Z0-9]{4}){2,7}(?:[ -][A-Z0-9]{1,3})?)))"
)
_GAPS = re.compile(r"\W")
_CARD = re.compile(r"(?<!\w)(?<!\d\.)(?=([2-6]\d(?:[ \u00a0-]?\d){12,17}))")


def _checked(pattern: re.Pattern[str], valid: Callable[[str], bool]) -> Finder:
    """Finds the longest `valid` beginning of each candidate that ends where a word does: `4111 ... 1111 12/29` holds
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


def _is_iban(compact: str) -> bool:
    """ISO 13616: the first four characters moved to the end, letters as numbers, modulo 97 is 1."""
    turned = compact[4:] + compact[:4]
    return 15 <= len(compact) <= 34 and int("".join(str(int(char, 36)) for char in turned)) % 97 == 1


_ISSUED = re.compile(r"3(?:0[0-5]|[689]\d)\d{11}|3[47]\d{13}|(?:2[2-7]|35|[456]\d)\d{14}|6\d{16,18}")
"""Diners, American Express, sixteen digits of everybody, and the long ones. Times and counters hardly look so."""


def _is_card(digits: str) -> bool:
    """Whether an issuer could have given out this number, and its Luhn sum is right."""
    if not _ISSUED.fullmatch(digits):
        return False
    doubled = (divmod(int(digit) * 2, 10) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(map(sum, doubled))) % 10 == 0


# -- Phone numbers ------------------------------------------------------------------------------------------

_GAP = r"[ \u00a0\t().\-/\u2010-\u2013]"
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
      | (?<![\w.+-])(?:\([2-9]\d\d\)[ ]?\d{{3}}[ .-]|[2-9]\d\d([.-])\d{{3}}\4)\d{{4}}(?![\w-])  # 555-123-4567
      ))
    """,
    re.X | re.I,
)
_TELLS = ("tel", "phone", "mobile", "handy", "fax", "whatsapp", "call", "ring")
_TOLD_PHONE = re.compile(
    rf"""
    (?<![\w\[])(?:tel|telefon|phone|mobile|cell[ ]?phone|handy|fax|whatsapp|(?:call|ring)[ ](?:me|us|him|her|them|back))
    \b[^\d\n\[\]]{{0,20}}(?<![\d.])(?!\d{{1,4}}([./-])\d{{1,2}}\1\d)(?P<phone>\d(?:{_GAP}{{0,2}}\d){{5,14}})(?![\w:])
    """,
    re.X | re.I,
)


def _phones(text: str) -> Iterator[Span]:
    return (match.span("phone") for match in _PHONE.finditer(text) if match["phone"])


# -- IP addresses -------------------------------------------------------------------------------------------

_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_IPV4 = re.compile(rf"(?<![\w.])(?<!version )(?:{_OCTET}\.){{3}}{_OCTET}(?!\w|\.\d)", re.I)
_IPV6 = re.compile(r"(?<![\w:.])(?=[0-9a-f]{0,4}:)[0-9a-f:]{3,39}+(?![\w:])", re.I)


def _is_ipv6(text: str) -> bool:
    """Leaves times and the bare `::` alone."""
    try:
        return IPv6Address(text) != IPv6Address(0)
    except ValueError:
        return False


_PASSWORDS = ("passw", "kennwort", "passphrase", "passcode", "pwd")
_KEYS = ("token", "secret", "credential", "authorization", "sess", "signature", "sig", "key", *_PASSWORDS)
_RULES: tuple[_Rule, ...] = (
    _Rule("secret", _each(_PRIVATE_KEY), ("private key",)),
    _Rule("secret", _each(_IN_ADDRESS), ("://",)),
    _Rule("email", _emails(_EMAIL), ("@",)),
    _Rule("email", _emails(_ENCODED_EMAIL), ("%40", "&#64;", "&#x40;", "&commat;", "\uff20")),
    _Rule("secret", _each(_KNOWN), _BEGINNINGS),
    _Rule("secret", _telegram, (":",)),
    _Rule("secret", _each(_JWT), ("eyj",)),
    _Rule("secret", _each(_HEADER), ("authorization",)),
    _Rule("secret", _each(_COOKIES), ("cookie",)),
    _Rule("secret", _each(_ASSIGNED_PASSWORD), _PASSWORDS),
    _Rule("secret", _each(_ASSIGNED_KEY, _opaque), _KEYS),
    _Rule("secret", _each(_TOLD_KEY, _opaque), _KEYS),
    _Rule("secret", _each(_BEARER, _opaque), ("bearer", "basic")),
    _Rule("iban", _checked(_IBAN, _is_iban)),
    _Rule("card", _checked(_CARD, _is_card)),
    _Rule("phone", _phones),
    _Rule("phone", _each(_TOLD_PHONE), _TELLS),
    _Rule("ip", _each(_IPV4)),
    _Rule("ip", _each(_IPV6, _is_ipv6)),
)
"""In this order: what is told by its surroundings goes before what is told by its digits alone."""

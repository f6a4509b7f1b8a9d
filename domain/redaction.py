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
from string import ascii_lowercase
from typing import Literal, NamedTuple

from domain.as_read import AsRead
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
    then be dropped by the document. And it is looked through as a person reads it (`domain.as_read`).
    """
    words = AsRead(clean(text))
    low = words.text.lower()
    removed: dict[Kind, int] = {}
    for rule in _RULES:
        if (rule.kind != "ip" or ips) and rule.may_be_in(low) and (found := _found(words.text, rule)):
            words.replace([(start, end, f"[{WORDS[rule.kind]} removed]") for start, end in found])
            removed[rule.kind] = removed.get(rule.kind, 0) + len(found)
    return Redacted(text=str(words), removed=removed)


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


def _found(text: str, rule: _Rule) -> list[Span]:
    """What the rule finds, in order; what overlaps goes together."""
    found: list[Span] = []
    for start, end in rule.find(text):
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


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
_QUOTED_EMAIL = re.compile(rf'("[^"\n]{{1,64}}")@{_DOMAIN}')
_ENCODED_EMAIL = re.compile(rf"(?<![\w.+-])([\w.+-]++)(?:%(?:25)?40|&#64;|&#x40;|&commat;|\\u0040){_DOMAIN}", re.I)
_DOT = r"(?:\.|[ ]?[(\[{]dot[)\]}][ ]?)"
_SPELT_EMAIL = re.compile(rf"(?<![\w.+-])([\w.+-]++)[ ]?[(\[{{]at[)\]}}][ ]?(?=([\w-]++(?:{_DOT}[\w-]++)++))", re.I)
_DOTS = re.compile(_DOT, re.I)


def _emails(pattern: re.Pattern[str]) -> Finder:
    def find(text: str) -> Iterator[Span]:
        for match in pattern.finditer(text):
            local, domain = match.groups()
            # `react@18.2.0` is a version: a domain has a label that begins with a letter after its first.
            if any(label[0].isalpha() for label in _DOTS.split(domain)[1:]):
                begin = 0 if local[0] == '"' else max(map(local.rfind, _PUNCTUATION)) + 1
                yield match.start() + (begin if begin < len(local) else 0), match.end(2)

    return find


# -- Secrets ------------------------------------------------------------------------------------------------

_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)", re.S)
# A password may hold a slash, though it should not; but `host:8080/path@2` has none.
_IN_ADDRESS = re.compile(r"(?<=://)(?!\[)[^\s/:]{0,200}:(?:[^\s/]{1,200}(?=@)|(?!\d{1,5}/)[^\s/@][^\s@]{0,200}(?=@))")
_BEFORE_HOST = re.compile(
    r"(?<![\w@/.:+%-])[\w.+%-]{1,64}:(?P<out>[^\s@:/\"'`<>()\[\]{},;]{2,100}+)@"
    r"(?P<host>[a-z][\w-]*+(?:\.[\w-]++)*+)(?!:[0-9a-f]{16})",  # which would be an image and its digest
    re.I,
)
_USER_OPTION = re.compile(r"(?:[ \t]-u|--user)[ \t=]{0,3}[\"']?[^\s:\"']{1,64}:(?P<out>[^\s\"']++)")
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
_MARKED = r"(?!\[[\w\x20-]{1,20}\x20removed\])"
_NO_DATE = r"(?!\d{4}-\d\d-\d\d)"
_ASSIGN = r"""\\{0,3}["']?[ \t]{0,3}(?:=>|:=|[:=>])[ \t]{0,3}\\{0,3}"""
_PASSWORD = r"(?:password|passwort|passwd|kennwort|passphrase|passcode|pwd|(?<![a-z])pw)"
_KEY = (
    r"(?:token|secret|credential|authorization|session[ _-]?id|sessid|amz-signature|[?&]sig|"
    r"(?:api|access|account|secret|private|signing|encryption|auth)[ _-]?key|password|passwort|passphrase)s?"
)
_HEADER = re.compile(
    rf"""authorization{_ASSIGN}["']?(?:basic|bearer|digest|token|apikey)[ \t]{{1,3}}{_MARKED}(?P<out>[^\s"']++)""", re.I
)
_COOKIES = re.compile(r"cookie:[ \t]{0,3}(?P<out>[\w.!#$%&*+^~-]++=[^\n]*+)", re.I)
_ASSIGNED_PASSWORD = re.compile(
    rf"""{_PASSWORD}{_ASSIGN}{_MARKED}(?:"(?P<double>[^"\n]{{1,200}})"|'(?P<single>[^'\n]{{1,200}})'|(?P<bare>[^\s"'<>,;&]++))""",
    re.I,
)
_TOLD_PASSWORD = re.compile(
    rf"""
    {_PASSWORD}[ \t]{{1,3}}(?:is|was|ist|war|lautet)(?:[ \t]{{0,3}}:)?[ \t]{{1,3}}{_MARKED}
    (?!\d{{1,3}}[ ](?:char|letter|digit|symbol|byte|day|hour|minute|month|zeichen|tage))
    (?:"(?P<double>[^"\n]{{1,200}})"|'(?P<single>[^'\n]{{1,200}})'|`(?P<tick>[^`\n]{{1,200}})`|(?P<bare>[^\s"'`<>,;]++))
    """,
    re.I | re.X,
)
_ASSIGNED_KEY = re.compile(rf"""{_KEY}{_ASSIGN}["'`]?{_NO_DATE}(?P<out>[\w.~+/=%-]{{8,}}+)""", re.I)
_TOLD_KEY = re.compile(
    rf"""{_KEY}[ \t]{{1,3}}(?:(?:is|was)[ \t:]{{1,3}})?["'`]?{_NO_DATE}(?P<out>[\w+/=-]{{8,}}+)""", re.I
)
_BEARER = re.compile(r"\b(?:bearer|basic)[ \t]{1,3}(?P<out>[\w.~+/=-]{8,}+)", re.I)


def _with_host(text: str) -> Iterator[Span]:
    """`name:password@host` outside of an address. What an e-mail address would look like as well is left to that rule,
    and so are words: `image:latest@registry`."""
    for match in _BEFORE_HOST.finditer(text):
        plain = _WORDS.fullmatch(match["out"])
        if not plain or ("." not in match["host"] and _opaque(match["out"])):
            yield match.span("out")


_WORDS = re.compile(r"[\w.+-]+")


def _no_number(value: str) -> bool:
    """Whether `value` is more than a number: `-u 1000:1000` says who runs a container."""
    return not value.isdigit()


def _told_passwords(text: str) -> Iterator[Span]:
    """`the password is swordfish`, and not `the password is wrong`."""
    for match in _TOLD_PASSWORD.finditer(text):
        span = match.span(match.lastgroup or 0)
        word = match["bare"]
        if word is None or not _SAID_OF_PASSWORDS.fullmatch(word.rstrip(".!?:)*")):
            yield span


_SAID_OF_PASSWORDS = re.compile(
    r"""[a-z-]{3,}ed|[a-z-]{3,}[ai]ble|ge[a-z]{3,20}t|[a-z]{5,}lich
    | an?|the|in|on|at|to|of|by|for|from|with|without|within|as|like|per|via|and|or|but|if|when|where|what|why|how|that
    | this|these|it|its|my|your|our|their|his|her|same|too|so|very|more|less|most|only|just|also|already|still|again
    | not|no|never|always|now|then|here|there|once|being|been|about|under|over|out|up|ok|okay|fine|good|bad|right|one
    | sometimes|often|usually|currently|correctly|incorrectly|probably|apparently|really|actually|exactly|because|since
    | after|before|until|while|something|anything|nothing|all|any|either|expiring|missing|failing|working|leaking
    | wrong|correct|incorrect|valid|invalid|empty|blank|null|none|nil|undefined|unset|optional|mandatory|new|old|n/a
    | different|identical|equal|weak|strong|short|long|longer|shorter|secure|insecure|safe|unsafe|public|private|secret
    | plain|plaintext|clear|gone|lost|known|unknown|true|false|sent|set|reset|shown|hidden|kept|cut|hash|text|back|off
    | (?:case-)?(?:in)?sensitive|active|inactive|case|part|due|common|simple|easy|hard|random|fresh|stale|ready
    | falsch|richtig|korrekt|nicht|kein|keine|leer|abgelaufen|zu|der|die|das|ein|eine|im|in|noch|schon|immer|nur|sehr
    | neu|alt|unbekannt|vergessen|verloren|bekannt|sicher|unsicher|weg|(?:un)?g\u00fcltig
    """,
    re.X | re.I,
)
"""What people say of a password, and not as one. A word that is none of these could be one."""


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
    r"(?<![A-Za-z0-9])"
    r"(?=([A-Za-z]{2}\d\d(?:[A-Za-z0-9]{11,30}|(?:[ .-]{1,2}[A-Za-z0-9]{4}){2,7}(?:[ .-]{1,2}[A-Za-z0-9]{1,3})?)))"
)
_GAPS = re.compile(r"[\W_]")
_CARD = re.compile(
    r"(?<!\w)(?<!\d\.)(?=([2-6]\d(?:[ -]?\d){12,17}|"
    # Other separators, where the groups are those of a card.
    r"[2-6]\d{3}[ ._/*-]{1,3}(?:(?:\d{4}[ ._/*-]{1,3}){2}\d{1,7}|\d{6}[ ._/*-]{1,3}\d{4,5})(?!\d)))"
)


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


_LETTERS = {ord(letter): str(number) for number, letter in enumerate(ascii_lowercase, 10)}


def _is_iban(compact: str) -> bool:
    """ISO 13616: the first four characters moved to the end, letters as numbers, modulo 97 is 1."""
    turned = compact[4:] + compact[:4]
    return 15 <= len(compact) <= 34 and int(turned.lower().translate(_LETTERS)) % 97 == 1


_ISSUED = re.compile(r"3(?:0[0-5]|[689]\d)\d{11}|3[47]\d{13}|(?:2[2-7]|35|[456]\d)\d{14}|6\d{16,18}")
"""Diners, American Express, sixteen digits of everybody, and the long ones. Times and counters hardly look so."""


def _is_card(digits: str) -> bool:
    """Whether an issuer could have given out this number, and its Luhn sum is right."""
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
      | (?<![\w.+-])(?:1[ .-])?(?:\([2-9]\d\d\)[ ]?\d{{3}}[ .-]|[2-9]\d\d([.-])\d{{3}}\4)\d{{4}}(?![\w-]) # 555-123-4567
      ))
    """,
    re.X | re.I,
)
_TELLS = ("tel", "phone", "mobil", "handy", "rufnummer", "fax", "whatsapp", "sms", "call", "ring", "reach", "text ",
          "my number", "contact number")  # fmt: skip
_TOLD_PHONE = re.compile(
    rf"""
    (?<![\w\[])(?:tel(?:efon(?:nummer|nr|o)?|ephone)?|phone|mobil(?:e|nummer|telefon)?|cell[ ]?phone
      |handy(?:nummer|nr)?|rufnummer|fax(?:nummer|nr)?|whatsapp|sms|(?:my|contact)[ ]number
      |(?:call|ring|reach|text)[ ](?:me|us|him|her|them|back))\b
    (?:(?!\b(?:app|build|version|release|order|ticket|case|id|error|code|line|port|bytes|model)\b)[^\d\n\[\]]){{0,20}}
    (?<![\d.])(?!\d{{1,4}}([./-])\d{{1,2}}\1\d)(?P<phone>\d(?:{_GAP}{{0,2}}\d){{5,14}})(?![\w:])
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


_PASSWORDS = ("passw", "kennwort", "passphrase", "passcode", "pwd", "pw")
_KEYS = ("token", "secret", "credential", "authorization", "sess", "signature", "sig", "key", *_PASSWORDS)
_RULES: tuple[_Rule, ...] = (
    _Rule("secret", _each(_PRIVATE_KEY), ("private key",)),
    _Rule("secret", _each(_IN_ADDRESS), ("://",)),
    _Rule("secret", _with_host, ("@",)),
    _Rule("secret", _each(_USER_OPTION, _no_number), ("-u", "--user")),
    _Rule("email", _emails(_EMAIL), ("@",)),
    _Rule("email", _emails(_QUOTED_EMAIL), ('"@',)),
    _Rule("email", _emails(_ENCODED_EMAIL), ("%40", "%2540", "u0040", "&#64;", "&#x40;", "&commat;")),
    _Rule("email", _emails(_SPELT_EMAIL), ("(at)", "[at]", "{at}")),
    _Rule("secret", _each(_KNOWN), _BEGINNINGS),
    _Rule("secret", _telegram, (":",)),
    _Rule("secret", _each(_JWT), ("eyj",)),
    _Rule("secret", _each(_HEADER), ("authorization",)),
    _Rule("secret", _each(_COOKIES), ("cookie",)),
    _Rule("secret", _each(_ASSIGNED_PASSWORD), _PASSWORDS),
    _Rule("secret", _told_passwords, _PASSWORDS),
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

"""Passwords, keys and tokens in a text, found by what stands around them or by their own beginning."""

import re
from collections.abc import Iterator
from itertools import pairwise

from domain.documents.finding import Rule, Span, each
from domain.documents.known_tokens import BEGINNINGS, KNOWN

_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)", re.S)
# A password may hold a slash, though it should not; but `host:8080/path@2` has none.
_IN_ADDRESS = re.compile(r"(?<=://)(?!\[)[^\s/:]{0,200}:(?:[^\s/]{1,200}(?=@)|(?!\d{1,5}/)[^\s/@][^\s@]{0,200}(?=@))")
_BEFORE_HOST = re.compile(
    r"(?<![\w@/.:+%-])[\w.+%-]{1,64}:(?P<out>[^\s@:/\"'`<>()\[\]{},;]{2,100}+)@"
    r"(?P<host>[a-z][\w-]*+(?:\.[\w-]++)*+)(?!:[0-9a-f]{16})",  # which would be an image and its digest
    re.I,
)
_USER_OPTION = re.compile(r"(?:[ \t]-u|--user)[ \t=]{0,3}[\"']?[^\s:\"']{1,64}:(?P<out>[^\s\"']++)")
_TELEGRAM = re.compile(r":[\w-]{35}(?![\w-])")
_BOT = re.compile(r"(?:(?<![A-Za-z0-9])|(?<=bot))\d{8,10}\Z")
_JWT = re.compile(r"(?<![\w-])eyJ[\w-]{6,}+\.[\w-]{6,}+(?:\.[\w-]*+){0,3}")
_MARKED = r"(?!\[[\w\x20-]{1,20}\x20removed\])"
_NO_DATE = r"(?!\d{4}-\d\d-\d\d)"
_ASSIGN = r"""\\{0,3}["']?[ \t]{0,3}(?:=>|:=|[:=>])[ \t]{0,3}\\{0,3}"""
_PASSWORD = (
    r"(?:password|passwort|passwd|kennwort|passphrase|passcode|pwd|(?<![a-z])pw|mot[ ]de[ ]passe|contrase(?:n|\u00f1)a|"
    r"(?<![a-z])clave|(?<![a-z])senha|palavra-passe|parola[ ](?:d'ordine|chiave)|wachtwoord|(?<![a-z])mdp|"
    r"(?<![a-z])(?:has[l\u0142]o|heslo|parol|l[o\u00f6]senord|adgangskode|salasana|jelsz[o\u00f3])(?![a-z])|"
    r"\u043f\u0430\u0440\u043e\u043b\u044c|\u5bc6\u7801|\u5bc6\u78bc|\u30d1\u30b9\u30ef\u30fc\u30c9|\ube44\ubc00\ubc88\ud638)"
)
_KEY = (
    r"(?:token|secret|credential|authorization|session[ _-]?id|sessid|amz-signature|[?&]sig|"
    r"(?:api|access|account|secret|private|signing|encryption|auth)[ _-]?key|password|passwort|passphrase)s?"
    r"(?:[ _-](?:base|value|prod|dev|test|live))?"
)
_HEADER = re.compile(
    rf"""authorization{_ASSIGN}["']?(?:basic|bearer|digest|token|apikey)[ \t]{{1,3}}{_MARKED}(?P<out>[^\s"']++)""", re.I
)
_COOKIES = re.compile(r"cookie:[ \t]{0,3}(?P<out>[\w.!#$%&*+^~-]++=[^\n]*+)", re.I)
_ASSIGNED_PASSWORD = re.compile(
    rf"""{_PASSWORD}{_ASSIGN}{_MARKED}(?:"(?P<double>[^"\n]{{1,200}})"|'(?P<single>[^'\n]{{1,200}})'|(?P<bare>[^\s"'<>,;&]++))""",
    re.I,
)
_NEXT_LINE = re.compile(
    rf"""{_PASSWORD}["']?[ \t]{{0,3}}[:=][ \t]{{0,3}}\n[ \t]{{0,8}}{_MARKED}"""
    r"""(?P<out>[^\s"'<>,;:&]{3,100}+)(?=[ \t]*+(?:\n|\Z))""",
    re.I,
)
"""A form that was pasted: the label on one line, what was typed alone on the next."""
_PASS = re.compile(rf"""(?<![a-z])pass["']?{_ASSIGN}["']?{_MARKED}(?P<out>[^\s"'<>,;&]++)""", re.I)
_BESIDE = re.compile(
    r"""(?:password|passwort|passwd|kennwort|pwd|(?<![a-z])(?:pw|mdp))"""
    rf"""[ \t]{{1,3}}(?:[>\u2192-]{{1,2}}[ \t]{{1,3}})?["'`]?{_NO_DATE}"""
    r"""(?P<out>[^\s"'`<>,;:./()\[\]]{6,100}+)(?![./])""",
    re.I,
)
_TOLD_ELSEWHERE = re.compile(
    rf"""(?:{_PASSWORD}|(?<![a-z])pass(?=[ ]is))"""
    rf"""[ \t]{{1,3}}(?:est|es|era|is|\u00e8|\u00e9)[ \t:]{{1,3}}["'`]?{_MARKED}(?P<out>[^\s"'`<>,;]++)""",
    re.I,
)
_OPTION = re.compile(
    rf"""(?<![\w\]-])--?(?:[a-z]{{1,20}}-)?(?:password|passwd|pass|pwd|pw|token|secret|api-?key)"""
    rf"""[ \t]{{1,3}}["']?{_MARKED}(?!-)(?P<out>[^\s"']++)""",
    re.I,
)
_CLIENT_OPTION = re.compile(
    r"(?<![\w-])(?:(?:mysql(?:dump|admin|import|show)?|mariadb(?:-dump)?)(?=[ ])[^\n|;]{0,200}?[ ]-p|"
    r"(?:sshpass|docker[ ]login)(?=[ ])[^\n|;]{0,200}?[ ]-p[ ]?|(?:unzip|zip|openssl)(?=[ ])[^\n|;]{0,200}?[ ]-[Pk][ ])"
    rf"""["']?{_MARKED}(?P<out>(?!-)[^\s"']{{2,100}}+)"""
)
"""`mysql -pSECRET`."""
_CODE = re.compile(
    r"(?<![a-z])(?:pin(?:[ -]?(?:code|number|nummer))?|otp|passcode"
    r"|(?:verification|security|one[ -]time|2fa|mfa|two[ -]factor|confirmation|sms|recovery|backup|unlock)"
    r"[ -](?:pass)?codes?)(?:[ ](?:is|was|ist))?[ \t:=#]{1,4}"
    r"(?P<out>\d{4,10}(?![\w.]|-\d)|[a-z0-9]{3,8}(?:-[a-z0-9]{3,8}){1,7}(?!\w))",
    re.I,
)
_LOGIN = re.compile(
    r"(?<![a-z])(?:credentials?|logins?|zugangsdaten|identifiants?)(?:[ ](?:is|are))?[ :=]{1,3}[\w.@+-]{2,64}"
    r"[ ]?[:/|][ ]?(?P<out>[^\s\"'<>,;:/]{6,64})",
    re.I,
)
"""`credentials: ada:x7Kq2`."""
_TOLD_PASSWORD = re.compile(
    rf"""
    {_PASSWORD}[ \t]{{1,3}}(?:is|was|ist|war|lautet)(?:[ \t]{{0,3}}:)?[ \t]{{1,3}}{_MARKED}
    (?!\d{{1,3}}[ ](?:char|letter|digit|symbol|byte|day|hour|minute|month|zeichen|tage))
    (?:"(?P<double>[^"\n]{{1,200}})"|'(?P<single>[^'\n]{{1,200}})'|`(?P<tick>[^`\n]{{1,200}})`|(?P<bare>(?!:(?:\s|\Z))[^\s"'`<>,;]++))
    """,
    re.I | re.X,
)
_ASSIGNED_KEY = re.compile(rf"""{_KEY}{_ASSIGN}["'`]?{_NO_DATE}(?P<out>[\w.~+/=%-]{{8,}}+)""", re.I)
_TOLD_KEY = re.compile(
    rf"""{_KEY}[ \t]{{1,3}}(?:(?:is|was)[ \t:]{{1,3}})?["'`]?{_NO_DATE}(?P<out>[\w+/=-]{{8,}}+)""", re.I
)
_BEARER = re.compile(r"\b(?:bearer|basic)[ \t]{1,3}(?P<out>[\w.~+/=-]{8,}+)", re.I)


def _with_host(text: str) -> Iterator[Span]:
    """Find `name:password@host` outside of an address. What could be an e-mail address as well is left to that rule,
    and words are left alone: `image:latest@registry`."""
    for match in _BEFORE_HOST.finditer(text):
        if match[0][:7].lower() == "mailto:":
            continue
        plain = _WORDS.fullmatch(match["out"])
        if not plain or ("." not in match["host"] and _opaque(match["out"])):
            yield match.span("out")


_WORDS = re.compile(r"[\w.+-]+")


def _has_digit(value: str) -> bool:
    return any(char.isdigit() for char in value)


def _no_number(value: str) -> bool:
    """Return whether `value` is more than a number: `-u 1000:1000` says who runs a container."""
    return not value.isdigit()


def _named_passwords(text: str) -> Iterator[Span]:
    """Find passwords that are named as such: `the password is swordfish`, and not `the password is wrong`."""
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
    """Find tokens of Telegram bots. The search begins at the colon, which is rare, and goes back from there."""
    for match in _TELEGRAM.finditer(text):
        if bot := _BOT.search(text, max(0, match.start() - 11), match.start()):
            yield bot.start(), match.end()


_NO_PASS = re.compile(r"\d{1,3}[.!]?|true|false|yes|no|ok|all|none|null|nil|n/a|passed|failed|fail|\W+", re.I)
_NO_PASSWORD = re.compile(
    r"(?:sha|md|bcrypt|argon|pbkdf|scrypt|utf|base|v|iso|rfc|oauth|field|input|step|test)-?\d.*", re.I
)


def _no_result(value: str) -> bool:
    """Return whether what stands after `pass:` is more than how a test ended."""
    return not _NO_PASS.fullmatch(value)


def _like_a_password(value: str) -> bool:
    """Return whether a word beside `password` looks like one by itself."""
    return _opaque(value) and not _NO_PASSWORD.fullmatch(value) and not value.isdigit()


def _opaque(value: str) -> bool:
    """Return whether `value` is no word and no name of a class: digits among letters, a long number, or cases that
    change as only chance makes them."""
    letters = [char for char in value if char.isalpha()]
    if any(char.isdigit() for char in value):
        return bool(letters) or len(value) >= 16
    changes = sum(a.islower() != b.islower() for a, b in pairwise(letters))
    return changes * 3 > len(value)


_PASSWORDS = (
    *("passw", "kennwort", "passphrase", "passcode", "pwd", "pw", "mot de passe", "contrase", "clave", "senha"),
    *(
        "palavra-passe",
        "parol",
        "wachtwoord",
        "mdp",
        "has\u0142o",
        "haslo",
        "heslo",
        "senord",
        "adgangskode",
        "salasana",
    ),
    *(
        "jelsz",
        "\u043f\u0430\u0440\u043e\u043b\u044c",
        "\u5bc6\u7801",
        "\u5bc6\u78bc",
        "\u30d1\u30b9\u30ef",
        "\ube44\ubc00",
    ),
)
_KEYS = ("token", "secret", "credential", "authorization", "sess", "signature", "sig", "key", *_PASSWORDS)

IN_ADDRESSES: tuple[Rule, ...] = (
    Rule("secret", each(_PRIVATE_KEY), ("private key",)),
    Rule("secret", each(_IN_ADDRESS), ("://",)),
    Rule("secret", _with_host, ("@",)),
    Rule("secret", each(_USER_OPTION, _no_number), ("-u", "--user")),
)
"""What an e-mail address would look like as well: these go before it."""
BY_WORDS: tuple[Rule, ...] = (
    Rule("secret", each(KNOWN), BEGINNINGS),
    Rule("secret", _telegram, (":",)),
    Rule("secret", each(_JWT), ("eyj",)),
    Rule("secret", each(_HEADER), ("authorization",)),
    Rule("secret", each(_COOKIES), ("cookie",)),
    Rule("secret", each(_ASSIGNED_PASSWORD), _PASSWORDS),
    Rule("secret", _named_passwords, _PASSWORDS),
    Rule("secret", each(_NEXT_LINE), _PASSWORDS),
    Rule("secret", each(_PASS, _no_result), ("pass",)),
    Rule("secret", each(_TOLD_ELSEWHERE, _opaque), (*_PASSWORDS, "pass is")),
    Rule("secret", each(_OPTION), ("-pass", "-pw", "-token", "-secret", "-api")),
    Rule("secret", each(_CLIENT_OPTION), (" -p", " -k")),
    Rule("secret", each(_CODE, _has_digit), ("pin", "otp", "code")),
    Rule("secret", each(_LOGIN, _like_a_password), ("credential", "login", "zugang", "identif")),
    Rule("secret", each(_BESIDE, _like_a_password), _PASSWORDS),
    Rule("secret", each(_ASSIGNED_KEY, _opaque), _KEYS),
    Rule("secret", each(_TOLD_KEY, _opaque), _KEYS),
    Rule("secret", each(_BEARER, _opaque), ("bearer", "basic")),
)

"""Numbers by which states and banks know a person, birthdays and home folders, in a text.

Such numbers have any form, so one goes if the words before it say what it is; only a few forms are
recognised by themselves. What is labelled is looked for at the places of its labels alone, which is fast, and all
repetitions are bounded.
"""

import re
from collections.abc import Callable, Iterator

from domain.documents.finding import Finder, Rule, Span, each

_END = (
    r"(?:[a-z\u00df-\u00ff'\u2019-]{0,24}\.?"
    r"(?:[ -](?:(?:licen[cs]e|number|numbers|nummer|num|nr|no|card|code|id)\b|n[\u00b0\u00bao](?![a-z]))\.?){0,2}"
    r"(?:[ ](?:is|was|ist|lautet|est|es|\u00e8))?[ \t]{0,2}[:#=(]{0,2}[ \t]{0,3})(?<![A-Za-z0-9])"
)
"""What may stand between a label and its number: the rest of a word, "no.", "is", a colon."""


def _after(labels: tuple[str, ...], value: str, fits: Callable[[str], bool] = bool) -> Finder:
    """Find `value`, which has a group `out`, behind one of these labels, which are in lower case."""
    wanted = re.compile(rf"(?i:{_END}){value}")

    def find(text: str) -> Iterator[Span]:
        low = text.lower() if text.isascii() else "".join(map(_lower, text))
        found = set()
        for label in labels:
            place = low.find(label)
            while place >= 0:
                in_word = low[max(0, place - 1) : place].isalpha()
                match = None if in_word else wanted.match(text, place + len(label))
                if match and fits(match["out"]):
                    found.add(match.span("out"))
                place = low.find(label, place + 1)
        yield from sorted(found)

    return find


def _lower(char: str) -> str:
    """Return a lower-case character for each one, which keeps all places."""
    return low if len(low := char.lower()) == 1 else char


# -- Papers ---------------------------------------------------------------------------------------------------------

_PAPERS = (
    *("passport", "reisepass", "passeport", "pasaporte", "passaporto", "paspoort", "passaporte"),
    *("driving lic", "driver lic", "drivers lic", "driver's lic", "driver\u2019s lic", "dl#", "f\u00fchrerschein"),
    *("permis de conduire", "national insurance", "nino", "cpf", "cnpj", "dni", "nif", "codice fiscale", "steuer-id"),
    *("steueridentifikationsnummer", "steuernummer", "tax id", "bsn", "s\u00e9curit\u00e9 sociale", "aadhaar", "pesel"),
    *("personnummer", "itin", "tfn", "sozialversicherung", "ahv", "personalausweis", "national id", "identity card"),
    *("id card", "carte d'identit", "carta d'identit", "curp", "nric", "nhs", "social insurance"),
    *("dl number", "licence no", "license no", "licence number", "license number", "ni number", "ni no", "medicare"),
    *("tax file number", "id number", "permiso de conducir", "patente di guida"),
)  # fmt: skip
_PAPER_NUMBER = (
    r"(?P<out>[A-Z0-9](?:[./-]?[A-Z0-9]|[ ](?=[A-Z]{0,2}\d|[A-Z](?![A-Za-z]))[A-Z0-9]){4,24}(?![A-Za-z0-9])"
    r"|[A-Za-z0-9]{6,24}(?![A-Za-z0-9]))"
)
_DATE_ALONE = re.compile(r"\d{4}[-/.]\d\d[-/.]\d\d")


def _is_number(value: str) -> bool:
    """Return whether a word behind the name of a paper may be its number, and no version, date or amount."""
    digits = sum(char.isdigit() for char in value)
    least = 7 if "." in value else 4 if any(char.isalpha() for char in value) else 6
    return digits >= least and not _DATE_ALONE.match(value)


_ACRONYM = re.compile(
    r"(?<![A-Za-z])(?:SIN|PAN|NIE|TIN|NIR)[ :#.]{1,3}(?P<out>[A-Z]{0,5}\d(?:[ -]?\d){3,14}[A-Z]?)(?!\w)"
)
"""Papers whose names are also words: in capitals only."""
_NINO = re.compile(
    r"(?<![\w-])(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z](?:[ ]?\d\d){3}[ ]?[A-D](?![\w-])"
)
"""National insurance number (UK)."""
_CODICE_FISCALE = re.compile(r"(?<!\w)[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z](?!\w)")
_AHV = re.compile(r"(?<![\w.])756\.\d{4}\.\d{4}\.\d\d(?![\w.])")
_CPF = re.compile(r"(?<![\w.])\d{3}\.\d{3}\.\d{3}-\d\d(?!\w)")


def _is_cpf(value: str) -> bool:
    """Return whether both check digits of a CPF (Brazil) are right."""
    digits = [int(char) for char in value if char.isdigit()]

    def check(count: int) -> int:
        return sum(digit * (count + 1 - place) for place, digit in enumerate(digits[:count])) * 10 % 11 % 10

    return digits[9:] == [check(9), check(10)]


_SSN = re.compile(r"(?<![\w.-])(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\w-])")
_TOLD_SSN = r"(?P<out>\d{3}[ -]?\d\d[ -]?\d{4}(?!\d))"

# -- Banks ----------------------------------------------------------------------------------------------------------

_LONG = ("account number", "account no", "account #", "acct")
"""Ours have such numbers too, and shorter ones."""
_BANKS = (
    *("bank account", "kontonummer", "konto-nr", "konto", "a/c", "blz", "bankleitzahl", "sort code", "routing"),
    *("bsb", "clabe", "num\u00e9ro de compte", "n\u00famero de cuenta", "numero di conto", "rekeningnummer"),
)
_DIGITS = r"(?P<out>\d(?:[ -]?\d){%d,19}(?![\w.]|-\d))"
_LABELLED_IBAN = r"(?P<out>[A-Z]{2}\d\d(?:[ ]?[A-Z0-9]){10,30}(?!\w))"
_CVV = re.compile(r"(?<![a-z])(?:cvv2?|cvc2?|csc)(?: (?:code|is))?[ :=#]{1,3}(?P<out>\d{3,4})(?!\w)", re.I)

# -- Birthdays ------------------------------------------------------------------------------------------------------

_BIRTH = (
    *("date of birth", "birth date", "birthdate", "birthday", "dob", "born", "geboren", "geburtsdatum", "geburtstag"),
    *(
        "date de naissance",
        "n\u00e9 le",
        "n\u00e9e le",
        "fecha de nacimiento",
        "nacido el",
        "nacida el",
        "data di nascita",
    ),
)
_DAY = (
    r"(?:(?i:on|am|the) )?(?P<out>\d{4}([-/.])\d\d?\2\d\d?|\d\d?([-/. ])\d\d?\3(?:\d\d){1,2}"
    r"|\d\d?(?:st|nd|rd|th|\.)? (?i:[a-z\u00df-\u00ff]{3,10})\.?,? \d{4}"
    r"|(?i:[a-z\u00df-\u00ff]{3,10})\.? \d\d?(?:st|nd|rd|th)?,? \d{4})(?!\w)"
)

# -- Home folders ---------------------------------------------------------------------------------------------------

_HOME = re.compile(
    r"(?<![\w.])(?<!GET )(?<!PUT )(?<!POST )(?<!HEAD )(?<!PATCH )(?<!DELETE )"
    r"(?:/(?:export|usr|var|mnt/[a-z]|cygdrive/[a-z]|[a-z]))?/(?:home|Users)/(?P<unix>[\w.-]{2,64}+)(?=[/\s:\"',;)]|\Z)"
    r"|(?<![A-Za-z])[A-Za-z]:[\\/]{1,2}(?i:Users|Documents and Settings)[\\/]{1,2}"
    r"(?:(?P<windows>[^\\/:*?\"<>|\n]{2,64}+)(?=[\\/])|(?P<last>[\w.-]{2,64}+)(?=[\s\"',;)]|\Z))"
    r"|\\\\[\w.-]{1,64}\\{1,2}(?i:home|homes|users|profiles)\$?\\{1,2}(?P<share>[^\\/:*?\"<>|\n]{2,64}+)(?=[\\/])"
)
_NOBODY = frozenset({
    "all", "all users", "app", "apps", "admin", "administrator", "circleci", "default", "default user", "deploy",
    "developer", "docker", "ec2-user", "git", "guest", "home", "jenkins", "jovyan", "linuxbrew", "node", "nonroot",
    "public", "root", "runner", "runneradmin", "shared", "site", "travis", "ubuntu", "user", "username", "users",
    "vagrant", "vscode", "web", "www", "www-data",
})  # fmt: skip
"""Whose home folders are those of machines."""


def _somebody(name: str) -> bool:
    """Return whether a home folder may be a person's, and not a machine's."""
    return name.lower() not in _NOBODY


IDENTITIES: tuple[Rule, ...] = (
    Rule("ssn", each(_SSN), ("-",)),
    Rule("ssn", _after(("ssn", "social security"), _TOLD_SSN), ("ssn", "social security")),
    Rule("iban", _after(("iban",), _LABELLED_IBAN), ("iban",)),
    Rule("account", _after(_BANKS, _DIGITS % 5), _BANKS),
    Rule("account", _after(_LONG, _DIGITS % 7), _LONG),
    Rule("card", each(_CVV), ("cv", "csc")),
    Rule("birth", _after(_BIRTH, _DAY), _BIRTH),
    Rule("id", _after(_PAPERS, _PAPER_NUMBER, _is_number), _PAPERS),
    Rule("id", each(_ACRONYM), ("sin", "pan", "nie", "tin", "nir")),
    Rule("id", each(_NINO)),
    Rule("id", each(_CODICE_FISCALE)),
    Rule("id", each(_AHV), ("756.",)),
    Rule("id", each(_CPF, _is_cpf), ("-",)),
)
"""These go before phone numbers: the words before a number say more than its digits."""

HOME_FOLDERS = Rule("user", each(_HOME, _somebody), ("home", "users", "documents and"))

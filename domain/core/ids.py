"""Ticket ids: derived, so that intake is idempotent without asking anyone, and short enough to say on the phone."""

import hashlib
from unicodedata import normalize

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: no i, l, o or u, so that nothing is misheard or misread."""

LENGTH = 12
"""Sixty bits: among a hundred million tickets, a chance of one in two hundred that any two collide; intake notices."""


def ticket_id(source: str, external_id: str) -> str:
    """Return the id of the ticket that `source` calls `external_id`, such as `4k7m-3q9x-tbd2`."""
    digest = hashlib.sha256(f"{len(source)}:{source}{external_id}".encode()).digest()
    number = int.from_bytes(digest[:8], "big") >> 4
    letters = "".join(ALPHABET[(number >> (5 * place)) & 31] for place in range(LENGTH))
    return _grouped(letters)


def spoken(text: str) -> str:
    """Return the one form of an id as somebody may have typed or spoken it. Raises ValueError if it cannot be one."""
    letters = text.strip().lower().removeprefix("ticket-").replace("-", "").replace(" ", "")
    letters = letters.translate(str.maketrans("ilo", "110"))
    if len(letters) != LENGTH or any(letter not in ALPHABET for letter in letters):
        raise ValueError(f"{text[:40]!r} is no ticket id: it has {LENGTH} letters and digits, like 4k7m-3q9x-tbd2")
    return _grouped(letters)


def account_id(text: str) -> str:
    """Return the one form of an account's id, wherever it comes in: without blanks around it, its accents composed
    (Unicode's form NFC). Raises ValueError for `.` and `..`, which no address can name."""
    known = normalize("NFC", text.strip())
    if known in (".", ".."):
        raise ValueError("cannot be . or ..: no address could name it")
    return known


def _grouped(letters: str) -> str:
    return "-".join(letters[start : start + 4] for start in range(0, LENGTH, 4))

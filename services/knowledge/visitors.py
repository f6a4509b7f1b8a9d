"""Visitors who open a ticket without having shown who they are: by an address, which nobody has proven."""

import re

from domain.core.refusal import Refused

_ADDRESS = re.compile(r"[^\s@<>\"]{1,64}@([A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8})")


def check_address(email: str) -> None:
    """Refuse what is no mail address. Raises Refused (`malformed`)."""
    if not _ADDRESS.fullmatch(email):
        fault = "it is no mail address, such as ada@example.com"
        raise Refused("malformed", f"email: {fault}", fields={"email": fault})


def account_of(email: str) -> str:
    """Return the account of a visitor: none that is known, so that nobody gets what another company is promised. Who
    takes the ticket matches it."""
    match = _ADDRESS.fullmatch(email)
    return f"visitors-of:{match.group(1).lower() if match else 'nowhere'}"

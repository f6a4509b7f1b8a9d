"""Whom a notice reaches, where: by person, by part, or by the entry for everybody else of ours.

A map has an entry for a person (`ada`), for a part (`lead`), and `*` for whoever has none. A customer is reached by
`customer:<account>` or `customer` only: what is for a customer never goes to an address of ours.
"""

from collections.abc import Mapping

from pydantic import SecretStr

from integrations.chat.port import Message

EVERYBODY = "*"
CUSTOMER = "customer"


def address_of(addresses: Mapping[str, SecretStr], message: Message) -> str | None:
    """Return where a notice goes; None where its recipient has no address."""
    if message.audience == CUSTOMER:
        names = [f"{CUSTOMER}:{message.recipient}", CUSTOMER]
    else:
        names = [message.recipient, message.audience, EVERYBODY]
        names = [name for name in names if name != CUSTOMER and not name.startswith(f"{CUSTOMER}:")]
    return next((addresses[name].get_secret_value() for name in names if name in addresses), None)


def reaches_all_of(addresses: Mapping[str, SecretStr], audience: str) -> bool:
    """Return whether a part has an address, whoever has the part."""
    return audience in addresses or (audience != CUSTOMER and EVERYBODY in addresses)

"""What other systems send us: verified, stored before it is acted on, and acted on once and in order.

A source is a `Hook`: it knows the sender's signature and words, and what a delivery leads to. Everything else, which
is the same for all of them, is here: the inbox, repeats, retries, order.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from domain.base import Frozen


class Unverified(Exception):
    """The delivery is not proven to come from its source, or not proven to be fresh. One line, without its content."""


class Unreadable(Exception):
    """The delivery comes from its source, and says nothing that we understand. One line, without its content."""


class Delivery(Frozen):
    """One thing that a source said."""

    id: str
    """The source's own id of it: a repeat has the same."""
    about: str = ""
    """What it concerns, as in an issue's key: deliveries about the same thing are acted on in order."""
    payload: dict[str, Any] = {}
    """As little as is needed to act: it is stored."""
    ticket: str | None = None
    """The ticket that it belongs to, where that is known: erasing that ticket's person erases the delivery."""


class Hook(Protocol):
    """One source of deliveries."""

    name: str
    """Names the source in the inbox and in the address, as in `/webhooks/jira`."""

    def accept(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Sequence[Delivery]:
        """What a request says; empty if it is nothing to us, or our own echo. Header names are in lower case.

        Calls nothing outside. Raises Unverified, Unreadable.
        """

    async def act(self, delivery: Delivery) -> str | None:
        """Do what a delivery leads to. Returns the ticket that it was about, where one is known by now.

        May be called again for the same delivery: what it does has a key. Raises Refused where it leads to nothing and
        never will (it is audited, and not tried again); anything else that it raises is tried again later.
        """

"""Finding things by what a person types: tickets, incidents and accounts by what names them, tickets by words too."""

from typing import NamedTuple

from domain.core.refusal import Refused
from services.intake.declaration import number_of
from services.reading import lists
from services.reading.lists import KnownAccount, Search
from store import incidents
from store.database import Database
from store.queries import Line

SHORTEST = 2
"""Characters of what is looked for in texts: one is the beginning of too many words."""
LONGEST = 200
"""Characters of it at most."""


class FoundIncident(NamedTuple):
    """An incident in a list of what was found."""

    number: int
    area: str
    status: str


class Found(NamedTuple):
    """What was found."""

    tickets: list[Line]
    next: str | None
    """What to ask for as `after` to get more tickets; None if these are all."""
    incident: FoundIncident | None
    account: KnownAccount | None


def find(db: Database, typed: str, *, limit: int, after: str | None = None) -> Found:
    """Find what a person means by what they typed, `limit` tickets at most.

    Tickets: by the id of their account or of a customer who spoke in them; by their own id, their source's or their
    issue's; and by all of the words, the last of which may be a beginning. Incidents and accounts: by their ids. Raises
    Refused (`malformed`), DatabaseDown.
    """
    text = typed.strip()[:LONGEST]
    if not text:
        return Found([], None, None, None)
    by_words = lists.Listed(tickets=[])
    if len(text) >= SHORTEST:
        by_words = lists.search(db, Search(q=text, limit=limit, after=after))
    if after is not None:
        return Found(by_words.tickets, by_words.next, None, None)
    of_account = lists.search(db, Search(account=text, limit=limit)).tickets
    of_customer = lists.search(db, Search(requester=text, limit=limit)).tickets
    tickets = {line.id: line for line in (*by_words.tickets, *of_account, *of_customer)}
    return Found(list(tickets.values()), by_words.next, _incident(db, text), _account(db, text))


def _incident(db: Database, text: str) -> FoundIncident | None:
    try:
        number = number_of(text)
    except Refused:
        return None
    with db.session() as session:
        row = incidents.find(session, number)
    return FoundIncident(row.number, row.area, row.status) if row else None


def _account(db: Database, text: str) -> KnownAccount | None:
    try:
        return lists.account(db, text)
    except Refused:
        return None

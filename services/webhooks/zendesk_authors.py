"""Who wrote in a ticket of Zendesk's: what they are to this ticket, and not what they are elsewhere (G12). Pure.

In this order: Zendesk's own doings and those of programs are a machine's. The requester of that time is the customer,
also an agent who asks for themselves. Whom the ticket's history shows to act as an agent is one of ours, though the
list of agents has them no longer. Who gets copies, and the people of the ticket's organisation, are the customer. Then
the list of agents decides; whoever is left is the customer.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Literal, NamedTuple

from domain.core.values import Frozen
from integrations.helpdesk.zendesk.port import Audit, HelpdeskTicket, History

Author = Literal["customer", "ours", "machine"]
"""Who somebody is to one ticket."""
Listed = Callable[[int, datetime], bool]
"""Whether somebody was on the list of agents at an instant."""


class Known(Frozen):
    """What the settings say of people in Zendesk."""

    bots: frozenset[int] = frozenset()
    """Users that are programs."""
    own_organizations: frozenset[int] = frozenset()
    """Organisations that are our own: being in one makes nobody the customer."""


class Authors(NamedTuple):
    """Who wrote a comment, and who made the change that it is part of."""

    wrote: Author
    acted: Author


def authors(there: HelpdeskTicket, history: History, listed: Listed, known: Known) -> Mapping[int, Authors]:
    """Return who wrote and made each change of a ticket, by the change's id."""
    acted = frozenset[int]().union(*(audit.agents for audit in history.audits))
    requester = _first_requester(there, history)
    internal = requester is not None and listed(requester, there.created_at)
    found: dict[int, Authors] = {}
    for audit in history.audits:
        requester = audit.requester or requester
        who = (
            _author(audit, person, requester, there, acted, known, history, internal=internal, listed=listed)
            for person in (audit.by, audit.actor or audit.by)
        )
        found[audit.id] = Authors(*who)
    return found


def author_of(
    person: int, at: datetime, there: HelpdeskTicket, history: History, listed: Listed, known: Known
) -> Author:
    """Return who somebody was to a ticket at an instant: of a call, who answered it."""
    before = [audit for audit in history.audits if audit.at <= at]
    asked = Audit(id=2**63 - 1, at=at, by=person)
    so_far = history.model_copy(update={"audits": (*before, asked)})
    return authors(there, so_far, listed, known)[asked.id].wrote


def _first_requester(there: HelpdeskTicket, history: History) -> int | None:
    changes = (audit.requester_was for audit in history.audits if audit.requester_was)
    return next(changes, there.requester)


def _author(
    audit: Audit,
    person: int,
    requester: int | None,
    there: HelpdeskTicket,
    acted: frozenset[int],
    known: Known,
    history: History,
    *,
    internal: bool,
    listed: Listed,
) -> Author:
    if audit.automatic or person <= 0 or person in known.bots:
        return "machine"
    if person == requester:
        return "customer"
    if person in acted:
        return "ours"
    if person in there.copied or (not internal and _of_account(person, there, history, known)):
        return "customer"
    return "ours" if listed(person, audit.at) else "customer"


def _of_account(person: int, there: HelpdeskTicket, history: History, known: Known) -> bool:
    """Return whether somebody is of the ticket's organisation."""
    organization = there.organization_number
    if organization is None or organization in known.own_organizations:
        return False
    return person in history.people and history.people[person].organization == organization

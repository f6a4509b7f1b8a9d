"""What a ticket was promised, where that changes: new terms, an account that becomes known, a calendar that runs out.

How the clocks follow is C8, in `clock_changes`.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import LEADS, Command
from domain.aggregate.deadline import Deadline
from domain.aggregate.event import Changes, Envelope
from domain.aggregate.rule import Lapse, On, Rule
from domain.calendars.calendar import FOREVER
from domain.clocks.terms import SharedTerms, Terms
from domain.core.enums import Role
from domain.core.input_types import Text
from domain.core.refusal import Refused
from domain.core.values import Frozen, Instant
from domain.ticket.deadline_kinds import Kind
from domain.ticket.rules import clock_changes
from domain.ticket.rules.basics import effect_of, needed, not_closed
from domain.ticket.rules.escalation import follow_terms, guess_due, pay_debt
from domain.ticket.rules.routing import reroute
from domain.ticket.rules.sla import retimed, without_past_warnings
from domain.ticket.rules.t1_limit import after_change
from domain.ticket.state import (
    ACTIVE,
    Account,
    Effect,
    Route,
    Ticket,
)


class ReplaceTerms(Command):
    """Give an open ticket new terms: another policy, plan or zone. Audited."""

    do: Literal["replace_terms"] = "replace_terms"
    who: ClassVar[frozenset[Role]] = LEADS | {Role.SYSTEM}
    terms: Terms | None = None
    account: Account | None = None
    reason: Text = ""


class TermsReplaced(Frozen):
    """Ops or a lead gave the open ticket new terms."""

    type: Literal["terms_replaced"] = "terms_replaced"
    terms: SharedTerms
    account: Account | None = None


class MatchAccount(Command):
    """Tierline itself: nobody knew the ticket's account, and now it is known."""

    do: Literal["match_account"] = "match_account"
    who: ClassVar[frozenset[Role]] = frozenset({Role.SYSTEM, Role.OPS, Role.ADMIN})
    terms: Terms
    account: Account


class AccountMatched(Frozen):
    """The account became known: the ticket has its terms from its creation on, as far as nothing is due in the past
    by it (C8)."""

    type: Literal["account_matched"] = "account_matched"
    terms: SharedTerms
    account: Account
    route: Route | None = None


class TermsAged(Frozen):
    """The calendar's horizon comes near: the ticket asks for one that is known for longer."""

    type: Literal["terms_aged"] = "terms_aged"
    due: Instant


def _replace_terms(recording: Recording[Ticket], command: ReplaceTerms) -> None:
    texts = needed(reason=command.reason)
    if command.terms is None:
        raise Refused("missing_fields", "missing: terms", missing=["terms"])
    before = recording.state
    recording.record(TermsReplaced(terms=command.terms, account=command.account), texts=texts)
    pay_debt(recording)
    follow_terms(recording, before)


def _match_account(recording: Recording[Ticket], command: MatchAccount) -> None:
    """Give the ticket the terms of its account, now known. Nothing, if that was done before (C8)."""
    if recording.state.account_unknown and command.account.id == recording.state.account.id:
        ticket = recording.state
        at_home = ticket.model_copy(update={"terms": command.terms})
        route = reroute(at_home, recording.at)
        recording.record(AccountMatched(terms=command.terms, account=command.account, route=route))
        follow_terms(recording, before=ticket)


# -- Deadlines -------------------------------------------------------------------------------------------------


def _deadlines(ticket: Ticket) -> Iterator[Deadline]:
    horizon = ticket.terms.calendar.horizon
    asked = any(effect.kind == "terms" for effect in ticket.pending_effects)
    if ticket.status in ACTIVE and horizon < FOREVER and not asked:
        yield Deadline(horizon - ticket.terms.limits.renewal, Kind.HORIZON, "Look further ahead in the calendar")


def _age(recording: Recording[Ticket], _deadline: Deadline, lapse: Lapse) -> None:
    recording.record_lapse(TermsAged(due=lapse.due), lapse.due)


# -- What follows ----------------------------------------------------------------------------------------------


def _replaced(ticket: Ticket, event: Envelope, body: TermsReplaced) -> Changes:
    return _termed(ticket, event, body.terms, body.account, from_opening=False)


def _matched(ticket: Ticket, event: Envelope, body: AccountMatched) -> Changes:
    changes = _termed(ticket, event, body.terms, body.account, from_opening=True)
    return changes | {"account_unknown": False, "route": body.route}


def _termed(ticket: Ticket, event: Envelope, terms: Terms, account: Account | None, *, from_opening: bool) -> Changes:
    clocks = clock_changes.reterm(ticket, terms, event.at, from_opening=from_opening)
    changes: Changes = {"terms": terms, "clocks": clocks, "account": account or ticket.account}
    changes["stay"] = after_change(ticket, event.at, priority=ticket.priority, terms=terms, clock="plan")
    due = guess_due(ticket, terms, event.at)
    changes["guess_due"] = due and (ticket.guess_due or due)
    changes |= retimed(ticket.model_copy(update=changes))
    return changes | without_past_warnings(ticket.model_copy(update=changes), event.at)


def _effects(_before: Ticket | None, after: Ticket, event: Envelope) -> Iterator[Effect]:
    if isinstance(event.body, TermsAged):
        yield effect_of(after, event, "terms")


RULE = Rule[Ticket](
    commands={ReplaceTerms: On(_replace_terms, not_closed), MatchAccount: On(_match_account, not_closed)},
    events={TermsReplaced: _replaced, AccountMatched: _matched},
    deadlines=_deadlines,
    lapses={Kind.HORIZON: _age},
    effects=_effects,
)

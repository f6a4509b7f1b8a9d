"""Our own tickets lived again under a policy, as the journal has them: by the core alone, and nothing is recorded."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.clocks.terms import Terms, intern_terms
from domain.policy.policy import Policy
from domain.ticket import events as e
from domain.ticket.backtest import Again, Promise, as_promised, live_again
from domain.ticket.state import Account
from services.backtest import Acts, Outcome, clocks_kept
from services.policy_file.load import resolve_terms
from store.lives import Life

MOST_TERMS = 512
"""Terms that are kept at hand for one policy."""


@dataclass(frozen=True)
class Relived:
    """One ticket under each of the policies, and whether its own terms made of it what stands in the record."""

    outcomes: tuple[Outcome, ...]
    reproduced: bool | None
    """None: it was not lived again under its own terms."""


def relive(lives: Iterable[Life], policies: Sequence[Policy | None], until: datetime, acts: Acts) -> Iterator[Relived]:
    """Yield each ticket under each policy, up to `until`. None as a policy is whatever each ticket was promised."""
    promises = [promise_of(policy, acts) for policy in policies]
    for life in lives:
        lived = [live_again(life.events, until, promise) for promise in promises]
        own = next((one for one, policy in zip(lived, policies, strict=True) if policy is None), None)
        outcomes = tuple(_outcome(life.ticket, one) for one in lived)
        yield Relived(outcomes, None if own is None else essence(own.events) == essence(life.events))


def promise_of(policy: Policy | None, acts: Acts) -> Promise:
    """Return what tickets are promised: by a policy, or what each was promised already.

    Where acts are `kept`, the gates stay those of the ticket and the Tier 1 limit only counts, so that nothing that
    people did is forbidden.
    """
    if policy is None:
        return as_promised

    known: dict[tuple[Any, ...], tuple[Terms, Terms]] = {}

    def promise(account: Account, at: datetime, recorded: Terms) -> Terms:
        of_record = id(recorded) if acts == "kept" else recorded.core_version
        key = (account.plan, account.zone, account.region, at.year, of_record)
        if key not in known:
            if len(known) >= MOST_TERMS:
                known.clear()
            known[key] = _promised(policy, account, at, recorded, acts), recorded  # so that no other gets its id
        return known[key][0]

    return promise


def _promised(policy: Policy, account: Account, at: datetime, recorded: Terms, acts: Acts) -> Terms:
    terms = resolve_terms(policy, account, at).model_copy(update={"core_version": recorded.core_version})
    if acts == "kept":
        limits = terms.limits.model_copy(update={"t1_mode": "observe"})
        terms = terms.model_copy(update={"gates": recorded.gates, "limits": limits})
    return intern_terms(terms)


def essence(events: Sequence[e.Event]) -> list[tuple[Any, ...]]:
    """Return what must be the same under the same terms: breaches and escalations, each with its instant."""
    found: list[tuple[Any, ...]] = []
    for event in events:
        match event.body:
            case e.Lapsed() as body:
                found.append((body.type, event.at, body.side, body.metric, body.due))
            case e.Escalated() as body:
                found.append((body.type, event.at, body.frm, body.to, body.how))
            case e.LimitReached() as body:
                found.append((body.type, event.at, body.over))
    return found


def _outcome(ticket: str, again: Again) -> Outcome:
    refusals = tuple(f"{one.act}: {one.code}" for one in again.left_out)
    return Outcome(ticket, again.ticket.status, again.events, refusals, clocks_kept(again.ticket))

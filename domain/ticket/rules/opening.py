"""G11: how a ticket begins, with every field of the form; and the messages to it that could not be taken."""

from collections.abc import Iterator
from typing import Literal

from domain.aggregate.event import Envelope
from domain.aggregate.rule import Notified, Rule
from domain.clocks import clock as clockwork
from domain.clocks.terms import SharedTerms
from domain.core.enums import Category, Channel, Metric, Priority
from domain.core.ids import ticket_id
from domain.core.values import Frozen, Instant
from domain.ticket.rules.basics import effect_of
from domain.ticket.state import Account, Effect, Reason, Route, Stay, Ticket


class Opened(Frozen):
    """The ticket begins, under these terms."""

    type: Literal["opened"] = "opened"
    source: str
    external_id: str
    terms: SharedTerms
    channel: Channel
    account: Account
    category: Category
    priority: Priority
    priority_guessed: bool = False
    product_area: str = ""
    language: str = "en"
    tags: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    """Why the fields that the form did not say are as they are."""
    account_unknown: bool = False
    """The account is not known: the plan is assumed, until it is matched."""
    route: Route | None = None
    """G10: who it is for."""
    in_person: bool = False
    """An agent opened it on the phone or in chat: the first response is met by that (C5)."""
    automatic: str = ""
    """C17: a machine of the customer's wrote it; by what that was seen."""
    guess_from: Instant | None = None
    """G6: from when a guessed P0 waits for somebody to lower it, where that is not the opening: a ticket that came in
    earlier than it reached us."""
    parent: str | None = None


class MessageRefused(Frozen):
    """A Signal that could not be read, or did not fit: a Signal has no answer, so it stands on the timeline."""

    type: Literal["message_refused"] = "message_refused"
    code: str
    what: str
    missing: tuple[str, ...] = ()


def begin(event: Envelope, body: Opened) -> Ticket:
    """Make the first state of a ticket: its clocks run from the opening on."""
    clocks = clockwork.start_clocks(body.terms, body.priority, body.category, event.at)
    if body.in_person:  # C5
        clocks = clockwork.meet(clocks, Metric.FIRST_RESPONSE, event.at)
    guessed_page = body.priority_guessed and body.priority is Priority.P0 and body.terms.plan.paid

    return Ticket(
        id=ticket_id(body.source, body.external_id),
        source=body.source,
        external_id=body.external_id,
        terms=body.terms,
        seq=0,
        as_of=event.at,
        opened_at=event.at,
        channel=body.channel,
        account=body.account,
        category=body.category,
        priority=body.priority,
        priority_guessed=body.priority_guessed,
        product_area=body.product_area,
        language=body.language,
        tags=body.tags,
        reasons=body.reasons,
        account_unknown=body.account_unknown,
        route=body.route,
        clocks=clocks,
        stay=Stay(),
        automatic=body.automatic,
        guess_due=(body.guess_from or event.at) + body.terms.limits.guess if guessed_page else None,
        parent=body.parent,
    )


def _notified(_ticket: Ticket, _event: Envelope, body: Opened) -> Notified:
    if body.priority is not Priority.P0:
        return None
    if not body.terms.plan.paid:
        return "guessed_p0", "A P0 on a plan that is not paid: nobody is paged"
    return ("guessed_p0", "A P0 that nobody has confirmed: lower it, or it pages") if body.priority_guessed else None


def _effects(_before: Ticket | None, after: Ticket, event: Envelope) -> Iterator[Effect]:
    """Return the effects of an opening. On an unpaid plan, a P0 joins an open incident and never opens one (G6)."""
    body = event.body
    if isinstance(body, Opened) and body.priority is Priority.P0 and not body.terms.plan.paid:
        yield effect_of(after, event, "incident_if_open")


RULE = Rule[Ticket](notices={Opened: _notified}, effects=_effects)

"""Commands become events, or a refusal that says all that is missing and what would fit.

Nothing here reads a clock: the caller says what time it is, and the front door when it received the command.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from domain.core.enums import Priority, Status, Tier
from domain.core.refusal import Refused
from domain.ticket import commands as c
from domain.ticket import events as e
from domain.ticket.deadlines import settle
from domain.ticket.preconditions import check_fit, would_fit
from domain.ticket.rules.effect_results import effect_done, effect_failed, match_account, retry
from domain.ticket.rules.escalation import (
    ABOVE,
    BELOW,
    How,
    check_link,
    follow_priority,
    follow_terms,
    go_critical,
    hand_up,
    may_skip_t2,
)
from domain.ticket.rules.evidence import answer_customer, credited_instant, is_late_evidence, lapse_in_hindsight
from domain.ticket.rules.gates import Filling, in_order, missing, said
from domain.ticket.rules.incident_link import incident_changed
from domain.ticket.rules.package import Package
from domain.ticket.rules.resolution import close, rate, refer, reopen, resolve, resume, waive
from domain.ticket.rules.routing import reroute
from domain.ticket.rules.t1_limit import clock_at
from domain.ticket.rules.tracker_link import jira_changed, tell_engineering
from domain.ticket.state import Actor, Ticket
from domain.ticket.story import Story


def decide(ticket: Ticket, command: c.Command, now: datetime) -> Story:
    """What `command` makes of `ticket`, recorded at `now`.

    It is decided for the instant at which it was received, never before what was already decided, and every
    deadline before that instant lapses first. Raises Refused; then nothing has changed.
    """
    at = max(ticket.as_of, min(command.received or now, now))
    story = Story(ticket, at, now, Actor(id=command.by, role=command.role))
    settle(story, at, inclusive=False)
    story.command_id, story.received = command.id, command.received
    name: str = command.do  # type: ignore[attr-defined]  # every command that is one of BY_NAME has it
    if command.role not in command.who:
        raise Refused("not_allowed", f"{name} is not for the role {command.role}: {', '.join(sorted(command.who))}")
    if not is_late_evidence(story.ticket, command):
        check_fit(story.ticket, name)
    _DECISIONS[type(command)](story, command)
    return story


def open_ticket(
    opened: e.Opened, at: datetime, now: datetime, by: Actor, texts: dict[str, str], identity: str | None = None
) -> Story:
    """The first events of a ticket. `identity` is that of whatever asked for it.

    G6: a P0 on a paid plan goes to an incident at once; one that only a rule guessed gets its five minutes. G3: what
    came attached fills its field.
    """
    story = Story(None, at, now, by)
    story.command_id = identity
    attached = {name: text for name, text in texts.items() if name == "logs_or_screenshots" and said(text)}
    story.record(opened, texts={name: text for name, text in texts.items() if name != "logs_or_screenshots"})
    if attached:
        story.record(e.Attached(), texts=attached)
    if opened.priority is Priority.P0 and opened.terms.plan.paid and not opened.priority_guessed:
        go_critical(story)
    return story


def _need(**fields: str) -> dict[str, str]:
    """The fields, if none is blank; Refused with the names of those that are."""
    if blank := [name for name, text in fields.items() if not said(text)]:
        raise Refused("missing_fields", f"missing: {', '.join(blank)}", missing=blank)
    return fields


def _take(story: Story, command: c.Take) -> None:
    ticket = story.ticket
    if ticket.assignee == command.by:
        raise Refused("does_not_fit", "you hold it already", would_fit=would_fit(ticket))
    if ticket.assignee and not command.over:
        message = f"{ticket.assignee} holds it: say `over` to take it over"
        raise Refused("does_not_fit", message, would_fit=would_fit(ticket))
    story.record(e.Taken(agent=command.by, clock=clock_at(ticket, story.at)))


def _respond(story: Story, command: c.Respond) -> None:
    """C5: the first message of a person that the customer can see."""
    texts = _need(text=command.text)
    occurred = credited_instant(story, command)
    story.record(e.Responded(), occurred=occurred, texts=texts)
    answer_customer(story, occurred)


def _note(story: Story, command: c.Note) -> None:
    story.record(e.Noted(), texts=_need(text=command.text))


def _step(story: Story, command: c.Step) -> None:
    story.record(e.StepNoted(), texts={"steps_taken": _need(text=command.text)["text"]})
    _after_filling(story)


def _attach(story: Story, command: c.Attach) -> None:
    story.record(e.Attached(), texts={"logs_or_screenshots": _need(text=command.text)["text"]})
    _after_filling(story)


def _fill(story: Story, command: c.Fill) -> None:
    """G3: blank is missing."""
    filling = Filling(story.ticket, command.fields)
    if filling.blank or filling.empty:
        blank = filling.blank or ["fields"]
        raise Refused("missing_fields", f"blank is missing: {', '.join(blank)}", missing=blank)
    _record_filling(story, filling)
    _after_filling(story)


def _record_filling(story: Story, filling: Filling) -> None:
    body = e.Filled(fields=tuple(filling.texts), absent=filling.absent, arr=filling.arr)
    story.record(body, texts=filling.texts)


def _after_filling(story: Story) -> None:
    """G2: past the limit the last missing field escalates at once."""
    _pay_debt(story)
    ticket = story.ticket
    if ticket.escalation_due and ticket.terms.plan.paid and not missing(ticket, Tier.T2):
        hand_up(story, Tier.T2, "completed")


def _pay_debt(story: Story) -> None:
    """G6: the packages that a P0 owes are complete, by what was filled in or because fewer are needed now."""
    ticket = story.ticket
    if ticket.debt and not ticket.debt.paid and not missing(ticket, Tier.T3):
        story.record(e.DebtPaid())


def _wait(story: Story, command: c.Wait) -> None:
    """C6: pending needs a question that the customer sees; it is a response as well (C5)."""
    story.record(e.WaitStarted(), texts=_need(question=command.question))
    answer_customer(story, story.at)


def _reply(story: Story, command: c.Reply) -> None:
    """C6, C10: the customer's word ends the waiting, or reopens what was resolved."""
    texts = _need(text=command.text)
    occurred = credited_instant(story, command)
    story.record(e.Replied(), occurred=occurred, texts=texts)
    if story.ticket.status is Status.PENDING:
        story.record(e.WaitEnded(end=occurred, why="replied"))
    elif story.ticket.status is Status.RESOLVED:
        resume(story, command, "The customer wrote again.", occurred)
    lapse_in_hindsight(story, occurred)  # C14: also where nothing resumes, the customer waits since then


def _escalate(story: Story, command: c.Escalate) -> None:
    """G3-G5, G7."""
    ticket = story.ticket
    to = Tier(command.to) if command.to else ABOVE.get(ticket.tier, Tier.T3)
    if to is not Tier.T3 and ticket.tier in (to, Tier.T3):
        raise Refused("does_not_fit", f"it is in {ticket.tier} already", would_fit=would_fit(ticket))
    if to is Tier.T3 and ticket.tier is Tier.T1 and not may_skip_t2(ticket):
        message = "straight to Tier 3 is for Enterprise, and for P0 and P1 on a paid plan: escalate to T2"
        raise Refused("does_not_fit", message, would_fit=["escalate"])
    _check_leads_word(story, command, to)
    if command.issue:
        check_link(ticket, to, command.issue)
    filling = Filling(ticket, command.fields or Package())
    if not filling.empty:
        _record_filling(story, filling)
        _pay_debt(story)
    if not command.force:
        _check_gates(story.ticket, to, filling.blank)
    if story.ticket.status is Status.PENDING:
        story.record(e.WaitEnded(end=story.at, why="escalated"))
    how: How = "forced" if command.force else "by_hand"
    hand_up(story, to, how, texts={"reason": command.reason}, issue=command.issue or "")


def _check_leads_word(story: Story, command: c.Escalate, to: Tier) -> None:
    """G2: a lead may force Tier 1 to Tier 2. G7: a lead may take Free past the community. Both with a reason."""
    lead = command.role in c.LEADS
    if command.force and (to is not Tier.T2 or not lead):
        raise Refused("not_allowed", "only a lead forces an escalation, and only from Tier 1 to Tier 2")
    if not story.ticket.terms.plan.paid and not (command.override and lead):
        message = "a Free ticket stops at the community: refer it, or let a lead override with a reason"
        raise Refused("not_allowed", message, would_fit=["refer", "resolve"])
    if command.force or command.override:
        _need(reason=command.reason)


def _check_gates(ticket: Ticket, to: Tier, blank: list[str]) -> None:
    """G3, G4: every name at once. What was given blank is missing, even where an older text stands."""
    lacking = missing(ticket, to)
    names = {name.split(".")[0] for name in lacking}
    if lacking := in_order(ticket, lacking + [name for name in blank if name.split(".")[0] not in names]):
        raise Refused("missing_fields", f"not yet: {to} needs {', '.join(lacking)}", missing=lacking)


def _return(story: Story, command: c.Return) -> None:
    """G8."""
    ticket = story.ticket
    to = BELOW[ticket.tier]
    body = e.Returned(frm=ticket.tier, to=to, route=reroute(ticket, story.at, tier=to))
    story.record(body, texts=_need(reason=command.reason))


def _prioritise(story: Story, command: c.Prioritise) -> None:
    """C8, G6."""
    texts = _need(priority=command.priority or "", reason=command.reason)
    ticket, new = story.ticket, command.priority
    assert new is not None
    if new is ticket.priority and not ticket.priority_guessed:
        raise Refused("does_not_fit", f"it is {new} already", would_fit=would_fit(ticket))
    free = not ticket.terms.plan.paid
    fields = ("impact", "urgency") if new is not ticket.priority else ()
    overruled, clock = _overruled(ticket, fields), clock_at(ticket, story.at)
    body = e.Prioritised(old=ticket.priority, new=new, free=free, clock=clock, overruled=overruled)
    story.record(body, texts={"reason": texts["reason"]})
    _pay_debt(story)
    follow_priority(story)


def _amend(story: Story, command: c.Amend) -> None:
    given: dict[str, Any] = {
        name: value
        for name in ("category", "product_area", "language", "tags")
        if (value := getattr(command, name)) is not None
    }
    if not given:
        names = ["category", "product_area", "language", "tags"]
        raise Refused("missing_fields", f"nothing to correct: give one of {', '.join(names)}", missing=names)
    changed = [name for name, value in given.items() if value != getattr(story.ticket, name) and name != "tags"]
    corrected = {name: given[name] for name in changed}
    route = reroute(
        story.ticket,
        story.at,
        area=corrected.get("product_area"),
        category=corrected.get("category"),
        language=corrected.get("language"),
    )
    story.record(e.Amended(**given, overruled=_overruled(story.ticket, changed), route=route))
    _after_filling(story)  # of another category less may be missing


def _overruled(ticket: Ticket, fields: Collection[str]) -> tuple[str, ...]:
    """The rules that had said otherwise of these fields. Tags add up, so nobody is proven wrong by them."""
    rules = [reason.rule for reason in ticket.reasons if reason.field in fields and reason.by == "rule"]
    return tuple(dict.fromkeys(rules))


def _replace_terms(story: Story, command: c.ReplaceTerms) -> None:
    texts = _need(reason=command.reason)
    if command.terms is None:
        raise Refused("missing_fields", "missing: terms", missing=["terms"])
    before = story.ticket
    story.record(e.TermsReplaced(terms=command.terms, account=command.account), texts=texts)
    _pay_debt(story)
    follow_terms(story, before)


_DECISIONS: dict[type[c.Command], Callable[[Story, Any], None]] = {
    c.Take: _take,
    c.Respond: _respond,
    c.Note: _note,
    c.Step: _step,
    c.Attach: _attach,
    c.Fill: _fill,
    c.Wait: _wait,
    c.Reply: _reply,
    c.Escalate: _escalate,
    c.Return: _return,
    c.Refer: refer,
    c.Resolve: resolve,
    c.Reopen: reopen,
    c.Close: close,
    c.Prioritise: _prioritise,
    c.Amend: _amend,
    c.TellEngineering: tell_engineering,
    c.Waive: waive,
    c.Retry: retry,
    c.ReplaceTerms: _replace_terms,
    c.Rate: rate,
    c.IssueUpdate: jira_changed,
    c.IncidentUpdate: incident_changed,
    c.EffectDone: effect_done,
    c.EffectFailed: effect_failed,
    c.MatchAccount: match_account,
}
